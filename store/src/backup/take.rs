//! Taking a backup.

use std::fs::File;
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{self, Header};
use super::hold::BackupHold;
use crate::blob::{Home, blocking, sync_folder};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::BackupId;
use crate::meta::Meta;
use crate::state;
use crate::store::open_offline;
use crate::{Store, StoreOptions};

/// Bytes gathered before a write to the file.
const BUFFER_BYTES: usize = 1 << 20;

/// A backup to take.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// The file to write; an absolute path outside the store's own folders.
    pub to: PathBuf,
    /// Whether to replace a file that is there.
    pub force: bool,
    /// For how long garbage is kept for it.
    pub hold_ms: u64,
}

/// A backup that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Rows in it.
    pub rows: u64,
    /// The length of its file.
    pub bytes: u64,
    /// Until when garbage is kept for it.
    pub held_until_ms: Millis,
}

impl Store {
    /// Writes a backup of everything committed so far, consistent while the store serves. When this returns `Ok` the file
    /// is whole and on stable storage; otherwise nothing is left under its name.
    ///
    /// `InvalidRequest` for a path that will not do, `Unavailable` if a disk fails.
    pub async fn backup(self: &Arc<Self>, options: BackupOptions) -> Result<BackedUp> {
        let store = Arc::clone(self);
        blocking(move || {
            let own = [Some(store.data_dir.as_path()), store.blobs.folder()];
            take(&store.meta, store.clock.now(), &own, &options)
        })
        .await
    }
}

/// The same for a data directory that no process uses.
pub fn backup_offline(store: &StoreOptions, options: &BackupOptions) -> Result<BackedUp> {
    let (meta, _lock) = open_offline(store)?;
    let blobs = Home::folder_of(store);
    take(&meta, store.clock.now(), &[Some(&store.data_dir), blobs.as_deref()], options)
}

fn take(meta: &Meta, now: Millis, own: &[Option<&Path>], options: &BackupOptions) -> Result<BackedUp> {
    let (folder, to) = target(own, options)?;
    let id = BackupId::generate(now)?;
    let hold_ms = options.hold_ms;
    let hold = meta.write_blocking(move |tx| {
        let (sequence, created_ms) = (tx.next_sequence()?, tx.now());
        let hold = BackupHold { id, sequence, created_ms, expires_ms: created_ms.saturating_add(hold_ms) };
        hold.put(tx);
        Ok(hold)
    })?;
    let mut temporary = to.clone().into_os_string();
    temporary.push(format!(".{id}.tmp"));
    let temporary = PathBuf::from(temporary);
    let taken = write(meta, hold, &temporary).and_then(|taken| {
        std::fs::rename(&temporary, &to).map_err(Error::unavailable)?;
        sync_folder(&folder)?;
        Ok(taken)
    });
    if taken.is_err() {
        // What cannot be removed is an incomplete file under another name, and a hold that expires.
        drop(std::fs::remove_file(&temporary));
        drop(meta.write_blocking(move |tx| {
            BackupHold::delete(id, tx);
            Ok(())
        }));
    }
    taken
}

fn write(meta: &Meta, hold: BackupHold, path: &Path) -> Result<BackedUp> {
    let mut options = File::options();
    let file = options.write(true).create_new(true).mode(0o600).open(path).map_err(Error::unavailable)?;
    let rows = meta.read(|read| {
        let store_id = state::store_id(read)?.ok_or_else(|| Error::corrupt("the store has no identity"))?;
        let header = Header { created_ms: hold.created_ms, store_id };
        format::write(read, &header, BufWriter::with_capacity(BUFFER_BYTES, &file))
    })?;
    file.sync_all().map_err(Error::unavailable)?;
    // Where durability is relaxed, a power cut must not take back what the backup holds.
    meta.sync_blocking()?;
    let bytes = file.metadata().map_err(Error::unavailable)?.len();
    Ok(BackedUp { rows, bytes, held_until_ms: hold.expires_ms })
}

/// The folder and the path of the backup, once they are found to be fit for one.
fn target(own: &[Option<&Path>], options: &BackupOptions) -> Result<(PathBuf, PathBuf)> {
    let refuse = |why: &str| Error::new(ErrorKind::InvalidRequest, format!("{} {why}", options.to.display()));
    let (parent, name) =
        options.to.parent().zip(options.to.file_name()).ok_or_else(|| refuse("is not a file's path."))?;
    if !options.to.is_absolute() {
        return Err(refuse("is not an absolute path."));
    }
    let folder = parent.canonicalize().map_err(|error| refuse("is in a folder that cannot be used.").because(error))?;
    if own.iter().flatten().filter_map(|own| own.canonicalize().ok()).any(|own| folder.starts_with(own)) {
        return Err(refuse("is inside the store itself, and would be lost with it. Choose another folder."));
    }
    let to = folder.join(name);
    match std::fs::symlink_metadata(&to) {
        Ok(_) if !options.force => Err(refuse("exists already. Use --force to replace it.")),
        Ok(found) if !found.is_file() => Err(refuse("is not a regular file.")),
        _ => Ok((folder, to)),
    }
}
