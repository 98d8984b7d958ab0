//! What the writer shares with those who read and those who queue: the engine, and one snapshot for everybody.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;

use super::count::{Counted, Counters};
use super::engine::{Changes, Engine, KeyRange, Read, Visitor};
use super::kept::{self, At, Kept, Row};
use super::table::Table;
use crate::error::{Error, ErrorKind, Result};

/// See the module.
pub(super) struct Shared {
    /// While there is none: why.
    engine: RwLock<Result<Arc<dyn Engine>, String>>,
    watch: Arc<Watch>,
    pub(super) counters: Arc<Counters>,
    latched: AtomicBool,
    /// Counts the commits, and the engines that were closed.
    version: AtomicU64,
    /// Taken without a lock, and without counting who has it: every read would count, on every core.
    latest: ArcSwapOption<Latest>,
    kept: kept::Latest,
}

/// The snapshot that everybody reads until the next commit: taking one and opening its tables costs more than a row.
struct Latest {
    version: u64,
    snapshot: Arc<Snapshot>,
}

impl Shared {
    pub(super) fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine: RwLock::new(Ok(engine)),
            watch: Arc::default(),
            counters: Arc::default(),
            latched: AtomicBool::new(false),
            version: AtomicU64::new(0),
            latest: ArcSwapOption::empty(),
            kept: kept::Latest::default(),
        }
    }

    /// Calls `f` with the engine, which is not closed meanwhile; `Unavailable` while there is none.
    pub(super) fn with_engine<T>(&self, f: impl FnOnce(&Arc<dyn Engine>) -> Result<T>) -> Result<T> {
        match &*self.engine.read().unwrap_or_else(PoisonError::into_inner) {
            Ok(engine) => f(engine),
            Err(why) => Err(Error::unavailable(why.clone())),
        }
    }

    /// Calls `f` with a snapshot of everything committed so far, which ends with the call.
    pub(super) fn read<T>(&self, f: impl FnOnce(&dyn Read) -> Result<T>) -> Result<T> {
        let version = self.version();
        let held = self.latest.load();
        match held.as_deref().filter(|latest| latest.version == version) {
            Some(latest) => f(&Counted::new(&*latest.snapshot)),
            None => f(&Counted::new(self.renewed(version)?)),
        }
    }

    /// A snapshot of everything committed so far, to keep.
    pub(super) fn snapshot(&self) -> Result<Counted<Arc<Snapshot>>> {
        let version = self.version();
        let held = self.latest.load_full().filter(|latest| latest.version == version);
        Ok(Counted::new(held.map_or_else(|| self.renewed(version), |latest| Ok(Arc::clone(&latest.snapshot)))?))
    }

    /// It is read before the snapshot is taken and raised after each commit, before anybody is told of it: so a snapshot of
    /// the present version holds all that was ever acknowledged.
    fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// A new snapshot, which is shared if that is still the version.
    fn renewed(&self, version: u64) -> Result<Arc<Snapshot>> {
        let (read, kept) = self.kept.with(|| self.with_engine(|engine| Opened::of(&**engine, &self.watch)));
        let snapshot = Arc::new(Snapshot { opened: read?, kept, counters: Arc::clone(&self.counters) });
        let latest = Some(Arc::new(Latest { version, snapshot: Arc::clone(&snapshot) }));
        self.latest.store(latest.clone());
        if self.version() != version {
            // A commit has ended what was shared, perhaps before this was.
            self.latest.compare_and_swap(&latest, None);
        }
        Ok(snapshot)
    }

    /// Before a commit.
    pub(super) fn committing(&self, changes: &Changes) {
        self.kept.changing(changes);
    }

    /// Ends the snapshot that is shared: what a commit has replaced must not be kept from being used again.
    pub(super) fn committed(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.latest.store(None);
        self.kept.changed();
    }

    /// Closes the engine; false if there was none, and reads go on to be told why. Reads are refused until there is another
    /// one. `Unavailable` if snapshots of it live for longer than that; then it stays.
    pub(super) fn close(&self, within: Duration) -> Result<bool> {
        if self.with_engine(|_| Ok(())).is_err() {
            return Ok(false);
        }
        // From here on nobody takes a snapshot of it, and none that was taken is shared.
        let engine = self.replace_engine(Err("the metadata file is being opened anew".to_owned()));
        self.committed();
        self.kept.begin_anew();
        if self.watch.wait(within) {
            return Ok(true);
        }
        drop(self.replace_engine(engine));
        Err(Error::unavailable("the metadata is being read"))
    }

    /// Puts another engine in the place of one that was closed, or the reason why there is none.
    pub(super) fn opened(&self, engine: &Result<Arc<dyn Engine>>) {
        // No snapshot of the closed one lives that could still report its failures.
        self.take_failed_read();
        let engine = engine.as_ref().map(Arc::clone);
        drop(self.replace_engine(engine.map_err(|error| format!("the metadata file cannot be opened: {error}"))));
    }

    fn replace_engine(&self, with: Result<Arc<dyn Engine>, String>) -> Result<Arc<dyn Engine>, String> {
        std::mem::replace(&mut *self.engine.write().unwrap_or_else(PoisonError::into_inner), with)
    }

    /// Whether a read has failed since the last time this was asked.
    pub(super) fn take_failed_read(&self) -> bool {
        self.watch.failed.swap(false, Ordering::SeqCst)
    }

    /// The same, to be asked again.
    pub(super) fn has_failed_read(&self) -> bool {
        self.watch.failed.load(Ordering::SeqCst)
    }

    /// Whether nothing is acknowledged any more.
    pub(super) fn is_latched(&self) -> bool {
        self.latched.load(Ordering::SeqCst)
    }

    pub(super) fn latch(&self) {
        self.latched.store(true, Ordering::SeqCst);
    }

    pub(super) fn unlatch(&self) {
        self.latched.store(false, Ordering::SeqCst);
    }
}

