//! Confirming a file: one commit that looks at the object, and makes the row `Uploaded`, counts it, notes it, and has the
//! webhook told.

use std::sync::Arc;

use crate::Store;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{FileId, UploadId};
use crate::intent::row::{self, File, FileStatus, no_such_upload};
use crate::intent::{event, usage};
use crate::meta::table::{OBJECTS, PARTS, UPLOADS};
use crate::meta::{KeyRange, Step, Tx};
use crate::name::ObjectKey;
use crate::object::{DeleteObject, ObjectRow, WriteCondition, delete_one};
use crate::plan::Plan;
use crate::project::ProjectAccess;
use crate::upload::{self, CompleteUpload, PartRef};
use crate::webhook;

/// What came of asking for a confirmation.
#[derive(Debug, Clone)]
pub enum Confirmed {
    /// The file is there, now or before.
    Yes(Box<File>),
    /// Nothing is there yet; the upload goes on.
    Missing,
    /// Something else is there than was announced: the file has failed.
    Mismatch,
}

impl Store {
    /// Confirms a file that was uploaded as a whole, and takes over what the client says of it. Once more of one that is
    /// confirmed changes nothing. `NoSuchIntent` for one that is deleted or was never announced here, `TierLimit` if the plan
    /// allows no more of them this month.
    pub async fn confirm_file(
        &self,
        access: &ProjectAccess,
        id: FileId,
        said: Vec<(String, Option<String>)>,
    ) -> Result<Confirmed> {
        let space = access.space()?;
        let plan = Arc::clone(self.plans.of(space.org)?);
        self.meta
            .write(move |tx| {
                let mut file = File::of(tx, &space, id)?;
                match file.row.status {
                    FileStatus::Uploaded => return Ok(Confirmed::Yes(Box::new(file))),
                    FileStatus::Failed => return Ok(Confirmed::Mismatch),
                    FileStatus::Deleted => return Err(no_such_upload()),
                    FileStatus::Uploading => {}
                }
                row::merge(&mut file.row.said, &said)?;
                settle(tx, &plan, file)
            })
            .await
    }

    /// Completes the upload of a file in parts and confirms the file. `NoSuchIntent` for another upload than the file's;
    /// what is wrong with the parts is `InvalidPart`, `InvalidPartOrder` or `EntityTooSmall`, and the upload goes on; so it
    /// does after `TierLimit`.
    pub async fn confirm_parts(
        &self,
        access: &ProjectAccess,
        (id, upload): (FileId, UploadId),
        parts: Vec<PartRef>,
        said: Vec<(String, Option<String>)>,
    ) -> Result<Confirmed> {
        let space = access.space()?;
        let plan = Arc::clone(self.plans.of(space.org)?);
        upload::check_order(&parts)?;
        self.meta
            .write(move |tx| {
                let mut file = File::of(tx, &space, id)?;
                if file.row.parts.is_none_or(|(of, _)| of != upload) {
                    return Err(no_such_upload());
                }
                match file.row.status {
                    FileStatus::Uploaded => return Ok(Confirmed::Yes(Box::new(file))),
                    FileStatus::Failed => return Ok(Confirmed::Mismatch),
                    FileStatus::Deleted => return Err(no_such_upload()),
                    FileStatus::Uploading => {}
                }
                row::merge(&mut file.row.said, &said)?;
                complete(tx, &plan, file, (upload, &parts))
            })
            .await
    }
}

/// Completes an upload of these parts and confirms its file, or has it fail if they do not come to it.
pub(super) fn complete(
    tx: &mut Tx<'_>,
    plan: &Plan,
    file: File,
    (id, parts): (UploadId, &[PartRef]),
) -> Result<Confirmed> {
    let mut size = 0_u64;
    for part in parts {
        let row = PARTS.get(tx, &(id, part.number))?;
        let missing = || Error::new(ErrorKind::InvalidPart, format!("Part {} was not uploaded", part.number));
        size = size.saturating_add(row.ok_or_else(missing)?.size);
    }
    if size != file.row.size {
        fail(tx, file)?;
        return Ok(Confirmed::Mismatch);
    }
    let complete = CompleteUpload {
        key: ObjectKey::parse(&file.row.key)?,
        upload: id,
        parts: parts.to_vec(),
        condition: WriteCondition::default(),
        checksum: None,
        kind: None,
        size: None,
    };
    upload::complete(tx, file.row.bucket, plan, &complete)?;
    settle(tx, plan, file)
}

/// Confirms a file that was announced if its object is what was announced, or has it fail if it is something else. If the plan
/// allows no more files this month it is `TierLimit`, and nothing has changed.
pub(super) fn settle(tx: &mut Tx<'_>, plan: &Plan, mut file: File) -> Result<Confirmed> {
    let Some(object) = OBJECTS.get(tx, &(file.row.bucket, file.row.key.clone()))? else {
        return Ok(Confirmed::Missing);
    };
    if !is_announced(&file, &object) {
        fail(tx, file)?;
        return Ok(Confirmed::Mismatch);
    }
    if !file.row.is_test {
        usage::check_uploads(tx, file.row.org, plan, tx.now())?;
        usage::count_upload(tx, file.row.org)?;
    }
    file.turn(tx, FileStatus::Uploaded)?;
    event::note(tx, &file)?;
    webhook::queue(tx, &file)?;
    Ok(Confirmed::Yes(Box::new(file)))
}

fn is_announced(file: &File, object: &ObjectRow) -> bool {
    object.head.size == file.row.size
        && object.metadata.system.content_type.as_deref() == Some(file.row.content_type.as_str())
}

/// Has a file fail, and frees what was uploaded of it.
pub(super) fn fail(tx: &mut Tx<'_>, mut file: File) -> Result<()> {
    file.turn(tx, FileStatus::Failed)?;
    free(tx, &file)?;
    event::note(tx, &file)
}

/// Removes what was uploaded of a file: its object, and the parts of its open upload.
pub(super) fn free(tx: &mut Tx<'_>, file: &File) -> Result<()> {
    let Some(bucket) = Bucket::get(tx, file.row.bucket)?.filter(|bucket| !bucket.row.is_deleting()) else {
        return Ok(());
    };
    if let Some((upload, _)) = file.row.parts
        && is_open(tx, file, upload)?
    {
        upload::abort(tx, &bucket, &file.row.key, upload)?;
    }
    if !OBJECTS.contains(tx, &(bucket.id, file.row.key.clone()))? {
        return Ok(());
    }
    delete_one(tx, &bucket, &DeleteObject::current(ObjectKey::parse(&file.row.key)?)).map(drop)
}

fn is_open(tx: &Tx<'_>, file: &File, upload: UploadId) -> Result<bool> {
    UPLOADS.contains(tx, &(file.row.bucket, file.row.key.clone(), upload))
}

/// When the last part of a file's upload came; `None` if none has.
pub(super) fn last_part_ms(tx: &Tx<'_>, upload: UploadId) -> Result<Option<u64>> {
    let mut last = None;
    PARTS.scan(tx, &KeyRange::prefix(&upload.0), |_, part| {
        last = last.max(Some(part.modified_ms));
        Ok(Step::Continue)
    })?;
    Ok(last)
}
