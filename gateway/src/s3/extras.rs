//! What a write says about an object beside its bytes and its metadata, by headers: locks, tags, and access control lists.

use http::{HeaderMap, HeaderValue};
use s3s::S3Result;
use windlass_store::object::{Extras, VersionId};

use super::call::Call;
use super::service::Operations;
use super::{acl, lock, tagging};

/// Reads the headers of a write.
pub(super) fn from_headers(door: &Operations, call: &Call) -> S3Result<Extras> {
    Ok(Extras {
        tags: tagging::from_headers(&call.headers)?,
        retention: lock::retention(call)?,
        legal_hold: lock::legal_hold(call)?,
        acl: acl::of_new(door, call)?,
    })
}

/// Adds what is told of them with an object.
pub(super) fn to_headers(extras: &Extras, headers: &mut HeaderMap) {
    lock::to_headers(extras, headers);
    tagging::to_headers(&extras.tags, headers);
}

/// Adds a version id to the headers of an answer, if there is one to show.
pub(super) fn show_version(version: Option<VersionId>, headers: &mut HeaderMap) {
    show_version_as("x-amz-version-id", version, headers);
}

/// The same under another name.
pub(super) fn show_version_as(name: &'static str, version: Option<VersionId>, headers: &mut HeaderMap) {
    if let Some(value) = version.and_then(|version| HeaderValue::try_from(version.to_string()).ok()) {
        headers.insert(name, value);
    }
}
