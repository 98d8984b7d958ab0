//! The way out: positioned reads of whole blocks, verified before they are sent, one chunk read ahead.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream;
use sync_wrapper::SyncStream;
use tokio::task::JoinHandle;

use super::check::{crc32c, verify};
use super::row::{InlineRow, SumsRow};
use super::{Body, ByteStream};
use crate::Store;
use crate::error::{Error, Result};
use crate::id::BlobId;
use crate::limit::{BLOCK_BYTES, READ_CHUNK_BYTES, SUMS_PER_ROW};
use crate::meta::table::{BLOB_SUMS, BLOBS, INLINE};
use crate::object::Held;

/// A stretch of one stored body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) body: Body,
    /// The first byte wanted.
    pub(crate) start: u64,
    /// How many.
    pub(crate) length: u64,
}

/// A blob opened for reading.
struct OpenBlob {
    id: BlobId,
    file: Arc<File>,
    size: u64,
}

/// The state of a running read.
struct Reader {
    store: Arc<Store>,
    held: Held,
    open: Option<OpenBlob>,
    ahead: Option<JoinHandle<Result<Bytes>>>,
}

/// Streams segments one after the other. The first chunk is read and verified before this returns, so that missing or
/// damaged bytes at the start are an error and not a cut response.
pub(crate) async fn stream_segments(store: Arc<Store>, held: Held) -> Result<ByteStream> {
    let mut reader = Reader { store, held, open: None, ahead: None };
    let Some(first) = reader.next().await? else { return Ok(Box::pin(stream::empty())) };
    if reader.is_done() {
        return Ok(Box::pin(stream::iter([Ok(first)])));
    }
    let rest = stream::try_unfold((Some(first), reader), |(first, mut reader)| async move {
        let chunk = match first {
            Some(chunk) => Some(chunk),
            None => reader.next().await?,
        };
        Ok(chunk.map(|chunk| (chunk, (None, reader))))
    });
    Ok(Box::pin(SyncStream::new(rest)))
}

impl Reader {
    fn is_done(&self) -> bool {
        self.held.segments.is_empty() && self.ahead.is_none()
    }

