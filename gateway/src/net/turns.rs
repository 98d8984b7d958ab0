//! What HTTP is spoken over, so that connections that share a thread are answered one behind the other.
//!
//! An answer that was there at once is sent when the other connections of the thread have had their turn. Then all their
//! answers are sent in a row, which wakes clients, and runs through the kernel's code, once and not each time. Who had to wait
//! for an answer, as for a commit, is not held up. Above TLS: its alerts are sent at once, or never.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How often a connection had its turn on a thread.
#[derive(Debug, Default, Clone)]
pub(super) struct Turns(Arc<AtomicU64>);

impl Turns {
    /// The connection has its turn.
    pub(super) fn next(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn this(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A stream whose writes wait for the end of the turn in which something was read.
pub(super) struct InTurn<I> {
    io: I,
    turns: Turns,
    /// The turn in which something was read last, if nothing was written since.
    asked: Option<u64>,
    /// Whether a write has waited already: it waits once, however much is read meanwhile.
    waited: bool,
}

impl<I> InTurn<I> {
    pub(super) fn new(io: I, turns: Turns) -> Self {
        Self { io, turns, asked: None, waited: false }
    }

    fn yields(&mut self, cx: &mut Context<'_>) -> bool {
        let asked = self.asked.take() == Some(self.turns.this());
        self.waited = asked && !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
        }
        self.waited
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for InTurn<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        if buf.filled().len() > before {
            self.asked = Some(self.turns.this());
        }
        Poll::Ready(result)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for InTurn<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.yields(cx) { Poll::Pending } else { Pin::new(&mut self.io).poll_write(cx, buf) }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.yields(cx) { Poll::Pending } else { Pin::new(&mut self.io).poll_write_vectored(cx, bufs) }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Whether a write of one byte goes through when it is asked for once.
    fn writes(stream: &mut InTurn<tokio::io::DuplexStream>) -> bool {
        let mut context = Context::from_waker(std::task::Waker::noop());
        Pin::new(stream).poll_write(&mut context, b"a").is_ready()
    }

    #[tokio::test]
    async fn only_a_write_in_the_turn_of_its_read_waits_and_only_once() {
        let (mut client, server) = duplex(64);
        let turns = Turns::default();
        let mut stream = InTurn::new(server, turns.clone());
        assert!(writes(&mut stream), "nothing was read");
        client.write_all(b"q").await.unwrap();
        turns.next();
        assert_eq!(stream.read_u8().await.unwrap(), b'q');
        assert!(!writes(&mut stream));
        assert!(writes(&mut stream) && writes(&mut stream));
        client.write_all(b"q").await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'q');
        turns.next();
        assert!(writes(&mut stream), "its turn is over");
        for goes_through in [false, true, false] {
            turns.next();
            client.write_all(b"q").await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'q');
            assert_eq!(writes(&mut stream), goes_through, "who goes on sending is answered all the same");
        }
    }
}
