//! Finding what is due in a bucket: a bounded walk over one of its tables, in a snapshot.
//!
//! What is found is only a candidate. It is held against the rules again in the commit that ends it, because by then it may
//! have been written anew, or have become current.

use serde::{Deserialize, Serialize};

use super::due::{Facts, Rules};
use super::step::LifecycleCursor;
use crate::bucket::Bucket;
use crate::clock::Millis;
use crate::error::Result;
use crate::id::UploadId;
use crate::limit;
use crate::meta::table::{OBJECTS, UPLOADS, VERSIONS};
use crate::meta::{Key, KeyRange, Newest, Read, Step, Tagged};
use crate::object::{ObjectRow, VersionId, VersionRow};

/// What is walked over, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Phase {
    Current,
    Versions,
    Uploads,
}

/// Where among the versions of one key a walk was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Within {
    key: String,
    /// Versions of it passed that are not current.
    newer: u32,
    /// When the next one ceased to be current.
    since_ms: Millis,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Candidate {
    /// A current object.
    Current(String),
    /// A version that is not current, when it ceased to be, and how many such are newer.
    Noncurrent { key: String, sequence: u64, since_ms: Millis, newer: u32 },
    /// A delete marker with nothing behind it.
    Marker(String),
    /// An open upload.
    Upload(String, UploadId),
}

/// What one walk found.
pub(super) struct Found {
    pub(super) candidates: Vec<Candidate>,
    /// Where the next one begins; `None` at the end of the table.
    pub(super) next: Option<LifecycleCursor>,
}

/// Walks on from a cursor in a bucket.
pub(super) fn find(
    read: &dyn Read,
    bucket: &Bucket,
    rules: &Rules,
    cursor: &LifecycleCursor,
    now: Millis,
) -> Result<Found> {
    match cursor.phase {
        Phase::Current => current(read, bucket, rules, cursor, now),
        Phase::Versions => versions(read, bucket, rules, cursor, now),
        Phase::Uploads => uploads(read, bucket, rules, cursor, now),
    }
}

/// The facts about a stored object.
pub(super) fn facts<'a>(key: &'a str, row: &'a ObjectRow) -> Facts<'a> {
    Facts { key, size: row.head.size, tags: &row.extras.tags }
}

/// Keeps count of a walk.
struct Walk<'a> {
    cursor: &'a LifecycleCursor,
    rows: usize,
    candidates: Vec<Candidate>,
    candidates_max: usize,
    next: Option<LifecycleCursor>,
}

impl<'a> Walk<'a> {
    fn new(cursor: &'a LifecycleCursor, candidates_max: usize) -> Self {
        Self { cursor, rows: 0, candidates: Vec::new(), candidates_max, next: None }
    }

    fn range(&self, bucket: &Bucket) -> KeyRange {
        let mut range = KeyRange::prefix(&bucket.id.0);
        if let Some(after) = &self.cursor.after {
            range.from = std::ops::Bound::Excluded(after.clone());
        }
        range
    }

    /// Takes note of a row; says whether there is room for another.
    fn passed(&mut self, key: &impl Key, within: Option<Within>, candidate: Option<Candidate>) -> Step {
        self.rows += 1;
        self.candidates.extend(candidate);
        if self.rows < limit::LIFECYCLE_SCAN_ROWS && self.candidates.len() < self.candidates_max {
            return Step::Continue;
        }
        self.next = Some(LifecycleCursor { after: Some(key.to_key()), within, ..self.cursor.clone() });
        Step::Stop
    }

    fn end(self) -> Found {
        Found { candidates: self.candidates, next: self.next }
    }
}

fn current(read: &dyn Read, bucket: &Bucket, rules: &Rules, cursor: &LifecycleCursor, now: Millis) -> Result<Found> {
    let mut walk = Walk::new(cursor, limit::STEP_ROWS);
    OBJECTS.scan(read, &walk.range(bucket), |(id, key), row| {
        let due = rules.current(&facts(&key, &row), row.head.modified_ms).is_some_and(|due| due.at_ms <= now);
        let candidate = due.then(|| Candidate::Current(key.clone()));
        Ok(walk.passed(&(id, key), None, candidate))
    })?;
    Ok(walk.end())
}

