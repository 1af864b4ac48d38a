//! The commands, by what they are about. Each asks the program and prints; none decides anything.

pub mod ask;
pub mod configure;
pub mod download;
pub mod endpoint;
pub mod key;
pub mod knowledge;
pub mod knowledge_files;
pub mod life;
pub mod model;
pub mod restore;
pub mod serve;
pub mod task;
pub mod task_file;
pub mod tokenize;

use crate::{failure::Failure, print::Printer};

/// The one of a list that a person means by an id, the beginning of one, or a name. `command` lists them.
fn choose<'a, T>(
    items: &'a [T],
    wanted: &str,
    printer: &Printer,
    command: &str,
    names: impl Fn(&T) -> (String, Vec<String>),
) -> Result<&'a T, Failure> {
    let words = printer.words;
    let named = |item: &&T| {
        let (id, names) = names(item);
        id == wanted || names.iter().any(|name| name == wanted)
    };
    let begins = |item: &&T| !wanted.is_empty() && names(item).0.starts_with(wanted);
    let mut found: Vec<&T> = items.iter().filter(named).collect();
    if found.is_empty() {
        found = items.iter().filter(begins).collect();
    }
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Failure::hinted(words.none_matches(wanted), words.list_hint(command))),
        _ => Err(Failure::hinted(words.several_match(wanted), words.several_match_hint())),
    }
}

#[cfg(test)]
mod tests {
    use molt_core::Language;

    use super::*;
    use crate::words::Words;

    #[test]
    fn an_item_is_chosen_by_id_beginning_or_name() {
        let printer = Printer { json: false, words: Words::new(Language::En) };
        let items = [("abc1", "one"), ("abd2", "two"), ("ab", "abc")];
        let chosen = |wanted: &str| {
            choose(&items, wanted, &printer, "list", |item| (item.0.to_owned(), vec![item.1.to_owned()]))
                .map(|item| item.0)
                .map_err(|failure| failure.message())
        };
        assert_eq!(chosen("abc1"), Ok("abc1"));
        assert_eq!(chosen("abd"), Ok("abd2"));
        assert_eq!(chosen("two"), Ok("abd2"));
        // A whole id and a whole name go before beginnings.
        assert_eq!(chosen("ab"), Ok("ab"));
        assert_eq!(chosen("abc"), Ok("ab"));
        assert!(chosen("a").unwrap_err().contains("Several"));
        assert!(chosen("x").unwrap_err().contains("Nothing"));
        assert!(chosen("").unwrap_err().contains("Nothing"));
    }
}
