//! The sweep: what nobody refers to any more is removed, in bounded steps that can stop anywhere.
//!
//! **Garbage** is written by the commit that drops a last reference. A blob goes in the order unlink → sync the folder
//! → drop its rows, so that a crash leaves a row to try again with, never a row without bytes that somebody reads. The
//! parts of an upload are expanded here, a bounded number in each commit. What became garbage after a backup stays until
//! the backup's hold expires.
//!
//! **Orphans** are files that no row names: a blob whose commit never came, or a temporary file. Only epochs before
//! this start can hold them and not gain any more, so each such epoch is walked once.

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::backup;
use crate::blob::{LocalBlobs, blocking, sync_folder};
use crate::error::{Error, Result};
use crate::id::{BlobId, UploadId};
use crate::limit;
use crate::meta::table::{BLOB_SUMS, BLOBS, GARBAGE, PARTS};
use crate::meta::{KeyRange, Read, Record, Step, Tx};
use crate::object::release;
use crate::state;

/// What is to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Garbage {
    /// A blob without references.
    Blob(BlobId),
    /// All parts of an upload that was aborted, or whose object is gone.
    Parts(UploadId),
}

impl Garbage {
    fn to_key(self) -> [u8; 17] {
        let (kind, id) = match self {
            Self::Blob(id) => (0, id.0),
            Self::Parts(id) => (1, id.0),
        };
        let mut key = [kind; 17];
        key.iter_mut().skip(1).zip(id).for_each(|(to, from)| *to = from);
        key
    }

    pub(crate) fn from_key(key: [u8; 17]) -> Result<Self> {
        let [kind, id @ ..] = key;
        match kind {
            0 => Ok(Self::Blob(BlobId(id))),
            1 => Ok(Self::Parts(UploadId(id))),
            _ => Err(Error::corrupt(format!("garbage of kind {kind}"))),
        }
    }

    /// What a reader of it has pinned.
    fn pin(self) -> [u8; 16] {
        match self {
            Self::Blob(id) => id.0,
            Self::Parts(id) => id.0,
        }
    }
}

/// A row of `garbage`: its key says what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GarbageRow {
    /// The last number of the sequence when it became garbage: a backup keeps what comes after its own.
    pub sequence: u64,
}

impl Record for GarbageRow {
    const VERSION: u8 = 2;

    fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
        match (version, bytes) {
            // From before there were backups.
            (1, []) => Ok(Self { sequence: 0 }),
            _ => Err(Error::corrupt(format!("garbage of version {version}"))),
        }
    }
}

/// Notes garbage in the transaction that made it.
pub(crate) fn throw_away(tx: &mut Tx<'_>, garbage: Garbage) -> Result<()> {
    let (due, sequence) = (tx.now(), tx.last_sequence()?);
    GARBAGE.put(tx, &(due, garbage.to_key()), &GarbageRow { sequence })
}

/// What one step did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Blobs and temporary files unlinked.
    pub blobs: u64,
    /// Garbage and part rows dropped, and share links that had ended.
    pub rows: u64,
    /// Whether there may be more to do at once.
    pub more: bool,
}

impl Store {
    /// One bounded step of the sweep.
    pub async fn sweep_step(&self) -> Result<Swept> {
        let swept = self.sweep_garbage().await?;
        if swept.more {
            return Ok(swept);
        }
        let shares = self.sweep_shares().await?;
        let orphans = self.sweep_orphans().await?;
        let more = orphans.more || shares > 0;
        Ok(Swept { blobs: swept.blobs + orphans.blobs, rows: swept.rows + shares, more })
    }

    async fn sweep_garbage(&self) -> Result<Swept> {
        let now = self.clock.now();
        let (mut due, mut more) = (Vec::new(), false);
        let (held_from, expired) = self.meta.read(|read| backup::held_from(read, now))?;
        if expired {
            self.meta.write(move |tx| backup::drop_expired(tx, now)).await?;
        }
        self.meta.read(|read| {
            GARBAGE.scan(read, &KeyRange::all(), |key, row| {
                // What lies behind the first row that a backup holds is held too, unless the clock was set back; then it
                // waits with the rest.
                if key.0 > now || held_from.is_some_and(|from| row.sequence >= from) {
                    return Ok(Step::Stop);
                }
                let garbage = Garbage::from_key(key.1)?;
                if !self.pins.is_pinned(&garbage.pin()) {
                    due.push((key, garbage));
                }
                more = due.len() == limit::SWEEP_STEP_ROWS;
                Ok(if more { Step::Stop } else { Step::Continue })
            })
        })?;
        let mut swept = self.drop_blobs(&due).await?;
        for (key, garbage) in due {
            if let Garbage::Parts(upload) = garbage {
                let (rows, done) = self.meta.write(move |tx| drop_parts(tx, key, upload)).await?;
                swept.rows += rows;
                // The parts' blobs are garbage by now.
                more |= rows > 0 || !done;
            }
        }
        Ok(Swept { more, ..swept })
    }

