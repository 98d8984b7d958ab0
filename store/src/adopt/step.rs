//! The job's steps. Each ends in one commit that says how far it came, so a step that is cut is done again: what it had settled
//! is found settled.

use std::sync::Arc;

use futures::{StreamExt, stream};

use crate::Store;
use crate::bucket::{Bucket, document};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::BucketId;
use crate::limit;
use crate::link::Link;
use crate::meta::table::{ADOPTIONS, TOMBSTONES};
use crate::meta::{KeyRange, Step, Tx};
use crate::upstream::{ListUpstream, UpstreamObject};

use super::bring::count;
use super::{AdoptionRow, Failure, Pace, Phase};

/// The wait after a pass, or a step, that failed; it doubles with each pass.
const RETRY_MS: Millis = 2_000;
/// The longest wait.
const RETRY_MS_MAX: Millis = 600_000;

/// What a step did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct AdoptionStep {
    /// Objects that it went by.
    pub objects: u64,
    /// Whether the bucket is ours since.
    pub ended: bool,
    /// Whether there is something to do at once.
    pub more: bool,
}

impl Store {
    /// The adoptions that can be gone on with now.
    pub fn due_adoptions(&self) -> Result<Vec<BucketId>> {
        let now = self.clock.now();
        let mut due = Vec::new();
        self.meta.read(|read| {
            ADOPTIONS.scan(read, &KeyRange::all(), |bucket, row| {
                if row.phase != Phase::Done && row.retry_ms <= now {
                    due.push(bucket);
                }
                Ok(if due.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
            })
        })?;
        Ok(due)
    }

    /// One bounded step of an adoption, with so many objects brought at once. What fails is noted, and tried again later.
    pub async fn adoption_step(
        self: &Arc<Self>,
        id: BucketId,
        pace: &Arc<Pace>,
        at_once: usize,
    ) -> Result<AdoptionStep> {
        let (bucket, row) = self.meta.read(|read| Ok((Bucket::get(read, id)?, ADOPTIONS.get(read, &id)?)))?;
        let Some((bucket, row)) = bucket.filter(|bucket| !bucket.row.is_deleting()).zip(row) else {
            return Ok(AdoptionStep::default());
        };
        let stepped = match row.phase {
            Phase::Counting => self.count_objects(&bucket, row).await,
            Phase::Bringing => self.bring_objects(&bucket, row, pace, at_once).await,
            Phase::Clearing => return self.meta.write(move |tx| clear(tx, id)).await,
            Phase::Done => return Ok(AdoptionStep::default()),
        };
        let error = match stepped {
            Ok(step) => return Ok(step),
            Err(error) if error.kind() == ErrorKind::Latched => return Err(error),
            Err(error) => error,
        };
        tracing::warn!(%error, bucket = %bucket.row.name, "an adoption waits");
        let failure = Failure { key: None, message: error.message().to_owned() };
        self.meta
            .write(move |tx| {
                let retry_ms = tx.now().saturating_add(RETRY_MS);
                count(tx, id, |row| (row.failure, row.retry_ms) = (Some(failure.clone()), retry_ms))
            })
            .await?;
        Ok(AdoptionStep::default())
    }

    /// Counts one page.
    async fn count_objects(&self, bucket: &Bucket, row: AdoptionRow) -> Result<AdoptionStep> {
        let (page, more) = self.page_behind(bucket, row.after.as_deref()).await?;
        let bytes: u64 = page.iter().map(|object| object.size).sum();
        let (id, objects, last) = (bucket.id, page.len() as u64, page.last().map(|object| object.key.clone()));
        self.meta
            .write(move |tx| {
                count(tx, id, |row| {
                    row.objects_total += objects;
                    row.bytes_total += bytes;
                    row.after.clone_from(&last);
                    if !more {
                        (row.phase, row.after) = (Phase::Bringing, None);
                    }
                })
            })
            .await?;
        Ok(AdoptionStep { more: true, ..AdoptionStep::default() })
    }

    /// Settles the keys of one page, or as many of them as are a step's worth of bytes.
    async fn bring_objects(
        self: &Arc<Self>,
        bucket: &Bucket,
        row: AdoptionRow,
        pace: &Arc<Pace>,
        at_once: usize,
    ) -> Result<AdoptionStep> {
        if !self.forwards.are_over(bucket.id) {
            return Err(Error::new(
                ErrorKind::SlowDown,
                "Changes from before the adoption are still under way upstream.",
            ));
        }
        let (mut page, mut more) = self.page_behind(bucket, row.after.as_deref()).await?;
        let mut bytes = 0;
        let step = page.iter().take_while(|object| {
            let fits = bytes < limit::ADOPTION_STEP_BYTES;
            bytes += if fits { object.size } else { 0 };
            fits
        });
        let step = step.count();
        more |= step < page.len();
        page.truncate(step);

        let brought: Vec<_> = page.iter().map(|object| self.bring(bucket, &object.key, Some(pace))).collect();
        let outcomes: Vec<Result<()>> = stream::iter(brought).buffered(at_once.max(1)).collect().await;
        let mut failures = page.iter().zip(outcomes).filter_map(|(object, outcome)| Some((object, outcome.err()?)));
        let first = failures.next().map(|(object, error)| {
            tracing::warn!(%error, key = object.key, bucket = %bucket.row.name, "an object was not brought");
            Failure { key: Some(object.key.clone()), message: error.message().to_owned() }
        });
        let failed = u64::from(first.is_some()) + failures.count() as u64;
        let passed = Passed { objects: page.len() as u64, bytes, failed, failure: first, more };
        let (id, last) = (bucket.id, page.pop().map(|object| object.key));
        self.meta.write(move |tx| pass(tx, id, &passed, last.clone())).await
    }

    /// The upstream's objects behind a key, in order, and whether there are more. What is not in order could be passed over.
    async fn page_behind(&self, bucket: &Bucket, after: Option<&str>) -> Result<(Vec<UpstreamObject>, bool)> {
        let Some((provider, link)) = self.behind(bucket).await? else { return Ok((Vec::new(), false)) };
        let list = ListUpstream { after, max: limit::STEP_ROWS, ..ListUpstream::default() };
        let page = self.upstream().list_objects(&provider, &link.name, &list).await?;
        let mut last = after;
        for UpstreamObject { key, .. } in &page.objects {
            if last.is_some_and(|last| last >= key.as_str()) {
                return Err(Error::new(
                    ErrorKind::UpstreamInvalid,
                    "The upstream does not list keys in the order of their bytes.",
                ));
            }
            last = Some(key);
        }
        if page.next.is_some() && page.objects.is_empty() {
            return Err(Error::new(ErrorKind::UpstreamInvalid, "The upstream lists empty pages."));
        }
        Ok((page.objects, page.next.is_some()))
    }
}

/// What a step went by.
struct Passed {
    objects: u64,
    bytes: u64,
    failed: u64,
    failure: Option<Failure>,
    more: bool,
}

/// Notes how far a step came. The last of a pass in which nothing failed makes the bucket ours.
fn pass(tx: &mut Tx<'_>, id: BucketId, passed: &Passed, last: Option<String>) -> Result<AdoptionStep> {
    let bucket = Bucket::must_exist(tx, id)?;
    let mut row = ADOPTIONS.get(tx, &id)?.ok_or_else(|| Error::corrupt(format!("the adoption of bucket {id}")))?;
    row.objects += passed.objects;
    row.bytes += passed.bytes;
    row.failed += passed.failed;
    row.failure = passed.failure.clone().or(row.failure);
    row.after = last;
    let mut step = AdoptionStep { objects: passed.objects, ended: false, more: true };
    if !passed.more && row.failed == 0 {
        document::delete::<Link>(tx, bucket)?;
        (row.phase, row.after, row.failure, row.ended_ms) = (Phase::Clearing, None, None, Some(tx.now()));
        step.ended = true;
    } else if !passed.more {
        let wait = RETRY_MS.saturating_mul(1 << row.passes.min(20)).min(RETRY_MS_MAX);
        row.passes += 1;
        (row.after, row.objects, row.bytes, row.failed) = (None, 0, 0, 0);
        row.retry_ms = tx.now().saturating_add(wait);
        step.more = false;
    }
    ADOPTIONS.put(tx, &id, &row)?;
    Ok(step)
}

/// Clears some of what nobody asks for any more.
fn clear(tx: &mut Tx<'_>, id: BucketId) -> Result<AdoptionStep> {
    let more = clear_tombstones(tx, id)?;
    if !more {
        count(tx, id, |row| row.phase = Phase::Done)?;
    }
    Ok(AdoptionStep { more, ..AdoptionStep::default() })
}

/// Removes a bounded number of a bucket's tombstones; says whether there was one.
pub(crate) fn clear_tombstones(tx: &mut Tx<'_>, id: BucketId) -> Result<bool> {
    let mut keys = Vec::new();
    TOMBSTONES.scan(tx, &KeyRange::prefix(&id.0), |key, _| {
        keys.push(key);
        Ok(if keys.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for key in &keys {
        TOMBSTONES.delete(tx, key);
    }
    Ok(!keys.is_empty())
}
