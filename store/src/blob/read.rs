//! The way out: positioned reads of whole blocks, verified before they are sent.
//!
//! What the kernel holds in its cache is read at once, on the thread that asks: to hand it to another thread and back costs
//! more than the copy. Only a read that has to wait for the disk goes to a thread that may block, and then one chunk is
//! read ahead.
//!
//! A blob upstream is asked for once for each stretch that is wanted, its first and its last block included. What comes in
//! is cut into the same chunks, and one of them is read ahead.

use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream;
use rustix::io::{ReadWriteFlags, preadv2};
use sync_wrapper::SyncStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::check::{crc32c, verify};
use super::home::Source;
use super::remote::Arrival;
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
    source: Source,
    size: u64,
    /// What comes in of a blob upstream, and where the chunk after the last one that was begun is.
    arrival: Option<(Arc<Mutex<Arrival>>, u64)>,
}

/// The state of a running read.
struct Reader {
    store: Arc<Store>,
    held: Held,
    open: Option<OpenBlob>,
    ahead: Option<Begun>,
    /// The chunk before this one. Once it was sent, its memory serves again: fresh memory would be cleared first.
    last: Bytes,
}

/// Streams segments one after the other. The first chunk is read and verified before this returns, so that missing or
/// damaged bytes at the start are an error and not a cut response.
pub(crate) async fn stream_segments(store: Arc<Store>, held: Held) -> Result<ByteStream> {
    let mut reader = Reader { store, held, open: None, ahead: None, last: Bytes::new() };
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

    /// The next verified bytes.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let begun = match self.ahead.take() {
            Some(ahead) => ahead,
            None => self.begin().await?,
        };
        let chunk = match begun {
            Begun::Chunk(task) => task.await.map_err(Error::unavailable)??,
            Begun::Bytes(bytes) => return Ok(Some(bytes)),
            Begun::Nothing => return Ok(None),
        };
        if self.held.segments.front().is_some_and(|segment| matches!(segment.body, Body::Blob(_))) {
            self.ahead = Some(self.begin().await?);
        }
        Ok(Some(chunk))
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
                Body::Blob(id) => return self.begin_blob(id, segment).await,
            }
        }
    }

    fn read_inline(&self, id: BlobId, segment: Segment) -> Result<Bytes> {
        let row = self.store.meta.read(|read| INLINE.get(read, &id))?;
        let row = row.ok_or_else(|| Error::corrupt(format!("inline bytes {id} are missing")))?;
        inline_bytes(&row, id, segment)
    }

    async fn begin_blob(&mut self, id: BlobId, segment: Segment) -> Result<Begun> {
        if self.open.as_ref().is_none_or(|open| open.id != id) {
            self.open = Some(self.open_blob(id).await?);
        }
        let Some(open) = &mut self.open else { return Err(Error::corrupt("no open blob")) };
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
        let from = open.origin(aligned, wanted_end.div_ceil(block).saturating_mul(block).min(open.size), read_end);
        let stretch = Stretch {
            id,
            at: aligned,
            length: usize::try_from(read_end - aligned).map_err(|_| Error::corrupt("a read beyond memory"))?,
            sums: self.sums(id, first_block, read_end.div_ceil(block))?,
            skip: segment.start - aligned,
            take: chunk_end - segment.start,
        };
        let file = match from {
            Origin::File(file) => file,
            Origin::Upstream(arrival) => return Ok(Begun::Chunk(tokio::spawn(stretch.arrive(arrival)))),
        };
        let mut buffer = std::mem::take(&mut self.last).try_into_mut().unwrap_or_default();
        buffer.resize(stretch.length, 0);
        if stretch.read_cached(&file, &mut buffer) {
            let bytes = buffer.freeze();
            self.last = bytes.clone();
            return stretch.verified(&bytes).map(Begun::Bytes);
        }
        Ok(Begun::Chunk(tokio::task::spawn_blocking(move || stretch.read(&file, buffer))))
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
        let source = self.store.blobs.open_blob(row.epoch, id, row.size).await?;
        let source = source.ok_or_else(|| Error::corrupt(format!("the file of blob {id} is missing")))?;
        Ok(OpenBlob { id, source, size: row.size, arrival: None })
    }
}

/// Where a chunk is to be read from.
enum Origin {
    File(Arc<File>),
    Upstream(Arc<Mutex<Arrival>>),
}

impl OpenBlob {
    /// Where the chunk from `at` to `chunk_end` of a stretch up to `end` comes from. Chunks that follow each other come from
    /// one request.
    fn origin(&mut self, at: u64, end: u64, chunk_end: u64) -> Origin {
        let file = match &self.source {
            Source::File(file) => return Origin::File(Arc::clone(file)),
            Source::Upstream(file) => file,
        };
        let arrival = match self.arrival.take() {
            Some((arrival, next)) if next == at => arrival,
            _ => Arc::new(Mutex::new(file.arrival(at, end))),
        };
        self.arrival = (chunk_end < end).then(|| (Arc::clone(&arrival), chunk_end));
        Origin::Upstream(arrival)
    }
}

/// Whole blocks of a blob, and what of them is wanted.
struct Stretch {
    id: BlobId,
    at: u64,
    length: usize,
    sums: Vec<u8>,
    skip: u64,
    take: u64,
}

impl Stretch {
    /// Reads all of it if nothing has to be waited for.
    fn read_cached(&self, file: &File, buffer: &mut [u8]) -> bool {
        // An error is met again, and told, by the read that may wait.
        preadv2(file, &mut [IoSliceMut::new(buffer)], self.at, ReadWriteFlags::NOWAIT) == Ok(self.length)
    }

    /// Reads all of it, however long that takes.
    fn read(&self, file: &File, mut buffer: BytesMut) -> Result<Bytes> {
        file.read_exact_at(&mut buffer, self.at).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Error::corrupt(format!("the file of blob {} is short", self.id)),
            _ => Error::unavailable(error),
        })?;
        self.verified(&buffer.freeze())
    }

    /// Takes all of it in as it comes from upstream.
    async fn arrive(self, arrival: Arc<Mutex<Arrival>>) -> Result<Bytes> {
        let bytes = arrival.lock().await.read(self.length).await?;
        self.verified(&bytes)
    }

    fn verified(&self, bytes: &Bytes) -> Result<Bytes> {
        verify(bytes, &self.sums, &format_args!("blob {} at {}", self.id, self.at))?;
        slice(bytes, self.skip, self.take)
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
