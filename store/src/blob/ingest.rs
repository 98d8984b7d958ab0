//! The way in: socket → digests → blob, with a bounded number of bytes in flight whatever the size of the body.
//!
//! While one chunk is digested and written, the next one gathers. A body that ends within `inline_max` never becomes
//! a blob: its bytes ride in the commit.

use bytes::{Bytes, BytesMut};
use futures::{StreamExt, future};
use subtle::ConstantTimeEq;

use super::digest::{Digested, Digests};
use super::home::BlobWriter;
use super::md5::Digesters;
use super::share::Share;
use super::{Blobs, ByteStream, ChecksumAlgorithm};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::BlobId;
use crate::limit;

/// What a body must turn out to be.
#[derive(Default)]
pub struct Expect {
    /// Its length in bytes, when it was declared.
    pub length: Option<u64>,
    /// Its MD5, when Content-MD5 came with it.
    pub md5: Option<[u8; 16]>,
    /// Its checksum.
    pub checksum: ExpectedChecksum,
}

/// The checksum that a client sent or asked for.
#[derive(Default)]
pub enum ExpectedChecksum {
    /// None.
    #[default]
    None,
    /// To be computed and kept.
    Compute(ChecksumAlgorithm),
    /// Must be this.
    Value(ChecksumAlgorithm, Vec<u8>),
    /// Comes behind the body: asked for after the last byte.
    Trailer(ChecksumAlgorithm, Box<dyn FnOnce() -> Result<Vec<u8>> + Send>),
}

impl std::fmt::Debug for ExpectedChecksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ExpectedChecksum").field(&self.algorithm()).finish()
    }
}

impl std::fmt::Debug for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expect").field("length", &self.length).field("checksum", &self.checksum).finish_non_exhaustive()
    }
}

impl Expect {
    /// Holds what came against what was declared. A digest that was not taken is not asked for.
    pub(super) fn hold(
        self,
        size: u64,
        md5: Option<&[u8; 16]>,
        checksum: Option<&(ChecksumAlgorithm, Vec<u8>)>,
    ) -> Result<()> {
        if self.length.is_some_and(|length| length != size) {
            let message = "You did not provide the number of bytes specified by the Content-Length HTTP header.";
            return Err(Error::new(ErrorKind::IncompleteBody, message));
        }
        if self.md5.zip(md5).is_some_and(|(expected, md5)| !bool::from(expected.ct_eq(md5))) {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(Error::new(ErrorKind::BadDigest, message));
        }
        let expected = match self.checksum {
            ExpectedChecksum::None | ExpectedChecksum::Compute(_) => None,
            ExpectedChecksum::Value(_, value) => Some(value),
            ExpectedChecksum::Trailer(_, read) => Some(read()?),
        };
        if let (Some(expected), Some((algorithm, value))) = (expected, checksum)
            && !bool::from(expected.as_slice().ct_eq(value))
        {
            let message = format!("The {} you specified did not match the calculated checksum.", algorithm.name());
            return Err(Error::new(ErrorKind::BadDigest, message));
        }
        Ok(())
    }
}

impl ExpectedChecksum {
    /// The algorithm, if any.
    pub fn algorithm(&self) -> Option<ChecksumAlgorithm> {
        match self {
            Self::None => None,
            Self::Compute(algorithm) | Self::Value(algorithm, _) | Self::Trailer(algorithm, _) => Some(*algorithm),
        }
    }
}

/// A body that arrived whole and matches what was declared. Dropped, it leaves nothing behind; `settle` makes it durable.
pub(crate) struct Ingested {
    pub(crate) place: Place,
    writer: Option<BlobWriter>,
    pub(crate) md5: [u8; 16],
    pub(crate) checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    pub(crate) size: u64,
}

/// Where an ingested body is.
#[derive(Clone)]
pub(crate) enum Place {
    Empty,
    Inline(BlobId, Bytes),
    Blob { id: BlobId, block_sums: Vec<u8> },
}

