//! Deleting buckets. From one commit on the bucket is on its way out: S3 does not know it any more, nothing can be put
//! into it, its bytes count for nobody. Emptying it takes many commits (see `empty`): over S3, where only an empty bucket
//! can be deleted, the request does that itself; else a job does, and after a crash the job goes on in either case.

use crate::Store;
use crate::bucket::empty::DeletionRow;
use crate::bucket::{Bucket, BucketRow, BucketState, document, no_such_bucket, update};
use crate::error::{Error, ErrorKind, Result};
use crate::id::BucketId;
use crate::link::Link;
use crate::meta::table::{DELETIONS, OBJECTS, ORGS, USAGE, VERSIONS};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::org::Org;
use crate::policy::{Action, Grant};
use crate::usage;

impl Store {
    /// Deletes an empty bucket; open uploads do not keep it. `BucketNotEmpty`, `NoSuchBucket`, `BucketBusy`. The name is
    /// free once this returns.
    pub async fn delete_bucket(&self, grant: &Grant) -> Result<()> {
        self.begin_bucket_deletion(grant, true).await?;
        let id = grant.bucket()?.id;
        while !self.empty_bucket(id).await?.gone {}
        Ok(())
    }

    /// Begins to delete a bucket with all it holds, or with `if_empty` only one that holds no object (`BucketNotEmpty`); so
    /// too one whose versions can be locked.
    /// `BucketBusy` while it is got ready, and if it is being deleted already; `NoSuchBucket` if it is gone.
    pub async fn begin_bucket_deletion(&self, grant: &Grant, if_empty: bool) -> Result<()> {
        grant.must_allow(Action::DeleteBucket)?;
        let id = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                if Bucket::get(tx, id)?.is_some_and(|bucket| bucket.row.is_of_project()) {
                    let message = "Bucket belongs to a project, and is deleted with it";
                    return Err(Error::new(ErrorKind::BucketBusy, message));
                }
                begin(tx, id, if_empty)
            })
            .await
    }
}

/// The rule of it.
pub(crate) fn begin(tx: &mut Tx<'_>, id: BucketId, if_empty: bool) -> Result<()> {
    let bucket = Bucket::get(tx, id)?.ok_or_else(no_such_bucket)?;
    match bucket.row.state {
        BucketState::Deleting => return Err(Error::new(ErrorKind::BucketBusy, "Bucket is already being deleted")),
        BucketState::Pending | BucketState::Provisioning => {
            return Err(Error::new(ErrorKind::BucketBusy, "Bucket is still provisioning"));
        }
        BucketState::Active | BucketState::Failed => {}
    }
    // What its upstream has is in it too, until it is here.
    let adopting = document::get::<Link>(tx, &bucket)?.is_some_and(|link| link.adoption.is_some());
    // A bucket whose versions can be locked is never emptied here: each version is deleted under its own lock.
    if (if_empty || bucket.row.object_lock.is_some()) && (adopting || holds_objects(tx, id)?) {
        return Err(Error::new(ErrorKind::BucketNotEmpty, "The bucket you tried to delete is not empty"));
    }
    let held = USAGE.get(tx, &id)?.unwrap_or_default();
    let buckets = u64::from(!bucket.row.is_of_project());
    let bytes = if bucket.row.is_sandbox() { 0 } else { held.stored_bytes() };
    usage::apply_to_org(tx, bucket.row.org, (0, buckets), (0, bytes))?;
    let Org { id: org, row: mut owner } = Org::get(tx, bucket.row.org)?;
    if owner.default_bucket == Some(id) {
        owner.default_bucket = None;
        ORGS.put(tx, &org, &owner)?;
    }
    let row = DeletionRow { begun_ms: tx.now(), objects: 0, bytes: 0, keys_after: None };
    DELETIONS.put(tx, &id, &row)?;
    update::save(tx, id, BucketRow { state: BucketState::Deleting, ..bucket.into_row() })
}

fn holds_objects(read: &dyn Read, bucket: BucketId) -> Result<bool> {
    let mut holds = false;
    for table in [OBJECTS.table(), VERSIONS.table()] {
        read.scan(table, &KeyRange::prefix(&bucket.0), &mut |_, _| {
            holds = true;
            Ok(Step::Stop)
        })?;
    }
    Ok(holds)
}
