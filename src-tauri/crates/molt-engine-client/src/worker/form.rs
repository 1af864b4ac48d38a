//! The form of an answer, before an engine sees it.

use molt_core::Constraint;
use serde_json::{Value, json};

use crate::protocol::WireError;

/// Bytes of a form, in which even a long catalogue of functions has room.
const MAX_BYTES: usize = 256 << 10;
/// A schema may be nested so deep. Readers of JSON give up at 128, and a request is some deep itself.
const MAX_DEPTH: usize = 64;
/// Characters of a reason that are told.
const REASON: usize = 300;

/// Whether the form can be sent to a worker at all.
pub fn check(form: &Constraint) -> Result<(), WireError> {
    let (bytes, depth) = match form {
        Constraint::JsonSchema(schema) => (schema.to_string().len(), depth(schema)),
        Constraint::Regex(text) | Constraint::Grammar(text) => (text.len(), 0),
    };
    if bytes > MAX_BYTES {
        return Err(refused(&format!("it takes {} KiB, and {} are allowed", bytes >> 10, MAX_BYTES >> 10)));
    }
    if depth > MAX_DEPTH {
        return Err(refused(&format!("it is nested more than {MAX_DEPTH} levels deep")));
    }
    Ok(())
}

/// The schema as llguidance is to take it: blanks between the parts of the JSON are bounded, as a model may write them without end.
pub fn compact(mut schema: Value) -> Result<Value, WireError> {
    match &mut schema {
        Value::Object(keywords) => {
            keywords.insert("x-guidance".into(), json!({ "whitespace_pattern": " " }));
            Ok(schema)
        }
        Value::Bool(true) => compact(json!({})),
        _ => Err(refused("the schema is no object")),
    }
}

/// The plain sentence for a form that is not kept to.
pub fn refused(reason: &str) -> WireError {
    // A library's reason may quote the grammar behind the first line.
    let reason: String = reason.lines().next().unwrap_or_default().chars().take(REASON).collect();
    WireError::Failed {
        text: format!("The answer cannot be given the form that was asked for: {}.", reason.trim_end_matches('.')),
    }
}

/// Without recursion: it may be deeper than the stack.
fn depth(value: &Value) -> usize {
    let mut deepest = 0;
    let mut left = vec![(value, 1)];
    while let Some((value, depth)) = left.pop() {
        deepest = deepest.max(depth);
        // Deep enough to be refused.
        if depth > MAX_DEPTH {
            break;
        }
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => left.extend(fields.values().map(|field| (field, depth + 1))),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(error: WireError) -> String {
        match error {
            WireError::Failed { text } => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_too_large_or_too_deep_is_refused() {
        let nested = |levels| (1..levels).fold(json!({}), |inner, _| json!({ "items": inner }));
        assert_eq!(check(&Constraint::JsonSchema(nested(MAX_DEPTH))), Ok(()));
        assert!(reason(check(&Constraint::JsonSchema(nested(MAX_DEPTH + 1))).unwrap_err()).contains("64 levels"));
        assert_eq!(check(&Constraint::Regex("a".repeat(MAX_BYTES))), Ok(()));
        assert!(reason(check(&Constraint::Grammar("a".repeat(MAX_BYTES + 1))).unwrap_err()).contains("KiB"));
    }

    #[test]
    fn blanks_are_bounded_whatever_the_schema_says_of_them() {
        let schema = json!({ "type": "string", "x-guidance": { "whitespace_pattern": "\\s*" } });
        let bounded = json!({ "type": "string", "x-guidance": { "whitespace_pattern": " " } });
        assert_eq!(compact(schema), Ok(bounded));
        assert_eq!(compact(json!(true)), compact(json!({})));
        assert!(reason(compact(json!(false)).unwrap_err()).contains("no object"));
    }

    #[test]
    fn a_reason_is_one_line() {
        let text = reason(refused("unknown keyword.\n<state>\nthe whole grammar"));
        assert_eq!(text, "The answer cannot be given the form that was asked for: unknown keyword.");
    }
}
