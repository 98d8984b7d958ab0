//! The sweep: what nobody refers to any more is removed, in bounded steps that can stop anywhere.
//!
//! **Garbage** is written by the commit that drops a last reference. A blob goes in the order unlink → sync the folder
//! → drop its rows, so that a crash leaves a row to try again with, never a row without bytes that somebody reads. The
//! parts of an upload are expanded here, a bounded number in each commit. What became garbage after a backup stays until
//! the backup's hold expires.
//!
//! **Orphans** are files that no row names: a blob whose commit never came, or a temporary file. Only epochs before
//! this start can hold them and not gain any more, so each such epoch is walked once; upstream, where a request of a dead
//! process may take effect after the start, once more a little later.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::backup;
use crate::blob::{Found, Walk};
use crate::clock::Millis;
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

/// How far the walk through dead epochs is.
pub(crate) struct Orphans {
    /// When this process began.
    since: Millis,
    /// The walk that is under way.
    walk: Option<Walk>,
    /// All epochs up to this one have been walked, and may have to be once more.
    walked: u32,
}

impl Orphans {
    /// Nothing walked since the start, which was then.
    pub(crate) fn since(since: Millis) -> Self {
        Self { since, walk: None, walked: 0 }
    }
}

impl Store {
    /// One bounded step of the sweep.
    pub async fn sweep_step(&self) -> Result<Swept> {
        let swept = self.sweep_garbage().await?;
        if swept.more {
            return Ok(swept);
        }
        let shares = self.sweep_shares().await?;
        let age_ms = self.clock.now().saturating_sub(self.orphans.lock().await.since);
        let litter = self.blobs.sweep_litter(age_ms).await?;
        let orphans = self.sweep_orphans(age_ms).await?;
        let more = orphans.more || shares > 0;
        Ok(Swept { blobs: swept.blobs + litter + orphans.blobs, rows: swept.rows + shares, more })
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

    /// Walks a bounded part of the oldest epoch that has not been walked: a folder, or a page of names.
    async fn sweep_orphans(&self, age_ms: u64) -> Result<Swept> {
        let mut orphans = self.orphans.lock().await;
        let Some(mut walk) = self.next_walk(&mut orphans, age_ms).await? else { return Ok(Swept::default()) };
        let Some(found) = self.blobs.next(&mut walk).await? else {
            self.blobs.end(&walk)?;
            orphans.walked = walk.epoch;
            if self.blobs.is_settled(age_ms) {
                self.note_swept(walk.epoch).await?;
            }
            return Ok(Swept { more: true, ..Swept::default() });
        };
        let paths = self.meta.read(|read| orphans_among(read, found))?;
        let (epoch, count) = (walk.epoch, paths.len() as u64);
        if count > 0 {
            tracing::info!(epoch, count, "removing files that no row names");
            self.blobs.remove(paths).await?;
        }
        orphans.walk = Some(walk);
        Ok(Swept { blobs: count, rows: 0, more: true })
    }

    /// The walk that is under way, or the next one; `None` if there is nothing to walk. A walk that fails begins anew.
    async fn next_walk(&self, orphans: &mut Orphans, age_ms: u64) -> Result<Option<Walk>> {
        let is_settled = self.blobs.is_settled(age_ms);
        let swept = self.meta.read(state::swept_epoch)?;
        let from = if is_settled { swept } else { swept.max(orphans.walked) } + 1;
        let current = self.blobs.epoch();
        if from >= current {
            return Ok(None);
        }
        if let Some(walk) = orphans.walk.take() {
            return Ok(Some(walk));
        }
        match self.blobs.epochs().await?.into_iter().filter(|epoch| (from..current).contains(epoch)).min() {
            Some(epoch) => self.blobs.walk(epoch).map(Some),
            None => {
                orphans.walked = current - 1;
                if is_settled {
                    self.note_swept(current - 1).await?;
                }
                Ok(None)
            }
        }
    }

    async fn note_swept(&self, epoch: u32) -> Result<()> {
        let rule = move |tx: &mut Tx<'_>| {
            state::put_swept_epoch(tx, epoch);
            Ok(())
        };
        self.meta.write(rule).await
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

/// Those of what a walk found that no row names.
pub(crate) fn orphans_among(read: &dyn Read, found: Vec<Found>) -> Result<Vec<PathBuf>> {
    let mut orphans = Vec::new();
    for found in found {
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
