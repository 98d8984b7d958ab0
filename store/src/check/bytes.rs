//! Reads every stored byte and holds it against its checksums; looks for files that no row names.

use std::fs::File;
use std::io::Read as _;

use super::count::Recount;
use super::{Finding, Report};
use crate::blob::{LocalBlobs, crc32c, verify_blocks};
use crate::error::{Error, Result};
use crate::id::BlobId;
use crate::limit::{BLOCK_BYTES, SUMS_PER_ROW};
use crate::meta::table::{BLOB_SUMS, BLOBS, INLINE};
use crate::meta::{KeyRange, Read, Step};
use crate::store::blobs_dir;
use crate::sweep::orphans_in;
use crate::{StoreOptions, state};

pub(super) fn verify_all(read: &dyn Read, options: &StoreOptions, count: &Recount, report: &mut Report) -> Result<()> {
    verify_inline(read, report)?;
    let blobs = LocalBlobs::open(&blobs_dir(options), state::epoch(read)?)?;
    BLOBS.scan(read, &KeyRange::all(), |id, row| {
        // A blob that waits for the sweep may be unlinked already.
        if count.garbage_blobs.contains(&id) {
            return Ok(Step::Continue);
        }
        report.blobs += 1;
        report.bytes += row.size;
        let finding = match blobs.open_file(row.epoch, id)? {
            None => Some(Finding::MissingBlob(id)),
            Some(file) => verify_file(read, id, file, row.size).err().map(|e| Finding::Damaged(id, e.to_string())),
        };
        report.findings.extend(finding);
        Ok(Step::Continue)
    })?;
    for epoch in blobs.epochs()? {
        for folder in blobs.fans(epoch)? {
            report.findings.extend(orphans_in(read, &folder)?.into_iter().map(Finding::Orphan));
        }
    }
    Ok(())
}

fn verify_inline(read: &dyn Read, report: &mut Report) -> Result<()> {
    INLINE.scan(read, &KeyRange::all(), |id, row| {
        report.blobs += 1;
        report.bytes += row.bytes.len() as u64;
        if crc32c(&row.bytes) != row.crc32c {
            report.findings.push(Finding::Damaged(id, "inline bytes do not match their checksum".into()));
        }
        Ok(Step::Continue)
    })
}

/// Reads a blob a row of checksums at a time.
fn verify_file(read: &dyn Read, id: BlobId, mut file: File, size: u64) -> Result<()> {
    let length = file.metadata().map_err(Error::unavailable)?.len();
    if length != size {
        return Err(Error::corrupt(format!("the file has {length} bytes, its row says {size}")));
    }
    let mut buffer = vec![0; BLOCK_BYTES];
    let (mut left, mut block) = (size, 0u64);
    let mut sums = Vec::new();
    while left > 0 {
        let in_row = usize::try_from(block % SUMS_PER_ROW as u64).unwrap_or_default();
        if in_row == 0 {
            let group =
                u32::try_from(block / SUMS_PER_ROW as u64).map_err(|_| Error::corrupt("a blob beyond 2^32 groups"))?;
            sums = BLOB_SUMS.get(read, &(id, group))?.map(|row| row.0).unwrap_or_default();
        }
        let take = usize::try_from(left.min(BLOCK_BYTES as u64)).unwrap_or(BLOCK_BYTES);
        let bytes = buffer.get_mut(..take).unwrap_or_default();
        file.read_exact(bytes).map_err(Error::unavailable)?;
        let sum = sums.get(in_row * 4..in_row * 4 + 4).unwrap_or_default();
        verify_blocks(bytes, sum, &format_args!("blob {id}, block {block}"))?;
        left -= take as u64;
        block += 1;
    }
    Ok(())
}
