//! CopyObject, and what a copy's source is.

use s3s::dto::{self, CopyObjectInput, CopyObjectOutput, CopyObjectResult};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::object::CopyObject;
use windlass_store::policy::{Action, Grant, Principal, Resource};

use super::call::{self, Call};
use super::error::{self, invalid_argument};
use super::query::percent_decode;
use super::service::Operations;
use super::{auth, checksum, conditions, date, metadata, refuse};

/// The prefix of the headers with conditions on a source.
pub(super) const SOURCE_CONDITIONS: &str = "x-amz-copy-source-";

/// Copies an object.
pub(super) async fn copy_object(
    door: &Operations,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let (input, call) = Call::open(request)?;
    refuse::check_write(&call.headers)?;
    let (source, source_key) = source(door, &call)?;
    let replace = match call.header("x-amz-metadata-directive") {
        None | Some("COPY") => None,
        Some("REPLACE") => Some(metadata::from_headers(&call.headers)),
        Some(_) => return Err(invalid_argument("Unknown metadata directive.")),
    };
    if !matches!(call.header("x-amz-tagging-directive"), None | Some("COPY" | "REPLACE")) {
        return Err(invalid_argument("Unknown tagging directive."));
    }
    let copy = CopyObject {
        source_key,
        source_conditions: conditions::read(&call.headers, SOURCE_CONDITIONS),
        key: call::key(&input.key)?,
        replace_metadata: replace,
        class: call.storage_class()?,
        checksum: checksum::declared(&call.headers)?,
        condition: conditions::write(&call.headers),
    };
    let copied = door.store.copy_object(&call.grant, &source, copy).await.map_err(error::from_store)?;
    let mut result = CopyObjectResult {
        e_tag: Some(dto::ETag::Strong(copied.etag.to_string())),
        last_modified: Some(date::timestamp(copied.modified_ms)),
        checksum_type: copied.checksum.as_ref().map(|checksum| checksum::kind_dto(checksum.kind)),
        ..CopyObjectResult::default()
    };
    checksum::set_field!(result, &copied.checksum);
    Ok(S3Response::new(CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() }))
}

/// The source of a copy with the grant to read it, which is asked for on its own: a copy is a read and a write.
pub(super) fn source(door: &Operations, call: &Call) -> S3Result<(Grant, ObjectKey)> {
    let header = call.headers.get("x-amz-copy-source").map(http::HeaderValue::as_bytes).unwrap_or_default();
    let (bucket, key) = parse(header)?;
    let bucket = BucketName::parse(&bucket).map_err(error::from_store)?;
    let key = call::key(&key)?;
    let principal = Principal::Key(call.grant.principal().clone());
    let grant =
        door.store.authorize(&principal, Action::GetObject, Resource::Bucket(&bucket)).map_err(error::from_store)?;
    auth::check_owner(&grant, &call.headers, "x-amz-source-expected-bucket-owner")?;
    Ok((grant, key))
}

/// Reads `x-amz-copy-source`: `[/]<bucket>/<key>[?versionId=<id>]`, decoded exactly once; a `+` is a `+`.
fn parse(header: &[u8]) -> S3Result<(String, String)> {
    let wrong = || invalid_argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    let header = std::str::from_utf8(header).map_err(|_| wrong())?;
    let (path, version) = header.rsplit_once("?versionId=").unwrap_or((header, "null"));
    if version != "null" {
        return Err(invalid_argument("Invalid version id specified"));
    }
    let path = String::from_utf8(percent_decode(path.as_bytes())).map_err(|_| wrong())?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    match path.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok((bucket.to_owned(), key.to_owned())),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_decoded_exactly_once() {
        for (header, bucket, key) in [
            ("b/k", "b", "k"),
            ("/b/k", "b", "k"),
            ("b//k/", "b", "/k/"),
            ("b%2Fk", "b", "k"),
            ("b/a%2Bb+c%20d", "b", "a+b+c d"),
            ("b/100%2525", "b", "100%25"),
            ("b/50%", "b", "50%"),
            ("b/a?b%3Fc", "b", "a?b?c"),
            ("b/k?versionId=null", "b", "k"),
            ("b/%C3%A9", "b", "é"),
            ("b/é", "b", "é"),
        ] {
            assert_eq!(parse(header.as_bytes()).unwrap(), (bucket.to_owned(), key.to_owned()), "{header}");
        }
        for bad in ["", "b", "b/", "/", "//k", "b/k?versionId=x", "b/%FF"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
