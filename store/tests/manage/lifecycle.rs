//! Following the rules of life cycles: what is due ends, through locks, versions, crashes and many steps, and nothing else does.

use futures::FutureExt;
use futures::future::join_all;
use windlass_store::blob::Expect;
use windlass_store::bucket::{BucketSettings, Versioning};
use windlass_store::id::BucketId;
use windlass_store::lifecycle::{
    Expiration, Filter, FilterForm, Lifecycle, LifecycleCursor, LifecycleRule, NoncurrentExpiration,
};
use windlass_store::limit;
use windlass_store::name::BucketName;
use windlass_store::object::{
    DeleteObject, Extras, ListVersions, LockMode, Metadata, Retention, StorageClass, VersionEntry, VersionId,
    VersionPosition,
};
use windlass_store::policy::Action;
use windlass_store::upload::{CreateUpload, ListUploads, UploadPart, UploadPosition};

use crate::home::{DAY, Home, NOW, body, key, plan, put_of};

/// The midnight that is so many days after the last one before `NOW`.
const fn midnight(days: u64) -> u64 {
    (NOW / DAY + days) * DAY
}

fn rule(id: &str) -> LifecycleRule {
    LifecycleRule {
        id: id.to_owned(),
        enabled: true,
        filter: Filter::default(),
        expiration: None,
        noncurrent: None,
        abort_days: None,
    }
}

fn expires(days: u32) -> LifecycleRule {
    LifecycleRule { expiration: Some(Expiration::Days(days)), ..rule("expires") }
}

fn prefix(prefix: &str) -> Filter {
    Filter { prefix: Some(prefix.to_owned()), ..Filter::default() }
}

async fn follow(home: &Home, bucket: BucketId, rules: Vec<LifecycleRule>) {
    home.store.put_document(&home.on(Action::PutLifecycle, bucket), Lifecycle { rules }).await.unwrap();
}

/// A whole pass from a cursor: what expired, what was removed, what was aborted, and in how many steps.
async fn pass_from(home: &Home, mut cursor: Option<LifecycleCursor>) -> ([u64; 3], usize) {
    let (mut ended, mut steps) = ([0; 3], 0);
    loop {
        let step = home.store.lifecycle_step(cursor, DAY).await.unwrap();
        for (sum, count) in ended.iter_mut().zip([step.expired, step.removed, step.aborted]) {
            *sum += count;
        }
        steps += 1;
        cursor = step.next;
        if cursor.is_none() {
            return (ended, steps);
        }
    }
}

/// A whole pass at that time.
async fn pass(home: &Home, now: u64) -> [u64; 3] {
    home.clock.set(now);
    pass_from(home, None).await.0
}

/// All versions: key, and size or `marker`, newest first.
fn versions(home: &Home, bucket: BucketId) -> Vec<String> {
    let query =
        ListVersions { prefix: String::new(), delimiter: None, after: VersionPosition::Start, max: limit::PAGE_MAX };
    let page =
        home.store.list_versions(&home.on(Action::ListVersions, bucket), &query).now_or_never().unwrap().unwrap();
    let line = |entry: VersionEntry| match entry {
        VersionEntry::Object { key, row, .. } => format!("{key} {}", row.head.size),
        VersionEntry::Marker { key, .. } => format!("{key} marker"),
        VersionEntry::Group(group) => panic!("a group {group}"),
    };
    page.entries.into_iter().map(line).collect()
}

async fn keep_versions(home: &Home, bucket: BucketId) {
    let grant = home.on(Action::PutBucketVersioning, bucket);
    home.store.put_versioning(&grant, Versioning::Enabled).await.unwrap();
}

async fn put(home: &Home, bucket: BucketId, name: &str, size: usize) -> VersionId {
    home.put(bucket, name, size).await.unwrap().version.unwrap_or(VersionId::Null)
}

async fn delete(home: &Home, bucket: BucketId, name: &str) {
    let grant = home.on(Action::DeleteObject, bucket);
    home.store.delete_object(&grant, DeleteObject::current(key(name))).await.unwrap();
}

