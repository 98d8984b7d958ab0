//! The store as a whole: opening a data directory, and what all verbs share.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::bandwidth::Bandwidth;
use crate::blob::{LocalBlobs, Pins, Unsynced, sync_folder};
use crate::bucket::Documents;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::key::UsedKeys;
use crate::limit;
use crate::master;
use crate::meta::{Engine, Meta, MetaCounters, Recovery, RedbEngine, Relaxed, memory::MemoryEngine, takes_writes};
use crate::migrate;
use crate::opened::Opened;
use crate::org::OrgPlans;
use crate::plan::Plans;
use crate::policy::{Action, Grant, Principal, Resource, authorize};
use crate::quota::Reservations;
use crate::scrub;
use crate::seal::MasterKey;
use crate::share::PasswordChecks;
use crate::state;

/// The file that says that a folder belongs to a store; its absence means a missing mount.
const MARKER: &str = "windlass-store";
/// The metadata.
pub(crate) const META: &str = "meta.redb";
/// Held for as long as a process uses the directory.
const LOCK: &str = "windlass.lock";

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
    /// Acknowledge writes before they are on stable storage, and put them there within this time; `None` is full
    /// durability.
    pub relaxed_sync: Option<Duration>,
    /// Keep metadata in memory only; everything is gone with the process.
    pub ephemeral: bool,
    /// The key that seals secrets; `None` is the file in the data directory.
    pub master_key: Option<Arc<MasterKey>>,
    /// The plans that organisations can be on.
    pub plans: Arc<Plans>,
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
            cache_bytes: 96 << 20,
            inline_bytes_max: 4096,
            relaxed_sync: None,
            ephemeral: false,
            master_key: None,
            plans: Arc::default(),
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
    pub(crate) opened: Opened,
    pub(crate) documents: Documents,
    pub(crate) inline_bytes_max: usize,
    pub(crate) plans: OrgPlans,
    pub(crate) reservations: Reservations,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) used_keys: UsedKeys,
    pub(crate) password_checks: PasswordChecks,
    /// The epoch that the orphan sweep walks, with the folders it has not walked yet.
    pub(crate) orphan_cursor: Mutex<Option<(u32, Vec<PathBuf>)>>,
    pub(crate) scrubs: scrub::Counts,
    pub(crate) data_dir: PathBuf,
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
    /// Of the scrub.
    pub scrub: scrub::ScrubCounters,
}

impl Store {
    /// Opens a data directory, or makes one. Fails if another process has it open, if it is not a store's, or if a
    /// folder that was part of the store is missing its marker.
    pub fn open(options: StoreOptions) -> Result<Arc<Self>> {
        let lock = prepare(&options)?;
        begin_again(&options)?;
        let engine: Arc<dyn Engine> = if options.ephemeral {
            Arc::new(MemoryEngine::default())
        } else {
            Arc::new(RedbEngine::open(&options.data_dir.join(META), options.cache_bytes)?)
        };
        let unsynced = options.relaxed_sync.map(|_| Unsynced::default());
        let relaxed = options
            .relaxed_sync
            .zip(unsynced.clone())
            .map(|(within, unsynced)| Relaxed::new(within, move || unsynced.sync()));
        let known = Arc::new(OnceLock::new());
        let recovery = (!options.ephemeral).then(|| recovery(&options, Arc::clone(&known)));
        let meta = Meta::open_with(engine, Arc::clone(&options.clock), relaxed, recovery)?;
        let blobs_dir = blobs_dir(&options);
        let marked = meta.read(state::is_marked)?;
        if marked {
            check_marker(&blobs_dir, &meta)?;
            check_marker(&options.data_dir, &meta)?;
        }
        let master = master::current(&options, &meta)?;
        migrate::migrate(&meta)?;
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
        // No blob is written under an epoch that a crash could take back.
        meta.sync_blocking()?;
        let plans = meta.read(|read| OrgPlans::open(options.plans, read))?;
        known.get_or_init(|| (id, epoch));
        Ok(Arc::new(Self {
            plans,
            reservations: Reservations::default(),
            bandwidth: Bandwidth::default(),
            used_keys: UsedKeys::default(),
            password_checks: PasswordChecks::default(),
            blobs: LocalBlobs::open(&blobs_dir, epoch, unsynced)?,
            meta,
            pins: Pins::default(),
            clock: options.clock,
            master,
            opened: Opened::default(),
            documents: Documents::default(),
            inline_bytes_max: options.inline_bytes_max,
            orphan_cursor: Mutex::new(None),
            scrubs: scrub::Counts::default(),
            data_dir: options.data_dir,
            _lock: lock,
        }))
    }

