//! Deleting a bucket with all it holds: bounded, resumable, and final.

use futures::future::join_all;
use windlass_store::ErrorKind;
use windlass_store::blob::Expect;
use windlass_store::bucket::{BucketPatch, BucketState};
use windlass_store::check;
use windlass_store::id::BucketId;
use windlass_store::key::{NewApiKey, Scopes};
use windlass_store::limit;
use windlass_store::name::BucketName;
use windlass_store::object::{Extras, Metadata, StorageClass};
use windlass_store::plan::Plan;
use windlass_store::policy::{Action, Grant, Resource};
use windlass_store::share::NewShare;
use windlass_store::upload::{CreateUpload, UploadPart};

use crate::home::{Home, body, key, key_of, plan};

async fn fill(home: &Home, bucket: BucketId, objects: usize) {
    let names: Vec<String> = (0..objects).map(|n| format!("object-{n:05}")).collect();
    let stored = join_all(names.iter().map(|name| home.put(bucket, name, 10))).await;
    assert!(stored.iter().all(Result::is_ok));
}

async fn begin_uploads(home: &Home, grant: &Grant, count: usize) {
    for n in 0..count {
        let name = format!("upload-{n}");
        let metadata = Metadata::default();
        let create = CreateUpload {
            key: key(&name),
            metadata,
            class: StorageClass::Standard,
            checksum: None,
            extras: Extras::default(),
        };
        let upload = home.store.create_upload(grant, create).await.unwrap();
        let part = UploadPart { key: key(&name), upload, number: 1, expect: Expect::default() };
        home.store.upload_part(grant, part, body(6_000)).await.unwrap();
    }
}

