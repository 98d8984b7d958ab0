//! AbortMultipartUpload: one row goes, the parts become garbage as a whole.

use crate::Store;
use crate::error::Result;
use crate::id::{BucketId, UploadId};
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
        self.meta.write(move |tx| abort(tx, bucket, key.as_str(), upload)).await
    }
}

/// The rule of it.
pub(crate) fn abort(tx: &mut Tx<'_>, bucket: BucketId, key: &str, upload: UploadId) -> Result<()> {
    open_upload(tx, bucket, key, upload)?;
    UPLOADS.delete(tx, &(bucket, key.to_owned(), upload));
    let mut sub = UsageRow { uploads: 1, ..UsageRow::default() };
    PARTS.scan(tx, &KeyRange::prefix(&upload.0), |_, part| {
        sub.parts += 1;
        sub.part_bytes += part.size;
        Ok(Step::Continue)
    })?;
    usage::apply(tx, bucket, &Change { sub, ..Change::default() })?;
    throw_away(tx, Garbage::Parts(upload))
}
