//! What is checked before s3s sees a request: ambiguity, credentials of a kind we do not take, and the rules that s3s
//! has no setting for. Nothing here reads the body.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method};
use s3s::{S3Error, S3Result};
use windlass_store::limit;

use super::bearer;
use super::body;
use super::error::{self, invalid_argument, invalid_request};
use super::host::Target;
use super::ops;
use super::query::{PRESIGNED, Query};
use super::signature;

/// What a client is told that may not sign by version 2.
pub(super) const V2_REFUSED: &str =
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";

/// Sub-resources that a V2 signature covers. The others could be added to somebody's presigned URL.
const V2_SIGNED: [&str; 8] =
    ["delete", "location", "partNumber", "uploadId", "uploads", "versionId", "versioning", "versions"];

/// What a form may hold beside its file, in bytes, before any of it is looked at.
const FORM_BYTES_MAX: u64 = 1 << 20;

/// What a request presents to say who it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A signature, which s3s verifies; or nothing.
    Signature,
    /// A bearer token.
    Token,
    /// A form, which says it itself.
    Form,
}

/// What the guard is told of the door and the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Whether presigned URLs of signature version 2 are accepted.
    pub(super) sigv2_presigned: bool,
    /// Whether nobody can listen between the client and the gateway.
    pub(super) unheard: bool,
}

