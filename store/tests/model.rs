//! Random operations on a real store, with the memory and the redb engine, against a plain map and a sum of bytes. Every
//! other seed has a quota: what it refuses, and that it refuses nothing else, is foretold by the sum. After each run the
//! sweep finishes, the offline check must be clean, and nothing but what the map holds may be left.
//!
//! `WINDLASS_SEED` replays one seed; every failure names its own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use windlass_store::blob::{ByteStream, ChecksumAlgorithm, Expect, ExpectedChecksum};
use windlass_store::bootstrap::{Bootstrap, RootKey};
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::notification::EventKind;
use windlass_store::object::{
    CopyObject, DeleteObject, ETagMatch, Entry, Extras, GetObject, ListObjects, Metadata, Position, PutObject,
    RangeRequest, ReadConditions, StorageClass, WriteCondition,
};
use windlass_store::plan::{Plan, Plans};
use windlass_store::policy::{Action, Grant, Principal, Resource};
use windlass_store::upload::{CompleteUpload, CreateUpload, PartRef, UploadPart};
use windlass_store::{ErrorKind, Store, StoreOptions, check};

/// SplitMix64: enough for tests, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn bytes(&mut self, length: usize) -> Bytes {
        (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).take(length).collect::<Vec<u8>>().into()
    }

    /// Nothing, inline, one block, several blocks.
    fn body(&mut self) -> Bytes {
        let length = match self.below(4) {
            0 => 0,
            1 => self.below(4096) as usize + 1,
            2 => 4097 + self.below(60_000) as usize,
            _ => 65_536 * (1 + self.below(20) as usize) + self.below(3) as usize,
        };
        self.bytes(length)
    }
}

/// Room for a few large objects.
const QUOTA: u64 = 12 << 20;

struct World {
    store: Arc<Store>,
    principal: Principal,
    bucket: BucketName,
    model: BTreeMap<String, Bytes>,
    /// Bytes of parts of the open upload.
    open: u64,
    quota: Option<u64>,
    /// Writes that the quota refused.
    refused: u64,
    random: Random,
}

fn body(random: &mut Random, bytes: &Bytes) -> ByteStream {
    let piece = 1 + random.below(100_000) as usize;
    let pieces: Vec<_> =
        (0..bytes.len()).step_by(piece).map(|at| Ok(bytes.slice(at..(at + piece).min(bytes.len())))).collect();
    Box::pin(stream::iter(pieces))
}

async fn collect(mut stream: ByteStream) -> Bytes {
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    all.into()
}

impl World {
    async fn open(options: StoreOptions, seed: u64) -> Self {
        let quota = seed.is_multiple_of(2).then_some(QUOTA);
        let mut plans = Plans::default();
        plans.set(Plan { max_storage_bytes: quota, ..Plan::unlimited("enterprise") });
        let store = Store::open(StoreOptions { plans: Arc::new(plans), ..options }).unwrap();
        let made = store.bootstrap(Bootstrap::default()).await.unwrap();
        let RootKey::Made(credentials) = made.root else { panic!("a fresh store makes its root key") };
        let (key, secret) = store.key_by_access_id(&credentials.access_key_id).unwrap().unwrap();
        assert_eq!(secret, credentials.secret_access_key);
        let principal = Principal::Key(key);
        let bucket = BucketName::parse("model").unwrap();
        let grant = store.authorize(&principal, Action::CreateBucket, Resource::Service).unwrap();
        store.create_bucket(&grant, bucket.clone(), String::new(), false).await.unwrap();
        Self { store, principal, bucket, model: BTreeMap::new(), open: 0, quota, refused: 0, random: Random(seed) }
    }

    /// All bytes that count.
    fn stored(&self) -> u64 {
        self.open + self.model.values().map(|bytes| bytes.len() as u64).sum::<u64>()
    }

    /// Whether the quota has room for bytes that take the place of others.
    fn fits(&self, bytes: u64, replaced: u64) -> bool {
        bytes <= replaced || self.quota.is_none_or(|quota| self.stored() - replaced + bytes <= quota)
    }

    fn size_of(&self, key: &str) -> u64 {
        self.model.get(key).map_or(0, |bytes| bytes.len() as u64)
    }

    fn check_counters(&self) {
        let Principal::Key(key) = &self.principal else { panic!("nobody in particular") };
        let usage = self.store.org_usage(key.org).unwrap();
        assert_eq!((usage.buckets, usage.storage_bytes), (1, self.stored()));
    }

    fn grant(&self, action: Action) -> Grant {
        self.store.authorize(&self.principal, action, Resource::Bucket(&self.bucket)).unwrap()
    }

