//! The ignore rules: what is never looked at, whatever its type.

use std::{
    collections::HashMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    rc::Rc,
    sync::{Arc, PoisonError, RwLock},
};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};
use molt_core::{LibraryRules, SkipReason};

/// Files with rules, the stronger kind first.
const RULE_FILES: [&str; 2] = [".ignore", ".gitignore"];

/// True for a file that holds rules: a change of it changes what is listed.
pub fn is_rule_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| RULE_FILES.iter().any(|known| name == *known))
}

/// What the user leaves out of all sources, as it can be asked.
#[derive(Debug)]
pub struct Chosen {
    ignore: Gitignore,
    /// Bytes.
    pub largest: u64,
}

impl Default for Chosen {
    fn default() -> Self {
        Self { ignore: Gitignore::empty(), largest: u64::MAX }
    }
}

impl Chosen {
    /// The sentence names the line that is no pattern.
    pub fn new(rules: &LibraryRules) -> Result<Self, String> {
        // Without a folder: asked for paths below a source, whichever that is.
        let mut builder = GitignoreBuilder::new("");
        for line in rules.ignore.lines() {
            builder.add_line(None, line).map_err(|error| format!("the line “{line}” is no pattern: {error}"))?;
        }
        let ignore = builder.build().map_err(|error| format!("the patterns cannot be used: {error}"))?;
        let largest = if rules.largest_mb == 0 { u64::MAX } else { u64::from(rules.largest_mb) << 20 };
        Ok(Self { ignore, largest })
    }
}

/// What the user leaves out now, for all who look.
#[derive(Debug, Clone, Default)]
pub struct Choice(Arc<RwLock<Arc<Chosen>>>);

impl Choice {
    pub fn now(&self) -> Arc<Chosen> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set(&self, chosen: Chosen) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(chosen);
    }
}

/// The rules of one source: what the user chose, hidden names, build products, temporary files, and the `.gitignore` and `.ignore` files below the source.
/// Rule files above the source do not count: the user chose it.
///
/// Rule files are read once per value; make a new one for each pass.
pub struct Rules {
    root: PathBuf,
    chosen: Arc<Chosen>,
    read: HashMap<PathBuf, Rc<[Gitignore]>>,
}

