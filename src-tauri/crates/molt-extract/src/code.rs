//! Source code: a block for each definition, with the comment above it, under the names of the definitions around it.

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::{output::Output, plain};

/// Columns. Definitions that stand further in are parts of others (local functions, tests in tests).
const DEEPEST: usize = 4;

/// Columns of a tab.
const TAB: usize = 4;

/// Characters of a definition's name as a heading.
const LONGEST_NAME: usize = 120;

/// Words before the one that says what is defined.
const MODIFIERS: &[&str] = &[
    "abstract",
    "async",
    "data",
    "declare",
    "default",
    "export",
    "extern",
    "final",
    "friend",
    "inline",
    "internal",
    "local",
    "open",
    "override",
    "partial",
    "private",
    "protected",
    "pub",
    "public",
    "readonly",
    "sealed",
    "static",
    "suspend",
    "unsafe",
    "virtual",
];

/// Words that begin a definition in one language or another.
const KEYWORDS: &[&str] = &[
    "actor",
    "class",
    "contract",
    "def",
    "defmacro",
    "defmodule",
    "defn",
    "defp",
    "enum",
    "extension",
    "fn",
    "fun",
    "func",
    "function",
    "impl",
    "instance",
    "interface",
    "macro_rules!",
    "mod",
    "module",
    "namespace",
    "object",
    "proc",
    "procedure",
    "protocol",
    "record",
    "struct",
    "sub",
    "trait",
    "type",
    "typedef",
    "union",
];

/// Words before a bracket that are no names of functions.
const STATEMENTS: &[&str] = &[
    "assert", "await", "case", "catch", "do", "else", "for", "if", "return", "switch", "throw", "try", "while", "with",
];

/// Reads a program's source.
pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let text = plain::decode(bytes).ok_or_else(|| plain::not_text(name))?;
    let lines: Vec<&str> = text.split('\n').collect();
    let mut output = Output::new(name);
    // The definitions around, by the column they stand in.
    let mut around: Vec<(usize, String)> = Vec::new();
    let mut begin = 0;
    for (index, line) in lines.iter().enumerate() {
        let Some((column, definition)) = definition(line) else { continue };
        let mut start = index;
        while start > begin && belongs_below(lines[start - 1]) {
            start -= 1;
        }
        push(&lines, begin, start, &around, &mut output)?;
        begin = start;
        around.retain(|(above, _)| *above < column);
        around.push((column, definition));
    }
    push(&lines, begin, lines.len(), &around, &mut output)?;
    Ok(ExtractedDocument {
        kind: DocumentKind::Code,
        title: None,
        blocks: output.into_blocks(),
        pages: None,
        reader: "code".into(),
    })
}

fn push(
    lines: &[&str],
    begin: usize,
    end: usize,
    around: &[(usize, String)],
    output: &mut Output,
) -> Result<(), Failure> {
    let headings: Vec<String> = around.iter().map(|(_, name)| name.clone()).collect();
    let first = u32::try_from(begin + 1).unwrap_or(u32::MAX);
    output.push_lines(lines[begin..end].join("\n").trim_end(), first, &headings)
}

/// A comment, an attribute or a decorator.
fn belongs_below(line: &str) -> bool {
    let line = line.trim_start();
    ["//", "#", "/*", "*", "@", "--", ";;", "\"\"\"", "template"].iter().any(|mark| line.starts_with(mark))
}

/// The column and the name of what a line defines.
fn definition(line: &str) -> Option<(usize, String)> {
    let code = line.trim_start();
    let column = line[..line.len() - code.len()].bytes().map(|byte| if byte == b'\t' { TAB } else { 1 }).sum();
    if column > DEEPEST {
        return None;
    }
    let (mut rest, mut modified) = (code, false);
    loop {
        let length = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '!'))).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let after = after.trim_start();
        if MODIFIERS.contains(&word) {
            // `pub(crate)`, `extern "C"`.
            let skipped = match after.as_bytes().first() {
                Some(b'(') => after.find(')').map_or(0, |end| end + 1),
                Some(b'"') => after[1..].find('"').map_or(0, |end| end + 2),
                _ => 0,
            };
            rest = after[skipped..].trim_start();
            modified = true;
            continue;
        }
        // `const fn`, `const NAME`: only the first defines what is worth a block.
        let is_const_fn = word == "const" && after.starts_with("fn ");
        let named =
            after.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '<' | '(' | '*' | '{' | '&' | '['));
        let keyword = KEYWORDS.contains(&word) && named && !after.starts_with("= ");
        return (keyword || is_const_fn || is_function(rest, modified, column)).then(|| (column, name_of(code)));
    }
}