#[tokio::test]
async fn objects_expire_when_they_are_due_and_not_before() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    follow(&home, bucket, vec![LifecycleRule { filter: prefix("logs/"), ..expires(1) }]).await;
    for name in ["logs/a", "logs/b", "kept", "logs"] {
        put(&home, bucket, name, 5_000).await;
    }
    home.clock.set(NOW + DAY / 2);
    put(&home, bucket, "logs/later", 5_000).await;
    assert_eq!(pass(&home, midnight(2) - 1).await, [0, 0, 0]);
    assert_eq!(pass(&home, midnight(2)).await, [2, 0, 0]);
    assert_eq!(versions(&home, bucket), ["kept 5000", "logs 5000", "logs/later 5000"]);
    assert_eq!(home.stored(), 15_000);
    assert_eq!(pass(&home, midnight(2)).await, [0, 0, 0], "there is nothing left to do");
    assert_eq!(pass(&home, midnight(3)).await, [1, 0, 0]);
    assert_eq!(versions(&home, bucket), ["kept 5000", "logs 5000"]);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn tags_and_sizes_choose_as_prefixes_do() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    let tags = vec![("class".to_owned(), "temporary".to_owned())];
    let and = Filter { form: FilterForm::And, tags: tags.clone(), larger_than: Some(10), ..Filter::default() };
    follow(&home, bucket, vec![LifecycleRule { filter: and, ..expires(1) }]).await;
    for (name, size, tags) in [("both", 11, tags.clone()), ("small", 10, tags), ("untagged", 11, vec![])] {
        let extras = Extras { tags, ..Extras::default() };
        let put = windlass_store::object::PutObject { extras, ..put_of(name, Some(size), "text/plain") };
        home.store.put_object(&home.on(Action::PutObject, bucket), put, body(size as usize)).await.unwrap();
    }
    assert_eq!(pass(&home, midnight(9)).await, [1, 0, 0]);
    assert_eq!(versions(&home, bucket), ["small 10", "untagged 11"]);
}

#[tokio::test]
async fn rules_that_are_not_enabled_and_buckets_without_rules_are_left_alone() {
    let home = Home::new(plan()).await;
    let (off, none) = (home.bucket("off").await.id, home.bucket("none").await.id);
    follow(&home, off, vec![LifecycleRule { enabled: false, ..expires(1) }]).await;
    for bucket in [off, none] {
        put(&home, bucket, "k", 1).await;
    }
    assert_eq!(pass(&home, midnight(99)).await, [0, 0, 0]);
    assert_eq!((versions(&home, off).len(), versions(&home, none).len()), (1, 1));
}

#[tokio::test]
async fn the_days_that_are_set_on_a_bucket_are_a_rule_of_their_own() {
    let home = Home::new(plan()).await;
    let settings = BucketSettings { lifecycle_ttl_days: Some(2), ..BucketSettings::default() };
    let bucket = home.bucket_with("bucket", settings).await.unwrap().id;
    put(&home, bucket, "k", 1).await;
    assert_eq!(pass(&home, midnight(3) - 1).await, [0, 0, 0]);
    assert_eq!(pass(&home, midnight(3)).await, [1, 0, 0]);
}

