//! What is settled about a key, inside one snapshot or commit, and whose turn it is to settle one.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::bucket::{Bucket, DocumentKind, document};
use crate::error::{Error, ErrorKind, Result};
use crate::id::BucketId;
use crate::limit;
use crate::link::Link;
use crate::meta::table::{OBJECTS, TOMBSTONES};
use crate::meta::{Read, Tx};

use super::row::TombstoneRow;

/// Whether something of a bucket may be upstream.
pub(crate) fn is_linked(bucket: &Bucket) -> bool {
    bucket.row.documents.has(DocumentKind::Link)
}

/// The same in a snapshot, which the row at hand may be older than. Where it is not, tombstones say nothing: they are cleared.
pub(super) fn is_linked_now(read: &dyn Read, bucket: &Bucket) -> Result<bool> {
    Ok(Bucket::get(read, bucket.id)?.is_some_and(|bucket| is_linked(&bucket)))
}

/// Whether a key is what the upstream has. Never so in a bucket of our own.
pub(crate) fn is_unsettled(read: &dyn Read, bucket: &Bucket, key: &str) -> Result<bool> {
    if !is_linked(bucket) || !is_linked_now(read, bucket)? {
        return Ok(false);
    }
    let at = (bucket.id, key.to_owned());
    Ok(!OBJECTS.contains(read, &at)? && !TOMBSTONES.contains(read, &at)?)
}

/// Fails unless what is written into a bucket is ours: a linked bucket that nobody adopts has no objects here.
pub(crate) fn must_be_ours(read: &dyn Read, bucket: &Bucket) -> Result<()> {
    match document::get::<Link>(read, bucket)? {
        Some(Link { adoption: None, .. }) => {
            let message = "The bucket is kept by its upstream, and this cannot be done there.";
            Err(Error::new(ErrorKind::InvalidBucketState, message))
        }
        _ => Ok(()),
    }
}

/// Takes note that a key is not there any more, where the upstream may have it.
pub(crate) fn bury(tx: &mut Tx<'_>, bucket: &Bucket, key: &str) -> Result<()> {
    if !is_linked(bucket) {
        return Ok(());
    }
    must_be_ours(tx, bucket)?;
    TOMBSTONES.put(tx, &(bucket.id, key.to_owned()), &TombstoneRow)
}

/// Whose turn it is: of those that settle the same key one goes first, and the others find it done.
pub(crate) struct Turns([Mutex<()>; limit::ADOPTION_TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::new(())))
    }
}

impl Turns {
    pub(super) async fn take(&self, bucket: BucketId, key: &str) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        (bucket, key).hash(&mut hasher);
        let places = self.0.len() as u64;
        let place = usize::try_from(hasher.finish() % places).unwrap_or_default();
        Some(self.0.get(place)?.lock().await)
    }
}
