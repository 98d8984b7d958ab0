//! GetObject and HeadObject: one snapshot answers everything about the object; its bytes stream after it is dropped.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::stream;

use crate::Store;
use crate::adopt::look;
use crate::blob::{BlobPin, Body, ByteStream, Checksum, ChecksumKind, Segment, inline_bytes, stream_segments};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BlobId, UploadId};
use crate::meta::Read;
use crate::meta::table::{BLOBS, INLINE, MANIFESTS};
use crate::name::ObjectKey;
use crate::object::condition::Verdict;
use crate::object::{ETag, Extras, Metadata, ObjectRow, ReadConditions, StorageClass, VersionId, find_object};
use crate::policy::{Action, Grant};
use crate::upload::finished_part;
use crate::upload::row::ManifestRow;

/// The range of a Range header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeRequest {
    /// `bytes=a-b`, both included.
    FromTo(u64, u64),
    /// `bytes=a-`
    From(u64),
    /// `bytes=-n`
    Suffix(u64),
}

impl RangeRequest {
    /// Reads a Range header. `None` for another unit, several ranges or bad syntax: RFC 9110 section 14.2 lets a
    /// server ignore those, and S3 does.
    pub fn parse(header: &str) -> Option<Self> {
        let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
        // `u64::from_str` would take a sign.
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        match (first.trim(), last.trim()) {
            ("", n) => number(n).map(Self::Suffix),
            (a, "") => number(a).map(Self::From),
            (a, b) => number(a).zip(number(b)).filter(|(a, b)| a <= b).map(|(a, b)| Self::FromTo(a, b)),
        }
    }

    /// The bytes it means in an object of `size`: start and length. `InvalidRange` if there are none.
    pub(crate) fn resolve(self, size: u64) -> Result<(u64, u64)> {
        let outside = || Error::new(ErrorKind::InvalidRange, "The requested range is not satisfiable");
        match self {
            Self::FromTo(first, _) | Self::From(first) if first >= size => Err(outside()),
            Self::FromTo(first, last) => Ok((first, last.min(size - 1) - first + 1)),
            Self::From(first) => Ok((first, size - first)),
            Self::Suffix(0) => Err(outside()),
            Self::Suffix(_) if size == 0 => Err(outside()),
            Self::Suffix(length) => Ok((size - length.min(size), length.min(size))),
        }
    }
}

/// What to read.
#[derive(Debug, Clone)]
pub struct GetObject {
    /// The key.
    pub key: ObjectKey,
    /// One version of it; `None` is the current one.
    pub version: Option<VersionId>,
    /// A range; ignored when `part` is given.
    pub range: Option<RangeRequest>,
    /// One part of it.
    pub part: Option<u16>,
    /// Conditions.
    pub conditions: ReadConditions,
}

impl GetObject {
    /// The whole of what is current, without conditions.
    pub fn whole(key: ObjectKey) -> Self {
        Self { key, version: None, range: None, part: None, conditions: ReadConditions::default() }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// Length of the whole object in bytes.
    pub size: u64,
    /// Entity tag of the whole object.
    pub etag: ETag,
    /// When it was committed.
    pub modified_ms: Millis,
    /// Storage class.
    pub class: StorageClass,
    /// Headers and user metadata.
    pub metadata: Metadata,
    /// Checksum of the object, or of the part that was asked for.
    pub checksum: Option<Checksum>,
    /// First byte of what is returned.
    pub start: u64,
    /// Length of what is returned.
    pub length: u64,
    /// Whether that is an answer to a range or part request.
    pub partial: bool,
    /// Number of parts; set when a part of a multipart object was asked for.
    pub parts: Option<u16>,
    /// The conditions say that the caller has it already.
    pub not_modified: bool,
    /// Its version id, if the bucket ever kept versions.
    pub version: Option<VersionId>,
    /// Tags, locks and access control list.
    pub extras: Extras,
}

/// A row with what a request makes of it.
pub(crate) struct Located {
    pub(crate) row: ObjectRow,
    pub(crate) manifest: Option<ManifestRow>,
    pub(crate) found: Found,
}

impl Store {
    /// The headers of an object. `NoSuchKey`, `NoSuchVersion`, `IsDeleteMarker`, `PreconditionFailed`, `InvalidRange`, `InvalidPart`.
    pub async fn head_object(&self, grant: &Grant, get: &GetObject) -> Result<Found> {
        grant.must_allow(Action::GetObject)?;
        for _ in 0..LOOKUPS_MAX {
            if let Some(located) = self.meta.read(|read| look(read, grant, get))? {
                return Ok(located.found);
            }
            if let Some(found) = Box::pin(self.head_behind(grant, get)).await? {
                return Ok(found);
            }
        }
        Err(overtaken())
    }

