//! What becomes of each operation on a linked bucket: it is ours, it goes upstream, or it is not done.

use windlass_store::link::ManagedSettings;

/// What becomes of an operation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// It is done here, as for every bucket: it is about who may do what, or about what is ours of the bucket.
    Here,
    /// It goes upstream, and changes nothing there.
    Read,
    /// It goes upstream, and changes something there.
    Change,
    /// The same, if the setting is managed from here.
    Managed(&'static str, fn(&ManagedSettings) -> bool),
    /// It would change something here that would then have no effect, or something upstream that is not ours to change.
    Never,
}

const LIFECYCLE: Way = Way::Managed("lifecycle", |managed| managed.lifecycle);
const VISIBILITY: Way = Way::Managed("visibility", |managed| managed.visibility);

/// What becomes of the operation of that name. One that nobody has decided about is not done.
pub(super) fn way(operation: &str) -> Way {
    decided(operation).unwrap_or(Way::Never)
}

fn decided(operation: &str) -> Option<Way> {
    let way = match operation {
        "ListBuckets" | "CreateBucket" | "HeadBucket" | "GetBucketLocation" => Way::Here,
        // The bucket upstream stays: it is the link that goes.
        "DeleteBucket" => Way::Here,
        "GetBucketPolicy" | "PutBucketPolicy" | "DeleteBucketPolicy" | "GetBucketPolicyStatus" => Way::Here,
        "GetPublicAccessBlock" | "PutPublicAccessBlock" | "DeletePublicAccessBlock" => Way::Here,
        "GetBucketCors" | "PutBucketCors" | "DeleteBucketCors" => Way::Here,
        // They tell what is so of a bucket that none can be put for.
        "GetBucketAcl" | "PutBucketAcl" | "GetBucketOwnershipControls" => Way::Here,
        "GetBucketWebsite" | "DeleteBucketWebsite" | "GetBucketNotificationConfiguration" => Way::Here,
        "PutBucketOwnershipControls" | "DeleteBucketOwnershipControls" => Way::Never,
        "PutBucketWebsite" | "PutBucketNotificationConfiguration" => Way::Never,
        "PutBucketRequestPayment" | "PutBucketAccelerateConfiguration" | "PutBucketLogging" => Way::Never,
        "DeleteBucketReplication" | "DeleteBucketEncryption" => Way::Never,
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => LIFECYCLE,
        "PutObjectAcl" => VISIBILITY,
        "ListObjects" | "ListObjectsV2" | "ListObjectVersions" | "ListParts" | "ListMultipartUploads" => Way::Read,
        "GetObject" | "HeadObject" | "GetObjectAttributes" | "GetObjectAcl" => Way::Read,
        "GetObjectTagging" | "GetObjectRetention" | "GetObjectLegalHold" => Way::Read,
        "GetBucketVersioning" | "GetBucketTagging" | "GetBucketLifecycleConfiguration" => Way::Read,
        "GetObjectLockConfiguration" | "GetBucketReplication" | "GetBucketEncryption" => Way::Read,
        "GetBucketRequestPayment" | "GetBucketAccelerateConfiguration" | "GetBucketLogging" => Way::Read,
        "GetBucketAnalyticsConfiguration" | "ListBucketAnalyticsConfigurations" => Way::Read,
        "GetBucketInventoryConfiguration" | "ListBucketInventoryConfigurations" => Way::Read,
        "GetBucketMetricsConfiguration" | "ListBucketMetricsConfigurations" => Way::Read,
        "GetBucketIntelligentTieringConfiguration" | "ListBucketIntelligentTieringConfigurations" => Way::Read,
        "PutObject" | "PostObject" | "CopyObject" | "DeleteObject" | "DeleteObjects" => Way::Change,
        "CreateMultipartUpload" | "UploadPart" | "UploadPartCopy" => Way::Change,
        "CompleteMultipartUpload" | "AbortMultipartUpload" => Way::Change,
        "PutObjectTagging" | "DeleteObjectTagging" | "PutBucketTagging" | "DeleteBucketTagging" => Way::Change,
        "PutObjectRetention" | "PutObjectLegalHold" | "PutObjectLockConfiguration" => Way::Change,
        "PutBucketVersioning" => Way::Change,
        _ => return None,
    };
    Some(way)
}

/// The element that names the bucket in the document of an answer.
pub(super) fn names_bucket(operation: &str) -> Option<&'static str> {
    match operation {
        "ListObjects" | "ListObjectsV2" | "ListObjectVersions" => Some("Name"),
        "CreateMultipartUpload" | "CompleteMultipartUpload" | "ListParts" | "ListMultipartUploads" => Some("Bucket"),
        _ => None,
    }
}

/// Whether an operation writes an object or a part of one from its body.
pub(super) fn brings_bytes(operation: &str) -> bool {
    matches!(operation, "PutObject" | "UploadPart")
}

/// Whether an operation says what content type an object has.
pub(super) fn says_type(operation: &str) -> bool {
    matches!(operation, "PutObject" | "CreateMultipartUpload")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ops;

    #[test]
    fn every_operation_was_decided_about() {
        let undecided: Vec<_> = ops::names().filter(|name| decided(name).is_none()).collect();
        assert!(undecided.is_empty(), "{undecided:?}");
        assert!(matches!(way("PutBucketAnything"), Way::Never));
    }

    #[test]
    fn what_is_about_objects_goes_upstream_and_what_is_about_access_does_not() {
        for name in ops::names() {
            let expected = match name {
                "PutObjectAcl" => "Managed",
                name if name.contains("Object") && !name.contains("Ownership") => {
                    match name.starts_with("Get") || name.starts_with("List") || name.starts_with("Head") {
                        true => "Read",
                        false => "Change",
                    }
                }
                "ListParts" | "ListMultipartUploads" => "Read",
                name if name.contains("Multipart") || name.contains("Part") => "Change",
                name if name.contains("Policy") || name.contains("PublicAccess") => "Here",
                _ => continue,
            };
            assert!(format!("{:?}", way(name)).starts_with(expected), "{name}: {:?}", way(name));
        }
    }

    #[test]
    fn what_would_have_no_effect_is_never_done() {
        for name in ops::names().filter(|name| name.starts_with("Put") && name.contains("Bucket")) {
            let here = ["PutBucketPolicy", "PutBucketCors", "PutBucketAcl"];
            let upstream = ["PutBucketVersioning", "PutBucketTagging"];
            let expected = match name {
                "PutBucketLifecycleConfiguration" => "Managed",
                name if here.contains(&name) => "Here",
                name if upstream.contains(&name) => "Change",
                _ => "Never",
            };
            assert!(format!("{:?}", way(name)).starts_with(expected), "{name}: {:?}", way(name));
        }
    }
}
