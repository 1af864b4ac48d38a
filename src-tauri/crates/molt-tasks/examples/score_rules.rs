//! Reads lines `{"id", "rrule", "dtstart"}` and writes `{"id", "occurrences"}` or `{"id", "error"}`: for scoring the expansion of
//! rules on collections of calendars.

use std::io::{BufRead, Write};

use molt_tasks::{ExpandRequest, expand};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case: serde_json::Value = serde_json::from_str(&line?)?;
        let request: ExpandRequest = serde_json::from_value(case.clone())?;
        let answer = match expand(&request) {
            Ok(found) => serde_json::json!({ "id": case["id"], "occurrences": found.occurrences }),
            Err(error) => serde_json::json!({ "id": case["id"], "error": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
    }
    Ok(())
}
