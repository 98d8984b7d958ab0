//! The scrub: reads everything that is stored and holds it against its checksums, before somebody needs it.
//!
//! It goes through the inline rows and then the blobs, each in the order of identifiers, in steps of bounded size. The
//! cursor says where the next step begins, in the middle of a large blob too; it is kept in `state`, so that a restart
//! goes on from there. No snapshot is held while a file is read, and a blob is pinned meanwhile, so that the sweep does
//! not take it away and make it look missing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Store;
use crate::blob::row::BlobRow;
use crate::blob::{Fault, blocking, blocks_in, sums_of, verify_blob, verify_inline};
use crate::clock::Millis;
use crate::error::{Error, Result};
use crate::id::BlobId;
use crate::limit::{BLOCK_BYTES, SCRUB_STEP_BYTES, SCRUB_STEP_ROWS};
use crate::meta::codec;
use crate::meta::table::{BLOBS, Table};
use crate::meta::{KeyRange, Read, Step};
use crate::state;

/// Where a scrub goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubCursor {
    /// Whether the inline rows are done.
    in_blobs: bool,
    /// The lowest identifier that has not been verified to its end.
    id: [u8; 16],
    /// The first of its blocks that has not been verified, if it is a blob.
    block: u64,
}

impl ScrubCursor {
    /// The beginning of everything.
    pub const START: Self = Self { in_blobs: false, id: [0; 16], block: 0 };

    /// After the whole of `id`; `None` if no identifier comes after it.
    fn after(self, id: [u8; 16]) -> Option<Self> {
        let next = u128::from_be_bytes(id).checked_add(1)?;
        Some(Self { id: next.to_be_bytes(), block: 0, ..self })
    }

    fn range(self) -> KeyRange {
        KeyRange::prefix_from(&[], self.id.to_vec())
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [&[u8::from(self.in_blobs)], self.id.as_slice(), &self.block.to_be_bytes()].concat()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (in_blobs, rest) = bytes.split_first()?;
        let (id, block) = rest.split_first_chunk::<16>()?;
        Some(Self { in_blobs: *in_blobs != 0, id: *id, block: u64::from_be_bytes(block.try_into().ok()?) })
    }
}

/// What one step did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Scrubbed {
    /// Blobs and inline rows verified to their end.
    pub blobs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What was missing or damaged.
    pub faults: u64,
    /// Where to go on; `None` once everything has been verified.
    pub next: Option<ScrubCursor>,
}

/// Counters since the start.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct ScrubCounters {
    /// Blobs and inline rows verified to their end.
    pub blobs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Blobs and inline rows found damaged.
    pub damaged: u64,
    /// Blobs found missing.
    pub missing: u64,
}

/// The counters as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    blobs: AtomicU64,
    bytes: AtomicU64,
    damaged: AtomicU64,
    missing: AtomicU64,
}

impl Counts {
    pub(crate) fn read(&self) -> ScrubCounters {
        let [blobs, bytes, damaged, missing] =
            [&self.blobs, &self.bytes, &self.damaged, &self.missing].map(|count| count.load(Ordering::Relaxed));
        ScrubCounters { blobs, bytes, damaged, missing }
    }

    /// Counts and logs what is wrong with some bytes.
    fn fault(&self, id: BlobId, fault: &Fault) {
        match fault {
            Fault::Missing => {
                self.missing.fetch_add(1, Ordering::Relaxed);
                tracing::error!(blob = %id, "scrub: the file of a blob is missing");
            }
            Fault::Damaged(how) => {
                self.damaged.fetch_add(1, Ordering::Relaxed);
                tracing::error!(blob = %id, how, "scrub: stored bytes are damaged");
            }
        }
    }
}

impl Store {
    /// Where a scrub is to begin or go on now; `None` if the last one ended less than `interval_ms` ago.
    pub fn scrub_due(&self, interval_ms: u64) -> Result<Option<ScrubCursor>> {
        let now = self.clock.now();
        self.meta.read(|read| {
            if let Some(cursor) = state::scrub_cursor(read)? {
                return Ok(Some(cursor));
            }
            let last = state::scrubbed_ms(read)?;
            let due = last.is_none_or(|last| last.saturating_add(interval_ms) <= now);
            Ok(due.then_some(ScrubCursor::START))
        })
    }

    /// One bounded step from `cursor` on: at most about `limit::SCRUB_STEP_BYTES`. What is damaged or missing is logged
    /// and counted; only a store that cannot be read at all is an error, and an upstream that cannot be asked.
    pub async fn scrub_step(self: &Arc<Self>, cursor: ScrubCursor) -> Result<Scrubbed> {
        let store = Arc::clone(self);
        blocking(move || {
            let scrubbed = if cursor.in_blobs { store.scrub_blobs(cursor) } else { store.scrub_inline(cursor) }?;
            store.scrubs.blobs.fetch_add(scrubbed.blobs, Ordering::Relaxed);
            store.scrubs.bytes.fetch_add(scrubbed.bytes, Ordering::Relaxed);
            Ok(scrubbed)
        })
        .await
    }

