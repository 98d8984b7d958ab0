//! CreateMultipartUpload.

use crate::Store;
use crate::admission;
use crate::blob::{ChecksumAlgorithm, ChecksumKind};
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, UploadId};
use crate::meta::Read;
use crate::meta::table::UPLOADS;
use crate::name::ObjectKey;
use crate::object::{Extras, Metadata, StorageClass};
use crate::policy::{Action, Grant};
use crate::upload::row::UploadRow;
use crate::usage::{self, Change, UsageRow};

/// What to begin.
#[derive(Debug, Clone)]
pub struct CreateUpload {
    /// The key of the object to be.
    pub key: ObjectKey,
    /// Its metadata.
    pub metadata: Metadata,
    /// Its storage class.
    pub class: StorageClass,
    /// The checksum it is to have; every part must then bring one.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Its tags, locks and access control list.
    pub extras: Extras,
}

impl Store {
    /// Begins an upload. `TypeNotAllowed`, `BucketNotActive`, `MetadataTooLarge`, `InvalidRequest` and `InvalidArgument` for a
    /// lock that the bucket does not take.
    pub async fn create_upload(&self, grant: &Grant, create: CreateUpload) -> Result<UploadId> {
        grant.must_allow(Action::PutObject)?;
        create.metadata.check()?;
        let bucket = grant.bucket()?.id;
        let initiator = grant.principal().key;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_be_active(tx, bucket)?;
                admission::check_type(&bucket.row, create.metadata.system.content_type.as_deref())?;
                create.extras.check(bucket.row.object_lock, tx.now())?;
                let upload = UploadId::generate(tx.now())?;
                let row = UploadRow {
                    initiated_ms: tx.now(),
                    initiator,
                    class: create.class,
                    metadata: create.metadata.clone(),
                    checksum: create.checksum,
                    extras: create.extras.clone(),
                };
                UPLOADS.put(tx, &(bucket.id, create.key.as_str().to_owned(), upload), &row)?;
                let add = UsageRow { uploads: 1, ..UsageRow::default() };
                usage::apply(tx, &bucket, &Change { add, ..Change::default() })?;
                Ok(upload)
            })
            .await
    }
}

/// The open upload of that key, or `NoSuchUpload`.
pub(crate) fn open_upload(read: &dyn Read, bucket: BucketId, key: &str, upload: UploadId) -> Result<UploadRow> {
    UPLOADS.get(read, &(bucket, key.to_owned(), upload))?.ok_or_else(no_such_upload)
}

/// The one wording of `NoSuchUpload`.
pub(crate) fn no_such_upload() -> Error {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    Error::new(ErrorKind::NoSuchUpload, message)
}
