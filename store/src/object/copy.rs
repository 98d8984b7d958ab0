//! CopyObject: one more reference on the source's bytes. No byte moves.

use std::sync::Arc;

use futures::StreamExt;

use crate::Store;
use crate::blob::{Checksum, ChecksumAlgorithm, ChecksumKind, Hasher, stream_segments};
use crate::bucket::Bucket;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::meta::table::OBJECTS;
use crate::meta::{Read, Tx};
use crate::name::ObjectKey;
use crate::notification::EventKind;
use crate::object::get::{Located, locate};
use crate::object::{
    ETag, Extras, GetObject, Metadata, NewObject, ObjectRow, Origin, ReadConditions, StorageClass, VersionId,
    WriteCondition, find_object, place, retain, row_checksum,
};
use crate::plan::Plan;
use crate::policy::{Action, Grant};
use crate::usage::UsageRow;

/// What to copy. The buckets come with the grants.
#[derive(Debug, Clone)]
pub struct CopyObject {
    /// The source's key.
    pub source_key: ObjectKey,
    /// One version of it; `None` is the current one.
    pub source_version: Option<VersionId>,
    /// What must hold of the source.
    pub source_conditions: ReadConditions,
    /// The target's key.
    pub key: ObjectKey,
    /// Metadata in place of the source's.
    pub replace_metadata: Option<Metadata>,
    /// Tags in place of the source's.
    pub replace_tags: Option<Vec<(String, String)>>,
    /// Locks and access control list, which are never the source's; its tags are not looked at.
    pub extras: Extras,
    /// A storage class; `None` is STANDARD.
    pub class: Option<StorageClass>,
    /// A checksum that the copy must have.
    pub checksum: Option<ChecksumAlgorithm>,
    /// What must hold of the target's current object.
    pub condition: WriteCondition,
}

/// What the copy became.
#[derive(Debug, Clone)]
pub struct Copied {
    /// Entity tag.
    pub etag: ETag,
    /// When it was committed.
    pub modified_ms: Millis,
    /// Checksum, if it has one.
    pub checksum: Option<Checksum>,
    /// The copy's version id, if its bucket ever kept versions.
    pub version: Option<VersionId>,
    /// The version id of what was copied, likewise.
    pub source_version: Option<VersionId>,
}

/// A checksum computed for a copy, good for one state of the source.
#[derive(Clone)]
struct Computed {
    sequence: u64,
    algorithm: ChecksumAlgorithm,
    value: Vec<u8>,
}

