//! The table of operations: all that the S3 door can do, and what each needs. What is not here is answered with
//! `NotImplemented`, however well s3s can parse it.

use s3s::S3Result;
use windlass_store::policy::Action;

use super::error;
use super::query::Query;

/// An operation of the S3 door.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    /// Its name in the S3 API, which is also s3s's.
    pub(super) name: &'static str,
    /// What the caller must be allowed, on the bucket of the path.
    pub(super) action: Action,
    /// The sub-resources (parameters that choose an operation) that it takes.
    subresources: &'static [&'static str],
}

const fn op(name: &'static str, action: Action, subresources: &'static [&'static str]) -> Operation {
    Operation { name, action, subresources }
}

/// One line an operation; its code is the file named behind it.
const TABLE: [Operation; 80] = [
    op("ListBuckets", Action::ListBuckets, &[]),                       // bucket
    op("CreateBucket", Action::CreateBucket, &[]),                     // bucket
    op("HeadBucket", Action::HeadBucket, &[]),                         // bucket
    op("GetBucketLocation", Action::HeadBucket, &["location"]),        // bucket
    op("DeleteBucket", Action::DeleteBucket, &[]),                     // bucket
    op("ListObjects", Action::ListObjects, &[]),                       // list
    op("ListObjectsV2", Action::ListObjects, &[]),                     // list
    op("PutObject", Action::PutObject, &[]),                           // put
    op("PostObject", Action::PutObject, &[]),                          // post
    op("GetObject", Action::GetObject, &["partNumber", "versionId"]),  // get
    op("HeadObject", Action::GetObject, &["partNumber", "versionId"]), // get
    op("GetObjectAttributes", Action::GetObject, &["attributes", "versionId"]), // attributes
    op("CopyObject", Action::PutObject, &[]),                          // copy
    op("DeleteObject", Action::DeleteObject, &["versionId"]),          // delete
    op("DeleteObjects", Action::DeleteObject, &["delete"]),            // delete
    op("CreateMultipartUpload", Action::PutObject, &["uploads"]),      // upload
    op("UploadPart", Action::PutObject, &["partNumber", "uploadId"]),  // part
    op("UploadPartCopy", Action::PutObject, &["partNumber", "uploadId"]), // part
    op("ListParts", Action::ListUploads, &["uploadId"]),               // part
    op("CompleteMultipartUpload", Action::PutObject, &["uploadId"]),   // upload
    op("AbortMultipartUpload", Action::AbortUpload, &["uploadId"]),    // upload
    op("ListMultipartUploads", Action::ListUploads, &["uploads"]),     // uploads
    op("GetBucketVersioning", Action::GetBucketVersioning, &["versioning"]), // versions
    op("PutBucketVersioning", Action::PutBucketVersioning, &["versioning"]), // versions
    op("ListObjectVersions", Action::ListVersions, &["versions"]),     // versions
    op("GetObjectLockConfiguration", Action::GetObjectLock, &["object-lock"]), // lock
    op("PutObjectLockConfiguration", Action::PutObjectLock, &["object-lock"]), // lock
    op("GetObjectRetention", Action::GetRetention, &["retention", "versionId"]), // lock
    op("PutObjectRetention", Action::PutRetention, &["retention", "versionId"]), // lock
    op("GetObjectLegalHold", Action::GetLegalHold, &["legal-hold", "versionId"]), // lock
    op("PutObjectLegalHold", Action::PutLegalHold, &["legal-hold", "versionId"]), // lock
    op("GetObjectTagging", Action::GetObjectTagging, &["tagging", "versionId"]), // tagging
    op("PutObjectTagging", Action::PutObjectTagging, &["tagging", "versionId"]), // tagging
    op("DeleteObjectTagging", Action::DeleteObjectTagging, &["tagging", "versionId"]), // tagging
    op("GetBucketTagging", Action::GetBucketTagging, &["tagging"]),    // tagging
    op("PutBucketTagging", Action::PutBucketTagging, &["tagging"]),    // tagging
    op("DeleteBucketTagging", Action::PutBucketTagging, &["tagging"]), // tagging
    op("GetBucketCors", Action::GetBucketCors, &["cors"]),             // cors
    op("PutBucketCors", Action::PutBucketCors, &["cors"]),             // cors
    op("DeleteBucketCors", Action::PutBucketCors, &["cors"]),          // cors
    op("GetBucketLifecycleConfiguration", Action::GetLifecycle, &["lifecycle"]), // lifecycle
    op("PutBucketLifecycleConfiguration", Action::PutLifecycle, &["lifecycle"]), // lifecycle
    op("DeleteBucketLifecycle", Action::PutLifecycle, &["lifecycle"]), // lifecycle
    op("GetBucketWebsite", Action::GetBucketWebsite, &["website"]),    // website
    op("PutBucketWebsite", Action::PutBucketWebsite, &["website"]),    // website
    op("DeleteBucketWebsite", Action::PutBucketWebsite, &["website"]), // website
    op("GetBucketRequestPayment", Action::GetUnconfigured, &["requestPayment"]), // unconfigured
    op("PutBucketRequestPayment", Action::PutUnconfigured, &["requestPayment"]), // unconfigured
    op("GetBucketAccelerateConfiguration", Action::GetUnconfigured, &["accelerate"]), // unconfigured
    op("PutBucketAccelerateConfiguration", Action::PutUnconfigured, &["accelerate"]), // unconfigured
    op("GetBucketLogging", Action::GetUnconfigured, &["logging"]),     // unconfigured
    op("PutBucketLogging", Action::PutUnconfigured, &["logging"]),     // unconfigured
    op("GetBucketReplication", Action::GetUnconfigured, &["replication"]), // unconfigured
    op("DeleteBucketReplication", Action::PutUnconfigured, &["replication"]), // unconfigured
    op("GetBucketEncryption", Action::GetUnconfigured, &["encryption"]), // unconfigured
    op("DeleteBucketEncryption", Action::PutUnconfigured, &["encryption"]), // unconfigured
    op("GetBucketAnalyticsConfiguration", Action::GetUnconfigured, &["analytics"]), // unconfigured
    op("GetBucketIntelligentTieringConfiguration", Action::GetUnconfigured, &["intelligent-tiering"]), // unconfigured
    op("GetBucketInventoryConfiguration", Action::GetUnconfigured, &["inventory"]), // unconfigured
    op("GetBucketMetricsConfiguration", Action::GetUnconfigured, &["metrics"]), // unconfigured
    op("ListBucketAnalyticsConfigurations", Action::GetUnconfigured, &["analytics"]), // unconfigured
    op("ListBucketIntelligentTieringConfigurations", Action::GetUnconfigured, &["intelligent-tiering"]), // unconfigured
    op("ListBucketInventoryConfigurations", Action::GetUnconfigured, &["inventory"]), // unconfigured
    op("ListBucketMetricsConfigurations", Action::GetUnconfigured, &["metrics"]), // unconfigured
    op("GetBucketPolicy", Action::GetBucketPolicy, &["policy"]),       // policy
    op("PutBucketPolicy", Action::PutBucketPolicy, &["policy"]),       // policy
    op("DeleteBucketPolicy", Action::PutBucketPolicy, &["policy"]),    // policy
    op("GetBucketPolicyStatus", Action::GetBucketPolicy, &["policyStatus"]), // policy
    op("GetPublicAccessBlock", Action::GetPublicAccessBlock, &["publicAccessBlock"]), // public
    op("PutPublicAccessBlock", Action::PutPublicAccessBlock, &["publicAccessBlock"]), // public
    op("DeletePublicAccessBlock", Action::PutPublicAccessBlock, &["publicAccessBlock"]), // public
    op("GetBucketOwnershipControls", Action::GetOwnership, &["ownershipControls"]), // ownership
    op("PutBucketOwnershipControls", Action::PutOwnership, &["ownershipControls"]), // ownership
    op("DeleteBucketOwnershipControls", Action::PutOwnership, &["ownershipControls"]), // ownership
    op("GetBucketAcl", Action::GetBucketAcl, &["acl"]),                // acl
    op("PutBucketAcl", Action::PutBucketAcl, &["acl"]),                // acl
    op("GetObjectAcl", Action::GetObjectAcl, &["acl", "versionId"]),   // acl
    op("PutObjectAcl", Action::PutObjectAcl, &["acl", "versionId"]),   // acl
    op("GetBucketNotificationConfiguration", Action::GetNotification, &["notification"]), // notification
    op("PutBucketNotificationConfiguration", Action::PutNotification, &["notification"]), // notification
];

/// All parameters that make a request mean something else (S3 API: request syntax of all operations). s3s takes those
/// it does not know for the plain operation, so that `DELETE /bucket?intelligentThing` would delete the bucket.
const SUBRESOURCES: [&str; 43] = [
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "select-type",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// The names of all operations.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|operation| operation.name)
}

/// Whether a parameter chooses an operation.
pub(super) fn is_subresource(name: &str) -> bool {
    SUBRESOURCES.contains(&name)
}

/// The operation of that name, if it is one of ours and the query asks for nothing beyond it.
pub(super) fn find(name: &str, query: &Query) -> S3Result<Operation> {
    let operation = TABLE.iter().find(|op| op.name == name).ok_or_else(|| error::not_implemented(name))?;
    match query.iter().find(|(name, _)| is_subresource(name) && !operation.subresources.contains(name)) {
        Some((name, _)) => Err(error::not_implemented(&format!("The parameter {name} of this request"))),
        None => Ok(*operation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(name: &str, uri: &str) -> bool {
        find(name, &Query::of(&uri.parse().unwrap())).is_ok()
    }

    #[test]
    fn the_table_is_the_whole_of_it() {
        assert!(ask("GetObject", "/b/k"));
        assert!(!ask("PutBucketPolicy", "/b?policy&acl"));
        assert!(!ask("SelectObjectContent", "/b/k"));
    }

    #[test]
    fn a_parameter_that_means_another_operation_is_never_overlooked() {
        assert!(ask("GetObject", "/b/k?partNumber=1&versionId=null&response-expires=x&x-id=GetObject"));
        assert!(!ask("DeleteBucket", "/b?object-lock"));
        assert!(!ask("DeleteBucket", "/b?%6Fbject-lock"));
        assert!(!ask("PutObject", "/b/k?uploadId=x"));
        assert!(!ask("PutObject", "/b/k?versionId=x"));
        assert!(!ask("CreateBucket", "/b?versioning"));
        assert!(!ask("ListObjects", "/b?versions"));
    }

    #[test]
    fn the_lists_are_sorted_and_without_doubles() {
        assert!(SUBRESOURCES.windows(2).all(|pair| pair[0] < pair[1]));
        let mut names: Vec<_> = TABLE.iter().map(|op| op.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
    }
}
