//! Asking a hub in the layout of Hugging Face. Owns the addresses and the clients; it keeps nothing on the disk.

use std::{net::IpAddr, time::Duration};

use async_trait::async_trait;
use molt_core::{DownloadError, HubFile, HubModel, ModelHub};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header, redirect};
use serde_json::Value;

use crate::{
    config::DownloadConfig,
    names,
    reply::{Reply, Trouble, number, reason, refusal, text, told},
    saved::Told,
};

const AGENT: &str = concat!("Moltworker/", env!("CARGO_PKG_VERSION"));
const CONNECT: Duration = Duration::from_secs(10);
const MOST_REDIRECTS: usize = 10;
/// Bytes of a listing.
const LONGEST_LISTING: usize = 8 << 20;
/// Models that a search gives at the most.
const MOST_FOUND: usize = 100;

/// The configuration cannot be used; one plain sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(pub String);

/// The hubs of a configuration. Cheap to clone. Making one opens no connection.
#[derive(Debug, Clone)]
pub struct Hub {
    /// Follows where it is led.
    client: Client,
    /// Does not.
    still: Client,
    endpoints: Vec<Url>,
    token: Option<String>,
    patience: Duration,
}

impl Hub {
    pub fn new(config: &DownloadConfig) -> Result<Self, BadConfig> {
        let endpoint = |text: &String| {
            let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            url.ok_or_else(|| BadConfig(format!("no hub can have the address {}", names::shown(text))))
        };
        let endpoints: Vec<Url> = config.endpoints.iter().map(endpoint).collect::<Result<_, _>>()?;
        if endpoints.is_empty() {
            return Err(BadConfig("there is no hub to download from".into()));
        }
        let build = |policy| {
            let builder = Client::builder().user_agent(AGENT).connect_timeout(CONNECT).redirect(policy);
            builder.build().map_err(|error| BadConfig(format!("secure connections cannot be made: {error}")))
        };
        Ok(Self {
            client: build(redirect::Policy::custom(follow))?,
            still: build(redirect::Policy::none())?,
            endpoints,
            token: config.token.clone(),
            patience: config.stall,
        })
    }

    /// The number of hubs; they are asked for by their place.
    pub fn count(&self) -> usize {
        self.endpoints.len()
    }

    pub fn name(&self, endpoint: usize) -> &str {
        self.endpoints[endpoint].as_str()
    }

