//! The store as a whole: opening a data directory, and what all verbs share.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::account::{AssumedRoles, StsOptions};
use crate::adopt::{Forwards, Turns};
use crate::bandwidth::Bandwidth;
use crate::blob::{Blobs, Home, Pins, RemoteOptions, Unsynced, sync_folder};
use crate::bucket::Documents;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result};
use crate::key::UsedKeys;
use crate::limit;
use crate::marker::{self, make_private, refuse};
use crate::master;
use crate::meta::{Engine, Meta, MetaCounters, Recovery, RedbEngine, Relaxed, memory::MemoryEngine, takes_writes};
use crate::migrate;
use crate::opened::Opened;
use crate::org::OrgPlans;
use crate::plan::Plans;
use crate::policy::{Action, Grant, KeyPrincipal, Principal, Resource, authorize};
use crate::quota::Reservations;
use crate::scrub;
use crate::seal::MasterKey;
use crate::share::PasswordChecks;
use crate::state;
use crate::sweep::Orphans;
use crate::upstream::{self, BreakerCounters};

/// The metadata.
pub(crate) const META: &str = "meta.redb";
/// Held for as long as a process uses the directory.
pub(crate) const LOCK: &str = "windlass.lock";

/// How to open a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The folder of the blobs; `None` is `blobs` in the data directory.
    pub blobs_dir: Option<PathBuf>,
    /// The bucket upstream of the blobs, in place of a folder.
    pub remote_blobs: Option<Arc<RemoteOptions>>,
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
    /// With whose credentials the roles of accounts are assumed.
    pub sts: StsOptions,
    /// What upstreams are given.
    pub upstream: upstream::ClientOptions,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

