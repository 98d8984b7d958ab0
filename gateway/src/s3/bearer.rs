//! API keys on S3: as a bearer token, which stands for a signature, and as an access key id that is its own secret. And
//! the errors of those who do not speak S3's XML.
//!
//! An API key in place of an access key id travels in clear within the credential. So it is taken in the header alone, which
//! is not kept in the histories and logs that addresses are, and only where nobody can listen on the way.

use http::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use s3s::{Body, HttpRequest, S3Result};
use windlass_api::{Form, bare};
use windlass_store::Store;
use windlass_store::key::is_token;
use windlass_store::policy::{KeyPrincipal, Principal};

use super::body;
use super::error;
use super::gate::Gate;
use super::query::Query;
use super::refusal;

const SCHEME: &str = "Bearer";
const JSON: &str = "application/json";

/// In which form a client is told of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errors {
    /// XML, as S3 has it.
    Xml,
    /// JSON, to the bearer of a token.
    Json,
    /// JSON, to a client that presents nothing: what it may not do it may do once it has said who it is.
    JsonToNobody,
}

impl Errors {
    /// The form for a request, as it was sent.
    pub(super) fn of(parts: &Parts) -> Self {
        if is_presented(&parts.headers) {
            return Self::Json;
        }
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut types = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
        let json = types.any(|media| media.eq_ignore_ascii_case(JSON));
        let signs = || parts.headers.contains_key(AUTHORIZATION) || Query::of(&parts.uri).is_presigned();
        if json && !signs() { Self::JsonToNobody } else { Self::Xml }
    }

    /// An error of S3 as JSON; `None` where it stays XML.
    pub(super) fn document(self, status: StatusCode, code: &str, message: &str) -> Option<Response<Body>> {
        let (status, message) = match (self, status, code) {
            (Self::Xml, ..) => return None,
            (Self::JsonToNobody, StatusCode::FORBIDDEN, _) => (StatusCode::UNAUTHORIZED, "Missing API key"),
            (_, _, "EntityTooLarge" | "MaxMessageLengthExceeded") => (StatusCode::PAYLOAD_TOO_LARGE, message),
            (_, _, "NoSuchKey") => (status, "The requested object does not exist."),
            (_, _, "NoSuchBucket") => (status, "The requested bucket does not exist."),
            _ => (status, message),
        };
        let mut answer = bare(status, message).map(Body::http_body_unsync);
        if status == StatusCode::UNAUTHORIZED {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(SCHEME));
        }
        Some(answer)
    }
}

/// Whether a request presents a bearer token.
pub(super) fn is_presented(headers: &HeaderMap) -> bool {
    let value = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let scheme = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    scheme == SCHEME.as_bytes()
}

/// Answers a request that presents a token.
pub(super) async fn answer(gate: &Gate, store: &Store, request: HttpRequest) -> Response<Body> {
    match admit(gate, store, request).await {
        Ok(answer) => answer,
        Err(error) => refusal(error),
    }
}

async fn admit(gate: &Gate, store: &Store, request: HttpRequest) -> S3Result<Response<Body>> {
    if body::is_chunked(request.headers()) {
        return Err(error::not_implemented("A body in the aws-chunked encoding without a signature"));
    }
    let key = authenticate(store, request.headers())?;
    gate.enter(Principal::Key(key), request).await
}

fn authenticate(store: &Store, headers: &HeaderMap) -> S3Result<KeyPrincipal> {
    windlass_api::authenticate(store, headers).map_err(|refused| {
        let mut error = error::refuse("InvalidToken", refused.message(Form::Bare).into_owned());
        error.set_status_code(refused.kind().status());
        error
    })
}

