//! An extractor that gives what the test wrote.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Mutex,
};

use async_trait::async_trait;
use molt_core::{Block, DocumentKind, ExtractError, ExtractedDocument, Extractor};

/// Answers per path; a path that was not set is unreadable.
#[derive(Debug, Default)]
pub struct ScriptedExtractor {
    answers: Mutex<HashMap<PathBuf, Result<ExtractedDocument, ExtractError>>>,
    calls: Mutex<Vec<PathBuf>>,
}

impl ScriptedExtractor {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&self, path: impl Into<PathBuf>, answer: Result<ExtractedDocument, ExtractError>) {
        self.answers.lock().unwrap().insert(path.into(), answer);
    }

    /// Paths in the order they were asked for.
    pub fn calls(&self) -> Vec<PathBuf> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl Extractor for ScriptedExtractor {
    async fn extract(&self, path: &Path, _password: Option<&str>) -> Result<ExtractedDocument, ExtractError> {
        self.calls.lock().unwrap().push(path.to_owned());
        let answers = self.answers.lock().unwrap();
        answers
            .get(path)
            .cloned()
            .unwrap_or_else(|| Err(ExtractError::Unreadable("this file could not be read".into())))
    }
}

/// A document of one block per paragraph. A paragraph that starts with `# ` is a heading.
pub fn text_document(kind: DocumentKind, text: &str) -> ExtractedDocument {
    let mut headings = Vec::new();
    let mut line = 1;
    let mut blocks = Vec::new();
    for paragraph in text.split("\n\n") {
        let is_heading = paragraph.starts_with("# ");
        let content = paragraph.trim_start_matches("# ").trim();
        if is_heading {
            headings = vec![content.to_owned()];
        }
        if !content.is_empty() {
            blocks.push(Block {
                text: content.to_owned(),
                page: None,
                headings: headings.clone(),
                line: Some(line),
                is_heading,
            });
        }
        line += paragraph.matches('\n').count() as u32 + 2;
    }
    ExtractedDocument { kind, title: None, blocks, pages: None, reader: "scripted".into() }
}
