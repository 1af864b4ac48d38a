//! Content lines of RFC 5545 (3.1): folding, parameters, escapes, and the components that they form.

use super::{ENTRY_LIMIT, Imported, too_many};
use crate::TaskError;

/// Components within each other; calendars have three.
const DEPTH_LIMIT: usize = 16;
/// Properties of an entry and alarms of an entry; the rest is left out.
const PROPERTY_LIMIT: usize = 500;
const ALARM_LIMIT: usize = 50;
/// Bytes of an unfolded line; what is longer is an attachment.
const LINE_LIMIT: usize = 1_000_000;

/// `NAME;PARAMETER=VALUE:value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Property {
    /// Upper case.
    pub name: String,
    /// Names in upper case, values without quotes.
    pub parameters: Vec<(String, String)>,
    /// As written, with its escapes.
    pub value: String,
}

impl Property {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a TEXT property.
    pub fn text(&self) -> String {
        unescape(&self.value)
    }
}

/// A VTODO or a VEVENT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub is_event: bool,
    /// Line of its BEGIN, from 1.
    pub line: usize,
    pub properties: Vec<Property>,
    pub alarms: Vec<Vec<Property>>,
}

impl Entry {
    pub fn get(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |property| property.name == name)
    }

    pub fn title(&self) -> String {
        self.get("SUMMARY").map(Property::text).unwrap_or_default()
    }
}

/// The entries of a file in its order. Lines that are no content lines are passed over.
pub(super) fn entries(text: &str, imported: &mut Imported, calendars: &mut usize) -> Result<Vec<Entry>, TaskError> {
    let (mut entries, mut open, mut entry): (Vec<Entry>, Vec<String>, Option<Entry>) = (vec![], vec![], None);
    for (number, line) in unfolded(text) {
        let Some(property) = parse(&line) else { continue };
        let component = property.value.trim().to_ascii_uppercase();
        match property.name.as_str() {
            "BEGIN" => {
                if open.len() >= DEPTH_LIMIT {
                    return Err(TaskError::Invalid(format!(
                        "line {number} of the file: too many parts within each other"
                    )));
                }
                match component.as_str() {
                    "VCALENDAR" => *calendars += 1,
                    "VTODO" | "VEVENT" => {
                        // One that is still open was cut off.
                        if let Some(cut) = entry.take() {
                            imported.remark(cut.line, &cut.title(), "its end is missing, so it was left out");
                        }
                        let is_event = component == "VEVENT";
                        entry = Some(Entry { is_event, line: number, ..Entry::default() });
                    }
                    "VALARM" => {
                        if let Some(entry) = entry.as_mut().filter(|entry| entry.alarms.len() < ALARM_LIMIT) {
                            entry.alarms.push(vec![]);
                        }
                    }
                    _ => {}
                }
                open.push(component);
            }
            "END" => {
                // What was opened within it and not closed ends with it.
                if let Some(at) = open.iter().rposition(|name| *name == component) {
                    open.truncate(at);
                }
                if matches!(component.as_str(), "VTODO" | "VEVENT")
                    && let Some(done) = entry.take()
                {
                    if entries.len() >= ENTRY_LIMIT {
                        return Err(too_many());
                    }
                    entries.push(done);
                }
            }
            _ => {
                let Some(entry) = &mut entry else { continue };
                let list = match open.last().map(String::as_str) {
                    Some("VTODO" | "VEVENT") => &mut entry.properties,
                    Some("VALARM") => match entry.alarms.last_mut() {
                        Some(alarm) => alarm,
                        None => continue,
                    },
                    _ => continue,
                };
                if list.len() < PROPERTY_LIMIT {
                    list.push(property);
                }
            }
        }
    }
    if let Some(cut) = entry {
        imported.remark(cut.line, &cut.title(), "its end is missing, so it was left out");
    }
    Ok(entries)
}

/// Lines with those that continue them, with the number of the first.
fn unfolded(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    let mut lines = text.lines().enumerate().peekable();
    std::iter::from_fn(move || {
        let (number, first) = lines.next()?;
        // A byte order mark stands before the first.
        let mut line = first.trim_start_matches('\u{feff}').to_owned();
        while let Some((_, next)) = lines.next_if(|(_, next)| next.starts_with([' ', '\t'])) {
            if line.len() < LINE_LIMIT {
                line.push_str(&next[1..]);
            }
        }
        Some((number + 1, line))
    })
}

/// A content line; none when it is malformed.
fn parse(line: &str) -> Option<Property> {
    let end = line.find([';', ':'])?;
    let name = line[..end].trim();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    let mut property = Property { name: name.to_ascii_uppercase(), ..Property::default() };
    let mut rest = &line[end..];
    while let Some(parameter) = rest.strip_prefix(';') {
        let equals = parameter.find(['=', ':', ';']).filter(|at| parameter[*at..].starts_with('='))?;
        let (name, value) = (&parameter[..equals], &parameter[equals + 1..]);
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find([';', ':'])?),
        };
        property.parameters.push((name.to_ascii_uppercase(), value.to_owned()));
        // Further values of a list are of no use here.
        rest = &after[after.find([';', ':'])?..];
    }
    property.value = rest.strip_prefix(':')?.to_owned();
    Some(property)
}

/// `\n`, `\,`, `\;` and `\\`.
pub(super) fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut letters = value.chars();
    while let Some(c) = letters.next() {
        match (c, c == '\\') {
            (_, true) => match letters.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            (c, false) => text.push(c),
        }
    }
    text
}

/// The items of a list of texts, which commas separate unless they are escaped.
pub(super) fn items(value: &str) -> Vec<String> {
    let (mut items, mut item, mut escaped) = (Vec::new(), String::new(), false);
    for c in value.chars() {
        if c == ',' && !escaped {
            items.push(unescape(&std::mem::take(&mut item)));
        } else {
            item.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    items.push(unescape(&item));
    items.retain(|item| !item.trim().is_empty());
    items
}

/// A text as the value of a property.
pub(super) fn escape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ',' | ';' => value.extend(['\\', c]),
            '\n' => value.push_str("\\n"),
            // Control characters are not allowed.
            c if c.is_control() && c != '\t' => {}
            c => value.push(c),
        }
    }
    value
}

/// Appends a line, folded after at most 75 bytes between letters.
pub(super) fn push_line(out: &mut String, line: &str) {
    let mut length = 0;
    for c in line.chars() {
        if length + c.len_utf8() > 75 {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(c);
        length += c.len_utf8();
    }
    out.push_str("\r\n");
}
