//! Deleting key-value buckets: from one commit on nothing can be done in the bucket and its bytes count for nobody; the sweep
//! takes away what it holds, and later the row that says that it was there.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::Result;
use crate::kv::entry::replace;
use crate::kv::usage::{KvChange, count};
use crate::kv::{KvBucketRow, KvGrant, KvId, KvRight, script};
use crate::limit;
use crate::meta::table::{KV_BUCKET_BY_ORG, KV_BUCKETS, KV_DELETIONS, KV_ENTRIES, KV_USAGE};
use crate::meta::{Key, KeyRange, Read, Record, Step, Tx};
use crate::quota;

/// A bucket that is deleted and not yet gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvDeletionRow {
    /// Whether it may still hold something.
    pub holds: bool,
}

impl Record for KvDeletionRow {
    const VERSION: u8 = 1;
}

impl Store {
    /// Deletes a bucket with all it holds. `AccessDenied`, `BucketDeleted` if it is already.
    pub async fn kv_drop(&self, grant: &KvGrant) -> Result<()> {
        grant.must_allow(KvRight::Drop, b"")?;
        let id = grant.id();
        self.meta.write(move |tx| begin(tx, id)).await?;
        self.meta.sync().await
    }
}

fn begin(tx: &mut Tx<'_>, id: KvId) -> Result<()> {
    let mut bucket = KvBucketRow::must_exist(tx, id)?;
    let held = KV_USAGE.get(tx, &id)?.unwrap_or_default();
    quota::charge_org(tx, bucket.org, None, (0, held.bytes))?;
    bucket.deleted_ms = Some(tx.now());
    // What can open nothing any more is not kept.
    (bucket.secret_key, bucket.read_key, bucket.write_key, bucket.signing_key) = (None, None, None, None);
    KV_BUCKETS.put(tx, &id, &bucket)?;
    KV_DELETIONS.put(tx, &(bucket.deleted_ms.unwrap_or_default(), id), &KvDeletionRow { holds: true })
}

/// The first deleted bucket that there is something to do about at `now`.
pub(super) fn due(read: &dyn Read, now: Millis) -> Result<Option<(Millis, KvId)>> {
    let mut found = None;
    KV_DELETIONS.scan(read, &KeyRange::all(), |at, row| {
        let is_due = row.holds || at.0.saturating_add(limit::KV_DELETED_MS) <= now;
        found = is_due.then_some(at);
        Ok(if is_due { Step::Stop } else { Step::Continue })
    })?;
    Ok(found)
}

/// Takes away a bounded number of a deleted bucket's values or, in time, the bucket. Returns how many rows went.
pub(super) fn step(tx: &mut Tx<'_>, at: (Millis, KvId)) -> Result<u64> {
    let (deleted_ms, id) = at;
    let Some(row) = KV_DELETIONS.get(tx, &at)? else { return Ok(0) };
    let Some(bucket) = KV_BUCKETS.get(tx, &id)? else {
        KV_DELETIONS.delete(tx, &at);
        return Ok(1);
    };
    if row.holds {
        let mut keys = Vec::new();
        tx.scan(KV_ENTRIES.table(), &KeyRange::prefix(&id.0), &mut |key, _| {
            keys.extend(<(KvId, Vec<u8>)>::read(key));
            Ok(if keys.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
        })?;
        let mut change = KvChange::default();
        for key in &keys {
            replace(tx, key, None, &mut change)?;
        }
        if keys.is_empty() {
            script::remove_all(tx, id, &mut change)?;
        }
        count(tx, id, &bucket, None, &change)?;
        if keys.is_empty() {
            KV_USAGE.delete(tx, &id);
            KV_DELETIONS.put(tx, &at, &KvDeletionRow { holds: false })?;
        }
        return Ok(keys.len() as u64);
    }
    if deleted_ms.saturating_add(limit::KV_DELETED_MS) > tx.now() {
        return Ok(0);
    }
    KV_BUCKETS.delete(tx, &id);
    KV_BUCKET_BY_ORG.delete(tx, &(bucket.org, id));
    KV_DELETIONS.delete(tx, &at);
    Ok(1)
}
