//! A call of an operation, as handlers read it: the grant, the headers as they were sent, and the parameters.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use s3s::{S3Error, S3Request, S3Result, TrailingHeaders};
use windlass_store::id::UploadId;
use windlass_store::limit;
use windlass_store::name::ObjectKey;
use windlass_store::object::{StorageClass, VersionId};
use windlass_store::policy::Grant;

use super::error::{self, invalid_argument};
use super::facts::{Signed, Told};
use super::gate::Admitted;
use super::query::Query;
use super::service::Operations;
use crate::net::Peer;

/// Stands in the extensions of a request that came as a form: how it was signed, if it was. The length of its file, a part of
/// the form, nobody could declare.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form(pub(super) Option<Signed>);

/// What a handler has beside the path and the document that s3s parsed.
pub(super) struct Call {
    /// The decision that allows it.
    pub(super) grant: Grant,
    /// Headers, as sent.
    pub(super) headers: HeaderMap,
    /// Parameters, as sent.
    pub(super) query: Query,
    /// Trailers, there once the body was read.
    pub(super) trailers: Option<TrailingHeaders>,
    /// The document that is the body.
    document: Option<Bytes>,
    /// The client.
    peer: Option<Peer>,
    /// That it came as a form, if it did.
    pub(super) form: Option<Form>,
}

impl Call {
    /// Takes a request apart. Fails closed: without a grant there is no call.
    pub(super) fn open<T>(mut request: S3Request<T>) -> S3Result<(T, Self)> {
        let (grant, admitted) = (request.extensions.remove::<Grant>(), request.extensions.remove::<Admitted>());
        let Some((grant, Admitted { headers, query, trailers, document, peer, .. })) = grant.zip(admitted) else {
            return Err(error::refuse("AccessDenied", error::default_message("AccessDenied")));
        };
        let form = request.extensions.remove::<Form>();
        Ok((request.input, Self { grant, headers, query, trailers, document, peer, form }))
    }

    /// What the request says, for the policy of a bucket.
    pub(super) fn told<'a>(&'a self, door: &'a Operations) -> Told<'a> {
        Told {
            headers: &self.headers,
            query: &self.query,
            document: self.document.as_ref(),
            peer: self.peer,
            form: self.form,
            region: &door.region,
            now: door.store.now(),
        }
    }

    /// The document that is the body.
    pub(super) fn document(&self) -> Option<&Bytes> {
        self.document.as_ref()
    }

    /// An error of the store about an object, as the caller may know it.
    pub(super) fn refused(&self, error: windlass_store::Error) -> S3Error {
        error::from_store(self.grant.conceal(error))
    }

    /// Whether the client speaks TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.peer.is_some_and(|peer| peer.secure)
    }

    /// A header's text. `None` if it is absent, empty or not text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        text(self.headers.get(name)?)
    }

    /// The storage class to store with, if one is named.
    pub(super) fn storage_class(&self) -> S3Result<Option<StorageClass>> {
        let unknown = || error::refuse("InvalidStorageClass", "The storage class you specified is not valid");
        self.header("x-amz-storage-class").map(|name| StorageClass::parse(name).ok_or_else(unknown)).transpose()
    }

    /// The version that the request speaks of; `None` is the current one.
    pub(super) fn version(&self) -> S3Result<Option<VersionId>> {
        self.query.get("versionId").map(version).transpose()
    }
}

/// A header value as trimmed text; `None` if it is empty or not UTF-8.
pub(super) fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok().map(str::trim).filter(|text| !text.is_empty())
}

/// The version that a text names.
pub(super) fn version(text: &str) -> S3Result<VersionId> {
    if text.is_empty() {
        return Err(invalid_argument("Version id cannot be the empty string"));
    }
    VersionId::parse(text).ok_or_else(|| invalid_argument("Invalid version id specified"))
}

/// The key of a path.
pub(super) fn key(text: &str) -> S3Result<ObjectKey> {
    ObjectKey::parse(text).map_err(error::from_store)
}

/// The upload of an `uploadId`; what is not an identifier names no upload.
pub(super) fn upload_id(text: &str) -> S3Result<UploadId> {
    UploadId::parse(text).ok_or_else(|| {
        error::refuse("NoSuchUpload", "The specified multipart upload does not exist. The upload ID might be invalid.")
    })
}

/// A part number: 1 to 10,000.
pub(super) fn part_number(number: i32) -> S3Result<u16> {
    u16::try_from(number)
        .ok()
        .filter(|number| (1..=limit::PARTS_MAX).contains(number))
        .ok_or_else(|| invalid_argument("Part number must be an integer between 1 and 10000, inclusive"))
}

/// The size of a page: what is asked for, at most `max`, which is also the default.
pub(super) fn page_size(asked: Option<i32>, max: usize, name: &str) -> S3Result<usize> {
    let Some(asked) = asked else { return Ok(max) };
    match usize::try_from(asked) {
        Ok(asked) => Ok(asked.min(max)),
        Err(_) => Err(invalid_argument(format!("Argument {name} must be an integer between 0 and 2147483647"))),
    }
}

/// A number for an answer: counts and sizes there are all far below the limit.
pub(super) fn number<N, M: TryFrom<N> + Bounded>(number: N) -> M {
    M::try_from(number).unwrap_or(M::MAX)
}

/// Integers with a highest value.
pub(super) trait Bounded {
    /// It.
    const MAX: Self;
}

impl Bounded for i32 {
    const MAX: Self = i32::MAX;
}

impl Bounded for i64 {
    const MAX: Self = i64::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_numbers_are_1_to_10000() {
        assert_eq!(part_number(1).unwrap(), 1);
        assert_eq!(part_number(10_000).unwrap(), 10_000);
        for bad in [0, -1, 10_001, 65_537] {
            assert_eq!(part_number(bad).unwrap_err().code().as_str(), "InvalidArgument", "{bad}");
        }
    }

    #[test]
    fn pages_are_capped_and_never_negative() {
        assert_eq!(page_size(None, 1000, "max-keys").unwrap(), 1000);
        assert_eq!(page_size(Some(0), 1000, "max-keys").unwrap(), 0);
        assert_eq!(page_size(Some(5000), 1000, "max-keys").unwrap(), 1000);
        assert!(page_size(Some(-1), 1000, "max-keys").is_err());
    }

    #[test]
    fn numbers_saturate() {
        assert_eq!(number::<u64, i64>(7), 7);
        assert_eq!(number::<u64, i64>(u64::MAX), i64::MAX);
        assert_eq!(number::<usize, i32>(1000), 1000);
    }
}
