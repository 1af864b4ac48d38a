//! Messages as mail programs keep them: who wrote to whom, the text, messages inside, and the names of what is attached.

use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::{flow::Flow, html, plain};

/// Messages forwarded within messages.
const MOST_INSIDE: u8 = 8;

/// Reads a message.
pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let is_one = |message: &Message<'_>| {
        let people = message.from().is_some() || message.to().is_some();
        people || message.subject().is_some() || message.date().is_some() || message.content_type().is_some()
    };
    let Some(message) = MessageParser::default().parse(bytes).filter(is_one) else {
        // A file that only has the name of one.
        return plain::read(bytes, name);
    };
    let mut flow = Flow::new(name);
    push(&message, &mut flow, 0)?;
    Ok(flow.finish(DocumentKind::Eml, None, "mail-parser"))
}

/// The text of a web page that was saved with its pictures in the form of a message.
pub fn push_parts(bytes: &[u8], flow: &mut Flow) -> Result<(), Failure> {
    match MessageParser::default().parse(bytes) {
        Some(message) => message.html_bodies().try_for_each(|part| text(part, flow)),
        None => Ok(()),
    }
}

fn push(message: &Message<'_>, flow: &mut Flow, inside: u8) -> Result<(), Failure> {
    flow.depth = inside;
    flow.heading(1, message.subject().unwrap_or_default(), None)?;
    let mut lines = Vec::new();
    for (label, people) in [("From", message.from()), ("To", message.to()), ("Cc", message.cc())] {
        let people = people.map(people_in).unwrap_or_default();
        if !people.is_empty() {
            lines.push(format!("{label}: {people}"));
        }
    }
    lines.extend(message.date().map(|date| format!("Date: {}", date.to_rfc3339().replace('T', " "))));
    flow.text(&lines.join("\n"), None)?;
    // The page's headings stand below the subject.
    flow.depth = inside.saturating_add(1);
    // The same text is often there twice; the plain one has nothing that is not seen.
    let has_words = |part: &MessagePart<'_>| part.text_contents().is_some_and(|text| !text.trim().is_empty());
    if message.text_bodies().any(|part| matches!(part.body, PartType::Text(_)) && has_words(part)) {
        message.text_bodies().try_for_each(|part| text(part, flow))?;
    } else {
        message.html_bodies().try_for_each(|part| text(part, flow))?;
    }
    for part in message.attachments() {
        match &part.body {
            PartType::Message(message) if inside < MOST_INSIDE => push(message, flow, inside + 1)?,
            _ => {
                flow.depth = inside.saturating_add(1);
                if let Some(name) = part.attachment_name() {
                    flow.text(&format!("Attachment: {name}"), None)?;
                }
                // A disposition does not make text unreadable.
                if matches!(part.body, PartType::Text(_) | PartType::Html(_)) {
                    text(part, flow)?;
                }
            }
        }
    }
    Ok(())
}

fn text(part: &MessagePart<'_>, flow: &mut Flow) -> Result<(), Failure> {
    match &part.body {
        PartType::Html(page) => html::push(page, flow, false),
        PartType::Text(text) => {
            let text = text.replace("\r\n", "\n");
            text.split("\n\n").try_for_each(|paragraph| flow.text(paragraph.trim_matches('\n'), None))
        }
        _ => Ok(()),
    }
}

fn people_in(people: &Address<'_>) -> String {
    let person = |person: &mail_parser::Addr<'_>| match (person.name(), person.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    people.iter().map(person).filter(|person| !person.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<(String, String)> {
        let document = read(source.replace('\n', "\r\n").as_bytes(), "a.eml").unwrap();
        document.blocks.into_iter().map(|block| (block.text, block.headings.join(" > "))).collect()
    }

    fn under(path: &str, text: &str) -> (String, String) {
        (text.into(), path.into())
    }

    #[test]
    fn the_head_is_decoded_and_the_text_read() {
        let source = "From: =?utf-8?B?546L5bCP5piO?= <wang@example.org>\nTo: a@example.org, Bee <b@example.org>\nSubject: =?gbk?B?u+HS6Q==?=\n\
            Date: Fri, 1 Mar 2024 09:30:00 +0800\nContent-Type: text/plain; charset=gbk\nContent-Transfer-Encoding: quoted-printable\n\n\
            =C4=E3=BA=C3\n\nsecond\nparagraph\n";
        let head =
            "From: 王小明 <wang@example.org>\nTo: a@example.org, Bee <b@example.org>\nDate: 2024-03-01 09:30:00+08:00";
        assert_eq!(
            texts(source),
            [under("会议", "会议"), under("会议", head), under("会议", "你好"), under("会议", "second\nparagraph")]
        );
        let document = read(source.as_bytes(), "a.eml").unwrap();
        assert_eq!((document.kind, document.title.as_deref()), (DocumentKind::Eml, Some("会议")));
    }

    #[test]
    fn of_two_forms_one_is_read_and_messages_inside_too() {
        let inner = "From: c@example.org\nSubject: Inner\n\ninner text";
        let source = format!(
            "Subject: Outer\nContent-Type: multipart/mixed; boundary=X\n\n--X\nContent-Type: multipart/alternative; boundary=Y\n\n\
             --Y\nContent-Type: text/plain\n\nplain words\n--Y\nContent-Type: text/html\n\n<p>plain words</p>\n--Y--\n\
             --X\nContent-Type: application/pdf; name=plan.pdf\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nAAAA\n\
             --X\nContent-Type: message/rfc822\n\n{inner}\n--X--\n"
        );
        assert_eq!(
            texts(&source),
            [
                under("Outer", "Outer"),
                under("Outer", "plain words"),
                under("Outer", "Attachment: plan.pdf"),
                under("Outer > Inner", "Inner"),
                under("Outer > Inner", "From: c@example.org"),
                under("Outer > Inner", "inner text"),
            ]
        );
        let page = "Subject: S\nContent-Type: text/html\n\n<h1>Head</h1><p>words</p>";
        assert_eq!(texts(page), [under("S", "S"), under("S > Head", "Head"), under("S > Head", "words")]);
    }

    #[test]
    fn messages_within_messages_end() {
        let mut source = "Subject: end\n\ntext".to_owned();
        for _ in 0..60 {
            source = format!("Content-Type: message/rfc822\n\n{source}");
        }
        read(source.as_bytes(), "a.eml").unwrap();
        assert!(matches!(read(&[0; 100], "a.eml"), Err(Failure::Unreadable(_))));
    }
}
