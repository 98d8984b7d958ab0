//! Copies that touch a linked bucket. Within one account the provider copies by itself; everything else streams through us, a
//! few pieces at a time.

use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, EXPIRES, HeaderName,
};
use http::{HeaderMap, HeaderValue, Method};
use s3s::dto::{self, CopyObjectOutput, CopyObjectResult, CopyPartResult, UploadPartCopyOutput};
use s3s::{S3Response, S3Result};
use windlass_store::admission;
use windlass_store::blob::{ChecksumAlgorithm, Expect, ExpectedChecksum};
use windlass_store::notification::EventKind;
use windlass_store::object::{CopyObject, Extras, PutObject};
use windlass_store::upload::{CopyPart, UploadPart};
use windlass_store::upstream::Request;

use super::super::call::Call;
use super::super::copy::{self, SOURCE_VERSION, Source};
use super::super::service::Operations;
use super::super::{checksum, date, encode, error, extras, metadata, part};
use super::stream::{self, Reading};
use super::{Asked, Passed, Upstream, body, headers};

const REPLACE: &[u8] = b"REPLACE";
const METADATA_DIRECTIVE: &str = "x-amz-metadata-directive";
const TAGGING_DIRECTIVE: &str = "x-amz-tagging-directive";
const TAGGING: &str = "x-amz-tagging";
/// The headers of an object's metadata, those of users aside.
const METADATA: [HeaderName; 7] = [
    CACHE_CONTROL,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    EXPIRES,
    HeaderName::from_static("x-amz-website-redirect-location"),
];

/// Copies into a linked bucket: an object, or a part of one.
pub(super) async fn to_linked(upstream: &Upstream<'_>, asked: &Asked, call: &Call) -> S3Result<Passed> {
    let source = copy::source(upstream.door, call)?;
    let mut request = upstream.request(Method::PUT, asked.key.as_ref());
    request.query = headers::parameters(&call.query);
    request.headers = headers::asked(&call.headers, upstream.link.managed)?;
    if source.is_linked(upstream.door)? {
        let from = Upstream::of(upstream.door, &source.grant).await.map_err(error::from_store)?;
        if from.link.account == upstream.link.account {
            check_source(upstream, call, &from, &source).await?;
            return there(upstream, call, &from, &source, request).await;
        }
    }
    through(upstream, asked, call, &source, request).await
}

/// Has the provider copy.
async fn there(
    upstream: &Upstream<'_>,
    call: &Call,
    from: &Upstream<'_>,
    source: &Source,
    mut request: Request,
) -> S3Result<Passed> {
    let version = source.version_text.as_ref().map(|version| format!("?versionId={}", encode::url(version)));
    let path = format!("{}/{}{}", from.link.name, encode::url(source.key.as_str()), version.unwrap_or_default());
    let path = HeaderValue::try_from(path).map_err(|_| super::internal("an encoded key is no header"))?;
    request.headers.insert("x-amz-copy-source", path);
    let answer = upstream.send(call, request).await?;
    let (headers, document) = answer.into_document(&upstream.provider).await.map_err(|error| call.refused(error))?;
    Ok(Passed::document(&headers, document))
}

/// What a source would be that the provider copies is held against the limits of bucket and plan, if there are any.
async fn check_source(upstream: &Upstream<'_>, call: &Call, from: &Upstream<'_>, source: &Source) -> S3Result<()> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let plan = upstream.door.store.plan_of(bucket.row.org).map_err(error::from_store)?;
    if admission::size_limit(&bucket.row, plan).is_none() && bucket.row.settings.allowed_mime_types.is_none() {
        return Ok(());
    }
    let request = from.request(Method::HEAD, Some(&source.key));
    let request = match &source.version_text {
        Some(version) => request.query("versionId", version),
        None => request,
    };
    let asked = upstream.door.store.upstream().ask(&from.provider, request).await;
    let (found, _) = asked.map_err(|error| error::from_store(source.grant.conceal(error)))?;
    let size = found.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let about = if replaces(&call.headers, METADATA_DIRECTIVE) { &call.headers } else { &found };
    body::check(upstream.door, call, about.get(CONTENT_TYPE), size)
}

/// Reads the source and writes it upstream.
async fn through(
    upstream: &Upstream<'_>,
    asked: &Asked,
    call: &Call,
    source: &Source,
    mut request: Request,
) -> S3Result<Passed> {
    let of_part = asked.operation == "UploadPartCopy";
    let range = if of_part { part::source_range_of(call)? } else { None };
    let reading = stream::read(upstream.door, call, source, range).await?;
    let checksum = checksum::declared(&call.headers)?;
    let headers = &mut request.headers;
    without_copying(headers);
    if !of_part {
        describe(headers, call, &reading);
    }
    match of_part {
        true => body::check_size(upstream.door, call, Some(reading.length))?,
        false => body::check(upstream.door, call, headers.get(CONTENT_TYPE), Some(reading.length))?,
    }
    let expect = Expect { length: Some(reading.length), md5: None, checksum: computed(checksum) };
    request.body = body::streamed(reading.bytes, reading.length, expect, checksum, headers).await?;
    let answer = upstream.send(call, request).await?;
    let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default();
    let now = windlass_config::time::print(upstream.door.store.now());
    let element = if of_part { "CopyPartResult" } else { "CopyObjectResult" };
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{element} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <LastModified>{now}</LastModified><ETag>{}</ETag></{element}>",
        encode::xml(etag)
    );
    let mut told = answer.headers;
    told.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    told.remove(ETAG);
    if let Some(version) = reading.version {
        told.insert(SOURCE_VERSION, version);
    }
    Ok(Passed::document(&told, document))
}

