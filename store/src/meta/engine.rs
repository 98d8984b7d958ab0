//! What the store asks of a metadata engine: ordered bytes, snapshots, and one atomic durable commit.
//! Rules live above it, once; an engine knows nothing of buckets or objects. Every engine passes `suite`.

use std::ops::Bound;

use bytes::Bytes;

use super::kept::{At, Row};
use super::table::Table;
use crate::error::Result;

/// An ordered, transactional key-value store.
pub trait Engine: Send + Sync + 'static {
    /// A consistent view of everything committed before the call; later commits do not change it.
    /// A snapshot is short-lived: it is never held across an await on a client. Threads may read through one at once.
    fn snapshot(&self) -> Result<Box<dyn Read>>;

    /// Applies all changes or none. When it returns `Ok` they are on stable storage. After `Err` with a storage
    /// fault the engine may be latched: the caller stops acknowledging.
    fn commit(&self, changes: &Changes) -> Result<()>;

    /// Applies all changes or none, at once for every snapshot from now on, and leaves it to the next `commit`, be it of
    /// nothing, to put them on stable storage. Until then a crash takes them back, the latest ones first.
    fn commit_relaxed(&self, changes: &Changes) -> Result<()> {
        self.commit(changes)
    }

    /// Bytes the engine's file takes, for metrics.
    fn size_bytes(&self) -> Result<u64>;
}

/// A view of ordered rows: a snapshot, or a transaction's own view of what it would commit.
pub trait Read: Send + Sync {
    /// The value of one row.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>>;

    /// Visits rows in ascending key order until `visit` says `Stop` or the range ends.
    fn scan(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()>;

    /// The same in descending key order.
    fn scan_back(&self, table: Table, range: &KeyRange, visit: &mut Visitor<'_>) -> Result<()>;

    /// A row that is kept as it was decoded.
    fn kept(&self, _at: &At) -> Option<Row> {
        None
    }

    /// Keeps a row that was read through this view, if rows of its table are kept here.
    fn keep(&self, _at: At, _row: Row) {}
}

/// Sees one row of a scan: its key and value.
pub type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> Result<Step> + 'a;

/// Whether a scan goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The next row, please.
    Continue,
    /// Enough.
    Stop,
}

/// A range of keys in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it begins.
    pub from: Bound<Vec<u8>>,
    /// Where it ends.
    pub to: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self { from: Bound::Unbounded, to: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self { from: Bound::Included(prefix.to_vec()), to: after_prefix(prefix) }
    }

    /// Every key that begins with `prefix` and is greater than or equal to `from`.
    pub fn prefix_from(prefix: &[u8], from: Vec<u8>) -> Self {
        let from = if from.as_slice() < prefix { prefix.to_vec() } else { from };
        Self { from: Bound::Included(from), to: after_prefix(prefix) }
    }

    /// No key can be in it. (`redb` and `BTreeMap` refuse to iterate over an inverted range, so ask first.)
    pub fn is_empty(&self) -> bool {
        match (&self.from, &self.to) {
            (Bound::Included(a), Bound::Included(b)) => a > b,
            (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a >= b,
            _ => false,
        }
    }
}

/// The first bound after all keys that begin with `prefix`.
pub fn after_prefix(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}

/// What one commit changes: for each row its new value, or `None` to delete it.
pub type Changes = std::collections::BTreeMap<(Table, Vec<u8>), Option<Bytes>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_after_a_prefix_is_its_successor() {
        assert_eq!(after_prefix(b"ab"), Bound::Excluded(b"ac".to_vec()));
        assert_eq!(after_prefix(b"a\xff\xff"), Bound::Excluded(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff"), Bound::Unbounded);
        assert_eq!(after_prefix(b""), Bound::Unbounded);
    }
}
