//! Where blobs are kept: a folder, or a bucket upstream. What both have in common is here; how each does it is in
//! `local.rs` and in `remote/`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::Either;

use super::local::{LocalBlobs, LocalWriter, blocking, sync_folder, wait};
use super::remote::{RemoteBlobs, RemoteFile, RemoteWriter};
use super::share::Shares;
use super::unsynced::Unsynced;
use crate::error::{Error, Result};
use crate::id::BlobId;
use crate::limit::SETTLED_MS;
use crate::marker;
use crate::store::StoreOptions;
use crate::upstream::BreakerCounters;

/// A place for blobs, before the epoch of new ones is known.
pub(crate) enum Home {
    /// A folder.
    Folder(PathBuf),
    /// A bucket upstream, or a prefix of one.
    Upstream(RemoteBlobs),
}

impl Home {
    /// The place that the options name. `InvalidRequest` for one that cannot be.
    pub(crate) fn of(options: &StoreOptions) -> Result<Self> {
        match &options.remote_blobs {
            Some(remote) => RemoteBlobs::new(remote, &options.upstream, Arc::clone(&options.clock)).map(Self::Upstream),
            None => Ok(Self::Folder(Self::folder_of(options).unwrap_or_default())),
        }
    }

    /// The folder that the options name, if it is one.
    pub(crate) fn folder_of(options: &StoreOptions) -> Option<PathBuf> {
        let folder = || options.blobs_dir.clone().unwrap_or_else(|| options.data_dir.join("blobs"));
        options.remote_blobs.is_none().then(folder)
    }

    /// The kind of place, by its name in the settings.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Folder(_) => "local",
            Self::Upstream(_) => "s3",
        }
    }

    /// The folder, if it is one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Upstream(_) => None,
        }
    }

    /// Refuses a place whose marker is missing or another store's (`InvalidRequest`). `UpstreamUnavailable` if nobody can tell.
    pub(crate) fn check_marker(&self, id: &str) -> Result<()> {
        match self {
            Self::Folder(folder) => marker::check(folder, id),
            Self::Upstream(remote) => wait(remote.check_marker(id)),
        }
    }

    /// Marks a place that nothing is in yet as that store's.
    pub(crate) fn mark(&self, id: &str) -> Result<()> {
        match self {
            Self::Folder(folder) => marker::make(folder, id),
            Self::Upstream(remote) => wait(remote.mark(id)),
        }
    }

    /// Makes sure of the marker that is there; where there is none, makes one if the place may be new.
    pub(crate) fn claim(&self, id: &str, may_be_new: bool) -> Result<()> {
        match self {
            Self::Folder(folder) => marker::claim(folder, id, may_be_new),
            Self::Upstream(remote) if may_be_new => wait(remote.mark(id)),
            Self::Upstream(remote) => wait(remote.check_marker(id)),
        }
    }

    /// The epochs that have blobs.
    pub(crate) fn epochs(&self) -> Result<Vec<u32>> {
        match self {
            Self::Folder(folder) => LocalBlobs::open(folder, 0, None)?.epochs(),
            Self::Upstream(remote) => wait(remote.epochs()),
        }
    }

    /// Opens it; new blobs are written under `epoch`. In a folder they are synced before `finish` returns, or noted in
    /// `unsynced`; upstream is stable storage.
    pub(crate) fn open(self, epoch: u32, unsynced: Option<Unsynced>) -> Result<Blobs> {
        let place = match self {
            Self::Folder(folder) => Place::Folder(LocalBlobs::open(&folder, epoch, unsynced)?),
            Self::Upstream(remote) => Place::Upstream(remote),
        };
        Ok(Blobs {
            place,
            epoch,
            shares: Shares::default(),
            written: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            deleted: AtomicU64::new(0),
        })
    }
}

enum Place {
    Folder(LocalBlobs),
    Upstream(RemoteBlobs),
}

/// The blob store.
pub(crate) struct Blobs {
    place: Place,
    epoch: u32,
    shares: Shares,
    written: AtomicU64,
    written_bytes: AtomicU64,
    deleted: AtomicU64,
}

/// A blob that is being written; nothing of it is visible until `finish`.
pub(crate) enum BlobWriter {
    Folder(LocalWriter),
    Upstream(RemoteWriter),
}

