//! The access log and the request metrics: one line and one count for each request, when its answer's last byte has
//! left or its client has gone.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::request_id::RequestId;
use super::route::Kind;
use crate::app::App;
use crate::body::{Body, BodyError, boxed};

/// Longest path in a log line; the rest is cut.
const PATH_BYTES_MAX: usize = 512;

/// A request that has begun. Dropping it writes its line, however it ended.
pub(super) struct Line {
    app: Arc<App>,
    kind: Kind,
    id: RequestId,
    method: Method,
    /// Without the query, which may hold signatures.
    path: String,
    peer: SocketAddr,
    begun: Instant,
    slot: Option<OwnedSemaphorePermit>,
    status: Option<StatusCode>,
    bytes: u64,
    /// Bytes that the answer has declared. HTTP/1 asks for nothing after them, not even the end.
    declared: Option<u64>,
    end: End,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Not yet, or before its last byte because the client went away.
    Cut,
    /// Before its last byte, by a fault of ours.
    Failed,
    /// With its last byte.
    Whole,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Cut => "cut",
            End::Failed => "failed",
            End::Whole => "whole",
        }
    }
}

impl Line {
    pub(super) fn begin<B>(app: &Arc<App>, request: &Request<B>, kind: Kind, id: &RequestId, peer: SocketAddr) -> Self {
        app.metrics.requests.begin();
        Self {
            app: Arc::clone(app),
            kind,
            id: id.clone(),
            method: request.method().clone(),
            path: cut(request.uri().path()).to_owned(),
            peer,
            begun: Instant::now(),
            slot: None,
            status: None,
            bytes: 0,
            declared: None,
            end: End::Cut,
        }
    }

    /// Keeps the slot until the answer has ended.
    pub(super) fn hold(&mut self, slot: OwnedSemaphorePermit) {
        self.slot = Some(slot);
    }

    /// The answer, whose body writes the line when it ends.
    pub(super) fn watch(mut self, answer: Response<Body>) -> Response<Body> {
        self.status = Some(answer.status());
        let length = answer.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        self.declared = length.or_else(|| answer.body().size_hint().exact());
        let bodiless =
            self.method == Method::HEAD || matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless || answer.body().is_end_stream() {
            self.end = End::Whole;
        }
        answer.map(|body| boxed(Watched { body, line: self }))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let duration = self.begun.elapsed();
        let status = self.status.map(|status| status.as_u16());
        self.app.metrics.requests.end(self.kind, &self.method, status, duration);
        tracing::info!(
            target: "windlass::access",
            request_id = %self.id,
            door = self.kind.name(),
            method = %self.method,
            path = %self.path,
            // 499 is what proxies log for a client that left before there was an answer.
            status = status.unwrap_or(499),
            bytes = self.bytes,
            duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
            end = self.end.name(),
            peer = %self.peer,
            "answered"
        );
    }
}

/// A body that counts its bytes.
struct Watched {
    body: Body,
    line: Line,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                self.line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.body.is_end_stream() || self.line.declared == Some(self.line.bytes) {
                    self.line.end = End::Whole;
                }
            }
            Some(Err(error)) => {
                self.line.end = End::Failed;
                tracing::warn!(request_id = %self.line.id, error = %error, "an answer was cut");
            }
            None => self.line.end = End::Whole,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The beginning of a path, cut where a character ends.
fn cut(path: &str) -> &str {
    let end = path.char_indices().map(|(at, _)| at).take_while(|&at| at <= PATH_BYTES_MAX).last().unwrap_or(0);
    if path.len() <= PATH_BYTES_MAX { path } else { path.get(..end).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_paths_are_cut_at_a_character() {
        assert_eq!(cut("/a"), "/a");
        assert_eq!(cut(&"a".repeat(512)).len(), 512);
        assert_eq!(cut(&"a".repeat(513)).len(), 512);
        assert_eq!(cut(&format!("a{}", "é".repeat(400))).len(), 511);
    }
}
