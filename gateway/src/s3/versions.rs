//! Whether a bucket keeps versions, and the listing of them.

use std::io::Write;

use s3s::dto::{
    self, BucketVersioningStatus, CommonPrefix, DeleteMarkerEntry, GetBucketVersioningInput, GetBucketVersioningOutput,
    ListObjectVersionsInput, ListObjectVersionsOutput, MFADelete, ObjectVersion, ObjectVersionStorageClass, Owner,
    PutBucketVersioningInput, PutBucketVersioningOutput,
};
use s3s::xml::{SerResult, SerializeContent, Serializer};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::bucket::Versioning;
use windlass_store::limit;
use windlass_store::object::{
    ListVersions, MarkerRow, ObjectRow, VersionEntry, VersionId, VersionPage, VersionPosition,
};

use super::answer::Document;
use super::call::{self, Call};
use super::encode::Encoding;
use super::error::{self, invalid_argument, not_implemented};
use super::service::Operations;
use super::{checksum, date, document, list};

/// Has a bucket keep versions, or keep no more of them.
pub(super) async fn put_versioning(
    door: &Operations,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<S3Response<PutBucketVersioningOutput>> {
    let (input, call) = Call::open(request)?;
    let asked = input.versioning_configuration;
    if asked.mfa_delete.is_some_and(|mfa| mfa.as_str() == MFADelete::ENABLED) {
        return Err(not_implemented("MFA delete"));
    }
    let versioning = match asked.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        None => {
            let message = "The Versioning element must be specified";
            return Err(error::refuse("IllegalVersioningConfigurationException", message));
        }
        Some(_) => return Err(error::malformed_xml()),
    };
    door.store.put_versioning(&call.grant, versioning).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutBucketVersioningOutput::default()))
}

/// Tells whether a bucket keeps versions: nothing if it never did.
pub(super) async fn get_versioning(
    _door: &Operations,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<S3Response<GetBucketVersioningOutput>> {
    let (_, call) = Call::open(request)?;
    let versioning = call.grant.bucket().map_err(error::from_store)?.row.versioning;
    let status = match versioning {
        Versioning::Off => None,
        Versioning::Enabled | Versioning::Suspended => Some(BucketVersioningStatus::from_static(versioning.name())),
    };
    Ok(S3Response::new(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() }))
}

/// Lists versions and delete markers.
pub(super) async fn list_object_versions(
    door: &Operations,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<S3Response<ListObjectVersionsOutput>> {
    let (input, call) = Call::open(request)?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.unwrap_or_default();
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let after = position(&key_marker, input.version_id_marker.as_deref(), &prefix, delimiter.as_deref())?;
    let max = call::page_size(input.max_keys, limit::PAGE_MAX, "max-keys")?;
    let query = ListVersions { prefix, delimiter, after, max };
    let page = door.store.list_versions(&call.grant, &query).await.map_err(error::from_store)?;
    let (next_key_marker, next_version_id_marker) = markers(page.next.as_ref());
    let output = ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.write(&query.prefix)),
        key_marker: Some(encoding.write(&key_marker)),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        next_key_marker: next_key_marker.map(|key| encoding.write(&key)),
        next_version_id_marker,
        max_keys: Some(call::number(query.max)),
        is_truncated: Some(page.next.is_some()),
        delimiter: query.delimiter.as_ref().map(|delimiter| encoding.write(delimiter)),
        encoding_type: encoding.echo(),
        ..ListObjectVersionsOutput::default()
    };
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let lists = door.store.ownership(bucket).map_err(error::from_store)?.has_lists();
    let owner = list::owner_of(&call)?;
    let document = document::print(
        "ListVersionsResult",
        &Answer { output: &output, page: &page, encoding, owner: &owner, lists },
    )?;
    let mut answer = S3Response::new(output);
    answer.extensions.insert(Document(document));
    Ok(answer)
}

