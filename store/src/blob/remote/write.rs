//! The way up: parts of a fixed size, several of them on their way while the next one gathers. A body that fits one part is
//! one request.
//!
//! Room for a part is taken before its first byte is, and given back when the part is upstream, so that what all uploads hold
//! in memory has a bound; an upload that holds room for a part can always finish it.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::RemoteBlobs;
use crate::error::{Error, ErrorKind, Result};
use crate::limit::{PART_BYTES, PARTS_IN_FLIGHT, ROOM_UNIT_BYTES, ROOM_WAIT};

/// A blob that is on its way upstream. Dropped before its end, it is left to the sweep.
pub(crate) struct RemoteWriter {
    remote: RemoteBlobs,
    path: Path,
    /// How many bytes are to come, if that is known.
    left: Option<u64>,
    part: Vec<Bytes>,
    gathered: usize,
    room: Option<OwnedSemaphorePermit>,
    upload: Option<Box<dyn MultipartUpload>>,
    sending: JoinSet<Result<()>>,
    /// Whether something of it may be upstream.
    is_begun: bool,
}

impl RemoteWriter {
    pub(super) fn new(remote: RemoteBlobs, path: Path, left: Option<u64>) -> Self {
        remote.begins(&path);
        Self {
            remote,
            path,
            left,
            part: Vec::new(),
            gathered: 0,
            room: None,
            upload: None,
            sending: JoinSet::new(),
            is_begun: false,
        }
    }

    /// Appends bytes, without copying them. A part that is full is sent when the first byte of the next one comes.
    pub(in crate::blob) async fn write(&mut self, chunks: Vec<Bytes>) -> Result<()> {
        for mut bytes in chunks {
            while !bytes.is_empty() {
                if self.gathered == PART_BYTES {
                    self.send_part().await?;
                }
                if self.room.is_none() {
                    self.room = Some(self.take_room().await?);
                }
                let piece = bytes.split_to(bytes.len().min(PART_BYTES - self.gathered));
                self.gathered += piece.len();
                self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                self.part.push(piece);
            }
        }
        Ok(())
    }

    /// Room for the next part, for as long as it is in memory. `SlowDown` if others have it for too long.
    async fn take_room(&mut self) -> Result<OwnedSemaphorePermit> {
        let next =
            self.left.and_then(|left| usize::try_from(left).ok()).map_or(PART_BYTES, |left| left.min(PART_BYTES));
        let units = u32::try_from(next.div_ceil(ROOM_UNIT_BYTES).max(1)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.remote.0.room).acquire_many_owned(units);
        match tokio::time::timeout(ROOM_WAIT, room).await {
            Ok(room) => room.map_err(Error::unavailable),
            Err(_) => {
                Err(Error::new(ErrorKind::SlowDown, "Too many uploads are on their way upstream. Please try again."))
            }
        }
    }

    /// Sends the part that was gathered, once there are few enough on their way.
    async fn send_part(&mut self) -> Result<()> {
        while self.sending.len() >= PARTS_IN_FLIGHT {
            self.sent().await?;
        }
        if self.upload.is_none() {
            self.is_begun = true;
            let upload = self.remote.0.s3.put_multipart(&self.path).await;
            self.upload = Some(upload.map_err(|error| self.remote.storage(error))?);
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let part = upload.put_part(PutPayload::from_iter(std::mem::take(&mut self.part)));
        let (remote, room) = (self.remote.clone(), self.room.take());
        self.gathered = 0;
        self.sending.spawn(async move {
            let sent = part.await.map_err(|error| remote.storage(error));
            drop(room);
            sent
        });
        Ok(())
    }

    /// Waits for one of the parts on their way.
    async fn sent(&mut self) -> Result<()> {
        self.sending.join_next().await.map_or(Ok(()), |sent| sent.map_err(Error::unavailable)?)
    }

    /// Puts the blob in place under its name. When this fails, nothing of it stays but for the sweep.
    pub(in crate::blob) async fn finish(mut self, size: u64) -> Result<()> {
        self.is_begun = true;
        if let Err(error) = self.put_in_place().await {
            // The last answer may be all that was lost.
            if !matches!(self.remote.length_of(&self.path).await, Ok(Some(length)) if length == size) {
                self.clean().await;
                return Err(error);
            }
        }
        self.upload = None;
        self.is_begun = false;
        Ok(())
    }

    async fn put_in_place(&mut self) -> Result<()> {
        if self.upload.is_none() {
            let payload = PutPayload::from_iter(std::mem::take(&mut self.part));
            let put = self.remote.0.s3.put(&self.path, payload).await;
            self.room = None;
            return put.map(drop).map_err(|error| self.remote.storage(error));
        }
        if self.gathered > 0 {
            self.send_part().await?;
        }
        while !self.sending.is_empty() {
            self.sent().await?;
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        upload.complete().await.map(drop).map_err(|error| self.remote.storage(error))
    }

    /// Gives the blob up and removes what was written.
    pub(in crate::blob) async fn abort(mut self) {
        if self.is_begun {
            self.clean().await;
        }
    }

    async fn clean(&mut self) {
        self.sending.shutdown().await;
        self.is_begun = false;
        self.upload = None;
        if let Err(error) = self.remote.clean(&self.path).await {
            tracing::warn!(%error, "an abandoned upload stays until the sweep finds its upstream answering");
            self.remote.leave_path(self.path.clone());
        }
    }
}

impl Drop for RemoteWriter {
    fn drop(&mut self) {
        self.remote.ends(&self.path);
        if self.is_begun {
            self.remote.leave_path(self.path.clone());
        }
    }
}
