//! Deleting files: object and row in one commit.

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::intent::confirm::free;
use crate::intent::event;
use crate::intent::row::{File, FileStatus};
use crate::limit;
use crate::meta::Tx;
use crate::project::{ProjectAccess, Space, no_such};

/// What became of several files that were to be deleted.
#[derive(Debug, Default)]
pub struct FilesDeleted {
    /// How many were.
    pub deleted: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that were not, and why.
    pub failures: Vec<(String, Error)>,
}

impl Store {
    /// Deletes a file. `NoSuchRecord` if there is none, or it was deleted before; `AccessDenied` if it is locked.
    pub async fn delete_file(&self, access: &ProjectAccess, key: String) -> Result<()> {
        let space = access.space()?;
        self.meta.write(move |tx| delete(tx, &space, &key).map(drop)).await
    }

    /// Deletes up to `limit::FILES_DELETE_MAX` files in one commit; one that cannot be deleted holds up none of the others.
    pub async fn delete_files(&self, access: &ProjectAccess, keys: Vec<String>) -> Result<FilesDeleted> {
        if keys.len() > limit::FILES_DELETE_MAX {
            return Err(Error::new(ErrorKind::InvalidArgument, "keys: at most 100"));
        }
        let space = access.space()?;
        self.meta
            .write(move |tx| {
                let mut done = FilesDeleted::default();
                for key in &keys {
                    match delete(tx, &space, key) {
                        Ok(bytes) => (done.deleted, done.bytes) = (done.deleted + 1, done.bytes.saturating_add(bytes)),
                        Err(error) if is_of_the_file(&error) => done.failures.push((key.clone(), error)),
                        Err(error) => return Err(error),
                    }
                }
                Ok(done)
            })
            .await
    }
}

/// Whether an error is the answer for one file alone, of which nothing was changed.
fn is_of_the_file(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NoSuchRecord | ErrorKind::AccessDenied)
}

/// Deletes what a file has stored, then its row, and says how many bytes that gave back. What refuses it has changed nothing.
fn delete(tx: &mut Tx<'_>, space: &Space, key: &str) -> Result<u64> {
    let file = File::find(tx, space.bucket, key)?.ok_or_else(|| no_such("File"))?;
    free(tx, &file)?;
    // One that was confirmed has followed its object.
    if let Some(mut file) = File::find(tx, space.bucket, key)? {
        file.turn(tx, FileStatus::Deleted)?;
        event::note(tx, &file)?;
    }
    Ok(if file.row.status == FileStatus::Uploaded { file.row.size } else { 0 })
}
