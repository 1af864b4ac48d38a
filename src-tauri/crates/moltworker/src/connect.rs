//! Reaching the program: the process that owns the data directory over its local interface, or a backend of our own.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::{Duration, Instant},
};

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use molt_api::{Door, Event, KeyStatus, KeyUnlock, ModelSet, ModelState, Status};
use molt_backend::{Backend, BackendConfig, StartError};
use molt_core::{ModelRole, Settings};
use molt_gateway::{Gateway, GatewayConfig, GatewayError};
use molt_os::{DataDir, Owner, current_owner, random_token};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;

use crate::{commands::restore::minute, failure::Failure, print::Printer, sse::Messages, words::Words};

/// How long an owner that is just starting or stopping is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// For an answer from this computer that needs no work.
const QUICK: Duration = Duration::from_secs(2);
/// How long our own backend may take to stop.
const STOP: Duration = Duration::from_secs(5);

/// The program, wherever it runs.
pub enum Connection {
    Own(Box<Own>),
    Client(Client),
}

impl Connection {
    /// Reaches the owner of the data directory, or becomes it. `port` is for the local interface of an owner that we become, see
    /// [`Own::start`].
    pub async fn open(data: &DataDir, port: Option<u16>, words: Words) -> Result<Self, Failure> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let taken = match find(data, words).await {
                Some(client) => return Ok(Self::Client(client)),
                None => match Own::start(data, port).await {
                    Ok(own) => return Ok(Self::Own(Box::new(own))),
                    Err(OwnError::Taken(message)) => message,
                    Err(error) => return Err(error.into()),
                },
            };
            if Instant::now() >= deadline {
                tracing::debug!(taken, "the owner did not answer");
                return Err(Failure::hinted(words.unreachable(), words.unreachable_hint()));
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }

    /// True when the work ends with this process.
    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// One command.
    pub async fn call<T: DeserializeOwned>(&self, name: &str, request: impl Serialize) -> Result<T, Failure> {
        let not_json = |error: serde_json::Error| Failure::plain(sentence(&error.to_string()));
        match self {
            Self::Own(own) => own.call(name, request).await,
            Self::Client(client) => client.call(name, &serde_json::to_value(request).map_err(not_json)?).await,
        }
    }

    /// Everything that happens from now on; it ends when the program does.
    pub async fn events(&self) -> Result<BoxStream<'static, Event>, Failure> {
        match self {
            Self::Own(own) => {
                let events = stream::unfold(own.door.events(), |mut receiver| async move {
                    match receiver.recv().await {
                        Ok(event) => Some((event, receiver)),
                        Err(RecvError::Lagged(_)) => Some((Event::Resync {}, receiver)),
                        Err(RecvError::Closed) => None,
                    }
                });
                Ok(events.boxed())
            }
            Self::Client(client) => client.events().await,
        }
    }

    /// Waits until the chosen model is loaded. A problem with it is said, and the command goes on without the model.
    pub async fn load_model(&self, role: ModelRole, printer: &Printer) -> Result<(), Failure> {
        if role == ModelRole::Chat && self.call::<Settings>("settings_get", ()).await?.automatic_model {
            // One is loaded when it is chosen for a question.
            return Ok(());
        }
        let status: Status = self.call("status", ()).await?;
        let chosen = match role {
            ModelRole::Chat => status.chat_model,
            ModelRole::Embedder => status.embedder,
            ModelRole::Reranker => status.reranker,
        };
        let Some(model) = chosen else { return Ok(()) };
        let problem = match model.state {
            ModelState::Loaded => None,
            // Choosing the chosen one changes nothing, and answers when it is loaded.
            ModelState::Available | ModelState::Loading => {
                let request = ModelSet { role, id: Some(model.spec.id) };
                self.call::<Value>("model_set", request).await.err().map(|failure| failure.message())
            }
            ModelState::Failed | ModelState::Missing => model.problem,
        };
        if let Some(problem) = problem {
            printer.note(printer.words.model_problem(&model.spec.name, problem));
        }
        Ok(())
    }

    /// Ends a backend of our own in good order.
    pub async fn close(self) {
        if let Self::Own(own) = self {
            own.stop().await;
        }
    }
}

