//! From an authenticated request to an operation.
//!
//! s3s runs twice, as two services. The first only verifies the signature; its one route is this gate. The gate takes
//! the credentials off, sets the headers aside and calls the second service, which finds the operation and its path.
//! The second service is shown no header that it would parse more strictly than S3 does (ranges, conditions, dates,
//! metadata): handlers read those as they were sent. What the gate knows of the caller travels in the request's
//! extensions, which no client can reach; the second service refuses a request without it.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use s3s::route::S3Route;
use s3s::service::S3Service;
use s3s::{Body, HttpRequest, S3Request, S3Response, S3Result, TrailingHeaders};
use windlass_store::policy::Principal;

use super::auth;
use super::document;
use super::error;
use super::host::Target;
use super::limits::Limits;
use super::linked;
use super::metadata::Latin1;
use super::query::{self, Query};
use crate::net::Peer;

/// What is known of a request once its signature was verified.
#[derive(Debug, Clone)]
pub(super) struct Admitted {
    /// Who asks.
    pub(super) principal: Principal,
    /// The headers, as they were sent, and the headers that a presigned URL carries as parameters.
    pub(super) headers: HeaderMap,
    /// The parameters, as they were sent.
    pub(super) query: Query,
    /// Trailers, there once the body was read to its end.
    pub(super) trailers: Option<TrailingHeaders>,
    /// The document that is the body.
    pub(super) document: Option<Bytes>,
    /// The client.
    pub(super) peer: Option<Peer>,
}

/// The one route of the service that verifies signatures. Cheap to clone.
#[derive(Clone)]
pub(super) struct Gate {
    /// The service that finds and runs operations.
    pub(super) operations: S3Service,
    /// What callers must keep.
    pub(super) limits: Limits,
}

#[async_trait::async_trait]
impl S3Route for Gate {
    fn is_match(&self, _method: &Method, _uri: &Uri, _headers: &HeaderMap, _extensions: &mut Extensions) -> bool {
        true
    }

    /// The decision is made on the operation, behind the gate.
    async fn check_access(&self, _request: &mut S3Request<Body>) -> S3Result<()> {
        Ok(())
    }

    async fn call(&self, mut request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        if let Some(latin) = request.extensions.remove::<Latin1>() {
            latin.put_back(&mut request.headers);
        }
        let principal = match (&request.credentials, auth::take_caller()) {
            (None, _) => Principal::Anonymous,
            (Some(_), Some(key)) => Principal::Key(key),
            (Some(_), None) => return Err(error::refuse("InternalError", error::default_message("InternalError"))),
        };
        self.admit(principal, request).await
    }
}

impl Gate {
    /// Answers a request that was authenticated by what s3s knows nothing of.
    pub(super) async fn enter(&self, principal: Principal, request: HttpRequest) -> S3Result<Response<Body>> {
        let (parts, input) = request.into_parts();
        let request = S3Request {
            input,
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            extensions: parts.extensions,
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        };
        let answered = self.admit(principal, request).await?;
        let mut answer = Response::new(answered.output);
        *answer.status_mut() = answered.status.unwrap_or(StatusCode::OK);
        *answer.headers_mut() = answered.headers;
        *answer.extensions_mut() = answered.extensions;
        Ok(answer)
    }

