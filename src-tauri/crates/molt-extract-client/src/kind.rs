//! Which files can be read, by their names.

use std::path::Path;

use molt_core::DocumentKind;

/// Text that people write or read as text; source code and data count. The worker still looks at the content and refuses binary data.
const TEXT: &[&str] = &[
    // Prose and data.
    "txt",
    "text",
    "log",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "ndjson",
    "toml",
    "yaml",
    "yml",
    "ini",
    "cfg",
    "conf",
    "properties",
    "xml",
    "rst",
    "adoc",
    "asciidoc",
    "org",
    "tex",
    "bib",
    "srt",
    "vtt",
    "diff",
    "patch",
    "nfo",
    // Source code.
    "rs",
    "py",
    "pyi",
    "js",
    "mjs",
    "cjs",
    "jsx",
    "ts",
    "tsx",
    "vue",
    "svelte",
    "css",
    "scss",
    "less",
    "java",
    "kt",
    "kts",
    "scala",
    "groovy",
    "gradle",
    "go",
    "c",
    "h",
    "cc",
    "cpp",
    "cxx",
    "hh",
    "hpp",
    "hxx",
    "cs",
    "fs",
    "swift",
    "m",
    "mm",
    "rb",
    "php",
    "pl",
    "pm",
    "lua",
    "r",
    "jl",
    "dart",
    "ex",
    "exs",
    "erl",
    "hs",
    "ml",
    "mli",
    "clj",
    "lisp",
    "el",
    "zig",
    "nim",
    "sql",
    "graphql",
    "proto",
    "sh",
    "bash",
    "zsh",
    "fish",
    "ps1",
    "bat",
    "cmd",
    "cmake",
    "mk",
    "tf",
    "nix",
];

const MARKDOWN: &[&str] = &["md", "markdown", "mdown", "mkd", "mdx"];

/// Names without an extension that are text by custom.
const NAMES: &[&str] = &[
    "readme",
    "license",
    "licence",
    "copying",
    "authors",
    "changelog",
    "changes",
    "notice",
    "makefile",
    "dockerfile",
    "todo",
];

/// The kind of a file by its name; none when it cannot be read.
pub fn kind_of(path: &Path) -> Option<DocumentKind> {
    let Some(extension) = path.extension() else {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        return NAMES.contains(&name.as_str()).then_some(DocumentKind::Text);
    };
    let extension = extension.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "pdf" => Some(DocumentKind::Pdf),
        markdown if MARKDOWN.contains(&markdown) => Some(DocumentKind::Markdown),
        text if TEXT.contains(&text) => Some(DocumentKind::Text),
        _ => None,
    }
}

/// Whether a file can be read, by its name.
pub fn is_readable(path: &Path) -> bool {
    kind_of(path).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_name() {
        for (name, kind) in [
            ("a.pdf", Some(DocumentKind::Pdf)),
            ("报告.PDF", Some(DocumentKind::Pdf)),
            ("notes.md", Some(DocumentKind::Markdown)),
            ("NOTES.Markdown", Some(DocumentKind::Markdown)),
            ("会议记录.txt", Some(DocumentKind::Text)),
            ("main.rs", Some(DocumentKind::Text)),
            ("data.CSV", Some(DocumentKind::Text)),
            ("README", Some(DocumentKind::Text)),
            ("Makefile", Some(DocumentKind::Text)),
            ("photo.jpg", None),
            ("program", None),
            ("archive.tar.gz", None),
            (".pdf", None),
        ] {
            assert_eq!(kind_of(Path::new(name)), kind, "{name}");
            assert_eq!(is_readable(Path::new(name)), kind.is_some());
        }
    }
}
