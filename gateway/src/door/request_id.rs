//! Request ids: what joins an answer, its log line, and what a client reports.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, HeaderValue, Request, Response};
use windlass_store::clock;

use super::route::Kind;
use crate::body::Body;

/// On S3 16 upper-case hex digits, as AWS writes them. Elsewhere what the client calls its request, else a UUID.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

/// Where this process's ids begin. Without randomness they begin where every other's do: an id must not fail a request.
static BEGIN: LazyLock<u64> = LazyLock::new(|| clock::random().map(u64::from_be_bytes).unwrap_or_default());

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Where clients of the other doors name their requests, and are told of the name.
pub(super) const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of the longest name that is taken over.
const GIVEN_BYTES_MAX: usize = 128;

impl RequestId {
    /// The id of a request.
    pub(crate) fn of<B>(request: &Request<B>, kind: Kind) -> Self {
        if kind == Kind::S3 {
            return Self::generate();
        }
        let sound = |id: &&HeaderValue| {
            (1..=GIVEN_BYTES_MAX).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
        };
        request.headers().get(HEADER).filter(sound).map_or_else(Self::uuid, |id| Self(id.clone()))
    }

    /// A UUID (RFC 9562, version 4) of two numbers that look random: to ask the system for some costs more than the id.
    fn uuid() -> Self {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let (high, low) = (scatter(BEGIN.wrapping_add(n)), scatter(BEGIN.rotate_left(32) ^ n));
        let (high, low) = (high & !0xF000 | 0x4000, low & !(0b11 << 62) | 1 << 63);
        Self::filled(*b"00000000-0000-0000-0000-000000000000", u128::from(high) << 64 | u128::from(low), b'a')
    }

    pub(crate) fn generate() -> Self {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        Self::filled([b'0'; 16], scatter(BEGIN.wrapping_add(n)).into(), b'A')
    }

    /// An id of that form with the digits of a number in place of its zeros; `ten` is the digit ten.
    fn filled<const N: usize>(mut form: [u8; N], mut number: u128, ten: u8) -> Self {
        for place in form.iter_mut().rev().filter(|byte| **byte == b'0') {
            let digit = number.to_le_bytes()[0] & 0xF;
            *place = if digit < 10 { b'0' + digit } else { ten + (digit - 10) };
            number >>= 4;
        }
        // Digits and dashes are always a header's value.
        Self(HeaderValue::from_bytes(&form).unwrap_or(HeaderValue::from_static("0")))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
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
        f.write_str(self.as_str())
    }
}

/// The answer with the id in the header that its clients know.
pub(super) fn stamp(mut answer: Response<Body>, kind: Kind, id: &RequestId) -> Response<Body> {
    let name = if kind == Kind::S3 { HeaderName::from_static("x-amz-request-id") } else { HEADER };
    answer.headers_mut().entry(name).or_insert_with(|| id.0.clone());
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

    fn id_of(given: Option<&str>, kind: Kind) -> String {
        let mut request = Request::get("/");
        if let Some(given) = given {
            request = request.header(HEADER, given);
        }
        RequestId::of(&request.body(()).unwrap(), kind).as_str().to_owned()
    }

    #[test]
    fn a_client_s_own_id_is_taken_over_except_on_s3() {
        assert_eq!(id_of(Some("my-id/1"), Kind::Json), "my-id/1");
        assert_ne!(id_of(Some("my-id/1"), Kind::S3), "my-id/1");
        for bad in ["", "a b", &"x".repeat(129)] {
            assert_ne!(id_of(Some(bad), Kind::Json), bad);
        }
    }

    #[test]
    fn ids_of_the_other_doors_are_random_uuids() {
        let (a, b) = (id_of(None, Kind::Json), id_of(None, Kind::Json));
        assert_ne!(a, b);
        for id in [a, b] {
            let parts: Vec<&str> = id.split('-').collect();
            assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
            assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
            assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()), "{id}");
        }
    }
}