impl Store {
    /// Copies an object. `grant` allows the write, `source` the read. `NoSuchKey`, `PreconditionFailed`,
    /// `InvalidRequest` for a copy onto itself that changes nothing, and what a bucket and a plan refuse of a put.
    pub async fn copy_object(self: &Arc<Self>, grant: &Grant, source: &Grant, copy: CopyObject) -> Result<Copied> {
        grant.must_allow(Action::PutObject)?;
        source.must_allow(Action::GetObject)?;
        let (from, to) = (source.bucket()?.id, grant.bucket()?.id);
        let onto_itself = from == to && copy.source_key == copy.key && copy.source_version.is_none();
        if onto_itself && copy.replace_metadata.is_none() && copy.class.is_none() {
            let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                           the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        if let Some(metadata) = &copy.replace_metadata {
            metadata.check()?;
        }
        self.settle(source.bucket()?, copy.source_key.as_str()).await?;
        if copy.condition.is_some() {
            self.settle(grant.bucket()?, copy.key.as_str()).await?;
        }
        let plan = Arc::clone(self.plans.of(grant.bucket()?.row.org)?);
        let computed = self.checksum_for_copy(source, &copy).await?;
        self.meta
            .write(move |tx| {
                let to = Bucket::must_be_active(tx, to)?;
                let from = Bucket::must_exist(tx, from)?;
                let (row, source_version) = source_object(tx, &from, &copy)?;
                copy.source_conditions.must_hold(&row.head)?;
                let current = OBJECTS.get(tx, &(to.id, copy.key.as_str().to_owned()))?;
                copy.condition.check(current.as_ref().map(|row| &row.head))?;
                if computed.as_ref().is_some_and(|computed| computed.sequence != row.sequence) {
                    return Err(Error::new(
                        ErrorKind::SlowDown,
                        "The source changed while it was read. Please try again.",
                    ));
                }
                let copied = place_copy(tx, &to, &plan, &copy, row, computed.clone())?;
                Ok(Copied { source_version, ..copied })
            })
            .await
    }

    /// Reads the source once if the copy must have a checksum that the source does not have.
    async fn checksum_for_copy(self: &Arc<Self>, source: &Grant, copy: &CopyObject) -> Result<Option<Computed>> {
        let Some(algorithm) = copy.checksum else { return Ok(None) };
        let get = GetObject { version: copy.source_version, ..GetObject::whole(copy.source_key.clone()) };
        let located = self.meta.read(|read| locate(read, source, &get))?;
        if located.row.head.checksum == Some((algorithm, ChecksumKind::FullObject)) {
            return Ok(None);
        }
        let sequence = located.row.sequence;
        let value = self.digest_object(&located, algorithm).await?;
        Ok(Some(Computed { sequence, algorithm, value }))
    }

    async fn digest_object(self: &Arc<Self>, located: &Located, algorithm: ChecksumAlgorithm) -> Result<Vec<u8>> {
        let held = self.hold(located, 0, located.row.head.size)?;
        let held =
            held.ok_or_else(|| Error::new(ErrorKind::SlowDown, "The source is being replaced. Please try again."))?;
        let mut bytes = stream_segments(Arc::clone(self), held).await?;
        let mut hasher = Hasher::new(algorithm);
        while let Some(chunk) = bytes.next().await.transpose()? {
            hasher.update(&chunk);
        }
        Ok(hasher.finish())
    }
}

/// What is to be copied. A delete marker that is named is no object that could be read: `InvalidRequest`.
fn source_object(read: &dyn Read, from: &Bucket, copy: &CopyObject) -> Result<(ObjectRow, Option<VersionId>)> {
    find_object(read, from, copy.source_key.as_str(), copy.source_version).map_err(|error| match error.kind() {
        ErrorKind::IsDeleteMarker => {
            let message = "The source of a copy request may not specifically refer to a delete marker by version id.";
            Error::new(ErrorKind::InvalidRequest, message)
        }
        _ => error,
    })
}

fn place_copy(
    tx: &mut Tx<'_>,
    to: &Bucket,
    plan: &Plan,
    copy: &CopyObject,
    row: ObjectRow,
    computed: Option<Computed>,
) -> Result<Copied> {
    let checksum = match computed {
        Some(Computed { algorithm, value, .. }) => {
            Some(Checksum { algorithm, kind: ChecksumKind::FullObject, value, parts: 0 })
        }
        None => row_checksum(&row),
    };
    copy.extras.check(to.row.object_lock, tx.now())?;
    retain(tx, row.body)?;
    let new = NewObject {
        origin: Origin::Request(EventKind::CreatedCopy),
        body: row.body,
        size: row.head.size,
        etag: row.head.etag,
        class: copy.class.unwrap_or_default(),
        checksum: checksum.clone().map(|c| (c.algorithm, c.kind, c.value)),
        metadata: copy.replace_metadata.clone().unwrap_or(row.metadata),
        extras: Extras { tags: copy.replace_tags.clone().unwrap_or(row.extras.tags), ..copy.extras.clone() },
    };
    let placed = place(tx, to, plan, copy.key.as_str(), new, UsageRow::default())?;
    Ok(Copied {
        etag: row.head.etag,
        modified_ms: placed.modified_ms,
        checksum,
        version: placed.version,
        source_version: None,
    })
}
