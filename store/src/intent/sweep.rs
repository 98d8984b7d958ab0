//! What time does to files: what came and was never confirmed is confirmed, what never came fails, what a test key uploaded
//! goes, and so does what was kept of files that are gone. One bounded commit a step, and one for each upload in parts that
//! only wants to be completed.

use std::sync::Arc;

use crate::Store;
use crate::clock::Millis;
use crate::error::{ErrorKind, Result};
use crate::id::{BucketId, FileId};
use crate::intent::confirm::{Confirmed, complete, fail, free, last_part_ms, settle};
use crate::intent::parts::all_parts;
use crate::intent::row::{File, FileStatus};
use crate::limit;
use crate::meta::table::{FILE_BY_BUCKET, FILE_DUE, FILE_EVENTS, IdRow};
use crate::meta::{KeyRange, Step, Tx};
use crate::plan::Plan;
use crate::webhook;

/// A file about which something is to be done.
struct DueFile {
    due_ms: Millis,
    id: FileId,
    /// The plan of its organisation; none if there is no such file any more.
    plan: Option<Arc<Plan>>,
    /// Whether parts of it were to come.
    in_parts: bool,
}

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
        let due = self.due_files()?;
        if due.is_empty() {
            return Ok(FilesSwept::default());
        }
        let more = due.len() == limit::FILES_STEP_ROWS;
        let mut completed = 0;
        for (id, plan) in due.iter().filter(|one| one.in_parts).filter_map(|one| Some((one.id, one.plan.clone()?))) {
            match self.meta.write(move |tx| complete_late(tx, &plan, id)).await {
                Ok(done) => completed += u64::from(done),
                // It fails below like one that never came.
                Err(error) => tracing::warn!(%error, file = %id, "an upload in parts could not be completed"),
            }
        }
        self.meta
            .write(move |tx| {
                let mut swept = FilesSwept { more, confirmed: completed, ..FilesSwept::default() };
                for DueFile { due_ms, id, plan, .. } in &due {
                    match (File::get(tx, *id)?, plan) {
                        (Some(file), Some(plan)) if file.row.due_ms == Some(*due_ms) => {
                            sweep(tx, plan, file, &mut swept)?
                        }
                        // Another run was quicker.
                        (Some(_), _) => {}
                        (None, _) => FILE_DUE.delete(tx, &(*due_ms, *id)),
                    }
                }
                Ok(swept)
            })
            .await
    }

    fn due_files(&self) -> Result<Vec<DueFile>> {
        let now = self.clock.now();
        self.meta.read(|read| {
            let mut due = Vec::new();
            FILE_DUE.scan(read, &KeyRange::all(), |(due_ms, id), _| {
                if due_ms > now {
                    return Ok(Step::Stop);
                }
                let file = File::get(read, id)?;
                let plan = file.as_ref().map(|file| self.plans.of(file.row.org).cloned()).transpose()?;
                let in_parts =
                    file.is_some_and(|file| file.row.status == FileStatus::Uploading && file.row.parts.is_some());
                due.push(DueFile { due_ms, id, plan, in_parts });
                Ok(if due.len() < limit::FILES_STEP_ROWS { Step::Continue } else { Step::Stop })
            })?;
            Ok(due)
        })
    }
}

/// Completes an upload all of whose parts have come, if it has rested for as long as uploads may: says whether it is confirmed.
fn complete_late(tx: &mut Tx<'_>, plan: &Plan, id: FileId) -> Result<bool> {
    let Some(file) = File::get(tx, id)?.filter(|file| file.row.status == FileStatus::Uploading) else {
        return Ok(false);
    };
    let Some((upload, _)) = file.row.parts else { return Ok(false) };
    let rested = last_part_ms(tx, upload)?.is_some_and(|last| last.saturating_add(limit::UPLOAD_IDLE_MS) <= tx.now());
    match all_parts(tx, &file)?.filter(|_| rested) {
        Some(parts) => Ok(matches!(complete(tx, plan, file, (upload, &parts))?, Confirmed::Yes(_))),
        None => Ok(false),
    }
}

fn sweep(tx: &mut Tx<'_>, plan: &Plan, mut file: File, swept: &mut FilesSwept) -> Result<()> {
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
        FileStatus::Uploading => settle_late(tx, plan, file, swept)?,
    }
    Ok(())
}

/// A file whose client has not been heard of: confirmed if it is there, given more time if parts of it still come, else failed.
fn settle_late(tx: &mut Tx<'_>, plan: &Plan, mut file: File, swept: &mut FilesSwept) -> Result<()> {
    match settle(tx, plan, file.clone()) {
        Ok(Confirmed::Yes(_)) => swept.confirmed += 1,
        Ok(Confirmed::Mismatch) => swept.failed += 1,
        // Of a plan that is used up nothing more is kept.
        Err(error) if error.kind() == ErrorKind::TierLimit => {
            fail(tx, file)?;
            swept.failed += 1;
        }
        Err(error) => return Err(error),
        Ok(Confirmed::Missing) => {
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