#[tokio::test]
async fn where_versions_are_kept_a_marker_takes_the_place_of_what_expires() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    put(&home, bucket, "k", 1).await;
    keep_versions(&home, bucket).await;
    put(&home, bucket, "k", 2).await;
    follow(&home, bucket, vec![expires(1)]).await;
    assert_eq!(pass(&home, midnight(2)).await, [1, 0, 0]);
    assert_eq!(versions(&home, bucket), ["k marker", "k 2", "k 1"]);
    assert_eq!(pass(&home, midnight(99)).await, [0, 0, 0], "the marker is not alone");
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn versions_that_are_not_current_go_after_their_days_but_the_newest_are_kept() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    keep_versions(&home, bucket).await;
    for size in 1..=5 {
        home.clock.set(NOW + size as u64 * DAY);
        put(&home, bucket, "k", size).await;
    }
    put(&home, bucket, "other", 1).await;
    let noncurrent =
        |newer_kept| LifecycleRule { noncurrent: Some(NoncurrentExpiration { days: 3, newer_kept }), ..rule("n") };
    follow(&home, bucket, vec![noncurrent(Some(2))]).await;
    // Version 1 was replaced on day 2 and is due at midnight of day 6; 2 is due a day later; 3 and 4 are kept.
    assert_eq!(pass(&home, midnight(6) - 1).await, [0, 0, 0]);
    assert_eq!(pass(&home, midnight(6)).await, [0, 1, 0]);
    assert_eq!(versions(&home, bucket), ["k 5", "k 4", "k 3", "k 2", "other 1"]);
    assert_eq!(pass(&home, midnight(99)).await, [0, 1, 0]);
    assert_eq!(versions(&home, bucket), ["k 5", "k 4", "k 3", "other 1"]);
    follow(&home, bucket, vec![noncurrent(None)]).await;
    assert_eq!(pass(&home, midnight(99)).await, [0, 2, 0]);
    assert_eq!(versions(&home, bucket), ["k 5", "other 1"]);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_marker_goes_once_nothing_is_behind_it() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    keep_versions(&home, bucket).await;
    put(&home, bucket, "k", 1).await;
    delete(&home, bucket, "k").await;
    delete(&home, bucket, "lone").await;
    let marker = LifecycleRule { expiration: Some(Expiration::DeleteMarker(true)), ..rule("m") };
    let noncurrent =
        LifecycleRule { noncurrent: Some(NoncurrentExpiration { days: 1, newer_kept: None }), ..rule("n") };
    follow(&home, bucket, vec![marker, noncurrent]).await;
    assert_eq!(pass(&home, NOW).await, [0, 1, 0]);
    assert_eq!(versions(&home, bucket), ["k marker", "k 1"]);
    // The version goes, then the marker that was left alone by that.
    assert_eq!(pass(&home, midnight(2)).await, [0, 1, 0]);
    assert_eq!(pass(&home, midnight(2)).await, [0, 1, 0]);
    assert_eq!(versions(&home, bucket), [] as [&str; 0]);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_lock_holds_against_the_rules_too() {
    let home = Home::new(plan()).await;
    let name = BucketName::parse("locked").unwrap();
    let bucket = home.store.create_bucket(&home.may(Action::CreateBucket), name, String::new(), true).await.unwrap().id;
    let retention = Some(Retention { mode: LockMode::Governance, until_ms: midnight(10) });
    for (size, extras) in [(1, Extras { retention, ..Extras::default() }), (2, Extras::default())] {
        let put = windlass_store::object::PutObject { extras, ..put_of("k", Some(size), "text/plain") };
        home.store.put_object(&home.on(Action::PutObject, bucket), put, body(size as usize)).await.unwrap();
    }
    put(&home, bucket, "free", 1).await;
    put(&home, bucket, "free", 2).await;
    let both = LifecycleRule { noncurrent: Some(NoncurrentExpiration { days: 1, newer_kept: None }), ..expires(1) };
    follow(&home, bucket, vec![both]).await;
    assert_eq!(pass(&home, midnight(3)).await, [2, 1, 0]);
    assert_eq!(versions(&home, bucket), ["free marker", "free 2", "k marker", "k 2", "k 1"]);
    let now = pass(&home, midnight(10) - 1).await;
    assert_eq!(
        (now, versions(&home, bucket)),
        ([0, 2, 0], vec!["free marker".into(), "k marker".into(), "k 1".into()])
    );
    pass(&home, midnight(11)).await;
    pass(&home, midnight(12)).await;
    assert_eq!(versions(&home, bucket), [] as [&str; 0]);
    assert_eq!(home.check(), []);
}