    async fn drop_blobs(&self, due: &[((u64, [u8; 17]), Garbage)]) -> Result<Swept> {
        let (mut files, mut rows) = (Vec::new(), Vec::new());
        self.meta.read(|read| {
            for (key, garbage) in due {
                let Garbage::Blob(id) = garbage else { continue };
                let row = BLOBS.get(read, id)?;
                if row.is_some_and(|row| row.refs > 0) {
                    return Err(Error::corrupt(format!("blob {id} is garbage and has references")));
                }
                files.extend(row.map(|row| (row.epoch, *id)));
                rows.push((*key, *id, row.map_or(0, |row| row.size)));
            }
            Ok(())
        })?;
        if rows.is_empty() {
            return Ok(Swept::default());
        }
        // Where durability is relaxed, a crash must not bring back a row whose bytes are gone.
        self.meta.sync().await?;
        self.blobs.delete(&files).await?;
        let swept = Swept { blobs: files.len() as u64, rows: rows.len() as u64, more: false };
        self.meta
            .write(move |tx| {
                for (key, id, size) in &rows {
                    drop_blob_rows(tx, *id, *size);
                    GARBAGE.delete(tx, key);
                }
                Ok(())
            })
            .await?;
        Ok(swept)
    }

    /// Walks one fan-out folder of the oldest epoch that has not been walked.
    async fn sweep_orphans(&self) -> Result<Swept> {
        let Some((epoch, folder)) = self.next_orphan_folder().await? else { return Ok(Swept::default()) };
        let Some(folder) = folder else {
            self.meta
                .write(move |tx| {
                    state::put_swept_epoch(tx, epoch);
                    Ok(())
                })
                .await?;
            return Ok(Swept { more: true, ..Swept::default() });
        };
        let orphans = self.meta.read(|read| orphans_in(read, &folder))?;
        let count = orphans.len() as u64;
        if count > 0 {
            tracing::info!(epoch, count, "removing files that no row names");
        }
        blocking(move || {
            orphans.iter().try_for_each(|path| std::fs::remove_file(path).map_err(Error::unavailable))?;
            sync_folder(&folder)
        })
        .await?;
        Ok(Swept { blobs: count, rows: 0, more: true })
    }

    /// The next folder to walk, or the epoch alone when it has been walked to its end.
    async fn next_orphan_folder(&self) -> Result<Option<(u32, Option<std::path::PathBuf>)>> {
        let swept = self.meta.read(state::swept_epoch)?;
        let current = self.blobs.epoch();
        if swept + 1 >= current {
            return Ok(None);
        }
        let mut cursor = self.orphan_cursor.lock().await;
        if cursor.is_none() {
            let epoch = self.blobs.epochs()?.into_iter().filter(|epoch| (swept + 1..current).contains(epoch)).min();
            let Some(epoch) = epoch else { return Ok(Some((current - 1, None))) };
            *cursor = Some((epoch, self.blobs.fans(epoch)?));
        }
        match cursor.as_mut().map(|(epoch, fans)| (*epoch, fans.pop())) {
            Some((epoch, None)) => {
                self.blobs.remove_empty(epoch)?;
                *cursor = None;
                Ok(Some((epoch, None)))
            }
            next => Ok(next),
        }
    }
}

fn drop_blob_rows(tx: &mut Tx<'_>, id: BlobId, size: u64) {
    BLOBS.delete(tx, &id);
    let groups = size.div_ceil((limit::BLOCK_BYTES * limit::SUMS_PER_ROW) as u64);
    // A blob has at most 5 GiB, which are 80 groups.
    for group in 0..u32::try_from(groups).unwrap_or(u32::MAX) {
        BLOB_SUMS.delete(tx, &(id, group));
    }
}

/// Releases a bounded number of an upload's parts; says how many, and whether none is left.
fn drop_parts(tx: &mut Tx<'_>, key: (u64, [u8; 17]), upload: UploadId) -> Result<(u64, bool)> {
    let mut parts = Vec::new();
    PARTS.scan(tx, &KeyRange::prefix(&upload.0), |(_, number), part| {
        parts.push((number, part.body));
        Ok(if parts.len() < limit::SWEEP_STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for (number, body) in &parts {
        PARTS.delete(tx, &(upload, *number));
        release(tx, *body)?;
    }
    let done = parts.len() < limit::SWEEP_STEP_ROWS;
    if done {
        GARBAGE.delete(tx, &key);
    }
    Ok((parts.len() as u64, done))
}

/// The files of a folder that no row names.
pub(crate) fn orphans_in(read: &dyn Read, folder: &std::path::Path) -> Result<Vec<std::path::PathBuf>> {
    let mut orphans = Vec::new();
    for found in LocalBlobs::files(folder)? {
        let named = match found.blob {
            Some(blob) => BLOBS.contains(read, &blob)?,
            None => false,
        };
        if !named {
            orphans.push(found.path);
        }
    }
    Ok(orphans)
}
