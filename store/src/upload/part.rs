//! UploadPart and UploadPartCopy.

use std::sync::Arc;

use crate::Store;
use crate::admission;
use crate::blob::{ByteStream, Checksum, Expect, ExpectedChecksum, stream_segments};
use crate::bucket::Bucket;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::UploadId;
use crate::limit;
use crate::meta::table::PARTS;
use crate::meta::{Read, Tx};
use crate::name::ObjectKey;
use crate::object::{ETag, GetObject, ReadConditions, VersionId, admit, full_object, locate, release};
use crate::plan::Plan;
use crate::policy::{Action, Grant};
use crate::quota::{self, LetIn};
use crate::upload::create::open_upload;
use crate::upload::row::{PartRow, UploadRow};
use crate::usage::{Change, UsageRow};

/// A part to store.
#[derive(Debug)]
pub struct UploadPart {
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// Its number, 1 to `limit::PARTS_MAX`.
    pub number: u16,
    /// What the body must turn out to be.
    pub expect: Expect,
}

/// A part to make from an object.
#[derive(Debug, Clone)]
pub struct CopyPart {
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// Its number, 1 to `limit::PARTS_MAX`.
    pub number: u16,
    /// The source's key.
    pub source_key: ObjectKey,
    /// One version of it; `None` is the current one.
    pub source_version: Option<VersionId>,
    /// First and last byte; `None` is the whole source.
    pub range: Option<(u64, u64)>,
    /// What must hold of the source.
    pub source_conditions: ReadConditions,
}

/// What was stored.
#[derive(Debug, Clone)]
pub struct PartOutcome {
    /// Entity tag.
    pub etag: ETag,
    /// Checksum, if there is one.
    pub checksum: Option<Checksum>,
    /// When it was committed.
    pub modified_ms: Millis,
    /// The version id of what was copied, if its bucket ever kept versions.
    pub source_version: Option<VersionId>,
}

impl Store {
    /// Stores a part; a part of the same number is replaced. `NoSuchUpload`, `InvalidArgument` for the number,
    /// `InvalidRequest` for another checksum algorithm than the upload's, what a bucket and a plan refuse of a put, and the
    /// errors of a body.
    pub async fn upload_part(
        self: &Arc<Self>,
        grant: &Grant,
        part: UploadPart,
        body: ByteStream,
    ) -> Result<PartOutcome> {
        grant.must_allow(Action::PutObject)?;
        let bucket = grant.bucket()?.id;
        let UploadPart { key, upload, number, expect } = part;
        check_number(number)?;
        let row = self.meta.read(|read| open_upload(read, bucket, key.as_str(), upload))?;
        agree_on_checksum(&row, &expect)?;
        self.store_part(grant.bucket()?, Place { key, upload, number }, expect, body).await
    }

    /// Makes a part from a stretch of an object. Its bytes are read and stored anew, since a part's MD5 must be known.
    /// `InvalidRange` for a range that passes the source's end, and the errors of `upload_part`.
    pub async fn copy_part(self: &Arc<Self>, grant: &Grant, source: &Grant, copy: CopyPart) -> Result<PartOutcome> {
        grant.must_allow(Action::PutObject)?;
        source.must_allow(Action::GetObject)?;
        let bucket = grant.bucket()?.id;
        check_number(copy.number)?;
        self.settle(source.bucket()?, copy.source_key.as_str()).await?;
        let get = GetObject { version: copy.source_version, ..GetObject::whole(copy.source_key) };
        let (upload, located) = self.meta.read(|read| {
            let upload = open_upload(read, bucket, copy.key.as_str(), copy.upload)?;
            Ok((upload, locate(read, source, &get)?))
        })?;
        copy.source_conditions.must_hold(&located.row.head)?;
        let size = located.row.head.size;
        let (start, length) = match copy.range {
            None => (0, size),
            Some((first, last)) if first <= last && last < size => (first, last - first + 1),
            Some(_) => {
                let message = format!("The requested copy range is not satisfiable: the source has {size} bytes.");
                return Err(Error::new(ErrorKind::InvalidRange, message));
            }
        };
        if length > limit::PUT_BYTES_MAX {
            return Err(Error::new(ErrorKind::EntityTooLarge, "A part has at most 5 GiB."));
        }
        let held = self.hold(&located, start, length)?;
        let held =
            held.ok_or_else(|| Error::new(ErrorKind::SlowDown, "The source is being replaced. Please try again."))?;
        let bytes = stream_segments(Arc::clone(self), held).await?;
        let checksum =
            upload.checksum.map_or(ExpectedChecksum::None, |(algorithm, _)| ExpectedChecksum::Compute(algorithm));
        let expect = Expect { length: Some(length), checksum, ..Expect::default() };
        let place = Place { key: copy.key, upload: copy.upload, number: copy.number };
        let outcome = self.store_part(grant.bucket()?, place, expect, bytes).await?;
        Ok(PartOutcome { source_version: located.found.version, ..outcome })
    }

