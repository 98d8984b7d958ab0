//! Linked buckets: a request about one goes on to the provider that has the bucket, once it was decided on here.
//!
//! Who asks, what they may, and the limits of bucket and plan are settled as for every bucket. Then the request is asked
//! anew of the upstream, with its own credentials, and what it answers streams back: headers, bytes, documents with the
//! bucket's name here. A body goes on as it comes, but for its last piece, which waits for the verification of the whole: one
//! that is wrong is never whole upstream.

mod batch;
mod body;
mod copy;
mod headers;
mod names;
mod stream;
mod table;

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use s3s::dto::{PutObjectInput, StreamingBlob, UploadPartInput};
use s3s::{Body, S3Error, S3Request, S3Response, S3Result};
use windlass_store::adopt::Forwarding;
use windlass_store::link::{self, Link};
use windlass_store::name::ObjectKey;
use windlass_store::policy::Grant;
use windlass_store::upstream::{Answer, Provider, Request};
use windlass_store::{Error, ErrorKind, Store};

use super::call::Call;
use super::ops::Operation;
use super::service::Operations;
use super::{error, lock};
use table::Way;

pub(super) use copy::{into_object, into_part};

/// Stands in the extensions of a request that goes upstream.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The operation.
    operation: &'static str,
    /// The key, as it is.
    key: Option<ObjectKey>,
    /// Held until the answer is there, if it changes something.
    _under_way: Option<Arc<Forwarding>>,
}

/// Whether an operation that was granted goes upstream; `None` if it is ours. `NotImplemented` for what is not done in a linked
/// bucket, and `AccessDenied` for what is not managed from here.
///
/// That a change goes upstream is decided and noted in one: an adoption that has begun by then has it, one that begins later waits
/// for it.
pub(super) fn ask(
    store: &Store,
    operation: &Operation,
    grant: &Grant,
    key: Option<ObjectKey>,
) -> S3Result<Option<Asked>> {
    let Ok(bucket) = grant.bucket() else { return Ok(None) };
    let Some(link) = store.link_of(bucket).map_err(error::from_store)? else { return Ok(None) };
    let under_way = match table::way(operation.name) {
        Way::Here => return Ok(None),
        Way::Never => return Err(error::not_implemented(&format!("{} on a linked bucket", operation.name))),
        Way::Managed(toggle, managed) if !managed(&link.managed) => return Err(not_managed(toggle)),
        Way::Read => None,
        Way::Managed(..) | Way::Change => match store.forwarding(bucket.id).map_err(error::from_store)? {
            None => return Ok(None),
            noted => noted.map(Arc::new),
        },
    };
    Ok(Some(Asked { operation: operation.name, key, _under_way: under_way }))
}

fn not_managed(toggle: &str) -> S3Error {
    error::from_store(link::not_managed(toggle))
}

/// A linked bucket, as it is asked upstream.
struct Upstream<'a> {
    door: &'a Operations,
    provider: Arc<Provider>,
    link: Arc<Link>,
}

impl<'a> Upstream<'a> {
    /// The bucket of a grant.
    async fn of(door: &'a Operations, grant: &Grant) -> windlass_store::Result<Self> {
        let (provider, link) = door.store.provider_of(grant.bucket()?).await?;
        Ok(Self { door, provider, link })
    }

    /// A request about the bucket, without headers.
    fn request(&self, method: Method, key: Option<&ObjectKey>) -> Request {
        let request = Request::new(method).bucket(&self.link.name);
        match key {
            Some(key) => request.key(key.as_str()),
            None => request,
        }
    }

    /// Sends a request. An answer that says no is an error, with the headers that explain it.
    async fn send(&self, call: &Call, request: Request) -> S3Result<Answer> {
        let answer =
            self.door.store.upstream().send(&self.provider, request).await.map_err(|error| call.refused(error))?;
        if answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED {
            return Ok(answer);
        }
        let headers = headers::of_refusal(&answer.headers);
        let mut refused = call.refused(answer.into_error(&self.provider).await);
        let mut all = refused.headers().cloned().unwrap_or_default();
        // What is concealed has no version and no marker either.
        if refused.code().as_str() != "AccessDenied" {
            all.extend(headers);
        }
        refused.set_headers(all);
        Err(refused)
    }
}

