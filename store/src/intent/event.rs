//! What happened to files, for whoever polls for it.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::Result;
use crate::id::{BucketId, EventId, FileId};
use crate::intent::row::{File, FileStatus};
use crate::limit;
use crate::meta::table::FILE_EVENTS;
use crate::meta::{KeyRange, Record, Step, Tx};
use crate::notification::event_id;
use crate::project::ProjectAccess;

/// Events that are past their time and go with each new one.
const DROPPED_WITH_EACH: usize = 2;

/// What happened to a file.
// The order is the form on disk: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileEventKind {
    /// It was confirmed.
    Uploaded,
    /// It did not come, or was something else.
    Failed,
    /// It was deleted.
    Deleted,
}

impl FileEventKind {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uploaded => "file.uploaded",
            Self::Failed => "file.failed",
            Self::Deleted => "file.deleted",
        }
    }
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEventRow {
    /// When.
    pub at_ms: Millis,
    /// What.
    pub kind: FileEventKind,
    /// To which file.
    pub file: FileId,
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
}

impl Record for FileEventRow {
    const VERSION: u8 = 1;
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEvent {
    /// Its identifier; those of later events are greater.
    pub id: EventId,
    /// Its row.
    pub row: FileEventRow,
}

/// Notes what a file has come to.
pub(super) fn note(tx: &mut Tx<'_>, file: &File) -> Result<()> {
    let kind = match file.row.status {
        FileStatus::Uploading => return Ok(()),
        FileStatus::Uploaded => FileEventKind::Uploaded,
        FileStatus::Failed => FileEventKind::Failed,
        FileStatus::Deleted => FileEventKind::Deleted,
    };
    drop_old(tx, file.row.bucket)?;
    let id = event_id(tx.now(), tx.next_sequence()?)?;
    let row = FileEventRow { at_ms: tx.now(), kind, file: file.id, key: file.row.key.clone(), size: file.row.size };
    FILE_EVENTS.put(tx, &(file.row.bucket, id), &row)
}

/// Drops some of what is past its time; more than comes in, so that there is never more than of that time.
fn drop_old(tx: &mut Tx<'_>, bucket: BucketId) -> Result<()> {
    let before = tx.now().saturating_sub(limit::FILE_TRACE_MS);
    let mut old = Vec::new();
    FILE_EVENTS.scan(tx, &KeyRange::prefix(&bucket.0), |key, row| {
        if row.at_ms >= before {
            return Ok(Step::Stop);
        }
        old.push(key);
        Ok(if old.len() < DROPPED_WITH_EACH { Step::Continue } else { Step::Stop })
    })?;
    old.iter().for_each(|key| FILE_EVENTS.delete(tx, key));
    Ok(())
}

impl Store {
    /// What happened to files behind `after`, oldest first, at most `max`; and whether more comes behind it.
    pub fn file_events(&self, access: &ProjectAccess, after: EventId, max: usize) -> Result<(Vec<FileEvent>, bool)> {
        let bucket = access.space()?.bucket;
        let from = [bucket.0, after.0].concat();
        self.meta.read(|read| {
            let (mut events, mut more) = (Vec::new(), false);
            FILE_EVENTS.scan(read, &KeyRange::prefix_from(&bucket.0, from), |(_, id), row| {
                if id == after {
                    return Ok(Step::Continue);
                }
                more = events.len() == max;
                if more {
                    return Ok(Step::Stop);
                }
                events.push(FileEvent { id, row });
                Ok(Step::Continue)
            })?;
            Ok((events, more))
        })
    }
}
