//! What people wrote onto a page: notes, and the values of form fields.

use pdf_extract::{Dictionary, Document, Object, ObjectId};

/// Steps up from a field to the ones that it inherits from; more is a loop.
const DEEPEST: usize = 32;

/// One page can hold this many.
const MOST: usize = 5000;

const HIDDEN: i64 = 1 << 1;

/// The texts of one page, in the order of the file.
pub fn texts(document: &Document, page: ObjectId) -> Vec<String> {
    let Ok(page) = document.get_dictionary(page) else { return Vec::new() };
    let Some(Object::Array(annotations)) = get(document, page, b"Annots") else { return Vec::new() };
    annotations
        .iter()
        .take(MOST)
        .filter_map(|annotation| text(document, resolve(document, annotation)?.as_dict().ok()?))
        .collect()
}

fn text(document: &Document, annotation: &Dictionary) -> Option<String> {
    let hidden =
        get(document, annotation, b"F").and_then(|flags| flags.as_i64().ok()).is_some_and(|flags| flags & HIDDEN != 0);
    if hidden {
        return None;
    }
    let text = match get(document, annotation, b"Subtype")?.as_name().ok()? {
        b"Widget" => field_text(document, annotation)?,
        b"FreeText" | b"Text" | b"Highlight" | b"Underline" | b"StrikeOut" | b"Squiggly" | b"Square" | b"Circle"
        | b"Caret" | b"Stamp" => text_string(get(document, annotation, b"Contents")?.as_str().ok()?)?,
        _ => return None,
    };
    let text = text.replace('\r', "\n");
    (!text.trim().is_empty()).then_some(text)
}

/// A text or a choice; of a button, what stands on it.
fn field_text(document: &Document, field: &Dictionary) -> Option<String> {
    if inherited(document, field, b"FT")?.as_name().ok()? == b"Btn" {
        let look = get(document, field, b"MK")?.as_dict().ok()?;
        return text_string(get(document, look, b"CA")?.as_str().ok()?).filter(|caption| caption.chars().count() > 1);
    }
    let options = inherited(document, field, b"Opt").and_then(|options| options.as_array().ok());
    let shown = |value: &Object| {
        let value = resolve(document, value)?.as_str().ok()?;
        text_string(options.and_then(|options| shown_as(document, options, value)).unwrap_or(value))
    };
    match inherited(document, field, b"V")? {
        Object::Array(chosen) => Some(chosen.iter().filter_map(shown).collect::<Vec<_>>().join(", ")),
        value => shown(value),
    }
}

/// What people see where this value is chosen: an option is a value or a pair of that and its text.
fn shown_as<'a>(document: &'a Document, options: &'a [Object], value: &[u8]) -> Option<&'a [u8]> {
    options.iter().find_map(|option| match resolve(document, option)?.as_array().ok()?.as_slice() {
        [name, shown] if resolve(document, name)?.as_str().ok()? == value => resolve(document, shown)?.as_str().ok(),
        _ => None,
    })
}

fn inherited<'a>(document: &'a Document, field: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    let mut current = field;
    for _ in 0..DEEPEST {
        if let Some(value) = get(document, current, key) {
            return Some(value);
        }
        current = get(document, current, b"Parent")?.as_dict().ok()?;
    }
    None
}

fn get<'a>(document: &'a Document, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
    resolve(document, dictionary.get(key).ok()?)
}

fn resolve<'a>(document: &'a Document, object: &'a Object) -> Option<&'a Object> {
    document.dereference(object).ok().map(|(_, object)| object)
}

/// A string meant for people: UTF-16 or UTF-8 with a mark, else an encoding of one byte for each character.
pub fn text_string(raw: &[u8]) -> Option<String> {
    if let Some(units) = raw.strip_prefix(b"\xfe\xff") {
        let units: Vec<u16> = units.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        return Some(String::from_utf16_lossy(&units));
    }
    crate::plain::decode(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_in_their_encodings() {
        assert_eq!(text_string(b"\xfe\xff\x62\x11\x4e\xec").as_deref(), Some("我们"));
        assert_eq!(text_string(b"\xef\xbb\xbf\xe6\x88\x91").as_deref(), Some("我"));
        assert_eq!(text_string(b"plain").as_deref(), Some("plain"));
    }
}
