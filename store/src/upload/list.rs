//! ListParts and ListMultipartUploads.

use crate::Store;
use crate::blob::{Checksum, ChecksumKind};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::{BucketId, UploadId};
use crate::limit;
use crate::meta::codec::write_escaped;
use crate::meta::engine::after_prefix;
use crate::meta::table::{PARTS, UPLOADS};
use crate::meta::{KeyRange, Read, Step};
use crate::name::ObjectKey;
use crate::object::{ETag, group_of};
use crate::policy::{Action, Grant};
use crate::upload::create::open_upload;
use crate::upload::row::{PartRow, UploadRow};

/// Which parts to list.
#[derive(Debug, Clone)]
pub struct ListParts {
    /// The upload's key.
    pub key: ObjectKey,
    /// The upload.
    pub upload: UploadId,
    /// Only higher numbers.
    pub after: u16,
    /// Most parts, at most `limit::PAGE_MAX`.
    pub max: usize,
}

/// A part of a listing.
#[derive(Debug, Clone)]
pub struct PartEntry {
    /// Its number.
    pub number: u16,
    /// Length in bytes.
    pub size: u64,
    /// Entity tag.
    pub etag: ETag,
    /// When it was stored.
    pub modified_ms: Millis,
    /// Checksum, if it has one.
    pub checksum: Option<Checksum>,
}

impl PartEntry {
    /// A part's row as a line of a listing.
    pub(crate) fn of(number: u16, row: PartRow) -> Self {
        let full = |(algorithm, value)| Checksum { algorithm, kind: ChecksumKind::FullObject, value, parts: 0 };
        Self {
            number,
            size: row.size,
            etag: ETag::Md5(row.md5),
            modified_ms: row.modified_ms,
            checksum: row.checksum.map(full),
        }
    }
}

/// A page of parts.
#[derive(Debug, Clone)]
pub struct PartPage {
    /// Their upload.
    pub upload: UploadRow,
    /// In the order of their numbers.
    pub parts: Vec<PartEntry>,
    /// The last number, if more come behind it.
    pub next: Option<u16>,
}

/// Which uploads to list.
#[derive(Debug, Clone)]
pub struct ListUploads {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that hold it behind the prefix are shown as one group. Never empty.
    pub delimiter: Option<String>,
    /// Where to begin.
    pub after: UploadPosition,
    /// Most entries, at most `limit::PAGE_MAX`.
    pub max: usize,
}

/// Where a page of uploads begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadPosition {
    /// At the first.
    Start,
    /// Behind all uploads of this key.
    AfterKey(String),
    /// Behind this upload of this key.
    AfterUpload(String, UploadId),
    /// Behind all keys that begin with this group.
    AfterGroup(String),
}

/// One line of a page of uploads.
#[derive(Debug, Clone)]
pub enum UploadEntry {
    /// An upload.
    Upload {
        /// Its key.
        key: String,
        /// Its identifier.
        upload: UploadId,
        /// Its row.
        row: Box<UploadRow>,
    },
    /// A common prefix.
    Group(String),
}

/// A page of uploads.
#[derive(Debug, Clone)]
pub struct UploadPage {
    /// By key, then by the time they were created.
    pub entries: Vec<UploadEntry>,
    /// Whether anything comes behind it.
    pub truncated: bool,
    /// Where the next page begins.
    pub last: UploadPosition,
}

impl Store {
    /// Lists the parts of an open upload. `NoSuchUpload`.
    pub fn list_parts(&self, grant: &Grant, query: &ListParts) -> Result<PartPage> {
        grant.must_allow(Action::ListUploads)?;
        let bucket = grant.bucket()?.id;
        let max = query.max.min(limit::PAGE_MAX);
        self.meta.read(|read| {
            let upload = open_upload(read, bucket, query.key.as_str(), query.upload)?;
            let mut page = PartPage { upload, parts: Vec::new(), next: None };
            let from = [query.upload.0.as_slice(), &query.after.saturating_add(1).to_be_bytes()].concat();
            PARTS.scan(read, &KeyRange::prefix_from(&query.upload.0, from), |(_, number), row| {
                if page.parts.len() == max {
                    page.next = page.parts.last().map(|part| part.number);
                    return Ok(Step::Stop);
                }
                page.parts.push(PartEntry::of(number, row));
                Ok(Step::Continue)
            })?;
            Ok(page)
        })
    }

    /// Lists open uploads.
    pub fn list_uploads(&self, grant: &Grant, query: &ListUploads) -> Result<UploadPage> {
        grant.must_allow(Action::ListUploads)?;
        let bucket = grant.bucket()?.id;
        self.meta.read(|read| page(read, bucket, query))
    }
}

impl UploadPosition {
    /// The first row key that may be on the page; `None` if nothing can be.
    fn seek(&self, bucket: BucketId) -> Option<Vec<u8>> {
        let mut from = bucket.0.to_vec();
        let end = match self {
            Self::Start => return Some(from),
            Self::AfterKey(key) => {
                write_escaped(key.as_bytes(), &mut from);
                from
            }
            Self::AfterUpload(key, upload) => {
                write_escaped(key.as_bytes(), &mut from);
                from.extend_from_slice(&upload.0);
                from
            }
            Self::AfterGroup(group) => {
                from.extend_from_slice(group.as_bytes());
                from
            }
        };
        match after_prefix(&end) {
            std::ops::Bound::Excluded(key) | std::ops::Bound::Included(key) => Some(key),
            std::ops::Bound::Unbounded => None,
        }
    }
}

fn page(read: &dyn Read, bucket: BucketId, query: &ListUploads) -> Result<UploadPage> {
    let mut page = UploadPage { entries: Vec::new(), truncated: false, last: query.after.clone() };
    let max = query.max.min(limit::PAGE_MAX);
    if max == 0 {
        return Ok(page);
    }
    // S3 keys hold no NUL, so a key's escaped form begins with its plain form and a prefix needs no escaping.
    let prefix = [&bucket.0, query.prefix.as_bytes()].concat();
    let mut next = query.after.seek(bucket);
    while let Some(from) = next.take() {
        UPLOADS.scan(read, &KeyRange::prefix_from(&prefix, from), |(_, key, upload), row| {
            if page.entries.len() == max {
                page.truncated = true;
                return Ok(Step::Stop);
            }
            if let Some(group) = group_of(&key, &query.prefix, query.delimiter.as_deref()) {
                page.entries.push(UploadEntry::Group(group.to_owned()));
                page.last = UploadPosition::AfterGroup(group.to_owned());
                next = page.last.seek(bucket);
                return Ok(Step::Stop);
            }
            page.last = UploadPosition::AfterUpload(key.clone(), upload);
            page.entries.push(UploadEntry::Upload { key, upload, row: Box::new(row) });
            Ok(Step::Continue)
        })?;
    }
    Ok(page)
}

/// A part of a finished object, which must be there.
pub(crate) fn finished_part(read: &dyn Read, upload: UploadId, number: u16) -> Result<PartRow> {
    PARTS
        .get(read, &(upload, number))?
        .ok_or_else(|| Error::corrupt(format!("part {number} of manifest {upload} is missing")))
}
