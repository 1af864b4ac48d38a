//! Following an answer while it is written.

use std::io;

use futures::{StreamExt, stream::BoxStream};
use molt_api::{ChatAccepted, ConversationRef, ConversationView, Empty, Event};
use molt_core::{Message, MessageId, MessageState};

use crate::{connect::Connection, failure::Failure, print::Printer};

/// Hands the text over piece by piece, and the message when it has ended. `events` must have been opened before the question was
/// asked. Ctrl+C stops the answer; what was written by then is kept. A second Ctrl+C gives up waiting.
pub async fn follow(
    connection: &Connection,
    events: &mut BoxStream<'static, Event>,
    accepted: ChatAccepted,
    printer: &Printer,
    mut write: impl FnMut(&str) -> io::Result<()>,
) -> Result<Message, Failure> {
    let mut reading = Reading { id: accepted.answer.id.clone(), written: 0 };
    if accepted.answer.state != MessageState::Streaming {
        write(&accepted.answer.text)?;
        return Ok(accepted.answer);
    }
    let conversation = ConversationRef { id: accepted.conversation_id };
    let mut is_stopping = false;
    // What was told meanwhile stands where the answer begins.
    let mut is_told = false;
    let clear = |is_told: &mut bool| {
        if std::mem::take(is_told) {
            printer.progress("");
        }
    };
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            interrupted = tokio::signal::ctrl_c() => {
                if is_stopping || interrupted.is_err() {
                    return Err(Failure::Said);
                }
                is_stopping = true;
                connection.call::<Empty>("chat_stop", &conversation).await?;
                continue;
            }
        };
        let Some(event) = event else {
            return Err(Failure::hinted(printer.words.connection_lost(), printer.words.connection_lost_hint()));
        };
        let step = match reading.take(event) {
            // Something was missed: what was written so far is asked for, and what follows joins it.
            Step::Gap => match current(connection, &conversation, &reading.id).await? {
                Some(message) => reading.take(Event::MessageChanged { message }),
                None => Step::Nothing,
            },
            step => step,
        };
        match step {
            Step::Text(text) => {
                clear(&mut is_told);
                write(&text)?;
            }
            Step::Waiting(position) => {
                is_told = true;
                printer.progress(&printer.words.queued(position));
            }
            Step::Thinking => {
                is_told = true;
                printer.progress(&printer.words.thinking());
            }
            Step::End(rest, message) => {
                clear(&mut is_told);
                write(&rest)?;
                return Ok(*message);
            }
            Step::Nothing | Step::Gap => {}
        }
    }
}

async fn current(
    connection: &Connection,
    conversation: &ConversationRef,
    id: &MessageId,
) -> Result<Option<Message>, Failure> {
    let view: ConversationView = connection.call("conversation_get", conversation).await?;
    Ok(view.messages.into_iter().find(|message| &message.id == id))
}

/// How far an answer was written.
struct Reading {
    id: MessageId,
    /// UTF-16 code units, in which the events count.
    written: usize,
}

#[derive(Debug, PartialEq)]
enum Step {
    Nothing,
    Text(String),
    /// Text is missing before this one.
    Gap,
    /// Number in the queue.
    Waiting(u32),
    Thinking,
    /// The rest of the text, and the whole message.
    End(String, Box<Message>),
}

impl Reading {
    fn take(&mut self, event: Event) -> Step {
        match event {
            Event::AnswerDelta { message_id, offset, text, .. } if message_id == self.id => {
                match self.written.checked_sub(offset as usize) {
                    Some(known) => Step::Text(self.advance(&text, known)),
                    None => Step::Gap,
                }
            }
            Event::AnswerQueued { message_id, position, .. } if message_id == self.id && position > 0 => {
                Step::Waiting(position)
            }
            // What it thinks is shown to programs alone: it is long, and is no part of the answer.
            Event::AnswerThought { message_id, .. } if message_id == self.id && self.written == 0 => Step::Thinking,
            Event::MessageChanged { message } if message.id == self.id => {
                let rest = self.advance(&message.text, self.written);
                if message.state == MessageState::Streaming {
                    Step::Text(rest)
                } else {
                    Step::End(rest, Box::new(message))
                }
            }
            Event::Resync {} => Step::Gap,
            _ => Step::Nothing,
        }
    }

    /// The text without the units that were written already.
    fn advance(&mut self, text: &str, known: usize) -> String {
        let mut units = 0;
        let rest: String = text
            .chars()
            .skip_while(|c| {
                let is_known = units < known;
                units += c.len_utf16();
                is_known
            })
            .collect();
        self.written += rest.encode_utf16().count();
        rest
    }
}

#[cfg(test)]
mod tests {
    use molt_core::{ConversationId, Role};

    use super::*;

    fn delta(offset: u32, text: &str) -> Event {
        Event::AnswerDelta {
            conversation_id: ConversationId("c".into()),
            message_id: "m".into(),
            offset,
            text: text.into(),
        }
    }

    fn message(text: &str, state: MessageState) -> Message {
        Message {
            id: "m".into(),
            conversation_id: "c".into(),
            role: Role::Assistant,
            text: text.into(),
            state,
            kind: None,
            citations: Vec::new(),
            stats: None,
            error: None,
            task_id: None,
            answerer: None,
            thoughts: None,
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn text(text: &str) -> Step {
        Step::Text(text.into())
    }

    #[test]
    fn pieces_are_joined_and_repeated_ones_are_not() {
        let mut reading = Reading { id: "m".into(), written: 0 };
        assert_eq!(reading.take(delta(0, "The 🥛")), text("The 🥛"));
        assert_eq!(reading.take(delta(0, "The 🥛 is")), text(" is"));
        assert_eq!(reading.take(delta(6, " is")), text(""));
        assert_eq!(reading.take(delta(9, " 在")), text(" 在"));
        let end = message("The 🥛 is 在 here", MessageState::Done);
        assert_eq!(
            reading.take(Event::MessageChanged { message: end.clone() }),
            Step::End(" here".into(), Box::new(end))
        );
    }

    #[test]
    fn a_gap_is_filled_from_the_message() {
        let mut reading = Reading { id: "m".into(), written: 0 };
        assert_eq!(reading.take(delta(0, "a")), text("a"));
        assert_eq!(reading.take(delta(3, "d")), Step::Gap);
        assert_eq!(reading.take(Event::Resync {}), Step::Gap);
        let so_far = Event::MessageChanged { message: message("abcde", MessageState::Streaming) };
        assert_eq!(reading.take(so_far), text("bcde"));
        assert_eq!(reading.take(delta(4, "ef")), text("f"));
    }

    #[test]
    fn thinking_is_told_until_the_answer_begins() {
        let thought = || Event::AnswerThought {
            conversation_id: "c".into(),
            message_id: "m".into(),
            offset: 0,
            text: "hm".into(),
        };
        let mut reading = Reading { id: "m".into(), written: 0 };
        assert_eq!(reading.take(thought()), Step::Thinking);
        reading.take(delta(0, "Four."));
        assert_eq!(reading.take(thought()), Step::Nothing);
    }

    #[test]
    fn other_answers_are_not_ours() {
        let mut reading = Reading { id: "x".into(), written: 0 };
        assert_eq!(reading.take(delta(0, "a")), Step::Nothing);
        assert_eq!(reading.take(Event::MessageChanged { message: message("a", MessageState::Done) }), Step::Nothing);
        assert_eq!(reading.take(Event::TasksChanged {}), Step::Nothing);
    }
}
