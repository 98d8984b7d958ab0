//! Forms (`multipart/form-data`, RFC 7578) that are read as they come, for every door that takes uploads by them.
//!
//! The parser of forms reads ahead as long as it is given something, so it is given little at a time, and nothing more
//! while what it holds is neither a field nor part of the file.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use multer::Field;
use sync_wrapper::SyncStream;
use windlass_store::blob::ByteStream;
use windlass_store::{Error, ErrorKind};

use crate::limit;

const BROKEN: &str = "Request body is not a valid multipart/form-data form";

/// A form, of which nothing was read yet, or the fields so far. Every error of reading it is either one that the body ended
/// with, or `InvalidRequest`: the body is no form.
pub struct Multipart {
    form: multer::Multipart<'static>,
    held: Arc<AtomicUsize>,
}

/// A field of a form. It must have been dropped before the next one is read.
pub struct Part(Field<'static>);

impl Part {
    /// Its name, empty if it has none.
    pub fn name(&self) -> &str {
        self.0.name().unwrap_or_default()
    }

    /// The name of the file in it.
    pub fn file_name(&self) -> Option<&str> {
        self.0.file_name()
    }

    /// The content type that is said of it.
    pub fn content_type(&self) -> Option<String> {
        self.0.content_type().map(ToString::to_string)
    }
}

impl Multipart {
    /// The form that a body of that content type is; `None` if it is said to be something else.
    pub fn of(content_type: &str, body: ByteStream) -> Option<Self> {
        multer::parse_boundary(content_type).ok().map(|boundary| Self::new(body, boundary))
    }

    pub(crate) fn new(body: ByteStream, boundary: String) -> Self {
        let held = Arc::new(AtomicUsize::new(0));
        let paced = Paced { body, left: Bytes::new(), gave: false, held: Arc::clone(&held) };
        Self { form: multer::Multipart::new(paced, boundary), held }
    }

    /// The next field; what was not read of the one before is passed over. `None` at the end of the form.
    pub async fn next(&mut self) -> Result<Option<Part>, Error> {
        let field = self.form.next_field().await.map_err(broken)?;
        self.held.store(0, Ordering::Relaxed);
        Ok(field.map(Part))
    }

    /// Some more bytes of a field; `None` at its end.
    pub async fn chunk(&self, part: &mut Part) -> Result<Option<Bytes>, Error> {
        let chunk = part.0.chunk().await.map_err(broken)?;
        self.held.store(0, Ordering::Relaxed);
        Ok(chunk)
    }

    /// All bytes of a field; `None` if they are more than `bytes_max`.
    pub async fn value(&self, part: &mut Part, bytes_max: usize) -> Result<Option<Vec<u8>>, Error> {
        let mut value = Vec::new();
        while let Some(bytes) = self.chunk(part).await? {
            if value.len() + bytes.len() > bytes_max {
                return Ok(None);
            }
            value.extend_from_slice(&bytes);
        }
        Ok(Some(value))
    }

    /// The bytes of a field as a body, up to its end; what is behind it in the form is not read.
    pub fn into_stream(self, part: Part) -> ByteStream {
        let rest = stream::try_unfold((self, part), |(form, mut part)| async move {
            Ok(form.chunk(&mut part).await?.map(|bytes| (bytes, (form, part))))
        });
        Box::pin(SyncStream::new(rest))
    }
}

/// What the parser says, or what the body ended with.
fn broken(error: multer::Error) -> Error {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => no_form().because(cause),
        },
        error => no_form().because(error),
    }
}

fn no_form() -> Error {
    Error::new(ErrorKind::InvalidRequest, BROKEN)
}

/// A body that comes in small pieces, with a pause behind each in which the parser hands on what it has. It ends with an
/// error when the parser holds too much that is part of no field.
struct Paced {
    body: ByteStream,
    left: Bytes,
    /// Whether the last poll gave something.
    gave: bool,
    /// Bytes given since the parser last handed something on.
    held: Arc<AtomicUsize>,
}

impl Stream for Paced {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.gave) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.left.is_empty() {
            match ready!(self.body.poll_next_unpin(cx)) {
                Some(Ok(piece)) => self.left = piece,
                end => return Poll::Ready(end),
            }
        }
        let length = self.left.len().min(limit::FORM_CHUNK_BYTES);
        if self.held.fetch_add(length, Ordering::Relaxed) > limit::FORM_HELD_BYTES_MAX {
            return Poll::Ready(Some(Err(no_form())));
        }
        self.gave = true;
        Poll::Ready(Some(Ok(self.left.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str, size: usize) -> ByteStream {
        let pieces: Vec<_> = text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Box::pin(stream::iter(pieces))
    }

    fn form(text: &str, size: usize) -> Multipart {
        Multipart::of("multipart/form-data; boundary=XX", body(text, size)).unwrap()
    }

    const HEAD: &str = "--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f.txt\"\r\n\r\n";

    #[tokio::test]
    async fn a_field_streams_to_its_end_and_no_further() {
        let text = format!("{HEAD}bytes\r\n--XX\r\nnothing that could be read");
        for size in [1, 7, 1_000] {
            let mut form = form(&text, size);
            let part = form.next().await.unwrap().unwrap();
            assert_eq!((part.name(), part.file_name()), ("a", Some("f.txt")));
            let mut stream = form.into_stream(part);
            let mut bytes = Vec::new();
            while let Some(piece) = stream.next().await {
                bytes.extend_from_slice(&piece.unwrap());
            }
            assert_eq!(bytes, b"bytes");
        }
    }

    #[tokio::test]
    async fn values_are_bounded() {
        let text = format!("{HEAD}12345\r\n--XX--\r\n");
        for (bytes_max, value) in [(5, Some(b"12345".to_vec())), (4, None)] {
            let mut form = form(&text, 3);
            let mut part = form.next().await.unwrap().unwrap();
            assert_eq!(form.value(&mut part, bytes_max).await.unwrap(), value);
        }
    }

    #[tokio::test]
    async fn the_error_of_a_body_keeps_its_meaning() {
        let cut = stream::iter([Ok(Bytes::from_static(HEAD.as_bytes())), Err(Error::new(ErrorKind::Timeout, "idle"))]);
        let mut form = Multipart::of("multipart/form-data; boundary=XX", Box::pin(cut)).unwrap();
        let mut part = form.next().await.unwrap().unwrap();
        assert_eq!(form.value(&mut part, 9).await.unwrap_err().kind(), ErrorKind::Timeout);
        for other in ["multipart/form-data", "multipart/mixed; boundary=XX", "text/plain", ""] {
            assert!(Multipart::of(other, body("", 1)).is_none(), "{other}");
        }
    }
}
