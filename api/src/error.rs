//! The one error of the JSON doors: `{"error": code, "message": text, "status": number}`.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::Answer;

macro_rules! kinds {
    ($($(#[$doc:meta])* $Kind:ident $code:literal $Status:ident;)*) => {
        /// What went wrong, as a client can act on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorKind { $($(#[$doc])* $Kind),* }

        impl ErrorKind {
            /// All kinds.
            pub const ALL: &[ErrorKind] = &[$(ErrorKind::$Kind),*];

            /// Its code on the wire.
            pub const fn code(self) -> &'static str {
                match self { $(ErrorKind::$Kind => $code),* }
            }

            /// Its HTTP status.
            pub const fn status(self) -> StatusCode {
                match self { $(ErrorKind::$Kind => StatusCode::$Status),* }
            }
        }
    };
}

kinds! {
    /// The request cannot be understood.
    BadRequest "bad_request" BAD_REQUEST;
    /// No credential, or none that is known.
    Unauthorized "unauthorized" UNAUTHORIZED;
    /// The credential does not allow it.
    Forbidden "forbidden" FORBIDDEN;
    /// There is no such resource.
    NotFound "not_found" NOT_FOUND;
    /// The resource is in another state than the request needs.
    Conflict "conflict" CONFLICT;
    /// The body is larger than is taken.
    TooLarge "too_large" PAYLOAD_TOO_LARGE;
    /// Too many requests.
    RateLimited "rate_limited" TOO_MANY_REQUESTS;
    /// A fault of ours.
    ServerError "server_error" INTERNAL_SERVER_ERROR;
    /// The gateway has more to do than it can: try again later.
    Unavailable "unavailable" SERVICE_UNAVAILABLE;
}

/// An error of a JSON door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a str,
    message: &'a str,
    status: u16,
}

impl Error {
    /// An error with a message for the client.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The answer that tells it.
    pub fn into_answer(self) -> Answer {
        let status = self.kind.status();
        let envelope = Envelope { error: self.kind.code(), message: &self.message, status: status.as_u16() };
        // Printing three plain fields cannot fail; if it did, the status would still be right.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        let mut answer = Response::new(Full::new(Bytes::from(body)));
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_the_envelope_and_the_status() {
        use http_body_util::BodyExt;
        for &kind in ErrorKind::ALL {
            let answer = Error::new(kind, "a \"word\"").into_answer();
            assert_eq!(answer.status(), kind.status());
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
            let body = at_once(answer.into_body().collect());
            let value: serde_json::Value = serde_json::from_slice(&body.unwrap().to_bytes()).unwrap();
            let expected = serde_json::json!({
                "error": kind.code(), "message": "a \"word\"", "status": kind.status().as_u16(),
            });
            assert_eq!(value, expected);
        }
    }

    /// Polls a future that never waits.
    fn at_once<F: Future>(future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => output,
            std::task::Poll::Pending => panic!("the body was not there at once"),
        }
    }
}