    /// The next verified bytes. The chunk after them is being read by the time this returns.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let chunk = match self.ahead.take() {
            Some(ahead) => Some(ahead.await.map_err(Error::unavailable)??),
            None => match self.begin().await? {
                Begun::Chunk(task) => Some(task.await.map_err(Error::unavailable)??),
                Begun::Bytes(bytes) => return Ok(Some(bytes)),
                Begun::Nothing => None,
            },
        };
        let more_of_blobs = self.held.segments.front().is_some_and(|segment| matches!(segment.body, Body::Blob(_)));
        if chunk.is_some()
            && more_of_blobs
            && let Begun::Chunk(task) = self.begin().await?
        {
            self.ahead = Some(task);
        }
        Ok(chunk)
    }

    /// Takes the next chunk off the segments and begins to read it.
    async fn begin(&mut self) -> Result<Begun> {
        loop {
            let Some(segment) = self.held.segments.front().copied() else { return Ok(Begun::Nothing) };
            if segment.length == 0 {
                self.held.segments.pop_front();
                continue;
            }
            match segment.body {
                Body::Empty => {
                    self.held.segments.pop_front();
                }
                Body::Manifest(id) => return Err(Error::corrupt(format!("manifest {id} inside a manifest"))),
                Body::Inline(id) => {
                    self.held.segments.pop_front();
                    return self.read_inline(id, segment).map(Begun::Bytes);
                }
                Body::Blob(id) => return self.begin_blob(id, segment).await.map(Begun::Chunk),
            }
        }
    }

    fn read_inline(&self, id: BlobId, segment: Segment) -> Result<Bytes> {
        let row = self.store.meta.read(|read| INLINE.get(read, &id))?;
        let row = row.ok_or_else(|| Error::corrupt(format!("inline bytes {id} are missing")))?;
        inline_bytes(&row, id, segment)
    }

    async fn begin_blob(&mut self, id: BlobId, segment: Segment) -> Result<JoinHandle<Result<Bytes>>> {
        if self.open.as_ref().is_none_or(|open| open.id != id) {
            self.open = Some(self.open_blob(id).await?);
        }
        let Some(open) = &self.open else { return Err(Error::corrupt("no open blob")) };
        let block = BLOCK_BYTES as u64;
        let first_block = segment.start / block;
        let aligned = first_block * block;
        let wanted_end = segment.start + segment.length;
        let chunk_end = (aligned + READ_CHUNK_BYTES as u64).min(wanted_end);
        let read_end = chunk_end.div_ceil(block).saturating_mul(block).min(open.size);
        if wanted_end > open.size {
            return Err(Error::corrupt(format!("blob {id} ends before its object does")));
        }
        if let Some(front) = self.held.segments.front_mut() {
            front.start = chunk_end;
            front.length = wanted_end - chunk_end;
            if front.length == 0 {
                self.held.segments.pop_front();
            }
        }
        let sums = self.sums(id, first_block, read_end.div_ceil(block))?;
        let file = Arc::clone(&open.file);
        let (skip, take) = (segment.start - aligned, chunk_end - segment.start);
        Ok(tokio::task::spawn_blocking(move || {
            let bytes = read_exact_at(&file, aligned, read_end - aligned, id)?;
            verify(&bytes, &sums, &format_args!("blob {id} at {aligned}"))?;
            slice(&bytes, skip, take)
        }))
    }

    /// The checksums of blocks `from..to`.
    fn sums(&self, id: BlobId, from: u64, to: u64) -> Result<Vec<u8>> {
        let per_row = SUMS_PER_ROW as u64;
        self.store.meta.read(|read| {
            let mut sums = Vec::with_capacity(usize::try_from(to - from).unwrap_or_default() * 4);
            for group in from / per_row..to.div_ceil(per_row) {
                let key = (id, u32::try_from(group).map_err(|_| Error::corrupt("a blob beyond 2^32 groups"))?);
                let SumsRow(row) = BLOB_SUMS
                    .get(read, &key)?
                    .ok_or_else(|| Error::corrupt(format!("checksums {group} of blob {id} are missing")))?;
                let begin = from.max(group * per_row) - group * per_row;
                let end = to.min((group + 1) * per_row) - group * per_row;
                let row =
                    usize::try_from(begin * 4).ok().zip(usize::try_from(end * 4).ok()).and_then(|(b, e)| row.get(b..e));
                sums.extend_from_slice(
                    row.ok_or_else(|| Error::corrupt(format!("checksums {group} of blob {id} are short")))?,
                );
            }
            Ok(sums)
        })
    }

    async fn open_blob(&self, id: BlobId) -> Result<OpenBlob> {
        let row = self.store.meta.read(|read| BLOBS.get(read, &id))?;
        let row = row.ok_or_else(|| Error::corrupt(format!("the row of blob {id} is missing")))?;
        let file = self.store.blobs.open_blob(row.epoch, id).await?;
        let file = file.ok_or_else(|| Error::corrupt(format!("the file of blob {id} is missing")))?;
        Ok(OpenBlob { id, file: Arc::new(file), size: row.size })
    }
}

/// What `begin` began.
enum Begun {
    Chunk(JoinHandle<Result<Bytes>>),
    Bytes(Bytes),
    Nothing,
}

/// The wanted bytes of an inline row, verified.
pub(crate) fn inline_bytes(row: &InlineRow, id: BlobId, segment: Segment) -> Result<Bytes> {
    if crc32c(&row.bytes) != row.crc32c {
        return Err(Error::corrupt(format!("inline bytes {id} do not match their checksum")));
    }
    slice(&row.bytes, segment.start, segment.length)
}

fn slice(bytes: &Bytes, start: u64, length: u64) -> Result<Bytes> {
    let range = usize::try_from(start).ok().zip(usize::try_from(start + length).ok());
    match range {
        Some((from, to)) if to <= bytes.len() => Ok(bytes.slice(from..to)),
        _ => Err(Error::corrupt("stored bytes are shorter than their row says")),
    }
}

fn read_exact_at(file: &File, at: u64, length: u64, id: BlobId) -> Result<Bytes> {
    let length = usize::try_from(length).map_err(|_| Error::corrupt("a read beyond the address space"))?;
    let mut buffer = BytesMut::zeroed(length);
    file.read_exact_at(&mut buffer, at).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::corrupt(format!("the file of blob {id} is short")),
        _ => Error::unavailable(error),
    })?;
    Ok(buffer.freeze())
}
