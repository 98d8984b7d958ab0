//! Errors in the words of S3: the store's kinds, and refusals of the door itself.

use std::borrow::Cow;

use http::header::{ALLOW, LAST_MODIFIED, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::{S3Error, S3ErrorCode};
use windlass_store::error::{Marker, Refusal};
use windlass_store::{Error, ErrorKind};

use super::{date, extras};

/// Seconds a client is asked to wait when the store is busy or away.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A refusal with an S3 error code. A code that s3s does not know is a 400, but for the one that says that something is
/// missing.
pub(super) fn refuse(code: &'static str, message: impl Into<Cow<'static, str>>) -> S3Error {
    let Ok(parsed) = code.parse::<S3ErrorCode>();
    let mut error = S3Error::with_message(parsed, message);
    if error.status_code().is_none() {
        let missing = code == "NoSuchPublicAccessBlockConfiguration";
        error.set_status_code(if missing { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST });
    }
    error
}

/// Shorthand: an argument is outside its range or form.
pub(super) fn invalid_argument(message: impl Into<Cow<'static, str>>) -> S3Error {
    refuse("InvalidArgument", message)
}

/// Shorthand: the request contradicts itself.
pub(super) fn invalid_request(message: impl Into<Cow<'static, str>>) -> S3Error {
    refuse("InvalidRequest", message)
}

/// Shorthand: a document is not what its operation takes.
pub(super) fn malformed_xml() -> S3Error {
    refuse("MalformedXML", default_message("MalformedXML"))
}

/// Shorthand: something S3 has and this gateway has not. Nothing is ever stored as if it had an effect.
pub(super) fn not_implemented(what: &str) -> S3Error {
    refuse("NotImplemented", format!("{what} is not implemented."))
}

/// Translates an error of the store and logs its cause: faults of ours as errors, the rest for those who look.
pub(super) fn from_store(error: Error) -> S3Error {
    let mut answer = match (error.kind(), error.upstream()) {
        (ErrorKind::UpstreamRefused, Some(refusal)) => of_upstream(refusal, error.message()),
        (ErrorKind::UpstreamUnavailable, Some(refusal)) if refusal.code == "SlowDown" => {
            refuse("SlowDown", error.message().to_owned())
        }
        (kind, _) => refuse(code(kind), error.message().to_owned()),
    };
    if error.kind() == ErrorKind::QuotaExceeded {
        answer.set_status_code(StatusCode::PAYMENT_REQUIRED);
    }
    if answer.status_code().is_some_and(|status| status.is_server_error()) {
        tracing::error!(%error, "request failed");
    } else {
        tracing::debug!(%error, "request refused");
    }
    if let Some(marker) = error.marker() {
        answer.set_headers(about_marker(error.kind(), marker));
    }
    if error.kind().may_pass() {
        answer.set_headers(HeaderMap::from_iter([(RETRY_AFTER, RETRY_AFTER_SECONDS)]));
    }
    answer
}

/// What an upstream says of the request itself, in its own words: it knows codes that mean nothing here.
fn of_upstream(refusal: &Refusal, message: &str) -> S3Error {
    let Ok(code) = refusal.code.parse::<S3ErrorCode>();
    let mut error = S3Error::with_message(code, message.to_owned());
    let status = StatusCode::from_u16(refusal.status).ok().filter(StatusCode::is_client_error);
    error.set_status_code(status.or(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST));
    error
}

/// What an answer tells of the delete marker that it is about (S3: "Working with delete markers").
fn about_marker(kind: ErrorKind, marker: Marker) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    extras::show_version(Some(marker.version), &mut headers);
    if kind == ErrorKind::IsDeleteMarker {
        headers.insert(LAST_MODIFIED, date::http(marker.modified_ms));
        headers.insert(ALLOW, HeaderValue::from_static("DELETE"));
    }
    headers
}

