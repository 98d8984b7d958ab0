//! Blobs on a local file system, through object_store.
//!
//! A blob is `<epoch>/<fan>/<ulid>` under the blob folder: the epoch is the process start it was written under, the
//! fan-out is the identifier's last byte. Folders are made here, synced, before the first blob of theirs is written:
//! a writer that finds a folder made by another must be sure that its entry is on stable storage too.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use tokio::sync::Mutex;

use super::share::Shares;
use super::unsynced::{Unsynced, sync_files};
use crate::error::{Error, Result};
use crate::id::BlobId;

/// The local blob store.
pub(crate) struct LocalBlobs {
    store: LocalFileSystem,
    root: PathBuf,
    epoch: u32,
    made: Mutex<HashSet<u8>>,
    shares: Shares,
    /// Where written blobs are noted, if they are not synced at once.
    unsynced: Option<Unsynced>,
    written: AtomicU64,
    written_bytes: AtomicU64,
    deleted: AtomicU64,
}

/// A blob that is being written; nothing of it is visible until `finish`.
pub(crate) struct BlobWriter {
    upload: Box<dyn MultipartUpload>,
    path: Path,
}

/// A dead epoch's folder entry, as the orphan sweep sees it.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    /// `None` for what is not a blob: a temporary file of a write that never finished.
    pub(crate) blob: Option<BlobId>,
}

fn storage(error: object_store::Error) -> Error {
    Error::unavailable(error)
}

impl LocalBlobs {
    /// Opens the blob folder, which exists; new blobs are written under `epoch`. They are synced before `finish`
    /// returns, or noted in `unsynced`.
    pub(crate) fn open(root: &FilePath, epoch: u32, unsynced: Option<Unsynced>) -> Result<Self> {
        Ok(Self {
            store: LocalFileSystem::new_with_prefix(root).map_err(storage)?.with_fsync(unsynced.is_none()),
            root: root.to_owned(),
            epoch,
            made: Mutex::new(HashSet::new()),
            shares: Shares::default(),
            unsynced,
            written: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            deleted: AtomicU64::new(0),
        })
    }

    /// The blob folder.
    pub(crate) fn root(&self) -> &FilePath {
        &self.root
    }

    /// What running uploads may hold in memory.
    pub(crate) fn shares(&self) -> &Shares {
        &self.shares
    }

    /// The epoch of new blobs.
    pub(crate) fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Blobs written, their bytes, and blobs deleted since the start.
    pub(crate) fn counters(&self) -> (u64, u64, u64) {
        (
            self.written.load(Ordering::Relaxed),
            self.written_bytes.load(Ordering::Relaxed),
            self.deleted.load(Ordering::Relaxed),
        )
    }

    fn path(epoch: u32, blob: BlobId) -> Path {
        let [.., fan] = blob.0;
        Path::from(format!("{epoch:08x}/{fan:02x}/{blob}"))
    }

    async fn ensure_folder(&self, blob: BlobId) -> Result<()> {
        let [.., fan] = blob.0;
        let mut made = self.made.lock().await;
        if made.contains(&fan) {
            return Ok(());
        }
        let root = self.root.clone();
        let epoch = format!("{:08x}", self.epoch);
        blocking(move || {
            make_synced(&root, &epoch)?;
            make_synced(&root.join(epoch), &format!("{fan:02x}"))
        })
        .await?;
        made.insert(fan);
        Ok(())
    }

    /// Begins a blob.
    pub(crate) async fn create(&self, blob: BlobId) -> Result<BlobWriter> {
        self.ensure_folder(blob).await?;
        let path = Self::path(self.epoch, blob);
        let upload = self.store.put_multipart(&path).await.map_err(storage)?;
        Ok(BlobWriter { upload, path })
    }

