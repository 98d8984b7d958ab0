//! Group commit: one thread that writes.
//!
//! The writer takes all operations that are waiting, runs each over one snapshot through the overlay of `batch`,
//! commits once, and only then answers them all: refusals too, since a refusal may rest on what an earlier operation
//! of the same batch wrote. There is no timer. An idle writer commits at once; while a commit is under way operations
//! gather, so a busy writer batches by itself. (Where durability is relaxed, one timer tells when to sync: see `relax`; once
//! the store is latched, another one tells when to try to recover: see `recover`.)

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::batch::{Batch, Tx};
use super::engine::Changes;
use super::recover::Recovery;
use super::relax::{self, Relaxed};
use super::shared::Shared;
use crate::clock::{Clock, Millis, Stopwatch};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// Why a write is refused once the store is latched.
pub(super) fn latched() -> Error {
    Error::new(ErrorKind::Latched, "The storage is not available. Please try again.")
        .because("the metadata is latched after a failed commit")
}

/// What is known of a write whose writer has ended without a word.
pub(super) fn unanswered() -> Error {
    Error::unavailable("the metadata writer has ended")
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
    /// `None` is a store that stays latched until a restart.
    recovery: Option<Recovery>,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        waiting: Receiver<Box<dyn Operation>>,
        relaxed: Option<Relaxed>,
        recovery: Option<Recovery>,
    ) -> Self {
        Self { shared, clock, waiting, now: 0, relaxed, recovery }
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
                relax::never_close(&shared);
            }
            tracing::error!("the metadata writer panicked; every further write is refused until a restart");
        }
    }

    /// Waits for an operation, and does meanwhile what may wait no longer; `None` once the queue is closed and empty.
    fn next(&mut self) -> Option<Box<dyn Operation>> {
        loop {
            let Some(left) = self.left() else { return self.waiting.recv().ok() };
            match self.waiting.recv_timeout(left) {
                Ok(operation) => return Some(operation),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) if self.relaxed.is_some() => self.sync(),
                Err(RecvTimeoutError::Timeout) => self.recover(),
            }
        }
    }

    /// How long until there is something to do that nobody asks for: a sync, or a recovery.
    fn left(&self) -> Option<Duration> {
        self.relaxed.as_ref().and_then(Relaxed::left).or_else(|| self.recovery.as_ref().and_then(Recovery::left))
    }

    /// Tries to put a sound engine in the place of the one that failed.
    fn recover(&mut self) {
        let Some(recovery) = &mut self.recovery else { return };
        match recovery.attempt(&self.shared) {
            Ok(()) => {
                self.shared.counters.recoveries.fetch_add(1, Ordering::Relaxed);
                self.shared.unlatch();
                tracing::warn!("the metadata was opened anew; writes are taken again");
            }
            Err(error) => tracing::debug!(%error, "the metadata cannot be opened anew yet"),
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
        if self.shared.take_failed_read() && !self.shared.is_latched() {
            // After a failed read too an engine may refuse everything until it is opened anew: a commit of nothing tells,
            // and latches. Nobody waits for it.
            drop(self.commit_or_latch(&Changes::new(), true));
        }
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
        let Self { shared, relaxed, recovery, .. } = self;
        // An engine that panics half way leaves as much in doubt as one that reports an error.
        shared.committing(changes);
        let committed = catch_unwind(AssertUnwindSafe(|| {
            shared.with_engine(|engine| match relaxed {
                Some(relaxed) if !durable => engine.commit_relaxed(changes).inspect(|()| relaxed.committed()),
                Some(relaxed) => {
                    relaxed.before_sync()?;
                    engine.commit(changes).inspect(|()| relaxed.settled())
                }
                None => engine.commit(changes),
            })
        }));
        shared.committed();
        let (error, may_come_round) = match committed {
            Ok(Ok(())) => {
                shared.counters.syncs.fetch_add(u64::from(durable), Ordering::Relaxed);
                recovery.iter_mut().for_each(Recovery::committed);
                return Ok(());
            }
            // A disk may come round; a damaged file or a bug is for a person to look at.
            Ok(Err(error)) => {
                let may_come_round = error.kind() == ErrorKind::Unavailable;
                (error, may_come_round)
            }
            Err(_) => (Error::unavailable("the engine panicked"), false),
        };
        shared.latch();
        if let Some(relaxed) = relaxed {
            relaxed.settled();
            relax::never_close(shared);
        }
        *recovery = recovery.take().filter(|_| may_come_round);
        recovery.iter_mut().for_each(Recovery::failed);
        let until = if recovery.is_some() { "its disk takes writes again" } else { "a restart" };
        tracing::error!(%error, "a metadata commit failed; every write is refused until {until}");
        Err(Error::unavailable(error))
    }
}
