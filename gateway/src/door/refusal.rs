//! What a door answers when the request never reaches its handler, or the handler never answers.

use http::{HeaderValue, Response, StatusCode, header};
use windlass_api::{Error, ErrorKind, Form};

use super::request_id::RequestId;
use super::route::Kind;
use crate::body::{Body, answer, boxed};

/// A refusal in the form of whichever door it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// More requests are running than may.
    Busy,
    /// Line and headers are larger than may be.
    HeadersTooLarge,
    /// The request names more than one host.
    ManyHosts,
    /// The handler panicked.
    Fault,
}

impl Refusal {
    /// The answer; `form` is how the JSON doors answer there.
    pub(super) fn answer(self, kind: Kind, form: Form, id: &RequestId) -> Response<Body> {
        let (status, code, message) = self.told();
        let mut refused = match kind {
            Kind::S3 => answer(status, "application/xml", xml(code, message, id)),
            Kind::Json | Kind::Kv | Kind::Health => {
                let message = if self == Refusal::Fault { "Internal server error" } else { message };
                Error::new(self.kind(), message).into_answer(form).map(boxed)
            }
            Kind::Site => answer(status, "text/plain; charset=utf-8", format!("{message}\n")),
        };
        if self == Refusal::Busy {
            refused.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        refused
    }

    /// Status, S3 error code and message.
    fn told(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Please reduce your request rate."),
            Refusal::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "RequestHeaderSectionTooLarge",
                "Your request line and headers are larger than the limit.",
            ),
            Refusal::ManyHosts => (StatusCode::BAD_REQUEST, "InvalidRequest", "The request names more than one host."),
            Refusal::Fault => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalError",
                "We encountered an internal error. Please try again.",
            ),
        }
    }

    fn kind(self) -> ErrorKind {
        match self {
            Refusal::Busy => ErrorKind::Unavailable,
            Refusal::HeadersTooLarge | Refusal::ManyHosts => ErrorKind::BadRequest,
            Refusal::Fault => ErrorKind::ServerError,
        }
    }
}

fn xml(code: &str, message: &str, id: &RequestId) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>"
    )
}
