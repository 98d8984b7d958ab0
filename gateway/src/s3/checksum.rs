//! Flexible checksums: what a request says of its body, and how answers show what is stored (S3: "Checking object
//! integrity").

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::dto;
use s3s::{S3Error, S3Result, TrailingHeaders};
use windlass_store::blob::{Checksum, ChecksumAlgorithm, ChecksumKind, Expect, ExpectedChecksum};
use windlass_store::{Error, ErrorKind};

use super::body;
use super::call::{Call, text};
use super::error::{self, invalid_request};

const PREFIX: &str = "x-amz-checksum-";

/// The algorithms with the end of their header's name.
const ALGORITHMS: [(ChecksumAlgorithm, &str); 5] = [
    (ChecksumAlgorithm::Crc32, "crc32"),
    (ChecksumAlgorithm::Crc32c, "crc32c"),
    (ChecksumAlgorithm::Crc64Nvme, "crc64nvme"),
    (ChecksumAlgorithm::Sha1, "sha1"),
    (ChecksumAlgorithm::Sha256, "sha256"),
];

/// What the body of a PUT must be: its length, which must be declared where it can be, and its digests.
pub(super) fn expectation(call: &Call) -> S3Result<Expect> {
    let length = body::declared_length(&call.headers)?;
    if length.is_none() && call.form.is_none() {
        return Err(error::refuse("MissingContentLength", error::default_message("MissingContentLength")));
    }
    Ok(Expect { length, md5: content_md5(&call.headers)?, checksum: expected(&call.headers, call.trailers.as_ref())? })
}

