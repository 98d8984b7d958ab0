//! CompleteMultipartUpload: one commit that reads the part rows and writes the object row and the selection of parts.

use std::sync::Arc;

use md5::{Digest as _, Md5};

use crate::Store;
use crate::blob::{Body, Checksum, ChecksumAlgorithm, ChecksumKind, Hasher, combine_crc};
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, UploadId};
use crate::limit;
use crate::meta::table::{MANIFESTS, OBJECTS, PARTS, UPLOADS};
use crate::meta::{KeyRange, Step, Tx};
use crate::name::ObjectKey;
use crate::notification::EventKind;
use crate::object::{ETag, NewObject, Origin, VersionId, WriteCondition, hex, place, release, shown};
use crate::plan::Plan;
use crate::policy::{Action, Grant};
use crate::upload::create::no_such_upload;
use crate::upload::row::{ManifestRow, PartRow, Run, UploadRow};
use crate::usage::UsageRow;

/// What to complete.
#[derive(Debug, Clone)]
pub struct CompleteUpload {
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// The parts the object is made of, ascending.
    pub parts: Vec<PartRef>,
    /// What must hold of the key's current object.
    pub condition: WriteCondition,
    /// The checksum of the whole, as the client has it.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    /// How the client took it.
    pub kind: Option<ChecksumKind>,
    /// The length of the whole, as the client has it.
    pub size: Option<u64>,
}

/// A part as the client names it.
#[derive(Debug, Clone)]
pub struct PartRef {
    /// Its number.
    pub number: u16,
    /// Its entity tag, without quotes.
    pub etag: String,
    /// Its checksum, if the client repeats it.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Completed {
    /// Entity tag.
    pub etag: ETag,
    /// Checksum, if it has one.
    pub checksum: Option<Checksum>,
    /// Its version id, if the bucket ever kept versions.
    pub version: Option<VersionId>,
}

impl Store {
    /// Completes an upload. The upload stays usable after every error: `NoSuchUpload`, `InvalidPart`,
    /// `InvalidPartOrder`, `EntityTooSmall`, `InvalidRequest`, `BadDigest`, `PreconditionFailed`, and what a bucket and a
    /// plan refuse of a put. Completing a finished upload again gives the same answer.
    pub async fn complete_upload(self: &Arc<Self>, grant: &Grant, complete: CompleteUpload) -> Result<Completed> {
        grant.must_allow(Action::PutObject)?;
        let bucket = grant.bucket()?.id;
        let plan = Arc::clone(self.plans.of(grant.bucket()?.row.org)?);
        check_order(&complete.parts)?;
        if complete.condition.is_some() {
            self.settle(grant.bucket()?, complete.key.as_str()).await?;
        }
        self.meta.write(move |tx| self::complete(tx, bucket, &plan, &complete)).await
    }
}

pub(crate) fn check_order(parts: &[PartRef]) -> Result<()> {
    if parts.is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, "You must specify at least one part"));
    }
    if parts.iter().zip(parts.iter().skip(1)).any(|(a, b)| a.number >= b.number) {
        let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(Error::new(ErrorKind::InvalidPartOrder, message));
    }
    Ok(())
}

/// The rule of it.
pub(crate) fn complete(tx: &mut Tx<'_>, bucket: BucketId, plan: &Plan, complete: &CompleteUpload) -> Result<Completed> {
    let bucket = Bucket::must_be_active(tx, bucket)?;
    let upload_key = (bucket.id, complete.key.as_str().to_owned(), complete.upload);
    let Some(upload) = UPLOADS.get(tx, &upload_key)? else { return completed_before(tx, &bucket, complete) };
    let current = OBJECTS.get(tx, &(bucket.id, complete.key.as_str().to_owned()))?;
    complete.condition.check(current.as_ref().map(|row| &row.head))?;

    let selection = Selection::of(tx, complete, &upload)?;
    if complete.size.is_some_and(|size| size != selection.size) {
        let message =
            format!("The provided x-amz-mp-object-size does not match the {} bytes of the parts", selection.size);
        return Err(Error::new(ErrorKind::InvalidRequest, message));
    }
    let etag = selection.etag()?;
    let checksum = selection.checksum(&upload, complete)?;

    let manifest = ManifestRow {
        refs: 1,
        size: selection.size,
        runs: selection.runs(),
        bucket: bucket.id,
        key: complete.key.as_str().to_owned(),
        etag,
    };
    MANIFESTS.put(tx, &complete.upload, &manifest)?;
    UPLOADS.delete(tx, &upload_key);
    let settled = settle_parts(tx, complete.upload, &selection)?;
    let new = NewObject {
        origin: Origin::Request(EventKind::CreatedMultipart),
        body: Body::Manifest(complete.upload),
        size: selection.size,
        etag,
        class: upload.class,
        checksum: checksum.clone().map(|c| (c.algorithm, c.kind, c.value)),
        metadata: upload.metadata,
        extras: upload.extras,
    };
    let placed = place(tx, &bucket, plan, complete.key.as_str(), new, settled)?;
    Ok(Completed { etag, checksum, version: placed.version })
}

/// A client that lost the answer asks again: as long as the object exists it gets the same answer.
fn completed_before(tx: &Tx<'_>, bucket: &Bucket, complete: &CompleteUpload) -> Result<Completed> {
    let manifest =
        MANIFESTS.get(tx, &complete.upload)?.filter(|m| m.bucket == bucket.id && m.key == complete.key.as_str());
    let manifest = manifest.ok_or_else(no_such_upload)?;
    let row = OBJECTS.get(tx, &(bucket.id, manifest.key))?.filter(|row| row.body == Body::Manifest(complete.upload));
    let checksum = row.as_ref().and_then(crate::object::row_checksum);
    let version = row.and_then(|row| shown(bucket, row.version));
    Ok(Completed { etag: manifest.etag, checksum, version })
}

