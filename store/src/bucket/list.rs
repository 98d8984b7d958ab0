//! ListBuckets: an organisation's buckets by name, those that the key sees.

use crate::Store;
use crate::bucket::{Bucket, BucketRow};
use crate::error::{Error, Result};
use crate::id::BucketId;
use crate::limit;
use crate::meta::table::{BUCKET_BY_ORG, BUCKETS, IdRow, USAGE};
use crate::meta::{KeyRange, Step};
use crate::policy::{Action, Grant};
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

impl Store {
    /// Lists the buckets of the grant's organisation.
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
                if page.buckets.len() == query.max {
                    page.next = page.buckets.last().map(|bucket| bucket.row.name.to_string());
                    return Ok(Step::Stop);
                }
                let row: BucketRow = BUCKETS
                    .get(read, &id)?
                    .ok_or_else(|| Error::corrupt(format!("bucket {id} is listed but has no row")))?;
                page.buckets.push(Bucket { id, row });
                Ok(Step::Continue)
            })?;
            Ok(page)
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
                usage.push((Bucket { id, row }, counters));
                Ok(Step::Continue)
            })?;
            Ok(usage)
        })
    }
}
