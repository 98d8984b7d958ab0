//! Errors of the JSON doors: what the client is told, and the cause that goes to the log alone.

use std::borrow::Cow;

use axum::body::Body;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use windlass_store::ErrorKind as Stored;

use crate::answer::{Answer, json};

/// Shorthand for results of the JSON doors.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Seconds a client is asked to wait when the store is busy or away.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

macro_rules! kinds {
    ($($(#[$doc:meta])* $Kind:ident $code:literal $Status:ident;)*) => {
        /// What went wrong, as a client can act on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorKind { $($(#[$doc])* $Kind),* }

        impl ErrorKind {
            /// All kinds.
            pub const ALL: &[ErrorKind] = &[$(ErrorKind::$Kind),*];

            /// Its code in the bare form.
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
    /// The organisation's plan does not include it.
    PaymentRequired "payment_required" PAYMENT_REQUIRED;
    /// The credential does not allow it.
    Forbidden "forbidden" FORBIDDEN;
    /// There is no such resource.
    NotFound "not_found" NOT_FOUND;
    /// The resource is there and does not take this method.
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED;
    /// The request took too long.
    Timeout "timeout" REQUEST_TIMEOUT;
    /// The resource is in another state than the request needs.
    Conflict "conflict" CONFLICT;
    /// There is no such form of the resource.
    NotAcceptable "not_acceptable" NOT_ACCEPTABLE;
    /// The resource was there, and has been deleted.
    Gone "gone" GONE;
    /// It is short and stout.
    Teapot "teapot" IM_A_TEAPOT;
    /// A condition of the request does not hold.
    PreconditionFailed "precondition_failed" PRECONDITION_FAILED;
    /// The body is larger than is taken.
    TooLarge "too_large" PAYLOAD_TOO_LARGE;
    /// The bucket does not take that content type.
    UnsupportedType "unsupported_type" UNSUPPORTED_MEDIA_TYPE;
    /// The range lies outside of the file.
    BadRange "range_not_satisfiable" RANGE_NOT_SATISFIABLE;
    /// Too many requests.
    RateLimited "rate_limited" TOO_MANY_REQUESTS;
    /// A fault of ours.
    ServerError "server_error" INTERNAL_SERVER_ERROR;
    /// The gateway has more to do than it can: try again later.
    Unavailable "unavailable" SERVICE_UNAVAILABLE;
}

/// How an answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `{"data", "error", "meta"}`, as the management API has it.
    Envelope,
    /// A bare document, and errors as `{"error", "message", "status"}`.
    Bare,
    /// Errors are a line of text.
    Text,
}

impl Form {
    /// The form of what answers at a path.
    pub fn of(path: &str) -> Self {
        let bare = ["/v1/files", "/v1/folders", "/v1/share"].iter().any(|face| crate::under(path, face));
        if crate::under(path, "/kv") {
            return Self::Text;
        }
        if crate::under(path, "/v1") && !bare { Self::Envelope } else { Self::Bare }
    }
}

/// An error of a JSON door.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    told: Told,
    headers: HeaderMap,
}

#[derive(Debug)]
enum Told {
    /// By us, in these words.
    Here(Cow<'static, str>),
    /// By the store, whose words are not always this door's.
    Store(windlass_store::Error),
}

impl Error {
    /// An error with a message for the client.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let mut headers = HeaderMap::new();
        if kind == ErrorKind::Unavailable {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        if kind == ErrorKind::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Self(Box::new(Inner { kind, told: Told::Here(message.into()), headers }))
    }

    /// Shorthand: the request cannot be understood.
    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// The same error with a header beside it.
    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// What is told of a method that a path does not take; `allowed` is the value of Allow.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let error = Self::new(ErrorKind::MethodNotAllowed, "Method not allowed");
        match HeaderValue::from_str(allowed) {
            Ok(value) => error.with(ALLOW, value),
            Err(_) => error,
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence for the client.
    pub fn message(&self, form: Form) -> Cow<'_, str> {
        match &self.0.told {
            Told::Here(message) => Cow::Borrowed(message),
            Told::Store(error) => words(error, form).map_or(Cow::Borrowed(error.message()), Cow::Borrowed),
        }
    }

    /// The answer that tells it. Faults of ours are logged with their cause.
    pub fn into_answer(self, form: Form) -> Answer {
        if let Told::Store(error) = &self.0.told {
            match self.0.kind.status().is_server_error() {
                true => tracing::error!(%error, "request failed"),
                false => tracing::debug!(%error, "request refused"),
            }
        }
        let mut answer = print(form, self.0.kind.status(), self.0.kind.code(), &self.message(form));
        answer.headers_mut().extend(self.0.headers);
        answer
    }
}

impl From<windlass_store::Error> for Error {
    fn from(error: windlass_store::Error) -> Self {
        let mut told = Self::new(kind_of(error.kind()), "");
        told.0.told = Told::Store(error);
        told
    }
}

/// An error in the bare form with a status that need not be of a kind here: for doors that speak another protocol to
/// other clients.
pub fn bare(status: StatusCode, message: &str) -> Answer {
    let known = ErrorKind::ALL.iter().find(|kind| kind.status() == status);
    let class = if status.is_server_error() { ErrorKind::ServerError } else { ErrorKind::BadRequest };
    print(Form::Bare, status, known.unwrap_or(&class).code(), message)
}

#[derive(Serialize)]
struct Envelope<'a> {
    data: (),
    error: Message<'a>,
    meta: (),
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct Bare<'a> {
    error: &'a str,
    message: &'a str,
    status: u16,
}

fn print(form: Form, status: StatusCode, code: &str, message: &str) -> Answer {
    match form {
        Form::Envelope => json(status, &Envelope { data: (), error: Message { message }, meta: () }),
        Form::Bare => json(status, &Bare { error: code, message, status: status.as_u16() }),
        Form::Text => {
            let mut answer = Response::new(Body::from(format!("{message}\n")));
            *answer.status_mut() = status;
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
            answer
        }
    }
}

/// What a kind of the store's errors is here.
fn kind_of(kind: Stored) -> ErrorKind {
    match kind {
        Stored::AccessDenied | Stored::SignatureMismatch | Stored::SettingNotManaged => ErrorKind::Forbidden,
        Stored::WrongKey => ErrorKind::Unauthorized,
        Stored::BucketDeleted => ErrorKind::Gone,
        Stored::NoSuchBucket
        | Stored::NoSuchKey
        | Stored::NoSuchVersion
        | Stored::NoSuchUpload
        | Stored::NoSuchKeyId
        | Stored::NoSuchAccount
        | Stored::NoSuchShare
        | Stored::NoSuchScript
        | Stored::NoSuchRecord
        | Stored::NoSuchIntent => ErrorKind::NotFound,
        Stored::BucketAlreadyOwnedByYou
        | Stored::BucketAlreadyExists
        | Stored::BucketNotEmpty
        | Stored::BucketBusy
        | Stored::CheckFailed
        | Stored::BucketLinked
        | Stored::InvalidBucketState
        | Stored::DuplicateSlug => ErrorKind::Conflict,
        Stored::QuotaBuckets | Stored::QuotaExceeded | Stored::TierLimit => ErrorKind::PaymentRequired,
        Stored::FileTooLarge | Stored::EntityTooLarge => ErrorKind::TooLarge,
        Stored::TypeNotAllowed => ErrorKind::UnsupportedType,
        Stored::PreconditionFailed | Stored::NotModified => ErrorKind::PreconditionFailed,
        Stored::InvalidRange => ErrorKind::BadRange,
        Stored::Timeout => ErrorKind::Timeout,
        Stored::BucketNotActive
        | Stored::AccountNotActive
        | Stored::InvalidBucketName
        | Stored::InvalidArgument
        | Stored::InvalidRequest
        | Stored::KeyTooLong
        | Stored::MetadataTooLarge
        | Stored::InvalidDigest
        | Stored::BadDigest
        | Stored::PayloadHashMismatch
        | Stored::IncompleteBody
        | Stored::EntityTooSmall
        | Stored::InvalidPart
        | Stored::InvalidTag
        | Stored::TooManyTags
        | Stored::MalformedDocument
        | Stored::MalformedPolicy
        | Stored::InvalidRetentionPeriod
        | Stored::IsDeleteMarker
        | Stored::AclNotSupported
        | Stored::InvalidAclWithOwnership
        | Stored::InvalidPartOrder
        | Stored::TooSmallForParts => ErrorKind::BadRequest,
        Stored::UpstreamRefused => ErrorKind::BadRequest,
        Stored::SlowDown
        | Stored::Unavailable
        | Stored::Latched
        | Stored::UpstreamUnavailable
        | Stored::UpstreamDenied
        | Stored::UpstreamInvalid => ErrorKind::Unavailable,
        Stored::Corrupt | Stored::Internal => ErrorKind::ServerError,
    }
}

/// What these doors say where the store's own words are those of S3; `None` where they are right as they are.
fn words(error: &windlass_store::Error, form: Form) -> Option<&'static str> {
    if error.upstream().is_some() {
        // It is about what an upstream said, and names it.
        return None;
    }
    Some(match (error.kind(), form) {
        (Stored::AccessDenied | Stored::BucketNotEmpty, Form::Text) => return None,
        (Stored::AccessDenied | Stored::SignatureMismatch, _) => "Insufficient permissions",
        (Stored::NoSuchBucket, Form::Envelope) => "Bucket not found",
        (Stored::NoSuchBucket, Form::Bare) => "The requested bucket does not exist.",
        (Stored::NoSuchKey, Form::Envelope) => "File not found",
        (Stored::NoSuchKey, Form::Bare) => "The requested object does not exist.",
        (Stored::NoSuchScript, Form::Envelope) => "Script not found",
        (Stored::NoSuchShare, Form::Bare) => "The requested share link does not exist.",
        (Stored::BucketAlreadyOwnedByYou | Stored::BucketAlreadyExists, _) => "Bucket name already in use",
        (Stored::BucketNotEmpty, _) => "Bucket is not empty",
        (Stored::InvalidBucketName, _) => "Invalid bucket name",
        (Stored::KeyTooLong, _) => "File path is too long: at most 1024 bytes",
        (Stored::Timeout, _) => "Request timeout",
        (Stored::Corrupt | Stored::Internal, _) => "Internal server error",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::answer::tests::body_of;

    #[test]
    fn every_kind_has_both_forms_and_its_status() {
        for &kind in ErrorKind::ALL {
            let answer = Error::new(kind, "a \"word\"").into_answer(Form::Bare);
            assert_eq!(answer.status(), kind.status());
            assert_eq!(answer.headers()[http::header::CONTENT_TYPE], "application/json");
            let bare = json!({ "error": kind.code(), "message": "a \"word\"", "status": kind.status().as_u16() });
            assert_eq!(body_of(answer), bare);
            let answer = Error::new(kind, "a \"word\"").into_answer(Form::Envelope);
            assert_eq!(answer.status(), kind.status());
            let envelope = json!({ "data": null, "error": { "message": "a \"word\"" }, "meta": null });
            assert_eq!(body_of(answer), envelope);
        }
    }

    #[test]
    fn the_path_tells_the_form() {
        for path in ["/v1", "/v1/buckets", "/v1/filesystem", "/v1/openapi.json"] {
            assert_eq!(Form::of(path), Form::Envelope, "{path}");
        }
        for path in ["/v1/files", "/v1/files/upload", "/v1/folders", "/v1/share/x", "/api/v1/uploads"] {
            assert_eq!(Form::of(path), Form::Bare, "{path}");
        }
        assert_eq!(["/kv", "/kv/x"].map(Form::of), [Form::Text; 2]);
    }

    #[test]
    fn a_cause_never_reaches_the_client() {
        let told = |kind| {
            let error = windlass_store::Error::new(kind, "words of the store").because("a secret place");
            let answer = Error::from(error).into_answer(Form::Envelope);
            (answer.status().as_u16(), body_of(answer)["error"]["message"].clone())
        };
        assert_eq!(told(Stored::Internal), (500, Value::from("Internal server error")));
        assert_eq!(told(Stored::Corrupt), (500, Value::from("Internal server error")));
        assert_eq!(told(Stored::NoSuchBucket), (404, Value::from("Bucket not found")));
        assert_eq!(told(Stored::NoSuchKey), (404, Value::from("File not found")));
        assert_eq!(told(Stored::AccessDenied), (403, Value::from("Insufficient permissions")));
        assert_eq!(told(Stored::Timeout), (408, Value::from("Request timeout")));
        assert_eq!(told(Stored::QuotaBuckets), (402, Value::from("words of the store")));
    }

    #[test]
    fn statuses_of_other_protocols_keep_their_number() {
        for (status, code) in
            [(404, "not_found"), (412, "precondition_failed"), (411, "bad_request"), (501, "server_error")]
        {
            let answer = bare(StatusCode::from_u16(status).unwrap(), "m");
            assert_eq!(answer.status().as_u16(), status);
            assert_eq!(body_of(answer), json!({ "error": code, "message": "m", "status": status }));
        }
    }

    #[test]
    fn a_busy_store_asks_to_retry() {
        let error = Error::from(windlass_store::Error::new(Stored::SlowDown, "Please reduce your request rate."));
        assert_eq!(error.into_answer(Form::Bare).headers()[RETRY_AFTER], "1");
    }
}
