//! POST object: uploads by forms of browsers (S3: "Browser-based uploads using POST").
//!
//! A form is a PUT in another dress. What stands before the file says who it is from and what the object is to be; with
//! that and the file as its body the request goes on as a PutObject, and is allowed, limited, checked and stored as one. s3s
//! would hold the whole file in memory, so no form comes to it.

mod done;
mod fields;
#[cfg(test)]
mod fuzz;
mod headers;
mod policy;
mod proof;

use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::header::{CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{Method, Response, Uri};
use s3s::dto::StreamingBlob;
use s3s::{Body, HttpRequest, S3Result};
use windlass_api::multipart::Multipart;
use windlass_store::blob::ByteStream;
use windlass_store::policy::Principal;
use windlass_store::{Error, ErrorKind, Store, limit};

use super::call::Form;
use super::gate::Gate;
use super::host::Target;
use super::{body, encode, error, refusal};
use crate::net::Peer;
use done::Done;
use fields::Fields;
use policy::Policy;

/// Expected of a bucket by whoever sends to it, in a header also where the rest is in fields.
const EXPECTED_OWNER: &str = "x-amz-expected-bucket-owner";

/// Answers a form that was sent to a bucket.
pub(super) async fn answer(gate: &Gate, store: &Store, version_2: bool, request: HttpRequest) -> Response<Body> {
    match put(gate, store, version_2, request).await {
        Ok(answer) => answer,
        Err(error) => refusal(error),
    }
}

async fn put(gate: &Gate, store: &Store, version_2: bool, request: HttpRequest) -> S3Result<Response<Body>> {
    let (mut parts, incoming) = request.into_parts();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = Multipart::of(content_type, body::into_stream(Some(StreamingBlob::from(incoming))));
    let mut form = form.ok_or_else(|| {
        error::refuse("PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data")
    })?;
    let (fields, file) = Fields::read(&mut form).await?;
    let key = fields.need("key")?;
    let (principal, signed) = proof::principal(store, &fields, version_2)?;
    let mut target = parts.extensions.get::<Target>().cloned().unwrap_or_default();
    let bucket = target.bucket.clone().unwrap_or_default();
    let mut lengths = 0..=u64::MAX;
    if principal != Principal::Anonymous {
        let policy = Policy::parse(fields.need("policy")?)?;
        policy.check(&fields, &bucket, store.now())?;
        lengths = policy.lengths();
    }
    let mut headers = headers::of(&fields)?;
    for name in [HOST.as_str(), EXPECTED_OWNER] {
        if let Some(value) = parts.headers.remove(name) {
            headers.insert(http::HeaderName::from_static(name), value);
        }
    }
    let path = format!("{}/{}", parts.uri.path().trim_end_matches('/'), encode::url(key));
    let done = Done { bucket: &bucket, key, address: address(&parts, &headers, &path) };
    parts.method = Method::PUT;
    parts.uri = PathAndQuery::try_from(path)
        .map(Uri::from)
        .map_err(|_| error::refuse("InvalidURI", error::default_message("InvalidURI")))?;
    parts.headers = headers;
    target.key = Some(key.to_owned());
    parts.extensions.insert(target);
    parts.extensions.insert(Form(signed));
    let file = Measured { bytes: form.into_stream(file), taken: 0, lengths };
    let request = HttpRequest::from_parts(parts, Body::from(StreamingBlob::wrap(file)));
    let stored = gate.enter(principal, request).await?;
    Ok(if stored.status().is_success() { done.answer(&fields, stored) } else { stored })
}

/// The address of the object that a form makes, as its sender reaches it.
fn address(parts: &http::request::Parts, headers: &http::HeaderMap, path: &str) -> String {
    let secure = parts.extensions.get::<Peer>().is_some_and(|peer| peer.secure);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default();
    format!("{}://{host}{path}", if secure { "https" } else { "http" })
}

/// A file that ends with an error when it is longer or shorter than it may be.
struct Measured {
    bytes: ByteStream,
    taken: u64,
    lengths: RangeInclusive<u64>,
}

impl Stream for Measured {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(self.bytes.poll_next_unpin(cx));
        let most = limit::PUT_BYTES_MAX.min(*self.lengths.end());
        Poll::Ready(match next {
            Some(Ok(bytes)) => {
                self.taken += bytes.len() as u64;
                if self.taken <= most { Some(Ok(bytes)) } else { Some(Err(too_large())) }
            }
            None if self.taken < *self.lengths.start() => Some(Err(too_small())),
            end => end,
        })
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
}

fn too_small() -> Error {
    Error::new(ErrorKind::EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size")
}
