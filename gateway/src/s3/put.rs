//! PutObject.

use http::header::ETAG;
use http::{HeaderMap, HeaderValue};
use s3s::dto::{PutObjectInput, PutObjectOutput};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::blob::Checksum;
use windlass_store::lifecycle::Facts;
use windlass_store::notification::EventKind;
use windlass_store::object::{ETag, PutObject};

use super::call::{self, Call};
use super::service::Operations;
use super::{body, checksum, conditions, error, extras, lifecycle, metadata, refuse};

/// Stores an object. Nothing of the body is read before everything else is known to be right, so that a client that
/// waits for `100 Continue` is refused without sending it.
pub(super) async fn put_object(
    door: &Operations,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let (input, call) = Call::open(request)?;
    refuse::check_write(&call.headers)?;
    let put = PutObject {
        key: call::key(&input.key)?,
        metadata: metadata::from_headers(&call.headers),
        class: call.storage_class()?.unwrap_or_default(),
        extras: extras::from_headers(door, &call)?,
        condition: conditions::write(&call.headers),
        expect: checksum::expectation(&call)?,
        event: if call.form.is_some() { EventKind::CreatedPost } else { EventKind::CreatedPut },
    };
    let (key, tags) = (put.key.clone(), put.extras.tags.clone());
    let stored =
        door.store.put_object(&call.grant, put, body::into_stream(input.body)).await.map_err(error::from_store)?;
    let mut headers = stored_headers(stored.etag, stored.checksum.as_ref());
    extras::show_version(stored.version, &mut headers);
    let facts = Facts { key: key.as_str(), size: stored.size, tags: &tags };
    lifecycle::tell_expiration(door, &call, &facts, stored.modified_ms, &mut headers)?;
    Ok(S3Response::with_headers(PutObjectOutput::default(), headers))
}

/// The headers that tell what was stored.
pub(super) fn stored_headers(etag: ETag, checksum: Option<&Checksum>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(format!("\"{etag}\"")) {
        headers.insert(ETAG, value);
    }
    if let Some(checksum) = checksum {
        checksum::to_headers(checksum, &mut headers);
    }
    headers
}
