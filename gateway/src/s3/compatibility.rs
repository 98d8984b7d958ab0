//! The compatibility table in `gateway/COMPATIBILITY.md`: every operation of the S3 API, whether the table in `ops.rs` has it,
//! and the test that proves it. `WINDLASS_WRITE_COMPATIBILITY=1 cargo test -p windlass compatibility` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::ops;

/// What an operation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// As the S3 API has it.
    Works,
    /// What a bucket says on which it was never set up; setting it up is refused.
    Unconfigured,
    /// Refused with 501, and nothing is stored.
    Absent,
}

use State::{Absent, Unconfigured, Works};

/// All operations of the S3 API (its reference, "Actions"), with what they come to and the test, below `tests/it`, that
/// proves it.
const OPERATIONS: &[(&str, State, &str)] = &[
    ("AbortMultipartUpload", Works, "s3/multipart.rs an_aborted_upload_is_gone"),
    ("CompleteMultipartUpload", Works, "s3/complete.rs"),
    ("CopyObject", Works, "s3/copy.rs a_copy_has_the_bytes_metadata_and_type_of_its_source"),
    ("CreateBucket", Works, "s3/bucket.rs making_ones_own_bucket_again_changes_nothing"),
    ("CreateBucketMetadataConfiguration", Absent, ""),
    ("CreateBucketMetadataTableConfiguration", Absent, ""),
    ("CreateMultipartUpload", Works, "s3/multipart.rs"),
    ("CreateSession", Absent, ""),
    ("DeleteBucket", Works, "s3/bucket.rs a_deleted_bucket_comes_back_empty"),
    ("DeleteBucketAnalyticsConfiguration", Absent, ""),
    ("DeleteBucketCors", Works, "s3/cors.rs a_document_comes_back_as_it_went_and_none_is_404"),
    ("DeleteBucketEncryption", Unconfigured, "s3/unconfigured.rs"),
    ("DeleteBucketIntelligentTieringConfiguration", Absent, ""),
    ("DeleteBucketInventoryConfiguration", Absent, ""),
    ("DeleteBucketLifecycle", Works, "s3/lifecycle.rs a_bucket_without_rules_says_so"),
    ("DeleteBucketMetadataConfiguration", Absent, ""),
    ("DeleteBucketMetadataTableConfiguration", Absent, ""),
    ("DeleteBucketMetricsConfiguration", Absent, ""),
    ("DeleteBucketOwnershipControls", Works, "s3/ownership.rs"),
    ("DeleteBucketPolicy", Works, "s3/policy.rs"),
    ("DeleteBucketReplication", Unconfigured, "s3/unconfigured.rs"),
    ("DeleteBucketTagging", Works, "s3/tagging.rs a_bucket_without_tags_says_so_and_deleting_them_is_204"),
    ("DeleteBucketWebsite", Works, "s3/website.rs a_document_comes_back_as_it_went_and_none_is_404"),
    ("DeleteObject", Works, "s3/delete.rs deleting_what_is_not_there_succeeds"),
    ("DeleteObjects", Works, "s3/delete.rs many_keys_are_deleted_and_reported_absent_ones_too"),
    ("DeleteObjectTagging", Works, "s3/tagging.rs deleting_tags_is_204_and_leaves_the_object"),
    ("DeletePublicAccessBlock", Works, "s3/public.rs"),
    ("GetBucketAccelerateConfiguration", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketAcl", Works, "s3/acl.rs"),
    ("GetBucketAnalyticsConfiguration", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketCors", Works, "s3/cors.rs a_document_comes_back_as_it_went_and_none_is_404"),
    ("GetBucketEncryption", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketIntelligentTieringConfiguration", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketInventoryConfiguration", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketLifecycleConfiguration", Works, "s3/lifecycle.rs both_forms_come_back_as_they_went"),
    ("GetBucketLocation", Works, "s3/bucket.rs"),
    ("GetBucketLogging", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketMetadataConfiguration", Absent, ""),
    ("GetBucketMetadataTableConfiguration", Absent, ""),
    ("GetBucketMetricsConfiguration", Unconfigured, "s3/unconfigured.rs"),
    (
        "GetBucketNotificationConfiguration",
        Works,
        "s3/notification.rs documents_come_back_as_they_went_and_an_empty_one_ends_it",
    ),
    ("GetBucketOwnershipControls", Works, "s3/ownership.rs"),
    ("GetBucketPolicy", Works, "s3/policy.rs"),
    ("GetBucketPolicyStatus", Works, "s3/public.rs"),
    ("GetBucketReplication", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketRequestPayment", Unconfigured, "s3/unconfigured.rs"),
    ("GetBucketTagging", Works, "s3/tagging.rs a_bucket_without_tags_says_so_and_deleting_them_is_204"),
    ("GetBucketVersioning", Works, "s3/versions.rs a_bucket_says_whether_it_keeps_versions"),
    ("GetBucketWebsite", Works, "s3/website.rs a_document_comes_back_as_it_went_and_none_is_404"),
    ("GetObject", Works, "s3/get.rs"),
    ("GetObjectAcl", Works, "s3/acl.rs"),
    ("GetObjectAttributes", Works, "s3/get.rs"),
    ("GetObjectLegalHold", Works, "s3/lock.rs a_legal_hold_keeps_a_version_on_its_own"),
    ("GetObjectLockConfiguration", Works, "s3/lock.rs a_default_retention_has_one_period_in_its_bounds"),
    ("GetObjectRetention", Works, "s3/lock.rs retentions_are_made_longer_and_governance_alone_is_made_shorter"),
    ("GetObjectTagging", Works, "s3/tagging.rs each_version_has_tags_of_its_own"),
    ("GetObjectTorrent", Absent, "s3/notimplemented.rs object_operations_that_are_absent_answer_501"),
    ("GetPublicAccessBlock", Works, "s3/public.rs"),
    ("HeadBucket", Works, "s3/bucket.rs head_of_a_bucket_tells_whether_it_is_there"),
    ("HeadObject", Works, "s3/list.rs an_entry_says_what_head_says"),
    ("ListBucketAnalyticsConfigurations", Unconfigured, "s3/unconfigured.rs"),
    ("ListBucketIntelligentTieringConfigurations", Unconfigured, "s3/unconfigured.rs"),
    ("ListBucketInventoryConfigurations", Unconfigured, "s3/unconfigured.rs"),
    ("ListBucketMetricsConfigurations", Unconfigured, "s3/unconfigured.rs"),
    ("ListBuckets", Works, "s3/bucket.rs buckets_are_listed_in_order_page_by_page"),
    ("ListDirectoryBuckets", Absent, ""),
    ("ListMultipartUploads", Works, "s3/multipart.rs"),
    ("ListObjects", Works, "s3/list_page.rs v1_tells_the_next_marker_only_with_a_delimiter"),
    ("ListObjectsV2", Works, "s3/list_page.rs an_empty_token_is_accepted_and_echoed"),
    ("ListObjectVersions", Works, "s3/versions.rs versions_and_markers_are_listed_newest_first_in_the_order_of_keys"),
    ("ListParts", Works, "s3/part.rs"),
    ("PostObject", Works, "s3/post.rs"),
    ("PutBucketAccelerateConfiguration", Unconfigured, "s3/unconfigured.rs"),
    ("PutBucketAcl", Works, "s3/acl.rs"),
    ("PutBucketAnalyticsConfiguration", Absent, "s3/notimplemented.rs bucket_operations_that_are_absent_answer_501"),
    ("PutBucketCors", Works, "s3/cors.rs rules_that_aws_refuses_are_refused"),
    ("PutBucketEncryption", Absent, "s3/notimplemented.rs bucket_operations_that_are_absent_answer_501"),
    (
        "PutBucketIntelligentTieringConfiguration",
        Absent,
        "s3/notimplemented.rs bucket_operations_that_are_absent_answer_501",
    ),
    ("PutBucketInventoryConfiguration", Absent, "s3/notimplemented.rs bucket_operations_that_are_absent_answer_501"),
    ("PutBucketLifecycleConfiguration", Works, "s3/lifecycle.rs what_is_due_goes_by_itself_and_the_rest_stays"),
    ("PutBucketLogging", Unconfigured, "s3/unconfigured.rs"),
    ("PutBucketMetricsConfiguration", Absent, "s3/notimplemented.rs bucket_operations_that_are_absent_answer_501"),
    (
        "PutBucketNotificationConfiguration",
        Works,
        "s3/notification.rs an_event_is_told_again_until_it_is_taken_and_survives_a_kill",
    ),
    ("PutBucketOwnershipControls", Works, "s3/ownership.rs"),
    ("PutBucketPolicy", Works, "s3/policy.rs"),
    ("PutBucketReplication", Absent, "s3/notimplemented.rs bucket_operations_that_are_absent_answer_501"),
    ("PutBucketRequestPayment", Unconfigured, "s3/unconfigured.rs"),
    ("PutBucketTagging", Works, "s3/tagging.rs a_bucket_without_tags_says_so_and_deleting_them_is_204"),
    ("PutBucketVersioning", Works, "s3/versions.rs a_bucket_says_whether_it_keeps_versions"),
    ("PutBucketWebsite", Works, "s3/website.rs documents_are_shown_to_everybody_and_folders_by_their_index"),
    ("PutObject", Works, "s3/put.rs"),
    ("PutObjectAcl", Works, "s3/acl.rs"),
    ("PutObjectLegalHold", Works, "s3/lock.rs a_legal_hold_keeps_a_version_on_its_own"),
    ("PutObjectLockConfiguration", Works, "s3/lock.rs a_default_retention_has_one_period_in_its_bounds"),
    ("PutObjectRetention", Works, "s3/lock.rs retentions_are_made_longer_and_governance_alone_is_made_shorter"),
    ("PutObjectTagging", Works, "s3/tagging.rs tags_come_back_as_they_went_and_a_put_replaces_them"),
    ("PutPublicAccessBlock", Works, "s3/public.rs"),
    ("RenameObject", Absent, ""),
    ("RestoreObject", Absent, "s3/notimplemented.rs object_operations_that_are_absent_answer_501"),
    ("SelectObjectContent", Absent, "s3/notimplemented.rs object_operations_that_are_absent_answer_501"),
    ("UploadPart", Works, "s3/part.rs"),
    ("UploadPartCopy", Works, "s3/part.rs"),
    ("WriteGetObjectResponse", Absent, ""),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn table() -> String {
    let count = |state| OPERATIONS.iter().filter(|(_, of, _)| *of == state).count();
    let mut out = format!(
        "# Compatibility with the S3 API\n\n\
         Generated from the table of operations, `gateway/src/s3/ops.rs`, by a test that fails when the two differ: {} operations \
         work, {} answer what a bucket says on which they were never set up, {} are refused with 501 NotImplemented. Nothing is \
         ever stored without effect.\n\n\
         | Operation | State | Proved by, below `tests/it` |\n|---|---|---|\n",
        count(Works),
        count(Unconfigured),
        count(Absent)
    );
    for (name, state, test) in OPERATIONS {
        let state = match state {
            Works => "works",
            Unconfigured => "as never set up",
            Absent => "not implemented",
        };
        let test = match test.split_once(' ') {
            Some((file, test)) => format!("`{file}`: {}", test.replace('_', " ")),
            None if test.is_empty() => String::new(),
            None => format!("`{test}`"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "| {name} | {state} | {test} |");
    }
    out
}

#[test]
fn the_table_is_of_what_is_offered() {
    let offered: BTreeSet<&str> = ops::names().collect();
    let listed: BTreeSet<&str> = OPERATIONS.iter().filter(|(_, state, _)| *state != Absent).map(|one| one.0).collect();
    assert_eq!(listed, offered);
    assert_eq!(OPERATIONS.iter().map(|one| one.0).collect::<BTreeSet<_>>().len(), OPERATIONS.len());
}

#[test]
fn every_test_that_it_names_exists() {
    for (name, state, test) in OPERATIONS {
        assert!(*state == Absent || !test.is_empty(), "{name} is offered and nothing proves it");
        if test.is_empty() {
            continue;
        }
        let (file, test) = test.split_once(' ').map_or((*test, None), |(file, test)| (file, Some(test)));
        let source = std::fs::read_to_string(repository().join("tests/it").join(file));
        let source = source.unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
        assert!(test.is_none_or(|test| source.contains(&format!("fn {test}("))), "{name}: {file} has no {test:?}");
    }
}

#[test]
fn it_is_what_the_repository_has() {
    let path = repository().join("gateway/COMPATIBILITY.md");
    if std::env::var_os("WINDLASS_WRITE_COMPATIBILITY").is_some() {
        std::fs::write(&path, table()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), table());
}
