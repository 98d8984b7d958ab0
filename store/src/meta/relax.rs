//! Relaxed durability: commits that are acknowledged before they reach stable storage, and reach it in time.
//!
//! The engine keeps such commits in memory, in their order, until the next durable one, which carries them all along. The
//! writer makes one when the oldest of them has waited for as long as it may, when somebody asks for it, and at its end.
//! Bytes still come before the rows that name them: what writes blobs without syncing them is told before each durable
//! commit. So whatever a crash takes away, what is left is everything up to some moment, and whole.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use crate::clock::Stopwatch;
use crate::error::Result;

/// How far durability is relaxed.
pub struct Relaxed {
    within: Duration,
    before_sync: Box<dyn FnMut() -> Result<()> + Send>,
    /// Runs from the oldest commit that is not on stable storage.
    since: Option<Stopwatch>,
}

impl Relaxed {
    /// Commits reach stable storage `within` that time. `before_sync` is called before each durable commit; when it
    /// returns `Ok`, the bytes that rows name are on stable storage.
    pub fn new(within: Duration, before_sync: impl FnMut() -> Result<()> + Send + 'static) -> Self {
        Self { within, before_sync: Box::new(before_sync), since: None }
    }

    /// How long the oldest commit that is not on stable storage may still wait; `None` if there is none.
    pub(super) fn left(&self) -> Option<Duration> {
        let waited = self.since.map(|since| Duration::from_nanos(since.nanos()))?;
        Some(self.within.saturating_sub(waited))
    }

    /// Takes note of a commit that is not on stable storage.
    pub(super) fn committed(&mut self) {
        self.since.get_or_insert_with(Stopwatch::start);
    }

    /// Makes durable what must be before the rows are.
    pub(super) fn before_sync(&mut self) -> Result<()> {
        (self.before_sync)()
    }

    /// Takes note that everything is on stable storage, or that nothing will be any more.
    pub(super) fn settled(&mut self) {
        self.since = None;
    }
}

/// Keeps an engine from being closed in order after a failure: that would make its relaxed commits durable, and the bytes
/// that they name may not be.
pub(super) fn never_close(shared: &Shared) {
    // The error is that there is none.
    drop(shared.with_engine(|engine| {
        std::mem::forget(Arc::clone(engine));
        Ok(())
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::clock::ManualClock;
    use crate::error::{Error, ErrorKind};
    use crate::meta::engine::{Changes, Engine, Read};
    use crate::meta::{MemoryEngine, Meta, Table};

    const NEVER: Duration = Duration::from_secs(3_600);

    /// An engine that tells what it does, and how many rows each commit changes.
    struct Telling {
        inner: MemoryEngine,
        events: Mutex<Sender<(&'static str, usize)>>,
    }

    impl Telling {
        fn tell(&self, event: &'static str, changes: &Changes) {
            let _ = self.events.lock().unwrap().send((event, changes.len()));
        }
    }

    impl Engine for Telling {
        fn snapshot(&self) -> Result<Box<dyn Read>> {
            self.inner.snapshot()
        }
        fn commit(&self, changes: &Changes) -> Result<()> {
            self.tell("durable", changes);
            self.inner.commit(changes)
        }
        fn commit_relaxed(&self, changes: &Changes) -> Result<()> {
            self.tell("relaxed", changes);
            self.inner.commit(changes)
        }
        fn size_bytes(&self) -> Result<u64> {
            self.inner.size_bytes()
        }
    }

    /// A store that must sync within that time, and what it does; syncing bytes fails if told so.
    fn open(within: Duration, bytes_fail: bool) -> (Meta, Receiver<(&'static str, usize)>) {
        let (events, told) = channel();
        let bytes = events.clone();
        let relaxed = Relaxed::new(within, move || {
            let _ = bytes.send(("bytes", 0));
            if bytes_fail { Err(Error::unavailable("a fault injected by the test")) } else { Ok(()) }
        });
        let engine = Telling { inner: MemoryEngine::new(), events: Mutex::new(events) };
        let clock = Arc::new(ManualClock::at(1_000));
        (Meta::open_with(Arc::new(engine), clock, Some(relaxed), None).unwrap(), told)
    }

    fn put(meta: &Meta, key: &'static str) -> Result<()> {
        meta.write_blocking(move |tx| {
            tx.put(Table::Objects, key.into(), "v".into());
            Ok(())
        })
    }

    #[test]
    fn a_commit_reaches_stable_storage_by_itself_after_the_bytes() {
        let (meta, told) = open(Duration::from_millis(10), false);
        put(&meta, "a").unwrap();
        let events = [(); 3].map(|()| told.recv().unwrap());
        assert_eq!(events, [("relaxed", 1), ("bytes", 0), ("durable", 0)]);
        drop(meta);
        assert_eq!(told.iter().count(), 0, "there was nothing more to sync");
    }

    #[test]
    fn a_busy_writer_syncs_in_time_too() {
        let (meta, told) = open(Duration::ZERO, false);
        put(&meta, "a").unwrap();
        put(&meta, "b").unwrap();
        drop(meta);
        let events: Vec<_> = told.iter().map(|(event, _)| event).collect();
        assert_eq!(events.last(), Some(&"durable"));
        assert!(events.windows(2).all(|pair| pair[1] != "durable" || pair[0] == "bytes"), "{events:?}");
    }

    #[test]
    fn a_sync_that_is_asked_for_comes_at_once_and_only_if_needed() {
        let (meta, told) = open(NEVER, false);
        meta.sync_blocking().unwrap();
        put(&meta, "a").unwrap();
        put(&meta, "b").unwrap();
        meta.sync_blocking().unwrap();
        meta.sync_blocking().unwrap();
        let events: Vec<_> = told.try_iter().collect();
        assert_eq!(events, [("relaxed", 1), ("relaxed", 1), ("bytes", 0), ("durable", 0)]);
        assert_eq!((meta.counters().commits, meta.counters().syncs), (3, 1));
    }

    #[test]
    fn what_is_left_is_synced_at_the_end() {
        let (meta, told) = open(NEVER, false);
        put(&meta, "a").unwrap();
        drop(meta);
        let events: Vec<_> = told.iter().collect();
        assert_eq!(events, [("relaxed", 1), ("bytes", 0), ("durable", 0)]);
    }

    #[test]
    fn bytes_that_cannot_be_synced_latch_the_store_and_no_row_becomes_durable() {
        let (meta, told) = open(NEVER, true);
        put(&meta, "a").unwrap();
        assert_eq!(meta.sync_blocking().unwrap_err().kind(), ErrorKind::Unavailable);
        assert!(meta.is_latched());
        assert_eq!(put(&meta, "b").unwrap_err().kind(), ErrorKind::Latched);
        drop(meta);
        // The engine is never closed, so the channel stays open.
        let events: Vec<_> = told.try_iter().collect();
        assert_eq!(events, [("relaxed", 1), ("bytes", 0)]);
    }
}
