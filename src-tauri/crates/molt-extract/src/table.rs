//! Rows of values: CSV and what is like it. A row's line is told.

use molt_core::{DocumentKind, ExtractedDocument};
use molt_extract_client::Failure;

use crate::{flow::Flow, office::Rows, plain};

/// Rows that are looked at to find what separates values.
const LOOKED_AT: usize = 50;

/// Reads a table.
pub fn read(bytes: &[u8], name: &str) -> Result<ExtractedDocument, Failure> {
    let text = plain::decode(bytes).ok_or_else(|| plain::not_text(name))?;
    let mut flow = Flow::new(name);
    let mut rows = Rows::default();
    let mut reader = reader(&text, delimiter(&text));
    let mut record = csv::StringRecord::new();
    // Text that is no table has an error in no row: a missing quote ends with the file.
    while let Ok(true) = reader.read_record(&mut record) {
        let line = record.position().map_or(1, |position| position.line());
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        rows.push(&cells, u32::try_from(line).unwrap_or(u32::MAX), &mut flow)?;
    }
    rows.finish(&mut flow)?;
    Ok(flow.finish(DocumentKind::Csv, None, "csv"))
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes())
}

/// The sign that cuts most rows into the same number of values.
fn delimiter(text: &str) -> u8 {
    let score = |delimiter: u8| {
        let counts: Vec<usize> = reader(text, delimiter)
            .records()
            .map_while(Result::ok)
            .take(LOOKED_AT)
            .map(|record| record.len())
            .collect();
        let widest = counts.first().copied().unwrap_or(0);
        let same = counts.iter().filter(|count| **count == widest).count();
        // Of two that agree everywhere, the one with more columns: a comma may stand in every second value.
        if widest < 2 { (0, 0) } else { (same, widest) }
    };
    // The last of equals wins.
    [b'|', b';', b'\t', b','].into_iter().max_by_key(|delimiter| score(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(source: &[u8]) -> Vec<(String, Option<u32>)> {
        let document = read(source, "a.csv").unwrap();
        assert_eq!(document.kind, DocumentKind::Csv);
        document.blocks.into_iter().map(|block| (block.text, block.line)).collect()
    }

    #[test]
    fn rows_know_their_line() {
        assert_eq!(
            blocks("name,town\n\"Smith, J.\",\"two\nlines\"\nLee,\n".as_bytes()),
            [("name | town\nSmith, J. | two lines".to_owned(), Some(1)), ("Lee".to_owned(), Some(4))]
        );
        let long: String = (0..500).map(|number| format!("{number},value\n")).collect();
        for (text, line) in blocks(long.as_bytes()) {
            assert!(text.starts_with(&format!("{} | ", line.unwrap() - 1)), "{text}");
        }
    }

    #[test]
    fn the_sign_between_values_is_found() {
        for source in ["a;b,b;c\n1;2,0;3\n", "a\tb,b\tc\n1\t2,0\t3\n", "a|b,b|c\n1|2,0|3\n"] {
            assert_eq!(blocks(source.as_bytes())[0].0, "a | b,b | c\n1 | 2,0 | 3");
        }
        assert_eq!(blocks(&encoding_rs::GBK.encode("姓名,电话\n王小明,123\n").0)[0].0, "姓名 | 电话\n王小明 | 123");
    }

    #[test]
    fn what_is_no_table_is_read_or_refused() {
        assert_eq!(blocks(b"only words\n\"open quote\nand more")[0].0, "only words\nopen quote and more");
        assert!(blocks(b"").is_empty());
        assert!(matches!(read(&[0; 50], "a.csv"), Err(Failure::Unreadable(_))));
    }
}
