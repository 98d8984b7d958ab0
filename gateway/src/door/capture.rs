//! What the request log keeps of a request. While the request runs only its texts are copied and the beginnings of JSON
//! bodies kept; they are decoded and redacted when it ends. All of that is still in the cache then: on the log's own thread it
//! would cost more.
//!
//! Bodies on the S3 door, and all that are not JSON, are kept as their length alone.

mod body;
mod redact;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response};
use windlass_api::Printed;
use windlass_store::clock::Millis;
use windlass_store::limit;
use windlass_store::log::{Caller, LogBodyRef, LogEntry, Logs};

pub(crate) use self::body::Tapped;
use self::body::{Seen, Tap};
use self::text::Texts;
use super::request_id;
use super::route::Kind;
use crate::body::Body;

/// Parameters of a query that are kept.
const PARAMETERS_MAX: usize = 64;
/// Characters of an error's message that are kept.
const MESSAGE_CHARS_MAX: usize = 512;
/// Where a path holds a secret itself: the code of a share link.
const SHARE: &str = "/-/s/";

/// What the client was told went wrong: a door leaves it with an answer whose body does not say it in JSON.
#[derive(Debug, Clone)]
pub(crate) struct Refused(pub(crate) String);

/// A request for the log.
#[derive(Debug, Default)]
pub(super) struct Capture {
    method: Method,
    texts: Texts,
    ip: Option<IpAddr>,
    tap: Option<Tap>,
    request: Seen,
    response: Seen,
    /// Whether the body of the answer is a document that was printed here.
    printed: bool,
    refused: Option<String>,
}

impl Capture {
    /// Begins with a request, if requests of its kind can be logged.
    pub(super) fn begin<B: http_body::Body>(request: &mut Request<B>, kind: Kind, ip: IpAddr) -> Option<Box<Self>> {
        let path = request.uri().path();
        let logged = matches!(kind, Kind::S3 | Kind::Json) || (kind == Kind::Site && path.starts_with(SHARE));
        if !logged {
            return None;
        }
        let texts = Texts::of(path, request.uri().query().unwrap_or_default(), request.headers());
        let mut capture = Box::new(Self { method: request.method().clone(), texts, ip: Some(ip), ..Self::default() });
        if kind == Kind::S3 {
            capture.request = Seen::declared(request.body().size_hint().exact().unwrap_or_default());
        } else if !request.body().is_end_stream() {
            let tap = Tap::new(Seen::of(request.headers()));
            request.extensions_mut().insert(tap.clone());
            capture.tap = Some(tap);
        }
        Some(capture)
    }

    /// Takes note of the answer. `request_id` is the door's own, where the answer has no other.
    pub(super) fn answered(&mut self, answer: &mut Response<Body>, kind: Kind, request_id: &str) {
        let headers: &HeaderMap = answer.headers();
        let own = headers.get(request_id::HEADER).filter(|_| kind != Kind::S3).and_then(|id| id.to_str().ok());
        self.texts.add_answer(own.unwrap_or(request_id), headers, kind == Kind::S3);
        if kind != Kind::S3 {
            self.response.json = body::is_json(headers);
        }
        self.printed = answer.extensions().get::<Printed>().is_some();
        self.refused = answer.extensions_mut().remove::<Refused>().map(|Refused(message)| message);
    }

    /// Takes note of a piece of the answer's body.
    pub(super) fn pass(&mut self, data: &[u8]) {
        self.response.pass(data);
    }

    /// Ends, and hands over what is to be kept, unless the request turned out to be nobody's.
    pub(super) fn record(mut self, logs: &Logs, caller: &Caller, status: u16, duration: Duration, now: Millis) {
        let Some(org) = caller.org() else { return };
        logs.record(org, now, || self.entry(caller, status, duration));
    }

