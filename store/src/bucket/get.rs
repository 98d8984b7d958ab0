//! Looking at one bucket.

use crate::Store;
use crate::bucket::{Bucket, no_such_bucket};
use crate::error::Result;
use crate::meta::table::USAGE;
use crate::policy::{Action, Grant};
use crate::usage::UsageRow;

impl Store {
    /// The bucket as it is now, what it holds, and the bytes sent from it this month. `NoSuchBucket` if it is gone meanwhile.
    pub fn get_bucket(&self, grant: &Grant) -> Result<(Bucket, UsageRow, u64)> {
        grant.must_allow(Action::GetBucket)?;
        let id = grant.bucket()?.id;
        let (bucket, usage) = self.meta.read(|read| {
            let bucket = Bucket::get(read, id)?.ok_or_else(no_such_bucket)?;
            Ok((bucket, USAGE.get(read, &id)?.unwrap_or_default()))
        })?;
        Ok((bucket, usage, self.bucket_bandwidth(id)?))
    }
}