/// The S3 code of each kind of the store's errors.
pub(super) fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AccessDenied | ErrorKind::SettingNotManaged => "AccessDenied",
        ErrorKind::NoSuchBucket => "NoSuchBucket",
        ErrorKind::NoSuchKey => "NoSuchKey",
        ErrorKind::NoSuchVersion => "NoSuchVersion",
        ErrorKind::IsDeleteMarker => "MethodNotAllowed",
        ErrorKind::InvalidBucketState => "InvalidBucketState",
        ErrorKind::InvalidRetentionPeriod => "InvalidRetentionPeriod",
        ErrorKind::NoSuchUpload => "NoSuchUpload",
        // None is known to S3: they belong to the JSON doors.
        ErrorKind::NoSuchKeyId
        | ErrorKind::NoSuchShare
        | ErrorKind::NoSuchScript
        | ErrorKind::NoSuchAccount
        | ErrorKind::AccountNotActive
        | ErrorKind::BucketLinked => "InvalidRequest",
        // Nor are these, which belong to the uploads door.
        ErrorKind::NoSuchRecord
        | ErrorKind::NoSuchIntent
        | ErrorKind::DuplicateSlug
        | ErrorKind::TierLimit
        | ErrorKind::TooSmallForParts => "InvalidRequest",
        ErrorKind::MalformedPolicy => "MalformedPolicy",
        ErrorKind::AclNotSupported => "AccessControlListNotSupported",
        ErrorKind::InvalidAclWithOwnership => "InvalidBucketAclWithObjectOwnership",
        ErrorKind::BucketAlreadyOwnedByYou => "BucketAlreadyOwnedByYou",
        ErrorKind::BucketAlreadyExists => "BucketAlreadyExists",
        ErrorKind::BucketNotEmpty => "BucketNotEmpty",
        ErrorKind::BucketNotActive | ErrorKind::BucketBusy => "OperationAborted",
        ErrorKind::QuotaBuckets => "TooManyBuckets",
        ErrorKind::QuotaExceeded => "QuotaExceeded",
        ErrorKind::TypeNotAllowed => "AccessDenied",
        ErrorKind::InvalidBucketName => "InvalidBucketName",
        ErrorKind::InvalidArgument => "InvalidArgument",
        ErrorKind::InvalidRequest => "InvalidRequest",
        ErrorKind::KeyTooLong => "KeyTooLongError",
        ErrorKind::MetadataTooLarge => "MetadataTooLarge",
        ErrorKind::PreconditionFailed => "PreconditionFailed",
        ErrorKind::NotModified => "NotModified",
        ErrorKind::InvalidRange => "InvalidRange",
        ErrorKind::InvalidDigest => "InvalidDigest",
        ErrorKind::BadDigest => "BadDigest",
        ErrorKind::PayloadHashMismatch => "XAmzContentSHA256Mismatch",
        ErrorKind::SignatureMismatch => "SignatureDoesNotMatch",
        ErrorKind::IncompleteBody => "IncompleteBody",
        ErrorKind::Timeout => "RequestTimeout",
        ErrorKind::EntityTooLarge | ErrorKind::FileTooLarge => "EntityTooLarge",
        ErrorKind::EntityTooSmall => "EntityTooSmall",
        ErrorKind::InvalidPart => "InvalidPart",
        ErrorKind::InvalidPartOrder => "InvalidPartOrder",
        ErrorKind::InvalidTag => "InvalidTag",
        ErrorKind::TooManyTags => "BadRequest",
        ErrorKind::MalformedDocument => "MalformedXML",
        ErrorKind::SlowDown => "SlowDown",
        ErrorKind::UpstreamRefused => "InvalidRequest",
        ErrorKind::Unavailable
        | ErrorKind::Latched
        | ErrorKind::UpstreamUnavailable
        | ErrorKind::UpstreamDenied
        | ErrorKind::UpstreamInvalid => "ServiceUnavailable",
        // Never of this door.
        ErrorKind::WrongKey | ErrorKind::BucketDeleted | ErrorKind::CheckFailed => "InvalidRequest",
        ErrorKind::Corrupt | ErrorKind::Internal => "InternalError",
    }
}

/// What to tell a client when an error has a code but no sentence.
pub(super) fn default_message(code: &str) -> &'static str {
    match code {
        "AccessDenied" => "Access Denied",
        "InternalError" => "We encountered an internal error. Please try again.",
        "InvalidAccessKeyId" => "The AWS Access Key Id you provided does not exist in our records.",
        "InvalidURI" => "Couldn't parse the specified URI.",
        "KeyTooLongError" => "Your key is too long: at most 1024 bytes.",
        "MalformedXML" => "The XML you provided was not well-formed or did not validate against our published schema",
        "MethodNotAllowed" => "The specified method is not allowed against this resource.",
        "MissingContentLength" => "You must provide the Content-Length HTTP header.",
        "MissingRequestBodyError" => "Request body is empty.",
        "SignatureDoesNotMatch" => {
            "The request signature we calculated does not match the signature you provided. Check your key and signing method."
        }
        _ => "The request could not be carried out.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_s3() {
        let status = |kind| refuse(code(kind), "").status_code().map(|s| s.as_u16());
        assert_eq!(status(ErrorKind::AccessDenied), Some(403));
        assert_eq!(status(ErrorKind::NoSuchKey), Some(404));
        assert_eq!(status(ErrorKind::BucketNotEmpty), Some(409));
        assert_eq!(status(ErrorKind::PreconditionFailed), Some(412));
        assert_eq!(status(ErrorKind::InvalidRange), Some(416));
        assert_eq!(status(ErrorKind::PayloadHashMismatch), Some(400));
        assert_eq!(status(ErrorKind::SlowDown), Some(503));
        assert_eq!(status(ErrorKind::Corrupt), Some(500));
        assert_eq!(status(ErrorKind::BucketNotActive), Some(409));
        assert_eq!(status(ErrorKind::TypeNotAllowed), Some(403));
        assert_eq!(status(ErrorKind::FileTooLarge), Some(400));
        assert_eq!(status(ErrorKind::QuotaBuckets), Some(400));
    }

    #[test]
    fn a_full_plan_is_a_refusal_although_s3_does_not_know_it() {
        let error = from_store(Error::new(ErrorKind::QuotaExceeded, "Storage limit exceeded. Upgrade your plan."));
        assert_eq!((error.code().as_str(), error.status_code()), ("QuotaExceeded", Some(StatusCode::PAYMENT_REQUIRED)));
    }

    #[test]
    fn a_busy_store_asks_to_retry_and_keeps_its_causes_to_itself() {
        let error = from_store(Error::new(ErrorKind::SlowDown, "Reduce your request rate.").because("queue of 4096"));
        assert_eq!(error.headers().and_then(|h| h.get(RETRY_AFTER)), Some(&RETRY_AFTER_SECONDS));
        assert_eq!(error.message(), Some("Reduce your request rate."));
    }
}
