//! The tags of an object: reading and changing them, of the current version or of another.

use std::sync::Arc;

use crate::Store;
use crate::bucket::Bucket;
use crate::error::Result;
use crate::name::ObjectKey;
use crate::notification::{self, EventKind, Subject};
use crate::object::{VersionId, find_object, update};
use crate::policy::{Action, Grant};
use crate::tag::{Tags, check_object_tags};

impl Store {
    /// The tags of a version, and which version that is. `NoSuchKey`, `NoSuchVersion`, `IsDeleteMarker`.
    pub async fn object_tags(
        self: &Arc<Self>,
        grant: &Grant,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<(Tags, Option<VersionId>)> {
        grant.must_allow(Action::GetObjectTagging)?;
        let bucket = grant.bucket()?;
        self.settle(bucket, key.as_str()).await?;
        let (row, version) = self.meta.read(|read| find_object(read, bucket, key.as_str(), version))?;
        Ok((row.extras.tags, version))
    }

    /// Gives a version these tags in the place of those it has. `InvalidTag`, `TooManyTags`, and what a read refuses.
    pub async fn put_object_tags(
        self: &Arc<Self>,
        grant: &Grant,
        key: ObjectKey,
        version: Option<VersionId>,
        tags: Tags,
    ) -> Result<Option<VersionId>> {
        grant.must_allow(Action::PutObjectTagging)?;
        check_object_tags(&tags)?;
        self.change_object_tags(grant, key, version, tags, EventKind::TaggingPut).await
    }

    /// Takes a version's tags away. What a read refuses.
    pub async fn delete_object_tags(
        self: &Arc<Self>,
        grant: &Grant,
        key: ObjectKey,
        version: Option<VersionId>,
    ) -> Result<Option<VersionId>> {
        grant.must_allow(Action::DeleteObjectTagging)?;
        self.change_object_tags(grant, key, version, Tags::new(), EventKind::TaggingDelete).await
    }

    async fn change_object_tags(
        self: &Arc<Self>,
        grant: &Grant,
        key: ObjectKey,
        version: Option<VersionId>,
        tags: Tags,
        event: EventKind,
    ) -> Result<Option<VersionId>> {
        self.settle(grant.bucket()?, key.as_str()).await?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_be_active(tx, bucket)?;
                let mut etag = None;
                let version = update(tx, &bucket, key.as_str(), version, |row| {
                    row.extras.tags.clone_from(&tags);
                    etag = Some(row.head.etag);
                    Ok(())
                })?;
                notification::emit(tx, &bucket, event, Subject { key: key.as_str(), size: None, etag, version })?;
                Ok(version)
            })
            .await
    }
}