    fn entry(&mut self, caller: &Caller, status: u16, duration: Duration) -> LogEntry<'_> {
        if let Some(tap) = self.tap.take() {
            self.request = tap.take();
        }
        let refused = self.refused.take().or_else(|| if status >= 400 { told(&self.response) } else { None });
        LogEntry {
            status,
            duration_ms: u32::try_from(duration.as_millis()).unwrap_or(u32::MAX),
            key: caller.key(),
            bucket: caller.bucket(),
            method: self.method.as_str(),
            path: shown_path(self.texts.path()),
            error_message: refused.map(|text| clean(&text).chars().take(MESSAGE_CHARS_MAX).collect()),
            request_id: clean(self.texts.request_id()),
            ip: self.ip,
            query: parameters(self.texts.query()),
            request_headers: shown_headers(self.texts.request_headers()),
            response_headers: shown_headers(self.texts.response_headers()),
            request_body: shown_body(&self.request, false),
            response_body: shown_body(&self.response, self.printed),
        }
    }
}

/// A path as it may be shown.
pub(super) fn shown_path(path: &str) -> &str {
    if path.len() > SHARE.len() && path.starts_with(SHARE) { "/-/s/[REDACTED]" } else { clean(path) }
}

/// The request with a body that is seen as a handler reads it, if it is to be logged.
pub(super) fn tapped<B>(mut request: Request<B>) -> Request<Tapped<B>> {
    let tap = request.extensions_mut().remove::<Tap>();
    request.map(|body| Tapped { body, tap })
}

/// The parameters of a query, decoded, and without what is secret.
fn parameters(query: &str) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes()).take(PARAMETERS_MAX).map(redact::parameter).collect()
}

/// The message in the document of an error, in either form that the JSON doors have.
fn told(response: &Seen) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(&response.begin).ok()?;
    let message = document.pointer("/error/message").or_else(|| document.pointer("/message"))?;
    message.as_str().map(str::to_owned)
}

/// A body as it is to be stored; `printed` if it is a document that was printed here.
fn shown_body(seen: &Seen, printed: bool) -> Option<LogBodyRef<'_>> {
    if seen.bytes == 0 {
        return None;
    }
    if !seen.json {
        return Some(LogBodyRef::Binary { bytes: seen.bytes });
    }
    // Cut within a character, or no text from there on.
    let valid = str::from_utf8(&seen.begin).unwrap_or_else(|error| {
        seen.begin.get(..error.valid_up_to()).and_then(|valid| str::from_utf8(valid).ok()).unwrap_or_default()
    });
    let whole = valid.len() as u64 == seen.bytes;
    let by_names = if printed && whole { redact::printed(valid) } else { None };
    let (mut text, to_the_end) = by_names.map_or_else(|| redact::json(valid), |text| (text, true));
    if to_the_end && whole && text.len() <= limit::LOG_BODY_BYTES_MAX {
        return Some(LogBodyRef::Json(text));
    }
    let end = text.floor_char_boundary(limit::LOG_BODY_BYTES_MAX);
    match &mut text {
        Cow::Borrowed(text) => *text = text.get(..end).unwrap_or_default(),
        Cow::Owned(text) => text.truncate(end),
    }
    Some(LogBodyRef::Text(text))
}

/// A text, or what stands in its place if it holds an API key.
fn clean(text: &str) -> &str {
    if redact::holds_secret(text) { redact::REDACTED } else { text }
}

/// Headers as they may be shown.
fn shown_headers<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    // Room for all that could be there: there are few, and growing costs more.
    let mut shown = Vec::with_capacity(headers.size_hint().1.unwrap_or_default());
    shown.extend(headers.map(shown_header));
    shown
}

/// A header as it may be shown. Of the address of a page the parameters are left out: they may be secrets of another site.
fn shown_header<'a>((name, value): (&'a str, &'a str)) -> (&'a str, &'a str) {
    let value = if name == "referer" { value.split(['?', '#']).next().unwrap_or_default() } else { value };
    (name, clean(value))
}
