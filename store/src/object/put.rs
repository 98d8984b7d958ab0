//! PutObject: the body is taken in, then one commit makes it the key's object.

use std::sync::Arc;

use crate::Store;
use crate::admission;
use crate::blob::{self, ByteStream, Checksum, ChecksumKind, Expect, Ingested};
use crate::bucket::{Bucket, Versioning};
use crate::clock::Millis;
use crate::error::Result;
use crate::intent;
use crate::meta::table::OBJECTS;
use crate::meta::{Read, Tx};
use crate::name::ObjectKey;
use crate::notification::EventKind;
use crate::object::{ETag, Extras, Metadata, NewObject, Origin, StorageClass, VersionId, WriteCondition, admit, place};
use crate::policy::{Action, Grant};
use crate::quota::LetIn;
use crate::usage::UsageRow;

/// What to put.
#[derive(Debug)]
pub struct PutObject {
    /// The key.
    pub key: ObjectKey,
    /// Headers and user metadata.
    pub metadata: Metadata,
    /// Storage class.
    pub class: StorageClass,
    /// Tags, locks and access control list.
    pub extras: Extras,
    /// What must hold of the current object.
    pub condition: WriteCondition,
    /// What the body must turn out to be.
    pub expect: Expect,
    /// What whoever listens is told that happened.
    pub event: EventKind,
}

/// What was put.
#[derive(Debug, Clone)]
pub struct PutOutcome {
    /// Entity tag.
    pub etag: ETag,
    /// Checksum, if one was sent or asked for.
    pub checksum: Option<Checksum>,
    /// Length in bytes.
    pub size: u64,
    /// When it was committed.
    pub modified_ms: Millis,
    /// Its version id, if the bucket ever kept versions.
    pub version: Option<VersionId>,
}

impl Store {
    /// Stores an object. `Ok` means bytes and row are on stable storage.
    ///
    /// Fails with `PreconditionFailed` or `NoSuchKey` (the condition), `BadDigest`, `IncompleteBody`,
    /// `MetadataTooLarge`, `EntityTooLarge`, `FileTooLarge`, `TypeNotAllowed`, `QuotaExceeded`, `BucketNotActive`,
    /// `InvalidRequest` and `InvalidArgument` (a lock that the bucket does not take), `NoSuchBucket` (deleted meanwhile), `SlowDown` and `Latched`, and nothing is changed then; with `Unavailable` nobody
    /// knows. What can be known before the body is read is told before.
    pub async fn put_object(self: &Arc<Self>, grant: &Grant, put: PutObject, body: ByteStream) -> Result<PutOutcome> {
        grant.must_allow(Action::PutObject)?;
        let (bucket, by) = (grant.bucket()?.id, grant.principal().key);
        put.metadata.check()?;
        admission::check_type(&grant.bucket()?.row, put.metadata.system.content_type.as_deref())?;
        if let Some(under_way) = self.changes_there(grant.bucket()?)? {
            return Box::pin(self.put_there(grant, put, body, under_way)).await;
        }
        if put.condition.is_some() {
            self.settle(grant.bucket()?, put.key.as_str()).await?;
            // Asked early to spare the transfer; the commit asks again and decides.
            self.meta.read(|read| {
                let current = OBJECTS.get(read, &(bucket, put.key.as_str().to_owned()))?;
                put.condition.check(current.as_ref().map(|row| &row.head))
            })?;
        }
        put.extras.check(grant.bucket()?.row.object_lock, self.clock.now())?;
        let PutObject { key, metadata, class, extras, condition, expect, event } = put;
        let keeps = grant.bucket()?.row.versioning == Versioning::Enabled;
        let replaced = |read: &dyn Read| {
            let current = OBJECTS.get(read, &(bucket, key.as_str().to_owned()))?;
            Ok(current.filter(|_| !keeps).map_or(0, |row| row.head.size))
        };
        let LetIn { body, mut reserved, plan } = self.let_in(grant.bucket()?, expect.length, replaced, body)?;
        let ingested = self.ingest(body, expect).await?;
        let epoch = self.blobs.epoch();
        self.commit_body(ingested, move |tx: &mut Tx<'_>, body: &Ingested| {
            drop(reserved.take());
            let bucket = Bucket::must_be_active(tx, bucket)?;
            let content_type = metadata.system.content_type.as_deref();
            intent::check_put(tx, &bucket, by, key.as_str(), body.size, content_type)?;
            if condition.is_some() {
                let current = OBJECTS.get(tx, &(bucket.id, key.as_str().to_owned()))?;
                condition.check(current.as_ref().map(|row| &row.head))?;
            }
            extras.check(bucket.row.object_lock, tx.now())?;
            let etag = ETag::Md5(body.md5);
            let new = NewObject {
                origin: Origin::Request(event),
                body: admit(tx, &body.place, body.size, epoch)?,
                size: body.size,
                etag,
                class,
                checksum: body.checksum.clone().map(|(algorithm, value)| (algorithm, ChecksumKind::FullObject, value)),
                metadata: metadata.clone(),
                extras: extras.clone(),
            };
            let placed = place(tx, &bucket, &plan, key.as_str(), new, UsageRow::default())?;
            Ok(PutOutcome {
                etag,
                checksum: full_object(body),
                size: body.size,
                modified_ms: placed.modified_ms,
                version: placed.version,
            })
        })
        .await
    }

    /// Takes a body in, within the store's inline limit; `Latched` if it could not be committed anyway.
    pub(crate) async fn ingest(&self, body: ByteStream, expect: Expect) -> Result<Ingested> {
        self.meta.must_take_writes()?;
        blob::ingest(&self.blobs, self.inline_bytes_max, self.clock.now(), body, expect).await
    }

    /// Makes an ingested body durable and commits what it is for. Runs to its end even if the caller goes away; a body that
    /// the rule refuses is removed. After `Unavailable` the commit may or may not have happened, so the body stays for the sweep.
    pub(crate) async fn commit_body<T: Send + 'static>(
        self: &Arc<Self>,
        mut body: Ingested,
        mut rule: impl FnMut(&mut Tx<'_>, &Ingested) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(self);
        self.to_the_end(async move {
            body.settle(&store.blobs).await?;
            let place = body.place.clone();
            let result = store.meta.write(move |tx| rule(tx, &body)).await;
            if let Err(error) = &result
                && error.kind() != crate::ErrorKind::Unavailable
            {
                blob::discard(&store.blobs, &place).await;
            }
            result
        })
        .await
    }
}