/// Refuses an API key in place of an access key id where it must not be: in an address, or where others can listen.
pub(super) fn check_pair(headers: &HeaderMap, query: &Query, unheard: bool) -> S3Result<()> {
    let is_key = |credential: &str| credential.split('/').next().is_some_and(is_token);
    let denied = |message: &'static str| Err(error::refuse("AccessDenied", message));
    if query.iter().any(|(name, value)| matches!(name, "X-Amz-Credential" | "AWSAccessKeyId") && is_key(value)) {
        return denied("An API key must not be part of an address. Use the key's access key id and secret access key.");
    }
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let in_header = header.split("Credential=").skip(1).any(is_key);
    if in_header && !unheard {
        return denied(
            "An API key is taken as an access key id only over TLS. Use the key's access key id and secret access key.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "bkt_0123456789abcdefghijABCDEFGHIJ0123456789-_x";

    fn errors(uri: &str, headers: &[(&str, &str)]) -> Errors {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Errors::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn bearers_and_those_who_ask_for_it_are_told_in_json() {
        let json = ("accept", "text/html, Application/JSON;q=0.9");
        assert_eq!(errors("/b", &[("authorization", "Bearer x")]), Errors::Json);
        assert_eq!(errors("/b", &[("authorization", "Bearer")]), Errors::Json);
        assert_eq!(errors("/b", &[json]), Errors::JsonToNobody);
        assert_eq!(errors("/b", &[]), Errors::Xml);
        assert_eq!(errors("/b", &[("accept", "*/*")]), Errors::Xml);
        assert_eq!(errors("/b", &[json, ("authorization", "AWS4-HMAC-SHA256 x")]), Errors::Xml);
        assert_eq!(errors("/b?X-Amz-Signature=x", &[json]), Errors::Xml);
        assert_eq!(errors("/b?AWSAccessKeyId=x", &[json]), Errors::Xml);
        assert_eq!(errors("/b", &[("authorization", "bearerx y")]), Errors::Xml);
    }

    #[test]
    fn errors_keep_their_status_where_it_says_enough() {
        let told = |form: Errors, status: u16, code: &str| {
            let answer = form.document(StatusCode::from_u16(status).unwrap(), code, "m")?;
            Some((answer.status().as_u16(), answer.headers().contains_key(WWW_AUTHENTICATE)))
        };
        assert_eq!(told(Errors::Xml, 404, "NoSuchKey"), None);
        assert_eq!(told(Errors::Json, 404, "NoSuchKey"), Some((404, false)));
        assert_eq!(told(Errors::Json, 403, "AccessDenied"), Some((403, false)));
        assert_eq!(told(Errors::JsonToNobody, 403, "AccessDenied"), Some((401, true)));
        assert_eq!(told(Errors::Json, 401, "InvalidToken"), Some((401, true)));
        assert_eq!(told(Errors::Json, 400, "EntityTooLarge"), Some((413, false)));
        assert_eq!(told(Errors::Json, 429, "SlowDown"), Some((429, false)));
    }

    #[test]
    fn an_api_key_is_an_access_key_id_only_where_nobody_listens() {
        let pair = |uri: &str, authorization: &str, unheard| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())]);
            check_pair(&headers, &Query::of(&uri.parse().unwrap()), unheard).is_ok()
        };
        let header =
            |id: &str| format!("AWS4-HMAC-SHA256 Credential={id}/20240101/r/s3/aws4_request, SignedHeaders=host");
        assert!(pair("/b", &header(TOKEN), true));
        assert!(!pair("/b", &header(TOKEN), false));
        assert!(pair("/b", &header("AKIDEXAMPLE"), false));
        for unheard in [true, false] {
            assert!(!pair(&format!("/b?X-Amz-Credential={TOKEN}%2F20240101%2Fr%2Fs3%2Faws4_request"), "x", unheard));
            assert!(!pair(&format!("/b?AWSAccessKeyId={TOKEN}"), "x", unheard));
            assert!(pair("/b?X-Amz-Credential=AKID%2F20240101%2Fr%2Fs3%2Faws4_request", "x", unheard));
        }
    }
}
