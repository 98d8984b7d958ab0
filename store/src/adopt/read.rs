//! Reading what is only upstream, as if it lay here: the same conditions and ranges, by the same rules.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use crate::Store;
use crate::blob::{Body, ByteStream};
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::link::Link;
use crate::meta::Read;
use crate::name::ObjectKey;
use crate::object::{ETag, Extras, Found, GetObject, Located, ObjectHead, ObjectRow, VersionId, locate, located};
use crate::policy::Grant;
use crate::tag::Tags;
use crate::upstream::{GetUpstream, Provider, UpstreamFound};

use super::settled::{is_linked, is_unsettled};

/// Finds the object that a grant and a request mean, if it lies here. `None` if only the upstream can have it.
pub(crate) fn look(read: &dyn Read, grant: &Grant, get: &GetObject) -> Result<Option<Located>> {
    match locate(read, grant, get) {
        Err(error)
            if matches!(error.kind(), ErrorKind::NoSuchKey | ErrorKind::NoSuchVersion)
                && matches!(get.version, None | Some(VersionId::Null))
                && is_unsettled(read, grant.bucket()?, get.key.as_str())? =>
        {
            Ok(None)
        }
        found => found.map(Some),
    }
}

impl Store {
    /// Where a bucket's upstream is. `None` if the bucket is ours since it was looked at: look again.
    pub(super) async fn behind(&self, bucket: &Bucket) -> Result<Option<(Arc<Provider>, Arc<Link>)>> {
        match Box::pin(self.provider_of(bucket)).await {
            Err(error) if error.kind() == ErrorKind::NoSuchBucket => Ok(None),
            behind => behind.map(Some),
        }
    }

    /// The headers of an object that is only upstream. `None` is to look again.
    pub(crate) async fn head_behind(&self, grant: &Grant, get: &GetObject) -> Result<Option<Found>> {
        let Some((row, _)) = self.row_behind(grant.bucket()?, &get.key).await? else { return Ok(None) };
        self.meta.read(|read| located(read, row, None, get)).map(|located| Some(located.found))
    }

    /// An object that is only upstream. `None` is to look again, also if it was changed there, by what was under way, between
    /// being found and being read.
    pub(crate) async fn get_behind(&self, grant: &Grant, get: &GetObject) -> Result<Option<(Found, ByteStream)>> {
        let bucket = grant.bucket()?;
        let Some((row, etag)) = self.row_behind(bucket, &get.key).await? else { return Ok(None) };
        let found = self.meta.read(|read| located(read, row, None, get))?.found;
        if found.not_modified || found.length == 0 {
            return Ok(Some((found, Box::pin(stream::empty()))));
        }
        let Some((provider, link)) = self.behind(bucket).await? else { return Ok(None) };
        let range = found.partial.then_some((found.start, found.length));
        let get = GetUpstream { key: get.key.as_str(), range, etag: Some(&etag) };
        match self.upstream().get_object(&provider, &link.name, &get).await {
            Ok((_, bytes)) => Ok(Some((found, bytes))),
            Err(error) if matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::InvalidRange) => Ok(None),
            Err(error) => Err(absent(error)),
        }
    }

    /// What the upstream has under a key, as a row, with its entity tag there.
    async fn row_behind(&self, bucket: &Bucket, key: &ObjectKey) -> Result<Option<(ObjectRow, String)>> {
        let Some((provider, link)) = self.behind(bucket).await? else { return Ok(None) };
        let client = self.upstream();
        let found = client.head_object(&provider, &link.name, key.as_str()).await.map_err(absent)?;
        let tags = match found.tags {
            0 => Tags::new(),
            _ => client.object_tags(&provider, &link.name, key.as_str()).await.map_err(absent)?,
        };
        let checksum = found.checksum;
        let head = ObjectHead {
            size: found.size,
            etag: ETag::standing_for(&found.etag),
            modified_ms: found.modified_ms,
            class: found.class,
            checksum: checksum.as_ref().map(|checksum| (checksum.algorithm, checksum.kind)),
        };
        let row = ObjectRow {
            head,
            body: Body::Empty,
            sequence: 0,
            version: None,
            checksum: checksum.map(|checksum| checksum.value).unwrap_or_default(),
            metadata: found.metadata,
            extras: Extras { tags, ..Extras::default() },
        };
        Ok(Some((row, found.etag)))
    }

    /// Which of these keys the upstream has that are unsettled; nothing for a bucket of our own.
    pub(crate) async fn are_behind(&self, bucket: &Bucket, keys: &[&str]) -> Result<Vec<bool>> {
        if !is_linked(bucket) {
            return Ok(Vec::new());
        }
        let unsettled = |key: &&str| self.meta.read(|read| is_unsettled(read, bucket, key));
        let unsettled: Vec<bool> = keys.iter().map(unsettled).collect::<Result<_>>()?;
        if !unsettled.contains(&true) {
            return Ok(unsettled);
        }
        let is_behind =
            |(key, unsettled)| async move { Ok(unsettled && self.find_there(bucket, key).await?.is_some()) };
        let asked: Vec<_> = keys.iter().copied().zip(unsettled).map(is_behind).collect();
        stream::iter(asked).buffered(limit::ADOPTION_HEADS_AT_ONCE).try_collect().await
    }

    /// What the upstream tells of an object, if it has it.
    pub(super) async fn find_there(&self, bucket: &Bucket, key: &str) -> Result<Option<UpstreamFound>> {
        let Some((provider, link)) = self.behind(bucket).await? else { return Ok(None) };
        match self.upstream().head_object(&provider, &link.name, key).await {
            Err(error) if error.kind() == ErrorKind::NoSuchKey => Ok(None),
            found => found.map(Some),
        }
    }
}

/// An upstream's word that there is no such key, as ours.
fn absent(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NoSuchKey => Error::new(ErrorKind::NoSuchKey, "The specified key does not exist."),
        _ => error,
    }
}
