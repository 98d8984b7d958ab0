//! Holds stored bytes against their checksums where they lie: what the check and the scrub have in common.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::check::{crc32c, verify};
use super::row::InlineRow;
use crate::error::{Error, Result};
use crate::id::BlobId;
use crate::limit::{BLOCK_BYTES, SUMS_PER_ROW};
use crate::meta::Read;
use crate::meta::table::BLOB_SUMS;

/// What is wrong with stored bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Their file is not there.
    Missing,
    /// They do not match their checksums or their length, or cannot be read; how, in words.
    Damaged(String),
}

/// How many blocks a blob of that many bytes has.
pub(crate) fn blocks_in(size: u64) -> u64 {
    size.div_ceil(BLOCK_BYTES as u64)
}

/// Verifies inline bytes.
pub(crate) fn verify_inline(row: &InlineRow) -> Option<Fault> {
    let matches = crc32c(&row.bytes) == row.crc32c;
    (!matches).then(|| Fault::Damaged("inline bytes do not match their checksum".to_owned()))
}

/// Verifies some blocks of a blob of `size` bytes. `file` is what its name leads to, and `sums` hands out a group of its
/// checksums.
pub(crate) fn verify_file(
    id: BlobId,
    file: Result<Option<File>>,
    size: u64,
    blocks: Range<u64>,
    sums: impl FnMut(u32) -> Result<Vec<u8>>,
) -> Option<Fault> {
    match file {
        Ok(None) => Some(Fault::Missing),
        Ok(Some(file)) => read_and_verify(id, &file, size, blocks, sums).err().map(|e| Fault::Damaged(e.to_string())),
        Err(error) => Some(Fault::Damaged(error.to_string())),
    }
}

/// The checksums of a group of a blob's blocks; empty if they are missing, which no block matches.
pub(crate) fn sums_of(read: &dyn Read, id: BlobId, group: u32) -> Result<Vec<u8>> {
    Ok(BLOB_SUMS.get(read, &(id, group))?.map(|row| row.0).unwrap_or_default())
}

fn read_and_verify(
    id: BlobId,
    file: &File,
    size: u64,
    blocks: Range<u64>,
    mut sums: impl FnMut(u32) -> Result<Vec<u8>>,
) -> Result<()> {
    let length = file.metadata().map_err(Error::unavailable)?.len();
    if length != size {
        return Err(Error::corrupt(format!("the file has {length} bytes, its row says {size}")));
    }
    let mut buffer = vec![0; BLOCK_BYTES];
    let mut loaded: Option<(u64, Vec<u8>)> = None;
    for block in blocks {
        let start = block * BLOCK_BYTES as u64;
        let take = usize::try_from(size.saturating_sub(start)).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        let bytes = buffer.get_mut(..take).unwrap_or_default();
        file.read_exact_at(bytes, start).map_err(Error::unavailable)?;
        let (group, in_group) = (block / SUMS_PER_ROW as u64, block % SUMS_PER_ROW as u64);
        let row = match loaded.take() {
            Some((of, row)) if of == group => row,
            _ => sums(u32::try_from(group).map_err(|_| Error::corrupt("a blob beyond 2^32 groups"))?)?,
        };
        let at = usize::try_from(in_group * 4).unwrap_or(usize::MAX);
        verify(
            bytes,
            row.get(at..).and_then(|rest| rest.get(..4)).unwrap_or_default(),
            &format_args!("blob {id}, block {block}"),
        )?;
        loaded = Some((group, row));
    }
    Ok(())
}
