//! What a door finds out about a request while it answers it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::id::{BucketId, KeyId, OrgId};

/// Who asks and for what: empty when a request comes in, and filled by the door that answers it. Each fact is set once;
/// a request that never gets an organisation is nobody's, and is not logged.
#[derive(Debug, Default)]
pub struct Caller {
    owner: OnceLock<(OrgId, Option<KeyId>)>,
    bucket: OnceLock<(BucketId, OrgId)>,
    delivers: AtomicBool,
}

impl Caller {
    /// The request belongs to `org`, and was authenticated with `key` if there is one.
    pub fn belongs_to(&self, org: OrgId, key: Option<KeyId>) {
        // The first to know is right; nothing changes hands within a request.
        let _ = self.owner.set((org, key));
    }

    /// The request is about `bucket`, which belongs to `owner`.
    pub fn uses(&self, bucket: BucketId, owner: OrgId) {
        let _ = self.bucket.set((bucket, owner));
    }

    /// The body of the answer is the bytes of an object: they count as bandwidth as they leave.
    pub fn delivers(&self) {
        self.delivers.store(true, Ordering::Relaxed);
    }

    /// The organisation that the request belongs to.
    pub fn org(&self) -> Option<OrgId> {
        self.owner.get().map(|(org, _)| *org)
    }

    /// The key that it was authenticated with.
    pub fn key(&self) -> Option<KeyId> {
        self.owner.get().and_then(|(_, key)| *key)
    }

    /// The bucket that it is about.
    pub fn bucket(&self) -> Option<BucketId> {
        self.bucket.get().map(|(bucket, _)| *bucket)
    }

    /// The bucket and the organisation that the bytes of the answer are counted for, if they are: the bucket's owner pays,
    /// whoever asks.
    pub fn delivered_for(&self) -> Option<(BucketId, OrgId)> {
        self.bucket.get().copied().filter(|_| self.delivers.load(Ordering::Relaxed))
    }
}