    /// Whether a commit failed, so that no write is acknowledged any more until the metadata has been opened anew.
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
            scrub: self.scrubs.read(),
        }
    }

    /// Decides whether `principal` may do `action` on `resource`; see [`authorize`]. The key counts as used now, whatever
    /// the decision.
    pub fn authorize(&self, principal: &Principal, action: Action, resource: Resource<'_>) -> Result<Grant> {
        if let Principal::Key(key) = principal {
            self.used_keys.note(key.key, self.clock.now());
        }
        self.meta.read(|read| authorize(read, self.clock.now(), principal, action, resource))
    }

    /// The data directory.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
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
        refuse_foreign_files(dir)?;
    } else if !options.ephemeral && was_started(options) {
        must_have_metadata(dir)?;
    }
    make_private(dir)?;
    lock(dir)
}

fn must_have_metadata(dir: &Path) -> Result<()> {
    match RedbEngine::is_unwritten(&dir.join(META))? {
        true => Err(refuse(dir, "has lost its metadata file meta.redb. Restore it; a new one would hide all objects.")),
        false => Ok(()),
    }
}

/// Who an open store is, and its epoch.
type Identity = (String, u32);

/// How a store goes on after its disk has failed. `known` is filled once the store is open.
fn recovery(options: &StoreOptions, known: Arc<OnceLock<Identity>>) -> Recovery {
    let (dir, cache_bytes) = (options.data_dir.clone(), options.cache_bytes);
    let identity = move || known.get().cloned().ok_or_else(|| Error::unavailable("the store was not open yet"));
    let probe = {
        let (dir, identity) = (dir.clone(), identity.clone());
        move || probe(&dir, &identity()?)
    };
    Recovery::new(limit::RECOVERY_DELAYS, probe, move || reopen(&dir, cache_bytes, &identity()?))
}

/// Finds out whether the disk takes writes; another disk in its place, or none, does not count.
fn probe(dir: &Path, (id, _): &Identity) -> Result<()> {
    check_marker_of(dir, id)?;
    takes_writes(dir)
}

/// Opens the metadata as a start does, and makes sure that it is what was open before.
fn reopen(dir: &Path, cache_bytes: usize, (id, epoch): &Identity) -> Result<Arc<dyn Engine>> {
    must_have_metadata(dir)?;
    let engine = RedbEngine::open(&dir.join(META), cache_bytes)?;
    let read = engine.snapshot()?;
    if state::store_id(&*read)?.as_ref() != Some(id) || state::epoch(&*read)? != *epoch {
        return Err(Error::corrupt("the metadata file is not the one that was open"));
    }
    drop(read);
    Ok(Arc::new(engine))
}

/// Whether a first start was finished: the marker files are the last thing it writes, and before them nothing is stored.
fn was_started(options: &StoreOptions) -> bool {
    options.data_dir.join(MARKER).exists() || blobs_dir(options).join(MARKER).exists()
}

