//! The tasks as a calendar that other programs subscribe to, read only.
//!
//! A calendar program keeps an address and sends nothing else, so the secret stands in the address. It opens this one thing and is
//! not the token; a wrong one looks like no feed at all.

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use molt_api::{ApiError, ErrorCode, TaskFile};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Shared, api::refusal};

/// `GET /feed/{secret}/tasks.ics`
pub(crate) async fn tasks(State(shared): State<Shared>, Path(secret): Path<String>) -> Response {
    let settings: Value = match call(&shared, "settings_get").await {
        Ok(settings) => settings,
        Err(failed) => return failed,
    };
    // Hashes are compared in constant time.
    if settings["calendar_feed"]
        .as_str()
        .is_none_or(|known| blake3::hash(known.as_bytes()) != blake3::hash(secret.as_bytes()))
    {
        let hint = "Switch it on with `moltworker task feed`, and use the address that it prints.";
        return refusal(StatusCode::NOT_FOUND, "There is no calendar feed at this address.", Some(hint));
    }
    match call::<TaskFile>(&shared, "task_export").await {
        Ok(file) => ([(header::CONTENT_TYPE, "text/calendar; charset=utf-8")], file.text).into_response(),
        Err(failed) => failed,
    }
}

async fn call<T: DeserializeOwned>(shared: &Shared, name: &str) -> Result<T, Response> {
    let failed = |reason: String| {
        tracing::error!(reason, "the calendar feed could not be made");
        refusal(StatusCode::INTERNAL_SERVER_ERROR, "The tasks could not be read.", None)
    };
    let answer = shared.calls.call(name, Value::Null).await.map_err(|error: ApiError| match error.code {
        ErrorCode::Locked => refusal(StatusCode::LOCKED, &error.message, error.hint.as_deref()),
        _ => failed(error.message),
    })?;
    serde_json::from_str(answer.get()).map_err(|error| failed(error.to_string()))
}
