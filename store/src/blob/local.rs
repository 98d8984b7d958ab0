//! Blobs on a local file system, through object_store.
//!
//! A blob is `<epoch>/<fan>/<ulid>` under the blob folder: the epoch is the process start it was written under, the
//! fan-out is the identifier's last byte. Folders are made here, synced, before the first blob of theirs is written:
//! a writer that finds a folder made by another must be sure that its entry is on stable storage too.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path as FilePath, PathBuf};

use bytes::Bytes;
use futures::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Mutex;

use super::unsynced::{Unsynced, sync_files};
use crate::error::{Error, Result};
use crate::id::BlobId;

/// The local blob store.
pub(crate) struct LocalBlobs {
    store: LocalFileSystem,
    root: PathBuf,
    epoch: u32,
    made: Mutex<HashSet<u8>>,
    /// Where written blobs are noted, if they are not synced at once.
    unsynced: Option<Unsynced>,
}

/// A blob that is being written; nothing of it is visible until `finish`.
pub(crate) struct LocalWriter {
    upload: Box<dyn MultipartUpload>,
    path: Path,
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
            unsynced,
        })
    }

    /// The blob folder.
    pub(crate) fn root(&self) -> &FilePath {
        &self.root
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
    pub(super) async fn create(&self, blob: BlobId) -> Result<LocalWriter> {
        self.ensure_folder(blob).await?;
        let path = Self::path(self.epoch, blob);
        let upload = self.store.put_multipart(&path).await.map_err(storage)?;
        Ok(LocalWriter { upload, path })
    }

    /// Puts a written blob in place under its name, durable unless it is noted to become so.
    pub(super) async fn finish(&self, mut writer: LocalWriter) -> Result<()> {
        writer.upload.complete().await.map_err(storage)?;
        if let Some(unsynced) = &self.unsynced {
            let file = self.store.path_to_filesystem(&writer.path).map_err(storage)?;
            if !unsynced.note(&file) {
                blocking(move || sync_files(&[file])).await?;
            }
        }
        Ok(())
    }

    /// Opens a blob for positioned reads. `None` if it is not there.
    pub(super) async fn open_blob(&self, epoch: u32, blob: BlobId) -> Result<Option<File>> {
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
    pub(super) fn open_file(&self, epoch: u32, blob: BlobId) -> Result<Option<File>> {
        let path = self.store.path_to_filesystem(&Self::path(epoch, blob)).map_err(storage)?;
        match File::open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Unlinks blobs and syncs the folders they were in. A blob that is not there counts as unlinked.
    pub(super) async fn delete(&self, blobs: &[(u32, BlobId)]) -> Result<()> {
        let paths: Vec<_> = blobs.iter().map(|(epoch, blob)| Ok(Self::path(*epoch, *blob))).collect();
        let mut results = self.store.delete_stream(futures::stream::iter(paths).boxed());
        while let Some(result) = results.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(storage(error)),
            }
        }
        let folders: HashSet<PathBuf> = blobs.iter().filter_map(|(epoch, blob)| self.folder(*epoch, *blob)).collect();
        blocking(move || folders.iter().try_for_each(|folder| sync_folder(folder))).await
    }

    fn folder(&self, epoch: u32, blob: BlobId) -> Option<PathBuf> {
        let path = self.store.path_to_filesystem(&Self::path(epoch, blob)).ok()?;
        path.parent().map(FilePath::to_owned)
    }

    /// The epochs that have a folder.
    pub(super) fn epochs(&self) -> Result<Vec<u32>> {
        let names = entries(&self.root)?;
        Ok(names.iter().filter_map(|path| u32::from_str_radix(path.file_name()?.to_str()?, 16).ok()).collect())
    }

    /// The fan-out folders of an epoch.
    pub(crate) fn fans(&self, epoch: u32) -> Result<Vec<PathBuf>> {
        entries(&self.root.join(format!("{epoch:08x}")))
    }

    /// All files of a fan-out folder.
    pub(super) fn files(folder: &FilePath) -> Result<Vec<PathBuf>> {
        entries(folder)
    }

    /// Removes the folders of an epoch that have become empty, and its own.
    pub(super) fn remove_empty(&self, epoch: u32) -> Result<()> {
        for fan in self.fans(epoch)? {
            // A folder that still holds blobs refuses, and is meant to.
            let _ = std::fs::remove_dir(fan);
        }
        let _ = std::fs::remove_dir(self.root.join(format!("{epoch:08x}")));
        Ok(())
    }
}

impl LocalWriter {
    /// Appends bytes, without copying them. The future owns what it needs, so it can run while the next bytes gather.
    pub(super) fn write(&mut self, chunks: Vec<Bytes>) -> impl Future<Output = Result<()>> + Send + 'static {
        let part = self.upload.put_part(PutPayload::from_iter(chunks));
        async move { part.await.map_err(storage) }
    }

    /// Gives the blob up and removes what was written.
    pub(super) async fn abort(mut self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(%error, "an abandoned upload's temporary file stays until the next start's sweep");
        }
    }
}

/// Runs blocking file work away from the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::unavailable)?
}

/// Runs the work of a command that has no async threads, where it can `wait`: on a thread of its own, since whoever calls may
/// be an async thread itself.
pub(crate) fn offline<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let runtime = runtime()?;
    let entered = || {
        let _entered = runtime.enter();
        work()
    };
    let done = std::thread::scope(|scope| scope.spawn(entered).join());
    runtime.shutdown_background();
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(Error::unavailable)
}

/// Waits for async work, away from the async threads or where there are none.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match Handle::try_current() {
        Ok(handle) => handle.block_on(work),
        Err(_) => runtime()?.block_on(work),
    }
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