    fn key(&mut self) -> String {
        let n = self.random.below(12);
        ["a", "a/b", "a/c", "b//", "b/../x", "ü", "z\n", "0", "a/b/c", "zz", "a ", "/"][n as usize].to_owned()
    }

    async fn step(&mut self) {
        match self.random.below(10) {
            0..=3 => self.put().await,
            4 => self.delete().await,
            5 => self.copy().await,
            6 => self.multipart().await,
            7 => self.list(),
            8 => {
                self.store.sweep_step().await.unwrap();
            }
            _ => self.get().await,
        }
        self.check_counters();
    }

    async fn put(&mut self) {
        let (key, bytes) = (self.key(), self.random.body());
        let only_new = self.random.below(4) == 0;
        let condition =
            WriteCondition { if_none_match: only_new.then_some(ETagMatch::Any), ..WriteCondition::default() };
        let declared = self.random.below(3) > 0;
        let expect = Expect {
            length: declared.then_some(bytes.len() as u64),
            checksum: ExpectedChecksum::Compute(ChecksumAlgorithm::Crc64Nvme),
            ..Expect::default()
        };
        let put = PutObject {
            key: ObjectKey::parse(&key).unwrap(),
            metadata: Metadata::default(),
            class: StorageClass::Standard,
            extras: Extras::default(),
            condition,
            expect,
            event: EventKind::CreatedPut,
        };
        let stream = body(&mut self.random, &bytes);
        match self.store.put_object(&self.grant(Action::PutObject), put, stream).await {
            Ok(_) => {
                assert!(!(only_new && self.model.contains_key(&key)));
                assert!(self.fits(bytes.len() as u64, self.size_of(&key)));
                self.model.insert(key, bytes);
            }
            Err(error) if error.kind() == ErrorKind::QuotaExceeded => {
                self.refused += 1;
                assert!(!self.fits(bytes.len() as u64, self.size_of(&key)));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
                assert!(only_new && self.model.contains_key(&key));
            }
        }
    }

    async fn delete(&mut self) {
        let key = self.key();
        let grant = self.grant(Action::DeleteObject);
        let deleted =
            self.store.delete_object(&grant, DeleteObject::current(ObjectKey::parse(&key).unwrap())).await.unwrap();
        assert_eq!(deleted.existed, self.model.remove(&key).is_some());
    }

