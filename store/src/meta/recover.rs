//! Recovery in place: once its disk takes writes again, a latched store opens its engine anew, without a restart.
//!
//! Whether the commit that failed is in the file nobody knows, and nobody was told that it is; while the store is latched
//! nothing else is written. So the file is right as it is found, and that commit has happened before all that follows, or
//! never. What the process keeps in memory beside the file agrees with either:
//!
//! - The sequence, the counters of usage, the progress of sweep and scrub and the holds of backups are rows; rules read them
//!   in the transaction that changes them, and nothing of them is kept.
//! - The epoch of new blobs is kept (`LocalBlobs`), but was on stable storage before the first of them; `open` makes sure that
//!   the file still has it. Which folders were made, and which a sweep has yet to walk, are facts about the blob folder.
//! - The bytes of a write in doubt stay (`Store::commit_body`), so a row that turns out to be there has them. If it is not
//!   there, they are litter until the sweep after the next start.
//! - Pins name bytes, whichever engine has the row. A reader that has found its row through the old engine and asks again
//!   through the new one learns what the commit in doubt has done to it.
//! - Opened secrets are found by their sealed form, and the master key does not change while the process runs.
//! - The shared snapshot ends with the old engine, and its version is raised before there is a new one.
//! - The writer keeps its `now`: times go on not to go backwards, past the commit in doubt.
//! - Blobs that wait to be synced: there are none with full durability, and only then is there recovery. Where durability is
//!   relaxed, commits that were acknowledged live in the old engine's memory alone. To open the file anew would take
//!   them back from under the clients of a process that never ended; so that store stays latched until the restart, which is
//!   where their loss is expected.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::shared::Shared;
use crate::clock::{self, Stopwatch};
use crate::error::{Error, Result};
use crate::limit;

/// The file that is written to find out whether a disk takes writes.
const PROBE: &str = "windlass.probe";
/// It is written in blocks of so many random bytes: zeros can be stored without space.
const BLOCK_BYTES: usize = 16 << 10;

/// How a store goes on after its engine has failed.
pub struct Recovery {
    delays: &'static [Duration],
    probe: Box<dyn FnMut() -> Result<()> + Send>,
    open: Box<dyn FnMut() -> Result<Arc<dyn Engine>> + Send>,
    /// Commits and attempts that failed since the last commit that did not.
    failures: usize,
    /// Runs from the last of them, as long as the store is latched.
    since: Option<Stopwatch>,
}

impl Recovery {
    /// After each failure in a row the next of `delays` is waited for, or the last one again. Then `probe` tells whether the
    /// disk takes writes, without touching the engine, which can still read what it has cached. Only when it does is the
    /// engine closed, and `open` opens another one over the same data.
    pub fn new(
        delays: &'static [Duration],
        probe: impl FnMut() -> Result<()> + Send + 'static,
        open: impl FnMut() -> Result<Arc<dyn Engine>> + Send + 'static,
    ) -> Self {
        Self { delays, probe: Box::new(probe), open: Box::new(open), failures: 0, since: None }
    }

    /// How long to wait until the next attempt; `None` if none is needed.
    pub(super) fn left(&self) -> Option<Duration> {
        let waited = self.since.map(|since| Duration::from_nanos(since.nanos()))?;
        let delay =
            self.delays.get(self.failures.saturating_sub(1)).or(self.delays.last()).copied().unwrap_or_default();
        Some(delay.saturating_sub(waited))
    }

    /// Takes note of a commit that failed.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.since = Some(Stopwatch::start());
    }

    /// Takes note of a commit that did not. Only this ends a row of failures: a disk that takes the probe may not take more.
    pub(super) fn committed(&mut self) {
        self.failures = 0;
    }

    /// One attempt. If it succeeds the engine is another one; otherwise the old one, or none, and the next attempt comes.
    pub(super) fn attempt(&mut self, shared: &Shared) -> Result<()> {
        let attempted = self.try_once(shared);
        match attempted {
            Ok(()) => self.since = None,
            Err(_) => self.failed(),
        }
        attempted
    }

    fn try_once(&mut self, shared: &Shared) -> Result<()> {
        (self.probe)()?;
        let was_open = shared.close(limit::RECOVERY_READS_WAIT)?;
        let opened = (self.open)();
        shared.opened(&opened);
        if let (true, Err(error)) = (was_open, &opened) {
            tracing::warn!(%error, "the metadata cannot be opened anew; reads are refused too until it can");
        }
        opened.map(drop)
    }
}