/// The owner of the data directory, if it has one that answers.
pub async fn find(data: &DataDir, words: Words) -> Option<Client> {
    let owner = current_owner(data)?;
    let client = Client::new(&owner, words)?;
    client.is_there().await.then_some(client)
}

/// A backend in this process. Others reach it over its local interface as long as it runs.
pub struct Own {
    door: Door,
    backend: Backend,
    gateway: Option<Gateway>,
    token: String,
}

/// Why this process cannot own the data directory. The texts are sentences.
#[derive(Debug)]
pub enum OwnError {
    /// Another process does.
    Taken(String),
    Other(String),
}

impl From<OwnError> for Failure {
    fn from(error: OwnError) -> Self {
        match error {
            OwnError::Taken(message) | OwnError::Other(message) => Self::plain(message),
        }
    }
}

impl Own {
    /// Opens the data directory. With a port, the local interface must open there; without one, it takes any port, and a
    /// computer on which it cannot open does not matter.
    pub async fn start(data: &DataDir, port: Option<u16>) -> Result<Self, OwnError> {
        let config = BackendConfig {
            data_dir: data.root().to_path_buf(),
            workers_dir: None,
            desktop: false,
            resumes_downloads: port.is_some(),
        };
        let backend = Backend::start(config).await.map_err(|error| match error {
            StartError::AlreadyOwned(_) => OwnError::Taken(sentence(&error.to_string())),
            _ => OwnError::Other(sentence(&error.to_string())),
        })?;
        let door = backend.door();
        let opened = open_gateway(&door, &backend, port.unwrap_or_default()).await;
        match opened {
            Ok((gateway, token)) => Ok(Self { door, backend, gateway: Some(gateway), token }),
            Err(error) if port.is_none() => {
                tracing::warn!(error, "other programs cannot reach this one");
                Ok(Self { door, backend, gateway: None, token: String::new() })
            }
            Err(error) => {
                stop_backend(backend).await;
                Err(OwnError::Other(error))
            }
        }
    }

    /// One command.
    pub async fn call<T: DeserializeOwned>(&self, name: &str, request: impl Serialize) -> Result<T, Failure> {
        let not_json = |error: serde_json::Error| Failure::plain(sentence(&error.to_string()));
        let answer = self.door.call(name, serde_json::to_value(request).map_err(not_json)?).await?;
        serde_json::from_str(answer.get()).map_err(not_json)
    }

    /// Unlocks the data with the passphrase in a file. A problem with it is said; the page can unlock the data all the same.
    /// Where nothing guards the key, that is said too.
    pub async fn unlock(&self, file: Option<&Path>, printer: &Printer) {
        let status = async || self.call::<KeyStatus>("key_status", ()).await.unwrap_or_default();
        if let Some(file) = file
            && status().await.locked
            && let Err(failure) = self.unlock_with(file, printer).await
        {
            printer.failure(&failure);
        }
        if printer.json {
            return;
        }
        match status().await {
            KeyStatus { problem: Some(problem), copy: Some(copy), .. } => {
                printer.note(sentence(&problem));
                printer.note(printer.words.restore_hint(minute(copy)));
            }
            KeyStatus { locked: true, .. } => printer.note(printer.words.serving_locked()),
            KeyStatus { file: true, .. } => printer.note(printer.words.opened_by_file()),
            _ => {}
        }
    }

    async fn unlock_with(&self, file: &Path, printer: &Printer) -> Result<(), Failure> {
        let passphrase = Some(crate::secret::read_file(file, printer)?);
        self.call::<KeyStatus>("key_unlock", KeyUnlock { passphrase, recovery_code: None }).await?;
        Ok(())
    }

    /// The local interface; there always is one when a port was asked for.
    pub fn gateway(&self) -> Option<(&Gateway, &str)> {
        self.gateway.as_ref().map(|gateway| (gateway, self.token.as_str()))
    }

    pub fn door(&self) -> Door {
        self.door.clone()
    }

    pub async fn stop(self) {
        if let Some(gateway) = self.gateway {
            gateway.shutdown().await;
        }
        stop_backend(self.backend).await;
    }
}

