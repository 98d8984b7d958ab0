//! Changing a bucket's settings, and getting one ready again after that failed.

use crate::Store;
use crate::bucket::{Bucket, BucketPatch, BucketRow, BucketState, check_name, no_such_bucket};
use crate::error::{Error, ErrorKind, Result};
use crate::id::BucketId;
use crate::meta::Tx;
use crate::meta::table::BUCKETS;
use crate::policy::{Action, Grant};

impl Store {
    /// Changes a bucket. A patch of nothing changes nothing. `InvalidArgument` for a setting that breaks its rule,
    /// `BucketBusy` if the bucket is being deleted, `NoSuchBucket` if it is gone.
    pub async fn update_bucket(&self, grant: &Grant, change: BucketPatch) -> Result<()> {
        grant.must_allow(Action::UpdateBucket)?;
        let id = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::get(tx, id)?.ok_or_else(no_such_bucket)?;
                patch(tx, bucket, &change)
            })
            .await
    }

    /// Has a bucket got ready again. `InvalidRequest` unless that failed before.
    pub async fn retry_bucket(&self, grant: &Grant) -> Result<()> {
        grant.must_allow(Action::RetryBucket)?;
        let id = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::get(tx, id)?.ok_or_else(no_such_bucket)?;
                if bucket.row.state != BucketState::Failed {
                    return Err(Error::new(ErrorKind::InvalidRequest, "Only failed buckets can be retried"));
                }
                // A bucket without a domain needs nothing, so it is in use at once.
                save(tx, id, BucketRow { state: BucketState::Active, ..bucket.row })
            })
            .await
    }
}

/// The rule of a change, for the configuration's buckets too.
pub(crate) fn patch(tx: &mut Tx<'_>, bucket: Bucket, change: &BucketPatch) -> Result<()> {
    if bucket.row.is_deleting() {
        return Err(Error::new(ErrorKind::BucketBusy, "Bucket is already being deleted"));
    }
    let settings = change.of(&bucket.row.settings);
    settings.check()?;
    let display_name = change.display_name.clone().unwrap_or_else(|| bucket.row.display_name.clone());
    check_name(&display_name)?;
    if settings == bucket.row.settings && display_name == bucket.row.display_name {
        return Ok(());
    }
    save(tx, bucket.id, BucketRow { display_name, settings, ..bucket.row })
}

/// Writes a bucket that changed now.
pub(super) fn save(tx: &mut Tx<'_>, id: BucketId, row: BucketRow) -> Result<()> {
    let updated_ms = tx.now();
    BUCKETS.put(tx, &id, &BucketRow { updated_ms, ..row })
}
