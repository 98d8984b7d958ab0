//! What the policy of a bucket, or a list, must allow for each operation (S3: "Required permissions for Amazon S3 API
//! operations"). An operation that is about a bucket and has no line here is allowed to nobody but the bucket's owner, and
//! not to him either once the bucket has rules.

use http::HeaderMap;
use windlass_store::policy::S3Action;

use super::call::text;

/// The actions of an operation: without a version, and on one.
struct Line {
    operation: &'static str,
    plain: &'static [S3Action],
    versioned: &'static [S3Action],
}

const fn line(operation: &'static str, plain: &'static [S3Action], versioned: &'static [S3Action]) -> Line {
    Line { operation, plain, versioned }
}

const fn one(operation: &'static str, action: &'static [S3Action]) -> Line {
    line(operation, action, action)
}

/// One line an operation, in the order of the alphabet.
const TABLE: &[Line] = &{
    use S3Action as A;
    [
        one("AbortMultipartUpload", &[A::AbortMultipartUpload]),
        one("CompleteMultipartUpload", &[A::PutObject]),
        one("CopyObject", &[A::PutObject]),
        one("CreateMultipartUpload", &[A::PutObject]),
        one("DeleteBucket", &[A::DeleteBucket]),
        one("DeleteBucketAnalyticsConfiguration", &[A::PutAnalyticsConfiguration]),
        one("DeleteBucketCors", &[A::PutBucketCORS]),
        one("DeleteBucketEncryption", &[A::PutEncryptionConfiguration]),
        one("DeleteBucketIntelligentTieringConfiguration", &[A::PutIntelligentTieringConfiguration]),
        one("DeleteBucketInventoryConfiguration", &[A::PutInventoryConfiguration]),
        one("DeleteBucketLifecycle", &[A::PutLifecycleConfiguration]),
        one("DeleteBucketMetricsConfiguration", &[A::PutMetricsConfiguration]),
        one("DeleteBucketOwnershipControls", &[A::PutBucketOwnershipControls]),
        one("DeleteBucketPolicy", &[A::DeleteBucketPolicy]),
        one("DeleteBucketReplication", &[A::PutReplicationConfiguration]),
        one("DeleteBucketTagging", &[A::PutBucketTagging]),
        one("DeleteBucketWebsite", &[A::DeleteBucketWebsite]),
        line("DeleteObject", &[A::DeleteObject], &[A::DeleteObjectVersion]),
        line("DeleteObjectTagging", &[A::DeleteObjectTagging], &[A::DeleteObjectVersionTagging]),
        one("DeleteObjects", &[A::DeleteObject]),
        one("DeletePublicAccessBlock", &[A::PutBucketPublicAccessBlock]),
        one("GetBucketAccelerateConfiguration", &[A::GetAccelerateConfiguration]),
        one("GetBucketAcl", &[A::GetBucketAcl]),
        one("GetBucketAnalyticsConfiguration", &[A::GetAnalyticsConfiguration]),
        one("GetBucketCors", &[A::GetBucketCORS]),
        one("GetBucketEncryption", &[A::GetEncryptionConfiguration]),
        one("GetBucketIntelligentTieringConfiguration", &[A::GetIntelligentTieringConfiguration]),
        one("GetBucketInventoryConfiguration", &[A::GetInventoryConfiguration]),
        one("GetBucketLifecycleConfiguration", &[A::GetLifecycleConfiguration]),
        one("GetBucketLocation", &[A::GetBucketLocation]),
        one("GetBucketLogging", &[A::GetBucketLogging]),
        one("GetBucketMetricsConfiguration", &[A::GetMetricsConfiguration]),
        one("GetBucketNotificationConfiguration", &[A::GetBucketNotification]),
        one("GetBucketOwnershipControls", &[A::GetBucketOwnershipControls]),
        one("GetBucketPolicy", &[A::GetBucketPolicy]),
        one("GetBucketPolicyStatus", &[A::GetBucketPolicyStatus]),
        one("GetBucketReplication", &[A::GetReplicationConfiguration]),
        one("GetBucketRequestPayment", &[A::GetBucketRequestPayment]),
        one("GetBucketTagging", &[A::GetBucketTagging]),
        one("GetBucketVersioning", &[A::GetBucketVersioning]),
        one("GetBucketWebsite", &[A::GetBucketWebsite]),
        line("GetObject", &[A::GetObject], &[A::GetObjectVersion]),
        line("GetObjectAcl", &[A::GetObjectAcl], &[A::GetObjectVersionAcl]),
        line(
            "GetObjectAttributes",
            &[A::GetObject, A::GetObjectAttributes],
            &[A::GetObjectVersion, A::GetObjectVersionAttributes],
        ),
        one("GetObjectLegalHold", &[A::GetObjectLegalHold]),
        one("GetObjectLockConfiguration", &[A::GetBucketObjectLockConfiguration]),
        one("GetObjectRetention", &[A::GetObjectRetention]),
        line("GetObjectTagging", &[A::GetObjectTagging], &[A::GetObjectVersionTagging]),
        one("GetObjectTorrent", &[A::GetObjectTorrent]),
        one("GetPublicAccessBlock", &[A::GetBucketPublicAccessBlock]),
        one("HeadBucket", &[A::ListBucket]),
        line("HeadObject", &[A::GetObject], &[A::GetObjectVersion]),
        one("ListBucketAnalyticsConfigurations", &[A::GetAnalyticsConfiguration]),
        one("ListBucketIntelligentTieringConfigurations", &[A::GetIntelligentTieringConfiguration]),
        one("ListBucketInventoryConfigurations", &[A::GetInventoryConfiguration]),
        one("ListBucketMetricsConfigurations", &[A::GetMetricsConfiguration]),
        one("ListMultipartUploads", &[A::ListBucketMultipartUploads]),
        one("ListObjectVersions", &[A::ListBucketVersions]),
        one("ListObjects", &[A::ListBucket]),
        one("ListObjectsV2", &[A::ListBucket]),
        one("ListParts", &[A::ListMultipartUploadParts]),
        one("PostObject", &[A::PutObject]),
        one("PutBucketAccelerateConfiguration", &[A::PutAccelerateConfiguration]),
        one("PutBucketAcl", &[A::PutBucketAcl]),
        one("PutBucketAnalyticsConfiguration", &[A::PutAnalyticsConfiguration]),
        one("PutBucketCors", &[A::PutBucketCORS]),
        one("PutBucketEncryption", &[A::PutEncryptionConfiguration]),
        one("PutBucketIntelligentTieringConfiguration", &[A::PutIntelligentTieringConfiguration]),
        one("PutBucketInventoryConfiguration", &[A::PutInventoryConfiguration]),
        one("PutBucketLifecycleConfiguration", &[A::PutLifecycleConfiguration]),
        one("PutBucketLogging", &[A::PutBucketLogging]),
        one("PutBucketMetricsConfiguration", &[A::PutMetricsConfiguration]),
        one("PutBucketNotificationConfiguration", &[A::PutBucketNotification]),
        one("PutBucketOwnershipControls", &[A::PutBucketOwnershipControls]),
        one("PutBucketPolicy", &[A::PutBucketPolicy]),
        one("PutBucketReplication", &[A::PutReplicationConfiguration]),
        one("PutBucketRequestPayment", &[A::PutBucketRequestPayment]),
        one("PutBucketTagging", &[A::PutBucketTagging]),
        one("PutBucketVersioning", &[A::PutBucketVersioning]),
        one("PutBucketWebsite", &[A::PutBucketWebsite]),
        one("PutObject", &[A::PutObject]),
        line("PutObjectAcl", &[A::PutObjectAcl], &[A::PutObjectVersionAcl]),
        one("PutObjectLegalHold", &[A::PutObjectLegalHold]),
        one("PutObjectLockConfiguration", &[A::PutBucketObjectLockConfiguration]),
        one("PutObjectRetention", &[A::PutObjectRetention]),
        line("PutObjectTagging", &[A::PutObjectTagging], &[A::PutObjectVersionTagging]),
        one("PutPublicAccessBlock", &[A::PutBucketPublicAccessBlock]),
        one("RestoreObject", &[A::RestoreObject]),
        one("UploadPart", &[A::PutObject]),
        one("UploadPartCopy", &[A::PutObject]),
    ]
};