/// Finds out whether the disk of a folder takes writes: writes a file there, syncs it, and removes it.
pub fn takes_writes(dir: &Path) -> Result<()> {
    let path = dir.join(PROBE);
    let written = write_probe(&path);
    let removed = std::fs::remove_file(path).map_err(Error::unavailable);
    written.and(removed)
}

fn write_probe(path: &Path) -> Result<()> {
    let block = clock::random::<BLOCK_BYTES>()?;
    let mut file = File::create(path).map_err(Error::unavailable)?;
    for _ in 0..limit::RECOVERY_PROBE_BYTES.div_ceil(BLOCK_BYTES) {
        file.write_all(&block).map_err(Error::unavailable)?;
    }
    file.sync_all().map_err(Error::unavailable)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, MutexGuard};

    use bytes::Bytes;

    use super::*;
    use crate::clock::ManualClock;
    use crate::error::ErrorKind;
    use crate::meta::engine::{Changes, KeyRange, Read, Visitor};
    use crate::meta::relax::Relaxed;
    use crate::meta::{MemoryEngine, Meta, Table, Tx};

    const AT_ONCE: &[Duration] = &[Duration::ZERO];

    /// A disk, over which one engine at a time can be opened.
    #[derive(Default)]
    struct Disk {
        rows: MemoryEngine,
        fails: AtomicBool,
        panics: AtomicBool,
        cannot_open: AtomicBool,
        /// What a commit that failed left on it, for the next engine to find.
        doubt: Mutex<Option<Changes>>,
        engines: AtomicUsize,
        snapshots: AtomicUsize,
        opened: AtomicUsize,
    }

    impl Disk {
        fn set(&self, fails: bool) {
            self.fails.store(fails, Ordering::SeqCst);
        }
        fn doubt(&self) -> MutexGuard<'_, Option<Changes>> {
            self.doubt.lock().unwrap()
        }
        fn open(self: &Arc<Self>) -> Result<Arc<dyn Engine>> {
            if self.cannot_open.load(Ordering::SeqCst) {
                return Err(Error::unavailable("the file cannot be opened"));
            }
            assert_eq!(self.snapshots.load(Ordering::SeqCst), 0, "a snapshot of the old engine lives");
            assert_eq!(self.engines.fetch_add(1, Ordering::SeqCst), 0, "the old engine lives, and has the file locked");
            self.doubt().take().map_or(Ok(()), |changes| self.rows.commit(&changes))?;
            self.opened.fetch_add(1, Ordering::SeqCst);
            Ok(Arc::new(OnDisk { disk: Arc::clone(self), failed: Arc::default() }))
        }
    }

    /// An engine that refuses everything after its disk has failed once, as redb does.
    struct OnDisk {
        disk: Arc<Disk>,
        failed: Arc<AtomicBool>,
    }

    struct Snapshot {
        rows: Box<dyn Read>,
        disk: Arc<Disk>,
        failed: Arc<AtomicBool>,
    }

    fn sound(disk: &Disk, failed: &AtomicBool) -> Result<()> {
        failed.fetch_or(disk.fails.load(Ordering::SeqCst), Ordering::SeqCst);
        if failed.load(Ordering::SeqCst) { Err(Error::unavailable("a fault injected by the test")) } else { Ok(()) }
    }

    impl Engine for OnDisk {
        fn snapshot(&self) -> Result<Box<dyn Read>> {
            self.disk.snapshots.fetch_add(1, Ordering::SeqCst);
            let (disk, failed) = (Arc::clone(&self.disk), Arc::clone(&self.failed));
            Ok(Box::new(Snapshot { rows: self.disk.rows.snapshot()?, disk, failed }))
        }
        fn commit(&self, changes: &Changes) -> Result<()> {
            assert!(!self.disk.panics.load(Ordering::SeqCst), "an engine's bug");
            sound(&self.disk, &self.failed)?;
            self.disk.rows.commit(changes)
        }
        fn size_bytes(&self) -> Result<u64> {
            Ok(0)
        }
    }

    impl Drop for OnDisk {
        fn drop(&mut self) {
            self.disk.engines.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Read for Snapshot {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
            // This one is in the engine's cache.
            if key != b"cached" {
                sound(&self.disk, &self.failed)?;
            }
            self.rows.get(table, key)
        }
        fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
            self.rows.scan(table, range, visit)
        }
        fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
            self.rows.scan_back(table, range, visit)
        }
    }

    impl Drop for Snapshot {
        fn drop(&mut self) {
            self.disk.snapshots.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// A store on a disk. Each attempt to recover sends to the returned end before it probes the disk.
    fn open(relaxed: Option<Relaxed>) -> (Arc<Meta>, Arc<Disk>, Receiver<()>) {
        let (attempt, attempts) = channel();
        let (meta, disk) = open_with(relaxed, move || {
            // The test may have seen enough.
            let _ = attempt.send(());
        });
        (meta, disk, attempts)
    }

    fn open_with(relaxed: Option<Relaxed>, mut attempt: impl FnMut() + Send + 'static) -> (Arc<Meta>, Arc<Disk>) {
        let disk = Arc::new(Disk::default());
        let (probed, opened) = (Arc::clone(&disk), Arc::clone(&disk));
        let probe = move || {
            attempt();
            sound(&probed, &AtomicBool::new(false))
        };
        let recovery = Recovery::new(AT_ONCE, probe, move || opened.open());
        let clock = Arc::new(ManualClock::at(1_000));
        let meta = Meta::open_with(disk.open().unwrap(), clock, relaxed, Some(recovery)).unwrap();
        (Arc::new(meta), disk)
    }

    fn put(meta: &Meta, key: &'static str) -> Result<u64> {
        meta.write_blocking(move |tx: &mut Tx<'_>| {
            tx.put(Table::Objects, key.into(), "v".into());
            tx.next_sequence()
        })
    }

    fn get(meta: &Meta, key: &str) -> Result<Option<Bytes>> {
        meta.read(|read| read.get(Table::Objects, key.as_bytes()))
    }

    fn there(meta: &Meta, key: &str) -> bool {
        get(meta, key).unwrap().is_some()
    }

    fn until_recovered(meta: &Meta) {
        while meta.is_latched() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_disk_that_comes_round_is_written_to_again_with_or_without_the_commit_in_doubt() {
        for lands in [false, true] {
            let (meta, disk, attempts) = open(None);
            assert_eq!(put(&meta, "before").unwrap(), 1);
            disk.set(true);
            assert_eq!(put(&meta, "doubt").unwrap_err().kind(), ErrorKind::Unavailable);
            assert!(meta.is_latched());
            attempts.recv().unwrap();
            let sequence = (b"sequence".to_vec(), Some(Bytes::copy_from_slice(&2_u64.to_be_bytes())));
            *disk.doubt() = lands.then(|| {
                let row = ((Table::Objects, b"doubt".to_vec()), Some("v".into()));
                Changes::from([row, ((Table::State, sequence.0), sequence.1)])
            });
            disk.set(false);
            until_recovered(&meta);
            assert_eq!(put(&meta, "after").unwrap(), 2 + u64::from(lands), "the sequence goes on from what is there");
            assert_eq!(["before", "doubt", "after"].map(|key| there(&meta, key)), [true, lands, true]);
            assert_eq!((meta.counters().recoveries, disk.opened.load(Ordering::SeqCst)), (1, 2));
        }
    }

    #[test]
    fn nothing_is_acknowledged_and_the_engine_is_left_alone_while_the_disk_fails() {
        let (meta, disk, attempts) = open(None);
        put(&meta, "cached").unwrap();
        disk.set(true);
        put(&meta, "doubt").unwrap_err();
        for _ in 0..20 {
            attempts.recv().unwrap();
            assert_eq!(put(&meta, "refused").unwrap_err().kind(), ErrorKind::Latched);
            assert!(there(&meta, "cached"), "what is cached is read");
        }
        assert_eq!(disk.opened.load(Ordering::SeqCst), 1);
        disk.set(false);
        until_recovered(&meta);
        assert_eq!(["cached", "refused"].map(|key| there(&meta, key)), [true, false]);
    }

    #[test]
    fn while_the_file_cannot_be_opened_reads_say_so_and_it_is_tried_again() {
        let (meta, disk, attempts) = open(None);
        put(&meta, "before").unwrap();
        disk.set(true);
        put(&meta, "doubt").unwrap_err();
        disk.cannot_open.store(true, Ordering::SeqCst);
        disk.set(false);
        // What began before the disk came round does not count, and when the second of the others begins the first is over.
        attempts.try_iter().for_each(drop);
        (0..2).for_each(|_| attempts.recv().unwrap());
        let error = get(&meta, "before").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("cannot be opened"), "{error}");
        assert!(meta.size_bytes().is_err());
        assert_eq!(put(&meta, "refused").unwrap_err().kind(), ErrorKind::Latched);
        disk.cannot_open.store(false, Ordering::SeqCst);
        until_recovered(&meta);
        assert!(there(&meta, "before"));
        put(&meta, "after").unwrap();
    }

    #[test]
    fn the_engine_is_not_closed_under_a_read() {
        // The attempt after the one that waited in vain is held.
        let (attempt, attempts) = channel();
        let (go_on, told) = channel::<()>();
        let (meta, disk) = open_with(None, move || {
            let _ = attempt.send(());
            // Once nobody holds an attempt any more, all go on.
            let _ = told.recv();
        });
        put(&meta, "cached").unwrap();
        let (release, reader) = reading(&meta);
        disk.set(true);
        put(&meta, "doubt").unwrap_err();
        disk.set(false);
        attempts.recv().unwrap();
        go_on.send(()).unwrap();
        attempts.recv().unwrap();
        assert!(meta.is_latched());
        assert_eq!(disk.opened.load(Ordering::SeqCst), 1, "the read has outlasted the attempt");
        assert!(there(&meta, "cached"), "others read on");
        drop((release, go_on));
        assert_eq!(reader.join().unwrap(), Some("v".into()), "the read comes to its end");
        until_recovered(&meta);
        assert!(there(&meta, "cached"));
    }

    /// A read that goes on until the returned end is dropped, and then gets "cached".
    fn reading(meta: &Arc<Meta>) -> (Sender<()>, std::thread::JoinHandle<Option<Bytes>>) {
        let (release, released) = channel::<()>();
        let (entered, holding) = channel();
        let meta = Arc::clone(meta);
        let reader = std::thread::spawn(move || {
            let read = meta.read(|read| {
                entered.send(()).unwrap();
                released.recv().unwrap_err();
                read.get(Table::Objects, b"cached")
            });
            read.unwrap()
        });
        holding.recv().unwrap();
        (release, reader)
    }

    #[test]
    fn an_engine_whose_disk_fails_under_a_read_is_opened_anew_though_nobody_writes() {
        let (meta, disk, attempts) = open(None);
        put(&meta, "a").unwrap();
        disk.set(true);
        assert_eq!(get(&meta, "a").unwrap_err().kind(), ErrorKind::Unavailable);
        disk.set(false);
        attempts.recv().unwrap();
        until_recovered(&meta);
        assert!(there(&meta, "a"));
    }

    #[test]
    fn a_store_stays_latched_after_a_panic_and_where_durability_is_relaxed() {
        for relaxed in [false, true] {
            let never = || Relaxed::new(Duration::from_secs(3_600), || Ok(()));
            let (meta, disk, attempts) = open(relaxed.then(never));
            put(&meta, "cached").unwrap();
            disk.set(relaxed);
            disk.panics.store(!relaxed, Ordering::SeqCst);
            put(&meta, "doubt").unwrap_err();
            disk.set(false);
            disk.panics.store(false, Ordering::SeqCst);
            for _ in 0..100 {
                assert_eq!(put(&meta, "refused").unwrap_err().kind(), ErrorKind::Latched);
                assert!(there(&meta, "cached"));
            }
            drop(meta);
            assert_eq!(attempts.iter().count(), 0);
        }
    }

    #[test]
    fn each_failure_in_a_row_is_followed_by_a_longer_wait() {
        const DELAYS: &[Duration] = &[Duration::from_secs(100), Duration::from_secs(200), Duration::from_secs(300)];
        let mut recovery = Recovery::new(DELAYS, || Ok(()), || Err(Error::unavailable("not asked")));
        assert_eq!(recovery.left(), None);
        let mut after_failure = || {
            recovery.failed();
            recovery.left().unwrap().as_secs_f64().ceil()
        };
        assert_eq!([(); 4].map(|()| after_failure()), [100.0, 200.0, 300.0, 300.0]);
        recovery.committed();
        recovery.failed();
        assert_eq!(recovery.left().unwrap().as_secs_f64().ceil(), 100.0);
    }

    #[test]
    fn a_disk_that_takes_writes_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        takes_writes(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(takes_writes(&folder.path().join("missing")).unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
