//! `model load | unload | remove`, and what a list says of a model that is loaded.

use molt_api::{Empty, ModelList, ModelRef, ModelState, ModelView};

use crate::{
    commands::choose,
    connect::Connection,
    failure::Failure,
    print::{Printer, one_line, size},
    words::Words,
};

pub async fn load(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let model = named(connection, printer, wanted).await?;
    let list: ModelList = connection.call("model_load", ModelRef { id: model.spec.id.clone() }).await?;
    if connection.is_own() {
        printer.note(printer.words.loaded_for_nobody());
    }
    told(printer, &list, printer.words.loaded(one_line(&model.spec.name)))
}

pub async fn unload(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let model = named(connection, printer, wanted).await?;
    let list: ModelList = connection.call("model_unload", ModelRef { id: model.spec.id.clone() }).await?;
    told(printer, &list, printer.words.unloaded(one_line(&model.spec.name)))
}

pub async fn remove(connection: &Connection, printer: &Printer, wanted: &str) -> Result<(), Failure> {
    let model = named(connection, printer, wanted).await?;
    let removed: Empty = connection.call("model_remove", ModelRef { id: model.spec.id.clone() }).await?;
    if printer.json {
        return Ok(printer.value(&removed)?);
    }
    let name = one_line(&model.spec.name);
    Ok(printer.line(match model.spec.remote {
        Some(_) => printer.words.endpoint_removed(name),
        None => printer.words.removed_from_list(name),
    })?)
}

fn told(printer: &Printer, list: &ModelList, line: String) -> Result<(), Failure> {
    if printer.json { Ok(printer.value(list)?) } else { Ok(printer.line(line)?) }
}

async fn named(connection: &Connection, printer: &Printer, wanted: &str) -> Result<ModelView, Failure> {
    let list: ModelList = connection.call("model_list", ()).await?;
    let names = |model: &ModelView| (model.spec.id.to_string(), vec![model.spec.name.clone()]);
    choose(&list.models, wanted, printer, "moltworker model list", names).cloned()
}

/// Memory and speed of one that is loaded; of a file that was not downloaded by this program, that nobody compared it.
pub fn figures(words: Words, model: &ModelView) -> String {
    let mut parts = Vec::new();
    if let (ModelState::Loaded, Some(stats)) = (model.state, &model.stats) {
        if stats.memory > 0 {
            parts.push(size(stats.memory));
        }
        if stats.last_tokens_per_second > 0.0 {
            parts.push(words.writes(format!("{:.1}", stats.last_tokens_per_second)));
        }
    }
    if model.spec.remote.is_none() && !model.spec.bundled && !model.downloaded {
        parts.push(words.unverified());
    }
    parts.join(", ")
}
