//! Parts of multipart uploads: upload, copy, list.

use http::HeaderValue;
use s3s::dto::{
    self, CopyPartResult, ListPartsInput, ListPartsOutput, Part, UploadPartCopyInput, UploadPartCopyOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::limit;
use windlass_store::upload::{CopyPart, ListParts, PartEntry, PartPage, UploadPart};

use super::call::{self, Call};
use super::copy::{self, SOURCE_CONDITIONS, SOURCE_VERSION};
use super::error::{self, invalid_argument};
use super::put::stored_headers;
use super::service::Operations;
use super::{body, checksum, conditions, date, encode, extras, lifecycle, linked, list, refuse, uploads};

/// Stores a part.
pub(super) async fn upload_part(
    door: &Operations,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let (input, call) = Call::open(request)?;
    refuse::check_write(&call.headers)?;
    let part = UploadPart {
        key: call::key(&input.key)?,
        upload: call::upload_id(&input.upload_id)?,
        number: call::part_number(input.part_number)?,
        expect: checksum::expectation(&call)?,
    };
    let stored =
        door.store.upload_part(&call.grant, part, body::into_stream(input.body)).await.map_err(error::from_store)?;
    let mut headers = stored_headers(stored.etag, stored.checksum.as_ref());
    headers.remove("x-amz-checksum-type");
    Ok(S3Response::with_headers(UploadPartOutput::default(), headers))
}

/// Makes a part of an object or of a range of one.
pub(super) async fn upload_part_copy(
    door: &Operations,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let (input, call) = Call::open(request)?;
    refuse::check_write(&call.headers)?;
    let source = copy::source(door, &call)?;
    let copy = CopyPart {
        key: call::key(&input.key)?,
        upload: call::upload_id(&input.upload_id)?,
        number: call::part_number(input.part_number)?,
        source_key: source.key.clone(),
        source_version: source.version,
        range: source_range_of(&call)?,
        source_conditions: conditions::read(&call.headers, SOURCE_CONDITIONS),
    };
    if source.is_linked(door)? {
        return linked::into_part(door, &call, &source, copy).await;
    }
    let copied = door
        .store
        .copy_part(&call.grant, &source.grant, copy)
        .await
        .map_err(|error| error::from_store(source.grant.conceal(error)))?;
    let mut result = CopyPartResult {
        e_tag: Some(dto::ETag::Strong(copied.etag.to_string())),
        last_modified: Some(date::timestamp(copied.modified_ms)),
        ..CopyPartResult::default()
    };
    checksum::set_field!(result, &copied.checksum);
    let output = UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() };
    let mut answer = S3Response::new(output);
    extras::show_version_as(SOURCE_VERSION, copied.source_version, &mut answer.headers);
    Ok(answer)
}

/// Lists the parts of an upload.
pub(super) async fn list_parts(
    door: &Operations,
    request: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    let (input, call) = Call::open(request)?;
    let after = part_marker(input.part_number_marker)?;
    let max = call::page_size(input.max_parts, limit::PAGE_MAX, "max-parts")?;
    let upload = call::upload_id(&input.upload_id)?;
    // A page of nothing still tells whether there is such an upload.
    let query = ListParts { key: call::key(&input.key)?, upload, after, max: max.max(1) };
    let mut page = door.store.list_parts(&call.grant, &query).map_err(error::from_store)?;
    if max == 0 {
        page = PartPage { parts: vec![], next: None, ..page };
    }
    let last = page.parts.last().map_or(after, |part| part.number);
    let (checksum, initiator) = (page.upload.checksum, page.upload.initiator);
    let mut headers = http::HeaderMap::new();
    lifecycle::tell_abort(door, &call, &input.key, page.upload.initiated_ms, &mut headers)?;
    let output = ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(encode::echo(&input.key)),
        upload_id: Some(input.upload_id),
        checksum_algorithm: checksum.map(|(algorithm, _)| checksum::algorithm_dto(algorithm)),
        checksum_type: checksum.map(|(_, kind)| checksum::kind_dto(kind)),
        initiator: Some(uploads::initiator(initiator)),
        owner: Some(list::owner_of(&call)?),
        storage_class: Some(dto::StorageClass::from_static(page.upload.class.name())),
        part_number_marker: Some(i32::from(after)),
        next_part_number_marker: Some(i32::from(last)),
        max_parts: Some(call::number(max)),
        is_truncated: Some(page.next.is_some()),
        parts: Some(page.parts.iter().map(entry).collect()),
        ..ListPartsOutput::default()
    };
    Ok(S3Response::with_headers(output, headers))
}

/// A `part-number-marker`: any number a part could have, or none yet. What is beyond is behind the last part.
pub(super) fn part_marker(marker: Option<i32>) -> S3Result<u16> {
    match marker {
        None => Ok(0),
        Some(marker) if marker < 0 => Err(invalid_argument("Argument part-number-marker must not be negative")),
        Some(marker) => Ok(u16::try_from(marker).unwrap_or(u16::MAX)),
    }
}

fn entry(part: &PartEntry) -> Part {
    let mut entry = Part {
        part_number: Some(i32::from(part.number)),
        size: Some(call::number(part.size)),
        e_tag: Some(dto::ETag::Strong(part.etag.to_string())),
        last_modified: Some(date::timestamp(part.modified_ms)),
        ..Part::default()
    };
    checksum::set_field!(entry, &part.checksum);
    entry
}

/// The stretch of the source that a part is to be; `None` is all of it.
pub(super) fn source_range_of(call: &Call) -> S3Result<Option<(u64, u64)>> {
    call.headers.get("x-amz-copy-source-range").map(source_range).transpose()
}

/// Exactly `bytes=<first>-<last>`: unlike a Range header, no other form has a meaning here.
fn source_range(header: &HeaderValue) -> S3Result<(u64, u64)> {
    let wrong = || {
        invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based \
             offsets of the first and last bytes to copy",
        )
    };
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let text = header.to_str().unwrap_or_default();
    let (first, last) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(wrong)?;
    number(first).zip(number(last)).filter(|(first, last)| first <= last).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_range_has_one_form() {
        let source_range = |text: &'static str| source_range(&HeaderValue::from_static(text));
        assert_eq!(source_range("bytes=0-0").unwrap(), (0, 0));
        assert_eq!(source_range("bytes=5-10").unwrap(), (5, 10));
        for bad in ["", "0-5", "bytes=5-", "bytes=-5", "bytes=5-4", "bytes=0-5,7-9", "bytes=+0-5", "bytes=0-5 "] {
            assert_eq!(source_range(bad).unwrap_err().code().as_str(), "InvalidArgument", "{bad}");
        }
    }

    #[test]
    fn markers_may_lie_behind_the_last_part() {
        assert_eq!(part_marker(None).unwrap(), 0);
        assert_eq!(part_marker(Some(100_000)).unwrap(), u16::MAX);
        assert!(part_marker(Some(-1)).is_err());
    }
}
