//! Key-value buckets as the holders of their organisation's keys manage them. A key that is for some buckets alone sees none
//! of these.

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::{KvBucketRow, KvGrant, KvId, KvPolicy, KvRight, KvUsageRow};
use crate::meta::table::{KV_BUCKET_BY_ORG, KV_BUCKETS, KV_USAGE};
use crate::meta::{KeyRange, Read, Step};
use crate::policy::{Action, Grant};

/// A bucket and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvBucket {
    /// Its identifier.
    pub id: KvId,
    /// Its row.
    pub row: KvBucketRow,
    /// Its counters.
    pub usage: KvUsageRow,
}

impl KvBucket {
    /// A bucket that is not deleted.
    fn find(read: &dyn Read, id: KvId) -> Result<Option<Self>> {
        let Some(row) = KV_BUCKETS.get(read, &id)?.filter(|row| row.deleted_ms.is_none()) else { return Ok(None) };
        Ok(Some(Self { id, row, usage: KV_USAGE.get(read, &id)?.unwrap_or_default() }))
    }
}

impl Store {
    /// A page of the organisation's buckets, ascending by id: those behind `after`, at most `max`; with it the last id if
    /// more come behind it.
    pub fn list_kv_buckets(
        &self,
        grant: &Grant,
        after: Option<KvId>,
        max: usize,
    ) -> Result<(Vec<KvBucket>, Option<KvId>)> {
        grant.must_allow(Action::ListKvBuckets)?;
        let (mut page, mut next): (Vec<KvBucket>, _) = (Vec::new(), None);
        if grant.principal().buckets.is_some() {
            return Ok((page, next));
        }
        let org = grant.principal().org;
        let from = [&org.0[..], &after.map_or([0; 16], |after| after.0)].concat();
        self.meta.read(|read| {
            KV_BUCKET_BY_ORG.scan(read, &KeyRange::prefix_from(&org.0, from), |(_, id), _| {
                let Some(bucket) = KvBucket::find(read, id)?.filter(|_| after != Some(id)) else {
                    return Ok(Step::Continue);
                };
                if page.len() == max {
                    next = page.last().map(|bucket| bucket.id);
                    return Ok(Step::Stop);
                }
                page.push(bucket);
                Ok(Step::Continue)
            })
        })?;
        Ok((page, next))
    }

    /// A bucket of the organisation. `NoSuchBucket` too if it is another one's.
    pub fn get_kv_bucket(&self, grant: &Grant, id: KvId) -> Result<KvBucket> {
        grant.must_allow(Action::GetKvBucket)?;
        self.kv_bucket_of(grant, id)
    }

    /// Changes keys and settings of a bucket. `NoSuchBucket`, `InvalidArgument`.
    pub async fn update_kv_bucket(&self, grant: &Grant, id: KvId, policy: &KvPolicy) -> Result<()> {
        grant.must_allow(Action::UpdateKvBucket)?;
        let bucket = self.kv_bucket_of(grant, id)?;
        self.kv_update(&KvGrant::for_owner(bucket, KvRight::Policy), policy).await
    }

    /// Deletes a bucket with all it holds. `NoSuchBucket`.
    pub async fn delete_kv_bucket(&self, grant: &Grant, id: KvId) -> Result<()> {
        grant.must_allow(Action::DeleteKvBucket)?;
        let bucket = self.kv_bucket_of(grant, id)?;
        self.kv_drop(&KvGrant::for_owner(bucket, KvRight::Drop)).await
    }

    pub(super) fn kv_bucket_of(&self, grant: &Grant, id: KvId) -> Result<KvBucket> {
        let caller = grant.principal();
        let found = self.meta.read(|read| KvBucket::find(read, id))?;
        let seen = found.filter(|bucket| bucket.row.org == caller.org && caller.buckets.is_none());
        seen.ok_or_else(|| Error::new(ErrorKind::NoSuchBucket, "There is no such bucket"))
    }
}
