//! Connections to servers: two clients, the waiting, and reading what is not a stream.

use std::time::Duration;

use async_trait::async_trait;
use molt_core::{EngineError, OfferedModel, RemoteAddress, RemoteServers, Secret};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};

use crate::{address, completion, trouble::Server};

const AGENT: &str = concat!("Moltworker/", env!("CARGO_PKG_VERSION"));
/// Bytes of a list of models, or of an answer that comes in one piece.
const LONGEST_BODY: usize = 4 << 20;
/// Bytes of a body that tells of an error.
const LONGEST_ERROR: usize = 64 << 10;
/// Models of a list.
const MOST_OFFERED: usize = 1000;

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub connect: Duration,
    /// Until an answer begins. A server at home may first load the model.
    pub first: Duration,
    /// Until the next piece comes.
    pub next: Duration,
    /// Until a server that has said that the answer is complete ends the stream, or tells what it cost.
    pub last: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first: Duration::from_secs(180),
            next: Duration::from_secs(60),
            last: Duration::from_secs(2),
        }
    }
}

/// Makes requests. Cheap to clone; making one opens no connection.
#[derive(Debug, Clone)]
pub struct Servers {
    /// For this computer and its network: never through a proxy, which would read what is not encrypted.
    inside: Client,
    /// Encrypted always.
    outside: Client,
    pub(crate) patience: Patience,
}

impl Servers {
    /// The error is one plain sentence.
    pub fn new(patience: Patience) -> Result<Self, String> {
        let builder = || {
            Client::builder()
                .user_agent(AGENT)
                .connect_timeout(patience.connect)
                // The key and the question are for this server and no other.
                .redirect(redirect::Policy::none())
                .referer(false)
        };
        let sentence = |error: reqwest::Error| format!("secure connections cannot be made: {error}");
        Ok(Self {
            inside: builder().no_proxy().build().map_err(sentence)?,
            outside: builder().https_only(true).build().map_err(sentence)?,
            patience,
        })
    }

    /// A request to `path` below an address that was checked; it is checked again, because the database lies between.
    pub(crate) fn request(
        &self,
        url: &str,
        path: &str,
        post: bool,
        server: &Server,
    ) -> Result<RequestBuilder, EngineError> {
        let url = address::check(url).map_err(EngineError::Failed)?.url;
        let url = Url::parse(&format!("{url}/{path}")).map_err(|_| server.failed("has no address that can be used"))?;
        let client = if address::is_inside(&url) { &self.inside } else { &self.outside };
        let request = if post { client.post(url) } else { client.get(url) };
        Ok(match &server.key {
            // Marked as sensitive there, so that it is not logged.
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        })
    }

    /// The response, if it is a success.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        server: &Server,
        about: &str,
    ) -> Result<Response, EngineError> {
        let sent = tokio::time::timeout(self.patience.first, request.send()).await;
        let mut response =
            sent.map_err(|_| server.failed("does not answer"))?.map_err(|error| server.broken(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let body = self.body(&mut response, LONGEST_ERROR, server).await.unwrap_or_default();
        let words = completion::error_of_body(&body);
        Err(server.refusal(response.status(), response.headers(), about, words))
    }

    pub(crate) async fn whole(&self, response: &mut Response, server: &Server) -> Result<Vec<u8>, EngineError> {
        self.body(response, LONGEST_BODY, server).await
    }

    async fn body(&self, response: &mut Response, longest: usize, server: &Server) -> Result<Vec<u8>, EngineError> {
        let mut body = Vec::new();
        loop {
            let piece = tokio::time::timeout(self.patience.next, response.chunk())
                .await
                .map_err(|_| server.failed("stopped in the middle of its answer"))?
                .map_err(|error| server.broken(&error))?;
            let Some(piece) = piece else { return Ok(body) };
            body.extend_from_slice(&piece);
            if body.len() > longest {
                return Err(server.failed("sends more than an answer can be long"));
            }
        }
    }
}

#[async_trait]
impl RemoteServers for Servers {
    fn address(&self, text: &str) -> Result<RemoteAddress, String> {
        address::check(text)
    }

    async fn offered(&self, url: &str, key: Option<&Secret>) -> Result<Vec<OfferedModel>, EngineError> {
        let address = address::check(url).map_err(EngineError::Failed)?;
        let server = Server { host: address.host, key: key.cloned() };
        let request = self.request(&address.url, "models", false, &server)?;
        let mut response = self.send(request, &server, "a list of models").await?;
        let body = self.whole(&mut response, &server).await?;
        completion::offered(&body, MOST_OFFERED)
            .ok_or_else(|| server.failed("answers, but not with a list of models; the address is not quite right"))
    }
}
