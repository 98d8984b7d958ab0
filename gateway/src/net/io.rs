//! A socket that counts its bytes, remembers when the last one moved and what is awaited, and gives up on a client that takes
//! none.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Version;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::app::App;

/// Pieces that take no more together are sent as one: the kernel takes longer for pieces than it takes to copy them.
const JOINED_BYTES_MAX: usize = 4 << 10;

/// When a byte last moved on a connection, and what it waits for.
pub(crate) struct Activity {
    origin: Instant,
    last_ms: AtomicU64,
    /// One of those below, or when the first byte of a request came whose head is not whole yet.
    awaited: AtomicU64,
}

/// The first request.
const FIRST: u64 = u64::MAX;
/// The next one, of which nothing has come yet.
const NEXT: u64 = FIRST - 1;
/// Nothing more of a head: a request is being answered.
const ANSWER: u64 = FIRST - 2;
/// The same for good: over HTTP/2 there are heads among everything else.
const ANSWERS: u64 = FIRST - 3;

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Its first request.
    First,
    /// The rest of a later request's head, since then.
    Head(Instant),
    /// Anything else.
    Other,
}

impl Awaited {
    /// Whether it is the rest of a head.
    pub(super) fn is_head(self) -> bool {
        matches!(self, Self::Head(_))
    }
}

impl Default for Activity {
    fn default() -> Self {
        Self { origin: Instant::now(), last_ms: AtomicU64::new(0), awaited: AtomicU64::new(FIRST) }
    }
}

impl Activity {
    /// The time of the last byte, or of the beginning.
    pub(super) fn last(&self) -> Instant {
        self.origin + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// What the connection waits for.
    pub(super) fn awaited(&self) -> Awaited {
        match self.awaited.load(Ordering::Relaxed) {
            FIRST => Awaited::First,
            NEXT | ANSWER | ANSWERS => Awaited::Other,
            since => Awaited::Head(self.origin + Duration::from_millis(since)),
        }
    }

    /// The head of a request is whole.
    pub(super) fn asked(&self, version: Version) {
        self.awaited.store(if version == Version::HTTP_2 { ANSWERS } else { ANSWER }, Ordering::Relaxed);
    }

    /// Its answer has ended.
    pub(crate) fn answered(&self) {
        if self.awaited.load(Ordering::Relaxed) == ANSWER {
            self.awaited.store(NEXT, Ordering::Relaxed);
        }
    }

    /// Bytes have moved. The time is in milliseconds since the beginning.
    fn moved(&self) -> u64 {
        let now = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or_default().min(ANSWERS - 1);
        self.last_ms.store(now, Ordering::Relaxed);
        now
    }

    /// Bytes have come.
    fn came(&self) {
        let now = self.moved();
        if self.awaited.load(Ordering::Relaxed) == NEXT {
            self.awaited.store(now, Ordering::Relaxed);
        }
    }
}

/// The socket.
pub(super) struct Watched {
    socket: TcpStream,
    app: Arc<App>,
    activity: Arc<Activity>,
    write_timeout: Duration,
    /// Runs while the socket takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, app: Arc<App>, activity: Arc<Activity>, write_timeout: Duration) -> Self {
        Self { socket, app, activity, write_timeout, stalled: None }
    }

    /// Notes what a write came to; one that waits for longer than the timeout fails.
    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(result) => {
                self.stalled = None;
                if let Ok(bytes) = &result {
                    self.app.metrics.traffic.mine().sent_bytes.add(*bytes as u64);
                    self.activity.moved();
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                let timeout = self.write_timeout;
                let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
                ready!(stalled.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no bytes")))
            }
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.socket).poll_read(cx, buf));
        let bytes = buf.filled().len() - before;
        self.app.metrics.traffic.mine().received_bytes.add(bytes as u64);
        self.activity.came();
        Poll::Ready(result)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [whole] = bufs {
            return self.poll_write(cx, whole);
        }
        let bytes: usize = bufs.iter().map(|piece| piece.len()).sum();
        if bytes > JOINED_BYTES_MAX {
            let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
            return self.wrote(cx, written);
        }
        let mut joined = Vec::with_capacity(bytes);
        bufs.iter().for_each(|piece| joined.extend_from_slice(piece));
        self.poll_write(cx, &joined)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_awaited_from_its_first_byte_until_it_is_whole() {
        let activity = Activity::default();
        activity.came();
        assert_eq!(activity.awaited(), Awaited::First, "a connection's first head has a deadline of its own");
        for _ in 0..2 {
            activity.asked(Version::HTTP_11);
            activity.came();
            assert_eq!(activity.awaited(), Awaited::Other, "a body");
            activity.answered();
            assert_eq!(activity.awaited(), Awaited::Other);
            activity.came();
            let began = activity.awaited();
            assert!(began.is_head());
            activity.came();
            assert_eq!(activity.awaited(), began, "more of it does not put its deadline off");
        }
    }

    #[test]
    fn over_http_2_what_comes_between_requests_is_no_head() {
        let activity = Activity::default();
        activity.asked(Version::HTTP_2);
        activity.answered();
        activity.came();
        assert_eq!(activity.awaited(), Awaited::Other);
    }
}
