//! The commit point: everything that changes goes through `Meta`, and everything that reads begins there.
//!
//! Writes queue for one writer thread, which commits all that wait together (see `writer`). When a commit fails nobody
//! knows what is on the disk, so nothing is acknowledged any more: the store is latched until its engine has been opened
//! anew, by itself (see `recover`) or by a restart. Reads go on where the engine can serve them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::batch::Tx;
use super::count::MetaCounters;
use super::engine::{Engine, Read};
use super::recover::Recovery;
use super::relax::Relaxed;
use super::shared::Shared;
use super::writer::{Operation, Pending, Writer, latched, unanswered};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// The metadata store. Dropping it answers what is still waiting, then closes the engine.
pub struct Meta {
    shared: Arc<Shared>,
    /// `None` only while dropping: closing the queue is what ends the writer.
    queue: Option<SyncSender<Box<dyn Operation>>>,
    writer: Option<JoinHandle<()>>,
    relaxed: bool,
}

impl Meta {
    /// The commit point over an engine; starts the writer thread. `Unavailable` if the system grants no thread.
    pub fn open(engine: Arc<dyn Engine>, clock: Arc<dyn Clock>) -> Result<Self> {
        Self::open_with(engine, clock, None, None)
    }

    /// The same, with durability relaxed if told so: then writes are answered before they are on stable storage. With full
    /// durability a store that has latched goes on by `recovery`; without it, it stays latched.
    pub fn open_with(
        engine: Arc<dyn Engine>,
        clock: Arc<dyn Clock>,
        relaxed: Option<Relaxed>,
        recovery: Option<Recovery>,
    ) -> Result<Self> {
        let is_relaxed = relaxed.is_some();
        let recovery = recovery.filter(|_| !is_relaxed);
        let (queue, waiting) = sync_channel(limit::QUEUE_OPERATIONS_MAX);
        let shared = Arc::new(Shared::new(engine));
        let writer = Writer::new(Arc::clone(&shared), clock, waiting, relaxed, recovery);
        let thread = std::thread::Builder::new().name("windlass-writer".to_owned());
        let writer = thread.spawn(move || writer.run()).map_err(Error::unavailable)?;
        Ok(Self { shared, queue: Some(queue), writer: Some(writer), relaxed: is_relaxed })
    }

    /// Runs `f` over a snapshot of everything committed so far. The snapshot ends with the call.
    pub fn read<T>(&self, f: impl FnOnce(&dyn Read) -> Result<T>) -> Result<T> {
        let result = self.shared.read(f);
        if result.is_err() && self.shared.has_failed_read() {
            // The writer looks whether the engine is sound. If it cannot be told, it is busy and looks by itself.
            drop(self.enqueue(|_| Ok(()), drop));
        }
        result
    }

