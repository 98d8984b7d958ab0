//! Bodies on their way in: deadlines and chunk limits in front of s3s, and the meaning of its errors behind it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::{TryStreamExt as _, stream};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Result};
use windlass_store::blob::ByteStream;
use windlass_store::{Error, ErrorKind, limit};

use super::chunk::{ChunkFault, ChunkMeter};
use super::error;
use crate::incoming::{ClientBody, Cut, IDLE, Rest};

/// Whether the body is framed as aws-chunked.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    headers.get("x-amz-content-sha256").is_some_and(|value| value.as_bytes().starts_with(b"STREAMING-"))
}

/// The length of the payload as the headers declare it, framing not counted. `None` if they do not.
/// `InvalidArgument` if it is not a number, `EntityTooLarge` beyond what one PUT may hold.
pub(super) fn declared_length(headers: &HeaderMap) -> S3Result<Option<u64>> {
    let decoded = headers.get("x-amz-decoded-content-length").filter(|_| is_chunked(headers));
    let Some(value) = decoded.or_else(|| headers.get(CONTENT_LENGTH).filter(|_| !is_chunked(headers))) else {
        return Ok(None);
    };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let length: u64 = digits
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| error::invalid_argument("The declared length is not a number of bytes."))?;
    if length > limit::PUT_BYTES_MAX {
        return Err(error::refuse("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"));
    }
    Ok(Some(length))
}

/// Wraps the body of a request for s3s. What is not read of it is put back into `rest`, unless the client waits to be
/// told to send it.
pub(super) fn from_client(incoming: Incoming, headers: &HeaderMap, idle: Duration, rest: &Rest) -> Body {
    if incoming.is_end_stream() {
        return Body::empty();
    }
    let meter = is_chunked(headers).then(ChunkMeter::default);
    Body::http_body(ChunkedBody { body: Some(ClientBody::new(incoming, headers, idle, rest)), meter })
}

/// The payload behind s3s as the store takes it. An error of the store's own keeps its meaning.
pub(super) fn into_stream(blob: Option<StreamingBlob>) -> ByteStream {
    match blob {
        Some(blob) => Box::pin(blob.map_err(|cause| match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => from_text(&cause.to_string()),
        })),
        None => Box::pin(stream::empty()),
    }
}

/// What went wrong with a body. s3s's own stream errors are private types, so that their text is all there is to tell
/// them by; a test holds the texts.
pub(super) fn from_text(text: &str) -> Error {
    let inner = ["UploadStreamError: Underlying: ", "AwsChunkedStreamError: Underlying: "]
        .iter()
        .fold(text, |text, prefix| text.strip_prefix(prefix).unwrap_or(text));
    let (kind, message) = match inner {
        "UploadStreamError: Sha256Mismatch" => (
            ErrorKind::PayloadHashMismatch,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        "AwsChunkedStreamError: SignatureMismatch" => {
            (ErrorKind::SignatureMismatch, "The signature of a chunk does not match the one we calculated.")
        }
        IDLE => (
            ErrorKind::Timeout,
            "Your socket connection to the server was not read from or written to within the timeout period.",
        ),
        CHUNK_TOO_LARGE => (ErrorKind::InvalidRequest, "A chunk of an aws-chunked body may hold at most 16 MiB."),
        CHUNK_MALFORMED => (ErrorKind::InvalidRequest, "The body is not framed as aws-chunked."),
        other if other.starts_with("AwsChunkedStreamError: ") && !other.ends_with("Incomplete") => {
            (ErrorKind::InvalidRequest, "The body is not framed as aws-chunked.")
        }
        _ => (
            ErrorKind::IncompleteBody,
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        ),
    };
    Error::new(kind, message).because(text.to_owned())
}

const CHUNK_TOO_LARGE: &str = "client body: chunk too large";
const CHUNK_MALFORMED: &str = "client body: malformed chunk header";

/// Why a body was cut.
#[derive(Debug)]
enum BodyFault {
    Chunk(ChunkFault),
    Client(Cut),
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chunk(ChunkFault::TooLarge) => f.write_str(CHUNK_TOO_LARGE),
            Self::Chunk(ChunkFault::Malformed) => f.write_str(CHUNK_MALFORMED),
            Self::Chunk(ChunkFault::Unended) => f.write_str("client body: no last chunk"),
            Self::Client(cut) => cut.fmt(f),
        }
    }
}

