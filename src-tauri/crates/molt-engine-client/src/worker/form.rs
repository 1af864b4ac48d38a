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

/// The schema as llguidance is to take it: what a model may write without end is bounded. These are blanks between the parts of the
/// JSON and the digits of numbers and of times.
pub fn compact(mut schema: Value) -> Result<Value, WireError> {
    bound(&mut schema);
    match &mut schema {
        Value::Object(keywords) => {
            keywords.insert("x-guidance".into(), json!({ "whitespace_pattern": " " }));
            Ok(schema)
        }
        Value::Bool(true) => compact(json!({})),
        _ => Err(refused("the schema is no object")),
    }
}

/// Keywords whose values are schemas, by name or in a list or alone.
const NAMED: [&str; 4] = ["properties", "patternProperties", "$defs", "definitions"];
const LISTED: [&str; 4] = ["prefixItems", "anyOf", "oneOf", "allOf"];
const ALONE: [&str; 2] = ["items", "additionalProperties"];
/// Integers above are not exact in the floating point numbers that readers of JSON use (2^53 is 9.007e15).
const LARGEST: f64 = 9e15;
/// Digits behind the point have an end.
const FINEST: f64 = 1e-6;
/// RFC 3339, section 5.6, without leap seconds and with six digits of a second at the most.
const DATE: &str = "([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))\
                    |([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29)";
const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";

/// Bounds this schema and those within it. It is not nested deep: see [`check`].
fn bound(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    for name in NAMED {
        if let Some(Value::Object(parts)) = keywords.get_mut(name) {
            parts.values_mut().for_each(bound);
        }
    }
    for name in LISTED {
        if let Some(Value::Array(parts)) = keywords.get_mut(name) {
            parts.iter_mut().for_each(bound);
        }
    }
    for name in ALONE {
        keywords.get_mut(name).into_iter().for_each(bound);
    }
    let is = |kind: &str| match keywords.get("type") {
        Some(Value::String(one)) => one == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    };
    let (is_number, is_integer) = (is("number"), is("integer"));
    if keywords.contains_key("enum") || keywords.contains_key("const") {
        return;
    }
    if is_number || is_integer {
        let limit = |name: &str| keywords.get(name).and_then(Value::as_f64);
        let (least, most) =
            (limit("minimum").or(limit("exclusiveMinimum")), limit("maximum").or(limit("exclusiveMaximum")));
        if least.is_none() && most.is_none_or(|most| most > -LARGEST) {
            keywords.insert("minimum".into(), json!(-LARGEST as i64));
        }
        if most.is_none() && least.is_none_or(|least| least < LARGEST) {
            keywords.insert("maximum".into(), json!(LARGEST as i64));
        }
        if is_number && !keywords.contains_key("multipleOf") {
            keywords.insert("multipleOf".into(), json!(FINEST));
        }
    }
    if !keywords.contains_key("pattern") {
        let pattern = match keywords.get("format").and_then(Value::as_str) {
            Some("time") => format!("^{TIME}$"),
            Some("date") => format!("^{DATE}$"),
            Some("date-time") => format!("^{DATE}T{TIME}$"),
            _ => return,
        };
        keywords.remove("format");
        keywords.insert("pattern".into(), pattern.into());
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
    fn digits_come_to_an_end() {
        let schema = json!({
            "type": "object",
            "properties": {
                "share": { "type": "number", "minimum": 0, "maximum": 1 },
                "any": { "type": ["number", "null"] },
                "count": { "type": "integer", "exclusiveMinimum": 5 },
                "fixed": { "type": "number", "enum": [0.5, 1.25] },
                "step": { "type": "number", "multipleOf": 0.5, "maximum": 3 },
                "times": { "type": "array", "items": { "anyOf": [{ "type": "string", "format": "time" }, { "type": "string" }] } },
            },
        });
        let bounded = compact(schema).unwrap();
        let of = |name: &str| bounded["properties"][name].clone();
        assert_eq!(of("share"), json!({ "type": "number", "minimum": 0, "maximum": 1, "multipleOf": 1e-6 }));
        let any =
            json!({ "type": ["number", "null"], "minimum": -9e15 as i64, "maximum": 9e15 as i64, "multipleOf": 1e-6 });
        assert_eq!(of("any"), any);
        assert_eq!(of("count"), json!({ "type": "integer", "exclusiveMinimum": 5, "maximum": 9e15 as i64 }));
        assert_eq!(of("fixed"), json!({ "type": "number", "enum": [0.5, 1.25] }));
        assert_eq!(of("step"), json!({ "type": "number", "multipleOf": 0.5, "maximum": 3, "minimum": -9e15 as i64 }));
        let time = &bounded["properties"]["times"]["items"]["anyOf"][0];
        assert!(time["pattern"].as_str().unwrap().contains("{1,6}") && time.get("format").is_none());
    }

    #[test]
    fn a_reason_is_one_line() {
        let text = reason(refused("unknown keyword.\n<state>\nthe whole grammar"));
        assert_eq!(text, "The answer cannot be given the form that was asked for: unknown keyword.");
    }
}
