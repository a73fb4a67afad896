//! The web page at `/`: static files within the binary.
//!
//! # Invariants
//! - The page needs nothing from any other place, and [`POLICY`] forbids it anything else.
//! - It holds no script but in files of its own, and makes no markup from text.

use std::future::ready;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use axum::routing::get;

use super::access::Need;
use super::{Route, route};

/// What a browser lets the page do: load its own files and ask this server, no more.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! files {
    ($($path:literal $kind:literal $name:literal)*) => {
        [$(File {
            path: $path,
            kind: $kind,
            bytes: include_bytes!(concat!("../../assets/page/", $name)),
        }),*]
    };
}

static FILES: [File; 10] = files! {
    "/" "text/html; charset=utf-8" "index.html"
    "/page/icon.svg" "image/svg+xml" "icon.svg"
    "/page/page.css" "text/css; charset=utf-8" "page.css"
    "/page/page.js" "text/javascript; charset=utf-8" "page.js"
    "/page/chat.js" "text/javascript; charset=utf-8" "chat.js"
    "/page/dom.js" "text/javascript; charset=utf-8" "dom.js"
    "/page/memory.js" "text/javascript; charset=utf-8" "memory.js"
    "/page/receipt.js" "text/javascript; charset=utf-8" "receipt.js"
    "/page/server.js" "text/javascript; charset=utf-8" "server.js"
    "/page/status.js" "text/javascript; charset=utf-8" "status.js"
};

/// Every file. Anybody may load the page; what it shows needs what its routes need.
pub(super) fn routes() -> Vec<Route> {
    let route = |file: &'static File| {
        route(
            file.path,
            Need::Nothing,
            get(move || ready(file.response())),
        )
    };
    FILES.iter().map(route).collect()
}

impl File {
    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(Bytes::from_static(self.bytes)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        // A newer program has a newer page.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let policy = HeaderValue::from_static(POLICY);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        let quiet = HeaderValue::from_static("no-referrer");
        headers.insert(header::REFERRER_POLICY, quiet);
        response
    }
}