impl std::error::Error for BodyFault {}

/// A request body that ends with an error also when the client declares too large a chunk.
struct ChunkedBody {
    /// Gone once a chunk was refused: there is a client who listens, so the rest of it is put back.
    body: Option<ClientBody>,
    meter: Option<ChunkMeter>,
}

impl http_body::Body for ChunkedBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        let frame = match ready!(Pin::new(body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            None => {
                let ended = self.meter.take().map_or(Ok(()), |meter| meter.end());
                return Poll::Ready(ended.err().map(|fault| Err(BodyFault::Chunk(fault))));
            }
            other => return Poll::Ready(other.map(|frame| frame.map_err(BodyFault::Client))),
        };
        let fault = frame.data_ref().zip(self.meter.as_mut()).and_then(|(data, meter)| meter.pass(data).err());
        let Some(fault) = fault else { return Poll::Ready(Some(Ok(frame))) };
        self.body = None;
        Poll::Ready(Some(Err(BodyFault::Chunk(fault))))
    }

    fn is_end_stream(&self) -> bool {
        // A framed body has to be asked for its end, which may be none.
        self.meter.is_none() && self.body.as_ref().is_none_or(ClientBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, ClientBody::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (http::HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn the_declared_length_is_that_of_the_payload() {
        let streaming = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
        let length = |pairs: &[_]| declared_length(&headers(pairs)).map_err(|e| e.code().as_str().to_owned());
        assert_eq!(length(&[("content-length", "7")]), Ok(Some(7)));
        assert_eq!(length(&[streaming, ("content-length", "70"), ("x-amz-decoded-content-length", "7")]), Ok(Some(7)));
        assert_eq!(length(&[streaming, ("content-length", "70")]), Ok(None));
        assert_eq!(length(&[("x-amz-decoded-content-length", "7")]), Ok(None));
        assert_eq!(length(&[("content-length", "5368709120")]), Ok(Some(5 << 30)));
        assert_eq!(length(&[("content-length", "5368709121")]), Err("EntityTooLarge".into()));
        assert_eq!(length(&[streaming, ("x-amz-decoded-content-length", "+7")]), Err("InvalidArgument".into()));
    }

    /// The texts of s3s 0.14.1. If this fails after an upgrade, look them up again: nothing else tells its errors apart.
    #[test]
    fn stream_errors_are_told_by_their_text() {
        for (text, kind) in [
            ("UploadStreamError: Sha256Mismatch", ErrorKind::PayloadHashMismatch),
            ("UploadStreamError: LengthMismatch", ErrorKind::IncompleteBody),
            ("UploadStreamError: Incomplete", ErrorKind::IncompleteBody),
            ("UploadStreamError: Underlying: client body: idle for too long", ErrorKind::Timeout),
            ("AwsChunkedStreamError: SignatureMismatch", ErrorKind::SignatureMismatch),
            ("AwsChunkedStreamError: Incomplete", ErrorKind::IncompleteBody),
            ("AwsChunkedStreamError: FormatError", ErrorKind::InvalidRequest),
            ("AwsChunkedStreamError: Underlying: client body: chunk too large", ErrorKind::InvalidRequest),
            ("AwsChunkedStreamError: TrailersTooLarge: size 20000 exceeds limit 16384", ErrorKind::InvalidRequest),
            ("AwsChunkedStreamError: Underlying: client body: connection reset", ErrorKind::IncompleteBody),
            ("client body: idle for too long", ErrorKind::Timeout),
            ("connection closed", ErrorKind::IncompleteBody),
        ] {
            assert_eq!(from_text(text).kind(), kind, "{text}");
        }
    }
}
