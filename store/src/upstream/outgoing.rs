//! The body of a request on its way out: never longer nor shorter than was declared, and its own failures are told apart
//! from the upstream's.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::stream::{AbortHandle, Abortable};
use futures::{Stream, stream};
use http_body::{Frame, SizeHint};

use crate::blob::ByteStream;
use crate::error::{Error, ErrorKind, Result};

/// How a body gets on, for whoever waits for the answer.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pieces: AtomicU64,
    waits: AtomicBool,
    fault: Mutex<Option<Error>>,
}

impl Progress {
    /// Pieces that have gone out.
    pub(super) fn pieces(&self) -> u64 {
        self.pieces.load(Ordering::Relaxed)
    }

    /// Whether it is for the bytes to come that the request waits: then the upstream is not to blame.
    pub(super) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Takes what went wrong with the bytes themselves.
    pub(super) fn take_fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Cuts a body that nobody waits for any more, when dropped. One that has gone out whole is as it is.
#[derive(Debug)]
pub(super) struct Cut(AbortHandle);

impl Drop for Cut {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A body for hyper.
pub(super) struct Outgoing {
    bytes: Abortable<ByteStream>,
    left: u64,
    progress: Arc<Progress>,
}

/// Stands for an error that `Progress` keeps.
#[derive(Debug)]
pub(super) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of the request failed")
    }
}

impl std::error::Error for Failed {}

impl Outgoing {
    /// A body of exactly `length` bytes.
    pub(super) fn new(length: u64, bytes: ByteStream) -> (Self, Arc<Progress>, Cut) {
        let (handle, registration) = AbortHandle::new_pair();
        let progress = Arc::new(Progress::default());
        let bytes = Abortable::new(bytes, registration);
        (Self { bytes, left: length, progress: Arc::clone(&progress) }, progress, Cut(handle))
    }

    /// Bytes that are in memory.
    pub(super) fn whole(bytes: Bytes) -> (Self, Arc<Progress>, Cut) {
        Self::new(bytes.len() as u64, Box::pin(stream::iter([Ok(bytes)])))
    }

    fn fail(&self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        *self.progress.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        Poll::Ready(Some(Err(Failed)))
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.progress.waits.store(true, Ordering::Relaxed);
        let piece = ready!(Pin::new(&mut self.bytes).poll_next(cx));
        self.progress.waits.store(false, Ordering::Relaxed);
        match piece {
            Some(Ok(piece)) => match self.left.checked_sub(piece.len() as u64) {
                Some(left) => {
                    self.left = left;
                    self.progress.pieces.fetch_add(1, Ordering::Relaxed);
                    Poll::Ready(Some(Ok(Frame::data(piece))))
                }
                None => self.fail(wrong_length("The body is longer than the declared length.")),
            },
            Some(Err(error)) => self.fail(error),
            None => self.fail(wrong_length("The body is shorter than the declared length.")),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn wrong_length(message: &str) -> Error {
    Error::new(ErrorKind::IncompleteBody, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::poll_fn;
    use http_body::Body;

    fn body(length: u64, pieces: &[&'static str]) -> (Outgoing, Arc<Progress>, Cut) {
        let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Outgoing::new(length, Box::pin(stream::iter(pieces)))
    }

    /// How many bytes go out, and whether the body ends well.
    async fn read(mut body: Outgoing) -> (usize, bool) {
        let mut sent = 0;
        loop {
            match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(frame)) => sent += frame.into_data().unwrap().len(),
                Some(Err(Failed)) => return (sent, false),
                None => return (sent, true),
            }
        }
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_declared_or_fails() {
        for (length, pieces, expected) in
            [(5, &["hel", "lo"][..], (5, true)), (6, &["hello"], (5, false)), (4, &["hel", "lo"], (3, false))]
        {
            let (body, progress, _cut) = body(length, pieces);
            assert_eq!(read(body).await, expected);
            let fault = progress.take_fault().map(|error| error.kind());
            assert_eq!(fault, (!expected.1).then_some(ErrorKind::IncompleteBody));
        }
    }

    #[tokio::test]
    async fn a_body_that_nobody_waits_for_is_cut() {
        let (outgoing, progress, cut) = body(5, &["hello"]);
        drop(cut);
        assert_eq!(read(outgoing).await, (0, false));
        assert!(progress.take_fault().is_some());
        let (outgoing, _, cut) = Outgoing::whole(Bytes::new());
        drop(cut);
        assert_eq!(read(outgoing).await, (0, true));
    }
}
