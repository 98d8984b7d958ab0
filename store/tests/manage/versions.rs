//! Random operations on a bucket whose versioning is switched on and off, with locks and a clock that goes on, against a
//! plain list of versions. After each step the listing of versions, the listing of objects, what reads answer and the
//! counters are what the list says; at the end the offline check is clean. Every failure names its seed.

use std::collections::BTreeMap;

use futures::FutureExt;
use windlass_store::ErrorKind;
use windlass_store::bucket::{Bucket, Versioning};
use windlass_store::name::BucketName;
use windlass_store::object::{
    CopyObject, DeleteObject, Entry, Extras, GetObject, ListObjects, ListVersions, LockMode, ObjectLock, Position,
    ReadConditions, Retention, VersionEntry, VersionId, VersionPosition, WriteCondition,
};
use windlass_store::policy::Action;

use crate::home::{DAY, Home, NOW, body, key, plan, put_of};

const KEYS: [&str; 5] = ["a", "a/b", "a/c", "b", "b/ü"];

#[derive(Debug, Clone, PartialEq)]
struct Version {
    id: VersionId,
    /// The size of the object, or `None` for a delete marker.
    size: Option<u64>,
    retention: Option<Retention>,
    hold: bool,
}

impl Version {
    fn is_locked(&self, now: u64, bypass: bool) -> bool {
        let passed_over = |retention: Retention| bypass && retention.mode == LockMode::Governance;
        self.hold || self.retention.is_some_and(|r| r.until_ms > now && !passed_over(r))
    }
}

struct World {
    home: Home,
    bucket: Bucket,
    versioning: Versioning,
    /// Of each key, newest first.
    model: BTreeMap<String, Vec<Version>>,
    random: fastrand::Rng,
    now: u64,
}

impl World {
    async fn new(seed: u64, lock: bool) -> Self {
        let home = Home::new(plan()).await;
        let name = BucketName::parse("versions").unwrap();
        let may = home.may(Action::CreateBucket);
        let bucket = home.store.create_bucket(&may, name, String::new(), lock).await.unwrap();
        let versioning = bucket.row.versioning;
        let random = fastrand::Rng::with_seed(seed);
        Self { home, bucket, versioning, model: BTreeMap::new(), random, now: NOW }
    }

