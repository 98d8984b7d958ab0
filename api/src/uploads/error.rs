//! Refusals of the uploads API: `{"error": {"code", "message", "suggestion"?}}`.

use std::borrow::Cow;

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use windlass_store::ErrorKind as Stored;

use crate::answer::{Answer, json};
use crate::error::ErrorKind;

/// Shorthand for results of the uploads API.
pub(super) type Result<T, E = Refusal> = std::result::Result<T, E>;

macro_rules! codes {
    ($($Code:ident $name:literal $Status:ident;)*) => {
        /// What went wrong, as a client can act on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Code { $($Code),* }

        impl Code {
            /// Its name on the wire.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Code::$Code => $name),* }
            }

            /// Its HTTP status.
            const fn status(self) -> StatusCode {
                match self { $(Code::$Code => StatusCode::$Status),* }
            }
        }
    };
}

codes! {
    Unauthorized "UNAUTHORIZED" UNAUTHORIZED;
    InsecureUrl "INSECURE_URL" FORBIDDEN;
    Forbidden "FORBIDDEN" FORBIDDEN;
    FileTooLarge "FILE_TOO_LARGE" PAYLOAD_TOO_LARGE;
    FileTypeNotAllowed "FILE_TYPE_NOT_ALLOWED" UNSUPPORTED_MEDIA_TYPE;
    UploadNotFound "UPLOAD_NOT_FOUND" NOT_FOUND;
    UploadNotVerified "UPLOAD_NOT_VERIFIED" UNPROCESSABLE_ENTITY;
    NotFound "NOT_FOUND" NOT_FOUND;
    MethodNotAllowed "METHOD_NOT_ALLOWED" METHOD_NOT_ALLOWED;
    TierLimitExceeded "TIER_LIMIT_EXCEEDED" FORBIDDEN;
    RateLimited "RATE_LIMITED" TOO_MANY_REQUESTS;
    ValidationError "VALIDATION_ERROR" BAD_REQUEST;
    FileTooSmallForMultipart "FILE_TOO_SMALL_FOR_MULTIPART" BAD_REQUEST;
    DuplicateSlug "DUPLICATE_SLUG" CONFLICT;
    Conflict "CONFLICT" CONFLICT;
    Timeout "REQUEST_TIMEOUT" REQUEST_TIMEOUT;
    ServiceUnavailable "SERVICE_UNAVAILABLE" SERVICE_UNAVAILABLE;
    InternalServerError "INTERNAL_SERVER_ERROR" INTERNAL_SERVER_ERROR;
}

/// A refusal.
#[derive(Debug)]
pub(super) struct Refusal {
    code: Code,
    message: Cow<'static, str>,
    suggestion: Option<String>,
}

#[derive(Serialize)]
struct Told<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<&'a str>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), suggestion: None }
    }

    /// Shorthand: a rule of the request is broken.
    pub(super) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::ValidationError, message)
    }

    /// Shorthand: there is no such thing, or none that the key may know of.
    pub(super) fn missing(what: &str) -> Self {
        Self::new(Code::NotFound, format!("{what} not found"))
    }

    pub(super) fn code(&self) -> Code {
        self.code
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// The same refusal with what to do about it.
    pub(super) fn suggest(mut self, suggestion: &str) -> Self {
        self.suggestion = Some(suggestion.to_owned()).filter(|text| !text.is_empty());
        self
    }

    pub(super) fn into_answer(self) -> Answer {
        let inner = Inner { code: self.code.name(), message: &self.message, suggestion: self.suggestion.as_deref() };
        let mut answer = json(self.code.status(), &Told { error: inner });
        if self.code == Code::ServiceUnavailable {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

impl From<windlass_store::Error> for Refusal {
    fn from(error: windlass_store::Error) -> Self {
        let code = code_of(error.kind());
        match code.status().is_server_error() {
            true => tracing::error!(%error, "request failed"),
            false => tracing::debug!(%error, "request refused"),
        }
        match code {
            Code::InternalServerError => Self::new(code, "Internal server error"),
            Code::Forbidden => Self::new(code, "Insufficient permissions"),
            _ => Self::new(code, error.message().to_owned()),
        }
    }
}

/// What the readers of bodies say, in the words of this API.
impl From<crate::error::Error> for Refusal {
    fn from(error: crate::error::Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Timeout => Code::Timeout,
            ErrorKind::Forbidden => Code::Forbidden,
            ErrorKind::Unauthorized => Code::Unauthorized,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::Unavailable => Code::ServiceUnavailable,
            ErrorKind::ServerError => Code::InternalServerError,
            _ => Code::ValidationError,
        };
        Self::new(code, error.message(crate::error::Form::Envelope).into_owned())
    }
}

fn code_of(kind: Stored) -> Code {
    match kind {
        Stored::AccessDenied => Code::Forbidden,
        Stored::FileTooLarge | Stored::EntityTooLarge => Code::FileTooLarge,
        Stored::TypeNotAllowed => Code::FileTypeNotAllowed,
        Stored::NoSuchIntent | Stored::NoSuchUpload => Code::UploadNotFound,
        Stored::InvalidPart | Stored::EntityTooSmall => Code::UploadNotVerified,
        Stored::NoSuchRecord | Stored::NoSuchBucket | Stored::NoSuchKey | Stored::NoSuchKeyId => Code::NotFound,
        Stored::TierLimit | Stored::QuotaExceeded | Stored::QuotaBuckets => Code::TierLimitExceeded,
        Stored::TooSmallForParts => Code::FileTooSmallForMultipart,
        Stored::DuplicateSlug => Code::DuplicateSlug,
        Stored::BucketNotActive | Stored::BucketNotEmpty | Stored::BucketBusy => Code::Conflict,
        Stored::Timeout => Code::Timeout,
        Stored::SlowDown
        | Stored::Unavailable
        | Stored::Latched
        | Stored::UpstreamUnavailable
        | Stored::UpstreamDenied
        | Stored::UpstreamInvalid => Code::ServiceUnavailable,
        Stored::InvalidArgument
        | Stored::InvalidRequest
        | Stored::InvalidPartOrder
        | Stored::IncompleteBody
        | Stored::KeyTooLong
        | Stored::MetadataTooLarge => Code::ValidationError,
        _ => Code::InternalServerError,
    }
}
