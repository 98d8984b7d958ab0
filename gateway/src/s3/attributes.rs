//! GetObjectAttributes.

use std::io::Write;

use s3s::dto::{self, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts, ObjectPart};
use s3s::xml::{SerResult, SerializeContent, Serializer};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::limit;
use windlass_store::object::{AttributeParts, AttributesRequest};
use windlass_store::upload::PartEntry;

use super::answer::Document;
use super::call::{self, Call, text};
use super::error::invalid_argument;
use super::service::Operations;
use super::{checksum, date, document, extras, part, refuse};

const NAMES: [&str; 5] = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];

/// Answers what is asked for of an object, without its bytes.
pub(super) async fn get_object_attributes(
    door: &Operations,
    request: S3Request<GetObjectAttributesInput>,
) -> S3Result<S3Response<GetObjectAttributesOutput>> {
    let (input, call) = Call::open(request)?;
    refuse::check_read(&call.headers)?;
    let asked = asked(&call)?;
    let has = |name: &str| asked.iter().any(|attribute| attribute == name);
    let number = |name: &str| -> S3Result<Option<i32>> {
        let wrong = || invalid_argument(format!("Value for {name} header is invalid."));
        call.header(name).map(|value| value.parse().map_err(|_| wrong())).transpose()
    };
    let request = AttributesRequest {
        key: call::key(&input.key)?,
        version: call.version()?,
        part_after: part::part_marker(number("x-amz-part-number-marker")?)?,
        max_parts: call::page_size(number("x-amz-max-parts")?, limit::PAGE_MAX, "x-amz-max-parts")?,
    };
    let attributes = door.store.object_attributes(&call.grant, &request).await.map_err(|error| call.refused(error))?;
    let found = attributes.found;
    let output = GetObjectAttributesOutput {
        checksum: found.checksum.as_ref().filter(|_| has("Checksum")).map(whole),
        object_parts: attributes.parts.filter(|_| has("ObjectParts")).map(|parts| object_parts(&request, &parts)),
        object_size: has("ObjectSize").then(|| call::number(found.size)),
        storage_class: has("StorageClass").then(|| dto::StorageClass::from_static(found.class.name())),
        ..GetObjectAttributesOutput::default()
    };
    let etag = has("ETag").then(|| found.etag.to_string());
    let document = document::print("GetObjectAttributesResponse", &Answer { output: &output, etag: etag.as_deref() })?;
    let mut answer = S3Response::new(output);
    answer.headers.insert(http::header::LAST_MODIFIED, date::http(found.modified_ms));
    extras::show_version(found.version, &mut answer.headers);
    answer.extensions.insert(Document(document));
    Ok(answer)
}

/// The attributes of the header, in one value or several.
fn asked(call: &Call) -> S3Result<Vec<String>> {
    let values = call.headers.get_all("x-amz-object-attributes").iter().filter_map(text);
    let names: Vec<String> = values.flat_map(|list| list.split(',')).map(|name| name.trim().to_owned()).collect();
    if names.is_empty() || names.iter().any(|name| !NAMES.contains(&name.as_str())) {
        return Err(invalid_argument("Invalid attribute name specified."));
    }
    Ok(names)
}

fn whole(stored: &windlass_store::blob::Checksum) -> dto::Checksum {
    let mut shown = dto::Checksum { checksum_type: Some(checksum::kind_dto(stored.kind)), ..dto::Checksum::default() };
    checksum::set_field!(shown, Some(stored));
    shown
}

/// Parts are only listed when they have checksums, which is what a client wants of the list.
fn object_parts(request: &AttributesRequest, parts: &AttributeParts) -> GetObjectAttributesParts {
    let mut answer = GetObjectAttributesParts {
        total_parts_count: Some(i32::from(parts.total)),
        ..GetObjectAttributesParts::default()
    };
    if parts.page.iter().any(|part| part.checksum.is_some()) {
        answer.is_truncated = Some(parts.next.is_some());
        answer.max_parts = Some(call::number(request.max_parts));
        answer.part_number_marker = Some(i32::from(request.part_after));
        answer.next_part_number_marker = parts.page.last().map(|part| i32::from(part.number));
        answer.parts = Some(parts.page.iter().map(object_part).collect());
    }
    answer
}

fn object_part(entry: &PartEntry) -> ObjectPart {
    let mut part = ObjectPart {
        part_number: Some(i32::from(entry.number)),
        size: Some(call::number(entry.size)),
        ..ObjectPart::default()
    };
    checksum::set_field!(part, &entry.checksum);
    part
}

/// The answer with its ETag as S3 prints it here and only here: without quotes.
struct Answer<'a> {
    output: &'a GetObjectAttributesOutput,
    etag: Option<&'a str>,
}

impl SerializeContent for Answer<'_> {
    fn serialize_content<W: Write>(&self, s: &mut Serializer<W>) -> SerResult {
        if let Some(etag) = self.etag {
            s.content("ETag", etag)?;
        }
        self.output.serialize_content(s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_etag_has_no_quotes() {
        let output = GetObjectAttributesOutput { object_size: Some(3), ..GetObjectAttributesOutput::default() };
        let answer = Answer { output: &output, etag: Some("abc-2") };
        let printed = document::print("GetObjectAttributesResponse", &answer).unwrap();
        let document = std::str::from_utf8(&printed).unwrap();
        assert!(
            document.contains("<ETag>abc-2</ETag><ObjectSize>3</ObjectSize></GetObjectAttributesResponse>"),
            "{document}"
        );
    }
}
