//! Retention and legal hold of a version: reading and changing them.

use crate::Store;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::name::ObjectKey;
use crate::object::lock::without_lock;
use crate::object::{Extras, ObjectRow, Retention, VersionId, find_object, update};
use crate::policy::{Action, Grant};

impl Store {
    /// What a version is locked with. `InvalidRequest` in a bucket without locks, and what a read refuses.
    pub fn object_lock_of(&self, grant: &Grant, key: &ObjectKey, version: Option<VersionId>) -> Result<Extras> {
        grant.must_allow(Action::GetRetention).or_else(|_| grant.must_allow(Action::GetLegalHold))?;
        let bucket = grant.bucket()?;
        if bucket.row.object_lock.is_none() {
            return Err(without_lock());
        }
        self.meta.read(|read| Ok(find_object(read, bucket, key.as_str(), version)?.0.extras))
    }

    /// Says until when a version is kept; `None` is not at all. `AccessDenied` if what is in force would be made shorter,
    /// unless it is a governance retention and `bypass` says that the caller may pass over it. Returns the version.
    pub async fn put_retention(
        &self,
        grant: &Grant,
        key: ObjectKey,
        version: Option<VersionId>,
        retention: Option<Retention>,
        bypass: bool,
    ) -> Result<Option<VersionId>> {
        grant.must_allow(Action::PutRetention)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = lockable(Bucket::must_be_active(tx, bucket)?)?;
                let now = tx.now();
                if retention.is_some_and(|retention| retention.until_ms <= now) {
                    return Err(Error::new(ErrorKind::InvalidArgument, "The retain until date must be in the future!"));
                }
                update(tx, &bucket, key.as_str(), version, |row: &mut ObjectRow| {
                    Retention::may_become(row.extras.retention, retention, now, bypass)?;
                    row.extras.retention = retention;
                    Ok(())
                })
            })
            .await
    }

    /// Puts a legal hold on a version, or takes it off. Returns the version.
    pub async fn put_legal_hold(
        &self,
        grant: &Grant,
        key: ObjectKey,
        version: Option<VersionId>,
        hold: bool,
    ) -> Result<Option<VersionId>> {
        grant.must_allow(Action::PutLegalHold)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = lockable(Bucket::must_be_active(tx, bucket)?)?;
                update(tx, &bucket, key.as_str(), version, |row: &mut ObjectRow| {
                    row.extras.legal_hold = Some(hold);
                    Ok(())
                })
            })
            .await
    }
}

fn lockable(bucket: Bucket) -> Result<Bucket> {
    if bucket.row.object_lock.is_some() { Ok(bucket) } else { Err(without_lock()) }
}
