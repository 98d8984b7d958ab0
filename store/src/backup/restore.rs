//! Putting a backup back. Nothing of the store is touched before the whole backup has been read and verified, and the
//! metadata changes hands with one rename.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format;
use crate::StoreOptions;
use crate::blob::{Home, sync_folder};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::limit;
use crate::marker::{self, refuse};
use crate::meta::table::Table;
use crate::meta::{Changes, Engine, Meta, RedbEngine};
use crate::state;
use crate::store::{META, claim, lock};

/// The metadata while it is being written.
const RESTORING: &str = "meta.redb.restoring";
/// The metadata that was replaced.
const BEFORE: &str = "meta.redb.before-restore";

/// A backup that was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Its rows.
    pub rows: u64,
    /// When it was taken.
    pub created_ms: Millis,
    /// Where the metadata that it replaced is now.
    pub kept: Option<PathBuf>,
}

/// Makes a backup the metadata of a data directory that no process uses.
///
/// `InvalidRequest` if there is metadata already and `replace` is not set, if an earlier replaced one still lies there,
/// if a folder belongs to another store, or if the blob folder that the backup needs is missing; `Corrupt` if the backup
/// is damaged; `Unavailable` if a disk fails. All but the last leave everything as it was.
pub fn restore(options: &StoreOptions, from: &Path, replace: bool) -> Result<Restored> {
    let (mut blob_rows, mut kept) = (0_u64, None);
    let (header, rows) = read(from, &mut |table, key, value| {
        blob_rows += u64::from(table == Table::Blobs);
        if table == Table::State && key == state::BLOBS.as_bytes() {
            kept = String::from_utf8(value).ok();
        }
        Ok(())
    })?;
    let home = Home::of(options)?;
    let (kept, asked) = (kept.unwrap_or_else(|| "local".to_owned()), home.kind());
    if blob_rows > 0 && kept != asked {
        return Err(refuse(from, &format!("needs blobs that are kept with blobs.kind = {kept:?}, not {asked:?}.")));
    }
    let dir = &options.data_dir;
    claim(dir)?;
    let _lock = lock(dir)?;
    let (meta, kept) = (dir.join(META), dir.join(BEFORE));
    let exists = meta.exists();
    if exists && !replace {
        return Err(refuse(&meta, "exists. Use --replace to put the backup in its place; it is kept aside then."));
    }
    if exists && kept.exists() {
        return Err(refuse(&kept, "is still there from an earlier restore. Move it away first."));
    }
    home.claim(&header.store_id, blob_rows == 0)?;
    marker::claim(dir, &header.store_id, true)?;
    let new = dir.join(RESTORING);
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::unavailable(error)),
        _ => {}
    }
    load(options, &home, from, &new, rows)?;
    if exists {
        // A second name rather than another one, so that there is metadata at every moment; not all file systems can.
        std::fs::hard_link(&meta, &kept).or_else(|_| std::fs::rename(&meta, &kept)).map_err(Error::unavailable)?;
        sync_folder(dir)?;
    }
    std::fs::rename(&new, &meta).map_err(Error::unavailable)?;
    sync_folder(dir)?;
    Ok(Restored { rows, created_ms: header.created_ms, kept: exists.then_some(kept) })
}

fn read(from: &Path, visit: &mut format::Visit<'_>) -> Result<(format::Header, u64)> {
    let file = File::open(from).map_err(|error| refuse(from, "cannot be read.").because(error))?;
    format::read(BufReader::with_capacity(1 << 20, file), visit)
}

/// Writes the rows of a backup to a new metadata file.
fn load(options: &StoreOptions, home: &Home, from: &Path, to: &Path, rows: u64) -> Result<()> {
    let engine = Arc::new(RedbEngine::open(to, options.cache_bytes)?);
    let (mut changes, mut bytes) = (Changes::new(), 0);
    let (_, again) = read(from, &mut |table, key, value| {
        bytes += key.len() + value.len();
        changes.insert((table, key), Some(value.into()));
        if bytes >= limit::BATCH_BYTES_MAX {
            bytes = 0;
            engine.commit(&std::mem::take(&mut changes))?;
        }
        Ok(())
    })?;
    if again != rows {
        return Err(Error::corrupt("backup: it changed while it was read"));
    }
    engine.commit(&changes)?;
    let meta = Meta::open(engine, Arc::clone(&options.clock))?;
    let (last, kind) = (home.epochs()?.into_iter().max().unwrap_or_default(), home.kind());
    meta.write_blocking(move |tx| {
        state::put_blobs(tx, kind);
        state::put_restored(tx, last)
    })
}