/// A blob opened for reading.
pub(super) enum Source {
    /// A file, read by position.
    File(Arc<File>),
    /// An object upstream, a stretch of which streams in.
    Upstream(RemoteFile),
}

/// What lies where blobs are, as the orphan sweep sees it.
pub(crate) struct Found {
    /// A file, or the name of an object upstream.
    pub(crate) path: PathBuf,
    /// `None` for what is not a blob: a temporary file of a write that never finished.
    pub(crate) blob: Option<BlobId>,
}

/// A walk through all that lies in an epoch.
pub(crate) struct Walk {
    pub(crate) epoch: u32,
    left: Left,
}

enum Left {
    Folders(Vec<PathBuf>),
    /// The name after which the listing goes on; `None` once it has ended.
    Names(Option<String>),
}

impl Blobs {
    /// The folder, if the blobs are in one.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder(local) => Some(local.root()),
            Place::Upstream(_) => None,
        }
    }

    /// The upstream, if they are there.
    fn upstream(&self) -> Option<&RemoteBlobs> {
        match &self.place {
            Place::Folder(_) => None,
            Place::Upstream(remote) => Some(remote),
        }
    }

    /// How requests to the upstream have fared.
    pub(crate) fn breakers(&self) -> Vec<BreakerCounters> {
        self.upstream().map(RemoteBlobs::breakers).unwrap_or_default()
    }

    /// One bounded step of removing what failed uploads left, once this process has run for `age_ms`; how much it was.
    pub(crate) async fn sweep_litter(&self, age_ms: u64) -> Result<u64> {
        match self.upstream() {
            Some(remote) => remote.sweep_litter(self.epoch, age_ms).await,
            None => Ok(0),
        }
    }

    /// Whether nothing can come to lie in a dead epoch any more, once this process has run for `age_ms`: a request that was
    /// under way when a process died may be carried out upstream a little later.
    pub(crate) fn is_settled(&self, age_ms: u64) -> bool {
        self.upstream().is_none() || age_ms >= SETTLED_MS
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
        let [written, bytes, deleted] =
            [&self.written, &self.written_bytes, &self.deleted].map(|count| count.load(Ordering::Relaxed));
        (written, bytes, deleted)
    }

    /// Begins a blob of `length` bytes, if that is known.
    pub(crate) async fn create(&self, blob: BlobId, length: Option<u64>) -> Result<BlobWriter> {
        match &self.place {
            Place::Folder(local) => local.create(blob).await.map(BlobWriter::Folder),
            Place::Upstream(remote) => remote.create(self.epoch, blob, length).await.map(BlobWriter::Upstream),
        }
    }

    /// Puts a written blob in place under its name, durable unless it is noted to become so.
    pub(crate) async fn finish(&self, writer: BlobWriter, size: u64) -> Result<()> {
        match (&self.place, writer) {
            (Place::Folder(local), BlobWriter::Folder(writer)) => local.finish(writer).await?,
            (_, BlobWriter::Upstream(writer)) => Box::pin(writer.finish(size)).await?,
            (Place::Upstream(_), BlobWriter::Folder(_)) => {
                return Err(Error::corrupt("a blob written to another place"));
            }
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        self.written_bytes.fetch_add(size, Ordering::Relaxed);
        Ok(())
    }

    /// Opens a blob of `size` bytes for reading. `None` if it is not there; upstream that turns out when it is read.
    pub(super) async fn open_blob(&self, epoch: u32, blob: BlobId, size: u64) -> Result<Option<Source>> {
        match &self.place {
            Place::Folder(local) => Ok(local.open_blob(epoch, blob).await?.map(|file| Source::File(Arc::new(file)))),
            Place::Upstream(remote) => Ok(Some(Source::Upstream(remote.file(epoch, blob, size)))),
        }
    }

    /// The same for whoever may block: its file or object, and how long that is.
    pub(super) fn open_file(&self, epoch: u32, blob: BlobId) -> Result<Option<(Source, u64)>> {
        match &self.place {
            Place::Folder(local) => {
                let Some(file) = local.open_file(epoch, blob)? else { return Ok(None) };
                let length = file.metadata().map_err(Error::unavailable)?.len();
                Ok(Some((Source::File(Arc::new(file)), length)))
            }
            Place::Upstream(remote) => {
                let length = wait(remote.length(epoch, blob))?;
                Ok(length.map(|length| (Source::Upstream(remote.file(epoch, blob, length)), length)))
            }
        }
    }

    /// Removes blobs for good. A blob that is not there counts as removed.
    pub(crate) async fn delete(&self, blobs: &[(u32, BlobId)]) -> Result<()> {
        match &self.place {
            Place::Folder(local) => local.delete(blobs).await?,
            Place::Upstream(remote) => remote.delete(blobs).await?,
        }
        self.deleted.fetch_add(blobs.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Removes a finished blob that no row came to name. What cannot be removed now stays for the sweep.
    pub(crate) async fn discard(&self, blob: BlobId) {
        if let Err(error) = self.delete(&[(self.epoch, blob)]).await {
            tracing::warn!(%error, %blob, "an unreferenced blob stays for the sweep");
            if let Place::Upstream(remote) = &self.place {
                remote.leave(self.epoch, blob);
            }
        }
    }

    /// The epochs that have blobs.
    pub(crate) async fn epochs(&self) -> Result<Vec<u32>> {
        match &self.place {
            Place::Folder(local) => local.epochs(),
            Place::Upstream(remote) => remote.epochs().await,
        }
    }

    /// Begins a walk through an epoch.
    pub(crate) fn walk(&self, epoch: u32) -> Result<Walk> {
        let left = match &self.place {
            Place::Folder(local) => Left::Folders(local.fans(epoch)?),
            Place::Upstream(_) => Left::Names(Some(String::new())),
        };
        Ok(Walk { epoch, left })
    }

    /// The next things that lie there, a bounded number; `None` at the end.
    pub(crate) async fn next(&self, walk: &mut Walk) -> Result<Option<Vec<Found>>> {
        let paths = match (&self.place, &mut walk.left) {
            (Place::Folder(_), Left::Folders(folders)) => match folders.pop() {
                Some(folder) => LocalBlobs::files(&folder)?,
                None => return Ok(None),
            },
            (Place::Upstream(remote), Left::Names(after)) => {
                let Some(names) = after.take() else { return Ok(None) };
                let page = remote.page(walk.epoch, &names).await?;
                *after = page.last().cloned();
                page.into_iter().map(PathBuf::from).collect()
            }
            _ => return Err(Error::corrupt("a walk through another place")),
        };
        let blob_of = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).and_then(BlobId::parse);
        Ok(Some(paths.into_iter().map(|path| Found { blob: blob_of(&path), path }).collect()))
    }

    /// Removes what a walk found.
    pub(crate) async fn remove(&self, paths: Vec<PathBuf>) -> Result<()> {
        match &self.place {
            Place::Folder(_) => {
                blocking(move || {
                    for path in &paths {
                        std::fs::remove_file(path).map_err(Error::unavailable)?;
                    }
                    let mut folders: Vec<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
                    folders.dedup();
                    folders.into_iter().try_for_each(sync_folder)
                })
                .await
            }
            Place::Upstream(remote) => remote.remove(&paths).await,
        }
    }

    /// Ends a walk: folders that have become empty go.
    pub(crate) fn end(&self, walk: &Walk) -> Result<()> {
        match &self.place {
            Place::Folder(local) => local.remove_empty(walk.epoch),
            Place::Upstream(_) => Ok(()),
        }
    }
}

impl BlobWriter {
    /// Appends bytes, without copying them. In a folder the write has begun when this returns.
    pub(super) fn write(&mut self, chunks: Vec<Bytes>) -> impl Future<Output = Result<()>> + Send {
        match self {
            Self::Folder(writer) => {
                let write = tokio::spawn(writer.write(chunks));
                Either::Left(async move { write.await.map_err(Error::unavailable)? })
            }
            Self::Upstream(writer) => Either::Right(writer.write(chunks)),
        }
    }

    /// Gives the blob up and removes what was written.
    pub(super) async fn abort(self) {
        match self {
            Self::Folder(writer) => writer.abort().await,
            Self::Upstream(writer) => Box::pin(writer.abort()).await,
        }
    }
}
