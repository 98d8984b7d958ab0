//! What a bucket takes: by size and by content type, on every way in, and only while it is in use.

use windlass_store::ErrorKind;
use windlass_store::blob::Expect;
use windlass_store::bucket::{BucketPatch, BucketSettings};
use windlass_store::id::BucketId;
use windlass_store::object::{CopyObject, Extras, Metadata, ReadConditions, StorageClass, WriteCondition};
use windlass_store::plan::Plan;
use windlass_store::policy::Action;
use windlass_store::upload::{CompleteUpload, CreateUpload, PartRef, UploadPart};

use crate::home::{Home, body, key, metadata, plan, put_of, untouched};

fn copy(from: &str, to: &str, replace_metadata: Option<Metadata>) -> CopyObject {
    CopyObject {
        source_key: key(from),
        source_version: None,
        source_conditions: ReadConditions::default(),
        key: key(to),
        replace_metadata,
        replace_tags: None,
        extras: Extras::default(),
        class: None,
        checksum: None,
        condition: WriteCondition::default(),
    }
}

fn create(name: &str, content_type: &str) -> CreateUpload {
    CreateUpload {
        key: key(name),
        metadata: metadata(content_type),
        class: StorageClass::Standard,
        checksum: None,
        extras: Extras::default(),
    }
}

async fn set(home: &Home, bucket: BucketId, patch: BucketPatch) {
    home.store.update_bucket(&home.on(Action::UpdateBucket, bucket), patch).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_on_every_way_in() {
    let home = Home::new(Plan { max_file_size_bytes: Some(5_000), ..plan() }).await;
    let bucket = home.bucket("bucket").await.id;
    let grant = home.on(Action::PutObject, bucket);
    home.put(bucket, "fits", 5_000).await.unwrap();
    let too_large = |error: windlass_store::Error, limit: u64| {
        let expected = format!("File exceeds the bucket's maximum size of {limit} bytes");
        assert_eq!((error.kind(), error.message()), (ErrorKind::FileTooLarge, expected.as_str()));
    };
    let declared = put_of("large", Some(5_001), "text/plain");
    too_large(home.store.put_object(&grant, declared, untouched()).await.unwrap_err(), 5_000);
    let unknown = put_of("large", None, "text/plain");
    too_large(home.store.put_object(&grant, unknown, body(5_001)).await.unwrap_err(), 5_000);

    let upload = home.store.create_upload(&grant, create("large", "text/plain")).await.unwrap();
    let part =
        |length| UploadPart { key: key("large"), upload, number: 1, expect: Expect { length, ..Expect::default() } };
    too_large(home.store.upload_part(&grant, part(Some(5_001)), untouched()).await.unwrap_err(), 5_000);
    too_large(home.store.upload_part(&grant, part(None), body(5_001)).await.unwrap_err(), 5_000);
    let stored = home.store.upload_part(&grant, part(Some(5_000)), body(5_000)).await.unwrap();

    // The bucket's own limit is less from here on: what came in before stays, and nothing new comes of it.
    set(&home, bucket, BucketPatch { max_file_size_bytes: Some(Some(4_000)), ..BucketPatch::default() }).await;
    let complete = CompleteUpload {
        key: key("large"),
        upload,
        parts: vec![PartRef { number: 1, etag: stored.etag.to_string(), checksum: None }],
        condition: WriteCondition::default(),
        checksum: None,
        kind: None,
        size: None,
    };
    too_large(home.store.complete_upload(&grant, complete.clone()).await.unwrap_err(), 4_000);
    let read = home.on(Action::GetObject, bucket);
    too_large(home.store.copy_object(&grant, &read, copy("fits", "other", None)).await.unwrap_err(), 4_000);
    set(&home, bucket, BucketPatch { max_file_size_bytes: Some(Some(9_000)), ..BucketPatch::default() }).await;
    home.store.complete_upload(&grant, complete).await.unwrap();
    drop((grant, read));
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_type_that_is_not_allowed_is_refused_on_every_way_in() {
    let home = Home::new(plan()).await;
    let settings = BucketSettings { allowed_mime_types: Some(vec!["image/*".to_owned()]), ..BucketSettings::default() };
    let bucket = home.bucket_with("bucket", settings).await.unwrap().id;
    let (grant, read) = (home.on(Action::PutObject, bucket), home.on(Action::GetObject, bucket));
    let refused = |error: windlass_store::Error| {
        assert_eq!((error.kind(), error.message()), (ErrorKind::TypeNotAllowed, "File type not allowed"));
    };
    let of_type = |content_type: &str| put_of("a", Some(3), content_type);
    refused(home.store.put_object(&grant, of_type("text/html"), untouched()).await.unwrap_err());
    home.store.put_object(&grant, of_type("image/png"), body(3)).await.unwrap();
    refused(home.store.create_upload(&grant, create("m", "text/html")).await.unwrap_err());
    let with = copy("a", "b", Some(metadata("text/html")));
    refused(home.store.copy_object(&grant, &read, with).await.unwrap_err());
    home.store.copy_object(&grant, &read, copy("a", "b", None)).await.unwrap();

    let upload = home.store.create_upload(&grant, create("m", "image/png")).await.unwrap();
    let part = UploadPart { key: key("m"), upload, number: 1, expect: Expect::default() };
    let stored = home.store.upload_part(&grant, part, body(3)).await.unwrap();
    let only_text = Some(Some(vec!["text/plain".to_owned()]));
    set(&home, bucket, BucketPatch { allowed_mime_types: only_text, ..BucketPatch::default() }).await;
    let complete = CompleteUpload {
        key: key("m"),
        upload,
        parts: vec![PartRef { number: 1, etag: stored.etag.to_string(), checksum: None }],
        condition: WriteCondition::default(),
        checksum: None,
        kind: None,
        size: None,
    };
    refused(home.store.complete_upload(&grant, complete).await.unwrap_err());
}

#[tokio::test]
async fn a_grant_from_before_a_bucket_s_end_brings_nothing_in_any_more() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 5).await.unwrap();
    let (write, read) = (home.on(Action::PutObject, bucket), home.on(Action::GetObject, bucket));
    let upload = home.store.create_upload(&write, create("m", "text/plain")).await.unwrap();
    home.store.begin_bucket_deletion(&home.on(Action::DeleteBucket, bucket), false).await.unwrap();

    let gone = |error: windlass_store::Error| assert_eq!(error.kind(), ErrorKind::NoSuchBucket);
    gone(home.store.put_object(&write, put_of("b", Some(5), "text/plain"), body(5)).await.unwrap_err());
    gone(home.store.copy_object(&write, &read, copy("a", "b", None)).await.unwrap_err());
    gone(home.store.create_upload(&write, create("n", "text/plain")).await.unwrap_err());
    let part = UploadPart { key: key("m"), upload, number: 1, expect: Expect::default() };
    gone(home.store.upload_part(&write, part, body(5)).await.unwrap_err());
    for action in [Action::PutObject, Action::GetObject, Action::ListObjects, Action::CreateShare] {
        let error = home.grant_on(&home.acme, action, bucket).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::BucketNotActive, "Bucket is not active"), "{action:?}");
    }
    drop((write, read));
    home.finish_deletions().await;
    assert_eq!(home.check(), []);
}
