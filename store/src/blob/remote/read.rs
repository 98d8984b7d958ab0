//! The way down: one ranged request for the blocks that are wanted, taken in piece by piece.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};

use super::{RemoteBlobs, told};
use crate::blob::wait;
use crate::error::{Error, Result};

/// A blob upstream.
#[derive(Clone)]
pub(in crate::blob) struct RemoteFile {
    remote: RemoteBlobs,
    path: Path,
    size: u64,
}

/// A stretch of a blob that comes in, asked for when its first byte is.
pub(in crate::blob) struct Arrival {
    file: RemoteFile,
    at: u64,
    end: u64,
    pieces: Option<BoxStream<'static, object_store::Result<Bytes>>>,
    /// What has come and was not wanted yet.
    rest: Bytes,
}

impl RemoteFile {
    pub(super) fn new(remote: RemoteBlobs, path: Path, size: u64) -> Self {
        Self { remote, path, size }
    }

    /// The bytes from `at` to `end`, to be read in order.
    pub(in crate::blob) fn arrival(&self, at: u64, end: u64) -> Arrival {
        Arrival { file: self.clone(), at, end, pieces: None, rest: Bytes::new() }
    }

    /// Reads bytes for whoever may block.
    pub(in crate::blob) fn read_at(&self, at: u64, length: usize) -> Result<Bytes> {
        let mut arrival = self.arrival(at, at.saturating_add(length as u64));
        wait(arrival.read(length))
    }

    async fn ask(&self, at: u64, end: u64) -> Result<BoxStream<'static, object_store::Result<Bytes>>> {
        let options = GetOptions { range: Some(GetRange::Bounded(at..end)), ..GetOptions::default() };
        match self.remote.0.s3.get_opts(&self.path, options).await {
            Ok(found) if found.meta.size == self.size => Ok(found.into_stream()),
            Ok(found) => {
                let (size, found) = (self.size, found.meta.size);
                Err(Error::corrupt(format!("the object {} has {found} bytes, its row says {size}", self.path)))
            }
            Err(error) if told::is_missing(&error) => {
                Err(Error::corrupt(format!("the object {} is missing", self.path)))
            }
            Err(error) => Err(self.remote.storage(error)),
        }
    }
}

impl Arrival {
    /// The next `length` bytes.
    pub(in crate::blob) async fn read(&mut self, length: usize) -> Result<Bytes> {
        let mut gathered = BytesMut::new();
        loop {
            let missing = length - gathered.len();
            if self.rest.len() >= missing {
                let last = self.rest.split_to(missing);
                self.at += length as u64;
                if gathered.is_empty() {
                    return Ok(last);
                }
                gathered.extend_from_slice(&last);
                return Ok(gathered.freeze());
            }
            gathered.reserve(missing);
            gathered.extend_from_slice(&std::mem::take(&mut self.rest));
            if self.pieces.is_none() {
                self.pieces = Some(self.file.ask(self.at, self.end).await?);
            }
            let Some(pieces) = &mut self.pieces else { continue };
            self.rest = match pieces.next().await {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return Err(self.file.remote.storage(error)),
                None => return Err(Error::corrupt(format!("the object {} is short", self.file.path))),
            };
        }
    }
}
