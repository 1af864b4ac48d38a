//! A new table of objects for a file whose own one is lost, so that the first reader can open it.

use std::{collections::BTreeMap, fmt::Write};

/// The largest number of an object, after ISO 32000-1, annex C.
const LARGEST: u32 = 8_388_607;

/// The file with a table at its end; none when it has no catalogue that can be seen, or is encrypted.
pub fn rebuilt(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = find(bytes, b"%PDF-")?;
    let bytes = &bytes[start..];
    if find(bytes, b"/Encrypt").is_some() {
        return None;
    }
    let mut places: BTreeMap<u32, (usize, u32)> = BTreeMap::new();
    let mut root = None;
    let mut tail = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], b" obj").map(|at| from + at) {
        from = at + 4;
        let Some((place, number, generation)) = label(bytes, at) else { continue };
        let end = find(&bytes[from..], b"endobj").map_or(bytes.len(), |end| from + end);
        let body = &bytes[from..end];
        let mut place = place;
        if let Some(mended) = with_length(body) {
            place = bytes.len() + tail.len();
            tail.extend(format!("{number} {generation} obj").into_bytes());
            tail.extend(mended);
            tail.extend(b"endobj\n");
        }
        // Of two with one number the later one was written in place of the other.
        places.insert(number, (place, generation));
        if find(body, b"/Catalog").is_some() && find(body, b"/Pages").is_some() {
            root = Some((number, generation));
        }
    }
    let (root, generation) = root?;
    let size = places.last_key_value()?.0 + 1;
    let mut table = "\nxref\n0 1\n0000000000 65535 f \n".to_owned();
    for (number, (place, generation)) in &places {
        // Writing to a `String` cannot fail.
        let _ = write!(table, "{number} 1\n{place:010} {generation:05} n \n");
    }
    let end = bytes.len() + tail.len() + 1;
    let _ = write!(table, "trailer\n<< /Size {size} /Root {root} {generation} R >>\nstartxref\n{end}\n%%EOF\n");
    Some([bytes, &tail, table.as_bytes()].concat())
}

/// An object whose stream is not as long as it says, with its true length.
fn with_length(body: &[u8]) -> Option<Vec<u8>> {
    let at = find(body, b"stream")?;
    let (dictionary, data) = (&body[..at], &body[at + 6..]);
    let data = data.strip_prefix(b"\r\n").or(data.strip_prefix(b"\n"))?;
    let end = data.windows(9).rposition(|window| window == b"endstream")?;
    let data = &data[..end];
    let number = find(dictionary, b"/Length ")? + 8;
    let digits = dictionary[number..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let said: usize = std::str::from_utf8(&dictionary[number..number + digits]).ok()?.parse().ok()?;
    let after = &dictionary[number + digits..];
    // A length elsewhere (`9 0 R`) is found by that object; a line end after the data may or may not count.
    if after.starts_with(b" 0 R") || (said <= data.len() && said + 2 >= data.len()) {
        return None;
    }
    let length = data.len().to_string();
    Some([&dictionary[..number], length.as_bytes(), after, b"stream\n", data, b"endstream\n"].concat())
}

/// What stands before ` obj`: where it begins, the object's number and its generation.
fn label(bytes: &[u8], end: usize) -> Option<(usize, u32, u32)> {
    let digits = |end: usize| {
        let length = bytes[..end].iter().rev().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&bytes[end - length..end]).ok()?;
        Some((end - length, text.parse::<u32>().ok()?))
    };
    let (middle, generation) = digits(end)?;
    let before = middle.checked_sub(1).filter(|before| bytes[*before] == b' ')?;
    let (place, number) = digits(before)?;
    (number <= LARGEST && generation <= 65_535).then_some((place, number, generation))
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use pdf_extract::Document;

    use super::*;

    const OBJECTS: &str = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R >>\nendobj\n";

    #[test]
    fn a_file_without_a_table_opens() {
        for junk in ["", "a mail server's words\n"] {
            let file = format!("{junk}{OBJECTS}");
            assert!(Document::load_mem(file.as_bytes()).is_err());
            let document = Document::load_mem(&rebuilt(file.as_bytes()).unwrap()).unwrap();
            assert_eq!(document.get_pages().len(), 1);
        }
    }

    #[test]
    fn a_wrong_length_is_mended() {
        let file = format!("{OBJECTS}4 0 obj\n<< /Length 3 >>\nstream\nlonger than that\nendstream\nendobj\n");
        let document = Document::load_mem(&rebuilt(file.as_bytes()).unwrap()).unwrap();
        assert_eq!(document.get_object((4, 0)).unwrap().as_stream().unwrap().content, b"longer than that\n");
        assert_eq!(with_length(b"<< /Length 4 >>\nstream\nfour\nendstream\n"), None);
        assert_eq!(with_length(b"<< /Length 9 0 R >>\nstream\nfour\nendstream\n"), None);
    }

    #[test]
    fn what_cannot_be_mended_is_left() {
        for file in ["", "%PDF-1.4", "%PDF-1.4 obj", "%PDF-1.4\n obj 99999999999 0 obj /Catalog /Pages"] {
            assert_eq!(rebuilt(file.as_bytes()), None, "{file}");
        }
        assert_eq!(rebuilt(format!("{OBJECTS}trailer << /Encrypt 9 0 R >>").as_bytes()), None);
    }
}
