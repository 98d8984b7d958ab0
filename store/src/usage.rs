//! Exact counters, changed in the same transaction as what they count.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::BucketId;
use crate::meta::table::USAGE;
use crate::meta::{Record, Tx};

/// What a bucket holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// Live objects.
    pub objects: u64,
    /// Bytes of live objects. A copy counts in full, whether or not it shares its bytes.
    pub object_bytes: u64,
    /// Open multipart uploads.
    pub uploads: u64,
    /// Parts of open uploads.
    pub parts: u64,
    /// Bytes of parts of open uploads.
    pub part_bytes: u64,
}

impl Record for UsageRow {
    const VERSION: u8 = 1;
}

/// A change of counters: what an operation adds and what it removes.
#[derive(Debug, Default, Clone, Copy)]
pub struct Change {
    /// Counters to add.
    pub add: UsageRow,
    /// Counters to take away.
    pub sub: UsageRow,
}

/// Applies a change to a bucket's counters. A counter that would fall below zero is a corrupt row, never clamped.
pub fn apply(tx: &mut Tx<'_>, bucket: BucketId, change: &Change) -> Result<()> {
    let row = USAGE.get(tx, &bucket)?.unwrap_or_default();
    let next = |have: u64, add: u64, sub: u64| {
        (have.checked_add(add))
            .and_then(|n| n.checked_sub(sub))
            .ok_or_else(|| Error::corrupt(format!("usage of bucket {bucket}: {have} + {add} - {sub} is out of range")))
    };
    let Change { add, sub } = change;
    let row = UsageRow {
        objects: next(row.objects, add.objects, sub.objects)?,
        object_bytes: next(row.object_bytes, add.object_bytes, sub.object_bytes)?,
        uploads: next(row.uploads, add.uploads, sub.uploads)?,
        parts: next(row.parts, add.parts, sub.parts)?,
        part_bytes: next(row.part_bytes, add.part_bytes, sub.part_bytes)?,
    };
    USAGE.put(tx, &bucket, &row)
}
