//! The aws-chunked framing of a body with a header behind it (S3 API: "Signature calculations ... trailing headers").

use std::collections::VecDeque;

use bytes::Bytes;
use futures::{StreamExt, stream};

use super::request::Trailer;
use crate::blob::ByteStream;
use crate::error::{Error, ErrorKind, Result};

/// Bytes of a chunk: receivers hold a whole one.
const CHUNK_BYTES: u64 = 128 << 10;

/// A body with its frame: its length, and its bytes.
pub(super) fn framed(length: u64, bytes: ByteStream, trailer: Trailer) -> (u64, ByteStream) {
    let frame_length = frame_length(length, &trailer);
    let framing = Framing { bytes, left: length, in_chunk: 0, ready: VecDeque::new(), trailer: Some(trailer) };
    let frames = stream::unfold(Some(framing), |framing| async {
        let mut framing = framing?;
        match framing.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(framing))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    (frame_length, Box::pin(frames))
}

fn frame_length(length: u64, trailer: &Trailer) -> u64 {
    let chunk = |size: u64| header(size).len() as u64 + size + LINE_END.len() as u64;
    let (whole, rest) = (length / CHUNK_BYTES, length % CHUNK_BYTES);
    let chunks = whole * chunk(CHUNK_BYTES) + if rest > 0 { chunk(rest) } else { 0 };
    chunks + end(&trailer.name, "").len() as u64 + trailer.value_length as u64
}

const LINE_END: &[u8] = b"\r\n";

fn header(size: u64) -> String {
    format!("{size:x}\r\n")
}

fn end(name: &str, value: &str) -> String {
    format!("0\r\n{name}:{value}\r\n\r\n")
}

struct Framing {
    bytes: ByteStream,
    /// Bytes of the body that no chunk has been begun for.
    left: u64,
    /// Bytes that the open chunk still takes.
    in_chunk: u64,
    ready: VecDeque<Bytes>,
    trailer: Option<Trailer>,
}

impl Framing {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some(bytes));
            }
            match self.bytes.next().await.transpose()? {
                Some(piece) => self.take(piece)?,
                None => return self.end(),
            }
        }
    }

    fn take(&mut self, mut piece: Bytes) -> Result<()> {
        while !piece.is_empty() {
            if self.in_chunk == 0 {
                self.in_chunk = self.left.min(CHUNK_BYTES);
                if self.in_chunk == 0 {
                    return Err(wrong_length("The body is longer than the declared length."));
                }
                self.left -= self.in_chunk;
                self.ready.push_back(Bytes::from(header(self.in_chunk)));
            }
            let fits = usize::try_from(self.in_chunk).unwrap_or(usize::MAX).min(piece.len());
            self.in_chunk -= fits as u64;
            self.ready.push_back(piece.split_to(fits));
            if self.in_chunk == 0 {
                self.ready.push_back(Bytes::from_static(LINE_END));
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Option<Bytes>> {
        let Some(trailer) = self.trailer.take() else { return Ok(None) };
        if self.left > 0 || self.in_chunk > 0 {
            return Err(wrong_length("The body is shorter than the declared length."));
        }
        let value = (trailer.value)()?;
        Ok(Some(Bytes::from(end(&trailer.name, &value))))
    }
}

fn wrong_length(message: &str) -> Error {
    Error::new(ErrorKind::IncompleteBody, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frame(length: u64, pieces: Vec<Vec<u8>>) -> (u64, Result<Vec<u8>>) {
        let bytes = stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece))));
        let trailer =
            Trailer { name: "x-amz-checksum-crc32".into(), value_length: 8, value: Box::new(|| Ok("AAAAAA==".into())) };
        let (length, mut frames) = framed(length, Box::pin(bytes), trailer);
        let mut all = Vec::new();
        while let Some(bytes) = frames.next().await {
            match bytes {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(error) => return (length, Err(error)),
            }
        }
        (length, Ok(all))
    }

    #[tokio::test]
    async fn a_frame_is_as_long_as_it_says() {
        let end = b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n";
        let (length, framed) = frame(5, vec![b"hel".to_vec(), b"lo".to_vec()]).await;
        let framed = framed.unwrap();
        assert_eq!(framed, [b"5\r\nhello\r\n".as_slice(), end].concat());
        assert_eq!(length, framed.len() as u64);
        assert_eq!(frame(0, vec![]).await.1.unwrap(), end);
        for size in [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7] {
            let body = vec![b'x'; usize::try_from(size).unwrap()];
            let (length, framed) = frame(size, body.chunks(50_001).map(<[u8]>::to_vec).collect()).await;
            assert_eq!(length, framed.unwrap().len() as u64, "{size}");
        }
    }

    #[tokio::test]
    async fn a_body_of_another_length_never_ends_its_frame() {
        for (length, body) in [(6, b"hello"), (4, b"hello")] {
            let error = frame(length, vec![body.to_vec()]).await.1.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::IncompleteBody);
        }
    }
}
