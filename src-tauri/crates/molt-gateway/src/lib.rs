//! The local web interface: commands, events and the user interface over HTTP, on this computer only.
//!
//! Owns routes, who may call (see `guard`), and how calls and errors look in HTTP. It decides nothing: every call goes to `Calls`.
//! It must not know windows, storage, or how the program was started.
//!
//! | Route | Open to | Answer |
//! |---|---|---|
//! | `GET /health` | everyone on this computer | `{"status":"ok","version":…}` |
//! | `POST /api/session` | who has the token or a sign-in code | a session cookie |
//! | `POST /api/session/code` | signed in | `{"code":…}`, good for one sign-in within two minutes |
//! | `GET /api/events` | signed in | events as they happen (server-sent events) |
//! | `POST /api/{command}` | signed in | the command's answer, or an `ApiError` |
//! | `GET /api/documents/{id}/file` | signed in | the file of a PDF of the library |
//! | `GET /feed/{secret}/tasks.ics` | who knows the feed's address | the tasks as a calendar |
//! | `GET` anything else | everyone on this computer | the user interface's files, which hold nothing of the user's |

mod api;
mod calls;
mod feed;
mod guard;
mod ui;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router, middleware,
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

pub use calls::Calls;
use guard::Guard;

/// How long running requests may take to end when the gateway stops.
const GRACE: Duration = Duration::from_secs(2);

/// Characters; what is shorter could be guessed.
const SHORTEST_TOKEN: usize = 32;

/// Where to listen, and the secret that callers must know.
#[derive(Clone)]
pub struct GatewayConfig {
    /// An address of this computer's loopback; port 0 is any free one.
    pub addr: SocketAddr,
    /// At least 32 characters.
    pub token: String,
    /// Serves the user interface too.
    pub ui: bool,
}

/// The text is one plain sentence for people.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("port {0} is already used by another program; choose another port, or 0 for any free one")]
    PortTaken(u16),
    #[error("port {0} may not be used by ordinary programs; choose one above 1023, or 0 for any free one")]
    PortForbidden(u16),
    #[error(
        "the address {0} is not on this computer's loopback; use 127.0.0.1, because others could read along anywhere else"
    )]
    NotLocal(SocketAddr),
    #[error("the token is too short to keep anyone out; it needs at least {SHORTEST_TOKEN} characters")]
    WeakToken,
    #[error("the local web interface cannot start on {addr}: {source}")]
    Io { addr: SocketAddr, source: std::io::Error },
}

/// What every handler can reach.
#[derive(Clone)]
struct Shared {
    calls: Arc<dyn Calls>,
    guard: Arc<Guard>,
    /// Turns true, or closes, when the gateway stops: endless answers end then.
    stop: watch::Receiver<bool>,
    ui: bool,
}

/// A running gateway. It stops when this is dropped; `shutdown` also waits for what is running.
pub struct Gateway {
    addr: SocketAddr,
    guard: Arc<Guard>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("addr", &self.addr).finish_non_exhaustive()
    }
}

/// Starts listening; the connections are served in the background.
pub async fn serve(calls: impl Calls, config: GatewayConfig) -> Result<Gateway, GatewayError> {
    if !config.addr.ip().is_loopback() {
        return Err(GatewayError::NotLocal(config.addr));
    }
    if config.token.len() < SHORTEST_TOKEN {
        return Err(GatewayError::WeakToken);
    }
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => GatewayError::PortTaken(config.addr.port()),
        std::io::ErrorKind::PermissionDenied => GatewayError::PortForbidden(config.addr.port()),
        _ => GatewayError::Io { addr: config.addr, source },
    };
    let listener = TcpListener::bind(config.addr).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let (stop, stopped) = watch::channel(false);
    let guard = Arc::new(Guard::new(addr.port(), &config.token));
    let shared = Shared { calls: Arc::new(calls), guard: guard.clone(), stop: stopped.clone(), ui: config.ui };
    let router = router(shared);
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stopped_signal(stopped)).await;
        if let Err(error) = served {
            tracing::error!(%error, "the local web interface ended");
        }
    });
    tracing::info!(%addr, "the local web interface is open");
    Ok(Gateway { addr, guard, stop, task })
}

impl Gateway {
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// A code that signs one browser in within two minutes. Unlike the token it may stand in the arguments of another
    /// program, where other users of this computer can read it: once used it is worth nothing.
    pub fn sign_in_code(&self) -> String {
        self.guard.new_code()
    }

    /// Takes no new connections, ends the event streams, and gives running requests two seconds.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            tracing::warn!("a request was still running when the local web interface stopped");
            self.task.abort();
        }
    }
}

/// Ends when the gateway stops or is dropped.
async fn stopped_signal(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/api/session", post(api::sign_in))
        .route("/api/session/code", post(api::code))
        .route("/api/events", get(api::events))
        .route("/api/{name}", post(api::call))
        .route("/api/documents/{id}/file", get(api::document_file))
        .route("/feed/{secret}/tasks.ics", get(feed::tasks))
        .fallback(ui::file)
        .method_not_allowed_fallback(api::wrong_method)
        .layer(middleware::from_fn_with_state(shared.guard.clone(), guard::admit))
        .with_state(shared)
}

async fn health() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}
