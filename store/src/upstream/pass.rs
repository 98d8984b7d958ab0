//! Requests that somebody else has signed: they have our connections, timeouts and breakers, and nothing more.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::stream::{self, Fuse, StreamExt};
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use http_body::{Body, Frame};

use super::Client;
use super::client::Prepared;
use super::outgoing::Outgoing;
use super::provider::Endpoint;
use crate::blob::ByteStream;
use crate::error::{Error, ErrorKind, Result};

/// The body of an answer, with errors of the caller's type.
pub(crate) struct Passed<E> {
    bytes: Fuse<ByteStream>,
    told: fn(Error) -> E,
}

impl Client {
    /// Sends a request as it is. Errors of the answer's body are told by `told`.
    pub(crate) async fn pass<B, E>(&self, request: Request<B>, told: fn(Error) -> E) -> Result<Response<Passed<E>>>
    where
        B: Body<Data = Bytes> + Unpin + Send + Sync + 'static,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let (mut head, body) = request.into_parts();
        let (scheme, authority) = (head.uri.scheme_str(), head.uri.authority());
        let endpoint = scheme.zip(authority).map(|(scheme, authority)| format!("{scheme}://{authority}"));
        let endpoint = Endpoint::parse(&endpoint.unwrap_or_default())?;
        head.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("windlass/", env!("CARGO_PKG_VERSION"))));
        let length = body.size_hint().exact();
        let length = length.ok_or_else(|| Error::new(ErrorKind::Internal, "A request's length is not known."))?;
        let (outgoing, progress, cut) = Outgoing::new(length, bytes_of(body));
        let request = Request::from_parts(head, outgoing);
        let answer = self.exchange(Prepared { request, endpoint, progress, cut }).await.0?;
        let mut response = Response::new(Passed { bytes: answer.body.fuse(), told });
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

fn bytes_of<B>(body: B) -> ByteStream
where
    B: Body<Data = Bytes> + Unpin + Send + Sync + 'static,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    Box::pin(stream::unfold(body, |mut body| async {
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await?;
        let bytes = frame.map(|frame| frame.into_data().unwrap_or_default());
        Some((bytes.map_err(|cause| Error::new(ErrorKind::Internal, "A body in memory failed.").because(cause)), body))
    }))
}

impl<E> Body for Passed<E> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        let piece = ready!(self.bytes.poll_next_unpin(cx));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(self.told)))
    }
}
