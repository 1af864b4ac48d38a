//! `model tokenize`: how a model cuts texts into tokens.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use molt_wire::worker_program;
use serde::Deserialize;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{args::ModelTokenize, batch, failure::Failure, print::Printer, words::Words};

/// A line of `model tokenize --batch`.
#[derive(Deserialize)]
struct Text {
    text: String,
}

pub async fn tokenize(printer: &Printer, args: ModelTokenize) -> Result<(), Failure> {
    let mut tokenizer = Tokenizer::start(&args.file, printer.words)?;
    if let Some(batch) = &args.batch {
        return batch::run(printer, batch, async |line: Text| {
            let tokens = tokenizer.tokens(&line.text).await?;
            Ok(batch::object(json!({ "tokens": tokens })))
        })
        .await;
    }
    let tokens = tokenizer.tokens(&args.text.join(" ")).await?;
    if printer.json {
        return Ok(printer.value(&json!({ "tokens": tokens }))?);
    }
    let ids: Vec<String> = tokens.iter().map(i32::to_string).collect();
    Ok(printer.line(ids.join(" "))?)
}

/// A process of its own reads the file, which may be anything.
struct Tokenizer {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    words: Words,
    file: PathBuf,
    /// Ends with this.
    _child: Child,
}

impl Tokenizer {
    fn start(file: &Path, words: Words) -> Result<Self, Failure> {
        let cannot = || Failure::plain(words.tokenizer_failed(file.display()));
        let child = Command::new(worker_program("molt-llama", None))
            .arg("tokenize")
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|_| cannot())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(cannot());
        };
        Ok(Self { input, output: BufReader::new(output).lines(), words, file: file.to_path_buf(), _child: child })
    }

    async fn tokens(&mut self, text: &str) -> Result<Vec<i32>, Failure> {
        let asked = async {
            self.input.write_all(format!("{}\n", json!(text)).as_bytes()).await?;
            self.input.flush().await?;
            self.output.next_line().await
        };
        let line = asked.await.ok().flatten();
        // What llama.cpp said of it stands above.
        line.and_then(|line| serde_json::from_str(&line).ok())
            .ok_or_else(|| Failure::plain(self.words.tokenizer_failed(self.file.display())))
    }
}
