//! What goes wrong with an upstream, as errors: each names the host and tells whether to try again helps.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, StatusCode};

use super::provider::{Endpoint, Provider};
use super::request::Answer;
use super::xml::Element;
use crate::blob::ByteStream;
use crate::error::{Error, ErrorKind, Refusal, Result};
use crate::limit;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// It could not be spoken to at all.
pub(super) fn unreachable(host: &str, cause: impl Into<Cause>) -> Error {
    unavailable(format!("The upstream {host} cannot be reached. Please try again.")).because(cause)
}

/// It could not be connected to, for a reason that may pass or one that does not.
pub(super) fn unconnected(host: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    if !is_about_tls(&cause) {
        return unreachable(host, cause);
    }
    let message = format!(
        "The upstream {host} cannot be trusted over TLS. Trying again does not help until its certificate is one that this \
         machine trusts."
    );
    Error::new(ErrorKind::UpstreamDenied, message).because(cause)
}

fn is_about_tls(cause: &(dyn std::error::Error + 'static)) -> bool {
    // An I/O error passes over the error it holds when it is asked for its source.
    let held = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let next = held.map(|held| held as &(dyn std::error::Error + 'static)).or_else(|| cause.source());
    cause.is::<rustls::Error>() || next.is_some_and(is_about_tls)
}

/// The connection to it failed.
pub(super) fn lost(host: &str, cause: impl Into<Cause>) -> Error {
    unavailable(format!("The connection to the upstream {host} was lost. Please try again.")).because(cause)
}

/// It said nothing for too long.
pub(super) fn silent(host: &str) -> Error {
    unavailable(format!("The upstream {host} did not answer in time. Please try again."))
}

/// It points elsewhere.
pub(super) fn redirected(host: &str, headers: &HeaderMap) -> Error {
    let region = headers.get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    let told = region.map_or_else(String::new, |region| format!(" The bucket is in the region {region}."));
    let message = format!(
        "The upstream {host} answers with a redirection: the account's endpoint or region is not the bucket's.{told} \
         Trying again does not help."
    );
    Error::new(ErrorKind::UpstreamDenied, message)
}

fn unavailable(message: String) -> Error {
    Error::new(ErrorKind::UpstreamUnavailable, message)
}

impl Answer {
    /// The error that it is. What cannot be read of it is told by its status alone.
    pub async fn into_error(self, provider: &Provider) -> Error {
        let document = collect(self.body, limit::UPSTREAM_ERROR_BYTES_MAX).await.unwrap_or_default();
        of_document(&host_of(provider), self.status, &document)
    }

    /// Its document, and the headers. What is an error although its status says otherwise becomes one. Nothing bounds the time
    /// but the pauses.
    pub async fn into_document(self, provider: &Provider) -> Result<(HeaderMap, Bytes)> {
        let document = collect(self.body, limit::UPSTREAM_DOCUMENT_BYTES_MAX).await?;
        if is_error(&document) {
            return Err(of_document(&host_of(provider), StatusCode::SERVICE_UNAVAILABLE, &document));
        }
        Ok((self.headers, document))
    }
}

fn host_of(provider: &Provider) -> String {
    Endpoint::parse(&provider.endpoint).map_or_else(|_| String::new(), |endpoint| endpoint.host().to_owned())
}

/// The error that a document tells.
fn of_document(host: &str, status: StatusCode, document: &[u8]) -> Error {
    let element = Element::parse(document).ok();
    // The Security Token Service puts it into another element.
    let error = element.as_ref().map(|root| root.child("Error").unwrap_or(root));
    let told = |name| error.and_then(|error| error.text_of(name)).filter(|text| !text.is_empty());
    let code: String =
        told("Code").filter(|code| code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')).map_or_else(
            || default_code(status).to_owned(),
            |code| code.chars().take(limit::UPSTREAM_CODE_CHARS_MAX).collect(),
        );
    let message: String = told("Message").unwrap_or_default().chars().take(limit::UPSTREAM_MESSAGE_CHARS_MAX).collect();
    let kind = kind(status, &code);
    let message = match kind {
        ErrorKind::UpstreamUnavailable => {
            format!("The upstream {host} cannot answer now ({code}). Please try again.")
        }
        ErrorKind::UpstreamDenied => format!(
            "The upstream {host} does not take the credentials of its account ({code}). \
             Trying again does not help until they are right."
        ),
        // Its message can name the account's users.
        ErrorKind::AccessDenied => format!("The upstream {host} denies it to the account ({code})."),
        _ if message.is_empty() => format!("The upstream {host} refuses the request ({code})."),
        _ => message,
    };
    Error::new(kind, message).refused_by_upstream(Refusal { status: status.as_u16(), code })
}

/// Whether a document tells an error although its status tells success, as some answers of S3 do whose head went out early
/// (S3 API: CompleteMultipartUpload).
fn is_error(document: &[u8]) -> bool {
    let head = document.get(..document.len().min(limit::UPSTREAM_ERROR_BYTES_MAX)).unwrap_or_default();
    let mut rest = head.trim_ascii_start();
    if rest.starts_with(b"<?") {
        let end = rest.iter().position(|b| *b == b'>').map_or(rest.len(), |end| end + 1);
        rest = rest.get(end..).unwrap_or_default().trim_ascii_start();
    }
    rest.starts_with(b"<Error")
}

/// Reads a body whole. `UpstreamInvalid` beyond `bytes_max`.
async fn collect(mut body: ByteStream, bytes_max: usize) -> Result<Bytes> {
    let mut document = BytesMut::new();
    while let Some(bytes) = body.next().await.transpose()? {
        if document.len() + bytes.len() > bytes_max {
            return Err(Error::new(ErrorKind::UpstreamInvalid, "The upstream's answer is larger than it may be."));
        }
        document.extend_from_slice(&bytes);
    }
    Ok(document.freeze())
}

/// What to make of an answer that has no document, as those to HEAD.
fn default_code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_MODIFIED => "NotModified",
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => "AccessDenied",
        StatusCode::NOT_FOUND => "NoSuchKey",
        StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
        StatusCode::PRECONDITION_FAILED => "PreconditionFailed",
        StatusCode::RANGE_NOT_SATISFIABLE => "InvalidRange",
        StatusCode::NOT_IMPLEMENTED => "NotImplemented",
        status if status.is_server_error() => "ServiceUnavailable",
        _ => "InvalidRequest",
    }
}

/// What the caller can do about it.
fn kind(status: StatusCode, code: &str) -> ErrorKind {
    match code {
        "NoSuchKey" => ErrorKind::NoSuchKey,
        "NoSuchBucket" => ErrorKind::NoSuchBucket,
        "NoSuchVersion" => ErrorKind::NoSuchVersion,
        "NoSuchUpload" => ErrorKind::NoSuchUpload,
        "NotModified" => ErrorKind::NotModified,
        "PreconditionFailed" => ErrorKind::PreconditionFailed,
        "InvalidRange" => ErrorKind::InvalidRange,
        "BucketAlreadyExists" => ErrorKind::BucketAlreadyExists,
        "BucketAlreadyOwnedByYou" => ErrorKind::BucketAlreadyOwnedByYou,
        "BucketNotEmpty" => ErrorKind::BucketNotEmpty,
        "InvalidBucketName" => ErrorKind::InvalidBucketName,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => ErrorKind::AccessDenied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "InvalidClientTokenId"
        | "RequestTimeTooSkewed"
        | "RequestExpired"
        | "AuthorizationHeaderMalformed"
        | "InvalidSecurity"
        | "NotSignedUp"
        | "IllegalLocationConstraintException" => ErrorKind::UpstreamDenied,
        "SlowDown"
        | "ServiceUnavailable"
        | "InternalError"
        | "RequestTimeout"
        | "TooManyRequests"
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "Busy" => ErrorKind::UpstreamUnavailable,
        _ if status == StatusCode::TOO_MANY_REQUESTS => ErrorKind::UpstreamUnavailable,
        "NotImplemented" => ErrorKind::UpstreamRefused,
        _ if status.is_server_error() => ErrorKind::UpstreamUnavailable,
        _ if status == StatusCode::UNAUTHORIZED => ErrorKind::UpstreamDenied,
        _ => ErrorKind::UpstreamRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, document: &str) -> (ErrorKind, String, String) {
        let error = of_document("s3.test", StatusCode::from_u16(status).unwrap(), document.as_bytes());
        let code = error.upstream().unwrap().code.clone();
        (error.kind(), code, error.message().to_owned())
    }

    fn document(code: &str, message: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>")
    }

    #[test]
    fn an_answer_is_told_by_its_code() {
        let (kind, code, message) = told(404, &document("NoSuchKey", "The key &lt;x&gt; is not there."));
        assert_eq!(
            (kind, code.as_str(), message.as_str()),
            (ErrorKind::NoSuchKey, "NoSuchKey", "The key <x> is not there.")
        );
        assert_eq!(told(400, &document("InvalidArgument", "m")).0, ErrorKind::UpstreamRefused);
        assert_eq!(told(503, &document("SlowDown", "m")).0, ErrorKind::UpstreamUnavailable);
        assert_eq!(told(500, "<html>").0, ErrorKind::UpstreamUnavailable);
        assert_eq!(told(429, "").0, ErrorKind::UpstreamUnavailable);
        let sts = "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>m</Message></Error></ErrorResponse>";
        assert_eq!(told(403, sts).0, ErrorKind::UpstreamDenied);
    }

    #[test]
    fn what_is_about_the_account_names_the_host_and_nothing_else() {
        for (status, code, kind) in [
            (403, "InvalidAccessKeyId", ErrorKind::UpstreamDenied),
            (403, "SignatureDoesNotMatch", ErrorKind::UpstreamDenied),
            (400, "ExpiredToken", ErrorKind::UpstreamDenied),
            (403, "AccessDenied", ErrorKind::AccessDenied),
        ] {
            let (told, _, message) = told(status, &document(code, "User: arn:aws:iam::1:user/x"));
            assert_eq!(told, kind, "{code}");
            assert!(message.contains("s3.test") && message.contains(code) && !message.contains("arn:"), "{message}");
        }
    }

    #[test]
    fn an_answer_without_a_document_is_told_by_its_status() {
        assert_eq!(told(404, "").0, ErrorKind::NoSuchKey);
        assert_eq!(told(304, "").0, ErrorKind::NotModified);
        assert_eq!(told(412, "").0, ErrorKind::PreconditionFailed);
        assert_eq!(told(403, "").0, ErrorKind::AccessDenied);
        assert_eq!(told(401, &document("Odd<b/>", "m")).0, ErrorKind::UpstreamDenied);
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_told_however_deep_it_lies() {
        let tls = rustls::Error::General("unknown issuer".to_owned());
        let nested = std::io::Error::other(std::io::Error::other(tls));
        assert_eq!(unconnected("h", nested).kind(), ErrorKind::UpstreamDenied);
        let away = std::io::Error::other(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        assert_eq!(unconnected("h", away).kind(), ErrorKind::UpstreamUnavailable);
    }

    #[test]
    fn errors_of_successful_answers_are_found() {
        assert!(is_error(b"<?xml version=\"1.0\"?>\n\n  <Error><Code>InternalError</Code></Error>"));
        assert!(is_error(b"<Error/>"));
        assert!(!is_error(b"<?xml version=\"1.0\"?><CompleteMultipartUploadResult/>"));
        assert!(!is_error(b""));
    }
}
