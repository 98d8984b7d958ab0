//! The bytes of a file as an answer: ranges, conditions, and headers that keep a browser from taking them for a page of ours.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use futures::TryStreamExt as _;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::SchemaGenerator;
use serde_json::{Value, json};
use windlass_store::ErrorKind as Stored;
use windlass_store::Store;
use windlass_store::clock::Millis;
use windlass_store::name::ObjectKey;
use windlass_store::object::{ETagMatch, Found, GetObject, Metadata, RangeRequest, ReadConditions};
use windlass_store::policy::Grant;

use crate::answer::{Answer, Output};
use crate::error::{Error, Result};

/// What a file without a content type is.
pub(crate) const TYPE_OF_NONE: &str = "application/octet-stream";

/// A browser that is led to a file of a client's shows it at most, and runs nothing of it as if it were ours.
const POLICY: &str = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'";

/// RFC 8187, section 3.2.1: attr-char.
const NAME_ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'!').remove(b'#').remove(b'$');

/// A file, or the part of it that was asked for, or that it has not changed.
pub(crate) struct Content(Answer);

impl Output for Content {
    const STATUS: StatusCode = StatusCode::OK;

    fn into_answer(self) -> Answer {
        self.0
    }

    fn content(_: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        Some(("*/*", json!({})))
    }
}

/// Reads a file as the headers of a request ask for it.
pub(crate) async fn read(store: &Arc<Store>, grant: &Grant, key: ObjectKey, headers: &HeaderMap) -> Result<Content> {
    if !grant.bucket()?.row.is_sandbox() {
        store.check_bandwidth(grant.principal().org)?;
    }
    let name = key.as_str().rsplit('/').next().unwrap_or_default().to_owned();
    let mut get = asked_for(key, headers);
    if get.range.is_some()
        && let Some(unchanged) = text(headers, &IF_RANGE)
    {
        let found = store.head_object(grant, &whole(&get)).await?;
        get.range = get.range.filter(|_| holds(unchanged, &found));
    }
    let (found, bytes) = match store.get_object(grant, &get).await {
        Err(error) if error.kind() == Stored::InvalidRange => {
            let size = store.head_object(grant, &whole(&get)).await?.size;
            return Err(Error::from(error).with(CONTENT_RANGE, number_header(format!("bytes */{size}"))));
        }
        other => other?,
    };
    let mut answer = Response::new(Body::empty());
    *answer.headers_mut() = about(&found, &name);
    if found.not_modified {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(Content(answer));
    }
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(found.length));
    if let (true, Some(last)) = (found.partial, (found.start + found.length).checked_sub(1)) {
        headers.insert(CONTENT_RANGE, number_header(format!("bytes {}-{last}/{}", found.start, found.size)));
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    *answer.body_mut() = Body::from_stream(bytes.inspect_err(|error| tracing::error!(%error, "an answer was cut")));
    Ok(Content(answer))
}

fn asked_for(key: ObjectKey, headers: &HeaderMap) -> GetObject {
    let tags = |name| text(headers, &name).map(ETagMatch::parse);
    let time = |name| text(headers, &name).and_then(parse_time);
    GetObject {
        key,
        version: None,
        range: text(headers, &RANGE).and_then(RangeRequest::parse),
        part: None,
        conditions: ReadConditions {
            if_match: tags(IF_MATCH),
            if_none_match: tags(IF_NONE_MATCH),
            if_modified_since_ms: time(IF_MODIFIED_SINCE),
            if_unmodified_since_ms: time(IF_UNMODIFIED_SINCE),
        },
    }
}

fn whole(get: &GetObject) -> GetObject {
    GetObject::whole(get.key.clone())
}

/// Whether If-Range holds (RFC 9110 section 13.1.5); a weak tag never does.
fn holds(unchanged: &str, found: &Found) -> bool {
    match parse_time(unchanged) {
        Some(ms) => ms / 1000 == found.modified_ms / 1000,
        None => unchanged.trim() == format!("\"{}\"", found.etag),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn parse_time(text: &str) -> Option<Millis> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// A header of digits and plain words.
fn number_header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The headers of a file, its length aside.
fn about(found: &Found, name: &str) -> HeaderMap {
    let system = &found.metadata.system;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TYPE_OF_NONE));
    for (name, value) in [
        (CONTENT_TYPE, &system.content_type),
        (CACHE_CONTROL, &system.cache_control),
        (CONTENT_ENCODING, &system.content_encoding),
        (CONTENT_LANGUAGE, &system.content_language),
    ] {
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    let modified =
        UNIX_EPOCH.checked_add(Duration::from_secs(found.modified_ms / 1000)).unwrap_or(SystemTime::UNIX_EPOCH);
    headers.insert(LAST_MODIFIED, number_header(httpdate::fmt_http_date(modified)));
    headers.insert(ETAG, number_header(format!("\"{}\"", found.etag)));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_DISPOSITION, disposition(&content_type(&found.metadata), name));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
}

/// The content type of a file as clients are told it.
pub(crate) fn content_type(metadata: &Metadata) -> String {
    metadata.system.content_type.clone().unwrap_or_else(|| TYPE_OF_NONE.to_owned())
}

/// Shown where that is safe, else to be saved; in either case under the last part of its key.
fn disposition(content_type: &str, name: &str) -> HeaderValue {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let kind = essence.split('/').next().unwrap_or_default();
    let safe = essence == "text/plain" || (["image", "audio", "video"].contains(&kind) && essence != "image/svg+xml");
    let how = if safe { "inline" } else { "attachment" };
    let name = utf8_percent_encode(name, NAME_ENCODED);
    number_header(format!("{how}; filename*=UTF-8''{name}"))
}

/// The content type that a name's ending tells.
pub(crate) fn guessed(name: &str) -> &'static str {
    mime_guess::from_path(name).first_raw().unwrap_or(TYPE_OF_NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_the_type() {
        assert_eq!(guessed("a/b.PNG"), "image/png");
        assert_eq!(guessed("x.tar.json"), "application/json");
        for none in ["", "a", "a.", ".png/", "x.unheard-of"] {
            assert_eq!(guessed(none), TYPE_OF_NONE, "{none}");
        }
    }

    #[test]
    fn what_could_run_is_saved_and_names_are_encoded() {
        let told = |kind, name| disposition(kind, name).to_str().unwrap().to_owned();
        assert_eq!(told("image/png", "a b.png"), "inline; filename*=UTF-8''a%20b.png");
        assert_eq!(told("text/plain; charset=utf-8", "é\"\r\n"), "inline; filename*=UTF-8''%C3%A9%22%0D%0A");
        for risky in ["text/html", "image/svg+xml", "IMAGE/SVG+XML; x", "application/pdf", "", "text/xml"] {
            assert!(told(risky, "x").starts_with("attachment"), "{risky}");
        }
    }

    #[test]
    fn conditions_and_ranges_are_read() {
        let headers = HeaderMap::from_iter([
            (RANGE, HeaderValue::from_static("bytes=1-2")),
            (IF_NONE_MATCH, HeaderValue::from_static("\"x\"")),
            (IF_MODIFIED_SINCE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT")),
        ]);
        let get = asked_for(ObjectKey::parse("k").unwrap(), &headers);
        assert_eq!(get.range, Some(RangeRequest::FromTo(1, 2)));
        assert_eq!(get.conditions.if_none_match, Some(ETagMatch::Tags(vec!["x".to_owned()])));
        assert_eq!(get.conditions.if_modified_since_ms, Some(784_111_777_000));
        assert_eq!(parse_time("tomorrow"), None);
    }
}
