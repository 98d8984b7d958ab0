//! Group commit: one thread that writes.
//!
//! The writer takes all operations that are waiting, runs each over one snapshot through the overlay of `batch`,
//! commits once, and only then answers them all: refusals too, since a refusal may rest on what an earlier operation
//! of the same batch wrote. There is no timer. An idle writer commits at once; while a commit is under way operations
//! gather, so a busy writer batches by itself. (Where durability is relaxed, one timer tells when to sync: see `relax`.)

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, RwLock};

use super::batch::{Batch, Tx};
use super::count::{Counted, Counters};
use super::engine::{Changes, Engine, Read};
use super::relax::{self, Relaxed};
use crate::clock::{Clock, Millis, Stopwatch};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// What the writer shares with those who read and those who queue.
pub(super) struct Shared {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) counters: Arc<Counters>,
    latched: AtomicBool,
    /// Counts the commits.
    version: AtomicU64,
    latest: RwLock<Option<Latest>>,
}

/// The snapshot that everybody reads until the next commit: taking one and opening its tables costs more than a row.
struct Latest {
    version: u64,
    snapshot: Arc<dyn Read>,
}

impl Shared {
    pub(super) fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            engine,
            counters: Arc::default(),
            latched: AtomicBool::new(false),
            version: AtomicU64::new(0),
            latest: RwLock::new(None),
        }
    }

    /// A snapshot of everything committed so far.
    pub(super) fn snapshot(&self) -> Result<Counted> {
        Ok(Counted::new(self.latest()?, Arc::clone(&self.counters)))
    }

    /// The version is read before the snapshot is taken and raised after each commit, before anybody is told of it: so a
    /// snapshot of the present version holds all that was ever acknowledged.
    fn latest(&self) -> Result<Arc<dyn Read>> {
        let version = self.version.load(Ordering::SeqCst);
        if let Some(latest) = &*self.latest.read().unwrap_or_else(PoisonError::into_inner)
            && latest.version == version
        {
            return Ok(Arc::clone(&latest.snapshot));
        }
        let snapshot: Arc<dyn Read> = Arc::from(self.engine.snapshot()?);
        let mut latest = self.latest.write().unwrap_or_else(PoisonError::into_inner);
        if self.version.load(Ordering::SeqCst) == version {
            *latest = Some(Latest { version, snapshot: Arc::clone(&snapshot) });
        }
        Ok(snapshot)
    }

    /// Ends the snapshot that is shared: what a commit has replaced must not be kept from being used again.
    fn committed(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
        drop(self.latest.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether nothing is acknowledged any more.
    pub(super) fn is_latched(&self) -> bool {
        self.latched.load(Ordering::SeqCst)
    }

    fn latch(&self) {
        self.latched.store(true, Ordering::SeqCst);
    }
}

/// Why a write is refused once the store is latched.
pub(super) fn latched() -> Error {
    Error::unavailable("the metadata store is latched after a failed commit")
}

/// One write on its way through the writer.
pub(super) trait Operation: Send {
    /// Runs the rule, keeps its result for later, and tells whether it succeeded.
    fn run(&mut self, batch: &mut Batch) -> bool;
    /// Whether its answer waits for stable storage even where durability is relaxed.
    fn syncs(&self) -> bool;
    /// Answers with the rule's result, or with `failure` if the batch was not committed.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

/// A rule, its result once it ran, and whom to tell.
pub(super) struct Pending<R, T, A> {
    rule: R,
    result: Option<Result<T>>,
    answer: A,
    syncs: bool,
}

impl<R, T, A> Pending<R, T, A> {
    pub(super) fn new(rule: R, answer: A) -> Self {
        Self { rule, result: None, answer, syncs: false }
    }

    /// The same, which waits for stable storage in any case.
    pub(super) fn syncing(self) -> Self {
        Self { syncs: true, ..self }
    }
}

impl<R, T, A> Operation for Pending<R, T, A>
where
    R: FnMut(&mut Tx<'_>) -> Result<T> + Send,
    T: Send,
    A: FnOnce(Result<T>) + Send,
{
    fn run(&mut self, batch: &mut Batch) -> bool {
        self.result.insert(batch.run(&mut self.rule)).is_ok()
    }

    fn syncs(&self) -> bool {
        self.syncs
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let result = match failure {
            Some(failure) => Err(failure),
            None => self.result.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "The operation did not run."))),
        };
        (self.answer)(result);
    }
}