    /// Notes how far a scrub came, for the next process; `None` is its end.
    pub async fn save_scrub(&self, cursor: Option<ScrubCursor>) -> Result<()> {
        let rule = move |tx: &mut crate::meta::Tx<'_>| {
            let now: Millis = tx.now();
            state::put_scrub(tx, cursor, now);
            Ok(())
        };
        self.meta.write(rule).await
    }

    fn scrub_inline(&self, cursor: ScrubCursor) -> Result<Scrubbed> {
        let mut scrubbed =
            Scrubbed { next: Some(ScrubCursor { in_blobs: true, ..ScrubCursor::START }), ..Scrubbed::default() };
        self.meta.read(|read| {
            read.scan(Table::Inline, &cursor.range(), &mut |key, value| {
                let id = blob_id(key)?;
                let fault = match codec::decode(value) {
                    Ok(row) => verify_inline(&row),
                    Err(error) => Some(Fault::Damaged(error.to_string())),
                };
                self.saw(&mut scrubbed, id, value.len() as u64, fault.as_ref());
                scrubbed.blobs += 1;
                let full = scrubbed.bytes >= SCRUB_STEP_BYTES || scrubbed.blobs >= SCRUB_STEP_ROWS;
                if let Some(next) = cursor.after(id.0).filter(|_| full) {
                    scrubbed.next = Some(next);
                }
                Ok(if full { Step::Stop } else { Step::Continue })
            })
        })?;
        Ok(scrubbed)
    }

    fn scrub_blobs(&self, mut cursor: ScrubCursor) -> Result<Scrubbed> {
        let mut scrubbed = Scrubbed::default();
        let mut rows = 0;
        while scrubbed.bytes < SCRUB_STEP_BYTES && rows < SCRUB_STEP_ROWS {
            rows += 1;
            let Some(id) = self.meta.read(|read| first_blob(read, cursor))? else { return Ok(scrubbed) };
            let begin = if id.0 == cursor.id { cursor.block } else { 0 };
            // Pinned before its row is read: what has references then is not unlinked until the pin is gone.
            let _pin = self.pins.pin(id.0);
            let end = match self.meta.read(|read| BLOBS.get(read, &id)) {
                Ok(Some(row)) if row.refs > 0 => self.scrub_stretch(&mut scrubbed, id, &row, begin)?,
                Ok(_) => None,
                Err(error) => {
                    self.saw(&mut scrubbed, id, 0, Some(&Fault::Damaged(error.to_string())));
                    None
                }
            };
            match end {
                Some(block) => cursor = ScrubCursor { id: id.0, block, ..cursor },
                None => match cursor.after(id.0) {
                    Some(next) => cursor = next,
                    None => return Ok(scrubbed),
                },
            }
        }
        Ok(Scrubbed { next: Some(cursor), ..scrubbed })
    }

    /// Verifies a blob from a block on, as far as the step goes. Returns the block to go on from if it did not come to
    /// the end.
    fn scrub_stretch(&self, scrubbed: &mut Scrubbed, id: BlobId, row: &BlobRow, begin: u64) -> Result<Option<u64>> {
        let blocks = blocks_in(row.size);
        let left = SCRUB_STEP_BYTES.saturating_sub(scrubbed.bytes).div_ceil(BLOCK_BYTES as u64).max(1);
        let end = begin.saturating_add(left).min(blocks);
        let sums = |group| self.meta.read(|read| sums_of(read, id, group));
        let fault = verify_blob(&self.blobs, (id, row), begin..end, sums)?;
        let block = BLOCK_BYTES as u64;
        let bytes = (end * block).min(row.size).saturating_sub(begin * block);
        self.saw(scrubbed, id, bytes, fault.as_ref());
        if fault.is_none() && end < blocks {
            return Ok(Some(end));
        }
        scrubbed.blobs += 1;
        Ok(None)
    }

    fn saw(&self, scrubbed: &mut Scrubbed, id: BlobId, bytes: u64, fault: Option<&Fault>) {
        scrubbed.bytes += bytes;
        if let Some(fault) = fault {
            scrubbed.faults += 1;
            self.scrubs.fault(id, fault);
        }
    }
}

fn blob_id(key: &[u8]) -> Result<BlobId> {
    key.try_into().map(BlobId).map_err(|_| Error::corrupt("the key of stored bytes is malformed"))
}

/// The first blob at or after the cursor.
fn first_blob(read: &dyn Read, cursor: ScrubCursor) -> Result<Option<BlobId>> {
    let mut first = None;
    read.scan(Table::Blobs, &cursor.range(), &mut |key, _| {
        first = Some(blob_id(key)?);
        Ok(Step::Stop)
    })?;
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_bytes() {
        let cursor = ScrubCursor { in_blobs: true, id: [7; 16], block: 1 << 40 };
        assert_eq!(ScrubCursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        assert_eq!(ScrubCursor::from_bytes(&[1, 2, 3]), None);
    }

    #[test]
    fn nothing_comes_after_the_highest_identifier() {
        assert_eq!(ScrubCursor::START.after([0xFF; 16]), None);
        let next = ScrubCursor::START.after([0; 16]).unwrap();
        assert_eq!(next.id, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
