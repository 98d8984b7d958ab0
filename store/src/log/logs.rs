//! The log as a whole: opening it, handing requests over, and asking for them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::block;
use super::file::LogFile;
use super::page;
use super::query::{LogPage, LogQuery};
use super::queue::{Handed, Queue};
use super::record::{LogEntry, LogRecord};
use super::sweep::{self, LogsSwept};
use super::writer::Writer;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, LogId, OrgId};

/// The file in the data directory.
const FILE: &str = "logs.redb";
/// How long a reader waits for what was handed over just before.
const SETTLE: Duration = Duration::from_secs(1);

/// How to open a log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The folder that its file is in: the data directory.
    pub folder: PathBuf,
    /// Whether requests are logged at all.
    pub enabled: bool,
    /// Bytes of logged requests kept, as they are stored: compressed. Beyond that the oldest go.
    pub max_bytes: u64,
}

/// The log of requests. Dropping it writes what still waits.
pub struct Logs {
    shared: Arc<Shared>,
    /// `None` if nothing is logged, and while dropping.
    writer: Option<JoinHandle<()>>,
    /// The organisation that the sweep has done last.
    swept: Mutex<Option<OrgId>>,
}

/// What the writer shares with those who hand over and those who ask.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) file: LogFile,
    pub(super) counts: Counts,
    pub(super) max_bytes: u64,
}

/// Counters as they are kept.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) recorded: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) failures: AtomicU64,
}

/// What a log has done since it was opened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct LogCounters {
    /// Requests written.
    pub recorded: u64,
    /// Requests left out because there was no room, or the file failed.
    pub dropped: u64,
    /// Failures of the file.
    pub failures: u64,
    /// Requests waiting to be written.
    pub queued: u64,
    /// Bytes of all requests that are kept, as they are stored.
    pub bytes: u64,
}

impl Logs {
    /// Opens the log, or makes it. A log that cannot be opened is tried again later; nothing else waits for it.
    pub fn open(options: &LogOptions) -> Self {
        let (queue, counts) = (Queue::default(), Counts::default());
        let file = LogFile::new(options.folder.join(FILE));
        let shared = Arc::new(Shared { queue, file, counts, max_bytes: options.max_bytes });
        let mut logs = Self { shared: Arc::clone(&shared), writer: None, swept: Mutex::default() };
        if !options.enabled {
            return logs;
        }
        if let Err(error) = shared.file.open() {
            shared.counts.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%error, "the request log could not be opened; requests go on without it");
        }
        let writer = Writer::new(shared);
        match std::thread::Builder::new().name("windlass-log".to_owned()).spawn(move || writer.run()) {
            Ok(thread) => logs.writer = Some(thread),
            Err(error) => tracing::error!(%error, "no thread to write the request log; requests go on without it"),
        }
        logs
    }

    /// Whether requests are logged.
    pub fn is_enabled(&self) -> bool {
        self.writer.is_some()
    }

    /// Hands a request of an organisation over, which ended then. Never waits: without room it is dropped and counted, and
    /// so it is if `entry`, which makes what is to be stored of it, panics.
    pub fn record<'a>(&self, org: OrgId, ended_ms: Millis, entry: impl FnOnce() -> LogEntry<'a>) {
        if !self.is_enabled() {
            return;
        }
        // Whoever records is about to end, or ends by a panic already.
        let encoded = catch_unwind(AssertUnwindSafe(|| block::encoded(&entry())));
        let encoded = encoded.ok().and_then(|encoded| encoded.ok().flatten());
        let taken = encoded.is_some_and(|entry| self.shared.queue.push(Handed { org, ended_ms, entry: &entry }));
        if !taken {
            self.shared.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A page of an organisation's requests, newest first; with a list of buckets only those about one of them. What was
    /// handed over before the call is in it.
    ///
    /// `Unavailable` while the file cannot be read.
    pub async fn list(&self, org: OrgId, buckets: Option<&[BucketId]>, query: &LogQuery) -> Result<LogPage> {
        let (buckets, query) = (buckets.map(<[_]>::to_vec), query.clone());
        let page = self.ask(move |file| file.read(|read| page::page(read, org, buckets.as_deref(), &query)));
        Ok(page.await?.unwrap_or_default())
    }

    /// One of an organisation's requests; with a list of buckets only if it was about one of them. `None` if there is none,
    /// or it is older than `not_before`.
    ///
    /// `Unavailable` while the file cannot be read.
    pub async fn get(
        &self,
        org: OrgId,
        buckets: Option<&[BucketId]>,
        id: LogId,
        not_before: Millis,
    ) -> Result<Option<LogRecord>> {
        let buckets = buckets.map(<[_]>::to_vec);
        let one = self.ask(move |file| file.read(|read| page::one(read, org, buckets.as_deref(), id, not_before)));
        Ok(one.await?.flatten())
    }

    /// Removes what an organisation's plan keeps no longer: a bounded number of blocks. `not_before` tells from when on an
    /// organisation's requests are kept; `None` leaves them alone. Blocks the calling thread.
    pub fn sweep_step(&self, not_before: impl Fn(OrgId) -> Option<Millis>) -> Result<LogsSwept> {
        if !self.is_enabled() || !self.shared.file.is_open() {
            return Ok(LogsSwept::default());
        }
        let mut cursor = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.file.change(|read, totals, changes| sweep::expire(read, totals, &mut cursor, &not_before, changes))
    }

    /// Counters since the log was opened.
    pub fn counters(&self) -> LogCounters {
        let Counts { recorded, dropped, failures } = &self.shared.counts;
        LogCounters {
            recorded: recorded.load(Ordering::Relaxed),
            dropped: dropped.load(Ordering::Relaxed),
            failures: failures.load(Ordering::Relaxed),
            queued: self.shared.queue.depth(),
            bytes: self.shared.file.totals().bytes,
        }
    }

    /// Asks the file, after what waits was written; `None` if nothing is logged.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&LogFile) -> Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        if !self.is_enabled() {
            return Ok(None);
        }
        // A writer that the disk holds up is not waited for.
        let _ = tokio::time::timeout(SETTLE, self.shared.queue.ask()).await;
        let shared = Arc::clone(&self.shared);
        // A page may look at some megabytes.
        let asked = tokio::task::spawn_blocking(move || question(&shared.file).map(Some)).await;
        asked.map_err(|error| Error::new(ErrorKind::Internal, "The request log could not be read.").because(error))?
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writer) = self.writer.take() {
            // A panic of the writer is in the log already, and the end is the same.
            drop(writer.join());
        }
    }
}
