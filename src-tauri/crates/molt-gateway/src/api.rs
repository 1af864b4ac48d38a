//! Commands, events and signing in over HTTP.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{self, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, stream};
use molt_api::{ApiError, ErrorCode, Event};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::{Shared, stopped_signal};

/// Bytes of one request.
const LARGEST_BODY: usize = 16 << 20;
/// Longer than nothing is said, and the other side may think that we are gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// `POST /api/{name}`: the body is the command's request as JSON; an empty body is `{}`.
pub(crate) async fn call(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let args = match read_json(&headers, body).await {
        Ok(args) => args,
        Err(refused) => return refused,
    };
    let traced = name.clone();
    // A task of its own: a caller who goes away must not leave a command half done.
    let done = tokio::spawn(async move { shared.calls.call(&name, args).await }).await;
    match done {
        Ok(Ok(value)) => Json(value).into_response(),
        Ok(Err(error)) => (status_of(error.code), Json(error)).into_response(),
        Err(panic) => {
            tracing::error!(command = traced, %panic, "a command broke");
            let hint = "Try again; if it happens again, the log says more.";
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong inside Moltworker.", Some(hint))
        }
    }
}

/// `GET /api/documents/{id}/file`: bytes for the interface to draw. A browser that is sent here by itself saves them and draws nothing:
/// a document is not to speak with our address.
pub(crate) async fn document_file(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    match shared.calls.document_file(&id).await {
        Ok(content) => {
            let headers = [
                (header::CONTENT_TYPE, "application/pdf"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"document.pdf\""),
            ];
            (headers, content).into_response()
        }
        Err(error) => (status_of(error.code), Json(error)).into_response(),
    }
}

#[derive(Deserialize)]
struct SignIn {
    token: String,
}

/// `POST /api/session` with `{"token":…}`: the token or a sign-in code for the session cookie.
pub(crate) async fn sign_in(State(shared): State<Shared>, headers: HeaderMap, body: Body) -> Response {
    let args = match read_json(&headers, body).await {
        Ok(args) => args,
        Err(refused) => return refused,
    };
    match serde_json::from_value::<SignIn>(args) {
        Ok(SignIn { token }) if shared.guard.accepts_sign_in(&token) => {
            ([(header::SET_COOKIE, shared.guard.set_cookie())], Json(json!({}))).into_response()
        }
        Ok(_) => {
            let hint = "Open the address that `moltworker web` prints.";
            refusal(StatusCode::UNAUTHORIZED, "Moltworker does not know this token.", Some(hint))
        }
        Err(_) => refusal(StatusCode::BAD_REQUEST, "The request must be {\"token\": …}.", None),
    }
}

/// `POST /api/session/code`: a code that signs one browser in.
pub(crate) async fn code(State(shared): State<Shared>) -> Json<Value> {
    Json(json!({ "code": shared.guard.new_code() }))
}

/// `GET /api/events`: one JSON `Event` per message. Who is too slow is told to read everything again.
pub(crate) async fn events(State(shared): State<Shared>) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let happening = stream::unfold(shared.calls.events(), |mut receiver| async move {
        let event = match receiver.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => Event::Resync {},
            Err(RecvError::Closed) => return None,
        };
        Some((event, receiver))
    });
    let messages = happening.take_until(stopped_signal(shared.stop)).filter_map(|event| async move {
        match serde_json::to_string(&event) {
            Ok(text) => Some(Ok(sse::Event::default().data(text))),
            Err(error) => {
                tracing::error!(%error, "an event cannot be written as JSON");
                None
            }
        }
    });
    Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

pub(crate) async fn wrong_method() -> Response {
    refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address is called in another way.",
        Some("Commands are sent with POST."),
    )
}

/// An `ApiError` that the gateway itself gives.
pub(crate) fn refusal(status: StatusCode, message: &str, hint: Option<&str>) -> Response {
    let code = match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::LOCKED => ErrorCode::Locked,
        StatusCode::INTERNAL_SERVER_ERROR => ErrorCode::Internal,
        _ => ErrorCode::Invalid,
    };
    let hint = hint.map(str::to_owned);
    (status, Json(ApiError { code, message: message.to_owned(), hint, trace_id: String::new() })).into_response()
}

fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Invalid => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Locked => StatusCode::LOCKED,
        ErrorCode::Busy => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The request's JSON. Only `application/json` counts: a form of another page cannot send that without being asked about.
async fn read_json(headers: &HeaderMap, body: Body) -> Result<Value, Response> {
    let too_large =
        || refusal(StatusCode::PAYLOAD_TOO_LARGE, "The request is larger than 16 MiB, or it was cut short.", None);
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LARGEST_BODY) {
        return Err(too_large());
    }
    let body = to_bytes(body, LARGEST_BODY).await.map_err(|_| too_large())?;
    if body.is_empty() {
        return Ok(json!({}));
    }
    if !is_json(headers) {
        let message = "The request must be JSON, with the content type application/json.";
        return Err(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, None));
    }
    serde_json::from_slice(&body)
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, &format!("The request is not JSON: {error}."), None))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}
