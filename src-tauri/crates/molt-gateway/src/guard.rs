//! Who may call. Everything is checked before a body is read, in this order:
//!
//! 1. `Host` must be a name of this computer with our port. A web page whose name was pointed at 127.0.0.1 after it was loaded
//!    (DNS rebinding) still sends its own name. Forwarding headers are not believed; there is no proxy.
//! 2. `Origin`, when a browser sends it, must be that same host, and a command must not come from another site
//!    (`Sec-Fetch-Site`): cookies do not tell ports apart, so another local server's page would carry ours. There is no CORS.
//! 3. Below `/api`, the token (`Authorization: Bearer`) or the session cookie must be right. A wrong token is not made good by a
//!    cookie, and a token in the address does not count.
//!
//! The cookie is not the token but derived from it, goes only to `/api`, cannot be read by scripts, and ends with the token.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::Response,
};
use blake3::Hash;

use crate::{api::refusal, ui};

const CODE_LIFETIME: Duration = Duration::from_secs(120);
/// More codes than a person opens browsers within their lifetime; the oldest goes first.
const MOST_CODES: usize = 16;
/// Makes the cookie's value a different secret than anything else made from the token.
const COOKIE_CONTEXT: &str = "moltworker local web interface, session cookie, version 1";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The secrets of one running gateway. Comparisons are of hashes, whose equality takes constant time.
pub(crate) struct Guard {
    port: u16,
    token: Hash,
    cookie: String,
    cookie_hash: Hash,
    codes: Mutex<VecDeque<(Hash, Instant)>>,
}

impl Guard {
    pub(crate) fn new(port: u16, token: &str) -> Self {
        let cookie = Hash::from_bytes(blake3::derive_key(COOKIE_CONTEXT, token.as_bytes())).to_hex().to_string();
        Self { port, token: hash(token), cookie_hash: hash(&cookie), cookie, codes: Mutex::new(VecDeque::new()) }
    }

    /// The header that signs a browser in. The name holds the port because cookies are shared by all ports of a host.
    pub(crate) fn set_cookie(&self) -> String {
        format!("{}={}; Path=/api; HttpOnly; SameSite=Strict", self.cookie_name(), self.cookie)
    }

    /// Whether this is the token, or a code that was not used yet. Codes are used up.
    pub(crate) fn accepts_sign_in(&self, secret: &str) -> bool {
        let given = hash(secret);
        let now = Instant::now();
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|(_, made)| now.duration_since(*made) < CODE_LIFETIME);
        let known = codes.iter().position(|(code, _)| *code == given);
        known.and_then(|place| codes.remove(place)).is_some() || given == self.token
    }

    pub(crate) fn new_code(&self) -> String {
        let code = uuid::Uuid::new_v4().simple().to_string();
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        if codes.len() == MOST_CODES {
            codes.pop_front();
        }
        codes.push_back((hash(&code), Instant::now()));
        code
    }

    fn cookie_name(&self) -> String {
        format!("moltworker-{}", self.port)
    }

    /// The lower-case host and port that the request was sent to, if that is us.
    fn own_host(&self, headers: &HeaderMap, uri: &Uri) -> Option<String> {
        let host = only(headers, &header::HOST)?.to_ascii_lowercase();
        // An absolute address in the request line goes before the header for some servers: it must say the same.
        if uri.authority().is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(&host)) {
            return None;
        }
        ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|name| host.strip_prefix(name).is_some_and(|rest| self.is_own_port(rest)))
            .then_some(host)
    }

    fn is_own_port(&self, rest: &str) -> bool {
        rest.strip_prefix(':').map_or(rest.is_empty() && self.port == 80, |port| port == self.port.to_string())
    }

    fn is_signed_in(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::AUTHORIZATION) {
            return only(headers, &header::AUTHORIZATION).and_then(|value| value.split_once(' ')).is_some_and(
                |(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && hash(token.trim()) == self.token,
            );
        }
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(key, value)| key == name && hash(value) == self.cookie_hash)
    }

    /// What is wrong with a request, if anything.
    fn refuse(&self, headers: &HeaderMap, uri: &Uri) -> Option<Response> {
        let Some(host) = self.own_host(headers, uri) else {
            let message = "This address is not Moltworker's.";
            return Some(refusal(
                StatusCode::MISDIRECTED_REQUEST,
                message,
                Some("Use the address that Moltworker printed."),
            ));
        };
        let is_api = ui::is_below(uri.path(), "/api");
        let foreign_origin = headers.contains_key(header::ORIGIN)
            && only(headers, &header::ORIGIN).is_none_or(|origin| origin != format!("http://{host}"));
        let foreign_site = headers.contains_key(SEC_FETCH_SITE)
            && only(headers, &SEC_FETCH_SITE).is_none_or(|site| site != "same-origin" && site != "none");
        if foreign_origin || (is_api && foreign_site) {
            return Some(refusal(
                StatusCode::FORBIDDEN,
                "Another web page asked, and only Moltworker's own may.",
                None,
            ));
        }
        if is_api && uri.path() != "/api/session" && !self.is_signed_in(headers) {
            let hint = "Open the address that `moltworker web` prints, or send the token.";
            return Some(refusal(StatusCode::UNAUTHORIZED, "You are not signed in to Moltworker.", Some(hint)));
        }
        None
    }
}