/// Checks a request and brings its credentials into the one form that s3s reads.
pub(super) fn check(parts: &mut Parts, target: &Target, rules: Rules) -> S3Result<Proof> {
    for name in [AUTHORIZATION, HOST, CONTENT_LENGTH] {
        if parts.headers.get_all(&name).iter().count() > 1 {
            return Err(invalid_request(format!("The header {name} is given more than once.")));
        }
    }
    if parts.headers.get(AUTHORIZATION).is_some_and(|value| value.is_empty()) {
        parts.headers.remove(AUTHORIZATION);
    }
    name_host(parts);
    let query = Query::of(&parts.uri);
    if is_form(parts) {
        return check_form(parts, target, &query).map(|()| Proof::Form);
    }
    check_token(&parts.headers, &query)?;
    check_payload_hash(&parts.headers)?;
    bearer::check_pair(&parts.headers, &query, rules.unheard)?;
    let mut proof = Proof::Signature;
    match kind_of_credentials(&parts.headers, &query)? {
        Credentials::None => {}
        Credentials::Header if bearer::is_presented(&parts.headers) => proof = Proof::Token,
        Credentials::Header => check_header(parts)?,
        Credentials::PresignedV4 => signature::check_presigned(&parts.headers, &query)?,
        Credentials::PresignedV2 if rules.sigv2_presigned => {
            check_v2(&query)?;
            sign_bucket_with_slash(parts, target);
        }
        Credentials::PresignedV2 => return Err(invalid_request(V2_REFUSED)),
    }
    check_length(parts)?;
    Ok(proof)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credentials {
    None,
    Header,
    PresignedV4,
    PresignedV2,
}

fn kind_of_credentials(headers: &HeaderMap, query: &Query) -> S3Result<Credentials> {
    let any = |names: &[&str]| names.iter().any(|name| query.has(name));
    let [version_4, version_2] = PRESIGNED;
    let found = [
        (headers.contains_key(AUTHORIZATION), Credentials::Header),
        (any(version_4), Credentials::PresignedV4),
        (any(version_2), Credentials::PresignedV2),
    ];
    let mut kinds = found.into_iter().filter(|(present, _)| *present).map(|(_, kind)| kind);
    match (kinds.next(), kinds.next()) {
        (None, _) => Ok(Credentials::None),
        (Some(kind), None) => Ok(kind),
        _ => Err(invalid_request(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter \
             or the Authorization header should be specified",
        )),
    }
}

/// A V4 signature in the Authorization header; other schemes are refused, each as S3 does.
fn check_header(parts: &mut Parts) -> S3Result<()> {
    let value = parts.headers.get(AUTHORIZATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    match value.map(|value| value.split_ascii_whitespace().next().unwrap_or_default()) {
        Some("AWS4-HMAC-SHA256") => signature::check_header(&mut parts.headers),
        Some("AWS") => Err(invalid_request(V2_REFUSED)),
        _ => Err(denied("Access Denied")),
    }
}

fn check_v2(query: &Query) -> S3Result<()> {
    let expires = query.unique("Expires").unwrap_or_default();
    if expires.parse::<u32>().is_err() {
        return Err(denied("Invalid date (should be seconds since epoch)"));
    }
    match query.iter().find(|(name, _)| ops::is_subresource(name) && !V2_SIGNED.contains(name)) {
        Some((name, _)) => Err(denied(format!("The parameter {name} is not covered by the signature."))),
        None => Ok(()),
    }
}

/// A V2 signature over a bucket covers `/bucket/`, while boto3 sends `/bucket`: the two are one resource, so the path takes
/// the form that was signed.
fn sign_bucket_with_slash(parts: &mut Parts, target: &Target) {
    let path = parts.uri.path();
    let bucket_alone = target.bucket.is_some() && target.key.is_none() && !path.ends_with('/');
    let query = parts.uri.query().unwrap_or_default();
    if bucket_alone && let Ok(uri) = format!("{path}/?{query}").parse() {
        parts.uri = uri;
    }
}

/// Over HTTP/2 the host is no header, while everything behind this reads it as one.
fn name_host(parts: &mut Parts) {
    let authority = parts.uri.authority().filter(|_| !parts.headers.contains_key(HOST));
    if let Some(value) = authority.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok()) {
        parts.headers.insert(HOST, value);
    }
}

/// Whether s3s would take the body for a form and hold all of it in memory.
fn is_form(parts: &Parts) -> bool {
    let content_type = parts.headers.get(CONTENT_TYPE).map(|value| value.as_bytes().to_ascii_lowercase());
    let form = content_type.is_some_and(|value| value.trim_ascii_start().starts_with(b"multipart/form-data"));
    parts.method == Method::POST && form
}

/// Forms go to a bucket, and bring what they prove themselves with within them.
fn check_form(parts: &Parts, target: &Target, query: &Query) -> S3Result<()> {
    if target.bucket.is_none() || target.key.is_some() {
        return Err(error::refuse("MethodNotAllowed", error::default_message("MethodNotAllowed")));
    }
    ops::find("PostObject", query)?;
    if kind_of_credentials(&parts.headers, query)? != Credentials::None || body::is_chunked(&parts.headers) {
        return Err(invalid_request("A form is signed by its fields alone."));
    }
    // Its fields and boundaries come on top of the file.
    check_length_up_to(parts, limit::PUT_BYTES_MAX + FORM_BYTES_MAX)
}

/// Keys here have no session tokens: a request that brings one was signed with credentials of somewhere else.
fn check_token(headers: &HeaderMap, query: &Query) -> S3Result<()> {
    let header = headers.get("x-amz-security-token").is_some_and(|value| !value.is_empty());
    if header
        || query.iter().any(|(name, value)| name.eq_ignore_ascii_case("x-amz-security-token") && !value.is_empty())
    {
        return Err(error::refuse("InvalidToken", "The provided token is malformed or otherwise invalid."));
    }
    Ok(())
}

fn check_payload_hash(headers: &HeaderMap) -> S3Result<()> {
    let mut values = headers.get_all("x-amz-content-sha256").iter();
    let Some(value) = values.next() else { return Ok(()) };
    let value = value.as_bytes();
    let hash = value.len() == 64 && value.iter().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    let named = value == b"UNSIGNED-PAYLOAD" || value.starts_with(b"STREAMING-");
    if values.next().is_none() && (hash || named) {
        return Ok(());
    }
    Err(invalid_argument("x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- form, or a valid sha256 value."))
}

/// Refuses too large a body before any of it is read, and with it `Expect: 100-continue`.
fn check_length(parts: &Parts) -> S3Result<()> {
    if parts.method == Method::PUT || body::is_chunked(&parts.headers) {
        return body::declared_length(&parts.headers).map(drop);
    }
    // Of other methods only documents have bodies; their own limits are far below.
    check_length_up_to(parts, limit::PUT_BYTES_MAX)
}

fn check_length_up_to(parts: &Parts, bytes_max: u64) -> S3Result<()> {
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).unwrap_or("0");
    match length.parse::<u64>() {
        Ok(length) if length <= bytes_max => Ok(()),
        _ => Err(error::refuse("EntityTooLarge", "The body is too large.")),
    }
}

