//! Following the rules, in bounded steps. A pass goes through all buckets that have rules, and in each through its objects,
//! its versions and its open uploads. A step looks at a bounded number of rows and ends a bounded number of things in one
//! commit, through the very rules that deletions by clients go through: a lock holds here too, and in a bucket that keeps
//! versions a delete marker takes the place of what expires. A step that is cut has done nothing; one that is repeated finds
//! nothing left to do.

use serde::{Deserialize, Serialize};

use super::due::Rules;
use super::find::{self, Candidate, Found, Phase, Within};
use crate::Store;
use crate::bucket::{Bucket, document};
use crate::error::{ErrorKind, Result};
use crate::id::BucketId;
use crate::limit;
use crate::meta::table::{BUCKETS, OBJECTS, UPLOADS, VERSIONS};
use crate::meta::{Key, KeyRange, Newest, Read, Record, Step, Tx};
use crate::name::ObjectKey;
use crate::notification::{self, EventKind, Subject};
use crate::object::{DeleteObject, VersionId, VersionRow, delete_one, remove_version};
use crate::state;
use crate::upload::abort;

/// Where a pass goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleCursor {
    /// The bucket.
    pub(super) bucket: BucketId,
    /// What of it.
    pub(super) phase: Phase,
    /// The last row that was passed there.
    pub(super) after: Option<Vec<u8>>,
    /// Where among a key's versions that was.
    pub(super) within: Option<Within>,
}

impl Record for LifecycleCursor {
    const VERSION: u8 = 1;
}

impl LifecycleCursor {
    /// The beginning of a bucket.
    fn at(bucket: BucketId) -> Self {
        Self { bucket, phase: Phase::Current, after: None, within: None }
    }

    /// Behind what a step has gone through, if it went to the end.
    fn next_phase(&self) -> Option<Self> {
        let phase = match self.phase {
            Phase::Current => Phase::Versions,
            Phase::Versions => Phase::Uploads,
            Phase::Uploads => {
                let next = u128::from_be_bytes(self.bucket.0).checked_add(1)?;
                return Some(Self::at(BucketId(next.to_be_bytes())));
            }
        };
        Some(Self { phase, ..Self::at(self.bucket) })
    }
}

/// What one step did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LifecycleStep {
    /// Current objects that expired.
    pub expired: u64,
    /// Versions that were removed, delete markers among them.
    pub removed: u64,
    /// Uploads that were aborted.
    pub aborted: u64,
    /// Where to go on; `None` at the end of a pass.
    pub next: Option<LifecycleCursor>,
}

impl Store {
    /// All rules that hold for a bucket, if days are that long.
    pub fn lifecycle_of(&self, bucket: &Bucket, day_ms: u64) -> Result<Rules> {
        Ok(Rules { document: self.document(bucket)?, ttl_days: bucket.row.settings.lifecycle_ttl_days, day_ms })
    }

    /// Where a pass was interrupted; `None` if the next one begins at the beginning.
    pub fn lifecycle_cursor(&self) -> Result<Option<LifecycleCursor>> {
        self.meta.read(state::lifecycle_cursor)
    }

    /// Takes note of how far a pass came, so that a restart goes on from there.
    pub async fn save_lifecycle(&self, cursor: Option<LifecycleCursor>) -> Result<()> {
        self.meta.write(move |tx| state::put_lifecycle_cursor(tx, cursor.as_ref())).await
    }

    /// One bounded step of a pass that goes on at the cursor.
    pub async fn lifecycle_step(&self, cursor: Option<LifecycleCursor>, day_ms: u64) -> Result<LifecycleStep> {
        let cursor = cursor.unwrap_or(LifecycleCursor::at(BucketId([0; 16])));
        let (bucket, more) = self.meta.read(|read| next_bucket(read, cursor.bucket))?;
        let Some(bucket) = bucket else { return Ok(LifecycleStep { next: more, ..LifecycleStep::default() }) };
        let cursor = if bucket.id == cursor.bucket { cursor } else { LifecycleCursor::at(bucket.id) };
        let rules = self.lifecycle_of(&bucket, day_ms)?;
        let now = self.clock.now();
        let Found { candidates, next } = self.meta.read(|read| find::find(read, &bucket, &rules, &cursor, now))?;
        let next = next.or_else(|| cursor.next_phase());
        if candidates.is_empty() {
            return Ok(LifecycleStep { next, ..LifecycleStep::default() });
        }
        self.meta
            .write(move |tx| {
                let mut step = LifecycleStep { next: next.clone(), ..LifecycleStep::default() };
                end(tx, bucket.id, day_ms, &candidates, &mut step)?;
                state::put_lifecycle_cursor(tx, next.as_ref())?;
                Ok(step)
            })
            .await
    }
}

