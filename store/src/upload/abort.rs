//! AbortMultipartUpload: one row goes, the parts become garbage as a whole.

use crate::Store;
use crate::bucket::Bucket;
use crate::error::Result;
use crate::id::UploadId;
use crate::meta::table::{PARTS, UPLOADS};
use crate::meta::{KeyRange, Step, Tx};
use crate::name::ObjectKey;
use crate::policy::{Action, Grant};
use crate::sweep::{Garbage, throw_away};
use crate::upload::create::open_upload;
use crate::usage::{self, Change, UsageRow};

impl Store {
    /// Aborts an upload. `NoSuchUpload`.
    pub async fn abort_upload(&self, grant: &Grant, key: ObjectKey, upload: UploadId) -> Result<()> {
        grant.must_allow(Action::AbortUpload)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                abort(tx, &bucket, key.as_str(), upload).map(drop)
            })
            .await
    }
}

/// The rule of it; says how many parts it looked at.
pub(crate) fn abort(tx: &mut Tx<'_>, bucket: &Bucket, key: &str, upload: UploadId) -> Result<u64> {
    open_upload(tx, bucket.id, key, upload)?;
    UPLOADS.delete(tx, &(bucket.id, key.to_owned(), upload));
    let mut sub = UsageRow { uploads: 1, ..UsageRow::default() };
    PARTS.scan(tx, &KeyRange::prefix(&upload.0), |_, part| {
        sub.parts += 1;
        sub.part_bytes += part.size;
        Ok(Step::Continue)
    })?;
    usage::apply(tx, bucket, &Change::less(sub))?;
    throw_away(tx, Garbage::Parts(upload))?;
    Ok(sub.parts)
}
