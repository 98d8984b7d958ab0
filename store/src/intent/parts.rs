//! Files that come in parts: fresh links, what has come so far, and giving up.

use crate::Store;
use crate::error::Result;
use crate::id::{FileId, UploadId};
use crate::intent::confirm::fail;
use crate::intent::request::Requested;
use crate::intent::row::{File, FileStatus, no_such_upload};
use crate::limit;
use crate::meta::table::{PARTS, UPLOADS};
use crate::meta::{KeyRange, Read, Step};
use crate::project::{ProjectAccess, Space};
use crate::upload::{PartEntry, PartRef};

/// How a file is cut into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileParts {
    /// The upload.
    pub upload: UploadId,
    /// Bytes of each part but the last.
    pub part_bytes: u64,
    /// How many there are.
    pub count: u16,
    /// Bytes of the last one.
    pub last_bytes: u64,
}

impl FileParts {
    /// Bytes of a part; `None` if there is no such part. The first is 1.
    pub fn bytes_of(&self, number: u16) -> Option<u64> {
        match number {
            0 => None,
            number if number == self.count => Some(self.last_bytes),
            number => (number < self.count).then_some(self.part_bytes),
        }
    }
}

impl File {
    /// How the file is cut into parts, if it comes in parts.
    pub fn cut(&self) -> Option<FileParts> {
        let (upload, part_bytes) = self.row.parts?;
        let count = u16::try_from(self.row.size.div_ceil(part_bytes)).ok()?;
        let before = u64::from(count.checked_sub(1)?).saturating_mul(part_bytes);
        Some(FileParts { upload, part_bytes, count, last_bytes: self.row.size.checked_sub(before)? })
    }
}

/// The parts of a file that have come.
#[derive(Debug, Clone)]
pub struct StoredParts {
    /// The file.
    pub file: File,
    /// By number.
    pub parts: Vec<PartEntry>,
}

impl Store {
    /// An open upload of a file in parts, to make fresh links for. `NoSuchIntent`.
    pub fn open_file_upload(&self, access: &ProjectAccess, id: FileId, upload: UploadId) -> Result<Requested> {
        let space = access.space()?;
        let signer = self.signer_of(&space)?;
        self.meta.read(|read| {
            let file = open(read, &space, id)?;
            if file.row.parts.is_none_or(|(of, _)| of != upload) {
                return Err(no_such_upload());
            }
            Ok(Requested { file, signer })
        })
    }

    /// The parts that have come of a file whose upload is open. `NoSuchIntent`.
    pub fn file_parts(&self, access: &ProjectAccess, id: FileId) -> Result<StoredParts> {
        let space = access.space()?;
        self.meta.read(|read| {
            let file = open(read, &space, id)?;
            let (upload, _) = file.row.parts.ok_or_else(no_such_upload)?;
            let mut parts = Vec::new();
            PARTS.scan(read, &KeyRange::prefix(&upload.0), |(_, number), row| {
                parts.push(PartEntry::of(number, row));
                Ok(if parts.len() as u64 >= limit::FILE_PARTS_MAX { Step::Stop } else { Step::Continue })
            })?;
            Ok(StoredParts { file, parts })
        })
    }

    /// Gives an upload in parts up, and frees its parts. `NoSuchIntent`.
    pub async fn abort_file_upload(&self, access: &ProjectAccess, id: FileId, upload: UploadId) -> Result<()> {
        let space = access.space()?;
        self.meta
            .write(move |tx| {
                let file = open(tx, &space, id)?;
                if file.row.parts.is_none_or(|(of, _)| of != upload) {
                    return Err(no_such_upload());
                }
                fail(tx, file)
            })
            .await
    }
}

/// The parts of a file that was cut into such, if all have come, each in its length.
pub(super) fn all_parts(read: &dyn Read, file: &File) -> Result<Option<Vec<PartRef>>> {
    let Some(cut) = file.cut() else { return Ok(None) };
    let mut parts = Vec::new();
    PARTS.scan(read, &KeyRange::prefix(&cut.upload.0), |(_, number), row| {
        if cut.bytes_of(number) != Some(row.size) {
            return Ok(Step::Stop);
        }
        let PartEntry { etag, .. } = PartEntry::of(number, row);
        parts.push(PartRef { number, etag: etag.to_string(), checksum: None });
        Ok(Step::Continue)
    })?;
    Ok(Some(parts).filter(|parts| parts.len() == usize::from(cut.count)))
}

/// A file that comes in parts, and is not there yet.
fn open(read: &dyn Read, space: &Space, id: FileId) -> Result<File> {
    let file = File::of(read, space, id)?;
    let upload = file.row.parts.filter(|_| file.row.status == FileStatus::Uploading);
    let (upload, _) = upload.ok_or_else(no_such_upload)?;
    match UPLOADS.contains(read, &(file.row.bucket, file.row.key.clone(), upload))? {
        true => Ok(file),
        false => Err(no_such_upload()),
    }
}