async fn open_gateway(door: &Door, backend: &Backend, port: u16) -> Result<(Gateway, String), String> {
    let token = random_token().map_err(|error| sentence(&error))?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let config = GatewayConfig { addr, token: token.clone(), ui: true };
    let served: Result<Gateway, GatewayError> = molt_gateway::serve(door.clone(), config).await;
    let gateway = served.map_err(|error| sentence(&error.to_string()))?;
    match backend.publish(gateway.local_addr().port(), &token) {
        Ok(()) => Ok((gateway, token)),
        Err(error) => {
            gateway.shutdown().await;
            Err(sentence(&format!("the data folder cannot be written: {error}")))
        }
    }
}

async fn stop_backend(backend: Backend) {
    if tokio::time::timeout(STOP, backend.shutdown()).await.is_err() {
        tracing::warn!("background work did not end in time");
    }
}

/// The local interface of another process.
pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
    words: Words,
}

impl Client {
    /// None while the owner has no local interface.
    fn new(owner: &Owner, words: Words) -> Option<Self> {
        // A proxy of the environment must never see what stays on this computer.
        let built = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(QUICK)
            .build();
        let http = built.inspect_err(|error| tracing::error!(%error, "no HTTP client could be made")).ok()?;
        Some(Self { http, base: format!("http://127.0.0.1:{}", owner.port?), token: owner.token.clone(), words })
    }

    async fn is_there(&self) -> bool {
        let asked = self.http.get(format!("{}/health", self.base)).timeout(QUICK).send().await;
        asked.is_ok_and(|response| response.status().is_success())
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// A code that signs one browser in.
    pub async fn sign_in_code(&self) -> Result<String, Failure> {
        #[derive(serde::Deserialize)]
        struct Code {
            code: String,
        }
        Ok(self.call::<Code>("session/code", &Value::Object(serde_json::Map::new())).await?.code)
    }

    async fn call<T: DeserializeOwned>(&self, name: &str, request: &Value) -> Result<T, Failure> {
        let asked = self.http.post(format!("{}/api/{name}", self.base)).bearer_auth(&self.token).json(request);
        let response = self.checked(asked.send().await).await?;
        let answer = response.bytes().await.map_err(|_| self.lost())?;
        serde_json::from_slice(&answer).map_err(|_| self.not_understood())
    }

    async fn events(&self) -> Result<BoxStream<'static, Event>, Failure> {
        let asked = self.http.get(format!("{}/api/events", self.base)).bearer_auth(&self.token);
        let pieces = self.checked(asked.send().await).await?.bytes_stream().boxed();
        let start = (pieces, Messages::default(), VecDeque::new());
        let events = stream::unfold(start, |(mut pieces, mut messages, mut ready)| async move {
            loop {
                if let Some(message) = ready.pop_front() {
                    return Some((message, (pieces, messages, ready)));
                }
                ready.extend(messages.push(&pieces.next().await?.ok()?));
            }
        });
        // What a newer program says and we do not know does not matter to us.
        Ok(events.filter_map(|message| async move { serde_json::from_str(&message).ok() }).boxed())
    }

    /// The response, if it is a success; its error otherwise.
    async fn checked(&self, sent: reqwest::Result<reqwest::Response>) -> Result<reqwest::Response, Failure> {
        let response = sent.map_err(|_| self.lost())?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status == reqwest::StatusCode::UNAUTHORIZED {
            return Err(Failure::hinted(self.words.cannot_sign_in(), self.words.unreachable_hint()));
        }
        let error = response.bytes().await.map_err(|_| self.lost())?;
        Err(serde_json::from_slice(&error).map_or_else(|_| self.not_understood(), Failure::Api))
    }

    fn lost(&self) -> Failure {
        Failure::hinted(self.words.connection_lost(), self.words.connection_lost_hint())
    }

    fn not_understood(&self) -> Failure {
        Failure::hinted(self.words.not_understood(), self.words.not_understood_hint())
    }
}

/// With a capital letter and a full stop, as people read it.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let mut sentence: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?', '。']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_begin_and_end() {
        assert_eq!(sentence("the disk is full"), "The disk is full.");
        assert_eq!(sentence("磁盘已满。"), "磁盘已满。");
        assert_eq!(sentence(""), ".");
    }
}
