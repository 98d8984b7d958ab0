//! An organisation's buckets, those that the key sees: over S3 by name, by the JSON doors by id.

use crate::Store;
use crate::bucket::{Bucket, BucketRow, BucketState};
use crate::error::{Error, Result};
use crate::id::BucketId;
use crate::limit;
use crate::meta::table::{BUCKET_BY_ORG, BUCKET_ID_BY_ORG, BUCKETS, IdRow, USAGE};
use crate::meta::{KeyRange, Read, Step};
use crate::policy::{Action, Grant, KeyPrincipal};
use crate::usage::UsageRow;

/// What to list.
#[derive(Debug, Clone)]
pub struct ListBuckets {
    /// Only names that begin with it.
    pub prefix: String,
    /// Names behind this one.
    pub after: Option<String>,
    /// Most buckets.
    pub max: usize,
}

/// A page of buckets.
#[derive(Debug, Clone)]
pub struct BucketPage {
    /// In the order of their names.
    pub buckets: Vec<Bucket>,
    /// The last name, if more come behind it.
    pub next: Option<String>,
}

/// Buckets with what they hold, and the id to go on behind.
pub type UsagePage = (Vec<(Bucket, UsageRow)>, Option<BucketId>);

impl Store {
    /// Lists the buckets of the grant's organisation. One that is being deleted is not among them.
    pub fn list_buckets(&self, grant: &Grant, query: &ListBuckets) -> Result<BucketPage> {
        grant.must_allow(Action::ListBuckets)?;
        let principal = grant.principal();
        let org_prefix = principal.org.0;
        let prefix = [&org_prefix, query.prefix.as_bytes()].concat();
        let from = match &query.after {
            Some(name) => [&org_prefix, name.as_bytes(), &[0]].concat(),
            None => prefix.clone(),
        };
        self.meta.read(|read| {
            let mut page = BucketPage { buckets: Vec::new(), next: None };
            BUCKET_BY_ORG.scan(read, &KeyRange::prefix_from(&prefix, from), |_, IdRow(id)| {
                let id = BucketId(id);
                if principal.buckets.as_ref().is_some_and(|list| !list.contains(&id)) {
                    return Ok(Step::Continue);
                }
                let row: BucketRow = BUCKETS
                    .get(read, &id)?
                    .ok_or_else(|| Error::corrupt(format!("bucket {id} is listed but has no row")))?;
                if row.is_deleting() {
                    return Ok(Step::Continue);
                }
                if page.buckets.len() == query.max {
                    page.next = page.buckets.last().map(|bucket| bucket.row.name.to_string());
                    return Ok(Step::Stop);
                }
                page.buckets.push(Bucket::new(id, row));
                Ok(Step::Continue)
            })?;
            Ok(page)
        })
    }

    /// A page of the organisation's buckets with what they hold, ascending by id: those behind `after` that are in `state`,
    /// at most `max`, those being deleted among them. With it the id to go on behind, if there may be more; a page can be
    /// short, or empty, and not be the last, since only `limit::PAGE_MAX` buckets are looked at.
    pub fn list_buckets_by_id(
        &self,
        grant: &Grant,
        after: Option<BucketId>,
        state: Option<BucketState>,
        max: usize,
    ) -> Result<UsagePage> {
        grant.must_allow(Action::ListBuckets)?;
        let org = grant.principal().org;
        self.meta.read(|read| {
            let (mut page, mut next) = (Vec::new(), None);
            let (mut looked, mut last) = (0, None);
            for_each_behind(read, grant.principal(), after, |id| {
                if page.len() >= max || looked == limit::PAGE_MAX {
                    next = last;
                    return Ok(Step::Stop);
                }
                (looked, last) = (looked + 1, Some(id));
                // A bucket that is gone is on its way off the key's list.
                let bucket = Bucket::get(read, id)?.filter(|bucket| bucket.row.org == org);
                if let Some(bucket) = bucket.filter(|bucket| state.is_none_or(|state| state == bucket.row.state)) {
                    page.push((bucket, USAGE.get(read, &id)?.unwrap_or_default()));
                }
                Ok(Step::Continue)
            })?;
            Ok((page, next))
        })
    }

    /// The counters of the first `max` buckets, for metrics.
    pub fn bucket_usage(&self, max: usize) -> Result<Vec<(Bucket, UsageRow)>> {
        let max = max.min(limit::PAGE_MAX);
        self.meta.read(|read| {
            let mut usage = Vec::new();
            BUCKETS.scan(read, &KeyRange::all(), |id, row| {
                if usage.len() == max {
                    return Ok(Step::Stop);
                }
                let counters = USAGE.get(read, &id)?.unwrap_or_default();
                usage.push((Bucket::new(id, row), counters));
                Ok(Step::Continue)
            })?;
            Ok(usage)
        })
    }
}

/// Visits the ids behind `after` that a key may see, ascending.
fn for_each_behind(
    read: &dyn Read,
    key: &KeyPrincipal,
    after: Option<BucketId>,
    mut visit: impl FnMut(BucketId) -> Result<Step>,
) -> Result<()> {
    let is_behind = |id: &BucketId| after.is_none_or(|after| *id > after);
    if let Some(list) = &key.buckets {
        let mut ids: Vec<_> = list.iter().copied().filter(is_behind).collect();
        ids.sort_unstable();
        for id in ids {
            if visit(id)? == Step::Stop {
                break;
            }
        }
        return Ok(());
    }
    let from = [&key.org.0[..], &after.map_or([0; 16], |after| after.0)].concat();
    BUCKET_ID_BY_ORG.scan(read, &KeyRange::prefix_from(&key.org.0, from), |(_, id), _| {
        if is_behind(&id) { visit(id) } else { Ok(Step::Continue) }
    })
}
