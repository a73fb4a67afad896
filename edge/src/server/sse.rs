//! Server-sent events: a response that is written while it is made.
//!
//! Source: WHATWG HTML, section 9.2.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use serde_json::Value;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::generation::{Heard, News};
use super::refusal::Refusal;

/// A comment is sent when there was nothing else for so long: it keeps the connection
/// open, and shows whether anybody is there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// News that are written at once.
const AT_ONCE: usize = 32;

/// Turns news into events.
pub(super) trait Script: Send + 'static {
    /// Writes what these news mean to the client.
    fn write(&mut self, heard: Heard, out: &mut Events);

    /// Whether the last event is written.
    fn is_over(&self) -> bool;
}

/// Events on their way.
#[derive(Default)]
pub(super) struct Events(String);

impl Events {
    /// An event without a name.
    pub(super) fn data(&mut self, value: &Value) {
        self.line("data", &value.to_string());
        self.0.push('\n');
    }

    /// An event with a name.
    pub(super) fn named(&mut self, name: &str, value: &Value) {
        self.line("event", name);
        self.data(value);
    }

    /// The mark that ends a stream of completions.
    pub(super) fn done(&mut self) {
        self.0.push_str("data: [DONE]\n\n");
    }

    fn line(&mut self, field: &str, text: &str) {
        self.0.push_str(field);
        self.0.push_str(": ");
        self.0.push_str(text);
        self.0.push('\n');
    }
}

/// Answers with a stream of events; what fails before the first word has a status of its
/// own.
///
/// # Errors
/// [`Refusal`] if there will be no answer.
pub(super) async fn respond(
    mut heard: Receiver<Heard>,
    script: impl Script,
) -> Result<Response<Body>, Refusal> {
    let mut first = VecDeque::new();
    loop {
        match heard.recv().await {
            Some((_, News::Done(Err(refusal)))) => return Err(refusal),
            Some(news @ (_, News::Begun(_))) => first.push_back(news),
            Some(news) => {
                first.push_back(news);
                break;
            }
            None => return Err(Refusal::unavailable("stopping", "the server was stopped")),
        }
    }
    let stream = futures_util::stream::unfold(
        Writer {
            heard,
            first,
            script,
        },
        |mut writer| async move { Some((Ok::<_, Infallible>(writer.next().await?), writer)) },
    );
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    let event_stream = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, event_stream);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Writer<S> {
    heard: Receiver<Heard>,
    first: VecDeque<Heard>,
    script: S,
}

impl<S: Script> Writer<S> {
    /// The next bytes; nothing after the last event.
    async fn next(&mut self) -> Option<Bytes> {
        let mut events = Events::default();
        let mut news = Vec::with_capacity(AT_ONCE);
        while events.0.is_empty() {
            if self.script.is_over() {
                return None;
            }
            news.extend(self.first.drain(..));
            if news.is_empty() {
                match timeout(KEEP_ALIVE, self.heard.recv_many(&mut news, AT_ONCE)).await {
                    Err(_) => events.0.push_str(": waiting\n\n"),
                    Ok(0) => return None,
                    Ok(_) => {}
                }
            }
            for heard in news.drain(..) {
                self.script.write(heard, &mut events);
            }
        }
        Some(events.0.into())
    }
}
