//! `molt-llama tokenize FILE`: the tokens of texts, by the vocabulary of a model file; its weights are not read.
//!
//! A JSON string a line comes in, a JSON list of token ids a line goes out.

use std::{
    io::{self, BufRead, Write},
    path::Path,
};

use anyhow::{Context, Result};
use llama_cpp_2::{
    LogOptions, llama_backend::LlamaBackend, model::LlamaModel, model::params::LlamaModelParams, send_logs_to_tracing,
};

pub fn run(path: &Path) -> Result<()> {
    send_logs_to_tracing(LogOptions::default());
    let backend = LlamaBackend::init()?;
    let params = LlamaModelParams::default().with_vocab_only(true);
    let model = LlamaModel::load_from_file(&backend, path, &params)?;
    let vocab = model.vocab();
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let text: String = serde_json::from_str(&line?).context("a line is no JSON string")?;
        // As plain text: no token before it, and no marker is read out of it.
        let tokens: Vec<i32> = vocab.tokenize(text.as_bytes(), false, false).iter().map(|token| token.0).collect();
        serde_json::to_writer(&mut output, &tokens)?;
        output.write_all(b"\n")?;
        output.flush()?;
    }
    Ok(())
}