    fn key(&mut self) -> &'static str {
        KEYS[self.random.usize(..KEYS.len())]
    }

    /// A version of a key, or one that is not there.
    fn some_id(&mut self, key: &str) -> VersionId {
        let ids: Vec<VersionId> = self.model.get(key).into_iter().flatten().map(|version| version.id).collect();
        match self.random.usize(..ids.len() + 2) {
            n if n < ids.len() => ids[n],
            n if n == ids.len() => VersionId::Null,
            _ => VersionId::Id([7; 16]),
        }
    }

    async fn step(&mut self) {
        match self.random.u32(..12) {
            0..=3 => self.put().await,
            4..=5 => self.delete().await,
            6..=7 => self.delete_version().await,
            8 => self.copy().await,
            9 => self.lock().await,
            10 => self.switch().await,
            _ => {
                self.now += self.random.u64(..2 * DAY);
                self.home.clock.set(self.now);
            }
        }
        self.compare().await;
    }

    fn locks(&mut self) -> Extras {
        if self.bucket.row.object_lock.is_none() || self.random.bool() {
            return Extras::default();
        }
        let mode = if self.random.bool() { LockMode::Governance } else { LockMode::Compliance };
        let until_ms = self.now + 1 + self.random.u64(..3 * DAY);
        let retention = self.random.bool().then_some(Retention { mode, until_ms });
        Extras { retention, legal_hold: self.random.bool().then_some(true), ..Extras::default() }
    }

    /// What the model says of a new current version.
    fn made(&mut self, key: &str, version: Version) {
        let versions = self.model.entry(key.to_owned()).or_default();
        if self.versioning != Versioning::Enabled {
            versions.retain(|old| old.id != VersionId::Null);
        }
        versions.insert(0, version);
    }

    fn id_of(&self, told: Option<VersionId>) -> VersionId {
        match self.versioning {
            Versioning::Off => assert_eq!(told, None),
            Versioning::Suspended => assert_eq!(told, Some(VersionId::Null)),
            Versioning::Enabled => assert!(matches!(told, Some(VersionId::Id(_)))),
        }
        told.unwrap_or(VersionId::Null)
    }

    async fn put(&mut self) {
        let key = self.key();
        let size = [0, 10, 5_000, 100_000][self.random.usize(..4)];
        let extras = self.locks();
        let put = windlass_store::object::PutObject {
            extras: extras.clone(),
            ..put_of(key, Some(size as u64), "text/plain")
        };
        let grant = self.home.on(Action::PutObject, self.bucket.id);
        let stored = self.home.store.put_object(&grant, put, body(size)).await.unwrap();
        let (retention, hold) = (extras.retention, extras.legal_hold == Some(true));
        let id = self.id_of(stored.version);
        self.made(key, Version { id, size: Some(size as u64), retention, hold });
    }

    async fn delete(&mut self) {
        let name = self.key();
        let grant = self.home.on(Action::DeleteObject, self.bucket.id);
        let deleted = self.home.store.delete_object(&grant, DeleteObject::current(key(name))).await.unwrap();
        let current = self.model.get(name).and_then(|versions| versions.first());
        assert_eq!(deleted.existed, current.is_some_and(|version| version.size.is_some()));
        if self.versioning == Versioning::Off {
            self.model.remove(name);
            return;
        }
        assert!(deleted.marker);
        let id = self.id_of(deleted.version);
        self.made(name, Version { id, size: None, retention: None, hold: false });
    }

    async fn delete_version(&mut self) {
        let name = self.key();
        let (version, bypass_governance) = (self.some_id(name), self.random.bool());
        let delete = DeleteObject { version: Some(version), bypass_governance, ..DeleteObject::current(key(name)) };
        let grant = self.home.on(Action::DeleteObject, self.bucket.id);
        let outcome = self.home.store.delete_object(&grant, delete).await;
        let versions = self.model.entry(name.to_owned()).or_default();
        match (versions.iter().position(|one| one.id == version), outcome) {
            (Some(at), outcome) if versions[at].is_locked(self.now, bypass_governance) => {
                assert_eq!(outcome.unwrap_err().kind(), ErrorKind::AccessDenied);
            }
            (Some(at), outcome) => {
                let removed = versions.remove(at);
                let deleted = outcome.unwrap();
                assert!(deleted.existed);
                assert_eq!(deleted.marker, removed.size.is_none());
            }
            (None, outcome) => assert!(!outcome.unwrap().existed),
        }
    }

    async fn copy(&mut self) {
        let (from, to) = (self.key(), self.key());
        let source_version = self.random.bool().then(|| self.some_id(from));
        let copy = CopyObject {
            source_key: key(from),
            source_version,
            source_conditions: ReadConditions::default(),
            key: key(to),
            replace_metadata: Some(Default::default()),
            replace_tags: None,
            extras: Extras::default(),
            class: None,
            checksum: None,
            condition: WriteCondition::default(),
        };
        let [write, read] = [Action::PutObject, Action::GetObject].map(|action| self.home.on(action, self.bucket.id));
        let outcome = self.home.store.copy_object(&write, &read, copy).await;
        let source = self.meant(from, source_version).cloned();
        match (source, outcome) {
            (Some(Version { id, size: Some(size), .. }), outcome) => {
                let copied = outcome.unwrap();
                assert_eq!(copied.source_version.unwrap_or(VersionId::Null), id);
                let id = self.id_of(copied.version);
                self.made(to, Version { id, size: Some(size), retention: None, hold: false });
            }
            (_, outcome) => {
                let kind = outcome.unwrap_err().kind();
                let kinds = [ErrorKind::NoSuchKey, ErrorKind::NoSuchVersion, ErrorKind::InvalidRequest];
                assert!(kinds.contains(&kind), "{kind:?}");
            }
        }
    }

    fn meant(&self, key: &str, id: Option<VersionId>) -> Option<&Version> {
        let versions = self.model.get(key)?;
        match id {
            None => versions.first(),
            Some(id) => versions.iter().find(|version| version.id == id),
        }
    }

    async fn lock(&mut self) {
        if self.bucket.row.object_lock.is_none() {
            return;
        }
        let name = self.key();
        let id = self.some_id(name);
        let hold = self.random.bool();
        let grant = self.home.on(Action::PutLegalHold, self.bucket.id);
        let held = self.home.store.put_legal_hold(&grant, key(name), Some(id), hold).await;
        let extras = self.locks();
        let bypass = self.random.bool();
        let now = self.now;
        let grant = self.home.on(Action::PutRetention, self.bucket.id);
        let kept = self.home.store.put_retention(&grant, key(name), Some(id), extras.retention, bypass).await;
        let versions = self.model.entry(name.to_owned()).or_default();
        match versions.iter_mut().find(|version| version.id == id && version.size.is_some()) {
            Some(version) => {
                held.unwrap();
                version.hold = hold;
                let next = extras.retention;
                let free = version.retention.is_none_or(|r| {
                    let firm = r.mode == LockMode::Governance || next.is_some_and(|n| n.mode == LockMode::Compliance);
                    let longer = firm && next.is_some_and(|n| n.until_ms >= r.until_ms);
                    r.until_ms <= now || longer || (bypass && r.mode == LockMode::Governance)
                });
                assert_eq!(kept.is_ok(), free, "{:?} to {next:?}, bypass {bypass}", version.retention);
                if free {
                    version.retention = next;
                }
            }
            None => assert!(held.is_err() && kept.is_err()),
        }
    }

    async fn switch(&mut self) {
        let to = if self.random.bool() { Versioning::Enabled } else { Versioning::Suspended };
        let grant = self.home.on(Action::PutBucketVersioning, self.bucket.id);
        match self.home.store.put_versioning(&grant, to).await {
            Ok(()) => self.versioning = to,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidBucketState);
                assert!(self.bucket.row.object_lock.is_some() && to == Versioning::Suspended);
            }
        }
    }

    async fn compare(&mut self) {
        self.compare_listings();
        let grant = self.home.on(Action::GetObject, self.bucket.id);
        let name = self.key();
        let version = self.random.bool().then(|| self.some_id(name));
        let get = GetObject { version, ..GetObject::whole(key(name)) };
        let found = self.home.store.head_object(&grant, &get).await;
        match (self.meant(name, version), version) {
            (Some(Version { id, size: Some(size), .. }), _) => {
                let found = found.unwrap();
                assert_eq!((found.size, found.version.unwrap_or(VersionId::Null)), (*size, *id));
            }
            (Some(Version { id, .. }), named) => {
                let error = found.unwrap_err();
                let kind = if named.is_some() { ErrorKind::IsDeleteMarker } else { ErrorKind::NoSuchKey };
                assert_eq!((error.kind(), error.marker().map(|marker| marker.version)), (kind, Some(*id)));
            }
            (None, Some(_)) => assert_eq!(found.unwrap_err().kind(), ErrorKind::NoSuchVersion),
            (None, None) => assert_eq!(found.unwrap_err().kind(), ErrorKind::NoSuchKey),
        }
    }

    fn compare_listings(&mut self) {
        let grant = self.home.on(Action::ListVersions, self.bucket.id);
        let (mut listed, mut after) = (Vec::new(), VersionPosition::Start);
        let max = self.random.usize(1..6);
        loop {
            let query = ListVersions { prefix: String::new(), delimiter: None, after, max };
            let page = self.home.store.list_versions(&grant, &query).now_or_never().unwrap().unwrap();
            for entry in page.entries {
                listed.push(match entry {
                    VersionEntry::Object { key, row, latest } => {
                        (key, row.version.map_or(VersionId::Null, VersionId::Id), Some(row.head.size), latest)
                    }
                    VersionEntry::Marker { key, row, latest } => {
                        (key, row.version.map_or(VersionId::Null, VersionId::Id), None, latest)
                    }
                    VersionEntry::Group(_) => panic!("a group without a delimiter"),
                });
            }
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        let expected: Vec<_> = self
            .model
            .iter()
            .flat_map(|(key, all)| all.iter().enumerate().map(|(n, v)| (key.clone(), v.id, v.size, n == 0)))
            .collect();
        assert_eq!(listed, expected);
        let grant = self.home.on(Action::ListObjects, self.bucket.id);
        let query = ListObjects { prefix: String::new(), delimiter: None, after: Position::Start, max: 1_000 };
        let entries = self.home.store.list_objects(&grant, &query).now_or_never().unwrap().unwrap().entries;
        let keys = entries.iter().map(|entry| match entry {
            Entry::Object { key, .. } => key.clone(),
            Entry::Group(group) => panic!("group {group} without a delimiter"),
        });
        let current = self.model.iter().filter(|(_, all)| all.first().is_some_and(|v| v.size.is_some()));
        assert_eq!(keys.collect::<Vec<_>>(), current.map(|(key, _)| key.clone()).collect::<Vec<_>>());
        let stored: u64 = self.model.values().flatten().filter_map(|version| version.size).sum();
        assert_eq!(self.home.stored(), stored);
    }
}

