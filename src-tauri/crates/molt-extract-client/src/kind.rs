//! Which files can be read, by their names.

use std::path::Path;

use molt_core::DocumentKind;

/// Text that people write or read as text. The worker still looks at the content and refuses binary data.
const TEXT: &[&str] = &[
    "txt",
    "text",
    "log",
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
];

/// Programs and what is written like them.
const CODE: &[&str] = &[
    "rs", "py", "pyi", "js", "mjs", "cjs", "jsx", "ts", "tsx", "vue", "svelte", "css", "scss", "less", "java", "kt",
    "kts", "scala", "groovy", "gradle", "go", "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "cs", "fs", "swift",
    "m", "mm", "rb", "php", "pl", "pm", "lua", "r", "jl", "dart", "ex", "exs", "erl", "hs", "ml", "mli", "clj", "lisp",
    "el", "zig", "nim", "sql", "graphql", "proto", "sh", "bash", "zsh", "fish", "ps1", "bat", "cmd", "cmake", "mk",
    "tf", "nix",
];

/// The last letter tells whether it is a template or holds programs, which are never run.
const DOCX: &[&str] = &["docx", "docm", "dotx", "dotm"];

const PPTX: &[&str] = &["pptx", "pptm", "ppsx", "ppsm", "potx", "potm"];

const XLSX: &[&str] = &["xlsx", "xlsm", "xltx", "xltm"];

const ODF: &[&str] = &["odt", "ott", "ods", "ots", "odp", "otp"];

const HTML: &[&str] = &["html", "htm", "xhtml", "xht", "shtml"];

const CSV: &[&str] = &["csv", "tsv", "tab"];

const JSON: &[&str] = &["json", "jsonl", "ndjson", "geojson", "webmanifest", "ipynb"];

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
    let has = |names: &[&str]| names.contains(&extension.as_str());
    Some(match extension.as_str() {
        "pdf" => DocumentKind::Pdf,
        "epub" => DocumentKind::Epub,
        "eml" => DocumentKind::Eml,
        _ if has(MARKDOWN) => DocumentKind::Markdown,
        _ if has(DOCX) => DocumentKind::Docx,
        _ if has(PPTX) => DocumentKind::Pptx,
        _ if has(XLSX) => DocumentKind::Xlsx,
        _ if has(ODF) => DocumentKind::Odf,
        _ if has(HTML) => DocumentKind::Html,
        _ if has(CSV) => DocumentKind::Csv,
        _ if has(JSON) => DocumentKind::Json,
        _ if has(CODE) => DocumentKind::Code,
        _ if has(TEXT) => DocumentKind::Text,
        _ => return None,
    })
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
            ("main.rs", Some(DocumentKind::Code)),
            ("data.CSV", Some(DocumentKind::Csv)),
            ("letter.docx", Some(DocumentKind::Docx)),
            ("talk.PPTX", Some(DocumentKind::Pptx)),
            ("预算.xlsm", Some(DocumentKind::Xlsx)),
            ("letter.odt", Some(DocumentKind::Odf)),
            ("book.epub", Some(DocumentKind::Epub)),
            ("page.htm", Some(DocumentKind::Html)),
            ("lines.jsonl", Some(DocumentKind::Json)),
            ("message.eml", Some(DocumentKind::Eml)),
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
