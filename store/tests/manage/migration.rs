//! A data directory of an earlier format opens, and is whole from then on. The fixture is a backup that the build before
//! format 2 took: organisations "acme" (buckets "photos" and "logs", one of them with an open upload) and "other", each
//! with a key, beside the root key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use windlass_store::backup;
use windlass_store::bootstrap::Bootstrap;
use windlass_store::bucket::BucketState;
use windlass_store::check;
use windlass_store::clock::ManualClock;
use windlass_store::key::TokenAnswer;
use windlass_store::policy::{Action, Resource};
use windlass_store::seal::MasterKey;
use windlass_store::{ErrorKind, Store, StoreOptions};

use crate::home::{key_of, principal};

const TOKEN: &str = "bkt_0123456789012345678901234567890123456789012";

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1.backup")
}

fn restored() -> (TempDir, StoreOptions) {
    let folder = tempfile::tempdir().unwrap();
    let master = MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let options = StoreOptions {
        clock: Arc::new(ManualClock::at(1_790_000_000_000)),
        master_key: Some(Arc::new(master)),
        ..StoreOptions::new(folder.path().join("data"))
    };
    assert_eq!(backup::restore(&options, &fixture(), false).unwrap().rows, 43);
    (folder, options)
}

#[tokio::test]
async fn a_directory_of_format_1_opens_with_everything_in_it() {
    let (_folder, options) = restored();
    let store = Store::open(options.clone()).unwrap();
    let (acme, other) = (principal(&store, "ACME"), principal(&store, "OTHER"));
    let org = store.org(key_of(&acme).org).unwrap();
    assert_eq!((org.row.name.as_str(), org.row.plan.as_str(), org.row.default_bucket), ("acme", "enterprise", None));
    let usage = store.org_usage(org.id).unwrap();
    assert_eq!((usage.buckets, usage.storage_bytes), (2, 10 + 300 + 7 + 50));
    assert_eq!(store.org_usage(key_of(&other).org).unwrap().storage_bytes, 1);

    let list = store.authorize(&acme, Action::ListBuckets, Resource::Service).unwrap();
    let (buckets, next) = store.list_buckets_by_id(&list, None, None, 10).unwrap();
    let mut seen: Vec<_> = buckets.iter().map(|(bucket, usage)| (bucket.row.name.as_str(), usage.objects)).collect();
    seen.sort_unstable();
    assert_eq!((seen, next), (vec![("logs", 1), ("photos", 2)], None));
    for (bucket, _) in &buckets {
        assert_eq!(
            (bucket.row.state, bucket.row.display_name.as_str()),
            (BucketState::Active, bucket.row.name.as_str())
        );
    }
    let list = store.authorize(&acme, Action::ListKeys, Resource::Service).unwrap();
    let (keys, next) = store.list_keys(&list, None, 10).unwrap();
    let keys: Vec<_> = keys.iter().map(|key| (key.name.as_str(), key.prefix.as_str(), key.last_used_ms)).collect();
    assert_eq!((keys.as_slice(), next), (&[("key of acme", "ACME", Some(1_790_000_000_000))][..], None));
    assert_eq!(store.authenticate_token(TOKEN).unwrap(), TokenAnswer::Known(key_of(&acme).clone()));
    assert_eq!(key_of(&other).buckets.as_ref().map(Vec::len), Some(1));

    // What is done with it from here on counts on top of what was there.
    let photos = buckets.iter().find(|(bucket, _)| bucket.row.name.as_str() == "photos").unwrap().0.id;
    let delete = store.authorize(&acme, Action::DeleteBucket, Resource::BucketId(photos)).unwrap();
    assert_eq!(store.delete_bucket(&delete).await.unwrap_err().kind(), ErrorKind::BucketNotEmpty);
    store.begin_bucket_deletion(&delete, false).await.unwrap();
    while store.deletion_step().await.unwrap().is_some() {}
    let usage = store.org_usage(org.id).unwrap();
    assert_eq!((usage.buckets, usage.storage_bytes), (1, 57));
    drop(store);
    assert_eq!(check::check(&options, false).unwrap().findings, []);
}

#[test]
fn a_directory_of_format_1_is_sound_before_it_is_opened_and_after() {
    let (_folder, options) = restored();
    assert_eq!(check::check(&options, false).unwrap().findings, []);
    drop(Store::open(options.clone()).unwrap());
    assert_eq!(check::check(&options, false).unwrap().findings, []);
    // A second start finds nothing to migrate.
    drop(Store::open(options.clone()).unwrap());
    assert_eq!(check::check(&options, false).unwrap().findings, []);
}

#[tokio::test]
async fn its_declarations_are_those_it_had() {
    let (_folder, options) = restored();
    let store = Store::open(options.clone()).unwrap();
    // Nothing is declared any more, so the declared keys end; the root key, its organisation and the buckets stay.
    store.bootstrap(Bootstrap::default()).await.unwrap();
    assert!(store.key_by_access_id("ACME").unwrap().is_none());
    assert!(store.key_by_access_id("ROOTROOT").unwrap().is_some());
    assert_eq!(store.bucket_usage(10).unwrap().len(), 3);
    drop(store);
    assert_eq!(check::check(&options, false).unwrap().findings, []);
}
