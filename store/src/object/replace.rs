//! What every change of a key goes through, inside the commit: the current object is replaced or removed, its bytes
//! lose a reference, the counters follow. Put, copy, complete and delete differ only in what they bring.

use bytes::Bytes;

use crate::admission;
use crate::adopt;
use crate::blob::row::{BlobRow, InlineRow, SumsRow};
use crate::blob::{Body, ChecksumAlgorithm, ChecksumKind, crc32c};
use crate::bucket::Bucket;
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::{BlobId, UploadId};
use crate::intent;
use crate::limit;
use crate::meta::Tx;
use crate::meta::table::{BLOB_SUMS, BLOBS, INLINE, MANIFESTS, OBJECTS};
use crate::notification::{self, EventKind, Subject};
use crate::object::version::{make_room, remove_version, shown};
use crate::object::{ETag, Extras, Metadata, ObjectHead, ObjectRow, StorageClass, VersionId};
use crate::plan::Plan;
use crate::quota;
use crate::sweep::{Garbage, throw_away};
use crate::usage::UsageRow;

/// An object about to take a key's place.
#[derive(Debug, Clone)]
pub(crate) struct NewObject {
    pub(crate) body: Body,
    pub(crate) size: u64,
    pub(crate) etag: ETag,
    pub(crate) class: StorageClass,
    pub(crate) checksum: Option<(ChecksumAlgorithm, ChecksumKind, Vec<u8>)>,
    pub(crate) metadata: Metadata,
    pub(crate) extras: Extras,
    /// How it came about.
    pub(crate) origin: Origin,
}

/// How an object came about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    /// Somebody asked for it: that is told.
    Request(EventKind),
    /// It was there before, elsewhere. It is not new, and the limits of new objects say nothing about it.
    Adopted {
        /// When it was modified.
        modified_ms: Millis,
    },
}

/// What became of a new object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// When it was modified.
    pub(crate) modified_ms: Millis,
    /// The version id that answers show.
    pub(crate) version: Option<VersionId>,
}

/// Puts an object in its key's place, in a bucket that is in use, if the bucket and the plan take it. The body's reference
/// is the caller's to have taken; `less` are counters that go down with it.
pub(crate) fn place(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    plan: &Plan,
    key: &str,
    new: NewObject,
    less: UsageRow,
) -> Result<Placed> {
    adopt::must_be_ours(tx, bucket)?;
    let modified_ms = match new.origin {
        Origin::Request(_) => {
            admission::check_size(&bucket.row, plan, new.size)?;
            admission::check_type(&bucket.row, new.metadata.system.content_type.as_deref())?;
            tx.now()
        }
        Origin::Adopted { modified_ms } => modified_ms,
    };
    let (checksum, value) = match new.checksum {
        Some((algorithm, kind, value)) => (Some((algorithm, kind)), value),
        None => (None, Vec::new()),
    };
    let head = ObjectHead { size: new.size, etag: new.etag, modified_ms, class: new.class, checksum };
    let sequence = tx.next_sequence()?;
    let (version, mut change) = make_room(tx, bucket, key, sequence)?;
    let row = ObjectRow {
        head,
        body: new.body,
        sequence,
        version,
        checksum: value,
        metadata: new.metadata,
        extras: new.extras.or_default(bucket.row.object_lock, tx.now()),
    };
    OBJECTS.put(tx, &(bucket.id, key.to_owned()), &row)?;
    change.add = change.add.plus(one_object(new.size));
    change.sub = change.sub.plus(less);
    quota::charge(tx, bucket, plan, &change)?;
    let version = shown(bucket, version);
    intent::follow(tx, bucket, key)?;
    if let Origin::Request(event) = new.origin {
        notification::emit(tx, bucket, event, Subject { key, size: Some(new.size), etag: Some(new.etag), version })?;
    }
    Ok(Placed { modified_ms, version })
}

/// Removes the object of a key in a bucket that keeps no versions, if there is one; says whether there was.
pub(crate) fn remove(tx: &mut Tx<'_>, bucket: &Bucket, key: &str) -> Result<bool> {
    Ok(remove_version(tx, bucket, key, VersionId::Null, false)?.is_some())
}

