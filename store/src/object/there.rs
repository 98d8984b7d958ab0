//! Writing to linked buckets that nobody adopts: what is put and deleted is put and deleted at their provider.

use std::sync::Arc;

use futures::{StreamExt, stream};

use crate::Store;
use crate::admission;
use crate::adopt::{Forwarding, is_linked};
use crate::blob::{ByteStream, ExpectedChecksum};
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::object::{DeleteObject, Deleted, ETag, Extras, PutObject, PutOutcome};
use crate::policy::Grant;
use crate::quota::measured;
use crate::upstream::PutUpstream;

impl Store {
    /// Notes that a bucket is about to be changed at its provider, if that is where it is to be changed.
    pub(super) fn changes_there(&self, bucket: &Bucket) -> Result<Option<Forwarding>> {
        if is_linked(bucket) { self.forwarding(bucket.id) } else { Ok(None) }
    }

    /// Stores an object at the provider, within the limits of bucket and plan. It takes up nothing of the plan's storage.
    pub(super) async fn put_there(
        self: &Arc<Self>,
        grant: &Grant,
        put: PutObject,
        body: ByteStream,
        under_way: Forwarding,
    ) -> Result<PutOutcome> {
        let PutObject { key, metadata, class, extras, condition, expect, event: _ } = put;
        let only_tags = Extras { tags: extras.tags.clone(), ..Extras::default() } == extras;
        if !only_tags || expect.md5.is_some() || !matches!(expect.checksum, ExpectedChecksum::None) {
            return Err(not_there());
        }
        let (store, bucket) = (Arc::clone(self), grant.bucket()?.clone());
        let plan = Arc::clone(self.plans.of(bucket.row.org)?);
        if let Some(length) = expect.length {
            admission::check_size(&bucket.row, &plan, length)?;
        }
        let body = measured(body, admission::size_limit(&bucket.row, &plan), None);
        // To the end: an upload in parts whose client goes away is to be aborted.
        self.to_the_end(async move {
            let _under_way = under_way;
            let (provider, link) = store.provider_of(&bucket).await?;
            let put = PutUpstream {
                bucket: &link.name,
                key: key.as_str(),
                metadata: &metadata,
                class,
                tags: &extras.tags,
                condition: &condition,
                length: expect.length,
            };
            let (size, etag) = store.upstream().put_stream(&provider, &put, body).await?;
            let modified_ms = store.clock.now();
            Ok(PutOutcome { etag: ETag::standing_for(&etag), checksum: None, size, modified_ms, version: None })
        })
        .await
    }

    /// Deletes objects at the provider, some at once; one that fails does not hold up the others. `existed` holds what was there.
    pub(super) async fn delete_there(
        self: &Arc<Self>,
        grant: &Grant,
        deletes: Vec<DeleteObject>,
        under_way: Forwarding,
    ) -> Result<Vec<Result<Deleted>>> {
        if deletes.iter().any(|delete| delete.version.is_some() || delete.if_match.is_some()) {
            return Err(not_there());
        }
        let keys: Vec<&str> = deletes.iter().map(|delete| delete.key.as_str()).collect();
        let bucket = grant.bucket()?;
        let existed = self.are_behind(bucket, &keys).await?;
        let (store, (provider, link)) = (Arc::clone(self), self.provider_of(bucket).await?);
        self.to_the_end(async move {
            let _under_way = under_way;
            let (client, provider, link) = (store.upstream(), &provider, &link);
            let asked = deletes.into_iter().zip(existed).map(|(delete, existed)| async move {
                let deleted = Deleted { existed, version: None, marker: false };
                client.delete_object(provider, &link.name, delete.key.as_str()).await.map(|()| deleted)
            });
            Ok(stream::iter(asked).buffered(limit::ADOPTION_HEADS_AT_ONCE).collect().await)
        })
        .await
    }
}

/// What goes upstream as a client's own request, and not as one of ours.
fn not_there() -> Error {
    let message = "The bucket is kept by its upstream, and this cannot be done there.";
    Error::new(ErrorKind::InvalidBucketState, message)
}
