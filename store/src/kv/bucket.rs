//! A key-value bucket as it is stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::kv::KvId;
use crate::meta::table::KV_BUCKETS;
use crate::meta::{Read, Record};

/// A stored bucket. Its keys are hashes (see `access`), but for the one that signs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvBucketRow {
    /// The organisation that its bytes count for.
    pub org: OrgId,
    /// Its name for people; may be empty.
    pub name: String,
    /// When it was made.
    pub created_ms: Millis,
    /// When something about it last changed.
    pub updated_ms: Millis,
    /// The key that may do everything.
    pub secret_key: Option<[u8; 32]>,
    /// The key that reads, where not everybody does.
    pub read_key: Option<[u8; 32]>,
    /// The key that writes, where not everybody does.
    pub write_key: Option<[u8; 32]>,
    /// What access tokens are signed with, sealed.
    pub signing_key: Option<Vec<u8>>,
    /// Where in the sequence of commits the signing key last changed: tokens from before are void.
    pub signing_epoch: u64,
    /// Seconds that a value lasts from its last update where nothing else is said; 0 is for ever.
    pub default_ttl_s: u64,
    /// When it was deleted. What it held goes after that, and in the end the row.
    pub deleted_ms: Option<Millis>,
}

impl Record for KvBucketRow {
    const VERSION: u8 = 1;
}

impl fmt::Debug for KvBucketRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { org, name, deleted_ms, .. } = self;
        let mut shown = f.debug_struct("KvBucketRow");
        shown.field("org", org).field("name", name).field("deleted_ms", deleted_ms).finish_non_exhaustive()
    }
}

impl KvBucketRow {
    /// The bucket as it is now. `NoSuchBucket` if there is none, `BucketDeleted` if it was deleted not long ago.
    pub(crate) fn must_exist(read: &dyn Read, id: KvId) -> Result<Self> {
        let row = KV_BUCKETS.get(read, &id)?;
        let row = row.ok_or_else(|| Error::new(ErrorKind::NoSuchBucket, "There is no such bucket"))?;
        match row.deleted_ms {
            None => Ok(row),
            Some(_) => Err(Error::new(ErrorKind::BucketDeleted, "The bucket has been deleted")),
        }
    }
}
