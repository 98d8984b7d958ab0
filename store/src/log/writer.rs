//! The thread that writes the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::block::{self, Block, Ids, PlaceRow, TotalsRow};
use super::logs::Shared;
use super::queue::{Handed, Taken};
use super::sweep;
use crate::clock::{self, Stopwatch};
use crate::error::{Error, Result};
use crate::id::OrgId;
use crate::meta::{Changes, Table, codec};

/// Within this time what was written reaches stable storage; a crash loses no more.
const SYNC_WITHIN: Duration = Duration::from_secs(5);
/// How long a file that failed is left alone.
const REOPEN_AFTER: Duration = Duration::from_secs(5);

/// The writer's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// Runs from the oldest change that is not on stable storage.
    unsynced: Option<Stopwatch>,
    /// Runs from the last attempt to open the file.
    attempt: Stopwatch,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, unsynced: None, attempt: Stopwatch::start() }
    }

    /// Writes batch after batch until the queue is closed and empty.
    pub(super) fn run(mut self) {
        loop {
            let idle = self.sync_in();
            let Some(taken) = self.shared.queue.take(idle) else { break };
            self.write(&taken);
            self.shared.queue.written(taken);
            if self.sync_in().is_some_and(|left| left.is_zero()) {
                self.sync();
            }
        }
        self.sync();
    }

    /// How long what is not on stable storage may still wait; `None` if there is nothing.
    fn sync_in(&mut self) -> Option<Duration> {
        if !self.shared.file.is_unsynced() {
            self.unsynced = None;
            return None;
        }
        let since = self.unsynced.get_or_insert_with(Stopwatch::start);
        Some(SYNC_WITHIN.saturating_sub(Duration::from_nanos(since.nanos())))
    }

    fn sync(&mut self) {
        self.unsynced = None;
        if let Err(error) = self.shared.file.sync() {
            self.failed(&error, 0);
        }
    }

    fn write(&mut self, taken: &Taken) {
        let count = taken.count;
        self.reopen();
        if count == 0 || !self.shared.file.is_open() {
            self.shared.counts.dropped.fetch_add(count, Ordering::Relaxed);
            return;
        }
        let max_bytes = self.shared.max_bytes;
        let written = self.shared.file.change(|read, totals, changes| {
            pack(taken, totals, changes)?;
            sweep::trim(read, totals, max_bytes, changes)?;
            Ok(())
        });
        match written {
            Ok(()) => {
                self.shared.counts.recorded.fetch_add(count, Ordering::Relaxed);
            }
            Err(error) => self.failed(&error, count),
        }
    }

    /// Opens a file that failed, once it was left alone for a while.
    fn reopen(&mut self) {
        if self.shared.file.is_open() || Duration::from_nanos(self.attempt.nanos()) < REOPEN_AFTER {
            return;
        }
        self.attempt = Stopwatch::start();
        match self.shared.file.open() {
            Ok(()) => tracing::info!("the request log is written again"),
            Err(error) => self.failed(&error, 0),
        }
    }

    fn failed(&mut self, error: &Error, lost: u64) {
        self.attempt = Stopwatch::start();
        self.shared.counts.failures.fetch_add(1, Ordering::Relaxed);
        self.shared.counts.dropped.fetch_add(lost, Ordering::Relaxed);
        tracing::error!(%error, lost, "the request log could not be written; requests go on without it");
    }
}

/// Packs requests into blocks, each organisation's into its own.
fn pack(taken: &Taken, totals: &mut TotalsRow, changes: &mut Changes) -> Result<()> {
    let mut ids = Ids::after(totals.newest);
    ids.shuffle(clock::random()?);
    let mut blocks: BTreeMap<OrgId, Block> = BTreeMap::new();
    for Handed { org, ended_ms, entry } in taken.in_order() {
        let id = ids.next(ended_ms);
        let block = blocks.entry(org).or_insert_with(|| Block::begin(id));
        block.push(id, entry);
        totals.newest = id;
        if block.is_full()
            && let Some(block) = blocks.remove(&org)
        {
            put(org, block, totals, changes)?;
        }
    }
    blocks.into_iter().try_for_each(|(org, block)| put(org, block, totals, changes))
}

fn put(org: OrgId, block: Block, totals: &mut TotalsRow, changes: &mut Changes) -> Result<()> {
    let (oldest, bytes) = block.finish()?;
    let place = PlaceRow { org, bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX) };
    totals.bytes += u64::from(place.bytes);
    changes.insert((Table::LogByTime, oldest.0.to_vec()), Some(codec::encode(&place)?));
    changes.insert((Table::Logs, block::key(org, oldest)), Some(bytes));
    Ok(())
}