    /// Runs `rule` in the next commit and answers once that commit is on stable storage. A rule that returns an error
    /// or panics (`Internal`) changes nothing.
    ///
    /// `SlowDown` or `Latched`, at once, if the queue is full or the store is latched, and nothing was changed; `Unavailable`
    /// if the commit failed, and nobody knows. The rule runs even if the caller stops waiting.
    pub async fn write<T: Send + 'static>(
        &self,
        rule: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        // The caller may have gone: nobody is left to tell.
        self.enqueue(rule, move |result| drop(answer.send(result)))?;
        answered.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// `write` for start-up and offline commands: blocks the calling thread.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        rule: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = sync_channel(1);
        self.enqueue(rule, move |result| drop(answer.send(result)))?;
        answered.recv().unwrap_or_else(|_| Err(unanswered()))
    }

    /// Returns once everything committed before the call is on stable storage: at once unless durability is relaxed.
    pub async fn sync(&self) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        if !self.enqueue_sync(move |result| drop(answer.send(result)))? {
            return Ok(());
        }
        answered.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// `sync` for start-up and blocking work: blocks the calling thread.
    pub fn sync_blocking(&self) -> Result<()> {
        let (answer, answered) = sync_channel(1);
        if !self.enqueue_sync(move |result| drop(answer.send(result)))? {
            return Ok(());
        }
        answered.recv().unwrap_or_else(|_| Err(unanswered()))
    }

    /// `Latched` if writes are refused, for those who would do much in vain before they write.
    pub fn must_take_writes(&self) -> Result<()> {
        if self.is_latched() { Err(latched()) } else { Ok(()) }
    }

    /// Whether a commit has failed, so that every write is refused until the store is opened anew.
    pub fn is_latched(&self) -> bool {
        self.shared.is_latched()
    }

    /// What has been done since the store was opened.
    pub fn counters(&self) -> MetaCounters {
        self.shared.counters.read()
    }

    /// Bytes the engine's file takes.
    pub fn size_bytes(&self) -> Result<u64> {
        self.shared.with_engine(|engine| engine.size_bytes())
    }

    fn enqueue<T: Send + 'static>(
        &self,
        rule: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
        answer: impl FnOnce(Result<T>) + Send + 'static,
    ) -> Result<()> {
        self.send(Box::new(Pending::new(rule, answer)))
    }

    /// Asks for a sync; false if there is nothing to ask for.
    fn enqueue_sync(&self, answer: impl FnOnce(Result<()>) + Send + 'static) -> Result<bool> {
        if self.relaxed {
            self.send(Box::new(Pending::new(|_: &mut Tx<'_>| Ok(()), answer).syncing()))?;
        }
        Ok(self.relaxed)
    }

    fn send(&self, operation: Box<dyn Operation>) -> Result<()> {
        let queue = self.queue.as_ref().filter(|_| !self.is_latched()).ok_or_else(latched)?;
        let depth = &self.shared.counters.queue_depth;
        // Counted before it is sent, so that the writer never counts down first.
        depth.fetch_add(1, Ordering::Relaxed);
        queue.try_send(operation).map_err(|refused| {
            depth.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => Error::new(ErrorKind::SlowDown, "Please reduce your request rate."),
                TrySendError::Disconnected(_) => latched(),
            }
        })
    }
}

impl Drop for Meta {
    fn drop(&mut self) {
        drop(self.queue.take());
        // A rule may hold the last handle, and a thread cannot wait for itself.
        let own = |writer: &JoinHandle<()>| writer.thread().id() == std::thread::current().id();
        if let Some(writer) = self.writer.take().filter(|writer| !own(writer)) {
            // The writer catches its panics, so there is nothing to learn from how it ended.
            drop(writer.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64};
    use std::sync::mpsc::{Sender, channel};

    use bytes::Bytes;

    use super::*;
    use crate::clock::ManualClock;
    use crate::meta::engine::{Changes, KeyRange, Step};
    use crate::meta::memory::MemoryEngine;
    use crate::meta::table::Table;

    /// An engine whose disk can be made to fail.
    #[derive(Default)]
    struct Faulty {
        inner: MemoryEngine,
        fails: AtomicBool,
        panics: AtomicBool,
        commits: AtomicU64,
        snapshots: AtomicU64,
    }

    impl Engine for Faulty {
        fn snapshot(&self) -> Result<Box<dyn Read>> {
            self.snapshots.fetch_add(1, Ordering::SeqCst);
            self.inner.snapshot()
        }
        fn commit(&self, changes: &Changes) -> Result<()> {
            self.commits.fetch_add(1, Ordering::SeqCst);
            assert!(!self.panics.load(Ordering::SeqCst), "an engine's bug");
            if self.fails.load(Ordering::SeqCst) {
                return Err(Error::corrupt("a fault injected by the test"));
            }
            self.inner.commit(changes)
        }
        fn size_bytes(&self) -> Result<u64> {
            self.inner.size_bytes()
        }
    }

    fn open() -> (Meta, Arc<Faulty>, Arc<ManualClock>) {
        let (engine, clock) = (Arc::new(Faulty::default()), Arc::new(ManualClock::at(1_000)));
        (Meta::open(Arc::clone(&engine) as _, Arc::clone(&clock) as _).unwrap(), engine, clock)
    }

    fn put_value(table: Table, key: &'static str, value: Bytes) -> impl FnMut(&mut Tx<'_>) -> Result<()> + Send {
        move |tx| {
            tx.put(table, key.into(), value.clone());
            Ok(())
        }
    }

    fn put(key: &'static str) -> impl FnMut(&mut Tx<'_>) -> Result<()> + Send {
        put_value(Table::Objects, key, "v".into())
    }

    fn get(meta: &Meta, key: &str) -> Option<Bytes> {
        meta.read(|read| read.get(Table::Objects, key.as_bytes())).unwrap()
    }

    /// Holds the writer inside an operation until the returned end is dropped, so that what is enqueued meanwhile
    /// joins that operation's batch.
    fn hold(meta: &Meta) -> Sender<()> {
        let (release, released) = channel::<()>();
        let (entered, holding) = channel();
        let rule = move |_: &mut Tx<'_>| {
            entered.send(()).unwrap();
            released.recv().unwrap_err();
            Ok(())
        };
        meta.enqueue(rule, drop).unwrap();
        holding.recv().unwrap();
        release
    }

    /// Enqueues without waiting; the answer comes to the returned end.
    fn start<T: Send + 'static>(
        meta: &Meta,
        rule: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> std::sync::mpsc::Receiver<Result<T>> {
        let (answer, answered) = channel();
        meta.enqueue(rule, move |result| drop(answer.send(result))).unwrap();
        answered
    }

    #[tokio::test]
    async fn a_write_is_there_once_it_is_answered() {
        let (meta, ..) = open();
        let rule = |tx: &mut Tx<'_>| {
            tx.put(Table::Objects, b"a".to_vec(), "1".into());
            tx.next_sequence()
        };
        assert_eq!(meta.write(rule).await.unwrap(), 1);
        assert_eq!(get(&meta, "a"), Some("1".into()));
        assert_eq!(meta.write_blocking(|tx| tx.next_sequence()).unwrap(), 2);
        assert_eq!(meta.size_bytes().unwrap(), 2 + 8 + 8);
    }

    #[test]
    fn operations_that_wait_share_one_commit_and_failures_leave_no_trace() {
        let (meta, engine, _) = open();
        let release = hold(&meta);
        let (a, b) = (start(&meta, put("a")), start(&meta, put("b")));
        let refused = start::<()>(&meta, |tx| {
            put("refused")(tx)?;
            Err(Error::new(ErrorKind::BucketNotEmpty, "refused"))
        });
        let panicked = start::<()>(&meta, |tx| {
            put("panicked")(tx)?;
            panic!("a rule's bug")
        });
        assert_eq!(meta.counters().queue_depth, 5);
        drop(release);

        a.recv().unwrap().unwrap();
        b.recv().unwrap().unwrap();
        assert_eq!(refused.recv().unwrap().unwrap_err().kind(), ErrorKind::BucketNotEmpty);
        assert_eq!(panicked.recv().unwrap().unwrap_err().kind(), ErrorKind::Internal);
        assert_eq!(engine.commits.load(Ordering::SeqCst), 1);
        assert_eq!((get(&meta, "a"), get(&meta, "refused"), get(&meta, "panicked")), (Some("v".into()), None, None));
        let counters = meta.counters();
        assert_eq!((counters.operations, counters.failed_operations, counters.commits), (5, 2, 1));
        assert_eq!((counters.rows_written, counters.bytes_written, counters.queue_depth), (2, 4, 0));
        assert!(!meta.is_latched());
    }

    #[test]
    fn readers_share_a_snapshot_until_the_next_commit() {
        let (meta, engine, _) = open();
        let snapshots = || engine.snapshots.load(Ordering::SeqCst);
        meta.write_blocking(put("a")).unwrap();
        let before = snapshots();
        assert_eq!((get(&meta, "a"), get(&meta, "b")), (Some("v".into()), None));
        assert_eq!(snapshots(), before + 1);
        meta.read(|read| {
            meta.write_blocking(put("b")).unwrap();
            assert_eq!(read.get(Table::Objects, b"b")?, None, "a read that has begun sees no later commit");
            assert_eq!(get(&meta, "b"), Some("v".into()), "one that begins after it does");
            Ok(())
        })
        .unwrap();
        assert_eq!(snapshots(), before + 2);
    }

    #[test]
    fn a_batch_ends_with_the_operation_that_passes_the_byte_limit() {
        let (meta, engine, _) = open();
        let value = Bytes::from(vec![0; limit::BATCH_BYTES_MAX / 2]);
        let release = hold(&meta);
        let answers = ["a", "b", "c"].map(|key| start(&meta, put_value(Table::Inline, key, value.clone())));
        drop(release);
        answers.iter().for_each(|answer| answer.recv().unwrap().unwrap());
        assert_eq!(engine.commits.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_commit_that_fails_acknowledges_nobody_and_latches() {
        for by_panic in [false, true] {
            let (meta, engine, _) = open();
            meta.write_blocking(put("before")).unwrap();
            let release = hold(&meta);
            let a = start(&meta, put("a"));
            let refused = start::<()>(&meta, |_| Err(Error::new(ErrorKind::BucketNotEmpty, "refused")));
            engine.fails.store(!by_panic, Ordering::SeqCst);
            engine.panics.store(by_panic, Ordering::SeqCst);
            drop(release);
            assert_eq!(a.recv().unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
            assert_eq!(refused.recv().unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
            assert!(meta.is_latched());

            engine.fails.store(false, Ordering::SeqCst);
            engine.panics.store(false, Ordering::SeqCst);
            let attempts = engine.commits.load(Ordering::SeqCst);
            assert_eq!(meta.write_blocking(put("b")).unwrap_err().kind(), ErrorKind::Latched);
            assert_eq!(engine.commits.load(Ordering::SeqCst), attempts, "a latched store does not try again");
            assert_eq!((get(&meta, "before"), get(&meta, "a")), (Some("v".into()), None), "reads go on");
        }
    }

    #[tokio::test]
    async fn a_full_queue_answers_slow_down_at_once() {
        let (meta, ..) = open();
        let release = hold(&meta);
        for _ in 0..limit::QUEUE_OPERATIONS_MAX {
            meta.enqueue(put("a"), drop).unwrap();
        }
        assert_eq!(meta.write(put("b")).await.unwrap_err().kind(), ErrorKind::SlowDown);
        drop(release);
    }

    #[test]
    fn an_operation_that_changes_nothing_commits_nothing() {
        let (meta, engine, _) = open();
        assert_eq!(meta.write_blocking(|tx| tx.get(Table::Objects, b"a")).unwrap(), None);
        assert_eq!(engine.commits.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn the_time_of_commits_never_goes_backwards() {
        let (meta, _, clock) = open();
        let now = || meta.write_blocking(|tx| Ok(tx.now())).unwrap();
        let times = [2_000, 500, 2_500].map(|at| {
            clock.set(at);
            now()
        });
        assert_eq!(times, [2_000, 2_000, 2_500]);
    }

    #[test]
    fn rows_are_counted_as_they_are_read() {
        let (meta, ..) = open();
        ["a", "b", "c"].into_iter().for_each(|key| meta.write_blocking(put(key)).unwrap());
        let before = meta.counters().rows_read;
        get(&meta, "a");
        get(&meta, "missing");
        let all = KeyRange::all();
        meta.read(|read| read.scan(Table::Objects, &all, &mut |_, _| Ok(Step::Continue))).unwrap();
        meta.read(|read| read.scan(Table::Objects, &all, &mut |_, _| Ok(Step::Stop))).unwrap();
        assert_eq!(meta.counters().rows_read - before, 1 + 3 + 1);
    }

    #[test]
    fn dropping_the_store_answers_what_waits_and_lets_go_of_the_engine() {
        let (meta, engine, _) = open();
        let release = hold(&meta);
        let answers = ["a", "b"].map(|key| start(&meta, put(key)));
        drop(release);
        drop(meta);
        answers.iter().for_each(|answer| answer.try_recv().unwrap().unwrap());
        assert_eq!(Arc::strong_count(&engine), 1);
    }
}