/// The Content-MD5 header. `InvalidDigest` unless it is the base64 of 16 bytes.
pub(super) fn content_md5(headers: &HeaderMap) -> S3Result<Option<[u8; 16]>> {
    let Some(value) = headers.get("content-md5") else { return Ok(None) };
    let bytes = BASE64_STANDARD.decode(value.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or_else(|| error::refuse("InvalidDigest", "The Content-MD5 you specified is not valid."))
}

/// The one checksum of a body, as a header, as a trailer, or to be computed.
pub(super) fn expected(headers: &HeaderMap, trailers: Option<&TrailingHeaders>) -> S3Result<ExpectedChecksum> {
    let declared = declared(headers)?;
    let value = value(headers)?;
    let trailer = trailer(headers)?;
    let named = value.as_ref().map(|(algorithm, _)| *algorithm).or(trailer);
    if declared.zip(named).is_some_and(|(declared, named)| declared != named) {
        return Err(invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid."));
    }
    match (value, trailer) {
        (Some(_), Some(_)) => Err(several()),
        (Some((algorithm, value)), None) => Ok(ExpectedChecksum::Value(algorithm, decode(algorithm, &value)?)),
        (None, Some(algorithm)) => {
            let Some(trailers) = trailers.cloned() else {
                return Err(invalid_request("x-amz-trailer needs a body in the aws-chunked encoding with trailers."));
            };
            Ok(ExpectedChecksum::Trailer(algorithm, Box::new(move || read_trailer(algorithm, &trailers))))
        }
        (None, None) => Ok(declared.map_or(ExpectedChecksum::None, ExpectedChecksum::Compute)),
    }
}

/// The checksum that a header gives for a whole multipart object; a composite one ends in its number of parts.
pub(super) fn of_whole(headers: &HeaderMap) -> S3Result<Option<(ChecksumAlgorithm, Vec<u8>)>> {
    let Some((algorithm, value)) = value(headers)? else { return Ok(None) };
    let value = match value.rsplit_once('-') {
        Some((value, parts)) if !parts.is_empty() && parts.bytes().all(|b| b.is_ascii_digit()) => value,
        _ => &value,
    };
    decode(algorithm, value).map(|bytes| Some((algorithm, bytes)))
}

/// The algorithm that a request names without a value.
pub(super) fn declared(headers: &HeaderMap) -> S3Result<Option<ChecksumAlgorithm>> {
    let value = headers.get("x-amz-checksum-algorithm").or_else(|| headers.get("x-amz-sdk-checksum-algorithm"));
    let Some(name) = value.and_then(text) else { return Ok(None) };
    let found = ALGORITHMS.iter().find(|(algorithm, _)| algorithm.name().eq_ignore_ascii_case(name));
    found.map(|(algorithm, _)| Some(*algorithm)).ok_or_else(|| {
        invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: \
             [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
        )
    })
}

/// The `x-amz-checksum-type` header.
pub(super) fn kind(headers: &HeaderMap) -> S3Result<Option<ChecksumKind>> {
    match headers.get("x-amz-checksum-type").and_then(text) {
        None => Ok(None),
        Some("COMPOSITE") => Ok(Some(ChecksumKind::Composite)),
        Some("FULL_OBJECT") => Ok(Some(ChecksumKind::FullObject)),
        Some(_) => Err(invalid_request("Value for x-amz-checksum-type header is invalid.")),
    }
}

/// The kind of checksum of a multipart upload: CRC64NVME is always of the whole object, SHA never, and the others are as
/// asked.
pub(super) fn kind_of_upload(algorithm: ChecksumAlgorithm, asked: Option<ChecksumKind>) -> S3Result<ChecksumKind> {
    let only = match algorithm {
        ChecksumAlgorithm::Crc64Nvme => Some(ChecksumKind::FullObject),
        ChecksumAlgorithm::Sha1 | ChecksumAlgorithm::Sha256 => Some(ChecksumKind::Composite),
        ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => None,
    };
    match (only, asked) {
        (Some(only), Some(asked)) if only != asked => Err(invalid_request(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind_name(asked),
            algorithm.name()
        ))),
        (Some(only), _) => Ok(only),
        (None, asked) => Ok(asked.unwrap_or(ChecksumKind::Composite)),
    }
}

/// A part's checksum in the document of CompleteMultipartUpload. `MalformedXML` for several or malformed ones.
pub(super) fn of_part(part: &dto::CompletedPart) -> S3Result<Option<(ChecksumAlgorithm, Vec<u8>)>> {
    let values = [
        &part.checksum_crc32,
        &part.checksum_crc32c,
        &part.checksum_crc64nvme,
        &part.checksum_sha1,
        &part.checksum_sha256,
    ];
    let mut given =
        ALGORITHMS.iter().zip(values).filter_map(|((algorithm, _), value)| Some((*algorithm, value.as_ref()?)));
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some((algorithm, value)), None) => Ok(Some((algorithm, decode(algorithm, value)?))),
        _ => Err(several()),
    }
}

/// The text of a stored checksum.
pub(super) fn print(checksum: &Checksum) -> String {
    let value = BASE64_STANDARD.encode(&checksum.value);
    match checksum.kind {
        ChecksumKind::FullObject => value,
        ChecksumKind::Composite => format!("{value}-{}", checksum.parts),
    }
}

/// Adds a stored checksum to the headers of an answer.
pub(super) fn to_headers(checksum: &Checksum, headers: &mut HeaderMap) {
    let name = ALGORITHMS
        .iter()
        .find(|(algorithm, _)| *algorithm == checksum.algorithm)
        .map(|(_, end)| format!("{PREFIX}{end}"));
    let (name, value) =
        (name.and_then(|name| HeaderName::try_from(name).ok()), HeaderValue::try_from(print(checksum)).ok());
    if let Some((name, value)) = name.zip(value) {
        headers.insert(name, value);
        headers.insert("x-amz-checksum-type", HeaderValue::from_static(kind_name(checksum.kind)));
    }
}

/// The S3 name of a kind.
pub(super) fn kind_name(kind: ChecksumKind) -> &'static str {
    match kind {
        ChecksumKind::FullObject => dto::ChecksumType::FULL_OBJECT,
        ChecksumKind::Composite => dto::ChecksumType::COMPOSITE,
    }
}

/// A kind in an XML answer.
pub(super) fn kind_dto(kind: ChecksumKind) -> dto::ChecksumType {
    dto::ChecksumType::from_static(kind_name(kind))
}