async fn run(lock: bool) {
    for seed in 1..=8 {
        println!("seed {seed}, with locks: {lock}");
        let mut world = World::new(seed, lock).await;
        for _ in 0..250 {
            world.step().await;
        }
        assert_eq!(world.home.check(), [], "seed {seed}");
    }
}

#[tokio::test]
async fn random_operations_equal_a_plain_list_of_versions() {
    run(false).await;
}

#[tokio::test]
async fn random_operations_equal_a_plain_list_of_versions_with_locks() {
    run(true).await;
}

#[tokio::test]
async fn a_bucket_with_locks_is_not_emptied_by_its_deletion() {
    let home = Home::new(plan()).await;
    let name = BucketName::parse("locked").unwrap();
    let may = home.may(Action::CreateBucket);
    let bucket = home.store.create_bucket(&may, name, String::new(), true).await.unwrap().id;
    home.put(bucket, "k", 10).await.unwrap();
    let delete = home.on(Action::DeleteBucket, bucket);
    let refused = home.store.begin_bucket_deletion(&delete, false).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BucketNotEmpty);
    assert!(home.store.put_object_lock(&home.on(Action::PutObjectLock, bucket), ObjectLock::default()).await.is_ok());
}

#[tokio::test]
async fn a_bucket_with_versions_is_emptied_of_all_of_them() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    let may = home.on(Action::PutBucketVersioning, bucket);
    home.store.put_versioning(&may, Versioning::Enabled).await.unwrap();
    for size in [10, 100_000, 5_000] {
        home.put(bucket, "k", size).await.unwrap();
        home.put(bucket, "l", size).await.unwrap();
    }
    let delete = home.on(Action::DeleteObject, bucket);
    home.store.delete_object(&delete, DeleteObject::current(key("k"))).await.unwrap();
    assert_eq!(home.stored(), 2 * 105_010);
    home.store.begin_bucket_deletion(&home.on(Action::DeleteBucket, bucket), false).await.unwrap();
    home.finish_deletions().await;
    assert_eq!(home.stored(), 0);
    assert_eq!(home.check(), []);
}
