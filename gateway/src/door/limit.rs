//! The bounds a request must keep before anything looks at it.

use http::{Request, header};

use super::refusal::Refusal;
use crate::metrics::Running;

/// What the door asks of requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Requests running at once.
    pub(crate) requests: u64,
    /// Bytes of one request's line and headers.
    pub(crate) header_bytes: usize,
    /// Headers of one request: over HTTP/2 nothing else counts them.
    pub(crate) headers: usize,
}

/// Lets a request in, which leaves when its answer's body has ended.
pub(super) fn admit<B>(request: &Request<B>, limits: &Limits, running: &Running) -> Result<(), Refusal> {
    if header_bytes(request) > limits.header_bytes || request.headers().len() > limits.headers {
        return Err(Refusal::HeadersTooLarge);
    }
    // Routing trusts the host, so there is one.
    if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
        return Err(Refusal::ManyHosts);
    }
    if running.enter(limits.requests) { Ok(()) } else { Err(Refusal::Busy) }
}

/// Bytes of line and headers, counted as HTTP/2 counts them but without its 32 for each header.
fn header_bytes<B>(request: &Request<B>) -> usize {
    let uri = request.uri();
    let target = uri.authority().map_or(0, |a| a.as_str().len()) + uri.path_and_query().map_or(0, |p| p.as_str().len());
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>() + target
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: http::request::Builder, slots: u64) -> Option<Refusal> {
        let limits = Limits { requests: slots, header_bytes: 100, headers: 2 };
        admit(&request.body(()).unwrap(), &limits, &Running::default()).err()
    }

    #[test]
    fn requests_within_the_bounds_are_let_in_and_others_are_not() {
        assert_eq!(refused(Request::get("/"), 1), None);
        assert_eq!(refused(Request::get("/"), 0), Some(Refusal::Busy));
        assert_eq!(refused(Request::get("/").header("a", "b".repeat(98)), 1), None);
        assert_eq!(refused(Request::get("/").header("a", "b".repeat(99)), 1), Some(Refusal::HeadersTooLarge));
        assert_eq!(refused(Request::get("/").header("host", "a").header("host", "a"), 1), Some(Refusal::ManyHosts));
        let two = || Request::get("/").header("a", "b").header("a", "b");
        assert_eq!(refused(two(), 1), None);
        assert_eq!(refused(two().header("a", "b"), 1), Some(Refusal::HeadersTooLarge));
    }
}