impl StoreOptions {
    /// A store in `data_dir` with everything else as by default.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            blobs_dir: None,
            remote_blobs: None,
            create: true,
            cache_bytes: 96 << 20,
            inline_bytes_max: 4096,
            relaxed_sync: None,
            ephemeral: false,
            master_key: None,
            plans: Arc::default(),
            sts: StsOptions::default(),
            upstream: upstream::ClientOptions::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// An open store. Verbs are in the file of their noun.
pub struct Store {
    pub(crate) meta: Meta,
    pub(crate) blobs: Blobs,
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
    pub(crate) upstream: upstream::Client,
    pub(crate) sts: StsOptions,
    pub(crate) assumed_roles: AssumedRoles,
    pub(crate) forwards: Forwards,
    pub(crate) turns: Turns,
    pub(crate) orphans: Mutex<Orphans>,
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
        let home = Home::of(&options)?;
        let marked = meta.read(state::is_marked)?;
        if marked {
            must_be_known(&meta, &options.data_dir, &home)?;
            check_place(&home, &meta)?;
        }
        let master = master::current(&options, &meta)?;
        migrate::migrate(&meta)?;
        let fingerprint = master.fingerprint();
        let kind = home.kind();
        let (id, epoch) = meta.write_blocking(move |tx| {
            state::put_master_fingerprint(tx, &fingerprint);
            state::put_blobs(tx, kind);
            state::begin_epoch(tx)
        })?;
        if !marked {
            home.mark(&id)?;
            marker::make(&options.data_dir, &id)?;
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
            forwards: Forwards::default(),
            turns: Turns::default(),
            sts: options.sts,
            assumed_roles: AssumedRoles::default(),
            upstream: upstream::Client::new(options.upstream, Arc::clone(&options.clock)),
            blobs: home.open(epoch, unsynced)?,
            meta,
            pins: Pins::default(),
            orphans: Mutex::new(Orphans::since(options.clock.now())),
            clock: options.clock,
            master,
            opened: Opened::default(),
            documents: Documents::default(),
            inline_bytes_max: options.inline_bytes_max,
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

    /// How requests to upstreams have fared: that of the blobs, and those of accounts.
    pub fn breakers(&self) -> Vec<BreakerCounters> {
        self.blobs.breakers().into_iter().chain(self.upstream.breakers()).collect()
    }

    /// Decides whether `principal` may do `action` on `resource`; see [`authorize`]. The key counts as used now, whatever
    /// the decision.
    pub fn authorize(&self, principal: &Principal, action: Action, resource: Resource<'_>) -> Result<Grant> {
        let now = self.clock.now();
        if let Principal::Key(key) = principal {
            self.used_keys.note(key.key, now);
        }
        self.meta.read(|read| authorize(read, now, principal, action, resource))
    }

    /// `AccessDenied` unless a key is good for an action on anything: for whoever has more to ask before it is known on what.
    /// A key that is refused counts as used now; one that is not does when more is decided.
    pub fn check_scopes(&self, key: &KeyPrincipal, action: Action) -> Result<()> {
        let now = self.clock.now();
        key.must_be_good_for(action, now).inspect_err(|_| self.used_keys.note(key.key, now))
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
    pub(crate) fn to_the_end<T, W>(&self, work: W) -> impl Future<Output = Result<T>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: Future<Output = Result<T>> + Send + 'static,
    {
        // Begun here and not when it is first waited for: what waits holds a handle, and not the work as well.
        let work = tokio::spawn(work);
        async move {
            work.await.map_err(|error| {
                Error::new(ErrorKind::Internal, "We encountered an internal error. Please try again.").because(error)
            })?
        }
    }
}

/// Makes sure that a store's metadata and blobs belong together: its data directory is marked, and it keeps its blobs in
/// the kind of place that it began with.
fn must_be_known(meta: &Meta, data_dir: &Path, home: &Home) -> Result<()> {
    marker::check(data_dir, &meta.read(state::store_id)?.unwrap_or_default())?;
    let (kept, asked) = (meta.read(state::blobs)?, home.kind());
    if kept == asked {
        return Ok(());
    }
    let message =
        format!("keeps its blobs with blobs.kind = {kept:?}, not {asked:?}. A store stays with what it began with.");
    Err(refuse(data_dir, &message))
}

/// Makes sure that the place of the blobs is the store's. An upstream that does not answer is asked again before anything
/// is written there; until then what is not there can be served.
fn check_place(home: &Home, meta: &Meta) -> Result<()> {
    match home.check_marker(&meta.read(state::store_id)?.unwrap_or_default()) {
        Err(error) if error.kind() == ErrorKind::UpstreamUnavailable => {
            tracing::warn!(%error, "the blobs' upstream does not answer; large objects cannot be served until it does");
            Ok(())
        }
        checked => checked,
    }
}

/// Checks that the directory is a store's or may become one, and locks it.
pub(crate) fn prepare(options: &StoreOptions) -> Result<File> {
    may_be_opened(options)?;
    make_private(&options.data_dir)?;
    lock(&options.data_dir)
}

/// Whether a data directory is a store's; refuses one that a start must not take for its own, or for a new one.
pub(crate) fn may_be_opened(options: &StoreOptions) -> Result<bool> {
    let dir = &options.data_dir;
    let known = marker::is_in(dir) || dir.join(META).exists();
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
    Ok(known)
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
    marker::check(dir, id)?;
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
    let blobs = Home::folder_of(options);
    marker::is_in(&options.data_dir) || blobs.is_some_and(|folder| marker::is_in(&folder))
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
    if !marker::is_in(dir) && !dir.join(META).exists() {
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

/// Opens metadata for commands that nobody serves beside: nothing is written, no epoch begins. Blobs that are in a folder
/// must be there; those upstream are not asked for.
pub(crate) fn open_offline(options: &StoreOptions) -> Result<(Meta, File)> {
    let without_create = StoreOptions { create: false, ..options.clone() };
    let lock = prepare(&without_create)?;
    let engine = Arc::new(RedbEngine::open(&options.data_dir.join(META), options.cache_bytes)?);
    let meta = Meta::open(engine, Arc::clone(&options.clock))?;
    if meta.read(state::is_marked)? {
        let home = Home::of(options)?;
        must_be_known(&meta, &options.data_dir, &home)?;
        if home.folder().is_some() {
            check_place(&home, &meta)?;
        }
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
        std::fs::remove_file(dir.join(marker::FILE)).unwrap();
        let before = entries();
        probe(&dir, &identity).unwrap_err();
        assert_eq!(entries(), before);
    }
}
