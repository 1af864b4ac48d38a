//! What a server answers, judged: headers that tell of a file, statuses that mean no, a body that comes in pieces.

use std::time::Duration;

use bytes::Bytes;
use molt_core::DownloadError;
use reqwest::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderName},
};

use crate::{
    names::{is_hex, is_sha256, shown},
    saved::Told,
};

const LINKED_ETAG: HeaderName = HeaderName::from_static("x-linked-etag");
const LINKED_SIZE: HeaderName = HeaderName::from_static("x-linked-size");
const COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");
/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const LONGEST_ETAG: usize = 200;

/// Why a try did not complete a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The user wanted it to stop.
    Stopped,
    /// It may go better soon, after the time the server asks for.
    Retry { reason: String, after: Option<Duration> },
    /// What is here does not agree with what the hub has; it is begun again.
    Useless(String),
    /// All bytes came, and they are not those of the file.
    Wrong(String),
    /// This hub will not do it; a mirror may.
    Refused(DownloadError),
    /// Nobody will.
    Fatal(DownloadError),
}

impl Trouble {
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into(), after: None }
    }
}

/// A body with the place in the file where it begins.
#[derive(Debug)]
pub struct Reply {
    pub start: u64,
    /// Bytes of the whole file, if the server says.
    pub total: Option<u64>,
    pub etag: Option<String>,
    response: Response,
}

impl Reply {
    /// `offset` is where the body was asked to begin; a server may begin at 0 instead.
    pub fn new(response: Response, offset: u64, file: &str) -> Result<Self, Trouble> {
        let (status, headers) = (response.status(), response.headers());
        let etag = text(headers, &header::ETAG).filter(|etag| etag.len() <= LONGEST_ETAG).map(str::to_owned);
        if text(headers, &header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(Trouble::retry("the server sends the file in another form than asked for"));
        }
        match status {
            StatusCode::OK => {
                let total = number(headers, &header::CONTENT_LENGTH);
                Ok(Self { start: 0, total, etag, response })
            }
            StatusCode::PARTIAL_CONTENT => {
                let range = text(headers, &header::CONTENT_RANGE).and_then(content_range);
                let Some((start, end, total)) = range else {
                    return Err(Trouble::retry("the server does not say which part of the file it sends"));
                };
                if start != offset || total.is_some_and(|total| end >= total) {
                    return Err(Trouble::retry("the server sends another part of the file than asked for"));
                }
                Ok(Self { start, total, etag, response })
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Err(Trouble::Useless("the server says that the file is shorter than what is here already".into()))
            }
            _ => Err(refusal(status, headers, file)),
        }
    }

    /// The next piece; none at the end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Trouble> {
        self.response.chunk().await.map_err(|error| Trouble::retry(reason(&error)))
    }
}

/// What the headers tell of the file.
pub fn told(headers: &HeaderMap) -> Told {
    let commit = text(headers, &COMMIT).filter(|commit| commit.len() == 40 && is_hex(commit));
    let digest = |name: &HeaderName| text(headers, name).map(bare);
    // An ETag is a digest only where a hub says that it serves a repository.
    let linked = digest(&LINKED_ETAG).or_else(|| commit.and(digest(&header::ETAG)));
    Told {
        size: number(headers, &LINKED_SIZE),
        sha256: linked.filter(|digest| is_sha256(digest)).map(str::to_owned),
        git: linked.filter(|digest| digest.len() == 40 && is_hex(digest)).map(str::to_owned),
        commit: commit.map(str::to_owned),
    }
}

/// What a status that is no success means.
pub fn refusal(status: StatusCode, headers: &HeaderMap, file: &str) -> Trouble {
    let file = shown(file);
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::Refused(DownloadError::Gated(format!(
            "the hub does not give out {file} without permission: accept the model's terms on its page, and set HF_TOKEN to your token"
        ))),
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            Trouble::Refused(DownloadError::Missing(format!("the hub has no {file}")))
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Trouble::Retry {
            reason: "the hub asks to wait".into(),
            after: number(headers, &header::RETRY_AFTER).map(Duration::from_secs).map(|wait| wait.min(LONGEST_WAIT)),
        },
        status if status.is_server_error() => Trouble::Retry {
            reason: format!("the hub has a problem (status {})", status.as_u16()),
            after: number(headers, &header::RETRY_AFTER).map(Duration::from_secs).map(|wait| wait.min(LONGEST_WAIT)),
        },
        status => Trouble::Refused(DownloadError::Unreachable(format!(
            "the hub answers with status {} when asked for {file}",
            status.as_u16()
        ))),
    }
}

/// Why a connection failed, in words that do not repeat the address.
pub fn reason(error: &reqwest::Error) -> String {
    if error.is_redirect() {
        return "the hub leads to a place that is not safe".into();
    }
    if error.is_connect() {
        return "the hub cannot be reached; check the connection to the internet".into();
    }
    if error.is_timeout() {
        return "the hub does not answer".into();
    }
    "the connection broke".into()
}

/// A tag that two servers or two moments may be compared by; weak ones are the same for the same meaning.
pub fn bare(etag: &str) -> &str {
    let etag = etag.trim();
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

pub fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

pub fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

/// First byte, last byte and length of the whole from `bytes 5-9/10`.
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (start.parse().ok()?, end.parse().ok()?);
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    (start <= end).then_some((start, end, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn ranges_are_read_exactly() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, 9, None)));
        for wrong in ["bytes */10", "bytes 9-5/10", "5-9/10", "bytes 5-9", "bytes a-9/10", "bytes -9/10"] {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_digest_is_the_hubs_and_not_a_strangers() {
        let (sha256, git) = ("a".repeat(64), "b".repeat(40));
        let linked =
            told(&headers(&[("x-linked-etag", &format!("\"{sha256}\"")), ("x-linked-size", "12"), ("etag", "\"x\"")]));
        assert_eq!((linked.sha256.as_deref(), linked.size), (Some(sha256.as_str()), Some(12)));
        let small = told(&headers(&[("etag", &format!("\"{git}\"")), ("x-repo-commit", &git)]));
        assert_eq!(
            (small.git.as_deref(), small.commit.as_deref(), small.sha256),
            (Some(git.as_str()), Some(git.as_str()), None)
        );
        let stranger = told(&headers(&[("etag", &format!("\"{sha256}\""))]));
        assert_eq!(stranger, Told::default());
        assert_eq!(told(&headers(&[("x-repo-commit", "../../x"), ("x-linked-size", "-3")])), Told::default());
    }

    #[test]
    fn statuses_mean_what_they_say() {
        let of =
            |status: u16| refusal(StatusCode::from_u16(status).unwrap(), &headers(&[("retry-after", "7")]), "m.gguf");
        assert!(matches!(of(401), Trouble::Refused(DownloadError::Gated(text)) if text.contains("m.gguf")));
        assert!(matches!(of(404), Trouble::Refused(DownloadError::Missing(_))));
        assert!(matches!(of(429), Trouble::Retry { after: Some(wait), .. } if wait.as_secs() == 7));
        assert!(matches!(of(503), Trouble::Retry { .. }));
        assert!(matches!(of(418), Trouble::Refused(DownloadError::Unreachable(_))));
    }
}