/// What one current object counts for.
pub(crate) fn one_object(size: u64) -> UsageRow {
    UsageRow { objects: 1, object_bytes: size, ..UsageRow::default() }
}

/// Writes the rows of an ingested body, with one reference.
pub(crate) fn admit(tx: &mut Tx<'_>, place: &crate::blob::Place, size: u64, epoch: u32) -> Result<Body> {
    use crate::blob::Place;
    match place {
        Place::Empty => Ok(Body::Empty),
        Place::Inline(id, bytes) => {
            let row = InlineRow { refs: 1, crc32c: crc32c(bytes), bytes: Bytes::clone(bytes) };
            INLINE.put(tx, id, &row)?;
            Ok(Body::Inline(*id))
        }
        Place::Blob { id, block_sums } => {
            BLOBS.put(tx, id, &BlobRow { refs: 1, size, epoch })?;
            for (group, sums) in (0u32..).zip(block_sums.chunks(limit::SUMS_PER_ROW * 4)) {
                BLOB_SUMS.put(tx, &(*id, group), &SumsRow(sums.to_vec()))?;
            }
            Ok(Body::Blob(*id))
        }
    }
}

/// Takes one more reference on a body: how a copy moves no bytes.
pub(crate) fn retain(tx: &mut Tx<'_>, body: Body) -> Result<()> {
    let more = |refs: u32| refs.checked_add(1).ok_or_else(|| Error::corrupt(format!("{body:?} has 2^32 references")));
    match body {
        Body::Empty => Ok(()),
        Body::Inline(id) => {
            let mut row = INLINE.get(tx, &id)?.ok_or_else(|| missing(body))?;
            row.refs = more(row.refs)?;
            INLINE.put(tx, &id, &row)
        }
        Body::Blob(id) => {
            let mut row = blob(tx, id)?;
            row.refs = more(row.refs)?;
            BLOBS.put(tx, &id, &row)
        }
        Body::Manifest(id) => {
            let mut row = MANIFESTS.get(tx, &id)?.ok_or_else(|| missing(body))?;
            row.refs = more(row.refs)?;
            MANIFESTS.put(tx, &id, &row)
        }
    }
}

/// Drops one reference on a body. With the last one the bytes become garbage in this very transaction; whether that
/// is one part or ten thousand, this touches one row.
pub(crate) fn release(tx: &mut Tx<'_>, body: Body) -> Result<()> {
    let fewer =
        |refs: u32| refs.checked_sub(1).ok_or_else(|| Error::corrupt(format!("{body:?} has no reference to drop")));
    match body {
        Body::Empty => Ok(()),
        Body::Inline(id) => {
            let mut row = INLINE.get(tx, &id)?.ok_or_else(|| missing(body))?;
            row.refs = fewer(row.refs)?;
            if row.refs > 0 {
                return INLINE.put(tx, &id, &row);
            }
            INLINE.delete(tx, &id);
            Ok(())
        }
        Body::Blob(id) => {
            let mut row = blob(tx, id)?;
            row.refs = fewer(row.refs)?;
            BLOBS.put(tx, &id, &row)?;
            if row.refs == 0 { throw_away(tx, Garbage::Blob(id)) } else { Ok(()) }
        }
        Body::Manifest(id) => release_manifest(tx, id, body),
    }
}

fn release_manifest(tx: &mut Tx<'_>, id: UploadId, body: Body) -> Result<()> {
    let mut row = MANIFESTS.get(tx, &id)?.ok_or_else(|| missing(body))?;
    row.refs = row.refs.checked_sub(1).ok_or_else(|| Error::corrupt(format!("{body:?} has no reference to drop")))?;
    if row.refs > 0 {
        return MANIFESTS.put(tx, &id, &row);
    }
    MANIFESTS.delete(tx, &id);
    throw_away(tx, Garbage::Parts(id))
}

fn blob(tx: &Tx<'_>, id: BlobId) -> Result<BlobRow> {
    BLOBS.get(tx, &id)?.ok_or_else(|| missing(Body::Blob(id)))
}

fn missing(body: Body) -> Error {
    Error::corrupt(format!("the row of {body:?} is missing"))
}