fn position(key: &str, version: Option<&str>, prefix: &str, delimiter: Option<&str>) -> S3Result<VersionPosition> {
    let version = version.filter(|version| !version.is_empty());
    match (key, version) {
        ("", None) => Ok(VersionPosition::Start),
        ("", Some(_)) => Err(invalid_argument("A version-id marker cannot be specified without a key marker.")),
        (key, None) if list::is_group(key, prefix, delimiter) => Ok(VersionPosition::AfterGroup(key.to_owned())),
        (key, None) => Ok(VersionPosition::AfterKey(key.to_owned())),
        (key, Some(version)) => {
            let version = VersionId::parse(version).ok_or_else(|| invalid_argument("Invalid version id specified"))?;
            Ok(VersionPosition::AfterVersion(key.to_owned(), version))
        }
    }
}

fn markers(next: Option<&VersionPosition>) -> (Option<String>, Option<String>) {
    match next {
        None | Some(VersionPosition::Start) => (None, None),
        Some(VersionPosition::AfterKey(key) | VersionPosition::AfterGroup(key)) => (Some(key.clone()), None),
        Some(VersionPosition::AfterVersion(key, version)) => (Some(key.clone()), Some(version.to_string())),
    }
}

/// The answer with versions and delete markers in one order, which s3s would print apart.
struct Answer<'a> {
    output: &'a ListObjectVersionsOutput,
    page: &'a VersionPage,
    encoding: Encoding,
    owner: &'a Owner,
    /// Whether objects can have others.
    lists: bool,
}

impl Answer<'_> {
    fn owner_of(&self, row: &ObjectRow) -> Owner {
        let other = row.extras.acl.as_ref().filter(|_| self.lists);
        other.map_or_else(|| self.owner.clone(), |acl| list::owner(acl.owner))
    }
}

impl SerializeContent for Answer<'_> {
    fn serialize_content<W: Write>(&self, s: &mut Serializer<W>) -> SerResult {
        self.output.serialize_content(s)?;
        for entry in &self.page.entries {
            match entry {
                VersionEntry::Object { key, row, latest } => {
                    s.content("Version", &object(self.encoding.write(key), row, *latest, &self.owner_of(row)))?;
                }
                VersionEntry::Marker { key, row, latest } => {
                    s.content("DeleteMarker", &marker(self.encoding.write(key), row, *latest, self.owner))?;
                }
                VersionEntry::Group(prefix) => {
                    let prefix = Some(self.encoding.write(prefix));
                    s.content("CommonPrefixes", &CommonPrefix { prefix })?;
                }
            }
        }
        Ok(())
    }
}

fn object(key: String, row: &ObjectRow, latest: bool, owner: &Owner) -> ObjectVersion {
    ObjectVersion {
        checksum_algorithm: row.head.checksum.map(|(algorithm, _)| vec![checksum::algorithm_dto(algorithm)]),
        checksum_type: row.head.checksum.map(|(_, kind)| checksum::kind_dto(kind)),
        e_tag: Some(dto::ETag::Strong(row.head.etag.to_string())),
        is_latest: Some(latest),
        key: Some(key),
        last_modified: Some(date::timestamp(row.head.modified_ms)),
        owner: Some(owner.clone()),
        restore_status: None,
        size: Some(call::number(row.head.size)),
        storage_class: Some(ObjectVersionStorageClass::from_static(row.head.class.name())),
        version_id: Some(row.version.map_or(VersionId::Null, VersionId::Id).to_string()),
    }
}

fn marker(key: String, row: &MarkerRow, latest: bool, owner: &Owner) -> DeleteMarkerEntry {
    DeleteMarkerEntry {
        is_latest: Some(latest),
        key: Some(key),
        last_modified: Some(date::timestamp(row.modified_ms)),
        owner: Some(owner.clone()),
        version_id: Some(row.version.map_or(VersionId::Null, VersionId::Id).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_begins_behind_a_key_a_group_or_one_version() {
        let at = |key, version| position(key, version, "", Some("/")).ok();
        let id = "0".repeat(32);
        assert_eq!(at("", None), Some(VersionPosition::Start));
        assert_eq!(at("", Some("")), Some(VersionPosition::Start));
        assert_eq!(at("a", None), Some(VersionPosition::AfterKey("a".into())));
        assert_eq!(at("a/", None), Some(VersionPosition::AfterGroup("a/".into())));
        assert_eq!(at("a", Some("null")), Some(VersionPosition::AfterVersion("a".into(), VersionId::Null)));
        assert!(at("a", Some(&id)).is_some());
        assert_eq!(at("", Some(&id)), None);
        assert_eq!(at("a", Some("x")), None);
    }
}
