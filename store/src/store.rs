//! The store as a whole: opening a data directory, and what all verbs share.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::blob::{LocalBlobs, Pins, sync_folder};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::meta::{Engine, Meta, MetaCounters, RedbEngine, memory::MemoryEngine};
use crate::policy::{Action, Grant, Principal, Resource, authorize};
use crate::seal::{self, MasterKey};
use crate::state;

/// The file that says that a folder belongs to a store; its absence means a missing mount.
const MARKER: &str = "windlass-store";
/// The metadata.
const META: &str = "meta.redb";
/// Held for as long as a process uses the directory.
const LOCK: &str = "windlass.lock";
/// The master key, unless it comes from elsewhere.
const MASTER_KEY: &str = "master.key";

/// How to open a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The folder of the blobs; `None` is `blobs` in the data directory.
    pub blobs_dir: Option<PathBuf>,
    /// Whether an empty or absent data directory may become a new store.
    pub create: bool,
    /// Bytes the metadata engine may cache.
    pub cache_bytes: usize,
    /// Bodies up to this length ride in the commit.
    pub inline_bytes_max: usize,
    /// Keep metadata in memory only; everything is gone with the process.
    pub ephemeral: bool,
    /// The key that seals secrets; `None` is the file in the data directory.
    pub master_key: Option<Arc<MasterKey>>,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl StoreOptions {
    /// A store in `data_dir` with everything else as by default.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            blobs_dir: None,
            create: true,
            cache_bytes: 128 << 20,
            inline_bytes_max: 4096,
            ephemeral: false,
            master_key: None,
            clock: Arc::new(SystemClock),
        }
    }
}

/// An open store. Verbs are in the file of their noun.
pub struct Store {
    pub(crate) meta: Meta,
    pub(crate) blobs: LocalBlobs,
    pub(crate) pins: Pins,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) inline_bytes_max: usize,
    /// The epoch that the orphan sweep walks, with the folders it has not walked yet.
    pub(crate) orphan_cursor: Mutex<Option<(u32, Vec<PathBuf>)>>,
    _lock: File,
}

/// Counters since the start.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counters {
    /// Of the metadata.
    pub meta: MetaCounters,
    /// Size of the metadata file.
    pub meta_file_bytes: u64,
    /// Blobs written.
    pub blobs_written: u64,
    /// Their bytes.
    pub blob_bytes_written: u64,
    /// Blobs deleted.
    pub blobs_deleted: u64,
}

impl Store {
    /// Opens a data directory, or makes one. Fails if another process has it open, if it is not a store's, or if a
    /// folder that was part of the store is missing its marker.
    pub fn open(options: StoreOptions) -> Result<Arc<Self>> {
        let lock = prepare(&options)?;
        let engine: Arc<dyn Engine> = if options.ephemeral {
            Arc::new(MemoryEngine::default())
        } else {
            Arc::new(RedbEngine::open(&options.data_dir.join(META), options.cache_bytes)?)
        };
        let meta = Meta::open(engine, Arc::clone(&options.clock))?;
        let blobs_dir = blobs_dir(&options);
        let marked = meta.read(state::is_marked)?;
        if marked {
            check_marker(&blobs_dir, &meta)?;
            check_marker(&options.data_dir, &meta)?;
        }
        let master = match options.master_key.clone() {
            Some(key) => key,
            None => Arc::new(seal::load_or_create(&options.data_dir.join(MASTER_KEY))?),
        };
        check_master(&meta, &master)?;
        let fingerprint = master.fingerprint();
        let (id, epoch) = meta.write_blocking(move |tx| {
            state::put_master_fingerprint(tx, &fingerprint);
            state::begin_epoch(tx)
        })?;
        if !marked {
            make_private(&blobs_dir)?;
            write_marker(&blobs_dir, &id)?;
            write_marker(&options.data_dir, &id)?;
            meta.write_blocking(|tx| {
                state::put_marked(tx);
                Ok(())
            })?;
        }
        Ok(Arc::new(Self {
            blobs: LocalBlobs::open(&blobs_dir, epoch)?,
            meta,
            pins: Pins::default(),
            clock: options.clock,
            master,
            inline_bytes_max: options.inline_bytes_max,
            orphan_cursor: Mutex::new(None),
            _lock: lock,
        }))
    }

    /// Whether a commit failed, so that no write is acknowledged any more until a restart.
    pub fn is_latched(&self) -> bool {
        self.meta.is_latched()
    }

    /// Counters since the start.
    pub fn counters(&self) -> Counters {
        let (blobs_written, blob_bytes_written, blobs_deleted) = self.blobs.counters();
        Counters {
            meta: self.meta.counters(),
            meta_file_bytes: self.meta.size_bytes().unwrap_or_default(),
            blobs_written,
            blob_bytes_written,
            blobs_deleted,
        }
    }