    /// What the hub says of a file before sending it.
    pub async fn ask(&self, endpoint: usize, repository: &str, revision: &str, file: &str) -> Result<Told, Trouble> {
        let mut url = self.file_url(endpoint, repository, revision, file);
        let mut known = Told::default();
        for _ in 0..MOST_REDIRECTS {
            let response = self.send(endpoint, self.still.head(url.clone())).await?;
            let (status, headers) = (response.status(), response.headers());
            let news = told(headers);
            known = Told {
                size: known.size.or(news.size),
                sha256: known.sha256.or(news.sha256),
                git: known.git.or(news.git),
                commit: known.commit.or(news.commit),
            };
            if status.is_success() {
                known.size = known.size.or_else(|| number(headers, &header::CONTENT_LENGTH));
                return Ok(known);
            }
            if status.is_redirection() {
                let next = text(headers, &header::LOCATION).and_then(|place| url.join(place).ok());
                // What matters stands in the hub's own answers; the stores behind it are not asked.
                match next.filter(|next| next.origin() == url.origin()) {
                    Some(next) if known.size.is_none() => url = next,
                    _ => return Ok(known),
                }
                continue;
            }
            if matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) {
                return Ok(known);
            }
            return Err(refusal(status, headers, file));
        }
        Err(Trouble::retry("the hub leads in a circle"))
    }

    /// The file from `offset` on, if it still is the one of `if_range`.
    pub async fn open(
        &self,
        endpoint: usize,
        repository: &str,
        revision: &str,
        file: &str,
        offset: u64,
        if_range: Option<&str>,
    ) -> Result<Reply, Trouble> {
        let url = self.file_url(endpoint, repository, revision, file);
        // A compressed body would make places in it meaningless.
        let mut request = self.client.get(url).header(header::ACCEPT_ENCODING, "identity");
        if offset > 0 {
            request = request.header(header::RANGE, format!("bytes={offset}-"));
            // A weak tag must not be used here (RFC 9110, 13.1.5).
            if let Some(etag) = if_range.filter(|etag| !etag.starts_with("W/")) {
                request = request.header(header::IF_RANGE, etag);
            }
        }
        Reply::new(self.send(endpoint, request).await?, offset, file)
    }

    async fn send(&self, endpoint: usize, request: RequestBuilder) -> Result<Response, Trouble> {
        // A mirror is somebody else, who must not learn the token.
        let request = match &self.token {
            Some(token) if endpoint == 0 => request.bearer_auth(token),
            _ => request,
        };
        match tokio::time::timeout(self.patience, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            // One that is led astray will be led there again.
            Ok(Err(error)) if error.is_redirect() => Err(Trouble::Refused(DownloadError::Unreachable(reason(&error)))),
            Ok(Err(error)) => Err(Trouble::retry(reason(&error))),
            Err(_) => Err(Trouble::retry("the hub does not answer")),
        }
    }

    fn file_url(&self, endpoint: usize, repository: &str, revision: &str, file: &str) -> Url {
        let parts = repository.split('/').chain(["resolve", revision]).chain(file.split('/'));
        self.url(endpoint, parts)
    }

    fn url<'a>(&self, endpoint: usize, parts: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.endpoints[endpoint].clone();
        // Always there: the scheme is one of HTTP.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// A listing from the first hub that gives it.
    async fn listing(&self, parts: &[&str], query: &[(&str, &str)], about: &str) -> Result<Value, DownloadError> {
        let mut problem = None;
        for endpoint in 0..self.count() {
            let mut url = self.url(endpoint, parts.iter().copied());
            url.query_pairs_mut().extend_pairs(query);
            match self.read_json(endpoint, url, about).await {
                Ok(value) => return Ok(value),
                Err(Trouble::Refused(error) | Trouble::Fatal(error)) => {
                    problem.get_or_insert(error);
                }
                Err(Trouble::Retry { reason, .. } | Trouble::Useless(reason) | Trouble::Wrong(reason)) => {
                    problem.get_or_insert(DownloadError::Unreachable(reason));
                }
                Err(Trouble::Stopped) => {}
            }
        }
        Err(problem.unwrap_or_else(|| DownloadError::Unreachable("the hub does not answer".into())))
    }

    async fn read_json(&self, endpoint: usize, url: Url, about: &str) -> Result<Value, Trouble> {
        let mut response = self.send(endpoint, self.client.get(url)).await?;
        if !response.status().is_success() {
            return Err(refusal(response.status(), response.headers(), about));
        }
        let mut body = Vec::new();
        loop {
            let piece = tokio::time::timeout(self.patience, response.chunk())
                .await
                .map_err(|_| Trouble::retry("the hub does not answer"))?
                .map_err(|error| Trouble::retry(reason(&error)))?;
            let Some(piece) = piece else { break };
            body.extend_from_slice(&piece);
            if body.len() > LONGEST_LISTING {
                return Err(Trouble::retry("the hub's answer is too long"));
            }
        }
        serde_json::from_slice(&body).map_err(|_| Trouble::retry("the hub's answer is not understood"))
    }
}

#[async_trait]
impl ModelHub for Hub {
    async fn search(&self, query: &str, limit: usize) -> Result<Vec<HubModel>, DownloadError> {
        let limit = limit.clamp(1, MOST_FOUND).to_string();
        let query =
            [("search", query), ("filter", "gguf"), ("sort", "downloads"), ("direction", "-1"), ("limit", &limit)];
        let found = self.listing(&["api", "models"], &query, "such a list").await?;
        Ok(found.as_array().into_iter().flatten().take(MOST_FOUND).filter_map(hub_model).collect())
    }

    async fn files(&self, repository: &str) -> Result<Vec<HubFile>, DownloadError> {
        let (owner, name) = names::repository(repository)?;
        let parts = ["api", "models", owner, name, "tree", "main"];
        let listed = self.listing(&parts, &[("recursive", "true")], repository).await?;
        Ok(listed.as_array().into_iter().flatten().filter_map(hub_file).collect())
    }
}

