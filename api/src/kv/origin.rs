//! Pages of any origin may use this door: there are no cookies here, so a page can do no more than whoever knows as much.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::answer::Answer;

/// What a page may see beside the body.
const EXPOSED: HeaderValue =
    HeaderValue::from_static("etag,retry-after,x-ratelimit-limit,x-ratelimit-remaining,x-ratelimit-reset,x-request-id");

/// Lets pages see an answer.
pub(super) fn open(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

/// Answers a browser that asks before it sends.
pub(super) fn preflight(asked: &HeaderMap) -> Answer {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("DELETE,GET,HEAD,PATCH,POST,PUT"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    // A star would not let Authorization through.
    if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        headers.insert(VARY, HeaderValue::from_static("access-control-request-headers"));
    }
    answer
}
