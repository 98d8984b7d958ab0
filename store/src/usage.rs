//! Exact counters, changed in the same transaction as what they count.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::bucket::Bucket;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::{BucketId, OrgId};
use crate::meta::table::{ORG_USAGE, USAGE};
use crate::meta::{Record, Tx, codec};

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
    /// Versions that are not current.
    pub versions: u64,
    /// Their bytes.
    pub version_bytes: u64,
    /// Delete markers.
    pub markers: u64,
}

impl Record for UsageRow {
    const VERSION: u8 = 2;

    fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
        // From before versions.
        let (objects, object_bytes, uploads, parts, part_bytes) = codec::decode_old(version, 1, bytes)?;
        Ok(Self { objects, object_bytes, uploads, parts, part_bytes, ..Self::default() })
    }
}

impl UsageRow {
    /// All bytes that count towards a quota.
    pub fn stored_bytes(&self) -> u64 {
        self.object_bytes.saturating_add(self.part_bytes).saturating_add(self.version_bytes)
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_add(other.objects),
            object_bytes: self.object_bytes.saturating_add(other.object_bytes),
            uploads: self.uploads.saturating_add(other.uploads),
            parts: self.parts.saturating_add(other.parts),
            part_bytes: self.part_bytes.saturating_add(other.part_bytes),
            versions: self.versions.saturating_add(other.versions),
            version_bytes: self.version_bytes.saturating_add(other.version_bytes),
            markers: self.markers.saturating_add(other.markers),
        }
    }
}

/// What all buckets of an organisation hold, those that are being deleted aside.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgUsageRow {
    /// Buckets.
    pub buckets: u64,
    /// Bytes of their objects, of older versions, and of parts of open uploads.
    pub storage_bytes: u64,
}

impl Record for OrgUsageRow {
    const VERSION: u8 = 1;
}

/// A change of counters: what an operation adds and what it removes.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Change {
    /// Counters to add.
    pub(crate) add: UsageRow,
    /// Counters to take away.
    pub(crate) sub: UsageRow,
}

impl Change {
    /// The change that adds nothing.
    pub(crate) fn less(sub: UsageRow) -> Self {
        Self { add: UsageRow::default(), sub }
    }

    /// Bytes that come to be stored, and bytes that cease to be.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.add.stored_bytes(), self.sub.stored_bytes())
    }
}

/// Applies a change to the counters of a bucket, and to those of its organisation, which it returns. A counter that would
/// fall below zero is a corrupt row, never clamped.
pub(crate) fn apply(tx: &mut Tx<'_>, bucket: &Bucket, change: &Change) -> Result<OrgUsageRow> {
    let Change { add, sub } = change;
    let row = USAGE.get(tx, &bucket.id)?.unwrap_or_default();
    let next = |have: u64, add: u64, sub: u64| next(have, add, sub, || format!("bucket {}", bucket.id));
    let row = UsageRow {
        objects: next(row.objects, add.objects, sub.objects)?,
        object_bytes: next(row.object_bytes, add.object_bytes, sub.object_bytes)?,
        uploads: next(row.uploads, add.uploads, sub.uploads)?,
        parts: next(row.parts, add.parts, sub.parts)?,
        part_bytes: next(row.part_bytes, add.part_bytes, sub.part_bytes)?,
        versions: next(row.versions, add.versions, sub.versions)?,
        version_bytes: next(row.version_bytes, add.version_bytes, sub.version_bytes)?,
        markers: next(row.markers, add.markers, sub.markers)?,
    };
    USAGE.put(tx, &bucket.id, &row)?;
    let (more, less) = change.bytes();
    if bucket.row.is_deleting() || bucket.row.is_sandbox() || more == less {
        return Ok(ORG_USAGE.get(tx, &bucket.row.org)?.unwrap_or_default());
    }
    apply_to_org(tx, bucket.row.org, (0, 0), (more, less))
}

/// Changes the counters of an organisation: buckets and bytes, each by what is added and what is taken away.
pub(crate) fn apply_to_org(tx: &mut Tx<'_>, org: OrgId, buckets: (u64, u64), bytes: (u64, u64)) -> Result<OrgUsageRow> {
    let row = ORG_USAGE.get(tx, &org)?.unwrap_or_default();
    let next = |have: u64, (add, sub): (u64, u64)| next(have, add, sub, || format!("organisation {org}"));
    let row = OrgUsageRow { buckets: next(row.buckets, buckets)?, storage_bytes: next(row.storage_bytes, bytes)? };
    ORG_USAGE.put(tx, &org, &row)?;
    Ok(row)
}

fn next(have: u64, add: u64, sub: u64, of: impl Fn() -> String) -> Result<u64> {
    (have.checked_add(add))
        .and_then(|n| n.checked_sub(sub))
        .ok_or_else(|| Error::corrupt(format!("usage of {}: {have} + {add} - {sub} is out of range", of())))
}

/// What an organisation takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrgUsage {
    /// Buckets.
    pub buckets: u64,
    /// Bytes stored.
    pub storage_bytes: u64,
    /// Bytes sent in the period.
    pub bandwidth_bytes: u64,
    /// When the period began.
    pub period_start_ms: Millis,
    /// When it ends.
    pub period_end_ms: Millis,
}

impl Store {
    /// What an organisation takes up now; buckets that are being deleted count no more.
    pub fn org_usage(&self, org: OrgId) -> Result<OrgUsage> {
        let row = self.meta.read(|read| ORG_USAGE.get(read, &org))?.unwrap_or_default();
        let period = self.period();
        Ok(OrgUsage {
            buckets: row.buckets,
            storage_bytes: row.storage_bytes,
            bandwidth_bytes: self.org_bandwidth(org)?,
            period_start_ms: period.start_ms(),
            period_end_ms: period.next().start_ms(),
        })
    }

    /// What a bucket holds.
    pub fn usage_of(&self, bucket: BucketId) -> Result<UsageRow> {
        Ok(self.meta.read(|read| USAGE.get(read, &bucket))?.unwrap_or_default())
    }
}
