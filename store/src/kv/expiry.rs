//! The sweep of what has expired, and of what deleted buckets hold, in bounded steps that can stop anywhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::Result;
use crate::kv::entry::replace;
use crate::kv::usage::{KvChange, count};
use crate::kv::{KvId, delete};
use crate::limit;
use crate::meta::table::{KV_BUCKETS, KV_ENTRIES, KV_EXPIRY};
use crate::meta::{KeyRange, Read, Record, Step, Tx};

/// A row of `kv_expiry`: its key says when, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvExpiryRow;

impl Record for KvExpiryRow {
    const VERSION: u8 = 1;
}

/// What one step did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct KvSwept {
    /// Values that had expired.
    pub expired: u64,
    /// Rows of deleted buckets.
    pub dropped: u64,
    /// Whether there may be more to do at once.
    pub more: bool,
}

/// When, where and under which key.
type Due = (Millis, KvId, Vec<u8>);

impl Store {
    /// One bounded step of the sweep.
    pub async fn kv_sweep_step(&self) -> Result<KvSwept> {
        let now = self.clock.now();
        let due = self.meta.read(|read| expired(read, now))?;
        if !due.is_empty() {
            let expired = self.meta.write(move |tx| remove(tx, &due)).await?;
            return Ok(KvSwept { expired, dropped: 0, more: true });
        }
        let Some(at) = self.meta.read(|read| delete::due(read, now))? else { return Ok(KvSwept::default()) };
        let dropped = self.meta.write(move |tx| delete::step(tx, at)).await?;
        Ok(KvSwept { expired: 0, dropped, more: true })
    }
}

fn expired(read: &dyn Read, now: Millis) -> Result<Vec<Due>> {
    let mut due = Vec::new();
    KV_EXPIRY.scan(read, &KeyRange::all(), |at, KvExpiryRow| {
        if at.0 > now || due.len() == limit::SWEEP_STEP_ROWS {
            return Ok(Step::Stop);
        }
        due.push(at);
        Ok(Step::Continue)
    })?;
    Ok(due)
}

/// A value that was updated meanwhile has another time, and stays.
fn remove(tx: &mut Tx<'_>, due: &[Due]) -> Result<u64> {
    let mut removed = 0;
    let mut changes: BTreeMap<KvId, KvChange> = BTreeMap::new();
    for (expires_ms, id, key) in due {
        let at = (*id, key.clone());
        match KV_ENTRIES.get(tx, &at)? {
            Some(row) if row.expires_ms == Some(*expires_ms) => {
                replace(tx, &at, None, changes.entry(*id).or_default())?;
                removed += 1;
            }
            _ => KV_EXPIRY.delete(tx, &(*expires_ms, *id, key.clone())),
        }
    }
    for (id, change) in &changes {
        if let Some(bucket) = KV_BUCKETS.get(tx, id)? {
            count(tx, *id, &bucket, None, change)?;
        }
    }
    Ok(removed)
}
