//! Settling a key: its object is brought here, or it is noted that there is none.

use std::sync::Arc;

use crate::Store;
use crate::blob::{Checksum, Expect, ExpectedChecksum};
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::BucketId;
use crate::meta::Tx;
use crate::meta::table::{ADOPTIONS, TOMBSTONES};
use crate::object::{ETag, Extras, NewObject, Origin, admit, place};
use crate::tag::{Tags, check_object_tags};
use crate::upstream::{GetUpstream, Provider, UpstreamFound};
use crate::usage::UsageRow;

use super::parts::PartDigests;
use super::row::TombstoneRow;
use super::settled::{is_linked, is_unsettled};
use super::{AdoptionRow, Pace};

/// An object on its way here.
struct Coming {
    found: UpstreamFound,
    tags: Tags,
    etag: Option<ETag>,
    verified: bool,
}

impl Store {
    /// Settles a key of a bucket that is being adopted, for whoever has to decide in a commit about what is there. Costs nothing
    /// where it is settled, and runs to its end even if the caller goes away. Errors of the upstream; `SlowDown` while
    /// changes from before the adoption are under way.
    pub(crate) async fn settle(self: &Arc<Self>, bucket: &Bucket, key: &str) -> Result<()> {
        if !is_linked(bucket) || !self.meta.read(|read| is_unsettled(read, bucket, key))? {
            return Ok(());
        }
        let (store, bucket, key) = (Arc::clone(self), bucket.clone(), key.to_owned());
        self.to_the_end(async move { store.bring(&bucket, &key, None).await }).await
    }

    /// The same in the background, at a pace.
    pub(super) async fn bring(self: &Arc<Self>, bucket: &Bucket, key: &str, pace: Option<&Arc<Pace>>) -> Result<()> {
        let _turn = self.turns.take(bucket.id, key).await;
        if !self.meta.read(|read| is_unsettled(read, bucket, key))? {
            return Ok(());
        }
        let Some((provider, link)) = self.behind(bucket).await? else { return Ok(()) };
        // The link first: changes that were under way when the adoption began are noted by then.
        if link.adoption.is_none() || !self.forwards.are_over(bucket.id) {
            let message = "The bucket is just beginning to be adopted. Please try again.";
            return Err(Error::new(ErrorKind::SlowDown, message));
        }
        let client = self.upstream();
        let get = GetUpstream { key, ..GetUpstream::default() };
        let (found, mut body) = match client.get_object(&provider, &link.name, &get).await {
            Err(error) if error.kind() == ErrorKind::NoSuchKey => return self.note_absence(bucket.id, key).await,
            answer => answer?,
        };
        let tags = match found.tags {
            0 => Tags::new(),
            _ => client.object_tags(&provider, &link.name, key).await?,
        };
        check_object_tags(&tags)?;
        let etag = ETag::parse(&found.etag);
        let parts = self.part_digests(&provider, &link.name, key, &found, etag).await?;
        if let Some(parts) = &parts {
            body = parts.watch(body);
        }
        if let Some(pace) = pace {
            body = pace.slow(body, &self.clock);
        }
        let md5 = match etag {
            Some(ETag::Md5(md5)) if found.etag_is_digest => Some(md5),
            _ => None,
        };
        let checksum = match found.checksum.clone() {
            Some(Checksum { algorithm, value, .. }) => ExpectedChecksum::Value(algorithm, value),
            None => ExpectedChecksum::None,
        };
        let by_digest = md5.is_some() || found.checksum.is_some();
        let body = self.ingest(body, Expect { length: Some(found.size), md5, checksum }).await?;
        let by_parts = parts.is_some_and(|parts| Some(parts.etag()) == etag);
        let coming = Coming { found, tags, etag, verified: by_digest || by_parts };
        self.place_brought(bucket, key, body, coming).await
    }

    /// What to hold an object against that was uploaded in parts and has no checksum of the whole.
    async fn part_digests(
        &self,
        provider: &Provider,
        name: &str,
        key: &str,
        found: &UpstreamFound,
        etag: Option<ETag>,
    ) -> Result<Option<PartDigests>> {
        let Some(ETag::Multipart(_, parts)) = etag.filter(|_| found.etag_is_digest && found.checksum.is_none()) else {
            return Ok(None);
        };
        let length = self.upstream().first_part_length(provider, name, key).await?;
        Ok(length.and_then(|length| PartDigests::new(length, found.size, parts)))
    }

    async fn place_brought(
        self: &Arc<Self>,
        bucket: &Bucket,
        key: &str,
        body: crate::blob::Ingested,
        coming: Coming,
    ) -> Result<()> {
        let (id, key, epoch) = (bucket.id, key.to_owned(), self.blobs.epoch());
        let plan = Arc::clone(self.plans.of(bucket.row.org)?);
        let placed = self.commit_body(body, move |tx, body| {
            let bucket = Bucket::must_exist(tx, id)?;
            if !is_unsettled(tx, &bucket, &key)? {
                return Err(settled_meanwhile());
            }
            let Coming { found, tags, etag, verified } = &coming;
            let checksum = found.checksum.clone().map(|checksum| (checksum.algorithm, checksum.kind, checksum.value));
            let new = NewObject {
                body: admit(tx, &body.place, body.size, epoch)?,
                size: body.size,
                etag: etag.unwrap_or(ETag::Md5(body.md5)),
                class: found.class,
                checksum,
                metadata: found.metadata.clone(),
                extras: Extras { tags: tags.clone(), ..Extras::default() },
                origin: Origin::Adopted { modified_ms: found.modified_ms },
            };
            place(tx, &bucket, &plan, &key, new, UsageRow::default())?;
            count(tx, id, |row| {
                row.brought += 1;
                row.brought_bytes += body.size;
                row.unverified += u64::from(!verified);
            })
        });
        match placed.await {
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(()),
            placed => placed,
        }
    }

    async fn note_absence(&self, bucket: BucketId, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                if is_unsettled(tx, &bucket, &key)? {
                    TOMBSTONES.put(tx, &(bucket.id, key.clone()), &TombstoneRow)?;
                }
                Ok(())
            })
            .await
    }
}

/// Somebody else has settled the key, by a write or a deletion of theirs: what was brought is not needed.
fn settled_meanwhile() -> Error {
    Error::new(ErrorKind::PreconditionFailed, "The object has been written or deleted meanwhile")
}

/// Changes what is noted of an adoption.
pub(super) fn count(tx: &mut Tx<'_>, bucket: BucketId, change: impl FnOnce(&mut AdoptionRow)) -> Result<()> {
    let Some(mut row) = ADOPTIONS.get(tx, &bucket)? else {
        return Err(Error::corrupt(format!("bucket {bucket} is being adopted, of which nothing is noted")));
    };
    change(&mut row);
    ADOPTIONS.put(tx, &bucket, &row)
}