/// The parts that were uploaded cease to be parts of an open upload; those that were not chosen are released. Returns by
/// how much counters go down, to be counted together with the object that they become.
fn settle_parts(tx: &mut Tx<'_>, upload: UploadId, selection: &Selection) -> Result<UsageRow> {
    let mut sub = UsageRow { uploads: 1, ..UsageRow::default() };
    let mut left_over = Vec::new();
    let mut chosen = selection.parts.iter().map(|(number, _)| *number).peekable();
    PARTS.scan(tx, &KeyRange::prefix(&upload.0), |(_, number), part| {
        sub.parts += 1;
        sub.part_bytes += part.size;
        if chosen.next_if_eq(&number).is_none() {
            left_over.push((number, part.body));
        }
        Ok(Step::Continue)
    })?;
    for (number, body) in left_over {
        PARTS.delete(tx, &(upload, number));
        release(tx, body)?;
    }
    Ok(sub)
}

/// The chosen parts with their rows, checked against what the client said of them.
struct Selection {
    parts: Vec<(u16, PartRow)>,
    size: u64,
}

impl Selection {
    fn of(tx: &Tx<'_>, complete: &CompleteUpload, upload: &UploadRow) -> Result<Self> {
        let invalid = || {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or \
                           the specified entity tag may not match the part's entity tag.";
            Error::new(ErrorKind::InvalidPart, message)
        };
        let mut parts = Vec::with_capacity(complete.parts.len());
        let mut size = 0u64;
        for part in &complete.parts {
            let row = PARTS.get(tx, &(complete.upload, part.number))?.ok_or_else(invalid)?;
            if !hex(&row.md5).eq_ignore_ascii_case(&part.etag) {
                return Err(invalid());
            }
            if part.checksum.is_some() && upload.checksum.is_some() && part.checksum != row.checksum {
                return Err(invalid());
            }
            size = size.saturating_add(row.size);
            parts.push((part.number, row));
        }
        if parts.iter().rev().skip(1).any(|(_, row)| row.size < limit::PART_BYTES_MIN) {
            let message = "Your proposed upload is smaller than the minimum allowed object size: each part but the last has \
                           at least 5 MiB.";
            return Err(Error::new(ErrorKind::EntityTooSmall, message));
        }
        if size > limit::OBJECT_BYTES_MAX {
            return Err(Error::new(ErrorKind::EntityTooLarge, "An object has at most 5 TiB."));
        }
        Ok(Self { parts, size })
    }

    /// MD5 of the parts' MD5s, with their number.
    fn etag(&self) -> Result<ETag> {
        let mut md5 = Md5::new();
        self.parts.iter().for_each(|(_, row)| md5.update(row.md5));
        let count =
            u16::try_from(self.parts.len()).map_err(|_| Error::new(ErrorKind::InvalidArgument, "Too many parts"))?;
        Ok(ETag::Multipart(md5.finalize().into(), count))
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (number, row) in &self.parts {
            match runs.last_mut() {
                Some(run) if run.first + run.count == *number && run.size == row.size => run.count += 1,
                _ => runs.push(Run { first: *number, count: 1, size: row.size }),
            }
        }
        runs
    }

    /// The checksum of the whole by the upload's rule, held against the client's.
    fn checksum(&self, upload: &UploadRow, complete: &CompleteUpload) -> Result<Option<Checksum>> {
        let Some((algorithm, kind)) = upload.checksum else { return Ok(None) };
        if complete.kind.is_some_and(|sent| sent != kind) {
            let message = "The checksum type of Complete is not the one the upload was created with.";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        let value = match kind {
            ChecksumKind::Composite => self.composite(algorithm)?,
            ChecksumKind::FullObject => self.full_object(algorithm)?,
        };
        if let Some((sent, expected)) = &complete.checksum {
            if *sent != algorithm {
                return Err(Error::new(ErrorKind::InvalidRequest, "The upload has a checksum of another algorithm."));
            }
            if *expected != value {
                let message = format!("The {} you specified did not match the calculated checksum.", algorithm.name());
                return Err(Error::new(ErrorKind::BadDigest, message));
            }
        }
        let parts =
            if kind == ChecksumKind::Composite { u16::try_from(self.parts.len()).unwrap_or_default() } else { 0 };
        Ok(Some(Checksum { algorithm, kind, value, parts }))
    }

    fn composite(&self, algorithm: ChecksumAlgorithm) -> Result<Vec<u8>> {
        let mut hasher = Hasher::new(algorithm);
        for (number, row) in &self.parts {
            hasher.update(part_checksum(*number, row, algorithm)?);
        }
        Ok(hasher.finish())
    }

    fn full_object(&self, algorithm: ChecksumAlgorithm) -> Result<Vec<u8>> {
        let mut whole: Option<Vec<u8>> = None;
        for (number, row) in &self.parts {
            let part = part_checksum(*number, row, algorithm)?;
            whole = Some(match whole {
                None => part.to_vec(),
                Some(so_far) => combine_crc(algorithm, &so_far, part, row.size).ok_or_else(|| {
                    let message = format!("{} has no FULL_OBJECT checksum for multipart uploads", algorithm.name());
                    Error::new(ErrorKind::InvalidRequest, message)
                })?,
            });
        }
        Ok(whole.unwrap_or_default())
    }
}

fn part_checksum(number: u16, row: &PartRow, algorithm: ChecksumAlgorithm) -> Result<&[u8]> {
    match &row.checksum {
        Some((have, value)) if *have == algorithm => Ok(value),
        _ => Err(Error::corrupt(format!("part {number} has no {} although its upload has", algorithm.name()))),
    }
}
