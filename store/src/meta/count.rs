//! What the commit point counts: plain atomics, read by metrics and by tests that bound the rows an operation reads.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::engine::{KeyRange, Read, Visitor};
use super::kept::{At, Row};
use super::shared::Snapshot;
use super::table::Table;
use crate::error::Result;
use crate::spread::Spread;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $kept:ty)*) => {
        /// What a store has done since it was opened.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct MetaCounters { $($(#[$doc])* pub $name: u64),* }

        /// The counters as they are kept.
        #[derive(Default)]
        pub(super) struct Counters { $(pub(super) $name: $kept),* }

        impl Counters {
            /// All counters now.
            pub(super) fn read(&self) -> MetaCounters {
                MetaCounters { $($name: self.$name.sum()),* }
            }
        }
    };
}

counters! {
    /// Commits; each reached stable storage before it was acknowledged, unless durability is relaxed.
    commits: AtomicU64
    /// Commits that reached stable storage before they returned, those of nothing new included.
    syncs: AtomicU64
    /// Operations that ran.
    operations: AtomicU64
    /// Operations that returned an error or panicked.
    failed_operations: AtomicU64
    /// Rows that reads and rules took from snapshots: found by `get`, or kept from there, or visited by `scan`.
    rows_read: Spread<AtomicU64>
    /// Rows put or deleted by commits.
    rows_written: AtomicU64
    /// Bytes of keys and new values in commits.
    bytes_written: AtomicU64
    /// Operations waiting for the writer or in its current commit.
    queue_depth: AtomicU64
    /// Time spent in the engine's commits, in nanoseconds.
    commit_nanos: AtomicU64
    /// Times the engine was opened anew after it had failed.
    recoveries: AtomicU64
}

/// What a counter comes to.
trait Sum {
    fn sum(&self) -> u64;
}

impl Sum for AtomicU64 {
    fn sum(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }
}

impl Sum for Spread<AtomicU64> {
    fn sum(&self) -> u64 {
        self.all().map(Sum::sum).sum()
    }
}

/// A view of a snapshot that counts the rows taken through it, and adds them to the total when it ends.
pub(super) struct Counted<S: Deref<Target = Snapshot>> {
    inner: S,
    /// Only ever changed by the one thread that reads through this view, so no add has to be atomic.
    rows: AtomicU64,
}

impl<S: Deref<Target = Snapshot>> Counted<S> {
    /// A view of `inner`.
    pub(super) fn new(inner: S) -> Self {
        Self { inner, rows: AtomicU64::new(0) }
    }

    fn count(&self, rows: u64) {
        self.rows.store(self.rows.load(Ordering::Relaxed) + rows, Ordering::Relaxed);
    }
}

impl<S: Deref<Target = Snapshot> + Send + Sync> Read for Counted<S> {
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

    fn kept(&self, at: &At) -> Option<Row> {
        // Counted all the same: what an operation reads must not depend on what was read before.
        self.inner.kept(at).inspect(|_| self.count(1))
    }

    fn keep(&self, at: At, row: Row) {
        self.inner.keep(at, row);
    }
}

impl<S: Deref<Target = Snapshot>> Drop for Counted<S> {
    fn drop(&mut self) {
        let rows = *self.rows.get_mut();
        self.inner.counters().rows_read.mine().fetch_add(rows, Ordering::Relaxed);
    }
}
