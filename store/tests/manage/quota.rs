//! A plan's storage: never passed, whatever way bytes come in and however many come at once, and never short of it either.

use futures::future::join_all;
use windlass_store::blob::Expect;
use windlass_store::id::BucketId;
use windlass_store::object::{
    CopyObject, DeleteObject, Extras, Metadata, ReadConditions, StorageClass, WriteCondition,
};
use windlass_store::plan::Plan;
use windlass_store::policy::Action;
use windlass_store::upload::{CompleteUpload, CopyPart, CreateUpload, PartRef, UploadPart};
use windlass_store::{Error, ErrorKind, Result};

use crate::home::{Home, body, key, key_of, plan, put_of, untouched};

const SIZE: usize = 20_000;

fn limited(bytes: usize) -> Plan {
    Plan { max_storage_bytes: Some(bytes as u64), ..plan() }
}

fn is_full(error: &Error) -> bool {
    error.kind() == ErrorKind::QuotaExceeded && error.message() == "Storage limit exceeded. Upgrade your plan."
}

/// 64 uploads at once, where 10 fit: `declared` or of unknown length.
async fn race(declared: bool) {
    let home = Home::new(limited(10 * SIZE + 7)).await;
    let bucket = home.bucket("bucket").await.id;
    let grant = home.on(Action::PutObject, bucket);
    let upload = |n: usize| {
        let put = put_of(&format!("object-{n}"), declared.then_some(SIZE as u64), "text/plain");
        home.store.put_object(&grant, put, body(SIZE))
    };
    let outcomes = join_all((0..64).map(upload)).await;
    assert!(home.stored() <= 10 * SIZE as u64 + 7);
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().map_or_else(is_full, |_| true)));
    assert_eq!(home.stored(), (stored * SIZE) as u64);
    if declared {
        assert_eq!(stored, 10, "what fits was let in");
    }
    // Nothing is left of those that were refused, and what they had reserved is free again.
    home.store.put_object(&grant, put_of("last", Some(7), "text/plain"), body(7)).await.unwrap();
    drop(grant);
    assert_eq!(home.check(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_uploads_at_the_edge_never_pass_it() {
    race(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_uploads_of_unknown_length_never_pass_it() {
    race(false).await;
}

#[tokio::test]
async fn a_body_that_cannot_fit_is_refused_before_it_is_read() {
    let home = Home::new(limited(100)).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 60).await.unwrap();
    let grant = home.on(Action::PutObject, bucket);
    let error = home.store.put_object(&grant, put_of("b", Some(41), "text/plain"), untouched()).await.unwrap_err();
    assert!(is_full(&error), "{error:?}");
    home.put(bucket, "b", 40).await.unwrap();
    // What takes an object's place needs room for the difference alone.
    home.put(bucket, "a", 60).await.unwrap();
    home.put(bucket, "a", 59).await.unwrap();
    assert!(is_full(&home.put(bucket, "a", 61).await.unwrap_err()));
    home.put(bucket, "empty", 0).await.unwrap();
    assert_eq!(home.stored(), 99);
}

#[tokio::test]
async fn one_limit_holds_for_all_buckets_of_an_organisation() {
    let home = Home::new(limited(100)).await;
    let (one, two) = (home.bucket("one").await.id, home.bucket("two").await.id);
    home.put(one, "a", 70).await.unwrap();
    assert!(is_full(&home.put(two, "a", 31).await.unwrap_err()));
    home.put(two, "a", 30).await.unwrap();
    let grant = home.on(Action::DeleteObject, one);
    home.store.delete_object(&grant, DeleteObject::current(key("a"))).await.unwrap();
    home.put(two, "b", 70).await.unwrap();
    assert_eq!(home.stored(), 100);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn overage_is_counted_and_let_through() {
    let home = Home::new(Plan { overage: true, ..limited(10) }).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 5_000).await.unwrap();
    assert_eq!(home.stored(), 5_000);
}

async fn copy(home: &Home, bucket: BucketId, from: &str, to: &str) -> Result<()> {
    let copy = CopyObject {
        source_key: key(from),
        source_version: None,
        source_conditions: ReadConditions::default(),
        key: key(to),
        replace_metadata: None,
        replace_tags: None,
        extras: Extras::default(),
        class: None,
        checksum: None,
        condition: WriteCondition::default(),
    };
    let (write, read) = (home.on(Action::PutObject, bucket), home.on(Action::GetObject, bucket));
    home.store.copy_object(&write, &read, copy).await.map(drop)
}

#[tokio::test]
async fn copies_and_parts_count_as_what_they_are() {
    let home = Home::new(limited(3 * SIZE)).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", SIZE).await.unwrap();
    copy(&home, bucket, "a", "b").await.unwrap();

    let grant = home.on(Action::PutObject, bucket);
    let create = CreateUpload {
        key: key("m"),
        metadata: Metadata::default(),
        class: StorageClass::Standard,
        checksum: None,
        extras: Extras::default(),
    };
    let upload = home.store.create_upload(&grant, create).await.unwrap();
    let part = |number: u16, length: usize| UploadPart {
        key: key("m"),
        upload,
        number,
        expect: Expect { length: Some(length as u64), ..Expect::default() },
    };
    home.store.upload_part(&grant, part(1, SIZE), body(SIZE)).await.unwrap();
    assert_eq!(home.stored(), 3 * SIZE as u64, "open uploads count");
    assert!(is_full(&copy(&home, bucket, "a", "c").await.unwrap_err()));
    assert!(is_full(&home.store.upload_part(&grant, part(2, 1), untouched()).await.unwrap_err()));
    // Of unknown length it is found out on the way, or in the commit.
    let unknown = UploadPart { expect: Expect::default(), ..part(2, 0) };
    assert!(is_full(&home.store.upload_part(&grant, unknown, body(1)).await.unwrap_err()));
    let source = home.on(Action::GetObject, bucket);
    let copied = CopyPart {
        key: key("m"),
        upload,
        number: 2,
        source_key: key("a"),
        source_version: None,
        range: None,
        source_conditions: ReadConditions::default(),
    };
    assert!(is_full(&home.store.copy_part(&grant, &source, copied.clone()).await.unwrap_err()));
    // In place of a part of its size it needs no room.
    home.store.copy_part(&grant, &source, CopyPart { number: 1, ..copied }).await.unwrap();
    let stored = home.store.upload_part(&grant, part(1, SIZE), body(SIZE)).await.unwrap();

    let complete = CompleteUpload {
        key: key("m"),
        upload,
        parts: vec![PartRef { number: 1, etag: stored.etag.to_string(), checksum: None }],
        condition: WriteCondition::default(),
        checksum: None,
        kind: None,
        size: None,
    };
    home.store.complete_upload(&grant, complete).await.unwrap();
    assert_eq!(home.stored(), 3 * SIZE as u64, "completing adds nothing");
    drop((grant, source));
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn the_row_of_an_organisation_is_the_sum_of_its_buckets() {
    let home = Home::new(plan()).await;
    let (one, two) = (home.bucket("one").await.id, home.bucket("two").await.id);
    home.put(one, "a", 5).await.unwrap();
    home.put(two, "a", 6_000).await.unwrap();
    home.put(two, "b", 70_000).await.unwrap();
    let usage = home.store.org_usage(key_of(&home.acme).org).unwrap();
    assert_eq!((usage.buckets, usage.storage_bytes), (2, 76_005));
    let theirs = home.store.org_usage(key_of(&home.other).org).unwrap();
    assert_eq!((theirs.buckets, theirs.storage_bytes), (0, 0));
}