/// The first bucket from `from` on that has rules; or where to look on, if many have none.
fn next_bucket(read: &dyn Read, from: BucketId) -> Result<(Option<Bucket>, Option<LifecycleCursor>)> {
    let (mut found, mut more, mut seen) = (None, None, 0);
    BUCKETS.scan(read, &KeyRange::prefix_from(&[], from.to_key()), |id, row| {
        let rules = row.documents.has(document::DocumentKind::Lifecycle) || row.settings.lifecycle_ttl_days.is_some();
        if rules && !row.is_deleting() {
            found = Some(Bucket::new(id, row));
            return Ok(Step::Stop);
        }
        seen += 1;
        if seen == limit::LIFECYCLE_SCAN_ROWS {
            more = Some(LifecycleCursor::at(id));
            return Ok(Step::Stop);
        }
        Ok(Step::Continue)
    })?;
    Ok((found, more))
}

/// Ends what is still due by the rules as they are now.
fn end(tx: &mut Tx<'_>, id: BucketId, day_ms: u64, candidates: &[Candidate], step: &mut LifecycleStep) -> Result<()> {
    let Some(bucket) = Bucket::get(tx, id)?.filter(|bucket| !bucket.row.is_deleting()) else { return Ok(()) };
    let document = document::get(tx, &bucket)?.map(std::sync::Arc::new);
    let rules = Rules { document, ttl_days: bucket.row.settings.lifecycle_ttl_days, day_ms };
    for candidate in candidates {
        let ended = match candidate {
            Candidate::Current(key) => expire(tx, &bucket, &rules, key).map(|count| step.expired += count),
            Candidate::Noncurrent { .. } => {
                remove_noncurrent(tx, &bucket, &rules, candidate).map(|count| step.removed += count)
            }
            Candidate::Marker(key) => remove_marker(tx, &bucket, &rules, key).map(|count| step.removed += count),
            Candidate::Upload(key, upload) => match UPLOADS.get(tx, &(bucket.id, key.clone(), *upload))? {
                Some(row) if rules.upload(key, row.initiated_ms).is_some_and(|due| due.at_ms <= tx.now()) => {
                    abort(tx, &bucket, key, *upload).map(|_| step.aborted += 1)
                }
                _ => Ok(()),
            },
        };
        match ended {
            // It is locked, which holds against everybody; it has changed nothing.
            Err(error) if error.kind() == ErrorKind::AccessDenied => {}
            ended => ended?,
        }
    }
    Ok(())
}

fn expire(tx: &mut Tx<'_>, bucket: &Bucket, rules: &Rules, key: &str) -> Result<u64> {
    let Some(row) = OBJECTS.get(tx, &(bucket.id, key.to_owned()))? else { return Ok(0) };
    let due = rules.current(&find::facts(key, &row), row.head.modified_ms);
    if due.is_none_or(|due| due.at_ms > tx.now()) {
        return Ok(0);
    }
    let deleted = delete_one(tx, bucket, &DeleteObject::current(ObjectKey::parse(key)?))?;
    let kind = if deleted.marker { EventKind::ExpirationMarker } else { EventKind::ExpirationDelete };
    notification::emit(tx, bucket, kind, Subject { key, version: deleted.version, ..Subject::default() })?;
    Ok(1)
}

fn remove_noncurrent(tx: &mut Tx<'_>, bucket: &Bucket, rules: &Rules, candidate: &Candidate) -> Result<u64> {
    let Candidate::Noncurrent { key, sequence, since_ms, newer } = candidate else { return Ok(0) };
    let row_key = (bucket.id, key.clone(), Newest(*sequence));
    let Some(row) = VERSIONS.get(tx, &row_key)? else { return Ok(0) };
    // A marker is current again once the object before it is removed.
    let current =
        crate::object::find(tx, bucket, key, None)?.is_some_and(|seen| find::name(&seen.row) == find::name(&row));
    if current || !find::noncurrent_is_due(rules, key, &row, *since_ms, *newer, tx.now()) {
        return Ok(0);
    }
    remove(tx, bucket, key, find::name(&row))
}

fn remove_marker(tx: &mut Tx<'_>, bucket: &Bucket, rules: &Rules, key: &str) -> Result<u64> {
    if !find::is_alone(tx, bucket, key)? {
        return Ok(0);
    }
    let Some(seen) = crate::object::find(tx, bucket, key, None)? else { return Ok(0) };
    let VersionRow::Marker(marker) = seen.row else { return Ok(0) };
    if rules.lone_marker(key, marker.modified_ms).is_none_or(|due| due.at_ms > tx.now()) {
        return Ok(0);
    }
    remove(tx, bucket, key, VersionId::of(marker.version))
}

fn remove(tx: &mut Tx<'_>, bucket: &Bucket, key: &str, version: VersionId) -> Result<u64> {
    if remove_version(tx, bucket, key, version, false)?.is_none() {
        return Ok(0);
    }
    let subject = Subject { key, version: Some(version), ..Subject::default() };
    notification::emit(tx, bucket, EventKind::ExpirationDelete, subject)?;
    Ok(1)
}