    async fn copy(&mut self) {
        let (from, to) = (self.key(), self.key());
        let copy = CopyObject {
            source_key: ObjectKey::parse(&from).unwrap(),
            source_version: None,
            source_conditions: ReadConditions::default(),
            key: ObjectKey::parse(&to).unwrap(),
            replace_metadata: Some(Metadata::default()),
            replace_tags: None,
            extras: Extras::default(),
            class: None,
            checksum: (self.random.below(2) == 0).then_some(ChecksumAlgorithm::Sha1),
            condition: WriteCondition::default(),
        };
        let (write, read) = (self.grant(Action::PutObject), self.grant(Action::GetObject));
        match (self.store.copy_object(&write, &read, copy).await, self.model.get(&from).cloned()) {
            (Ok(_), Some(bytes)) => {
                assert!(self.fits(bytes.len() as u64, self.size_of(&to)));
                self.model.insert(to, bytes);
            }
            (Err(error), Some(bytes)) => {
                self.refused += 1;
                assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
                assert!(!self.fits(bytes.len() as u64, self.size_of(&to)));
            }
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NoSuchKey),
            (result, have) => panic!("copy gave {result:?}, the model has {:?}", have.map(|b| b.len())),
        }
    }

    async fn multipart(&mut self) {
        let key = self.key();
        let parsed = ObjectKey::parse(&key).unwrap();
        let grant = self.grant(Action::PutObject);
        let create = CreateUpload {
            key: parsed.clone(),
            metadata: Metadata::default(),
            class: StorageClass::Standard,
            extras: Extras::default(),
            checksum: None,
        };
        let upload = self.store.create_upload(&grant, create).await.unwrap();
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        let count = 1 + self.random.below(3);
        for index in 0..count {
            let bytes = match index + 1 == count {
                true => self.random.body(),
                false => self.random.bytes(5 << 20),
            };
            let number = (index as u16 + 1) * 3;
            let part = UploadPart { key: parsed.clone(), upload, number, expect: Expect::default() };
            let stream = body(&mut self.random, &bytes);
            let fits = self.fits(bytes.len() as u64, 0);
            match self.store.upload_part(&grant, part, stream).await {
                Ok(stored) => {
                    assert!(fits);
                    parts.push(PartRef { number, etag: stored.etag.to_string(), checksum: None });
                    whole.extend_from_slice(&bytes);
                    self.open += bytes.len() as u64;
                }
                Err(error) => {
                    assert_eq!((error.kind(), fits), (ErrorKind::QuotaExceeded, false));
                    self.refused += 1;
                    parts.clear();
                    break;
                }
            }
            self.check_counters();
        }
        self.open = 0;
        if parts.is_empty() || self.random.below(3) == 0 {
            self.store.abort_upload(&self.grant(Action::AbortUpload), parsed, upload).await.unwrap();
            return;
        }
        let complete = CompleteUpload {
            key: parsed,
            upload,
            parts,
            condition: WriteCondition::default(),
            checksum: None,
            kind: None,
            size: None,
        };
        let first = self.store.complete_upload(&grant, complete.clone()).await.unwrap();
        let again = self.store.complete_upload(&grant, complete).await.unwrap();
        assert_eq!(first.etag, again.etag, "completing again is answered alike");
        self.model.insert(key, whole.into());
    }

    async fn get(&mut self) {
        let key = self.key();
        let grant = self.grant(Action::GetObject);
        let expected = self.model.get(&key).cloned();
        let size = expected.as_ref().map_or(0, Bytes::len) as u64;
        let range = match self.random.below(3) {
            0 if size > 0 => {
                let first = self.random.below(size);
                Some(RangeRequest::FromTo(first, first + self.random.below(size)))
            }
            1 if size > 0 => Some(RangeRequest::Suffix(1 + self.random.below(size))),
            _ => None,
        };
        let get = GetObject { range, ..GetObject::whole(ObjectKey::parse(&key).unwrap()) };
        match (self.store.get_object(&grant, &get).await, expected) {
            (Ok((found, stream)), Some(bytes)) => {
                let wanted = bytes.slice(found.start as usize..(found.start + found.length) as usize);
                assert_eq!(found.partial, range.is_some());
                assert!(collect(stream).await == wanted, "bytes of {key:?}, range {range:?}");
            }
            (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NoSuchKey),
            (result, have) => panic!("get gave {:?}, the model has {:?}", result.map(|r| r.0), have.map(|b| b.len())),
        }
    }

    fn list(&mut self) {
        let max = 1 + self.random.below(5) as usize;
        let mut after = Position::Start;
        let mut keys = Vec::new();
        loop {
            let query = ListObjects { prefix: String::new(), delimiter: None, after, max };
            let page =
                self.store.list_objects(&self.grant(Action::ListObjects), &query).now_or_never().unwrap().unwrap();
            for entry in &page.entries {
                let Entry::Object { key, head } = entry else { panic!("a group without a delimiter") };
                assert_eq!(head.size, self.model[key].len() as u64);
                keys.push(key.clone());
            }
            if !page.truncated {
                break;
            }
            after = page.last;
        }
        assert_eq!(keys, self.model.keys().cloned().collect::<Vec<_>>());
    }

    async fn finish(mut self) {
        for key in self.model.keys().cloned().collect::<Vec<_>>() {
            let get = GetObject::whole(ObjectKey::parse(&key).unwrap());
            let (_, stream) = self.store.get_object(&self.grant(Action::GetObject), &get).await.unwrap();
            assert!(collect(stream).await == self.model[&key], "{key:?} at the end");
        }
        self.list();
        while self.store.sweep_step().await.unwrap().more {}
        let usage = self.store.bucket_usage(10).unwrap();
        let bytes: u64 = self.model.values().map(|b| b.len() as u64).sum();
        assert_eq!((usage[0].1.objects, usage[0].1.object_bytes), (self.model.len() as u64, bytes));
        assert_eq!((usage[0].1.uploads, usage[0].1.parts, usage[0].1.part_bytes), (0, 0, 0));
    }
}

fn seeds() -> Vec<u64> {
    match std::env::var("WINDLASS_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=6).collect(),
    }
}

fn options(dir: &std::path::Path, ephemeral: bool) -> StoreOptions {
    StoreOptions { ephemeral, ..StoreOptions::new(dir) }
}

async fn run(ephemeral: bool) {
    let mut refused = 0;
    for seed in seeds() {
        println!("seed {seed}, ephemeral {ephemeral}");
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::open(options(dir.path(), ephemeral), seed).await;
        for _ in 0..120 {
            world.step().await;
        }
        assert!(world.quota.is_some() || world.refused == 0);
        refused += world.refused;
        world.finish().await;
        if ephemeral {
            continue;
        }
        let report = check::check(&options(dir.path(), false), false).unwrap();
        assert_eq!(report.findings, [], "seed {seed}");
    }
    // One seed alone may have no quota, or room for everything.
    assert!(refused > 0 || seeds().len() == 1, "no run came to its quota");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_equal_a_plain_map_on_redb() {
    run(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_equal_a_plain_map_in_memory() {
    run(true).await;
}
