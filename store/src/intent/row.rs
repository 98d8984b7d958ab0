//! A file as it is stored, and the indexes that lead to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, FileId, OrgId, ProjectId, RouteId, UploadId};
use crate::limit;
use crate::meta::table::{FILE_BY_BUCKET, FILE_BY_KEY, FILE_DUE, FILES, IdRow};
use crate::meta::{Newest, Read, Record, Tx};
use crate::project::Space;

/// How far a file has come.
// The order is the form on disk: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileStatus {
    /// It was announced.
    Uploading,
    /// It is there, and is what was announced.
    Uploaded,
    /// It did not come, or was something else.
    Failed,
    /// It was there, and is no more.
    Deleted,
}

impl FileStatus {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Uploading, Self::Uploaded, Self::Failed, Self::Deleted];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uploading => "UPLOADING",
            Self::Uploaded => "UPLOADED",
            Self::Failed => "FAILED",
            Self::Deleted => "DELETED",
        }
    }
}

/// What clients say of a file: names, and a JSON text for each.
pub type Said = BTreeMap<String, String>;

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// The organisation that it counts for.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// The bucket that it goes to.
    pub bucket: BucketId,
    /// The key there.
    pub key: String,
    /// The route that it came by.
    pub route: RouteId,
    /// The slug of that.
    pub route_slug: String,
    /// What the client calls it.
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// Its content type.
    pub content_type: String,
    /// How far it has come.
    pub status: FileStatus,
    /// What the client says of it.
    pub said: Said,
    /// What its public address begins with: a scheme, a host and perhaps a port.
    pub base: String,
    /// The upload that it comes by in parts, and the bytes of each part.
    pub parts: Option<(UploadId, u64)>,
    /// Whether it was uploaded with a test key.
    pub is_test: bool,
    /// When it was announced.
    pub created_ms: Millis,
    /// When it last changed.
    pub updated_ms: Millis,
    /// Its place in the order of all commits.
    pub sequence: u64,
    /// When something is to be done about it, if ever.
    pub due_ms: Option<Millis>,
}

impl Record for FileRow {
    const VERSION: u8 = 1;
}

impl FileRow {
    /// When a file of a test key goes.
    pub(super) fn ends_ms(&self) -> Millis {
        self.created_ms.saturating_add(limit::TEST_FILE_MS)
    }
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its identifier.
    pub id: FileId,
    /// Its row.
    pub row: FileRow,
}

impl File {
    pub(crate) fn get(read: &dyn Read, id: FileId) -> Result<Option<Self>> {
        Ok(FILES.get(read, &id)?.map(|row| Self { id, row }))
    }

    /// The file of a key that was not deleted, if there is one.
    pub(crate) fn find(read: &dyn Read, bucket: BucketId, key: &str) -> Result<Option<Self>> {
        let Some(IdRow(id)) = FILE_BY_KEY.get(read, &(bucket, key.to_owned()))? else { return Ok(None) };
        Self::get(read, FileId(id))
    }

    /// The file of that id in a space, whatever its status. `NoSuchIntent`.
    pub(super) fn of(read: &dyn Read, space: &Space, id: FileId) -> Result<Self> {
        Self::get(read, id)?.filter(|file| file.row.bucket == space.bucket).ok_or_else(no_such_upload)
    }

    /// Writes a file that is new.
    pub(super) fn insert(tx: &mut Tx<'_>, row: FileRow) -> Result<Self> {
        let mut file = Self { id: FileId::generate(tx.now())?, row };
        file.row.due_ms = file.capped(file.row.due_ms);
        let id = IdRow(file.id.0);
        FILE_BY_BUCKET.put(tx, &(file.row.bucket, Newest(file.row.sequence)), &id)?;
        FILE_BY_KEY.put(tx, &(file.row.bucket, file.row.key.clone()), &id)?;
        file.note_due(tx)?;
        FILES.put(tx, &file.id, &file.row)?;
        Ok(file)
    }

    /// Writes a file that changed now.
    pub(super) fn save(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.row.updated_ms = tx.now();
        FILES.put(tx, &self.id, &self.row)
    }