/// An algorithm in an XML answer.
pub(super) fn algorithm_dto(algorithm: ChecksumAlgorithm) -> dto::ChecksumAlgorithm {
    dto::ChecksumAlgorithm::from_static(algorithm.name())
}

/// Sets the one of five like-named fields of an s3s answer that belongs to the checksum's algorithm.
macro_rules! set_field {
    ($answer:expr, $checksum:expr) => {
        if let Some(checksum) = $checksum {
            let text = Some($crate::s3::checksum::print(checksum));
            match checksum.algorithm {
                windlass_store::blob::ChecksumAlgorithm::Crc32 => $answer.checksum_crc32 = text,
                windlass_store::blob::ChecksumAlgorithm::Crc32c => $answer.checksum_crc32c = text,
                windlass_store::blob::ChecksumAlgorithm::Crc64Nvme => $answer.checksum_crc64nvme = text,
                windlass_store::blob::ChecksumAlgorithm::Sha1 => $answer.checksum_sha1 = text,
                windlass_store::blob::ChecksumAlgorithm::Sha256 => $answer.checksum_sha256 = text,
            }
        }
    };
}
pub(super) use set_field;

/// The one `x-amz-checksum-<algorithm>` header. Algorithms that we do not have are refused, never overlooked.
fn value(headers: &HeaderMap) -> S3Result<Option<(ChecksumAlgorithm, String)>> {
    let mut found = None;
    for (name, value) in headers {
        let Some(end) = name.as_str().strip_prefix(PREFIX) else { continue };
        if matches!(end, "algorithm" | "mode" | "type") {
            continue;
        }
        let value = value.to_str().map_err(|_| malformed(name.as_str()))?.trim().to_owned();
        if found.replace((algorithm_of(end)?, value)).is_some() {
            return Err(several());
        }
    }
    Ok(found)
}

/// The algorithm of the checksum that `x-amz-trailer` announces.
fn trailer(headers: &HeaderMap) -> S3Result<Option<ChecksumAlgorithm>> {
    let mut found = None;
    let names = headers.get_all("x-amz-trailer").iter().filter_map(text).flat_map(|list| list.split(','));
    for name in names {
        let name = name.trim().to_ascii_lowercase();
        let Some(end) = name.strip_prefix(PREFIX) else { continue };
        if found.replace(algorithm_of(end)?).is_some() {
            return Err(several());
        }
    }
    Ok(found)
}

fn read_trailer(algorithm: ChecksumAlgorithm, trailers: &TrailingHeaders) -> Result<Vec<u8>, Error> {
    let missing =
        || Error::new(ErrorKind::InvalidRequest, "The request body terminated without the announced checksum trailer.");
    let end = ALGORITHMS.iter().find(|(a, _)| *a == algorithm).map_or("", |(_, end)| end);
    let value = trailers.read(|map| map.get(format!("{PREFIX}{end}")).and_then(text).map(str::to_owned));
    let value = value.flatten().ok_or_else(missing)?;
    decode(algorithm, &value)
        .map_err(|error| Error::new(ErrorKind::InvalidRequest, error.message().unwrap_or_default()))
}

fn algorithm_of(end: &str) -> S3Result<ChecksumAlgorithm> {
    let found = ALGORITHMS.iter().find(|(_, known)| *known == end).map(|(algorithm, _)| *algorithm);
    found.ok_or_else(|| invalid_request(format!("The checksum {PREFIX}{end} is not supported.")))
}

fn decode(algorithm: ChecksumAlgorithm, value: &str) -> S3Result<Vec<u8>> {
    let bytes = BASE64_STANDARD.decode(value).ok().filter(|bytes| bytes.len() == algorithm.value_len());
    bytes.ok_or_else(|| malformed(&format!("{PREFIX}{}", algorithm.name().to_ascii_lowercase())))
}

fn malformed(header: &str) -> S3Error {
    invalid_request(format!("Value for {header} header is invalid."))
}