/// The checksum of an ingested body as an answer.
pub(crate) fn full_object(body: &Ingested) -> Option<Checksum> {
    let (algorithm, value) = body.checksum.clone()?;
    Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value, parts: 0 })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::StoreOptions;
    use crate::error::{Error, ErrorKind};
    use crate::meta::{Changes, Engine, MemoryEngine, Meta, Read, Table};

    /// An engine that takes no writes.
    struct Broken(MemoryEngine);

    impl Engine for Broken {
        fn snapshot(&self) -> Result<Box<dyn Read>> {
            self.0.snapshot()
        }
        fn commit(&self, _: &Changes) -> Result<()> {
            Err(Error::unavailable("a fault injected by the test"))
        }
        fn size_bytes(&self) -> Result<u64> {
            Ok(0)
        }
    }

    #[tokio::test]
    async fn a_latched_store_takes_no_body_in_and_keeps_none_that_it_had_taken_in() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(StoreOptions::new(folder.path())).unwrap();
        let mut store = Arc::into_inner(store).unwrap();
        let body = || -> ByteStream { Box::pin(futures::stream::iter([Ok(Bytes::from(vec![1; 100_000]))])) };
        let taken_in = store.ingest(body(), Expect::default()).await.unwrap();

        store.meta = Meta::open(Arc::new(Broken(MemoryEngine::new())), Arc::clone(&store.clock)).unwrap();
        let write = |tx: &mut Tx<'_>| {
            tx.put(Table::Objects, b"k".to_vec(), "v".into());
            Ok(())
        };
        assert_eq!(store.meta.write(write).await.unwrap_err().kind(), ErrorKind::Unavailable);
        let store = Arc::new(store);
        let refused = store.ingest(body(), Expect::default()).await.map(drop).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Latched);
        let refused = store.commit_body(taken_in, |_, _| Ok(())).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Latched);
        let epoch = store.blobs.epoch();
        let mut walk = store.blobs.walk(epoch).unwrap();
        while let Some(found) = store.blobs.next(&mut walk).await.unwrap() {
            assert_eq!(found.len(), 0);
        }
    }
}
