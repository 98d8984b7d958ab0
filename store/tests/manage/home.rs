//! A store with two organisations: "acme", on the plan "test", and "other", without limits.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use tempfile::TempDir;
use windlass_store::blob::{ByteStream, Expect};
use windlass_store::bootstrap::{Bootstrap, DeclaredKey, NewOrganisation};
use windlass_store::bucket::{Bucket, BucketSettings, NewBucket};
use windlass_store::check::{self, Finding};
use windlass_store::clock::ManualClock;
use windlass_store::id::{BucketId, KeyId};
use windlass_store::key::{Credentials, Scopes};
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::notification::EventKind;
use windlass_store::object::{Extras, Metadata, PutObject, PutOutcome, StorageClass, WriteCondition};
use windlass_store::plan::{Plan, Plans};
use windlass_store::policy::{Action, Grant, KeyPrincipal, Principal, Resource};
use windlass_store::{Result, Store, StoreOptions};

/// When all tests take place.
pub(crate) const NOW: u64 = 1_790_000_000_000;
pub(crate) const DAY: u64 = 86_400_000;

pub(crate) struct Home {
    folder: TempDir,
    pub(crate) options: StoreOptions,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<Store>,
    /// The key of "acme", which may do everything.
    pub(crate) acme: Principal,
    /// The key of "other", which may do everything.
    pub(crate) other: Principal,
}

/// The plan "test", without limits to begin with.
pub(crate) fn plan() -> Plan {
    Plan::unlimited("test")
}

pub(crate) fn declared(name: &str, plan: &str) -> NewOrganisation {
    let credentials = Credentials {
        access_key_id: name.to_uppercase(),
        secret_access_key: format!("the secret of {name}").replace(' ', "-"),
        token: None,
    };
    let key = DeclaredKey { name: name.to_owned(), credentials, scopes: Scopes::ALL, buckets: None, expires_ms: None };
    NewOrganisation {
        name: name.to_owned(),
        plan: plan.to_owned(),
        default_bucket: None,
        buckets: vec![],
        keys: vec![key],
    }
}

impl Home {
    pub(crate) async fn new(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let mut plans = Plans::default();
        plans.set(plan);
        let options = StoreOptions {
            clock: Arc::clone(&clock) as _,
            plans: Arc::new(plans),
            ..StoreOptions::new(folder.path().join("data"))
        };
        let store = Store::open(options.clone()).unwrap();
        let organisations = vec![declared("acme", "test"), declared("other", "enterprise")];
        store.bootstrap(Bootstrap { root: None, organisations }).await.unwrap();
        let (acme, other) = (principal(&store, "ACME"), principal(&store, "OTHER"));
        Self { folder, options, clock, store, acme, other }
    }

    /// Ends the store and opens it again.
    pub(crate) fn reopen(&mut self) {
        self.reopen_after(|_| ());
    }

    /// The same, with something done to the data directory in between.
    pub(crate) fn reopen_after(&mut self, work: impl FnOnce(&StoreOptions)) {
        let elsewhere = StoreOptions { ephemeral: true, ..StoreOptions::new(self.folder.path().join("aside")) };
        self.store = Store::open(elsewhere).unwrap();
        work(&self.options);
        self.store = Store::open(self.options.clone()).unwrap();
    }

    /// What a crash would leave now: a copy of everything, without an orderly close.
    pub(crate) fn copy(&self) -> (TempDir, StoreOptions) {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { data_dir: folder.path().join("data"), ..self.options.clone() };
        copy(&self.options.data_dir, &options.data_dir);
        (folder, options)
    }

    /// Goes on with what a crash would leave.
    pub(crate) fn crash(&mut self) {
        let (folder, options) = self.copy();
        self.store = Store::open(options.clone()).unwrap();
        (self.folder, self.options) = (folder, options);
    }

    /// Ends the store and checks it; says what is wrong.
    pub(crate) fn check(self) -> Vec<Finding> {
        assert_eq!(Arc::strong_count(&self.store), 1, "somebody still uses the store");
        drop(self.store);
        check::check(&self.options, false).unwrap().findings
    }

    pub(crate) fn grant_on(&self, by: &Principal, action: Action, bucket: BucketId) -> Result<Grant> {
        self.store.authorize(by, action, Resource::BucketId(bucket))
    }

    /// A grant of acme's key on a bucket.
    pub(crate) fn on(&self, action: Action, bucket: BucketId) -> Grant {
        self.grant_on(&self.acme, action, bucket).unwrap()
    }

    /// A grant of acme's key on nothing in particular.
    pub(crate) fn may(&self, action: Action) -> Grant {
        self.store.authorize(&self.acme, action, Resource::Service).unwrap()
    }

    pub(crate) async fn bucket(&self, name: &str) -> Bucket {
        self.bucket_with(name, BucketSettings::default()).await.unwrap()
    }

    pub(crate) async fn bucket_with(&self, name: &str, settings: BucketSettings) -> Result<Bucket> {
        let new = NewBucket {
            display_name: name.to_owned(),
            name: Some(BucketName::parse(name).unwrap()),
            region: "us-east-1".to_owned(),
            settings,
        };
        self.store.create_bucket_v1(&self.may(Action::CreateBucket), new).await
    }

    pub(crate) async fn put(&self, bucket: BucketId, name: &str, size: usize) -> Result<PutOutcome> {
        let put = put_of(name, Some(size as u64), "text/plain");
        self.store.put_object(&self.on(Action::PutObject, bucket), put, body(size)).await
    }

    /// Bytes that acme has stored, by its own counter.
    pub(crate) fn stored(&self) -> u64 {
        self.store.org_usage(key_of(&self.acme).org).unwrap().storage_bytes
    }

    /// Empties what is to be emptied; says in how many steps.
    pub(crate) async fn finish_deletions(&self) -> usize {
        let mut steps = 0;
        while self.store.deletion_step().await.unwrap().is_some() {
            steps += 1;
        }
        steps
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let to = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            std::fs::copy(&entry, &to).unwrap();
        }
    }
}

pub(crate) fn principal(store: &Store, access_key_id: &str) -> Principal {
    Principal::Key(store.key_by_access_id(access_key_id).unwrap().unwrap().0)
}

pub(crate) fn key_of(principal: &Principal) -> &KeyPrincipal {
    let Principal::Key(key) = principal else { panic!("nobody in particular") };
    key
}

pub(crate) fn id_of(principal: &Principal) -> KeyId {
    key_of(principal).key
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::parse(name).unwrap()
}

pub(crate) fn metadata(content_type: &str) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.system.content_type = Some(content_type.to_owned());
    metadata
}

pub(crate) fn put_of(name: &str, length: Option<u64>, content_type: &str) -> PutObject {
    PutObject {
        key: key(name),
        metadata: metadata(content_type),
        class: StorageClass::Standard,
        extras: Extras::default(),
        condition: WriteCondition::default(),
        expect: Expect { length, ..Expect::default() },
        event: EventKind::CreatedPut,
    }
}

/// A body in pieces of up to 16 KiB.
pub(crate) fn body(size: usize) -> ByteStream {
    const PIECE: usize = 16 << 10;
    let pieces = (0..size).step_by(PIECE).map(move |at| Ok(Bytes::from(vec![at as u8; PIECE.min(size - at)])));
    Box::pin(stream::iter(pieces))
}

/// A body that must not be asked for.
pub(crate) fn untouched() -> ByteStream {
    Box::pin(stream::poll_fn(|_| panic!("the body was read")))
}