/// Takes the headers off that only a copy has.
fn without_copying(headers: &mut HeaderMap) {
    let of_copies = |name: &str| {
        name.starts_with("x-amz-copy-source-")
            || [METADATA_DIRECTIVE, TAGGING_DIRECTIVE, "x-amz-checksum-algorithm"].contains(&name)
    };
    let names: Vec<HeaderName> = headers.keys().filter(|name| of_copies(name.as_str())).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Says of an object what is said of its source, unless the request says it anew.
fn describe(headers: &mut HeaderMap, call: &Call, reading: &Reading) {
    if !replaces(&call.headers, METADATA_DIRECTIVE) {
        let of_users = headers.keys().filter(|name| name.as_str().starts_with("x-amz-meta-"));
        let names: Vec<HeaderName> = of_users.cloned().chain(METADATA).collect();
        for name in names {
            headers.remove(name);
        }
        metadata::to_headers(&reading.metadata, headers);
    }
    if !replaces(&call.headers, TAGGING_DIRECTIVE) {
        let pair = |(name, value): &(String, String)| format!("{}={}", encode::url(name), encode::url(value));
        let tags = reading.tags.iter().map(pair).collect::<Vec<_>>().join("&");
        headers.remove(TAGGING);
        if let Some(tags) = HeaderValue::try_from(tags).ok().filter(|tags| !tags.is_empty()) {
            headers.insert(TAGGING, tags);
        }
    }
}

fn replaces(headers: &HeaderMap, directive: &str) -> bool {
    headers.get(directive).is_some_and(|value| value.as_bytes() == REPLACE)
}

fn computed(checksum: Option<ChecksumAlgorithm>) -> ExpectedChecksum {
    checksum.map_or(ExpectedChecksum::None, ExpectedChecksum::Compute)
}

/// Copies an object of a linked bucket into a bucket of ours.
pub(in super::super) async fn into_object(
    door: &Operations,
    call: &Call,
    source: &Source,
    copy: CopyObject,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let reading = stream::read(door, call, source, None).await?;
    let put = PutObject {
        key: copy.key,
        metadata: copy.replace_metadata.unwrap_or(reading.metadata),
        class: copy.class.unwrap_or_default(),
        extras: Extras { tags: copy.replace_tags.unwrap_or(reading.tags), ..copy.extras },
        condition: copy.condition,
        expect: Expect { length: Some(reading.length), md5: None, checksum: computed(copy.checksum) },
        event: EventKind::CreatedCopy,
    };
    let put = door.store.put_object(&call.grant, put, reading.bytes).await.map_err(error::from_store)?;
    let mut result = CopyObjectResult {
        e_tag: Some(dto::ETag::Strong(put.etag.to_string())),
        last_modified: Some(date::timestamp(put.modified_ms)),
        checksum_type: put.checksum.as_ref().map(|checksum| checksum::kind_dto(checksum.kind)),
        ..CopyObjectResult::default()
    };
    checksum::set_field!(result, &put.checksum);
    let output = CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() };
    let mut answer = S3Response::new(output);
    extras::show_version(put.version, &mut answer.headers);
    show_source(reading.version, &mut answer.headers);
    Ok(answer)
}

/// Makes a part of an object of a linked bucket, or of a range of one, for an upload of ours.
pub(in super::super) async fn into_part(
    door: &Operations,
    call: &Call,
    source: &Source,
    copy: CopyPart,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let reading = stream::read(door, call, source, copy.range).await?;
    let part = UploadPart {
        key: copy.key,
        upload: copy.upload,
        number: copy.number,
        expect: Expect { length: Some(reading.length), ..Expect::default() },
    };
    let stored = door.store.upload_part(&call.grant, part, reading.bytes).await.map_err(error::from_store)?;
    let mut result = CopyPartResult {
        e_tag: Some(dto::ETag::Strong(stored.etag.to_string())),
        last_modified: Some(date::timestamp(door.store.now())),
        ..CopyPartResult::default()
    };
    checksum::set_field!(result, &stored.checksum);
    let output = UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() };
    let mut answer = S3Response::new(output);
    show_source(reading.version, &mut answer.headers);
    Ok(answer)
}

fn show_source(version: Option<HeaderValue>, headers: &mut HeaderMap) {
    if let Some(version) = version {
        headers.insert(SOURCE_VERSION, version);
    }
}