/// Takes a body in. Nothing of it is visible or left behind when this fails.
pub(crate) async fn ingest(
    blobs: &Blobs,
    inline_max: usize,
    now: Millis,
    mut body: ByteStream,
    expect: Expect,
) -> Result<Ingested> {
    let id = BlobId::generate(now)?;
    let digests = Digests::new(expect.checksum.algorithm());
    let mut gather =
        Gather { limit: expect.length.unwrap_or(limit::PUT_BYTES_MAX), taken: 0, share: blobs.shares().take() };
    let first = gather.next(&mut body).await?;
    if first.iter().map(Bytes::len).sum::<usize>() <= inline_max {
        // The chunk is smaller than a write chunk, so the stream has ended.
        let bytes = concat(first);
        let mut digests = digests;
        digests.update(std::slice::from_ref(&bytes));
        let place = if bytes.is_empty() { Place::Empty } else { Place::Inline(id, bytes) };
        return finish(digests.finish(), place, expect);
    }
    let mut writer = blobs.create(id, expect.length).await?;
    match pump(&mut writer, digests, first, &mut gather, &mut body).await.and_then(|digests| {
        let digested = digests.finish();
        let place = Place::Blob { id, block_sums: digested.block_sums.clone() };
        finish(digested, place, expect)
    }) {
        Ok(ingested) => Ok(Ingested { writer: Some(writer), ..ingested }),
        Err(error) => {
            writer.abort().await;
            Err(error)
        }
    }
}

impl Ingested {
    /// Puts the bytes on stable storage, so that a commit may name them.
    pub(crate) async fn settle(&mut self, blobs: &Blobs) -> Result<()> {
        match self.writer.take() {
            Some(writer) => blobs.finish(writer, self.size).await,
            None => Ok(()),
        }
    }
}

/// Removes the blob of an ingested body that no row came to name.
pub(crate) async fn discard(blobs: &Blobs, place: &Place) {
    if let Place::Blob { id, .. } = place {
        blobs.discard(*id).await;
    }
}

/// Collects a body into chunks of about its share, of the pieces as they came.
struct Gather {
    limit: u64,
    taken: u64,
    share: Share,
}

impl Gather {
    async fn next(&mut self, body: &mut ByteStream) -> Result<Vec<Bytes>> {
        let (mut chunk, mut size) = (Vec::new(), 0);
        while size < self.share.chunk_bytes() {
            let Some(piece) = body.next().await.transpose()? else { break };
            size += piece.len();
            self.taken += piece.len() as u64;
            if self.taken > self.limit {
                return Err(Error::new(ErrorKind::IncompleteBody, "The body is longer than the declared length."));
            }
            if !piece.is_empty() {
                chunk.push(piece);
            }
        }
        Ok(chunk)
    }
}

async fn pump(
    writer: &mut BlobWriter,
    mut digests: Digests,
    first: Vec<Bytes>,
    gather: &mut Gather,
    body: &mut ByteStream,
) -> Result<Digests> {
    let mut chunk = first;
    while !chunk.is_empty() {
        let write = writer.write(chunk.clone());
        let digest = Digesters::shared().digest(digests, chunk);
        let (next, written, digested) = future::join3(gather.next(body), write, digest).await;
        written?;
        digests = digested?;
        chunk = next?;
    }
    Ok(digests)
}

fn concat(mut chunks: Vec<Bytes>) -> Bytes {
    if chunks.len() == 1 {
        return chunks.pop().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    chunks.iter().for_each(|chunk| all.extend_from_slice(chunk));
    all.freeze()
}

/// Holds the digests against what was declared.
fn finish(digested: Digested, place: Place, expect: Expect) -> Result<Ingested> {
    expect.hold(digested.size, Some(&digested.md5), digested.checksum.as_ref())?;
    Ok(Ingested { place, writer: None, md5: digested.md5, checksum: digested.checksum, size: digested.size })
}
