//! Looking at one bucket.

use crate::Store;
use crate::bucket::Bucket;
use crate::error::Result;
use crate::meta::table::USAGE;
use crate::policy::{Action, Grant};
use crate::usage::UsageRow;

impl Store {
    /// The bucket as it was when the grant was made, what it holds now, and the bytes sent from it this month.
    pub fn get_bucket(&self, grant: &Grant) -> Result<(Bucket, UsageRow, u64)> {
        grant.must_allow(Action::GetBucket)?;
        let bucket = grant.bucket()?.clone();
        let usage = self.meta.read(|read| USAGE.get(read, &bucket.id))?.unwrap_or_default();
        let bandwidth = self.bucket_bandwidth(bucket.id)?;
        Ok((bucket, usage, bandwidth))
    }
}
