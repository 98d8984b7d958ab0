//! Request ids: what joins an answer, its log line, and what a client reports.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue, Response};
use windlass_store::clock;

use super::route::Kind;
use crate::body::Body;

/// 16 upper-case hex digits, as AWS writes them.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(String);

/// Used where the system has no randomness to give: an id must not fail a request.
static FALLBACK: AtomicU64 = AtomicU64::new(1);

impl RequestId {
    pub(crate) fn generate() -> Self {
        let random = clock::random().map(u64::from_be_bytes);
        Self(format!("{:016X}", random.unwrap_or_else(|_| FALLBACK.fetch_add(1, Ordering::Relaxed))))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer with the id in the header that its clients know.
pub(super) fn stamp(mut answer: Response<Body>, kind: Kind, id: &RequestId) -> Response<Body> {
    let name = HeaderName::from_static(if kind == Kind::S3 { "x-amz-request-id" } else { "x-request-id" });
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        answer.headers_mut().entry(name).or_insert(value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_digits_and_differ() {
        let (a, b) = (RequestId::generate(), RequestId::generate());
        assert_eq!(a.as_str().len(), 16);
        assert!(a.as_str().bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        assert_ne!(a.as_str(), b.as_str());
    }
}
