//! `ask` and `chat`.

use std::{io::IsTerminal, path::Path};

use futures::stream::BoxStream;
use molt_api::{ChatAccepted, ChatSend, ConversationRef, Empty, Event};
use molt_core::{AnswerKind, Citation, ConversationId, Message, MessageState, ModelRole};
use serde::Deserialize;
use serde_json::json;

use crate::{
    answer,
    args::Ask,
    batch::{self, Object},
    connect::Connection,
    failure::Failure,
    lines,
    print::{Printer, one_line},
};

/// A line of `ask --batch`.
#[derive(Deserialize)]
struct Question {
    #[serde(alias = "query", alias = "text")]
    question: String,
}

pub async fn ask(connection: &Connection, printer: &Printer, args: Ask) -> Result<(), Failure> {
    load_models(connection, printer).await?;
    let mut events = connection.events().await?;
    let Some(file) = args.batch else {
        let asked = Asked { conversation: None, text: &args.question.join(" "), think: args.think };
        let message = question(connection, printer, &mut events, asked).await?;
        return show(printer, &message);
    };
    let silent = Printer { json: true, ..*printer };
    batch::run(printer, &file, async |line: Question| {
        let asked = Asked { conversation: None, text: &line.question, think: args.think };
        let message = question(connection, &silent, &mut events, asked).await?;
        // Hundreds of questions of a script are not conversations that a person wants to find again.
        let conversation = ConversationRef { id: message.conversation_id.clone() };
        connection.call::<Empty>("conversation_delete", conversation).await?;
        outcome(&message)
    })
    .await
}

/// One conversation, line by line, from a terminal or a pipe.
pub async fn chat(connection: &Connection, printer: &Printer) -> Result<(), Failure> {
    load_models(connection, printer).await?;
    let is_terminal = std::io::stdin().is_terminal() && !printer.json;
    if is_terminal {
        printer.note(printer.words.chat_hint());
    }
    let mut lines = lines::open(Path::new("-"), printer.words)?;
    let mut events = connection.events().await?;
    let mut conversation = None;
    loop {
        if is_terminal {
            printer.piece(&printer.words.you())?;
        }
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(line) = line else {
            if is_terminal {
                printer.line("")?;
            }
            return Ok(());
        };
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let asked = Asked { conversation: conversation.clone(), text: &line, think: false };
        let asked = question(connection, printer, &mut events, asked).await;
        let shown = asked.and_then(|message| {
            conversation = Some(message.conversation_id.clone());
            show(printer, &message)
        });
        match shown {
            Ok(()) => {}
            // One question that failed does not end a conversation; for a script it does.
            Err(failure @ (Failure::Api(_) | Failure::Plain { .. })) if is_terminal => printer.failure(&failure),
            Err(failure) => return Err(failure),
        }
        if !printer.json {
            printer.line("")?;
        }
    }
}

/// An answer is as good as the passages and the model.
async fn load_models(connection: &Connection, printer: &Printer) -> Result<(), Failure> {
    connection.load_model(ModelRole::Embedder, printer).await?;
    connection.load_model(ModelRole::Reranker, printer).await?;
    connection.load_model(ModelRole::Chat, printer).await
}

struct Asked<'a> {
    conversation: Option<ConversationId>,
    text: &'a str,
    think: bool,
}

/// Asks, and prints the answer as it comes unless it is wanted as JSON.
async fn question(
    connection: &Connection,
    printer: &Printer,
    events: &mut BoxStream<'static, Event>,
    Asked { conversation: conversation_id, text, think }: Asked<'_>,
) -> Result<Message, Failure> {
    let request = ChatSend { conversation_id, text: text.to_owned(), think };
    let accepted: ChatAccepted = connection.call("chat_send", request).await?;
    answer::follow(
        connection,
        events,
        accepted,
        printer,
        |piece| if printer.json { Ok(()) } else { printer.piece(piece) },
    )
    .await
}

/// What comes under an answer.
fn show(printer: &Printer, message: &Message) -> Result<(), Failure> {
    if printer.json {
        let mut object = outcome(message)?;
        object.insert("message_id".to_owned(), json!(message.id));
        return Ok(printer.value(&object)?);
    }
    printer.line("")?;
    if let Some(answerer) = &message.answerer
        && let Some(host) = &answerer.host
    {
        printer.note(printer.words.answered_on(one_line(&answerer.name), one_line(host)));
    }
    small_print(printer, message);
    match message.state {
        MessageState::Failed => return Err(failed(printer, message)),
        MessageState::Stopped => printer.line(printer.words.stopped())?,
        MessageState::Done | MessageState::Streaming => {}
    }
    if message.kind == Some(AnswerKind::Passages) {
        for citation in &message.citations {
            printer.line("")?;
            printer.passage(citation.number, &citation.document_name, &citation.position, &citation.text)?;
        }
        return Ok(());
    }
    let used: Vec<&Citation> = message.citations.iter().filter(|citation| citation.used).collect();
    Ok(printer.citations(&used)?)
}

/// What the answer does not say of itself.
fn small_print(printer: &Printer, message: &Message) {
    let words = printer.words;
    if let Some(answerer) = &message.answerer
        && let Some(reason) = answerer.reason
    {
        printer.note(words.answered_by(one_line(&answerer.name), words.reason(reason)));
    }
    let Some(stats) = &message.stats else { return };
    if stats.messages_left_out > 0 {
        printer.note(words.messages_left_out(stats.messages_left_out));
    }
    match (stats.passages_left_out, stats.hurried) {
        (0, _) => {}
        (number, true) => printer.note(words.passages_hurried(number)),
        (number, false) => printer.note(words.passages_left_out(number)),
    }
    if stats.cut {
        printer.note(words.answer_cut());
    }
}

fn failed(printer: &Printer, message: &Message) -> Failure {
    Failure::plain(message.error.clone().unwrap_or_else(|| printer.words.failed_answer()))
}

/// An answer as JSON; a failed one is an error.
fn outcome(message: &Message) -> Result<Object, Failure> {
    if message.state == MessageState::Failed {
        return Err(Failure::plain(message.error.clone().unwrap_or_default()));
    }
    Ok(batch::object(json!({
        "text": message.text,
        "thoughts": message.thoughts,
        "state": message.state,
        "kind": message.kind,
        "citations": message.citations,
        "stats": message.stats,
        "answerer": message.answerer,
        "task_id": message.task_id,
        "conversation_id": message.conversation_id,
    })))
}