/// Removes what a first start that was cut leaves unwritten, so that this one begins anew without repair by hand.
fn begin_again(options: &StoreOptions) -> Result<()> {
    if options.ephemeral || !options.create || was_started(options) {
        return Ok(());
    }
    let (meta, key) = (options.data_dir.join(META), options.data_dir.join(master::FILE));
    if meta.exists() && RedbEngine::is_unwritten(&meta)? {
        std::fs::remove_file(meta).map_err(Error::unavailable)?;
    }
    if key.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        std::fs::remove_file(key).map_err(Error::unavailable)?;
    }
    sync_folder(&options.data_dir)
}

/// Makes a directory ready to become a store's data directory again: an absent or empty one, or one that is a store's.
pub(crate) fn claim(dir: &Path) -> Result<()> {
    if !dir.join(MARKER).exists() && !dir.join(META).exists() {
        refuse_foreign_files(dir)?;
    }
    make_private(dir)
}

/// Locks a data directory for as long as the file lives.
pub(crate) fn lock(dir: &Path) -> Result<File> {
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

fn refuse_foreign_files(dir: &Path) -> Result<()> {
    match holds_foreign_files(dir)? {
        true => Err(refuse(dir, "holds files but is not a Windlass data directory. Choose an empty or absent one.")),
        false => Ok(()),
    }
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
        if name != LOCK && name != "lost+found" && name != master::FILE && name != "blobs" {
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

/// Marks a folder as that store's; one that has no marker yet is refused unless it may be new.
pub(crate) fn mark(dir: &Path, id: &str, may_be_new: bool) -> Result<()> {
    if may_be_new && !dir.join(MARKER).exists() {
        make_private(dir)?;
        return write_marker(dir, id);
    }
    check_marker_of(dir, id)
}

/// Refuses a folder whose marker is missing or another store's.
pub(crate) fn check_marker(dir: &Path, meta: &Meta) -> Result<()> {
    check_marker_of(dir, &meta.read(state::store_id)?.unwrap_or_default())
}

fn check_marker_of(dir: &Path, id: &str) -> Result<()> {
    match std::fs::read_to_string(dir.join(MARKER)) {
        Ok(text) if text.trim_end() == format!("windlass-store {id}") => Ok(()),
        Ok(_) => Err(refuse(dir, "belongs to another Windlass store: its marker file names another identity.")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(refuse(dir, "lacks the marker file windlass-store. Is its mount missing?"))
        }
        Err(error) => Err(Error::unavailable(error)),
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

#[cfg(test)]
mod tests {
    use super::*;

    const CACHE_BYTES: usize = 1 << 20;

    /// A store that was open once, and who it is.
    fn closed() -> (tempfile::TempDir, PathBuf, Identity) {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("data");
        let store = Store::open(StoreOptions::new(&dir)).unwrap();
        let id = store.meta.read(state::store_id).unwrap().unwrap();
        let identity = (id, store.blobs.epoch());
        drop(store);
        (folder, dir, identity)
    }

    #[test]
    fn metadata_is_opened_anew_only_if_it_is_what_was_open() {
        let (_folder, dir, (id, epoch)) = closed();
        let kind = |identity: Identity| reopen(&dir, CACHE_BYTES, &identity).map(drop).unwrap_err().kind();
        assert_eq!(kind((id.clone(), epoch + 1)), ErrorKind::Corrupt);
        assert_eq!(kind(("another".to_owned(), epoch)), ErrorKind::Corrupt);
        reopen(&dir, CACHE_BYTES, &(id.clone(), epoch)).unwrap();
        std::fs::remove_file(dir.join(META)).unwrap();
        assert_eq!(kind((id, epoch)), ErrorKind::InvalidRequest);
        assert!(!dir.join(META).exists(), "a new file would hide all objects");
    }

    #[test]
    fn a_disk_that_is_not_there_takes_no_writes() {
        let (_folder, dir, identity) = closed();
        probe(&dir, &identity).unwrap();
        let entries = || std::fs::read_dir(&dir).unwrap().count();
        std::fs::remove_file(dir.join(MARKER)).unwrap();
        let before = entries();
        probe(&dir, &identity).unwrap_err();
        assert_eq!(entries(), before);
    }
}