    /// Lets a request in that was authenticated, by whatever it presented.
    pub(super) async fn admit(&self, principal: Principal, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        if let Principal::Key(key) = &principal {
            self.limits.let_in(key, &request.extensions)?;
        }
        let S3Request { input: mut body, method, uri, mut headers, mut extensions, trailing_headers, .. } = request;
        let query = Query::of(&uri);
        hoist(&query, &mut headers);
        let target = extensions.get::<Target>().cloned().unwrap_or_default();
        // Nobody is made to send, and nothing is read, for a request that will be refused.
        let mut document = None;
        if let Some(rules) = document::Rules::of(&method, &target, &query)
            && (principal != Principal::Anonymous || self.limits.may_admit_nobody(&target)?)
        {
            let read = rules.read(body, &headers, trailing_headers.as_ref()).await?;
            document = Some(read.clone());
            body = Body::from(read);
        }
        let routing = routing_headers(&headers, &body);
        let peer = extensions.get::<Peer>().copied();
        extensions.insert(Admitted { principal, headers, query, trailers: trailing_headers, document, peer });
        let mut inner = HttpRequest::new(body);
        *inner.method_mut() = method;
        *inner.uri_mut() = query::without_credentials(&uri)?;
        *inner.headers_mut() = routing;
        *inner.extensions_mut() = extensions;
        let answer = self.operations.call(inner).await.map_err(|cause| {
            tracing::error!(?cause, "an answer could not be printed");
            error::refuse("InternalError", error::default_message("InternalError"))
        })?;
        let (parts, body) = linked::settle(answer).into_parts();
        let mut answer = S3Response::with_status(body, parts.status);
        answer.headers = parts.headers;
        answer.extensions = parts.extensions;
        Ok(answer)
    }
}

/// Signers may put headers into the query of a presigned V4 URL, where the signature covers them: they count as if they
/// were sent. Checksums do not: they were computed before there was a body (JavaScript SDK, `AAAAAA==`).
fn hoist(query: &Query, headers: &mut HeaderMap) {
    if !query.has("X-Amz-Signature") {
        return;
    }
    for (name, value) in query.iter() {
        let lower = name.to_ascii_lowercase();
        let counts = lower.starts_with("x-amz-")
            && !query::is_credential(name)
            && !lower.starts_with("x-amz-checksum-")
            && lower != "x-amz-sdk-checksum-algorithm";
        let Some((name, value)) =
            HeaderName::try_from(lower).ok().filter(|_| counts).zip(HeaderValue::try_from(value).ok())
        else {
            continue;
        };
        headers.entry(name).or_insert(value);
    }
}

/// The headers that s3s needs to find an operation; where only their presence counts, with a value it can parse.
fn routing_headers(headers: &HeaderMap, body: &Body) -> HeaderMap {
    let mut routing = HeaderMap::new();
    if let Some(host) = headers.get(HOST) {
        routing.insert(HOST, host.clone());
    }
    for (name, placeholder) in [("x-amz-copy-source", "source/key"), ("x-amz-object-attributes", "ETag")] {
        if headers.contains_key(name) {
            routing.insert(name, HeaderValue::from_static(placeholder));
        }
    }
    if let Some(document) = body.bytes() {
        routing.insert(CONTENT_LENGTH, HeaderValue::from(document.len()));
    }
    routing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signed_parameters_count_as_headers_but_checksums_do_not() {
        let uri = Uri::from_static(
            "/b/k?X-Amz-Signature=s&x-amz-meta-A=1&x-amz-checksum-crc32=AAAAAA==&x-amz-sdk-checksum-algorithm=CRC32\
             &X-Amz-Date=d&x-amz-acl=private&x-id=PutObject",
        );
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-acl", HeaderValue::from_static("public-read"));
        hoist(&Query::of(&uri), &mut headers);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers.get("x-amz-meta-a").unwrap(), "1");
        assert_eq!(headers.get("x-amz-acl").unwrap(), "public-read");
        let mut none = HeaderMap::new();
        hoist(&Query::of(&Uri::from_static("/b/k?Signature=s&x-amz-meta-a=1")), &mut none);
        assert!(none.is_empty());
    }

    #[test]
    fn only_what_finds_the_operation_goes_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("host", "h"), ("range", "junk"), ("x-amz-copy-source", "%"), ("authorization", "x")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let routing = routing_headers(&headers, &Body::from("abc".to_owned()));
        assert_eq!(routing.len(), 3);
        assert_eq!(routing.get("x-amz-copy-source").unwrap(), "source/key");
        assert_eq!(routing.get(CONTENT_LENGTH).unwrap(), "3");
    }
}
