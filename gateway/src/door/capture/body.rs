//! What is kept of bodies as they pass: their length, and the first bytes of JSON.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use windlass_store::limit;

/// What was seen of a body.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its length so far.
    pub(super) bytes: u64,
    /// Its beginning, of at most `limit::LOG_BODY_BYTES_MAX`, if it is JSON.
    pub(super) begin: Vec<u8>,
    /// Whether it says that it is JSON.
    pub(super) json: bool,
}

impl Seen {
    /// A body with those headers, before its first byte.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self { json: is_json(headers), ..Self::default() }
    }

    /// A body of which only the length is known.
    pub(super) fn declared(bytes: u64) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Takes note of bytes that pass.
    pub(super) fn pass(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        if self.json {
            let room = limit::LOG_BODY_BYTES_MAX.saturating_sub(self.begin.len());
            self.begin.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        }
    }
}

/// `application/json` and everything that ends in `+json`, whatever its parameters.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    let kind = essence.split_once('/').filter(|(family, _)| family.eq_ignore_ascii_case("application"));
    // What is behind its last plus says how it is written (RFC 6839).
    let written = kind.and_then(|(_, kind)| kind.rsplit('+').next());
    written.is_some_and(|written| written.eq_ignore_ascii_case("json"))
}

/// What is seen of a request's body while a handler reads it.
#[derive(Debug, Default, Clone)]
pub(super) struct Tap(Arc<Mutex<Seen>>);

impl Tap {
    /// Before the first byte.
    pub(super) fn new(seen: Seen) -> Self {
        Self(Arc::new(Mutex::new(seen)))
    }

    /// What was seen of it.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that is seen as it passes.
#[derive(Debug)]
pub(crate) struct Tapped<B> {
    pub(super) body: B,
    pub(super) tap: Option<Tap>,
}

impl<B: http_body::Body<Data = Bytes> + Unpin> http_body::Body for Tapped<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let (Some(Ok(frame)), Some(tap)) = (&frame, &self.tap)
            && let Some(data) = frame.data_ref()
        {
            tap.lock().pass(data.chunk());
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))])
    }

    #[test]
    fn json_is_told_by_its_type() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            assert!(is_json(&headers(json)), "{json}");
        }
        for other in ["text/plain", "application/jsonx", "image/svg+json", "multipart/form-data; boundary=x", ""] {
            assert!(!is_json(&headers(other)), "{other}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_body_passes_whole_and_leaves_its_beginning() {
        let bytes = Bytes::from(vec![b'7'; limit::LOG_BODY_BYTES_MAX + 1]);
        for (content_type, kept) in [("application/json", limit::LOG_BODY_BYTES_MAX), ("video/mp4", 0)] {
            let tap = Tap::new(Seen::of(&headers(content_type)));
            let body = Tapped { body: Full::new(bytes.clone()), tap: Some(tap.clone()) };
            assert_eq!(body.collect().await.unwrap().to_bytes(), bytes);
            let seen = tap.take();
            assert_eq!((seen.bytes, seen.begin.len()), (bytes.len() as u64, kept));
        }
    }
}