fn denied(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    error::refuse("AccessDenied", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Domains;
    use crate::s3::host::Host;

    fn guard(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let rules = Rules { sigv2_presigned: true, unheard: true };
        let target = Host(Domains::new(&[])).target(&parts);
        let checked = check(&mut parts, &target, rules);
        assert!(!checked.as_ref().is_ok_and(|proof| *proof == Proof::Token), "no test of this file presents a token");
        checked.map(drop).map_err(|error| error.code().as_str().to_owned())
    }

    fn refused(code: &str) -> Result<(), String> {
        Err(code.to_owned())
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        assert_eq!(guard("GET", "/", &[("host", "a"), ("host", "b")]), refused("InvalidRequest"));
        assert_eq!(
            guard("PUT", "/b/k", &[("content-length", "1"), ("content-length", "1")]),
            refused("InvalidRequest")
        );
        let v4 = "AWS4-HMAC-SHA256 Credential=a/20240101/r/s3/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(guard("GET", "/b?Signature=x", &[("authorization", v4)]), refused("InvalidRequest"));
        assert_eq!(guard("GET", "/b?%53ignature=x&X-Amz-Signature=y", &[]), refused("InvalidRequest"));
    }

    #[test]
    fn other_schemes_are_refused() {
        assert_eq!(guard("GET", "/", &[("authorization", "AWS key:sig")]), refused("InvalidRequest"));
        assert_eq!(guard("GET", "/", &[("authorization", "Basic Zm9v")]), refused("AccessDenied"));
        assert_eq!(guard("GET", "/", &[("authorization", "")]), Ok(()), "an empty header is no credential");
        assert_eq!(guard("GET", "/", &[("x-amz-security-token", "t")]), refused("InvalidToken"));
    }

    #[test]
    fn a_v2_url_cannot_be_turned_to_another_resource() {
        let url = "/b/k?AWSAccessKeyId=a&Expires=1900000000&Signature=s";
        assert_eq!(guard("GET", url, &[]), Ok(()));
        assert_eq!(guard("GET", &format!("{url}&uploadId=x"), &[]), Ok(()), "s3s verifies what it signs");
        assert_eq!(guard("GET", &format!("{url}&attributes"), &[]), refused("AccessDenied"));
        assert_eq!(guard("GET", "/b/k?AWSAccessKeyId=a&Expires=soon&Signature=s", &[]), refused("AccessDenied"));
    }

    #[test]
    fn bodies_are_bounded_before_they_are_read() {
        assert_eq!(guard("PUT", "/b/k", &[("content-length", "5368709121")]), refused("EntityTooLarge"));
        assert_eq!(guard("PUT", "/b/k", &[("content-length", "5368709120")]), Ok(()));
        let form = [("content-type", "Multipart/Form-Data; boundary=x")];
        let large = |length| guard("POST", "/b", &[form[0], ("content-length", length)]);
        assert_eq!(large("5369757696"), Ok(()), "a form has fields beside its file");
        assert_eq!(large("5369757697"), refused("EntityTooLarge"));
        assert_eq!(guard("PUT", "/b/k", &form), Ok(()));
    }

    #[test]
    fn forms_go_to_a_bucket_and_prove_themselves() {
        let form = ("content-type", "Multipart/Form-Data; boundary=x");
        assert_eq!(guard("POST", "/b", &[form]), Ok(()));
        assert_eq!(guard("POST", "/b/", &[form]), Ok(()));
        for elsewhere in ["/", "/b/k", "/b/k?uploads"] {
            assert_eq!(guard("POST", elsewhere, &[form]), refused("MethodNotAllowed"), "{elsewhere}");
        }
        assert_eq!(guard("POST", "/b?delete", &[form]), refused("NotImplemented"));
        assert_eq!(guard("POST", "/b?Signature=x", &[form]), refused("InvalidRequest"));
        for more in [("authorization", "Bearer x"), ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")] {
            assert_eq!(guard("POST", "/b", &[form, more]), refused("InvalidRequest"));
        }
    }

    #[test]
    fn the_payload_hash_must_be_one() {
        let hash = |value: &str| guard("PUT", "/b/k", &[("x-amz-content-sha256", value)]);
        assert_eq!(hash("UNSIGNED-PAYLOAD"), Ok(()));
        assert_eq!(hash(&"a".repeat(64)), Ok(()));
        assert_eq!(hash("abc"), refused("InvalidArgument"));
        assert_eq!(hash(&"G".repeat(64)), refused("InvalidArgument"));
    }
}
