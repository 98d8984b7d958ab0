//! GetObject and HeadObject.

use futures::TryStreamExt as _;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, EXPIRES, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3s::dto::{GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, StreamingBlob};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::blob::Checksum;
use windlass_store::lifecycle::Facts;
use windlass_store::object::{ETagMatch, Found, GetObject, RangeRequest, ReadConditions, StorageClass};

use super::answer::Status;
use super::call::{self, Call};
use super::error::{invalid_argument, invalid_request};
use super::put::stored_headers;
use super::service::Operations;
use super::{conditions, date, extras, lifecycle, metadata, refuse};

/// Parameters that override a header of the answer.
const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", http::header::CACHE_CONTROL),
    ("response-content-disposition", http::header::CONTENT_DISPOSITION),
    ("response-content-encoding", http::header::CONTENT_ENCODING),
    ("response-content-language", http::header::CONTENT_LANGUAGE),
    ("response-content-type", http::header::CONTENT_TYPE),
    ("response-expires", http::header::EXPIRES),
];

/// Answers an object with its bytes. An error behind the first byte cuts the connection: never a short answer that
/// looks whole.
pub(super) async fn get_object(
    door: &Operations,
    request: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let (input, call) = Call::open(request)?;
    let get = asked_for(door, &call, &input.key, input.part_number).await?;
    let (found, bytes) = door.store.get_object(&call.grant, &get).await.map_err(|error| call.refused(error))?;
    let mut output = GetObjectOutput::default();
    if !found.not_modified {
        let bytes = bytes.inspect_err(|error| tracing::error!(%error, "an answer was cut"));
        output.body = Some(StreamingBlob::wrap(bytes));
    }
    let mut answer = answer(output, &found, &call, &get)?;
    tell_expiration(door, &call, &get, &found, &mut answer.headers)?;
    Ok(answer)
}

/// Answers an object's headers.
pub(super) async fn head_object(
    door: &Operations,
    request: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let (input, call) = Call::open(request)?;
    let get = asked_for(door, &call, &input.key, input.part_number).await?;
    let found = door.store.head_object(&call.grant, &get).await.map_err(|error| call.refused(error))?;
    let mut answer = answer(HeadObjectOutput::default(), &found, &call, &get)?;
    tell_expiration(door, &call, &get, &found, &mut answer.headers)?;
    Ok(answer)
}

/// Tells when what was found expires. Only what is current does.
fn tell_expiration(
    door: &Operations,
    call: &Call,
    get: &GetObject,
    found: &Found,
    headers: &mut HeaderMap,
) -> S3Result<()> {
    if get.version.is_some() || found.not_modified {
        return Ok(());
    }
    let facts = Facts { key: get.key.as_str(), size: found.size, tags: &found.extras.tags };
    lifecycle::tell_expiration(door, call, &facts, found.modified_ms, headers)
}

/// What a request asks for. A malformed range is ignored (RFC 9110 section 14.2), and so is a range whose `If-Range`
/// does not hold.
async fn asked_for(door: &Operations, call: &Call, key: &str, part: Option<i32>) -> S3Result<GetObject> {
    let version = call.version()?;
    refuse::check_read(&call.headers)?;
    let part = part.map(call::part_number).transpose()?;
    if part.is_some() && call.headers.contains_key(RANGE) {
        return Err(invalid_request("Cannot specify both Range header and partNumber query parameter"));
    }
    let range = call.header(RANGE.as_str()).and_then(RangeRequest::parse);
    let conditions = conditions::read(&call.headers, "");
    let mut get = GetObject { key: call::key(key)?, version, range, part, conditions };
    if let (Some(_), Some(unchanged)) = (get.range, call.header(IF_RANGE.as_str())) {
        get.range = range_if(door, call, &get, unchanged).await?;
    }
    Ok(get)
}

/// The range of a request with `If-Range`, or none if the object has changed (RFC 9110 section 13.1.5).
async fn range_if(door: &Operations, call: &Call, get: &GetObject, unchanged: &str) -> S3Result<Option<RangeRequest>> {
    let whole = GetObject { range: None, conditions: ReadConditions::default(), ..get.clone() };
    let found = door.store.head_object(&call.grant, &whole).await.map_err(|error| call.refused(error))?;
    let same = match date::parse_http(unchanged) {
        Some(ms) => ms / 1000 == found.modified_ms / 1000,
        // A weak tag never matches here.
        None => match ETagMatch::parse(unchanged) {
            ETagMatch::Tags(tags) => !unchanged.starts_with("W/") && tags == [found.etag.to_string()],
            ETagMatch::Any => false,
        },
    };
    Ok(get.range.filter(|_| same))
}

fn answer<T>(output: T, found: &Found, call: &Call, get: &GetObject) -> S3Result<S3Response<T>> {
    let mut answer = S3Response::with_headers(output, stored_headers(found.etag, shown_checksum(found, call, get)));
    let headers = &mut answer.headers;
    headers.insert(LAST_MODIFIED, date::http(found.modified_ms));
    metadata::to_headers(&found.metadata, headers);
    extras::to_headers(&found.extras, headers);
    extras::show_version(found.version, headers);
    for (parameter, name) in OVERRIDES {
        if let Some(value) = call.query.get(parameter) {
            let value =
                HeaderValue::try_from(value).map_err(|_| invalid_argument(format!("{parameter} is not valid.")))?;
            headers.insert(name, value);
        }
    }
    if found.not_modified {
        keep_for_not_modified(headers);
        answer.extensions.insert(Status(StatusCode::NOT_MODIFIED));
        return Ok(answer);
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(found.length));
    if found.class != StorageClass::Standard {
        headers.insert("x-amz-storage-class", HeaderValue::from_static(found.class.name()));
    }
    if let Some(parts) = found.parts {
        headers.insert("x-amz-mp-parts-count", HeaderValue::from(parts));
    }
    if let (true, Some(last)) = (found.partial, (found.start + found.length).checked_sub(1)) {
        let range = format!("bytes {}-{last}/{}", found.start, found.size);
        headers.insert(CONTENT_RANGE, HeaderValue::try_from(range).map_err(|_| invalid_argument("range"))?);
        answer.extensions.insert(Status(StatusCode::PARTIAL_CONTENT));
    }
    Ok(answer)
}

/// The checksum to show: only when it is asked for, and only if it is that of the bytes of the answer.
fn shown_checksum<'a>(found: &'a Found, call: &Call, get: &GetObject) -> Option<&'a Checksum> {
    let asked = call.header("x-amz-checksum-mode").is_some_and(|mode| mode.eq_ignore_ascii_case("ENABLED"));
    found.checksum.as_ref().filter(|_| asked && (get.part.is_some() || !found.partial))
}

/// A 304 carries what a cache needs and nothing about a body (RFC 9110 section 15.4.5).
fn keep_for_not_modified(headers: &mut HeaderMap) {
    let version = HeaderName::from_static("x-amz-version-id");
    let keep = [http::header::ETAG, LAST_MODIFIED, CACHE_CONTROL, EXPIRES, version];
    let kept = keep.into_iter().filter_map(|name| headers.remove(&name).map(|value| (name, value))).collect();
    *headers = kept;
}
