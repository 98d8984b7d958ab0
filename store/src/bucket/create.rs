//! CreateBucket.

use crate::Store;
use crate::bucket::{Bucket, BucketRow};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, OrgId};
use crate::limit;
use crate::meta::table::{BUCKET_BY_NAME, BUCKET_BY_ORG, BUCKETS, IdRow, USAGE};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::name::BucketName;
use crate::policy::{Action, Grant};
use crate::usage::UsageRow;

impl Store {
    /// Makes a bucket. `BucketAlreadyOwnedByYou`, `BucketAlreadyExists`, or `InvalidRequest` beyond
    /// `limit::BUCKETS_PER_ORG_MAX`.
    pub async fn create_bucket(&self, grant: &Grant, name: BucketName, location: String) -> Result<Bucket> {
        grant.must_allow(Action::CreateBucket)?;
        let org = grant.principal().org;
        self.meta.write(move |tx| create(tx, org, &name, &location)).await
    }
}

/// The rule of it, for the configuration's buckets too.
pub(crate) fn create(tx: &mut Tx<'_>, org: OrgId, name: &BucketName, location: &str) -> Result<Bucket> {
    if let Some(existing) = Bucket::find(tx, name)? {
        return Err(if existing.row.org == org {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            Error::new(ErrorKind::BucketAlreadyOwnedByYou, message)
        } else {
            let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                           system. Please select a different name and try again.";
            Error::new(ErrorKind::BucketAlreadyExists, message)
        });
    }
    if count(tx, org)? >= limit::BUCKETS_PER_ORG_MAX {
        let message = format!("You have reached the limit of {} buckets.", limit::BUCKETS_PER_ORG_MAX);
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let id = BucketId::generate(tx.now())?;
    let row = BucketRow { name: name.clone(), org, created_ms: tx.now(), location: location.to_owned() };
    BUCKETS.put(tx, &id, &row)?;
    BUCKET_BY_NAME.put(tx, &name.as_str().to_owned(), &IdRow(id.0))?;
    BUCKET_BY_ORG.put(tx, &(org, name.as_str().to_owned()), &IdRow(id.0))?;
    USAGE.put(tx, &id, &UsageRow::default())?;
    Ok(Bucket { id, row })
}

fn count(read: &dyn Read, org: OrgId) -> Result<u64> {
    let mut count = 0;
    read.scan(BUCKET_BY_ORG.table(), &KeyRange::prefix(&org.0), &mut |_, _| {
        count += 1;
        Ok(Step::Continue)
    })?;
    Ok(count)
}