    /// Puts a written blob in place under its name, durable unless it is noted to become so.
    pub(crate) async fn finish(&self, mut writer: BlobWriter, size: u64) -> Result<()> {
        writer.upload.complete().await.map_err(storage)?;
        if let Some(unsynced) = &self.unsynced {
            let file = self.store.path_to_filesystem(&writer.path).map_err(storage)?;
            if !unsynced.note(&file) {
                blocking(move || sync_files(&[file])).await?;
            }
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        self.written_bytes.fetch_add(size, Ordering::Relaxed);
        Ok(())
    }

    /// Opens a blob for positioned reads. `None` if it is not there.
    pub(crate) async fn open_blob(&self, epoch: u32, blob: BlobId) -> Result<Option<File>> {
        if let Some(file) = self.open_cached(epoch, blob) {
            return Ok(Some(file));
        }
        match self.store.get(&Self::path(epoch, blob)).await {
            Ok(result) => match result.payload {
                GetResultPayload::File(file, _) => Ok(Some(file)),
                GetResultPayload::Stream(_) => Err(Error::unavailable("a local blob came as a stream")),
            },
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(storage(error)),
        }
    }

    /// Opens a blob if the kernel knows it and nothing has to be waited for: another thread is not worth its while then.
    fn open_cached(&self, epoch: u32, blob: BlobId) -> Option<File> {
        let path = self.store.path_to_filesystem(&Self::path(epoch, blob)).ok()?;
        // Whatever the error is, the open that may wait meets it again and tells it.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        rustix::fs::openat2(CWD, path, flags, Mode::empty(), ResolveFlags::CACHED).ok().map(File::from)
    }

    /// The same as `open_blob` for offline commands, which have no async threads to spare.
    pub(crate) fn open_file(&self, epoch: u32, blob: BlobId) -> Result<Option<File>> {
        let path = self.store.path_to_filesystem(&Self::path(epoch, blob)).map_err(storage)?;
        match File::open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Unlinks blobs and syncs the folders they were in. A blob that is not there counts as unlinked.
    pub(crate) async fn delete(&self, blobs: &[(u32, BlobId)]) -> Result<()> {
        let paths: Vec<_> = blobs.iter().map(|(epoch, blob)| Ok(Self::path(*epoch, *blob))).collect();
        let mut results = self.store.delete_stream(futures::stream::iter(paths).boxed());
        while let Some(result) = results.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(storage(error)),
            }
        }
        self.deleted.fetch_add(blobs.len() as u64, Ordering::Relaxed);
        let folders: HashSet<PathBuf> = blobs.iter().filter_map(|(epoch, blob)| self.folder(*epoch, *blob)).collect();
        blocking(move || folders.iter().try_for_each(|folder| sync_folder(folder))).await
    }

    fn folder(&self, epoch: u32, blob: BlobId) -> Option<PathBuf> {
        let path = self.store.path_to_filesystem(&Self::path(epoch, blob)).ok()?;
        path.parent().map(FilePath::to_owned)
    }

    /// The epochs that have a folder.
    pub(crate) fn epochs(&self) -> Result<Vec<u32>> {
        let names = entries(&self.root)?;
        Ok(names.iter().filter_map(|path| u32::from_str_radix(path.file_name()?.to_str()?, 16).ok()).collect())
    }

    /// The fan-out folders of an epoch.
    pub(crate) fn fans(&self, epoch: u32) -> Result<Vec<PathBuf>> {
        entries(&self.root.join(format!("{epoch:08x}")))
    }

    /// All files of a fan-out folder.
    pub(crate) fn files(folder: &FilePath) -> Result<Vec<Found>> {
        let files = entries(folder)?;
        let found = |path: PathBuf| {
            let blob = path.file_name().and_then(|name| name.to_str()).and_then(BlobId::parse);
            Found { path, blob }
        };
        Ok(files.into_iter().map(found).collect())
    }

    /// Removes the folders of an epoch that have become empty; says whether the epoch is gone.
    pub(crate) fn remove_empty(&self, epoch: u32) -> Result<bool> {
        for fan in self.fans(epoch)? {
            // A folder that still holds blobs refuses, and is meant to.
            let _ = std::fs::remove_dir(fan);
        }
        Ok(std::fs::remove_dir(self.root.join(format!("{epoch:08x}"))).is_ok())
    }
}

impl BlobWriter {
    /// Appends bytes, without copying them. The future owns what it needs, so it can run while the next bytes gather.
    pub(crate) fn write(&mut self, chunks: Vec<Bytes>) -> impl Future<Output = Result<()>> + Send + 'static {
        let part = self.upload.put_part(PutPayload::from_iter(chunks));
        async move { part.await.map_err(storage) }
    }

    /// Gives the blob up and removes what was written.
    pub(crate) async fn abort(mut self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(%error, "an abandoned upload's temporary file stays until the next start's sweep");
        }
    }
}

/// Runs blocking file work away from the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::unavailable)?
}

fn make_synced(parent: &FilePath, name: &str) -> Result<()> {
    match std::fs::create_dir(parent.join(name)) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::unavailable(error)),
    }
    sync_folder(parent)
}

/// Makes a folder's entries durable.
pub(crate) fn sync_folder(folder: &FilePath) -> Result<()> {
    match File::open(folder) {
        Ok(file) => file.sync_all().map_err(Error::unavailable),
        // An epoch's last folder may have been removed already; then there is nothing to sync.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::unavailable(error)),
    }
}

fn entries(folder: &FilePath) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::unavailable(error)),
    };
    entries.map(|entry| entry.map(|e| e.path()).map_err(Error::unavailable)).collect()
}
