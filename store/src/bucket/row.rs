//! A bucket as it is stored.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, OrgId};
use crate::meta::table::{BUCKET_BY_NAME, BUCKETS, IdRow};
use crate::meta::{Read, Record};
use crate::name::BucketName;

/// A stored bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRow {
    /// Its name, unique in the gateway.
    pub name: BucketName,
    /// The organisation that owns it.
    pub org: OrgId,
    /// When it was made.
    pub created_ms: Millis,
    /// The location constraint it was made with; empty for us-east-1.
    pub location: String,
}

impl Record for BucketRow {
    const VERSION: u8 = 1;
}

/// A bucket with its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its identifier.
    pub id: BucketId,
    /// Its row.
    pub row: BucketRow,
}

impl Bucket {
    /// The bucket of that name, if there is one.
    pub(crate) fn find(read: &dyn Read, name: &BucketName) -> Result<Option<Self>> {
        let Some(IdRow(id)) = BUCKET_BY_NAME.get(read, &name.as_str().to_owned())? else { return Ok(None) };
        let id = BucketId(id);
        let row =
            BUCKETS.get(read, &id)?.ok_or_else(|| Error::corrupt(format!("bucket {id} has a name but no row")))?;
        Ok(Some(Self { id, row }))
    }

    /// Fails with `NoSuchBucket` unless the bucket still exists: asked inside the commit by every write, so that a
    /// write racing a bucket's deletion cannot leave a row behind.
    pub(crate) fn must_exist(read: &dyn Read, id: BucketId) -> Result<()> {
        if BUCKETS.contains(read, &id)? { Ok(()) } else { Err(no_such_bucket()) }
    }
}

/// The one wording of `NoSuchBucket`.
pub(crate) fn no_such_bucket() -> Error {
    Error::new(ErrorKind::NoSuchBucket, "The specified bucket does not exist")
}