impl Rules {
    pub fn new(root: &Path, chosen: Arc<Chosen>) -> Self {
        Self { root: root.to_path_buf(), chosen, read: HashMap::new() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a path below the root is let through, with all the directories that lead to it. The root itself always is.
    pub fn allow(&mut self, path: &Path, is_directory: bool) -> bool {
        let Ok(below) = path.strip_prefix(&self.root) else { return false };
        let mut current = self.root.clone();
        let mut components = below.components().peekable();
        while let Some(component) = components.next() {
            current.push(component);
            if !self.allow_entry(&current, components.peek().is_some() || is_directory) {
                return false;
            }
        }
        true
    }

    /// Whether one entry is let through, if its directory was.
    pub fn allow_entry(&mut self, path: &Path, is_directory: bool) -> bool {
        self.refusal(path, is_directory).is_none()
    }

    /// Why one entry is not let through, if its directory was.
    pub fn refusal(&mut self, path: &Path, is_directory: bool) -> Option<SkipReason> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if is_directory && is_build_product(path, &name) {
            return Some(SkipReason::BuildProduct);
        } else if !is_directory && is_temporary(&name) {
            return Some(SkipReason::Temporary);
        }
        match self.decision(path, is_directory) {
            Match::Ignore(()) => Some(SkipReason::Rule),
            Match::Whitelist(()) => None,
            Match::None => name.starts_with('.').then_some(SkipReason::Hidden),
        }
    }

    /// What the user chose; then what the rule files say, the one nearest to the entry first.
    fn decision(&mut self, path: &Path, is_directory: bool) -> Match<()> {
        if let Ok(below) = path.strip_prefix(&self.root) {
            let chosen = self.chosen.ignore.matched(below, is_directory).map(|_| ());
            if !chosen.is_none() {
                return chosen;
            }
        }
        for kind in 0..RULE_FILES.len() {
            let mut directory = path.parent();
            while let Some(current) = directory.filter(|current| current.starts_with(&self.root)) {
                let found = self.rule_files(current)[kind].matched(path, is_directory).map(|_| ());
                if !found.is_none() {
                    return found;
                }
                directory = current.parent();
            }
        }
        Match::None
    }

    fn rule_files(&mut self, directory: &Path) -> Rc<[Gitignore]> {
        if let Some(known) = self.read.get(directory) {
            return known.clone();
        }
        // A file that is not there, or holds a broken line, gives the rules that could be read.
        let read: Rc<[Gitignore]> = RULE_FILES.iter().map(|name| Gitignore::new(directory.join(name)).0).collect();
        self.read.insert(directory.to_path_buf(), read.clone());
        read
    }
}

/// Directories that programs make and can make again.
fn is_build_product(path: &Path, name: &str) -> bool {
    match name {
        "node_modules" | "__pycache__" => true,
        // Also a word that people call their own folders.
        "target" => path.with_file_name("Cargo.toml").exists() || path.join("CACHEDIR.TAG").exists(),
        // The standard mark of a cache, and the mark of a Python environment.
        _ => path.join("CACHEDIR.TAG").exists() || path.join("pyvenv.cfg").exists(),
    }
}

/// Files that editors, office programs and browsers make while they work.
fn is_temporary(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    name.ends_with('~')
        || name.starts_with("~$")
        || (name.starts_with('#') && name.ends_with('#'))
        || matches!(extension.as_str(), "swp" | "swo" | "swx" | "tmp" | "temp" | "part" | "crdownload" | "partial")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_known_by_name() {
        for name in ["a.md~", "~$report.pdf", ".notes.md.swp", "a.TMP", "film.pdf.part", "#a.txt#", "x.pdf.crdownload"]
        {
            assert!(is_temporary(name), "{name}");
        }
        for name in ["a.md", "报告.pdf", "part.txt", "#1 plan.md", "tmp", "$~.txt"] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_rule_decides_and_a_hidden_name_can_be_let_in() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        // Above the source: must not count.
        std::fs::write(folder.path().join(".gitignore"), "*.md\n").unwrap();
        std::fs::write(root.join(".gitignore"), "*.log\n/build/\n!.notes\n").unwrap();
        std::fs::write(root.join("sub/.gitignore"), "!keep.log\n*.csv\n").unwrap();
        std::fs::write(root.join(".ignore"), "sub/private.csv\n").unwrap();
        let mut rules = Rules::new(&root, Arc::default());
        for (path, is_directory, expected) in [
            ("a.md", false, true),
            ("a.log", false, false),
            ("sub/a.log", false, false),
            ("sub/keep.log", false, true),
            ("a.csv", false, true),
            ("sub/a.csv", false, false),
            ("build", true, false),
            ("build/deep/a.md", false, false),
            ("sub/build/a.md", false, true),
            (".hidden/a.md", false, false),
            (".notes/a.md", false, true),
            ("sub/private.csv", false, false),
            ("node_modules/x/README.md", false, false),
            ("a.md~", false, false),
        ] {
            assert_eq!(rules.allow(&root.join(path), is_directory), expected, "{path}");
        }
        assert!(rules.allow(&root, true));
        assert!(!rules.allow(folder.path(), true));
    }

    #[test]
    fn what_the_user_chose_goes_first_and_counts_from_the_source() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::write(root.join(".gitignore"), "*.csv\n!*.log\n").unwrap();
        let ignore = "# mine\n*.log\n\n/old/\nsub/*.md\n!keep.csv\n!.notes\n私人/\n".to_owned();
        let chosen = Chosen::new(&LibraryRules { ignore, largest_mb: 2 }).unwrap();
        assert_eq!(chosen.largest, 2 << 20);
        let mut rules = Rules::new(root, Arc::new(chosen));
        for (path, expected) in [
            ("a.md", true),
            ("a.log", false),
            ("deep/a.log", false),
            ("old/a.md", false),
            ("deep/old/a.md", true),
            ("sub/a.md", false),
            ("sub/deep/a.md", true),
            ("other/sub/a.md", true),
            ("b.csv", false),
            ("deep/keep.csv", true),
            (".notes/a.md", true),
            ("x/私人/a.md", false),
        ] {
            assert_eq!(rules.allow(&root.join(path), false), expected, "{path}");
        }
        let refused = Chosen::new(&LibraryRules { ignore: "a\n[z-a]\n".into(), largest_mb: 0 }).unwrap_err();
        assert!(refused.contains("“[z-a]”"), "{refused}");
    }

    #[test]
    fn a_folder_called_target_is_skipped_only_beside_a_cargo_manifest() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for directory in ["market/target", "code/target", "cache", "env"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        std::fs::write(root.join("code/Cargo.toml"), "").unwrap();
        std::fs::write(root.join("cache/CACHEDIR.TAG"), "").unwrap();
        std::fs::write(root.join("env/pyvenv.cfg"), "").unwrap();
        let mut rules = Rules::new(root, Arc::default());
        assert!(rules.allow(&root.join("market/target"), true));
        assert!(!rules.allow(&root.join("code/target"), true));
        assert!(!rules.allow(&root.join("cache"), true));
        assert!(!rules.allow(&root.join("env"), true));
    }

    #[test]
    fn rule_files_are_known() {
        assert!(is_rule_file(Path::new("/a/.gitignore")));
        assert!(is_rule_file(Path::new("/a/.ignore")));
        assert!(!is_rule_file(Path::new("/a/gitignore")));
    }
}
