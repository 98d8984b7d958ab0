//! The access log, the request log and the request metrics: one line, one entry and one count for each request, when its
//! answer's last byte has left or its client has gone. Bandwidth is counted as the bytes leave.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri, header};
use http_body::{Body as _, Frame, SizeHint};
use windlass_store::log::Caller;

use super::Entrance;
use super::capture::{self, Capture};
use super::request_id::RequestId;
use super::route::Kind;
use crate::app::App;
use crate::body::{Body, BodyError, boxed};
use crate::trace::Answered;

/// Longest path in a log line; the rest is cut.
const PATH_BYTES_MAX: usize = 512;
/// Bytes that leave before they are counted as bandwidth; the rest is counted at the end.
const COUNTED_BYTES: u64 = 1 << 20;

/// A request that has begun. Dropping it writes its line, however it ended.
pub(super) struct Line {
    entrance: Arc<Entrance>,
    kind: Kind,
    id: RequestId,
    method: Method,
    /// Shown without its query, which may hold signatures.
    uri: Uri,
    peer: IpAddr,
    begun: Instant,
    /// Whether it was let in, and has to leave.
    admitted: bool,
    caller: Arc<Caller>,
    capture: Option<Box<Capture>>,
    status: Option<StatusCode>,
    bytes: u64,
    /// Of these, counted as bandwidth.
    counted: u64,
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
    /// Begins with a request, and leaves in its extensions the cell in which its door tells who asks.
    pub(super) fn begin<B: http_body::Body>(
        entrance: &Arc<Entrance>,
        request: &mut Request<B>,
        kind: Kind,
        id: &RequestId,
        peer: IpAddr,
    ) -> Self {
        let caller = Arc::new(Caller::default());
        request.extensions_mut().insert(Arc::clone(&caller));
        let capture = if entrance.door.app.logs.is_enabled() { Capture::begin(request, kind, peer) } else { None };
        Self {
            entrance: Arc::clone(entrance),
            kind,
            id: id.clone(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer,
            begun: Instant::now(),
            admitted: false,
            caller,
            capture,
            status: None,
            bytes: 0,
            counted: 0,
            declared: None,
            end: End::Cut,
        }
    }

    fn app(&self) -> &App {
        &self.entrance.door.app
    }

    /// The request was let in; it leaves when its answer has ended.
    pub(super) fn admitted(&mut self) {
        self.admitted = true;
    }

    /// The answer, whose body writes the line when it ends.
    pub(super) fn watch(mut self, mut answer: Response<Body>) -> Response<Body> {
        self.status = Some(answer.status());
        if let Some(capture) = &mut self.capture {
            capture.answered(&mut answer, self.kind, self.id.as_str());
        }
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

impl Line {
    /// Takes note of bytes that leave.
    fn pass(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        if let Some(capture) = &mut self.capture {
            capture.pass(data);
        }
        if self.bytes - self.counted >= COUNTED_BYTES {
            self.count();
        }
    }

    /// Counts what has left as bandwidth, if it is the bytes of an object.
    fn count(&mut self) {
        let uncounted = self.bytes - self.counted;
        self.counted = self.bytes;
        if let Some((bucket, org)) = self.caller.delivered_for()
            && uncounted > 0
            && self.status.is_some_and(|status| status.is_success())
        {
            self.app().store.count_bandwidth(bucket, org, uncounted);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.entrance.activity.answered();
        self.count();
        if self.admitted {
            self.app().metrics.running.leave();
        }
        let duration = self.begun.elapsed();
        let status = self.status.map(|status| status.as_u16());
        // 499 is what proxies log for a client that left before there was an answer.
        let shown_status = status.unwrap_or(499);
        self.app().metrics.requests.mine().end(self.kind, &self.method, status, duration);
        let now = self.app().store.now();
        if let Some(access) = &self.app().access {
            let answered = Answered {
                request_id: self.id.as_str(),
                door: self.kind.name(),
                method: self.method.as_str(),
                path: cut(capture::shown_path(self.uri.path())),
                status: shown_status,
                bytes: self.bytes,
                duration_us: u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
                end: self.end.name(),
                peer: self.peer,
            };
            access.write(now, &answered);
        }
        if let Some(capture) = self.capture.take() {
            capture.record(&self.app().logs, &self.caller, shown_status, duration, now);
        }
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
                if let Some(data) = frame.data_ref() {
                    self.line.pass(data);
                }
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
        if self.line.end == End::Whole {
            // Before the last byte is on its way: whoever has it all finds it counted.
            self.line.count();
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
