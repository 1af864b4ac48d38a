//! PDF files made by hand.

use std::fmt::Write;

use pdf_extract::{Document, EncryptionState, EncryptionVersion, Permissions};

/// A file of numbered objects, object 1 being the catalog.
pub fn pdf(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (number, object) in (1..).zip(objects) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "{:010} 00000 n ", file.len());
        let _ = write!(file, "{number} 0 obj\n{object}\nendobj\n");
    }
    let start = file.len();
    let count = objects.len() + 1;
    let id = "00112233445566778899aabbccddeeff";
    let _ = write!(
        file,
        "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R /ID [<{id}> <{id}>] >>\nstartxref\n{start}\n%%EOF\n"
    );
    file.into_bytes()
}

pub fn stream(dictionary: &str, content: &str) -> String {
    format!("<< {dictionary} /Length {} >>\nstream\n{content}\nendstream", content.len())
}

/// One page for each content stream, all with the given resources; `more` are further objects, from number 3 on.
pub fn pages(contents: &[String], resources: &str, more: &[String]) -> Vec<u8> {
    let first = 3 + more.len();
    let kids: String = (0..contents.len()).map(|page| format!("{} 0 R ", first + 2 * page)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Kids [{kids}] /Count {} /MediaBox [0 0 600 800] /Resources << {resources} >> >>",
            contents.len()
        ),
    ];
    objects.extend_from_slice(more);
    for (page, content) in contents.iter().enumerate() {
        objects.push(format!("<< /Type /Page /Parent 2 0 R /Contents {} 0 R >>", first + 2 * page + 1));
        objects.push(stream("", content));
    }
    pdf(&objects)
}

pub const HELVETICA: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>";

/// Each page's lines in Helvetica.
pub fn text(pages: &[&[&str]]) -> Vec<u8> {
    let contents: Vec<String> = pages.iter().map(|lines| content(lines)).collect();
    self::pages(&contents, "/Font << /F1 3 0 R >>", &[HELVETICA.to_owned()])
}

pub fn content(lines: &[&str]) -> String {
    let shown: String = lines.iter().map(|line| format!("({line}) Tj T* ")).collect();
    format!("BT /F1 12 Tf 14 TL 50 750 Td {shown}ET")
}

/// The same file with passwords (128-bit RC4).
pub fn encrypted(file: &[u8], user: &str) -> Vec<u8> {
    let mut document = Document::load_mem(file).unwrap();
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: user,
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}