async fn begin_upload(home: &Home, bucket: BucketId, name: &str) {
    let grant = home.on(Action::PutObject, bucket);
    let create = CreateUpload {
        key: key(name),
        metadata: Metadata::default(),
        class: StorageClass::Standard,
        checksum: None,
        extras: Extras::default(),
    };
    let upload = home.store.create_upload(&grant, create).await.unwrap();
    let part = UploadPart { key: key(name), upload, number: 1, expect: Expect::default() };
    home.store.upload_part(&grant, part, body(6_000)).await.unwrap();
}

#[tokio::test]
async fn uploads_that_nobody_completed_are_aborted() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    let uploads = 2 * limit::LIFECYCLE_STEP_UPLOADS as u64 + 1;
    for n in 0..uploads {
        begin_upload(&home, bucket, &format!("tmp/{n}")).await;
    }
    begin_upload(&home, bucket, "other").await;
    follow(&home, bucket, vec![LifecycleRule { filter: prefix("tmp/"), abort_days: Some(7), ..rule("u") }]).await;
    assert_eq!(pass(&home, midnight(8) - 1).await, [0, 0, 0]);
    assert_eq!(pass(&home, midnight(8)).await, [0, 0, uploads]);
    let query = ListUploads { prefix: String::new(), delimiter: None, after: UploadPosition::Start, max: 100 };
    assert_eq!(home.store.list_uploads(&home.on(Action::ListUploads, bucket), &query).unwrap().entries.len(), 1);
    assert_eq!(home.stored(), 6_000);
    assert_eq!(home.check(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_goes_in_bounded_steps_and_goes_on_after_a_crash() {
    const OBJECTS: usize = 3 * limit::STEP_ROWS + 5;
    let mut home = Home::new(plan()).await;
    // A pass goes through buckets in the order of their identifiers, which chance decides within a millisecond.
    let mut ids = [home.bucket("one").await.id, home.bucket("other").await.id];
    ids.sort_unstable();
    let [bucket, second] = ids;
    let names: Vec<String> = (0..OBJECTS).map(|n| format!("object-{n:05}")).collect();
    let stored = join_all(names.iter().map(|name| home.put(bucket, name, 10))).await;
    assert!(stored.iter().all(Result::is_ok));
    put(&home, second, "k", 1).await;
    follow(&home, bucket, vec![expires(1)]).await;
    follow(&home, second, vec![expires(1)]).await;
    home.clock.set(midnight(2));
    let step = home.store.lifecycle_step(None, DAY).await.unwrap();
    assert_eq!((step.expired, step.next.is_some()), (limit::STEP_ROWS as u64, true));
    assert_eq!(home.store.lifecycle_cursor().unwrap(), step.next);
    home.crash();
    assert_eq!(home.store.lifecycle_cursor().unwrap(), step.next);
    let (ended, steps) = pass_from(&home, home.store.lifecycle_cursor().unwrap()).await;
    assert_eq!(ended, [(OBJECTS - limit::STEP_ROWS + 1) as u64, 0, 0]);
    assert!(steps >= OBJECTS / limit::STEP_ROWS, "{steps} steps");
    assert_eq!((versions(&home, bucket).len(), versions(&home, second).len()), (0, 0));
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn many_versions_of_one_key_are_counted_across_steps() {
    const VERSIONS: usize = limit::LIFECYCLE_SCAN_ROWS + 50;
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    keep_versions(&home, bucket).await;
    for _ in 0..=VERSIONS {
        put(&home, bucket, "k", 0).await;
    }
    let kept = LifecycleRule { noncurrent: Some(NoncurrentExpiration { days: 1, newer_kept: Some(100) }), ..rule("n") };
    follow(&home, bucket, vec![kept]).await;
    assert_eq!(pass(&home, midnight(2)).await, [0, VERSIONS as u64 - 100, 0]);
    assert_eq!(versions(&home, bucket).len(), 101);
    assert_eq!(home.check(), []);
}