fn several() -> S3Error {
    invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn ask(pairs: &[(&'static str, &'static str)]) -> Result<ExpectedChecksum, String> {
        expected(&headers(pairs), None).map_err(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn one_well_formed_checksum_is_taken() {
        assert!(matches!(ask(&[]), Ok(ExpectedChecksum::None)));
        let found = ask(&[("x-amz-checksum-crc32", "NhCmhg=="), ("x-amz-sdk-checksum-algorithm", "crc32")]);
        assert!(matches!(found, Ok(ExpectedChecksum::Value(ChecksumAlgorithm::Crc32, value)) if value.len() == 4));
        let found = ask(&[("x-amz-sdk-checksum-algorithm", "SHA256")]);
        assert!(matches!(found, Ok(ExpectedChecksum::Compute(ChecksumAlgorithm::Sha256))));
        assert!(matches!(ask(&[("x-amz-checksum-mode", "ENABLED")]), Ok(ExpectedChecksum::None)));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            &[("x-amz-checksum-crc32", "NhCmhg=="), ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=")][..],
            &[("x-amz-checksum-crc32", "NhCmhg")],
            &[("x-amz-checksum-crc32", "")],
            &[("x-amz-checksum-crc32", "qvTGHdzF6KLavt4PO0gs2a6pQ00=")],
            &[("x-amz-checksum-md4", "NhCmhg==")],
            &[("x-amz-checksum-crc32", "NhCmhg=="), ("x-amz-sdk-checksum-algorithm", "SHA1")],
            &[("x-amz-sdk-checksum-algorithm", "CRC16")],
            &[("x-amz-trailer", "x-amz-checksum-crc32")],
            &[("x-amz-trailer", "x-amz-checksum-crc32,x-amz-checksum-sha1")],
        ] {
            assert!(matches!(ask(bad), Err(code) if code == "InvalidRequest"), "{bad:?}");
        }
    }

    #[test]
    fn content_md5_is_the_base64_of_16_bytes() {
        let md5 = |value| content_md5(&headers(&[("content-md5", value)])).map_err(|e| e.code().as_str().to_owned());
        assert!(md5("XUFAKrxLKna5cZ2REBfFkg==").unwrap().is_some());
        for bad in ["", "XUFAKrxLKna5cZ2REBfF", "not base64"] {
            assert_eq!(md5(bad), Err("InvalidDigest".to_owned()), "{bad:?}");
        }
    }

    #[test]
    fn kinds_follow_the_algorithm() {
        use ChecksumAlgorithm::{Crc32, Crc64Nvme, Sha256};
        use ChecksumKind::{Composite, FullObject};
        let kind = |algorithm, asked| kind_of_upload(algorithm, asked).ok();
        assert_eq!(kind(Crc64Nvme, None), Some(FullObject));
        assert_eq!(kind(Crc64Nvme, Some(Composite)), None);
        assert_eq!(kind(Sha256, None), Some(Composite));
        assert_eq!(kind(Sha256, Some(FullObject)), None);
        assert_eq!(kind(Crc32, None), Some(Composite));
        assert_eq!(kind(Crc32, Some(FullObject)), Some(FullObject));
    }

    #[test]
    fn composite_values_carry_their_number_of_parts() {
        let whole = of_whole(&headers(&[("x-amz-checksum-crc32", "NhCmhg==-3")])).unwrap();
        assert_eq!(whole, Some((ChecksumAlgorithm::Crc32, vec![0x36, 0x10, 0xA6, 0x86])));
        let value = vec![0x36, 0x10, 0xA6, 0x86];
        let checksum = Checksum { algorithm: ChecksumAlgorithm::Crc32, kind: ChecksumKind::Composite, value, parts: 3 };
        assert_eq!(print(&checksum), "NhCmhg==-3");
        let mut out = HeaderMap::new();
        to_headers(&checksum, &mut out);
        assert_eq!(out.get("x-amz-checksum-crc32").unwrap(), "NhCmhg==-3");
        assert_eq!(out.get("x-amz-checksum-type").unwrap(), "COMPOSITE");
    }
}
