//! A store with one bucket and a root key of the test's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};
use tempfile::TempDir;
use windlass_store::blob::Expect;
use windlass_store::bootstrap::Bootstrap;
use windlass_store::key::Credentials;
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::notification::EventKind;
use windlass_store::object::{DeleteObject, Extras, GetObject, Metadata, PutObject, StorageClass, WriteCondition};
use windlass_store::policy::{Action, Grant, Principal, Resource};
use windlass_store::{ErrorKind, Result, Store, StoreOptions};

pub(crate) const ACCESS_KEY_ID: &str = "ROOTROOTROOTROOT";
pub(crate) const SECRET: &str = "a-secret-of-sufficient-length";

/// A folder that goes with the test, and how to open the store in it.
pub(crate) struct Home {
    folder: TempDir,
    pub(crate) options: StoreOptions,
}

/// The same store, open.
pub(crate) struct Open {
    pub(crate) store: Arc<Store>,
    principal: Principal,
    bucket: BucketName,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions::new(folder.path().join("data"));
        Self { folder, options }
    }

    /// What a crash would leave now: a copy of everything, without an orderly close.
    pub(crate) fn crashed(&self) -> Self {
        let other = Self::new();
        copy(self.data(), other.data());
        other
    }

    /// A path beside the data folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn data(&self) -> &Path {
        &self.options.data_dir
    }

    pub(crate) async fn open(&self) -> Open {
        Open::with(self.options.clone()).await
    }

    /// All files of blobs.
    pub(crate) fn blob_files(&self) -> Vec<PathBuf> {
        let marker = |path: &PathBuf| path.file_name().is_some_and(|name| name != "windlass-store");
        files(&self.data().join("blobs")).into_iter().filter(marker).collect()
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

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

impl Open {
    pub(crate) async fn with(options: StoreOptions) -> Self {
        let store = Store::open(options).unwrap();
        let root = Credentials { access_key_id: ACCESS_KEY_ID.into(), secret_access_key: SECRET.into(), token: None };
        store.bootstrap(Bootstrap { root: Some(root), organisations: Vec::new() }).await.unwrap();
        let (key, secret) = store.key_by_access_id(ACCESS_KEY_ID).unwrap().unwrap();
        assert_eq!(secret, SECRET);
        let (principal, bucket) = (Principal::Key(key), BucketName::parse("bucket").unwrap());
        let grant = store.authorize(&principal, Action::CreateBucket, Resource::Service).unwrap();
        match store.create_bucket(&grant, bucket.clone(), String::new(), false).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::BucketAlreadyOwnedByYou),
        }
        Self { store, principal, bucket }
    }

    fn grant(&self, action: Action) -> Grant {
        self.store.authorize(&self.principal, action, Resource::Bucket(&self.bucket)).unwrap()
    }

    pub(crate) async fn put(&self, key: &str, bytes: &Bytes) {
        let put = PutObject {
            key: ObjectKey::parse(key).unwrap(),
            metadata: Metadata::default(),
            class: StorageClass::Standard,
            extras: Extras::default(),
            condition: WriteCondition::default(),
            expect: Expect::default(),
            event: EventKind::CreatedPut,
        };
        let body = Box::pin(stream::iter([Ok(bytes.clone())]));
        self.store.put_object(&self.grant(Action::PutObject), put, body).await.unwrap();
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Bytes> {
        let get = GetObject::whole(ObjectKey::parse(key).unwrap());
        let (_, mut stream) = self.store.get_object(&self.grant(Action::GetObject), &get).await?;
        let mut all = Vec::new();
        while let Some(chunk) = stream.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all.into())
    }

    pub(crate) async fn delete(&self, key: &str) {
        let grant = self.grant(Action::DeleteObject);
        self.store.delete_object(&grant, DeleteObject::current(ObjectKey::parse(key).unwrap())).await.unwrap();
    }

    /// Sweeps until there is nothing more to do.
    pub(crate) async fn sweep(&self) {
        while self.store.sweep_step().await.unwrap().more {}
    }

    /// Ends the store, as an orderly stop does.
    pub(crate) fn close(self) {
        assert_eq!(Arc::strong_count(&self.store), 1, "somebody still uses the store");
    }
}

/// Bytes that differ with the seed.
pub(crate) fn noise(seed: u8, length: usize) -> Bytes {
    let mut x = u32::from(seed).wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x as u8
    };
    (0..length).map(|_| next()).collect()
}
