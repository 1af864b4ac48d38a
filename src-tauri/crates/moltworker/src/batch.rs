//! `--batch`: one JSON object a line in, one out, in the same order, with the `id` kept. A line that cannot be answered gives
//! `{"id":…,"error":{…}}` and does not stop the others.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{failure::Failure, lines, print::Printer, words::Words};

pub type Object = Map<String, Value>;

/// Answers line by line; only one line is worked on at a time.
pub async fn run<R: DeserializeOwned>(
    printer: &Printer,
    source: &Path,
    mut answer: impl AsyncFnMut(R) -> Result<Object, Failure>,
) -> Result<(), Failure> {
    let mut lines = lines::open(source, printer.words)?;
    while let Some(line) = lines.recv().await {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let (id, request) = parse(&line, printer.words);
        let outcome = match request {
            Ok(request) => answer(request).await,
            Err(failure) => Err(failure),
        };
        let answered = match outcome {
            Ok(object) => object,
            // Neither is about this line.
            Err(failure @ (Failure::Output(_) | Failure::Said)) => return Err(failure),
            Err(failure) => Object::from_iter([("error".to_owned(), failure.to_json())]),
        };
        let mut object = Object::from_iter([("id".to_owned(), id)]);
        object.extend(answered);
        printer.value(&object)?;
    }
    Ok(())
}

/// An answer as the object of a line.
pub fn object(value: impl serde::Serialize) -> Object {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        Ok(other) => Object::from_iter([("value".to_owned(), other)]),
        Err(error) => Object::from_iter([("error".to_owned(), Failure::plain(error.to_string()).to_json())]),
    }
}

fn parse<R: DeserializeOwned>(line: &str, words: Words) -> (Value, Result<R, Failure>) {
    let wrong = |error: serde_json::Error| Failure::Usage(words.line_is_no_object(error));
    match serde_json::from_str::<Object>(line) {
        Err(error) => (Value::Null, Err(wrong(error))),
        Ok(mut object) => {
            let id = object.remove("id").unwrap_or_default();
            (id, serde_json::from_value(Value::Object(object)).map_err(wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use molt_core::Language;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Request {
        text: String,
    }

    #[test]
    fn the_id_is_kept_whatever_it_is() {
        let read = |line: &str| {
            let (id, request) = parse::<Request>(line, Words::new(Language::En));
            (id, request.map(|request| request.text).map_err(|failure| failure.message()))
        };
        assert_eq!(read(r#"{"id":7,"text":"a","lang":"en"}"#), (json!(7), Ok("a".into())));
        assert_eq!(read(r#"{"text":"a"}"#), (Value::Null, Ok("a".into())));
        let (id, missing) = read(r#"{"id":{"x":[1]}}"#);
        assert_eq!(id, json!({ "x": [1] }));
        assert!(missing.unwrap_err().contains("missing field `text`"));
        for line in ["[1]", "{", "1 2"] {
            let (id, wrong) = read(line);
            assert_eq!(id, Value::Null);
            assert!(wrong.unwrap_err().contains("not a JSON object"), "{line}");
        }
    }
}
