//! Standard input and output as files, and a file's bytes as they are sent.

use std::fs::File;
use std::io::Seek as _;
use std::os::fd::AsFd;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream};
use tokio::io::AsyncReadExt as _;

use super::super::progress::Progress;

/// Bytes that are read or held at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A stream of this process as a file, whatever it is.
pub(super) fn standard(stream: impl AsFd) -> std::io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

/// Bytes from where a file stands to its end; `None` if it is of a kind that does not tell.
pub(super) fn length(file: &mut File) -> std::io::Result<Option<u64>> {
    let about = file.metadata()?;
    Ok(if about.is_file() { Some(about.len().saturating_sub(file.stream_position()?)) } else { None })
}

/// Why the bytes of an upload ended before their end.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) std::io::Error);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unreadable {}

/// The bytes of a file, at most `length` of them if that is known. `sent` is let go of when all have been taken.
pub(super) fn bytes_of<T: Send + 'static>(
    file: File,
    length: Option<u64>,
    progress: Arc<Progress>,
    sent: T,
) -> impl Stream<Item = Result<Bytes, Unreadable>> + Send + 'static {
    let file = tokio::fs::File::from_std(file).take(length.unwrap_or(u64::MAX));
    stream::try_unfold((file, progress, sent), |(mut file, progress, sent)| async move {
        let mut piece = BytesMut::with_capacity(CHUNK_BYTES);
        match file.read_buf(&mut piece).await.map_err(Unreadable)? {
            0 => Ok(None),
            read => {
                progress.add(read);
                Ok(Some((piece.freeze(), (file, progress, sent))))
            }
        }
    })
}
