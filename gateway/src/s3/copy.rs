//! CopyObject, and what a copy's source is.

use s3s::dto::{self, CopyObjectInput, CopyObjectOutput, CopyObjectResult};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::object::{CopyObject, VersionId};
use windlass_store::policy::{Action, Grant, S3Action, S3Asked};

use super::call::{self, Call};
use super::error::{self, invalid_argument};
use super::query::percent_decode;
use super::service::Operations;
use super::{auth, checksum, conditions, date, extras, linked, metadata, refuse, tagging};

/// The prefix of the headers with conditions on a source.
pub(super) const SOURCE_CONDITIONS: &str = "x-amz-copy-source-";

/// Copies an object.
pub(super) async fn copy_object(
    door: &Operations,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let (input, call) = Call::open(request)?;
    refuse::check_write(&call.headers)?;
    let source = source(door, &call)?;
    let replace = match call.header("x-amz-metadata-directive") {
        None | Some("COPY") => None,
        Some("REPLACE") => Some(metadata::from_headers(&call.headers)),
        Some(_) => return Err(invalid_argument("Unknown metadata directive.")),
    };
    let copy = CopyObject {
        source_key: source.key.clone(),
        source_version: source.version,
        source_conditions: conditions::read(&call.headers, SOURCE_CONDITIONS),
        key: call::key(&input.key)?,
        replace_metadata: replace,
        replace_tags: tagging::of_copy(&call)?,
        extras: extras::from_headers(door, &call)?,
        class: call.storage_class()?,
        checksum: checksum::declared(&call.headers)?,
        condition: conditions::write(&call.headers),
    };
    if source.is_linked(door)? {
        return linked::into_object(door, &call, &source, copy).await;
    }
    let copied = door
        .store
        .copy_object(&call.grant, &source.grant, copy)
        .await
        .map_err(|error| error::from_store(source.grant.conceal(error)))?;
    let mut result = CopyObjectResult {
        e_tag: Some(dto::ETag::Strong(copied.etag.to_string())),
        last_modified: Some(date::timestamp(copied.modified_ms)),
        checksum_type: copied.checksum.as_ref().map(|checksum| checksum::kind_dto(checksum.kind)),
        ..CopyObjectResult::default()
    };
    checksum::set_field!(result, &copied.checksum);
    let output = CopyObjectOutput { copy_object_result: Some(result), ..CopyObjectOutput::default() };
    let mut answer = S3Response::new(output);
    extras::show_version(copied.version, &mut answer.headers);
    extras::show_version_as(SOURCE_VERSION, copied.source_version, &mut answer.headers);
    Ok(answer)
}

/// The header that tells which version was copied.
pub(super) const SOURCE_VERSION: &str = "x-amz-copy-source-version-id";

/// What is to be copied.
pub(super) struct Source {
    /// The decision that allows to read it.
    pub(super) grant: Grant,
    /// Its key.
    pub(super) key: ObjectKey,
    /// One version of it; `None` is the current one.
    pub(super) version: Option<VersionId>,
    /// The same as it was named: an upstream has names of its own.
    pub(super) version_text: Option<String>,
}

impl Source {
    /// Whether it is read from an upstream.
    pub(super) fn is_linked(&self, door: &Operations) -> S3Result<bool> {
        let link = self.grant.bucket().and_then(|bucket| door.store.link_of(bucket));
        link.map(|link| link.is_some()).map_err(error::from_store)
    }
}

/// The source of a copy with the grant to read it, which is asked for on its own: a copy is a read and a write.
pub(super) fn source(door: &Operations, call: &Call) -> S3Result<Source> {
    let header = call.headers.get("x-amz-copy-source").map(http::HeaderValue::as_bytes).unwrap_or_default();
    let (bucket, key, version_text) = parse(header)?;
    let bucket = BucketName::parse(&bucket).map_err(error::from_store)?;
    let key = call::key(&key)?;
    let version = auth::version(&door.store, &bucket, version_text.as_deref())?;
    let told = call.told(door);
    let action = if version_text.is_some() { S3Action::GetObjectVersion } else { S3Action::GetObject };
    let asked = S3Asked {
        action: Action::GetObject,
        actions: &|| vec![action],
        bucket: &bucket,
        key: Some(&key),
        version,
        upload: None,
        owner: auth::expected_owner(&call.headers, "x-amz-source-expected-bucket-owner"),
        facts: &told,
    };
    let grant = door.store.authorize_s3(call.grant.caller(), &asked).map_err(error::from_store)?;
    Ok(Source { grant, key, version, version_text })
}

/// Reads `x-amz-copy-source`: `[/]<bucket>/<key>[?versionId=<id>]`, decoded exactly once; a `+` is a `+`.
pub(super) fn parse(header: &[u8]) -> S3Result<(String, String, Option<String>)> {
    let wrong = || invalid_argument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
    let header = std::str::from_utf8(header).map_err(|_| wrong())?;
    let (path, version) = match header.rsplit_once("?versionId=") {
        Some((path, version)) => (path, Some(version.to_owned())),
        None => (header, None),
    };
    let path = String::from_utf8(percent_decode(path.as_bytes())).map_err(|_| wrong())?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    match path.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
            Ok((bucket.to_owned(), key.to_owned(), version))
        }
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
            ("b/%C3%A9", "b", "é"),
            ("b/é", "b", "é"),
        ] {
            assert_eq!(parse(header.as_bytes()).unwrap(), (bucket.to_owned(), key.to_owned(), None), "{header}");
        }
        let version = parse(b"b/k?versionId=null").unwrap();
        assert_eq!(version, ("b".to_owned(), "k".to_owned(), Some("null".to_owned())));
        for bad in ["", "b", "b/", "/", "//k", "b/%FF"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