fn hub_model(value: &Value) -> Option<HubModel> {
    let repository = value["id"].as_str()?;
    // What could not be downloaded is not shown.
    names::repository(repository).ok()?;
    let tags = value["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Some(HubModel {
        repository: repository.to_owned(),
        downloads: value["downloads"].as_u64().unwrap_or_default(),
        licence: tags.filter_map(|tag| tag.strip_prefix("license:")).map(names::shown).next(),
        // `false`, or how access is given: "auto" or "manual".
        gated: !matches!(value["gated"], Value::Null | Value::Bool(false)),
    })
}

fn hub_file(value: &Value) -> Option<HubFile> {
    if value["type"] != "file" {
        return None;
    }
    let file = HubFile {
        path: value["path"].as_str()?.to_owned(),
        size: value["lfs"]["size"].as_u64().or_else(|| value["size"].as_u64()),
        sha256: value["lfs"]["oid"].as_str().filter(|digest| names::is_sha256(digest)).map(str::to_owned),
    };
    names::files(std::slice::from_ref(&file)).ok()?;
    Some(file)
}

/// Not from a secure connection to an open one, and not from the internet to this computer or its network.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let from = attempt.previous();
    let was_secure = from.iter().any(|url| url.scheme() == "https");
    let goes_inside = is_inside(attempt.url()) && !from.first().is_some_and(is_inside);
    if from.len() > MOST_REDIRECTS || (was_secure && attempt.url().scheme() != "https") || goes_inside {
        return attempt.error("not safe");
    }
    attempt.follow()
}

/// By its name or number; a public name that resolves to an inner address is not known here.
fn is_inside(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => is_inside_v4(ip),
        Ok(IpAddr::V6(ip)) => {
            let mapped = ip.to_ipv4_mapped().is_some_and(is_inside_v4);
            mapped || ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost") || !host.contains('.'),
    }
}

fn is_inside_v4(ip: std::net::Ipv4Addr) -> bool {
    ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_places_are_told_from_public_ones() {
        let inside = |text: &str| is_inside(&Url::parse(text).unwrap());
        for url in [
            "http://127.0.0.1:8080/",
            "http://localhost/",
            "http://10.1.2.3/",
            "http://192.168.0.1/",
            "http://169.254.1.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fd00::1]/",
            "http://router/",
            "http://0.0.0.0/",
        ] {
            assert!(inside(url), "{url}");
        }
        for url in ["https://huggingface.co/", "https://93.184.216.34/", "https://[2606:4700::1]/"] {
            assert!(!inside(url), "{url}");
        }
    }

    #[test]
    fn listings_are_taken_with_care() {
        let found = serde_json::json!({ "id": "Qwen/Qwen3-4B-GGUF", "downloads": 5, "tags": ["gguf", "license:apache-2.0"], "gated": "auto" });
        let model = hub_model(&found).unwrap();
        assert_eq!((model.downloads, model.licence.as_deref(), model.gated), (5, Some("apache-2.0"), true));
        for id in ["../etc", "one", "a/b/c", ""] {
            assert_eq!(hub_model(&serde_json::json!({ "id": id })), None, "{id}");
        }
        let digest = "c".repeat(64);
        let file =
            serde_json::json!({ "type": "file", "path": "a.gguf", "size": 10, "lfs": { "oid": digest, "size": 1000 } });
        assert_eq!(hub_file(&file), Some(HubFile { path: "a.gguf".into(), size: Some(1000), sha256: Some(digest) }));
        assert_eq!(hub_file(&serde_json::json!({ "type": "file", "path": "../a.gguf", "size": 10 })), None);
        assert_eq!(hub_file(&serde_json::json!({ "type": "directory", "path": "a" })), None);
    }

    #[test]
    fn an_endpoint_is_an_address() {
        let config = |endpoint: &str| {
            let disk = std::sync::Arc::new(crate::RealDisk { free_space: |_| None });
            DownloadConfig::new("/m".into(), vec![endpoint.to_owned()], disk)
        };
        let hub = Hub::new(&config("https://mirror.example/hf")).unwrap();
        let url = hub.file_url(0, "o/n", "main", "a b/c#d.gguf");
        assert_eq!(url.as_str(), "https://mirror.example/hf/o/n/resolve/main/a%20b/c%23d.gguf");
        for wrong in ["", "huggingface.co", "file:///etc", "ftp://x/"] {
            assert!(Hub::new(&config(wrong)).is_err(), "{wrong}");
        }
    }
}
