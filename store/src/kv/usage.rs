//! What key-value buckets hold, counted in the transaction that changes it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::kv::{KvBucketRow, KvId};
use crate::meta::table::KV_USAGE;
use crate::meta::{Record, Tx};
use crate::plan::Plan;
use crate::quota;

/// What a bucket holds: rows, those that have expired and wait for the sweep among them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvUsageRow {
    /// Keys.
    pub keys: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
}

impl Record for KvUsageRow {
    const VERSION: u8 = 1;
}

impl KvUsageRow {
    /// One row more.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.keys += 1;
        self.bytes += bytes;
    }
}

/// What a transaction puts in and what it takes out.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct KvChange {
    pub(super) more: KvUsageRow,
    pub(super) less: KvUsageRow,
}

/// Counts a change for a bucket and, unless it is deleted and counts for nobody, its organisation. With a plan,
/// `QuotaExceeded` if that has no room for what comes in beyond what goes.
pub(super) fn count(
    tx: &mut Tx<'_>,
    id: KvId,
    bucket: &KvBucketRow,
    plan: Option<&Plan>,
    change: &KvChange,
) -> Result<()> {
    let KvChange { more, less } = change;
    let row = KV_USAGE.get(tx, &id)?.unwrap_or_default();
    let next = |have: u64, add: u64, sub: u64| {
        let next = have.checked_add(add).and_then(|sum| sum.checked_sub(sub));
        next.ok_or_else(|| Error::corrupt(format!("usage of key-value bucket {id}: {have} + {add} - {sub}")))
    };
    let after =
        KvUsageRow { keys: next(row.keys, more.keys, less.keys)?, bytes: next(row.bytes, more.bytes, less.bytes)? };
    if after != row {
        KV_USAGE.put(tx, &id, &after)?;
    }
    if bucket.deleted_ms.is_some() || more.bytes == less.bytes {
        return Ok(());
    }
    quota::charge_org(tx, bucket.org, plan, (more.bytes, less.bytes))
}
