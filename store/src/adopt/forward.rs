//! Changes of linked buckets that are under way to their upstream.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Store;
use crate::bucket::{Bucket, document};
use crate::error::Result;
use crate::id::BucketId;
use crate::link::Link;

/// How many are under way, by bucket.
#[derive(Default, Clone)]
pub(crate) struct Forwards(Arc<Mutex<HashMap<BucketId, usize>>>);

/// A change that is under way, until this is dropped.
#[must_use = "the change is under way for as long as this lives"]
pub struct Forwarding {
    all: Forwards,
    bucket: BucketId,
}

impl Store {
    /// Notes that a change of a linked bucket is about to be sent upstream, to be held until it has been answered. `None` if the
    /// bucket is not to be changed there, or not any more: it is ours, or being adopted.
    pub fn forwarding(&self, bucket: BucketId) -> Result<Option<Forwarding>> {
        let is_forwarded = || {
            self.meta.read(|read| match Bucket::get(read, bucket)? {
                Some(bucket) => Ok(document::get::<Link>(read, &bucket)?.is_some_and(|link| link.is_forwarded())),
                None => Ok(false),
            })
        };
        // Nothing is noted of a bucket that is being adopted, not even for a moment: it would hold up its adoption.
        if !is_forwarded()? {
            return Ok(None);
        }
        // An adoption that begins after the second look waits for what was noted before it.
        let noted = self.forwards.note(bucket);
        Ok(is_forwarded()?.then_some(noted))
    }
}

impl Forwards {
    fn note(&self, bucket: BucketId) -> Forwarding {
        *self.all().entry(bucket).or_default() += 1;
        Forwarding { all: self.clone(), bucket }
    }

    /// Whether none is under way. Once that was so after an adoption has begun, it stays so.
    pub(super) fn are_over(&self, bucket: BucketId) -> bool {
        !self.all().contains_key(&bucket)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<BucketId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let mut all = self.all.all();
        let left = all.get(&self.bucket).copied().unwrap_or_default().saturating_sub(1);
        match left {
            0 => all.remove(&self.bucket),
            left => all.insert(self.bucket, left),
        };
    }
}

impl std::fmt::Debug for Forwarding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forwarding").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_over_when_the_last_has_ended() {
        let (forwards, bucket, other) = (Forwards::default(), BucketId([1; 16]), BucketId([2; 16]));
        assert!(forwards.are_over(bucket));
        let (first, second) = (forwards.note(bucket), forwards.note(bucket));
        assert!(!forwards.are_over(bucket) && forwards.are_over(other));
        drop(first);
        assert!(!forwards.are_over(bucket));
        drop(second);
        assert!(forwards.are_over(bucket));
    }
}
