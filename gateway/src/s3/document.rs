//! Documents (XML bodies). Those of requests are bounded, read whole, and held against the digests that came with them before
//! s3s parses them, since it shows a handler only the result. Those of answers s3s prints, but for the few that it would not
//! print as S3 does.

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method};
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::xml::{SerializeContent, Serializer};
use s3s::{Body, S3Error, S3Result, TrailingHeaders};
use windlass_store::blob::{ChecksumAlgorithm, ExpectedChecksum};

use super::body;
use super::checksum;
use super::error;
use super::host::Target;
use super::query::Query;

/// Largest document that settings are made of, in bytes.
const CONTROL_BYTES_MAX: usize = 1 << 20;
/// Largest document of DeleteObjects and CompleteMultipartUpload, in bytes; also s3s's own limit.
pub(super) const LIST_BYTES_MAX: usize = 8 << 20;

/// The namespace of all documents of S3.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Prints the document of an answer.
pub(super) fn print(name: &str, content: &impl SerializeContent) -> S3Result<Bytes> {
    let mut out = Vec::with_capacity(1 << 10);
    let mut serializer = Serializer::new(&mut out);
    let printed = serializer.decl().and_then(|()| serializer.content_with_ns(name, NAMESPACE, content));
    printed.map_err(S3Error::internal_error)?;
    Ok(out.into())
}

/// Parameters of PUTs of a document about an object.
const OF_OBJECTS: [&str; 4] = ["acl", "legal-hold", "retention", "tagging"];

/// What a document must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rules {
    bytes_max: usize,
    /// Whether it is XML that is kept and printed again, which what XML cannot hold could not be. Lists of keys and parts are
    /// not, and clients send keys as they are; and policies are JSON.
    printed: bool,
    /// Whether `x-amz-checksum-*` speaks of the document. On CompleteMultipartUpload it speaks of the object.
    checksums: bool,
}

impl Rules {
    /// The rules for a request, if its body is a document.
    pub(super) fn of(method: &Method, target: &Target, query: &Query) -> Option<Self> {
        let object = target.key.is_some();
        let list = |checksums| Some(Self { bytes_max: LIST_BYTES_MAX, printed: false, checksums });
        let settings = Self { bytes_max: CONTROL_BYTES_MAX, printed: !query.has("policy"), checksums: true };
        match *method {
            Method::POST if query.has("delete") && !object => list(true),
            Method::POST if query.has("uploadId") && object => list(false),
            // Creating an upload has no document, though some clients send one.
            Method::POST => Some(Self { printed: false, checksums: false, ..settings }),
            Method::PUT if !object || OF_OBJECTS.iter().any(|name| query.has(name)) => Some(settings),
            _ => None,
        }
    }

    /// Reads a document. `MaxMessageLengthExceeded`, `IncompleteBody`, `BadDigest` and the errors of the body itself.
    pub(super) async fn read(
        self,
        mut body: Body,
        headers: &HeaderMap,
        trailers: Option<&TrailingHeaders>,
    ) -> S3Result<Bytes> {
        let too_large = || error::refuse("MaxMessageLengthExceeded", "Your request was too big.");
        let declared = body::declared_length(headers)?;
        if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > self.bytes_max)) {
            return Err(too_large());
        }
        let mut document = BytesMut::new();
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|cause| error::from_store(body::from_text(&cause.to_string())))?;
            if document.len() + bytes.len() > self.bytes_max {
                return Err(too_large());
            }
            document.extend_from_slice(&bytes);
        }
        if headers.contains_key(CONTENT_LENGTH) && declared.is_some_and(|length| length != document.len() as u64) {
            return Err(error::refuse("IncompleteBody", "The body is not as long as the headers declare."));
        }
        self.verify(&document, headers, trailers)?;
        if self.printed && is_unprintable(&document) {
            return Err(error::malformed_xml());
        }
        Ok(document.freeze())
    }

    fn verify(self, document: &[u8], headers: &HeaderMap, trailers: Option<&TrailingHeaders>) -> S3Result<()> {
        if checksum::content_md5(headers)?.is_some_and(|md5| md5 != Md5::checksum(document)) {
            return Err(bad_digest("Content-MD5"));
        }
        if !self.checksums {
            return Ok(());
        }
        let (algorithm, value) = match checksum::expected(headers, trailers)? {
            ExpectedChecksum::Value(algorithm, value) => (algorithm, value),
            ExpectedChecksum::Trailer(algorithm, read) => (algorithm, read().map_err(error::from_store)?),
            ExpectedChecksum::None | ExpectedChecksum::Compute(_) => return Ok(()),
        };
        if digest(algorithm, document) == value { Ok(()) } else { Err(bad_digest(algorithm.name())) }
    }
}

