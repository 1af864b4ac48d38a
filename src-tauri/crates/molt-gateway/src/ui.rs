//! The user interface's files. A release carries them inside; a debug build reads them from `ui/dist` when they are asked for.

use std::borrow::Cow;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

use crate::{Shared, api};

#[derive(RustEmbed)]
#[folder = "../../../ui/dist"]
#[allow_missing = true]
struct Files;

const START: &str = "index.html";
/// The build puts a hash of the content into the names below this folder.
const HASHED: &str = "assets/";

const NOT_BUILT: &str = "The user interface has not been built.\nRun `npm run build` in Moltworker's source folder, then load this page again.\n";

/// True for the path itself and for what lies below it.
pub(crate) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every request that is no route.
pub(crate) async fn file(State(shared): State<Shared>, request: Request) -> Response {
    let path = request.uri().path();
    if !shared.ui || is_below(path, "/api") {
        return api::refusal(StatusCode::NOT_FOUND, "There is nothing at this address.", None);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return api::wrong_method().await;
    }
    respond(path, request.headers(), |name| Files::get(name).map(|file| file.data))
}

fn respond(path: &str, headers: &HeaderMap, read: impl Fn(&str) -> Option<Cow<'static, [u8]>>) -> Response {
    let name = path.trim_start_matches('/');
    let name = if name.is_empty() { START } else { name };
    let found = if name.split('/').any(|part| part == "..") { None } else { read(name) };
    if let Some(content) = found {
        return content_of(name, content);
    }
    // The views are parts of one page. A missing script or picture must not be answered with that page.
    if name == START || is_navigation(name, headers) {
        return match read(START) {
            Some(content) => content_of(START, content),
            None => (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, TEXT)], NOT_BUILT).into_response(),
        };
    }
    api::refusal(StatusCode::NOT_FOUND, "There is no such file.", None)
}

fn is_navigation(name: &str, headers: &HeaderMap) -> bool {
    let has_extension = name.rsplit('/').next().is_some_and(|last| last.contains('.'));
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !has_extension && accepts.contains("text/html")
}

fn content_of(name: &str, content: Cow<'static, [u8]>) -> Response {
    let caching = if name == START {
        "no-store"
    } else if name.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let content: axum::body::Bytes = match content {
        Cow::Borrowed(bytes) => bytes.into(),
        Cow::Owned(bytes) => bytes.into(),
    };
    ([(header::CONTENT_TYPE, content_type(name)), (header::CACHE_CONTROL, caching)], content).into_response()
}

const TEXT: &str = "text/plain; charset=utf-8";

/// What the build can produce; anything else is not for a browser to interpret.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => TEXT,
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ask(path: &str, accept: &'static str, files: &[&'static str]) -> (StatusCode, String, String) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        let response = respond(path, &headers, |name| {
            files.iter().find(|file| **file == name).map(|file| Cow::Borrowed(file.as_bytes()))
        });
        let text = |name| response.headers().get(&name).map_or("", |value| value.to_str().unwrap()).to_owned();
        (response.status(), text(header::CONTENT_TYPE), text(header::CACHE_CONTROL))
    }

    const BUILT: &[&str] = &["index.html", "assets/app-1a2b.js", "mark.svg"];

    #[test]
    fn files_have_their_type_and_caching() {
        let page = (StatusCode::OK, "text/html; charset=utf-8".to_owned(), "no-store".to_owned());
        assert_eq!(ask("/", "text/html", BUILT), page);
        assert_eq!(ask("/index.html", "*/*", BUILT), page);
        let (status, kind, caching) = ask("/assets/app-1a2b.js", "*/*", BUILT);
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/javascript; charset=utf-8"));
        assert!(caching.contains("immutable"));
        assert_eq!(ask("/mark.svg", "*/*", BUILT), (StatusCode::OK, "image/svg+xml".into(), "no-cache".into()));
    }

    #[test]
    fn only_navigation_falls_back_to_the_page() {
        assert_eq!(ask("/tasks", "text/html,*/*;q=0.8", BUILT).1, "text/html; charset=utf-8");
        for (path, accept) in
            [("/tasks", "application/json"), ("/assets/gone.js", "text/html"), ("/../secret.html", "text/html")]
        {
            assert_eq!(ask(path, accept, BUILT).0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[test]
    fn a_missing_build_says_what_to_do() {
        let (status, kind, _) = ask("/", "text/html", &[]);
        assert_eq!((status, kind.as_str()), (StatusCode::SERVICE_UNAVAILABLE, TEXT));
        assert!(NOT_BUILT.contains("npm run build"));
    }

    #[test]
    fn the_disk_outside_the_build_cannot_be_read() {
        for path in [
            "/../package.json",
            "/assets/../../package.json",
            "/..%2fpackage.json",
            "//etc/hostname",
            "/..\\package.json",
        ] {
            let response = respond(path, &HeaderMap::new(), |name| Files::get(name).map(|file| file.data));
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