    /// Decides whether `principal` may do `action` on `resource`; see [`authorize`].
    pub fn authorize(&self, principal: &Principal, action: Action, resource: Resource<'_>) -> Result<Grant> {
        self.meta.read(|read| authorize(read, self.clock.now(), principal, action, resource))
    }

    /// The current time.
    pub fn now(&self) -> crate::clock::Millis {
        self.clock.now()
    }

    /// Runs work to its end even if the caller goes away in the middle, so that a client that hangs up cannot leave a
    /// finished blob without the commit that names it.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        tokio::spawn(work).await.map_err(|error| {
            Error::new(ErrorKind::Internal, "We encountered an internal error. Please try again.").because(error)
        })?
    }
}

/// The folder of the blobs.
pub(crate) fn blobs_dir(options: &StoreOptions) -> PathBuf {
    options.blobs_dir.clone().unwrap_or_else(|| options.data_dir.join("blobs"))
}

/// Checks that the directory is a store's or may become one, and locks it.
pub(crate) fn prepare(options: &StoreOptions) -> Result<File> {
    let dir = &options.data_dir;
    let known = dir.join(MARKER).exists() || dir.join(META).exists();
    if !known && !options.ephemeral {
        if !options.create {
            return Err(refuse(
                dir,
                "is not a Windlass data directory, and making a new one is switched off. Is its mount missing?",
            ));
        }
        if holds_foreign_files(dir)? {
            return Err(refuse(
                dir,
                "holds files but is not a Windlass data directory. Choose an empty or absent one.",
            ));
        }
    } else if !dir.join(META).exists() && !options.ephemeral {
        return Err(refuse(dir, "has lost its metadata file meta.redb. Restore it; a new one would hide all objects."));
    }
    make_private(dir)?;
    let lock =
        File::options().create(true).truncate(false).write(true).open(dir.join(LOCK)).map_err(Error::unavailable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(refuse(dir, "is in use by another Windlass process.")),
        Err(std::fs::TryLockError::Error(error)) => Err(Error::unavailable(error)),
    }
}

fn refuse(dir: &Path, why: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("{} {why}", dir.display()))
}

/// Whether the directory holds anything but what an interrupted first start or a fresh file system leaves.
fn holds_foreign_files(dir: &Path) -> Result<bool> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::unavailable(error)),
    };
    for entry in entries {
        let name = entry.map_err(Error::unavailable)?.file_name();
        if name != LOCK && name != "lost+found" && name != MASTER_KEY && name != "blobs" {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes a folder that only its owner can read, with its parents, and makes its entry durable.
fn make_private(dir: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::unavailable)?;
    match dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => sync_folder(parent),
        None => sync_folder(Path::new(".")),
    }
}

fn write_marker(dir: &Path, id: &str) -> Result<()> {
    let mut file = File::create(dir.join(MARKER)).map_err(Error::unavailable)?;
    writeln!(file, "windlass-store {id}").and_then(|()| file.sync_all()).map_err(Error::unavailable)?;
    sync_folder(dir)
}

/// Refuses a folder whose marker is missing or another store's.
pub(crate) fn check_marker(dir: &Path, meta: &Meta) -> Result<()> {
    let id = meta.read(state::store_id)?.unwrap_or_default();
    match std::fs::read_to_string(dir.join(MARKER)) {
        Ok(text) if text.trim_end() == format!("windlass-store {id}") => Ok(()),
        Ok(_) => Err(refuse(dir, "belongs to another Windlass store: its marker file names another identity.")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(refuse(dir, "lacks the marker file windlass-store. Is its mount missing?"))
        }
        Err(error) => Err(Error::unavailable(error)),
    }
}

/// Refuses a master key that did not seal the secrets of this store.
fn check_master(meta: &Meta, master: &MasterKey) -> Result<()> {
    match meta.read(state::master_fingerprint)? {
        Some(fingerprint) if fingerprint != master.fingerprint() => {
            let message = "The master key is not the one that the secrets of this data directory were sealed with.";
            Err(Error::new(ErrorKind::InvalidRequest, message))
        }
        _ => Ok(()),
    }
}

/// Opens metadata for `check`: nothing is written, no epoch begins.
pub(crate) fn open_offline(options: &StoreOptions) -> Result<(Meta, File)> {
    let without_create = StoreOptions { create: false, ..options.clone() };
    let lock = prepare(&without_create)?;
    let engine = Arc::new(RedbEngine::open(&options.data_dir.join(META), options.cache_bytes)?);
    let meta = Meta::open(engine, Arc::clone(&options.clock))?;
    if meta.read(state::is_marked)? {
        check_marker(&blobs_dir(options), &meta)?;
        check_marker(&options.data_dir, &meta)?;
    }
    Ok((meta, lock))
}
