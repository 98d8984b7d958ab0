//! What the commit point counts: plain atomics, read by metrics and by tests that bound the rows an operation reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::engine::{KeyRange, Read, Visitor};
use super::shared::Snapshot;
use super::table::Table;
use crate::error::Result;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// What a store has done since it was opened.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct MetaCounters { $($(#[$doc])* pub $name: u64),* }

        /// The counters as they are kept.
        #[derive(Default)]
        pub(super) struct Counters { $(pub(super) $name: AtomicU64),* }

        impl Counters {
            /// All counters now.
            pub(super) fn read(&self) -> MetaCounters {
                MetaCounters { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counters! {
    /// Commits; each reached stable storage before it was acknowledged, unless durability is relaxed.
    commits
    /// Commits that reached stable storage before they returned, those of nothing new included.
    syncs
    /// Operations that ran.
    operations
    /// Operations that returned an error or panicked.
    failed_operations
    /// Rows that reads and rules took from snapshots: found by `get` or visited by `scan`.
    rows_read
    /// Rows put or deleted by commits.
    rows_written
    /// Bytes of keys and new values in commits.
    bytes_written
    /// Operations waiting for the writer or in its current commit.
    queue_depth
    /// Time spent in the engine's commits, in nanoseconds.
    commit_nanos
    /// Times the engine was opened anew after it had failed.
    recoveries
}

/// A view of a snapshot that counts the rows taken through it, and adds them to the total when it ends.
pub(super) struct Counted {
    inner: Arc<Snapshot>,
    /// Only ever changed by the one thread that reads through this view, so no add has to be atomic.
    rows: AtomicU64,
    counters: Arc<Counters>,
}

impl Counted {
    /// A view of `inner` that counts in `counters`.
    pub(super) fn new(inner: Arc<Snapshot>, counters: Arc<Counters>) -> Self {
        Self { inner, rows: AtomicU64::new(0), counters }
    }

    fn count(&self, rows: u64) {
        self.rows.store(self.rows.load(Ordering::Relaxed) + rows, Ordering::Relaxed);
    }
}

impl Read for Counted {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>> {
        let row = self.inner.get(table, key)?;
        self.count(u64::from(row.is_some()));
        Ok(row)
    }

    fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        self.inner.scan(table, range, &mut |key, value| {
            self.count(1);
            visit(key, value)
        })
    }

    fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()> {
        self.inner.scan_back(table, range, &mut |key, value| {
            self.count(1);
            visit(key, value)
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counters.rows_read.fetch_add(*self.rows.get_mut(), Ordering::Relaxed);
    }
}