    /// Writes a file that came to a status now, with the time at which something is to be done about it.
    pub(super) fn turn(&mut self, tx: &mut Tx<'_>, status: FileStatus) -> Result<()> {
        self.row.status = status;
        let trace_ms = tx.now().saturating_add(limit::FILE_TRACE_MS);
        let due_ms = match status {
            FileStatus::Uploading => self.row.due_ms,
            FileStatus::Uploaded => None,
            FileStatus::Failed | FileStatus::Deleted => Some(trace_ms),
        };
        if status == FileStatus::Deleted {
            FILE_BY_BUCKET.delete(tx, &(self.row.bucket, Newest(self.row.sequence)));
            FILE_BY_KEY.delete(tx, &(self.row.bucket, self.row.key.clone()));
        }
        self.set_due(tx, due_ms)?;
        self.save(tx)
    }

    /// Sets when something is to be done about it; of a test file that is never later than its end. The row is left to the
    /// caller.
    pub(super) fn set_due(&mut self, tx: &mut Tx<'_>, due_ms: Option<Millis>) -> Result<()> {
        if let Some(before) = self.row.due_ms {
            FILE_DUE.delete(tx, &(before, self.id));
        }
        self.row.due_ms = self.capped(due_ms);
        self.note_due(tx)
    }

    fn capped(&self, due_ms: Option<Millis>) -> Option<Millis> {
        if self.row.is_test { Some(due_ms.unwrap_or(Millis::MAX).min(self.row.ends_ms())) } else { due_ms }
    }

    fn note_due(&self, tx: &mut Tx<'_>) -> Result<()> {
        match self.row.due_ms {
            Some(due_ms) => FILE_DUE.put(tx, &(due_ms, self.id), &IdRow(self.id.0)),
            None => Ok(()),
        }
    }

    /// Takes all rows of a file away.
    pub(super) fn remove(self, tx: &mut Tx<'_>) {
        let Self { id, row } = self;
        if let Some(due_ms) = row.due_ms {
            FILE_DUE.delete(tx, &(due_ms, id));
        }
        FILE_BY_BUCKET.delete(tx, &(row.bucket, Newest(row.sequence)));
        FILE_BY_KEY.delete(tx, &(row.bucket, row.key));
        FILES.delete(tx, &id);
    }
}

/// Takes over what a client says of a file: a name with a text takes the place of what was said under it, a name with none
/// takes it away. `InvalidArgument` beyond the bounds.
pub(super) fn merge(said: &mut Said, more: &[(String, Option<String>)]) -> Result<()> {
    for (name, text) in more {
        match text {
            Some(text) => said.insert(name.clone(), text.clone()),
            None => said.remove(name),
        };
    }
    let bytes: usize = said.iter().map(|(name, text)| name.len() + text.len()).sum();
    if bytes <= limit::FILE_METADATA_BYTES_MAX && said.len() <= limit::FILE_METADATA_ENTRIES_MAX {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, "metadata: at most 64 entries and 8192 bytes"))
}

/// The one wording of `NoSuchIntent`.
pub(super) fn no_such_upload() -> Error {
    Error::new(ErrorKind::NoSuchIntent, "Upload not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_merged_name_by_name_within_bounds() {
        let mut said = Said::new();
        let more = |name: &str, text: Option<&str>| (name.to_owned(), text.map(str::to_owned));
        merge(&mut said, &[more("a", Some("1")), more("b", Some("2"))]).unwrap();
        merge(&mut said, &[more("a", Some("3")), more("b", None), more("c", None)]).unwrap();
        assert_eq!(said, Said::from([("a".to_owned(), "3".to_owned())]));
        let long = "x".repeat(limit::FILE_METADATA_BYTES_MAX);
        assert_eq!(merge(&mut said, &[more("d", Some(&long))]).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let many: Vec<_> = (0..65).map(|n| more(&n.to_string(), Some(""))).collect();
        assert!(merge(&mut Said::new(), &many).is_err());
        assert!(merge(&mut Said::new(), &many[..64]).is_ok());
    }
}