/// Whether a document holds characters that XML cannot (XML 1.0, section 2.2).
fn is_unprintable(document: &[u8]) -> bool {
    document.iter().any(|byte| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x7F))
}

fn digest(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        ChecksumAlgorithm::Crc32 => Crc32::checksum(bytes).to_vec(),
        ChecksumAlgorithm::Crc32c => Crc32c::checksum(bytes).to_vec(),
        ChecksumAlgorithm::Crc64Nvme => Crc64Nvme::checksum(bytes).to_vec(),
        ChecksumAlgorithm::Sha1 => Sha1::checksum(bytes).to_vec(),
        ChecksumAlgorithm::Sha256 => Sha256::checksum(bytes).to_vec(),
    }
}

fn bad_digest(what: &str) -> S3Error {
    error::refuse("BadDigest", format!("The {what} you specified did not match the calculated checksum."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    async fn read(document: &'static str, headers: &[(&'static str, &'static str)]) -> Result<Bytes, String> {
        let headers =
            headers.iter().map(|(n, v)| (http::HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        let rules = Rules { bytes_max: 5, printed: true, checksums: true };
        read_by(rules, document, &headers).await
    }

    async fn read_by(rules: Rules, document: &'static str, headers: &HeaderMap) -> Result<Bytes, String> {
        let result = rules.read(Body::from(document.to_owned()), headers, None).await;
        result.map_err(|error| error.code().as_str().to_owned())
    }

    #[tokio::test]
    async fn documents_are_bounded_and_whole() {
        assert_eq!(read("hello", &[]).await, Ok(Bytes::from_static(b"hello")));
        assert_eq!(read("hello!", &[]).await, Err("MaxMessageLengthExceeded".into()));
        assert_eq!(read("", &[("content-length", "6")]).await, Err("MaxMessageLengthExceeded".into()));
        assert_eq!(read("hell", &[("content-length", "5")]).await, Err("IncompleteBody".into()));
    }

    #[tokio::test]
    async fn what_is_printed_again_holds_no_characters_that_xml_cannot() {
        let read = async |printed, document| {
            read_by(Rules { bytes_max: 20, printed, checksums: true }, document, &HeaderMap::new()).await.map(drop)
        };
        for document in ["<a>\u{e}</a>", "\n<a>\0</a>", "?<a>\u{1f}</a>"] {
            assert_eq!(read(true, document).await, Err("MalformedXML".into()), "{document:?}");
            assert_eq!(read(false, document).await, Ok(()), "{document:?}");
        }
        assert_eq!(read(true, "<a>\t\r\n\u{7f}é</a>").await, Ok(()));
    }

    #[tokio::test]
    async fn documents_keep_their_digests() {
        let md5 = |value| [("content-md5", value)];
        assert!(read("hello", &md5("XUFAKrxLKna5cZ2REBfFkg==")).await.is_ok());
        assert_eq!(read("hello", &md5("AAAAAAAAAAAAAAAAAAAAAA==")).await, Err("BadDigest".into()));
        assert_eq!(read("hello", &md5("zz")).await, Err("InvalidDigest".into()));
        assert!(read("hello", &[("x-amz-checksum-crc32", "NhCmhg==")]).await.is_ok());
        assert_eq!(read("hello", &[("x-amz-checksum-crc32", "AAAAAA==")]).await, Err("BadDigest".into()));
    }

    #[test]
    fn only_documents_are_read_whole() {
        let rules = |method: Method, key: Option<&str>, uri: &'static str| {
            let target = Target { bucket: Some("b".into()), key: key.map(str::to_owned) };
            Rules::of(&method, &target, &Query::of(&http::Uri::from_static(uri)))
        };
        assert_eq!(rules(Method::PUT, Some("k"), "/b/k"), None);
        assert_eq!(rules(Method::GET, None, "/b"), None);
        assert!(rules(Method::PUT, None, "/b").is_some_and(|rules| rules.bytes_max == CONTROL_BYTES_MAX));
        assert!(rules(Method::PUT, None, "/b?cors").is_some_and(|rules| rules.printed));
        assert!(rules(Method::PUT, None, "/b?policy").is_some_and(|rules| !rules.printed));
        assert!(rules(Method::POST, None, "/b?delete").is_some_and(|rules| rules.checksums));
        assert!(rules(Method::POST, Some("k"), "/b/k?uploadId=x").is_some_and(|rules| !rules.checksums));
    }
}
