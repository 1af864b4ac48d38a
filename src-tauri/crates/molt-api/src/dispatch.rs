//! Calls by name: the same list for the window's command, the local HTTP interface and the CLI.

use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{ApiError, App, ErrorCode};

macro_rules! commands {
    ($($name:ident $(($argument:ident))?),* $(,)?) => {
        /// Every call there is.
        pub const COMMANDS: &[&str] = &[$(stringify!($name)),*];

        /// Calls a use case by its name. `arguments` is the request as JSON; `null` for none. The answer is JSON as text: a tree of
        /// ten thousand tasks costs more to build than the tasks to read.
        pub async fn dispatch(app: &App, name: &str, arguments: Value) -> Result<Box<RawValue>, ApiError> {
            match name {
                $(stringify!($name) => commands!(@call app, $name, arguments $(, $argument)?),)*
                _ => Err(ApiError::new(ErrorCode::NotFound, format!("there is no call named {name:?}"))),
            }
        }
    };
    (@call $app:ident, $name:ident, $arguments:ident) => {{
        let _ = $arguments;
        to_json(&$app.$name().await?)
    }};
    (@call $app:ident, $name:ident, $arguments:ident, request) => {
        to_json(&$app.$name(from_value(stringify!($name), $arguments)?).await?)
    };
}

commands! {
    status, settings_get, settings_set(request), suggestions, activity_dismiss(request),
    conversation_list, conversation_get(request), conversation_rename(request), conversation_delete(request),
    conversation_restore(request), chat_send(request), chat_edit(request), chat_retry(request), chat_continue(request),
    chat_stop(request),
    source_list, knowledge_add(request), source_remove(request), source_skipped(request),
    document_list(request), document_changes(request), document_get(request), document_retry(request), document_unlock(request),
    knowledge_search(request), knowledge_pause(request), knowledge_extract(request),
    task_list, task_changes(request), task_parse(request), task_add(request), task_add_line(request),
    task_update(request), task_set_done(request), task_skip(request), task_delete(request), task_restore(request), task_import(request),
    task_export, task_feed(request),
    reminder_list, reminder_done(request), reminder_dismiss(request), reminder_snooze(request),
    model_list, model_import(request), model_set(request), model_configure(request), model_benchmark(request), model_remove(request),
    model_load(request), model_unload(request),
    model_catalogue, model_downloads, model_download_start(request), model_download_pause(request),
    model_download_resume(request), model_download_cancel(request), model_search_hub(request), model_hub_files(request),
    model_delete(request), model_folders_scan, model_endpoint_models(request), model_endpoint_add(request),
    model_endpoint_edit(request), model_endpoint_test(request),
}

pub(crate) fn from_value<T: serde::de::DeserializeOwned>(name: &str, arguments: Value) -> Result<T, ApiError> {
    let arguments = if arguments.is_null() { Value::Object(serde_json::Map::new()) } else { arguments };
    serde_json::from_value(arguments)
        .map_err(|error| ApiError::invalid(format!("{name} was called with wrong arguments: {error}")))
}

pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<Box<RawValue>, ApiError> {
    to_raw_value(value).map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))
}