/// `int main(int count, char **words) {` and methods that have no keyword in front.
fn is_function(code: &str, modified: bool, column: usize) -> bool {
    // Without a keyword, calls look like definitions; these do not stand at the margin, or end with a semicolon.
    if !(modified || column == 0)
        || code.ends_with([';', ','])
        || !code.starts_with(|c: char| c.is_alphabetic() || c == '_')
    {
        return false;
    }
    let Some((before, after)) = code.split_once('(') else { return false };
    let words: Vec<&str> =
        before.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let typed = words.len() >= 2 || (modified && !words.is_empty());
    let ends = after.trim_end().ends_with(['{', ')', ':']) || !after.contains(')');
    typed && ends && !before.contains(['=', '"', '\'', '.', '#']) && !STATEMENTS.contains(&words[0])
}

/// The line without what opens the body.
fn name_of(code: &str) -> String {
    let name = code.trim_end().trim_end_matches(['{', ':', '(']).trim_end();
    name.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &str) -> Vec<(Option<u32>, String, String)> {
        let document = read(source.as_bytes(), "a.rs").unwrap();
        assert_eq!(document.kind, DocumentKind::Code);
        let blocks = document.blocks.into_iter();
        blocks
            .map(|block| {
                (block.line, block.headings.join(" > "), block.text.lines().next().unwrap_or_default().to_owned())
            })
            .collect()
    }

    fn at(line: u32, path: &str, first: &str) -> (Option<u32>, String, String) {
        (Some(line), path.into(), first.into())
    }

    #[test]
    fn definitions_are_blocks_with_their_comments() {
        let rust = "use std::fs;\n\n/// Reads.\n#[inline]\npub(crate) async fn read(path: &Path) -> String {\n    let x = call(path);\n    x\n}\n\nimpl Trap {\n    // Why.\n    const fn new() -> Self {\n        Self\n    }\n}\n";
        assert_eq!(
            blocks(rust),
            [
                at(1, "", "use std::fs;"),
                at(3, "pub(crate) async fn read(path: &Path) -> String", "/// Reads."),
                at(10, "impl Trap", "impl Trap {"),
                at(11, "impl Trap > const fn new() -> Self", "// Why."),
            ]
        );
        let python = "import os\n\n@cache\ndef one(a):\n    return a\n\nclass Two:\n    def three(self):\n        def inner(): pass\n        return 3\n";
        assert_eq!(
            blocks(python),
            [
                at(1, "", "import os"),
                at(3, "def one(a)", "@cache"),
                at(7, "class Two", "class Two:"),
                at(8, "class Two > def three(self)", "def three(self):"),
            ]
        );
    }

    #[test]
    fn functions_without_a_keyword_are_found() {
        for line in [
            "int main(int count, char **words) {",
            "static void run(void)",
            "    public String name() {",
            "export default function Page() {",
            "func (s *Server) Close() error {",
            "macro_rules! say {",
            "type Point struct {",
        ] {
            assert!(definition(line).is_some(), "{line}");
        }
        for line in [
            "printf(\"%d\", 3);",
            "if (x) {",
            "return call(x)",
            "    call(x) {",
            "let x = f(y)",
            "type = 3",
            "const LIMIT: u32 = 3;",
            "        fn deep() {",
            "else if (x) {",
            "",
        ] {
            assert!(definition(line).is_none(), "{line}");
        }
    }

    #[test]
    fn nothing_is_lost() {
        let source: String = (0..300).map(|n| format!("fn f{n}() {{\n    {n};\n}}\n")).collect();
        let document = read(source.as_bytes(), "a.rs").unwrap();
        let joined: String = document.blocks.iter().map(|block| block.text.clone() + "\n").collect();
        assert_eq!(joined, source);
        assert!(matches!(read(&[0; 50], "a.rs"), Err(Failure::Unreadable(_))));
    }
}