/// The writer thread's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    waiting: Receiver<Box<dyn Operation>>,
    now: Millis,
    /// `None` is full durability.
    relaxed: Option<Relaxed>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        waiting: Receiver<Box<dyn Operation>>,
        relaxed: Option<Relaxed>,
    ) -> Self {
        Self { shared, clock, waiting, now: 0, relaxed }
    }

    /// Commits batch after batch until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let is_relaxed = self.relaxed.is_some();
        let batches = AssertUnwindSafe(move || {
            while let Some(first) = self.next() {
                self.run_batch(first);
            }
            self.sync();
        });
        if catch_unwind(batches).is_err() {
            // The queue went with the writer, so all who waited have their answer; this answers those to come.
            shared.latch();
            if is_relaxed {
                relax::never_close(&shared.engine);
            }
            tracing::error!("the metadata writer panicked; every further write is refused");
        }
    }

    /// Waits for an operation, and syncs meanwhile what may wait no longer; `None` once the queue is closed and empty.
    fn next(&mut self) -> Option<Box<dyn Operation>> {
        loop {
            let Some(left) = self.relaxed.as_ref().and_then(Relaxed::left) else { return self.waiting.recv().ok() };
            match self.waiting.recv_timeout(left) {
                Ok(operation) => return Some(operation),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.sync(),
            }
        }
    }

    /// Puts what was committed on stable storage, or latches the store.
    fn sync(&mut self) {
        if self.relaxed.as_ref().is_some_and(|relaxed| relaxed.left().is_some()) && !self.shared.is_latched() {
            // The failure is told by what latches; nobody waits for this.
            drop(self.commit_or_latch(&Changes::new(), true));
        }
    }

    /// Runs `first` and what waits behind it, commits, and answers.
    fn run_batch(&mut self, first: Box<dyn Operation>) {
        let mut taken = vec![first];
        let outcome = self.begin().and_then(|mut batch| {
            self.run_operations(&mut batch, &mut taken);
            self.commit(batch, taken.iter().any(|operation| operation.syncs()))
        });
        self.shared.counters.queue_depth.fetch_sub(taken.len() as u64, Ordering::Relaxed);
        for operation in taken {
            let failure = outcome.as_ref().err();
            operation.answer(failure.map(|e| Error::new(e.kind(), e.message()).because(e.to_string())));
        }
    }

    /// A batch over everything committed so far.
    fn begin(&mut self) -> Result<Batch> {
        if self.shared.is_latched() {
            return Err(latched());
        }
        // The wall clock may be set back; the times of one process's commits still never go backwards.
        self.now = self.now.max(self.clock.now());
        Ok(Batch::new(Box::new(self.shared.snapshot()?), self.now))
    }

    /// Runs the one operation taken so far, and takes and runs those that wait until the batch is full.
    fn run_operations(&self, batch: &mut Batch, taken: &mut Vec<Box<dyn Operation>>) {
        let counters = &self.shared.counters;
        while let Some(operation) = taken.last_mut() {
            let succeeded = operation.run(batch);
            counters.operations.fetch_add(1, Ordering::Relaxed);
            counters.failed_operations.fetch_add(u64::from(!succeeded), Ordering::Relaxed);
            if taken.len() >= limit::BATCH_OPERATIONS_MAX || batch.bytes() >= limit::BATCH_BYTES_MAX {
                break;
            }
            let Ok(next) = self.waiting.try_recv() else { break };
            taken.push(next);
        }
    }

    /// Commits a batch, or latches the store. The batch is durable then, unless durability is relaxed and neither is the
    /// time up nor a sync asked for.
    fn commit(&mut self, batch: Batch, sync_asked: bool) -> Result<()> {
        let bytes = batch.bytes() as u64;
        let changes = batch.into_changes();
        let left = self.relaxed.as_ref().and_then(Relaxed::left);
        if changes.is_empty() && !(sync_asked && left.is_some()) {
            return Ok(());
        }
        let durable = self.relaxed.is_none() || sync_asked || left.is_some_and(|left| left.is_zero());
        let watch = Stopwatch::start();
        self.commit_or_latch(&changes, durable)?;
        let nanos = watch.nanos();
        let counters = &self.shared.counters;
        counters.commits.fetch_add(1, Ordering::Relaxed);
        counters.commit_nanos.fetch_add(nanos, Ordering::Relaxed);
        counters.rows_written.fetch_add(changes.len() as u64, Ordering::Relaxed);
        counters.bytes_written.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn commit_or_latch(&mut self, changes: &Changes, durable: bool) -> Result<()> {
        let Self { shared, relaxed, .. } = self;
        let engine = &shared.engine;
        // An engine that panics half way leaves as much in doubt as one that reports an error.
        let committed = catch_unwind(AssertUnwindSafe(|| match relaxed {
            Some(relaxed) if !durable => engine.commit_relaxed(changes).inspect(|()| relaxed.committed()),
            Some(relaxed) => {
                relaxed.before_sync()?;
                engine.commit(changes).inspect(|()| relaxed.settled())
            }
            None => engine.commit(changes),
        }));
        shared.committed();
        if matches!(committed, Ok(Ok(()))) {
            shared.counters.syncs.fetch_add(u64::from(durable), Ordering::Relaxed);
        }
        committed.unwrap_or_else(|_| Err(Error::unavailable("the engine panicked"))).map_err(|e| {
            shared.latch();
            if let Some(relaxed) = relaxed {
                relaxed.settled();
                relax::never_close(engine);
            }
            tracing::error!(error = %e, "a metadata commit failed; every write is refused until the store is reopened");
            Error::unavailable(e)
        })
    }
}