fn uploads(read: &dyn Read, bucket: &Bucket, rules: &Rules, cursor: &LifecycleCursor, now: Millis) -> Result<Found> {
    // An abort looks at all parts of its upload, so fewer of them make a step.
    let mut walk = Walk::new(cursor, limit::LIFECYCLE_STEP_UPLOADS);
    UPLOADS.scan(read, &walk.range(bucket), |(id, key, upload), row| {
        let due = rules.upload(&key, row.initiated_ms).is_some_and(|due| due.at_ms <= now);
        let candidate = due.then(|| Candidate::Upload(key.clone(), upload));
        Ok(walk.passed(&(id, key, upload), None, candidate))
    })?;
    Ok(walk.end())
}

fn versions(read: &dyn Read, bucket: &Bucket, rules: &Rules, cursor: &LifecycleCursor, now: Millis) -> Result<Found> {
    let mut walk = Walk::new(cursor, limit::STEP_ROWS);
    let mut within = cursor.within.clone();
    VERSIONS.scan(read, &walk.range(bucket), |(id, key, Newest(sequence)), row| {
        let known = within.take().filter(|within| within.key == key);
        let (state, candidate) = match known {
            Some(within) => noncurrent(rules, &row, sequence, within, now),
            None => match OBJECTS.get(read, &(id, key.clone()))? {
                Some(current) => {
                    let begin = Within { key: key.clone(), newer: 0, since_ms: current.head.modified_ms };
                    noncurrent(rules, &row, sequence, begin, now)
                }
                // The newest row of a key without a current object is its current delete marker.
                None => {
                    let made_ms = modified_ms(&row);
                    let due = rules.lone_marker(&key, made_ms).is_some_and(|due| due.at_ms <= now);
                    let candidate = due && is_alone(read, bucket, &key)?;
                    let begin = Within { key: key.clone(), newer: 0, since_ms: made_ms };
                    (begin, candidate.then(|| Candidate::Marker(key.clone())))
                }
            },
        };
        let step = walk.passed(&(id, key, Newest(sequence)), Some(state.clone()), candidate);
        within = Some(state);
        Ok(step)
    })?;
    Ok(walk.end())
}

/// Holds a version that is not current against the rules; returns where the walk is behind it, too.
fn noncurrent(rules: &Rules, row: &VersionRow, sequence: u64, at: Within, now: Millis) -> (Within, Option<Candidate>) {
    let Within { key, newer, since_ms } = at;
    let due = noncurrent_is_due(rules, &key, row, since_ms, newer, now);
    let candidate = due.then(|| Candidate::Noncurrent { key: key.clone(), sequence, since_ms, newer });
    (Within { key, newer: newer.saturating_add(1), since_ms: modified_ms(row) }, candidate)
}

/// Whether a version is due that ceased to be current then.
pub(super) fn noncurrent_is_due(
    rules: &Rules,
    key: &str,
    row: &VersionRow,
    since_ms: Millis,
    newer: u32,
    now: Millis,
) -> bool {
    let facts = match row {
        VersionRow::Object(Tagged(row)) => facts(key, row),
        VersionRow::Marker(_) => Facts { key, size: 0, tags: &[] },
    };
    rules.noncurrent(&facts, since_ms, newer).is_some_and(|due| due.at_ms <= now)
}

/// When a version was written.
pub(super) fn modified_ms(row: &VersionRow) -> Millis {
    match row {
        VersionRow::Object(Tagged(row)) => row.head.modified_ms,
        VersionRow::Marker(marker) => marker.modified_ms,
    }
}

/// Whether a key has one version and no more.
pub(super) fn is_alone(read: &dyn Read, bucket: &Bucket, key: &str) -> Result<bool> {
    let mut versions = usize::from(OBJECTS.contains(read, &(bucket.id, key.to_owned()))?);
    let all = KeyRange::prefix(&crate::meta::codec::key_prefix(&bucket.id.0, key));
    VERSIONS.scan(read, &all, |_, _| {
        versions += 1;
        Ok(if versions > 1 { Step::Stop } else { Step::Continue })
    })?;
    Ok(versions == 1)
}

/// The public name of a stored version.
pub(super) fn name(row: &VersionRow) -> VersionId {
    VersionId::of(row.version())
}