/// Operations whose headers say what else is done to the object that they write.
const WRITES: [&str; 3] = ["PutObject", "CopyObject", "CreateMultipartUpload"];

/// What must be allowed for an operation, with what its headers ask for beside it. The first says what it is about.
pub(super) fn of(operation: &str, versioned: bool, headers: &HeaderMap) -> Vec<S3Action> {
    let line = TABLE.binary_search_by(|line| line.operation.cmp(operation)).ok().and_then(|at| TABLE.get(at));
    let Some(line) = line else { return Vec::new() };
    let mut actions = if versioned { line.versioned } else { line.plain }.to_vec();
    if WRITES.contains(&operation) {
        let says = |name: &str| headers.get(name).and_then(text).is_some();
        let grants = headers.keys().any(|name| name.as_str().starts_with("x-amz-grant-"));
        for (asked, action) in [
            (says("x-amz-acl") || grants, S3Action::PutObjectAcl),
            (says("x-amz-tagging"), S3Action::PutObjectTagging),
            (says("x-amz-object-lock-mode"), S3Action::PutObjectRetention),
            (says("x-amz-object-lock-legal-hold"), S3Action::PutObjectLegalHold),
        ] {
            if asked {
                actions.push(action);
            }
        }
    }
    if bypasses(headers) && ["DeleteObject", "DeleteObjects", "PutObjectRetention"].contains(&operation) {
        actions.push(S3Action::BypassGovernanceRetention);
    }
    actions
}

/// Whether a request asks to pass over governance retentions.
pub(super) fn bypasses(headers: &HeaderMap) -> bool {
    let header = headers.get("x-amz-bypass-governance-retention").and_then(text);
    header.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ops;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn every_operation_on_a_bucket_has_a_line() {
        assert!(TABLE.windows(2).all(|pair| pair[0].operation < pair[1].operation), "it is searched by halves");
        for name in ops::names() {
            let without = ["ListBuckets", "CreateBucket"].contains(&name);
            assert_eq!(of(name, false, &HeaderMap::new()).is_empty(), without, "{name}");
        }
    }

    #[test]
    fn headers_ask_for_more() {
        let with = |operation, name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            of(operation, false, &headers)
        };
        use S3Action as A;
        assert_eq!(with("PutObject", "x-amz-acl", "public-read"), [A::PutObject, A::PutObjectAcl]);
        assert_eq!(with("CopyObject", "x-amz-grant-read", "id=x"), [A::PutObject, A::PutObjectAcl]);
        assert_eq!(with("PutObject", "x-amz-tagging", "a=b"), [A::PutObject, A::PutObjectTagging]);
        assert_eq!(with("GetObject", "x-amz-acl", "public-read"), [A::GetObject]);
        let bypass = "x-amz-bypass-governance-retention";
        assert_eq!(with("DeleteObject", bypass, "True"), [A::DeleteObject, A::BypassGovernanceRetention]);
        assert_eq!(with("DeleteObject", bypass, "false"), [A::DeleteObject]);
        assert_eq!(of("DeleteObject", true, &HeaderMap::new()), [A::DeleteObjectVersion]);
    }
}
