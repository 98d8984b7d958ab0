//! The body of a request on its way in: it ends with an error when the client pauses for too long, and what nobody reads of
//! it is put aside for the answer's sake.

mod rest;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue, Response, Version};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

pub(crate) use rest::Rest;

/// Why a body was cut.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The client sent nothing for too long.
    Idle,
    /// The connection failed, or what came over it was no HTTP.
    Connection(hyper::Error),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str(IDLE),
            Self::Connection(cause) => write!(f, "client body: {cause}"),
        }
    }
}

impl std::error::Error for Cut {}

/// How an idle client is told of where only text comes through.
pub(crate) const IDLE: &str = "client body: idle for too long";

/// Reads what is left of a request's body before its answer goes out. A client of whom not all was read is told that its
/// next request needs another connection.
pub(crate) async fn settle<B>(answer: &mut Response<B>, rest: &Rest, version: Version) {
    if !rest.drain().await && version < Version::HTTP_2 {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// The body of a request.
pub(crate) struct ClientBody {
    /// Gone once the body has failed.
    incoming: Option<Incoming>,
    rest: Rest,
    /// Whether the client waits for `100 Continue`, which the first read sends.
    held_back: bool,
    idle: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether the deadline runs: it starts only when there is nothing to read.
    waiting: bool,
}

impl ClientBody {
    /// Wraps the body of a request with these headers. What is not read of it is put into `rest`, unless the client waits to
    /// be told to send it.
    pub(crate) fn new(incoming: Incoming, headers: &HeaderMap, idle: Duration, rest: &Rest) -> Self {
        Self {
            incoming: Some(incoming),
            rest: rest.clone(),
            held_back: headers.contains_key(EXPECT),
            idle,
            deadline: None,
            waiting: false,
        }
    }

    /// After a cut there is nobody left to read from.
    fn fail(&mut self, cut: Cut) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.incoming = None;
        Poll::Ready(Some(Err(cut)))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = Instant::now() + self.idle;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        if !self.waiting {
            deadline.as_mut().reset(end);
            self.waiting = true;
        }
        deadline.as_mut().poll(cx)
    }
}

impl Drop for ClientBody {
    fn drop(&mut self) {
        let unread = self.incoming.take().filter(|incoming| !incoming.is_end_stream());
        match unread {
            Some(incoming) if !self.held_back => self.rest.put(incoming),
            Some(_) => self.rest.abandon(),
            None => {}
        }
    }
}

impl http_body::Body for ClientBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        self.held_back = false;
        let Some(incoming) = self.incoming.as_mut() else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Pending => match self.poll_deadline(cx) {
                Poll::Ready(()) => self.fail(Cut::Idle),
                Poll::Pending => Poll::Pending,
            },
            Poll::Ready(Some(Ok(frame))) => {
                self.waiting = false;
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => self.fail(Cut::Connection(cause)),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}
