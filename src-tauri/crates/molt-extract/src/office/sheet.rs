//! Rows of a sheet, gathered into blocks.

use molt_extract_client::Failure;

use crate::flow::{Flow, row};

/// Bytes. A block is closed when it has grown longer than this.
const LONG: usize = 1200;

/// Empty cells in a row that are kept, so that columns stay in step; the rest of a wide gap tells nothing.
pub const MOST_EMPTY: usize = 16;

/// Gathers rows that follow each other.
#[derive(Default)]
pub struct Rows {
    text: String,
    /// Of the first row, from 1.
    first: u32,
    /// The row after the last.
    next: u32,
}

impl Rows {
    /// Adds a row; `number` is from 1.
    pub fn push(&mut self, cells: &[String], number: u32, flow: &mut Flow) -> Result<(), Failure> {
        let line = row(cells);
        if line.is_empty() {
            return Ok(());
        }
        // A block knows the number of its first row, so its rows have to be neighbours.
        if number != self.next || self.text.len() + line.len() > LONG {
            self.finish(flow)?;
            self.first = number;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&line);
        self.next = number.saturating_add(1);
        Ok(())
    }

    /// Ends the sheet.
    pub fn finish(&mut self, flow: &mut Flow) -> Result<(), Failure> {
        let text = std::mem::take(&mut self.text);
        self.next = 0;
        flow.text(&text, Some(self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_block() {
        let mut flow = Flow::new("a");
        let mut rows = Rows::default();
        for number in [2, 3, 4, 9] {
            let cell = if number == 4 { String::new() } else { format!("cell {number}") };
            rows.push(&[cell], number, &mut flow).unwrap();
        }
        rows.push(&["x".repeat(LONG)], 10, &mut flow).unwrap();
        rows.finish(&mut flow).unwrap();
        rows.finish(&mut flow).unwrap();
        let blocks = flow.finish(molt_core::DocumentKind::Xlsx, None, "x").blocks;
        let found: Vec<_> = blocks.iter().map(|block| (block.line, block.text.len())).collect();
        assert_eq!(found, [(Some(2), 13), (Some(9), 6), (Some(10), LONG)]);
    }
}