/// Takes a request for an upstream apart.
pub(super) fn open<T: 'static>(request: S3Request<T>) -> S3Result<(Call, Sent, Option<StreamingBlob>)> {
    let sent = Sent { method: request.method.clone(), path: request.uri.path().to_owned() };
    let (mut input, call) = Call::open(request)?;
    let input: &mut dyn Any = &mut input;
    let body = match input.downcast_mut::<PutObjectInput>() {
        Some(put) => put.body.take(),
        None => input.downcast_mut::<UploadPartInput>().and_then(|part| part.body.take()),
    };
    Ok((call, sent, body))
}

/// What of a request no operation has in its input.
pub(super) struct Sent {
    method: Method,
    /// The path, as it was sent.
    path: String,
}

/// Asks the upstream what was asked here.
pub(super) async fn answer(
    door: &Operations,
    asked: Asked,
    call: Call,
    sent: Sent,
    body: Option<StreamingBlob>,
) -> S3Result<Passed> {
    let upstream = Upstream::of(door, &call.grant).await.map_err(error::from_store)?;
    // To pass over a retention takes a right of its own.
    lock::bypass(&call)?;
    match asked.operation {
        "CopyObject" | "UploadPartCopy" => return copy::to_linked(&upstream, &asked, &call).await,
        "DeleteObjects" => return batch::delete(&upstream, &call).await,
        _ => {}
    }
    let mut request = upstream.request(sent.method.clone(), asked.key.as_ref());
    request.headers = headers::asked(&call.headers, upstream.link.managed)?;
    request.query = headers::parameters(&call.query);
    if table::says_type(asked.operation) {
        body::check(door, &call, call.headers.get(CONTENT_TYPE), None)?;
    }
    if asked.operation == "CompleteMultipartUpload" {
        body::check_whole(&upstream, &asked, &call).await?;
    }
    request.body = body::of(door, &asked, &call, body, &mut request.headers).await?;
    let answer = upstream.send(&call, request).await?;
    match table::names_bucket(asked.operation) {
        Some(element) => {
            let (headers, document) =
                answer.into_document(&upstream.provider).await.map_err(|error| call.refused(error))?;
            let document = names::ours(&document, element, &call, &sent.path)?;
            Ok(Passed::document(&headers, document))
        }
        None => Ok(Passed::stream(answer, sent.method == Method::HEAD)),
    }
}

/// What an upstream answered, on its way through s3s, which would print it anew.
#[derive(Clone)]
pub(super) struct Passed(Arc<Mutex<Option<Response<Body>>>>);

impl Passed {
    fn new(status: StatusCode, headers: HeaderMap, body: Body) -> Self {
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Self(Arc::new(Mutex::new(Some(answer))))
    }

    /// An answer whose body goes through as it comes, if it has one.
    fn stream(answer: Answer, head: bool) -> Self {
        let headers = headers::answered(&answer.headers);
        let empty = headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0");
        if head || empty || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&answer.status) {
            return Self::new(answer.status, headers, Body::empty());
        }
        let bytes = futures::TryStreamExt::inspect_err(answer.body, |error| {
            tracing::warn!(%error, "an answer was cut");
        });
        Self::new(answer.status, headers, Body::from(StreamingBlob::wrap(bytes)))
    }

    /// An answer with a document that was read, and perhaps changed. White space between its elements is as it was: it goes
    /// out as a stream, which nobody takes for a document of ours.
    fn document(headers: &HeaderMap, document: impl Into<Bytes>) -> Self {
        let document = document.into();
        let mut headers = headers::answered(headers);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(document.len()));
        let document = futures::stream::iter([Ok::<_, Error>(document)]);
        Self::new(StatusCode::OK, headers, Body::from(StreamingBlob::wrap(document)))
    }

    /// The same as s3s takes it.
    pub(super) fn into_answer<T: Default>(self) -> S3Response<T> {
        let mut answer = S3Response::new(T::default());
        answer.extensions.insert(self);
        answer
    }
}

/// The answer that s3s printed, or in its place the one that an upstream gave.
pub(super) fn settle(mut printed: Response<Body>) -> Response<Body> {
    let passed = printed.extensions_mut().remove::<Passed>();
    let passed = passed.and_then(|passed| passed.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    match passed {
        Some(mut answer) => {
            *answer.extensions_mut() = std::mem::take(printed.extensions_mut());
            answer
        }
        None => printed,
    }
}

/// What a copy or a batch cannot be without.
fn internal(why: &'static str) -> S3Error {
    error::from_store(Error::new(ErrorKind::Internal, error::default_message("InternalError")).because(why))
}
