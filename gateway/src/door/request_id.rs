//! Request ids: what joins an answer, its log line, and what a client reports.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue, Response};
use windlass_store::clock;

use super::route::Kind;
use crate::body::Body;

/// 16 upper-case hex digits, as AWS writes them.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(String);

/// Where this process's ids begin. Without randomness they begin where every other's do: an id must not fail a request.
static BEGIN: LazyLock<u64> = LazyLock::new(|| clock::random().map(u64::from_be_bytes).unwrap_or_default());

static COUNT: AtomicU64 = AtomicU64::new(0);

impl RequestId {
    pub(crate) fn generate() -> Self {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("{:016X}", scatter(BEGIN.wrapping_add(n))))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Another number for each number, far from its neighbours' (the finalizer of SplitMix64, Steele et al. 2014).
const fn scatter(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
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
