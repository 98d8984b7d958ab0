//! What time does to files: what came and was never confirmed is confirmed, what never came fails, what a test key uploaded
//! goes, and so does what was kept of files that are gone. One bounded commit a step.

use crate::Store;
use crate::error::Result;
use crate::id::{BucketId, FileId};
use crate::intent::confirm::{Confirmed, fail, free, last_part_ms, settle};
use crate::intent::row::{File, FileStatus};
use crate::limit;
use crate::meta::table::{FILE_BY_BUCKET, FILE_DUE, FILE_EVENTS, IdRow};
use crate::meta::{KeyRange, Step, Tx};
use crate::webhook;

/// What one step did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct FilesSwept {
    /// Files that had come and are confirmed now.
    pub confirmed: u64,
    /// Files that never came.
    pub failed: u64,
    /// Files that are gone for good, with their rows.
    pub removed: u64,
    /// Whether there may be more to do at once.
    pub more: bool,
}

impl Store {
    /// One bounded step.
    pub async fn sweep_files_step(&self) -> Result<FilesSwept> {
        let now = self.clock.now();
        let mut due = Vec::new();
        self.meta.read(|read| {
            FILE_DUE.scan(read, &KeyRange::all(), |(due_ms, id), _| {
                if due_ms > now {
                    return Ok(Step::Stop);
                }
                due.push((due_ms, id));
                Ok(if due.len() < limit::FILES_STEP_ROWS { Step::Continue } else { Step::Stop })
            })
        })?;
        if due.is_empty() {
            return Ok(FilesSwept::default());
        }
        let more = due.len() == limit::FILES_STEP_ROWS;
        self.meta
            .write(move |tx| {
                let mut swept = FilesSwept { more, ..FilesSwept::default() };
                for (due_ms, id) in &due {
                    match File::get(tx, *id)? {
                        Some(file) if file.row.due_ms == Some(*due_ms) => sweep(tx, file, &mut swept)?,
                        // Another run was quicker.
                        Some(_) => {}
                        None => FILE_DUE.delete(tx, &(*due_ms, *id)),
                    }
                }
                Ok(swept)
            })
            .await
    }
}

fn sweep(tx: &mut Tx<'_>, mut file: File, swept: &mut FilesSwept) -> Result<()> {
    let ended = file.row.is_test && tx.now() >= file.row.ends_ms();
    match file.row.status {
        _ if ended => {
            free(tx, &file)?;
            // It may have followed its object.
            if let Some(file) = File::get(tx, file.id)? {
                file.remove(tx);
            }
            swept.removed += 1;
        }
        FileStatus::Failed | FileStatus::Deleted => {
            file.remove(tx);
            swept.removed += 1;
        }
        // Nothing is ever due with it.
        FileStatus::Uploaded => {
            file.set_due(tx, None)?;
            file.save(tx)?;
        }
        FileStatus::Uploading => settle_late(tx, file, swept)?,
    }
    Ok(())
}

/// A file whose client has not been heard of: confirmed if it is there, given more time if parts of it still come, else failed.
fn settle_late(tx: &mut Tx<'_>, mut file: File, swept: &mut FilesSwept) -> Result<()> {
    match settle(tx, file.clone())? {
        Confirmed::Yes(_) => swept.confirmed += 1,
        Confirmed::Mismatch => swept.failed += 1,
        Confirmed::Missing => {
            let last = match file.row.parts {
                Some((upload, _)) => last_part_ms(tx, upload)?,
                None => None,
            };
            let idle_ms = last.map(|last| last.saturating_add(limit::UPLOAD_IDLE_MS));
            if let Some(idle_ms) = idle_ms.filter(|idle_ms| *idle_ms > tx.now()) {
                file.set_due(tx, Some(idle_ms))?;
                return file.save(tx);
            }
            fail(tx, file)?;
            swept.failed += 1;
        }
    }
    Ok(())
}

/// Removes a bounded number of rows about the files of a bucket that goes; says whether there were any.
pub(crate) fn remove_of_bucket(tx: &mut Tx<'_>, bucket: BucketId) -> Result<bool> {
    let mut ids = Vec::new();
    FILE_BY_BUCKET.scan(tx, &KeyRange::prefix(&bucket.0), |key, IdRow(id)| {
        ids.push((key, FileId(id)));
        Ok(if ids.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for (key, id) in &ids {
        match File::get(tx, *id)? {
            Some(file) => file.remove(tx),
            None => FILE_BY_BUCKET.delete(tx, key),
        }
    }
    let mut events = Vec::new();
    FILE_EVENTS.scan(tx, &KeyRange::prefix(&bucket.0), |key, _| {
        events.push(key);
        Ok(if events.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    events.iter().for_each(|key| FILE_EVENTS.delete(tx, key));
    let deliveries = webhook::remove_of_bucket(tx, bucket)?;
    Ok(deliveries || !ids.is_empty() || !events.is_empty())
}