fn is_known(home: &Home, name: &str) -> Option<ErrorKind> {
    let name = BucketName::parse(name).unwrap();
    home.store.authorize(&home.acme, Action::HeadBucket, Resource::Bucket(&name)).err().map(|error| error.kind())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_is_emptied_in_bounded_steps_that_go_on_after_a_restart() {
    const OBJECTS: usize = 1_000;
    let mut home = Home::new(Plan { max_buckets: Some(1), ..plan() }).await;
    let bucket = home.bucket("bucket").await.id;
    fill(&home, bucket, OBJECTS).await;
    begin_uploads(&home, &home.on(Action::PutObject, bucket), 3).await;
    let share = NewShare { key: key("object-00000"), lasts_ms: 60_000, password: None };
    let (_, code) = home.store.create_share(&home.on(Action::CreateShare, bucket), share).await.unwrap();
    let new = NewApiKey { name: "only".to_owned(), scopes: Scopes::ALL, buckets: Some(vec![bucket]), expires_ms: None };
    let (only, _) = home.store.create_key(&home.may(Action::CreateKey), new).await.unwrap();
    home.store.count_bandwidth(bucket, key_of(&home.acme).org, 77);
    home.store.flush_counters().await.unwrap();

    home.store.begin_bucket_deletion(&home.on(Action::DeleteBucket, bucket), false).await.unwrap();
    assert_eq!(is_known(&home, "bucket"), Some(ErrorKind::NoSuchBucket));
    let (seen, usage, _) = home.store.get_bucket(&home.on(Action::GetBucket, bucket)).unwrap();
    assert_eq!((seen.row.state, usage.objects), (BucketState::Deleting, OBJECTS as u64));
    let usage = home.store.org_usage(key_of(&home.acme).org).unwrap();
    assert_eq!((usage.buckets, usage.storage_bytes, usage.bandwidth_bytes), (0, 0, 77), "it counts no more");
    let taken =
        home.store.create_bucket(&home.may(Action::CreateBucket), seen.row.name.clone(), String::new(), false).await;
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::BucketBusy, "its name is not free yet");
    let replacement = home.bucket("replacement").await.id;

    let first = home.store.deletion_step().await.unwrap().unwrap();
    assert!((1..=limit::STEP_ROWS as u64).contains(&first.objects) && !first.gone);
    home.reopen();
    let [deletion] = <[_; 1]>::try_from(home.store.deletions().unwrap()).unwrap();
    assert_eq!((deletion.progress.objects, deletion.objects_left), (first.objects, OBJECTS as u64 - first.objects));
    assert_eq!(deletion.progress.bytes, 10 * first.objects);
    let steps = home.finish_deletions().await;
    assert!(steps >= OBJECTS / limit::STEP_ROWS, "{steps} steps");

    assert_eq!(home.grant_on(&home.acme, Action::GetBucket, bucket).unwrap_err().kind(), ErrorKind::NoSuchBucket);
    assert!(matches!(home.store.open_share(&code, None).await.unwrap(), windlass_store::share::ShareAnswer::Unknown));
    let only = home.store.get_key(&home.may(Action::GetKey), only).unwrap();
    assert_eq!(only.buckets, Some(vec![]), "the key sees nothing now, it does not widen to everything");
    let usage = home.store.org_usage(key_of(&home.acme).org).unwrap();
    assert_eq!((usage.buckets, usage.bandwidth_bytes), (1, 77), "what was sent stays sent");
    home.store.begin_bucket_deletion(&home.on(Action::DeleteBucket, replacement), true).await.unwrap();
    home.finish_deletions().await;
    home.bucket("bucket").await;
    while home.store.sweep_step().await.unwrap().more {}
    assert_eq!(home.check(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_the_middle_of_it_leaves_a_sound_store_that_goes_on() {
    const OBJECTS: u64 = 600;
    let mut home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    fill(&home, bucket, OBJECTS as usize).await;
    home.store.begin_bucket_deletion(&home.on(Action::DeleteBucket, bucket), false).await.unwrap();
    let mut left = OBJECTS;
    loop {
        home.crash();
        let crashed = home.copy();
        assert_eq!(check::check(&crashed.1, false).unwrap().findings, [], "with {left} objects left");
        match home.store.deletions().unwrap().as_slice() {
            [] => break,
            [deletion] => assert_eq!((deletion.objects_left, deletion.progress.objects), (left, OBJECTS - left)),
            more => panic!("{more:?}"),
        }
        left -= home.store.deletion_step().await.unwrap().unwrap().objects;
    }
    assert_eq!(left, 0);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn what_cannot_be_deleted_says_why() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 1).await.unwrap();
    let delete = home.on(Action::DeleteBucket, bucket);
    let error = home.store.begin_bucket_deletion(&delete, true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BucketNotEmpty);
    assert_eq!(home.store.delete_bucket(&delete).await.unwrap_err().kind(), ErrorKind::BucketNotEmpty);
    assert_eq!(is_known(&home, "bucket"), None, "nothing has begun");
    home.store.begin_bucket_deletion(&delete, false).await.unwrap();
    let error = home.store.begin_bucket_deletion(&delete, false).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::BucketBusy, "Bucket is already being deleted"));
    let update = home.on(Action::UpdateBucket, bucket);
    let rename = BucketPatch { display_name: Some("x".to_owned()), ..BucketPatch::default() };
    assert_eq!(home.store.update_bucket(&update, rename).await.unwrap_err().kind(), ErrorKind::BucketBusy);
    let new = NewApiKey { name: "k".to_owned(), scopes: Scopes::ALL, buckets: Some(vec![bucket]), expires_ms: None };
    let error = home.store.create_key(&home.may(Action::CreateKey), new).await.unwrap_err();
    assert_eq!(error.message(), format!("Invalid bucket IDs: bkt_{bucket}"));
    home.finish_deletions().await;
    let error = home.store.begin_bucket_deletion(&delete, false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchBucket);
}

#[tokio::test]
async fn over_s3_an_empty_bucket_is_gone_with_the_answer() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    begin_uploads(&home, &home.on(Action::PutObject, bucket), 2).await;
    home.store.delete_bucket(&home.on(Action::DeleteBucket, bucket)).await.unwrap();
    assert_eq!(home.store.deletions().unwrap(), []);
    let may = home.may(Action::CreateBucket);
    let again =
        home.store.create_bucket(&may, BucketName::parse("bucket").unwrap(), String::new(), false).await.unwrap();
    assert_ne!(again.id, bucket);
    while home.store.sweep_step().await.unwrap().more {}
    assert_eq!(home.check(), []);
}
