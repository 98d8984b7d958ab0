//! DeleteBucket: only an empty one. Open uploads do not keep it: they are aborted, a bounded number in each commit.

use crate::Store;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId};
use crate::limit;
use crate::meta::table::{BUCKET_BY_NAME, BUCKET_BY_ORG, BUCKETS, KEYS, OBJECTS, UPLOADS, USAGE};
use crate::meta::{KeyRange, Step, Tx};
use crate::policy::{Action, Grant};
use crate::upload::abort;

impl Store {
    /// Deletes an empty bucket. `BucketNotEmpty`, `NoSuchBucket`.
    pub async fn delete_bucket(&self, grant: &Grant) -> Result<()> {
        grant.must_allow(Action::DeleteBucket)?;
        let bucket = grant.bucket()?.clone();
        loop {
            let bucket = bucket.clone();
            if self.meta.write(move |tx| delete_step(tx, &bucket)).await? {
                return Ok(());
            }
        }
    }
}

/// One bounded step; true when the bucket is gone.
fn delete_step(tx: &mut Tx<'_>, bucket: &Bucket) -> Result<bool> {
    Bucket::must_exist(tx, bucket.id)?;
    let mut empty = true;
    crate::meta::Read::scan(tx, OBJECTS.table(), &KeyRange::prefix(&bucket.id.0), &mut |_, _| {
        empty = false;
        Ok(Step::Stop)
    })?;
    if !empty {
        return Err(Error::new(ErrorKind::BucketNotEmpty, "The bucket you tried to delete is not empty"));
    }
    let mut open = Vec::new();
    UPLOADS.scan(tx, &KeyRange::prefix(&bucket.id.0), |key, _| {
        open.push(key);
        Ok(if open.len() < limit::SWEEP_STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for (_, key, upload) in &open {
        abort(tx, bucket.id, key, *upload)?;
    }
    if open.len() == limit::SWEEP_STEP_ROWS {
        return Ok(false);
    }
    BUCKETS.delete(tx, &bucket.id);
    BUCKET_BY_NAME.delete(tx, &bucket.row.name.as_str().to_owned());
    BUCKET_BY_ORG.delete(tx, &(bucket.row.org, bucket.row.name.as_str().to_owned()));
    USAGE.delete(tx, &bucket.id);
    forget_in_keys(tx, bucket.id)?;
    Ok(true)
}

/// Takes the bucket off every key's list. A list that becomes empty stays a list: the key then sees nothing, it does
/// not widen to everything.
fn forget_in_keys(tx: &mut Tx<'_>, bucket: BucketId) -> Result<()> {
    let mut changed: Vec<(KeyId, _)> = Vec::new();
    KEYS.scan(tx, &KeyRange::all(), |id, mut row| {
        if let Some(list) = &mut row.buckets
            && list.contains(&bucket)
        {
            list.retain(|listed| *listed != bucket);
            changed.push((id, row));
        }
        Ok(Step::Continue)
    })?;
    changed.iter().try_for_each(|(id, row)| KEYS.put(tx, id, row))
}