    /// Takes the body in and commits its row. A part alone can be larger than its bucket takes, or the plan.
    async fn store_part(
        self: &Arc<Self>,
        bucket: &Bucket,
        place: Place,
        expect: Expect,
        body: ByteStream,
    ) -> Result<PartOutcome> {
        let Place { key, upload, number } = place;
        let replaced = |read: &dyn Read| Ok(PARTS.get(read, &(upload, number))?.map_or(0, |part| part.size));
        let LetIn { body, mut reserved, plan } = self.let_in(bucket, expect.length, replaced, body)?;
        let body = self.ingest(body, expect).await?;
        let (bucket, epoch) = (bucket.id, self.blobs.epoch());
        self.commit_body(body, move |tx, body| {
            drop(reserved.take());
            let bucket = Bucket::must_be_active(tx, bucket)?;
            admission::check_size(&bucket.row, &plan, body.size)?;
            open_upload(tx, bucket.id, key.as_str(), upload)?;
            let row = PartRow {
                body: admit(tx, &body.place, body.size, epoch)?,
                size: body.size,
                md5: body.md5,
                modified_ms: tx.now(),
                checksum: body.checksum.clone(),
            };
            put_part(tx, &bucket, &plan, (upload, number), &row)?;
            Ok(PartOutcome {
                etag: ETag::Md5(body.md5),
                checksum: full_object(body),
                modified_ms: row.modified_ms,
                source_version: None,
            })
        })
        .await
    }
}

/// Where a part goes.
struct Place {
    key: ObjectKey,
    upload: UploadId,
    number: u16,
}

/// Writes a part's row in place of the one with its number.
fn put_part(tx: &mut Tx<'_>, bucket: &Bucket, plan: &Plan, at: (UploadId, u16), row: &PartRow) -> Result<()> {
    let mut change = Change { add: one_part(row.size), ..Change::default() };
    if let Some(old) = PARTS.get(tx, &at)? {
        change.sub = one_part(old.size);
        release(tx, old.body)?;
    }
    PARTS.put(tx, &at, row)?;
    quota::charge(tx, bucket, plan, &change)
}

fn one_part(size: u64) -> UsageRow {
    UsageRow { parts: 1, part_bytes: size, ..UsageRow::default() }
}

fn check_number(number: u16) -> Result<()> {
    if (1..=limit::PARTS_MAX).contains(&number) {
        return Ok(());
    }
    let message = format!("Part number must be an integer between 1 and {}, inclusive", limit::PARTS_MAX);
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

/// An upload that was created with an algorithm demands it of every part.
fn agree_on_checksum(upload: &UploadRow, expect: &Expect) -> Result<()> {
    let Some((wanted, _)) = upload.checksum else { return Ok(()) };
    let sent = expect.checksum.algorithm();
    if sent == Some(wanted) {
        return Ok(());
    }
    let message = format!(
        "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
        wanted.name().to_lowercase(),
        sent.map_or("null".to_owned(), |sent| sent.name().to_lowercase())
    );
    Err(Error::new(ErrorKind::InvalidRequest, message))
}
