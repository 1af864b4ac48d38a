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
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], b" obj").map(|at| from + at) {
        from = at + 4;
        let Some((place, number, generation)) = label(bytes, at) else { continue };
        // Of two with one number the later one was written in place of the other.
        places.insert(number, (place, generation));
        let end = find(&bytes[from..], b"endobj").map_or(bytes.len(), |end| from + end);
        let body = &bytes[from..end];
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
    let end = bytes.len() + 1;
    let _ = write!(table, "trailer\n<< /Size {size} /Root {root} {generation} R >>\nstartxref\n{end}\n%%EOF\n");
    Some([bytes, table.as_bytes()].concat())
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
    fn what_cannot_be_mended_is_left() {
        for file in ["", "%PDF-1.4", "%PDF-1.4 obj", "%PDF-1.4\n obj 99999999999 0 obj /Catalog /Pages"] {
            assert_eq!(rebuilt(file.as_bytes()), None, "{file}");
        }
        assert_eq!(rebuilt(format!("{OBJECTS}trailer << /Encrypt 9 0 R >>").as_bytes()), None);
    }
}
