//! The body of a request as it goes upstream, and the limits of bucket and plan on it.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::BytesMut;
use futures::StreamExt as _;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use s3s::S3Result;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::StreamingBlob;
use windlass_store::admission;
use windlass_store::blob::{ByteStream, ChecksumAlgorithm, Expect, ExpectedChecksum, must_be_empty, verified};
use windlass_store::upstream::xml::Element;
use windlass_store::upstream::{Payload, Trailer};
use windlass_store::{Error, ErrorKind, limit};

use super::super::call::{Call, text};
use super::super::service::Operations;
use super::super::{body as incoming, checksum, error};
use super::{Asked, Upstream, table};

const SDK_ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";

/// The body of a request. `FileTooLarge` beyond what the bucket or the plan takes.
pub(super) async fn of(
    door: &Operations,
    asked: &Asked,
    call: &Call,
    body: Option<StreamingBlob>,
    headers: &mut HeaderMap,
) -> S3Result<Payload> {
    if !table::brings_bytes(asked.operation) {
        return Ok(match call.document() {
            None => Payload::Empty,
            Some(document) => {
                // Its checksum was held against it, and may have come behind it: what goes on has one that every provider
                // takes.
                headers.remove(SDK_ALGORITHM);
                let md5 = BASE64_STANDARD.encode(Md5::checksum(document));
                headers.insert("content-md5", value(&md5)?);
                Payload::Bytes(document.clone())
            }
        });
    }
    let bytes = incoming::into_stream(body);
    let expect = checksum::expectation(call)?;
    check_size(door, call, expect.length)?;
    let Some(length) = expect.length else { return whole(door, call, bytes).await };
    let trailer = match &expect.checksum {
        ExpectedChecksum::Trailer(algorithm, _) => Some(*algorithm),
        ExpectedChecksum::Value(..) => None,
        ExpectedChecksum::None | ExpectedChecksum::Compute(_) => {
            headers.remove(SDK_ALGORITHM);
            None
        }
    };
    streamed(bytes, length, expect, trailer, headers).await
}

/// A body that goes on as it comes, with the checksum of that algorithm behind it.
pub(super) async fn streamed(
    bytes: ByteStream,
    length: u64,
    expect: Expect,
    trailer: Option<ChecksumAlgorithm>,
    headers: &mut HeaderMap,
) -> S3Result<Payload> {
    if length == 0 {
        let passed = must_be_empty(bytes, expect).await.map_err(error::from_store)?;
        if let Some(algorithm) = trailer {
            let sum = BASE64_STANDARD.encode(passed.value().map_err(error::from_store)?);
            headers.insert(header_of(algorithm)?, value(&sum)?);
        }
        return Ok(Payload::Empty);
    }
    let (bytes, passed) = verified(bytes, expect);
    Ok(match trailer {
        None => Payload::Stream { length, bytes },
        Some(algorithm) => {
            let trailer = Trailer {
                name: header_of(algorithm)?.to_string(),
                value_length: algorithm.value_len().div_ceil(3) * 4,
                value: Box::new(move || Ok(BASE64_STANDARD.encode(passed.value()?))),
            };
            Payload::Trailed { length, bytes, trailer }
        }
    })
}

/// A file of a form: nobody could say how long it is, and an upstream has to be told, so it is read whole.
async fn whole(door: &Operations, call: &Call, mut bytes: ByteStream) -> S3Result<Payload> {
    let mut file = BytesMut::new();
    while let Some(piece) = bytes.next().await.transpose().map_err(error::from_store)? {
        if file.len() + piece.len() > super::super::document::LIST_BYTES_MAX {
            let message = "A form for a linked bucket may bring a file of at most 8 MiB.";
            return Err(error::refuse("EntityTooLarge", message));
        }
        file.extend_from_slice(&piece);
    }
    check_size(door, call, Some(file.len() as u64))?;
    Ok(Payload::Bytes(file.freeze()))
}

/// `FileTooLarge` for more bytes than the bucket or the plan takes.
pub(super) fn check_size(door: &Operations, call: &Call, size: Option<u64>) -> S3Result<()> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let plan = door.store.plan_of(bucket.row.org).map_err(error::from_store)?;
    size.map_or(Ok(()), |size| admission::check_size(&bucket.row, plan, size)).map_err(error::from_store)
}

/// `FileTooLarge` and `TypeNotAllowed` for an object that the bucket or the plan does not take.
pub(super) fn check(
    door: &Operations,
    call: &Call,
    content_type: Option<&HeaderValue>,
    size: Option<u64>,
) -> S3Result<()> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    admission::check_type(&bucket.row, content_type.and_then(text)).map_err(error::from_store)?;
    check_size(door, call, size)
}

/// `FileTooLarge` if the parts of an upload are more together than bucket or plan take.
pub(super) async fn check_whole(upstream: &Upstream<'_>, asked: &Asked, call: &Call) -> S3Result<()> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let plan = upstream.door.store.plan_of(bucket.row.org).map_err(error::from_store)?;
    if admission::size_limit(&bucket.row, plan).is_none() {
        return Ok(());
    }
    let (mut size, mut marker) = (0_u64, None);
    // More pages than parts can fill would be one of no parts.
    for _ in 0..=usize::from(limit::PARTS_MAX) / limit::PAGE_MAX + 1 {
        let mut request = upstream
            .request(Method::GET, asked.key.as_ref())
            .query("uploadId", call.query.get("uploadId").unwrap_or_default());
        if let Some(marker) = marker {
            request = request.query("part-number-marker", marker);
        }
        let asked = upstream.door.store.upstream().ask(&upstream.provider, request).await;
        let (_, document) = asked.map_err(|error| call.refused(error))?;
        let page = Element::parse(&document).map_err(error::from_store)?;
        for part in page.children("Part") {
            let bytes = part.must_have("Size").map_err(error::from_store)?;
            let bytes = bytes.parse::<u64>().map_err(|_| error::from_store(odd()))?;
            size = size.saturating_add(bytes);
        }
        check_size(upstream.door, call, Some(size))?;
        marker = page.text_of("NextPartNumberMarker").map(str::to_owned);
        if page.text_of("IsTruncated") != Some("true") {
            return Ok(());
        }
    }
    Err(error::from_store(odd()))
}

fn odd() -> Error {
    Error::new(ErrorKind::UpstreamInvalid, "The upstream's answer could not be read.")
}

fn header_of(algorithm: ChecksumAlgorithm) -> S3Result<HeaderName> {
    let name = format!("x-amz-checksum-{}", algorithm.name().to_ascii_lowercase());
    HeaderName::try_from(name).map_err(|_| super::internal("a checksum's name is no header's"))
}

fn value(text: &str) -> S3Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| super::internal("base64 is no header's value"))
}
