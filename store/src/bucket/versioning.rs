//! Whether a bucket keeps versions, and whether they can be locked.

use crate::Store;
use crate::adopt;
use crate::bucket::{Bucket, BucketRow, Versioning, update};
use crate::error::{Error, ErrorKind, Result};
use crate::object::ObjectLock;
use crate::policy::{Action, Grant};

impl Store {
    /// Has a bucket keep versions, or keep no more of them. `InvalidBucketState` to suspend where there are locks.
    pub async fn put_versioning(&self, grant: &Grant, versioning: Versioning) -> Result<()> {
        grant.must_allow(Action::PutBucketVersioning)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                if adopt::is_linked(&bucket) {
                    let message = "The bucket is linked: it can keep versions once it has been adopted.";
                    return Err(Error::new(ErrorKind::InvalidBucketState, message));
                }
                if bucket.row.object_lock.is_some() && versioning != Versioning::Enabled {
                    let message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.";
                    return Err(Error::new(ErrorKind::InvalidBucketState, message));
                }
                if versioning == Versioning::Off && bucket.row.versioning != Versioning::Off {
                    return Err(Error::new(ErrorKind::InvalidArgument, "Versioning is never off again once it was on."));
                }
                update::save(tx, bucket.id, BucketRow { versioning, ..bucket.into_row() })
            })
            .await
    }

    /// Makes the versions of a bucket such that they can be locked, or changes what new ones are locked with. There is no
    /// way back. `InvalidBucketState` unless the bucket keeps versions, `InvalidRetentionPeriod`.
    pub async fn put_object_lock(&self, grant: &Grant, lock: ObjectLock) -> Result<()> {
        grant.must_allow(Action::PutObjectLock)?;
        lock.default.iter().try_for_each(|default| default.check())?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                if bucket.row.versioning != Versioning::Enabled {
                    let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
                    return Err(Error::new(ErrorKind::InvalidBucketState, message));
                }
                update::save(tx, bucket.id, BucketRow { object_lock: Some(lock), ..bucket.into_row() })
            })
            .await
    }
}