/// Watches over all snapshots: how many live, and whether the storage failed under one.
#[derive(Default)]
struct Watch {
    alive: Mutex<usize>,
    fewer: Condvar,
    failed: AtomicBool,
}

impl Watch {
    /// Waits until no snapshot lives; false if that takes longer.
    fn wait(&self, within: Duration) -> bool {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.fewer.wait_timeout_while(alive, within, |alive| *alive > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }

    fn noting<T>(&self, read: Result<T>) -> Result<T> {
        read.inspect_err(|error| {
            if error.kind() == ErrorKind::Unavailable {
                self.failed.store(true, Ordering::SeqCst);
            }
        })
    }
}

/// An engine's snapshot, which is counted for as long as it lives, and what is kept of it.
pub(super) struct Snapshot {
    opened: Opened,
    kept: Arc<Kept>,
    counters: Arc<Counters>,
}

struct Opened {
    // The engine's snapshot ends first: whoever is told that none lives may close the engine.
    read: Box<dyn Read>,
    alive: Alive,
}

struct Alive(Arc<Watch>);

impl Opened {
    /// The engine must not be closed meanwhile.
    fn of(engine: &dyn Engine, watch: &Arc<Watch>) -> Result<Self> {
        let read = watch.noting(engine.snapshot())?;
        *watch.alive.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(Self { read, alive: Alive(Arc::clone(watch)) })
    }
}

impl Snapshot {
    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Read for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        self.opened.alive.0.noting(self.opened.read.get(table, key))
    }

    fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        self.opened.alive.0.noting(self.opened.read.scan(table, range, visit))
    }

    fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        self.opened.alive.0.noting(self.opened.read.scan_back(table, range, visit))
    }

    fn kept(&self, at: &At) -> Option<Row> {
        self.kept.get(at)
    }

    fn keep(&self, at: At, row: Row) {
        self.kept.keep(at, row);
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        *self.0.alive.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.fewer.notify_all();
    }
}