    /// An object's headers and bytes. Errors as `head_object`; `Corrupt` when the first bytes fail verification.
    pub async fn get_object(self: &Arc<Self>, grant: &Grant, get: &GetObject) -> Result<(Found, ByteStream)> {
        grant.must_allow(Action::GetObject)?;
        for _ in 0..LOOKUPS_MAX {
            let looked = self.meta.read(|read| {
                let Some(located) = look(read, grant, get)? else { return Ok(None) };
                let inline = if located.found.not_modified { None } else { inline_part(read, &located)? };
                Ok(Some((located, inline)))
            })?;
            let Some((located, inline)) = looked else {
                match Box::pin(self.get_behind(grant, get)).await? {
                    Some(answer) => return Ok(answer),
                    None => continue,
                }
            };
            let found = located.found.clone();
            if found.not_modified || found.length == 0 {
                return Ok((found, Box::pin(stream::empty())));
            }
            if let Some(bytes) = inline {
                return Ok((found, Box::pin(stream::iter([Ok(bytes)]))));
            }
            let (start, length) = (found.start, found.length);
            if let Some(held) = self.hold(&located, start, length)? {
                return Ok((found, stream_segments(Arc::clone(self), held).await?));
            }
        }
        Err(overtaken())
    }

    /// Pins the stored bytes of a stretch of an object, so that the sweep leaves them. `None` if the object has been
    /// replaced since it was located and its bytes may be gone: look again.
    ///
    /// The pin comes first and the second snapshot after it. If that snapshot still shows a reference, the bytes become
    /// garbage only after the pin, and the sweep, which asks for pins after it has read the garbage, sees it.
    pub(crate) fn hold(&self, located: &Located, start: u64, length: u64) -> Result<Option<Held>> {
        let pin = match located.row.body {
            Body::Blob(BlobId(id)) | Body::Manifest(UploadId(id)) => Some(self.pins.pin(id)),
            Body::Empty | Body::Inline(_) => None,
        };
        self.meta.read(|read| {
            let alive = match located.row.body {
                Body::Empty => true,
                Body::Inline(id) => INLINE.contains(read, &id)?,
                Body::Blob(id) => BLOBS.get(read, &id)?.is_some_and(|row| row.refs > 0),
                Body::Manifest(id) => MANIFESTS.contains(read, &id)?,
            };
            if !alive {
                return Ok(None);
            }
            Ok(Some(Held { segments: segments(read, located, start, length)?, _pin: pin }))
        })
    }
}

fn overtaken() -> Error {
    Error::new(ErrorKind::SlowDown, "The object is being replaced faster than it can be read.")
}

/// How often a lookup is repeated when the object is replaced between being found and being pinned.
const LOOKUPS_MAX: usize = 16;

/// Stretches of stored bodies, kept from the sweep for as long as this lives.
pub(crate) struct Held {
    pub(crate) segments: VecDeque<Segment>,
    _pin: Option<BlobPin>,
}

/// The wanted bytes of an inline object, from the snapshot that found it.
fn inline_part(read: &dyn Read, located: &Located) -> Result<Option<bytes::Bytes>> {
    let Body::Inline(id) = located.row.body else { return Ok(None) };
    let row = INLINE.get(read, &id)?.ok_or_else(|| Error::corrupt(format!("inline bytes {id} are missing")))?;
    let Found { start, length, .. } = located.found;
    inline_bytes(&row, id, Segment { body: located.row.body, start, length }).map(Some)
}

/// Finds the object a grant and a request mean, and what of it is to be returned.
pub(crate) fn locate(read: &dyn Read, grant: &Grant, get: &GetObject) -> Result<Located> {
    let (row, version) = find_object(read, grant.bucket()?, get.key.as_str(), get.version)?;
    located(read, row, version, get)
}

/// What a request makes of an object that was found.
pub(crate) fn located(read: &dyn Read, row: ObjectRow, version: Option<VersionId>, get: &GetObject) -> Result<Located> {
    let not_modified = get.conditions.evaluate(&row.head)? == Verdict::NotModified;
    let manifest = match row.body {
        Body::Manifest(id) => Some(
            MANIFESTS.get(read, &id)?.ok_or_else(|| Error::corrupt(format!("the row of manifest {id} is missing")))?,
        ),
        _ => None,
    };
    let size = row.head.size;
    let mut found = Found {
        size,
        etag: row.head.etag,
        modified_ms: row.head.modified_ms,
        class: row.head.class,
        metadata: row.metadata.clone(),
        checksum: row_checksum(&row),
        start: 0,
        length: size,
        partial: false,
        parts: None,
        not_modified,
        version,
        extras: row.extras.clone(),
    };
    if not_modified {
        return Ok(Located { row, manifest, found });
    }
    match (get.part, &manifest, get.range) {
        (Some(number), Some(manifest), _) => locate_part(read, &row, manifest, number, &mut found)?,
        (Some(1), None, _) => found.partial = size > 0,
        (Some(_), None, _) => return Err(invalid_part()),
        (None, _, Some(range)) => {
            (found.start, found.length) = range.resolve(size)?;
            found.partial = true;
        }
        (None, _, None) => {}
    }
    Ok(Located { row, manifest, found })
}

fn invalid_part() -> Error {
    Error::new(ErrorKind::InvalidPart, "The requested partnumber is not satisfiable")
}

/// Finds the `ordinal`-th part. A finished object's parts are counted from 1 whatever numbers they were uploaded under:
/// clients that read part by part go from 1 to the count.
fn locate_part(
    read: &dyn Read,
    row: &ObjectRow,
    manifest: &ManifestRow,
    ordinal: u16,
    found: &mut Found,
) -> Result<()> {
    let Body::Manifest(upload) = row.body else { return Err(invalid_part()) };
    let mut before = ordinal.checked_sub(1).ok_or_else(invalid_part)?;
    for run in &manifest.runs {
        if before >= run.count {
            before -= run.count;
            found.start += u64::from(run.count) * run.size;
            continue;
        }
        found.start += u64::from(before) * run.size;
        found.length = run.size;
        found.partial = true;
        found.parts = Some(manifest.runs.iter().map(|run| run.count).sum());
        let part = finished_part(read, upload, run.first + before)?;
        let full = |(algorithm, value)| Checksum { algorithm, kind: ChecksumKind::FullObject, value, parts: 0 };
        found.checksum = part.checksum.map(full);
        return Ok(());
    }
    Err(invalid_part())
}

/// The checksum kept with an object.
pub(crate) fn row_checksum(row: &ObjectRow) -> Option<Checksum> {
    let (algorithm, kind) = row.head.checksum?;
    let parts = match (kind, row.head.etag) {
        (ChecksumKind::Composite, ETag::Multipart(_, parts)) => parts,
        _ => 0,
    };
    Some(Checksum { algorithm, kind, value: row.checksum.clone(), parts })
}

/// The stretches of stored bodies that make up a stretch of an object. Only the parts it touches are read.
pub(crate) fn segments(read: &dyn Read, located: &Located, start: u64, length: u64) -> Result<VecDeque<Segment>> {
    let (Body::Manifest(upload), Some(manifest)) = (located.row.body, &located.manifest) else {
        return Ok(VecDeque::from([Segment { body: located.row.body, start, length }]));
    };
    let end = start + length;
    let (mut at, mut segments) = (0, VecDeque::new());
    for run in &manifest.runs {
        let run_end = at + u64::from(run.count) * run.size;
        if run.size > 0 && run_end > start && at < end {
            let skip = start.saturating_sub(at) / run.size;
            let mut part_start = at + skip * run.size;
            let first = u64::from(run.first) + skip;
            for number in first..u64::from(run.first) + u64::from(run.count) {
                if part_start >= end {
                    break;
                }
                let number = u16::try_from(number).map_err(|_| Error::corrupt(format!("part numbers of {upload}")))?;
                let part = finished_part(read, upload, number)?;
                let (from, to) = (start.max(part_start), end.min(part_start + run.size));
                segments.push_back(Segment { body: part.body, start: from - part_start, length: to - from });
                part_start += run.size;
            }
        }
        at = run_end;
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_parse_or_are_ignored() {
        use RangeRequest::{From, FromTo, Suffix};
        let good =
            [("bytes=0-0", FromTo(0, 0)), ("bytes=5-", From(5)), ("bytes=-3", Suffix(3)), ("bytes=2-9", FromTo(2, 9))];
        for (text, range) in good {
            assert_eq!(RangeRequest::parse(text), Some(range), "{text}");
        }
        for bad in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes=+1-2",
            "bytes=--1",
        ] {
            assert_eq!(RangeRequest::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn ranges_resolve_within_the_object_or_fail() {
        use RangeRequest::{From, FromTo, Suffix};
        let resolve = |range: RangeRequest, size| range.resolve(size).ok();
        assert_eq!(resolve(FromTo(0, 99), 10), Some((0, 10)));
        assert_eq!(resolve(FromTo(9, 9), 10), Some((9, 1)));
        assert_eq!(resolve(FromTo(10, 11), 10), None);
        assert_eq!(resolve(From(3), 10), Some((3, 7)));
        assert_eq!(resolve(Suffix(3), 10), Some((7, 3)));
        assert_eq!(resolve(Suffix(30), 10), Some((0, 10)));
        assert_eq!(resolve(Suffix(0), 10), None);
        assert_eq!(resolve(Suffix(1), 0), None);
        assert_eq!(resolve(From(0), 0), None);
        assert_eq!(resolve(FromTo(0, u64::MAX), 1), Some((0, 1)));
    }
}
