//! Changing a bucket's settings, and getting one ready again after that failed.

use crate::Store;
use crate::account::set_upstream;
use crate::bucket::{Bucket, BucketPatch, BucketRow, BucketState, check_name, document, no_such_bucket};
use crate::error::{Error, ErrorKind, Result};
use crate::id::BucketId;
use crate::link::{Link, ManagedPatch};
use crate::meta::Tx;
use crate::meta::table::BUCKETS;
use crate::policy::{Action, Grant};

impl Store {
    /// Changes a bucket. A patch of nothing changes nothing. `InvalidArgument` for a setting that breaks its rule,
    /// `BucketBusy` if the bucket is being deleted, `NoSuchBucket` if it is gone.
    pub async fn update_bucket(&self, grant: &Grant, change: BucketPatch) -> Result<()> {
        grant.must_allow(Action::UpdateBucket)?;
        let id = grant.bucket()?.id;
        self.change_upstream(id, &change).await?;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::get(tx, id)?.ok_or_else(no_such_bucket)?;
                patch(tx, bucket, &change)
            })
            .await
    }

    /// Puts what a change says and a linked bucket keeps at its provider there, before the row says so.
    async fn change_upstream(&self, id: BucketId, change: &BucketPatch) -> Result<()> {
        let looked = self.meta.read(|read| {
            let bucket = Bucket::get(read, id)?.ok_or_else(no_such_bucket)?;
            Ok(document::get::<Link>(read, &bucket)?.filter(Link::is_forwarded).map(|link| (bucket, link)))
        })?;
        let Some((bucket, link)) = looked.filter(|(bucket, _)| !bucket.row.is_deleting()) else { return Ok(()) };
        link.managed.patched(change.managed).check(change)?;
        let (before, after) = (&bucket.row.settings, change.of(&bucket.row.settings));
        after.check()?;
        let kept = BucketPatch {
            cors_origins: Some(after.cors_origins).filter(|origins| *origins != before.cors_origins),
            lifecycle_ttl_days: Some(after.lifecycle_ttl_days).filter(|days| *days != before.lifecycle_ttl_days),
            ..BucketPatch::default()
        };
        if kept == BucketPatch::default() {
            return Ok(());
        }
        let (provider, link) = self.provider_of(&bucket).await?;
        set_upstream(self, &provider, &link.name, &kept).await
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
                save(tx, id, BucketRow { state: BucketState::Active, ..bucket.into_row() })
            })
            .await
    }
}

/// The rule of a change, for the configuration's buckets too.
pub(crate) fn patch(tx: &mut Tx<'_>, bucket: Bucket, change: &BucketPatch) -> Result<()> {
    if bucket.row.is_deleting() {
        return Err(Error::new(ErrorKind::BucketBusy, "Bucket is already being deleted"));
    }
    let bucket = patch_link(tx, bucket, change)?;
    let settings = change.of(&bucket.row.settings);
    settings.check()?;
    let display_name = change.display_name.clone().unwrap_or_else(|| bucket.row.display_name.clone());
    check_name(&display_name)?;
    if settings == bucket.row.settings && display_name == bucket.row.display_name {
        return Ok(());
    }
    save(tx, bucket.id, BucketRow { display_name, settings, ..bucket.into_row() })
}

/// What a change says of a linked bucket's link, and whether its link lets the rest of it.
fn patch_link(tx: &mut Tx<'_>, bucket: Bucket, change: &BucketPatch) -> Result<Bucket> {
    let Some(link) = document::get::<Link>(tx, &bucket)? else {
        if change.managed != ManagedPatch::default() {
            let message = "managedSettings is for buckets in a connected account";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        return Ok(bucket);
    };
    let managed = link.managed.patched(change.managed);
    if link.is_forwarded() {
        managed.check(change)?;
    }
    if managed == link.managed {
        return Ok(bucket);
    }
    let id = bucket.id;
    document::put(tx, bucket, &Link { managed, ..link })?;
    Bucket::get(tx, id)?.ok_or_else(no_such_bucket)
}

/// Writes a bucket that changed now.
pub(super) fn save(tx: &mut Tx<'_>, id: BucketId, row: BucketRow) -> Result<()> {
    let updated_ms = tx.now();
    BUCKETS.put(tx, &id, &BucketRow { updated_ms, ..row })
}
