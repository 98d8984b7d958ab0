//! Holds stored bytes against their checksums where they lie: what the check and the scrub have in common.

use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

use super::Blobs;
use super::check::{crc32c, verify};
use super::home::Source;
use super::row::{BlobRow, InlineRow};
use crate::error::{Error, ErrorKind, Result};
use crate::id::BlobId;
use crate::limit::{BLOCK_BYTES, SCRUB_STEP_BYTES, SUMS_PER_ROW};
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

/// Verifies some blocks of a blob whose row says `size` bytes; `sums` hands out a group of its checksums. An error is that
/// of an upstream that cannot be asked: then nobody knows.
pub(crate) fn verify_blob(
    blobs: &Blobs,
    (id, row): (BlobId, &BlobRow),
    blocks: Range<u64>,
    sums: impl FnMut(u32) -> Result<Vec<u8>>,
) -> Result<Option<Fault>> {
    let found = blobs.open_file(row.epoch, id).and_then(|found| match found {
        Some((source, length)) => read_and_verify(id, (&source, length), row.size, blocks, sums).map(|()| true),
        None => Ok(false),
    });
    match found {
        Ok(true) => Ok(None),
        Ok(false) => Ok(Some(Fault::Missing)),
        Err(error) if matches!(error.kind(), ErrorKind::UpstreamUnavailable | ErrorKind::UpstreamDenied) => Err(error),
        Err(error) => Ok(Some(Fault::Damaged(error.to_string()))),
    }
}

/// The checksums of a group of a blob's blocks; empty if they are missing, which no block matches.
pub(crate) fn sums_of(read: &dyn Read, id: BlobId, group: u32) -> Result<Vec<u8>> {
    Ok(BLOB_SUMS.get(read, &(id, group))?.map(|row| row.0).unwrap_or_default())
}

fn read_and_verify(
    id: BlobId,
    (source, length): (&Source, u64),
    size: u64,
    blocks: Range<u64>,
    mut sums: impl FnMut(u32) -> Result<Vec<u8>>,
) -> Result<()> {
    if length != size {
        return Err(Error::corrupt(format!("the file has {length} bytes, its row says {size}")));
    }
    let mut reading = Reading::of(source, (blocks.end * BLOCK_BYTES as u64).min(size));
    let mut loaded: Option<(u64, Vec<u8>)> = None;
    for block in blocks {
        let start = block * BLOCK_BYTES as u64;
        let take = usize::try_from(size.saturating_sub(start)).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        let bytes = reading.block(start, take)?;
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

/// Reads block after block: a file at a time, an object upstream in pieces that are worth a request.
struct Reading<'a> {
    source: &'a Source,
    end: u64,
    buffer: Vec<u8>,
    piece: Bytes,
}

impl<'a> Reading<'a> {
    fn of(source: &'a Source, end: u64) -> Self {
        Self { source, end, buffer: vec![0; BLOCK_BYTES], piece: Bytes::new() }
    }

    fn block(&mut self, start: u64, take: usize) -> Result<&[u8]> {
        let buffer = self.buffer.get_mut(..take).unwrap_or_default();
        match self.source {
            Source::File(file) => file.read_exact_at(buffer, start).map_err(Error::unavailable)?,
            Source::Upstream(file) => {
                if self.piece.is_empty() {
                    let length = self.end.saturating_sub(start).min(SCRUB_STEP_BYTES);
                    self.piece = file.read_at(start, usize::try_from(length).unwrap_or(take))?;
                }
                let block = self.piece.split_to(take.min(self.piece.len()));
                buffer.get_mut(..block.len()).unwrap_or_default().copy_from_slice(&block);
            }
        }
        Ok(buffer)
    }
}