/// Lets a request through or answers it, and puts the protective headers on every answer.
pub(crate) async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.refuse(request.headers(), request.uri()) {
        Some(refused) => {
            tracing::debug!(method = %request.method(), path = request.uri().path(), status = %refused.status(), "refused");
            refused
        }
        None => next.run(request).await,
    };
    for (name, value) in PROTECTION {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    // Only the files of the user interface may be kept, and they say so themselves.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Inline styles are allowed because the interface's components position themselves with them; scripts never are.
const PROTECTION: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; \
         worker-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

fn hash(secret: &str) -> Hash {
    blake3::hash(secret.as_bytes())
}

/// The header's value if it stands there exactly once and is plain text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_code_works_once_and_the_token_always() {
        let guard = Guard::new(1, TOKEN);
        let code = guard.new_code();
        assert!(!guard.accepts_sign_in("another"));
        assert!(guard.accepts_sign_in(&code));
        assert!(!guard.accepts_sign_in(&code));
        assert!(guard.accepts_sign_in(TOKEN) && guard.accepts_sign_in(TOKEN));
    }

    #[test]
    fn old_codes_are_forgotten() {
        let guard = Guard::new(1, TOKEN);
        let first = guard.new_code();
        let last = (0..MOST_CODES).map(|_| guard.new_code()).last().unwrap();
        assert!(!guard.accepts_sign_in(&first));
        guard.codes.lock().unwrap().iter_mut().for_each(|(_, made)| *made -= CODE_LIFETIME);
        assert!(!guard.accepts_sign_in(&last));
    }

    #[test]
    fn the_cookie_does_not_give_the_token_away() {
        let guard = Guard::new(7, TOKEN);
        assert!(guard.set_cookie().starts_with("moltworker-7="));
        assert!(!guard.set_cookie().contains(TOKEN));
        assert!(!guard.accepts_sign_in(&guard.cookie));
        assert_ne!(Guard::new(7, "another token that is long enough").cookie, guard.cookie);
    }

    #[test]
    fn only_port_80_can_be_left_out() {
        let host = |port, value| {
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(value))]);
            Guard::new(port, TOKEN).own_host(&headers, &Uri::from_static("/"))
        };
        assert_eq!(host(80, "localhost"), Some("localhost".into()));
        assert_eq!(host(8080, "localhost"), None);
        assert_eq!(host(8080, "LocalHost:8080"), Some("localhost:8080".into()));
    }
}
