//! Blobs that were written and are not on stable storage yet, when durability is relaxed.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::local::sync_folder;
use crate::error::{Error, Result};
use crate::limit::UNSYNCED_BLOBS_MAX;

/// The list of them. Its clones share it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Unsynced(Arc<Mutex<Vec<PathBuf>>>);

impl Unsynced {
    /// Takes note of a blob's file. False if the list is full: then the file must be synced at once.
    pub(super) fn note(&self, file: &Path) -> bool {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = files.len() < UNSYNCED_BLOBS_MAX;
        if has_room {
            files.push(file.to_owned());
        }
        has_room
    }

    /// Puts everything noted so far on stable storage: the bytes, then the names.
    pub(crate) fn sync(&self) -> Result<()> {
        let files = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        sync_files(&files)
    }
}

/// Syncs files and the folders that they are in. One that is not there any more needs nothing.
pub(super) fn sync_files(files: &[PathBuf]) -> Result<()> {
    for file in files {
        match File::open(file) {
            Ok(file) => file.sync_all().map_err(Error::unavailable)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::unavailable(error)),
        }
    }
    let folders: HashSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    folders.into_iter().try_for_each(sync_folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::local::LocalBlobs;
    use crate::id::BlobId;

    #[test]
    fn the_list_is_bounded_and_empty_after_a_sync() {
        let folder = tempfile::tempdir().unwrap();
        let unsynced = Unsynced::default();
        let file = folder.path().join("blob");
        std::fs::write(&file, "bytes").unwrap();
        assert!(unsynced.note(&file));
        for _ in 1..UNSYNCED_BLOBS_MAX {
            assert!(unsynced.note(&folder.path().join("deleted meanwhile")));
        }
        assert!(!unsynced.note(&file));
        unsynced.sync().unwrap();
        assert!(unsynced.note(&file));
    }

    #[tokio::test]
    async fn a_written_blob_is_noted_under_the_name_that_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let unsynced = Unsynced::default();
        let blobs = LocalBlobs::open(folder.path(), 1, Some(unsynced.clone())).unwrap();
        let mut writer = blobs.create(BlobId([7; 16])).await.unwrap();
        writer.write(vec!["bytes".into()]).await.unwrap();
        blobs.finish(writer).await.unwrap();
        let noted = unsynced.0.lock().unwrap().clone();
        assert_eq!(noted.iter().map(|file| std::fs::read(file).unwrap()).collect::<Vec<_>>(), [b"bytes"]);
    }

    #[test]
    fn a_file_that_cannot_be_synced_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("blob");
        std::fs::write(&file, "bytes").unwrap();
        assert!(sync_files(&[file.join("not a folder")]).is_err());
    }
}
