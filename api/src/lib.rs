//! The JSON doors: management (`/v1`), uploads (`/api/v1`) and key-value (`/kv`). Parse, authorise, call the store,
//! print; one file per resource.
//!
//! The list of resources: none yet. Every path of these doors is answered with 404, in the envelope that its clients
//! know. Deliberately absent: S3, listeners, and rules about what is stored.

mod error;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

pub use error::{Error, ErrorKind};

/// What a JSON door answers: its body is small, and made at once.
pub type Answer = Response<Full<Bytes>>;

/// Whether a path on the base host belongs to a JSON door.
pub fn serves(path: &str) -> bool {
    path.starts_with("/api/v1/") || ["/v1", "/kv"].iter().any(|door| under(path, door))
}

fn under(path: &str, door: &str) -> bool {
    path.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers one request to a path that `serves` takes.
pub async fn handle<B>(_: Request<B>) -> Answer {
    Error::new(ErrorKind::NotFound, "No such resource.").into_answer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doors_take_their_paths_and_no_bucket_s() {
        for ours in ["/v1", "/v1/", "/v1/buckets", "/api/v1/uploads", "/kv", "/kv/pipeline"] {
            assert!(serves(ours), "{ours}");
        }
        for other in ["/", "/v1x", "/kvs/key", "/api", "/api/v10", "/api/v1", "/bucket/v1/x"] {
            assert!(!serves(other), "{other}");
        }
    }
}
