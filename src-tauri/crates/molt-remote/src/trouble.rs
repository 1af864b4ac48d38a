//! What went wrong with a server, in one plain sentence. The key is never part of it.

use molt_core::{EngineError, Secret};
use reqwest::{StatusCode, header::HeaderMap};

/// Characters of a server's own words that are passed on.
const LONGEST_WORDS: usize = 300;
/// Keys shorter than this are not looked for in a server's words: they would make holes in ordinary ones.
const SHORTEST_KEY: usize = 4;

/// The server that is spoken to, for sentences about it.
#[derive(Debug, Clone)]
pub struct Server {
    pub host: String,
    pub key: Option<Secret>,
}

impl Server {
    pub fn failed(&self, what: &str) -> EngineError {
        EngineError::Failed(format!("{} {what}", self.host))
    }

    /// With the server's own words behind ours, if there are any.
    pub fn failed_saying(&self, what: &str, words: Option<String>) -> EngineError {
        match words.map(|words| self.clean(&words)).filter(|words| !words.is_empty()) {
            Some(words) => self.failed(&format!("{what}: “{words}”")),
            None => self.failed(what),
        }
    }

    /// What a status that is no success means. `about`: what was asked for.
    pub fn refusal(&self, status: StatusCode, headers: &HeaderMap, about: &str, words: Option<String>) -> EngineError {
        match status.as_u16() {
            300..=399 => self.failed("leads to another address, which is not followed; correct the address"),
            401 | 403 if self.key.is_some() => {
                self.failed("does not accept the key; remove the model and add it again with the right key")
            }
            401 | 403 => self.failed("wants a key; remove the model and add it again with one"),
            404 | 410 => self.failed(&format!("does not have {about}, or the address is not quite right")),
            429 => match wait(headers) {
                Some(seconds) => self.failed(&format!(
                    "is asked too often, or its quota is used up; it wants to be left alone for {seconds} seconds"
                )),
                None => self.failed("is asked too often, or its quota is used up; try again later"),
            },
            500..=599 => self.failed_saying(&format!("has a problem (status {})", status.as_u16()), words),
            status => self.failed_saying(&format!("refuses the question (status {status})"), words),
        }
    }

    /// Why there is no connection, without repeating the address.
    pub fn broken(&self, error: &reqwest::Error) -> EngineError {
        if error.is_connect() {
            return self.failed("cannot be reached; check the connection, the address, and whether the server runs");
        }
        self.failed("ended the connection before the answer was complete")
    }

    /// On one line, without control characters and without the key.
    fn clean(&self, words: &str) -> String {
        let mut words: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
        words.retain(|c| !c.is_control());
        if let Some(key) = self.key.as_ref().map(Secret::expose).filter(|key| key.len() >= SHORTEST_KEY) {
            words = words.replace(key, "…");
        }
        if words.chars().count() > LONGEST_WORDS {
            words = words.chars().take(LONGEST_WORDS).chain(['…']).collect();
        }
        words
    }
}

/// Whole seconds; servers also write dates, which tell people nothing.
fn wait(headers: &HeaderMap) -> Option<u64> {
    headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(key: Option<&str>) -> Server {
        Server { host: "api.example.com".into(), key: key.map(Secret::new) }
    }

    #[test]
    fn a_server_that_repeats_the_key_does_not_make_us_repeat_it() {
        let words = Some("Bad\n key\u{1b}[31m sk-secret, sk-secret".to_owned());
        let said = server(Some("sk-secret")).failed_saying("refuses", words).to_string();
        assert_eq!(said, "api.example.com refuses: “Bad key[31m …, …”");
        let long = server(None).failed_saying("refuses", Some("长".repeat(1000))).to_string();
        assert!(long.chars().count() < 400, "{long}");
    }

    #[test]
    fn statuses_mean_what_they_say() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", reqwest::header::HeaderValue::from_static("7"));
        let said = |key, status: u16| {
            let status = StatusCode::from_u16(status).unwrap();
            server(key).refusal(status, &headers, "a model named m", Some("words".into())).to_string()
        };
        assert!(said(Some("k"), 401).contains("does not accept the key"));
        assert!(said(None, 403).contains("wants a key"));
        assert!(said(None, 404).contains("does not have a model named m"));
        assert!(said(None, 429).contains("7 seconds"));
        assert!(said(None, 500).contains("status 500") && said(None, 500).contains("words"));
        assert!(said(None, 302).contains("not followed"));
        assert!(said(None, 400).contains("“words”"));
    }
}
