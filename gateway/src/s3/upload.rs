//! Multipart uploads: create, complete, abort.

use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use s3s::dto::{
    self, AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::limit;
use windlass_store::upload::{CompleteUpload, CreateUpload, PartRef};

use super::call::{self, Call, text};
use super::error::{self, invalid_argument, invalid_request};
use super::service::Operations;
use super::{checksum, conditions, encode, extras, lifecycle, metadata, refuse};

/// Creates an upload: metadata, class and checksum of the object are decided here and not at its end.
pub(super) async fn create(
    door: &Operations,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let (input, call) = Call::open(request)?;
    refuse::check_write(&call.headers)?;
    let asked = checksum::kind(&call.headers)?;
    let checksum = match (checksum::declared(&call.headers)?, asked) {
        (Some(algorithm), asked) => Some((algorithm, checksum::kind_of_upload(algorithm, asked)?)),
        (None, None) => None,
        (None, Some(_)) => {
            let message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            return Err(invalid_request(message));
        }
    };
    let create = CreateUpload {
        key: call::key(&input.key)?,
        metadata: metadata::from_headers(&call.headers),
        class: call.storage_class()?.unwrap_or_default(),
        checksum,
        extras: extras::from_headers(door, &call)?,
    };
    let upload = door.store.create_upload(&call.grant, create).await.map_err(error::from_store)?;
    let mut headers = HeaderMap::new();
    lifecycle::tell_abort(door, &call, &input.key, upload.created_ms(), &mut headers)?;
    let output = CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(encode::echo(&input.key)),
        upload_id: Some(upload.to_string()),
        checksum_algorithm: checksum.map(|(algorithm, _)| checksum::algorithm_dto(algorithm)),
        checksum_type: checksum.map(|(_, kind)| checksum::kind_dto(kind)),
        ..CreateMultipartUploadOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// Makes an object of the parts that the document names.
pub(super) async fn complete(
    door: &Operations,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    // As it was sent: on a host that names the bucket there is no bucket in it.
    let path = request.uri.path().to_owned();
    let (input, call) = Call::open(request)?;
    let parts = input.multipart_upload.and_then(|document| document.parts).unwrap_or_default();
    if parts.is_empty() || parts.len() > usize::from(limit::PARTS_MAX) {
        return Err(error::malformed_xml());
    }
    let complete = CompleteUpload {
        key: call::key(&input.key)?,
        upload: call::upload_id(&input.upload_id)?,
        parts: parts.into_iter().map(part).collect::<S3Result<_>>()?,
        condition: conditions::write(&call.headers),
        checksum: checksum::of_whole(&call.headers)?,
        kind: checksum::kind(&call.headers)?,
        size: object_size(&call.headers)?,
    };
    let done = door.store.complete_upload(&call.grant, complete).await.map_err(error::from_store)?;
    let host = call.headers.get(HOST).and_then(text).unwrap_or_default();
    let scheme = if call.is_secure() { "https" } else { "http" };
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("{scheme}://{host}{path}")),
        bucket: Some(input.bucket),
        key: Some(encode::echo(&input.key)),
        e_tag: Some(dto::ETag::Strong(done.etag.to_string())),
        checksum_type: done.checksum.as_ref().map(|checksum| checksum::kind_dto(checksum.kind)),
        ..CompleteMultipartUploadOutput::default()
    };
    checksum::set_field!(output, &done.checksum);
    let mut answer = S3Response::new(output);
    extras::show_version(done.version, &mut answer.headers);
    Ok(answer)
}

/// Ends an upload without an object.
pub(super) async fn abort(
    door: &Operations,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let (input, call) = Call::open(request)?;
    if call.headers.contains_key("x-amz-if-match-initiated-time") {
        return Err(error::not_implemented("Aborting on a condition"));
    }
    let (key, upload) = (call::key(&input.key)?, call::upload_id(&input.upload_id)?);
    door.store.abort_upload(&call.grant, key, upload).await.map_err(error::from_store)?;
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

fn part(part: CompletedPart) -> S3Result<PartRef> {
    let checksum = checksum::of_part(&part)?;
    let (Some(number), Some(etag)) = (part.part_number, part.e_tag) else {
        return Err(error::malformed_xml());
    };
    Ok(PartRef { number: call::part_number(number)?, etag: etag.into_value(), checksum })
}

fn object_size(headers: &HeaderMap) -> S3Result<Option<u64>> {
    let value = headers.get("x-amz-mp-object-size").filter(|value: &&HeaderValue| !value.is_empty());
    let wrong = || invalid_argument("Value for x-amz-mp-object-size header is invalid.");
    value.map(|value| text(value).and_then(|size| size.parse().ok()).ok_or_else(wrong)).transpose()
}
