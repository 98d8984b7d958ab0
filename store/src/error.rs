//! The one error of the store: a kind the caller can act on, a message fit for a client, and a cause for the log.

use std::fmt;

use crate::clock::Millis;
use crate::object::VersionId;

/// What went wrong, by what the caller can do about it. Doors translate a kind into their own code and status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The grant, the key's scopes, or the key's bucket list do not allow it.
    AccessDenied,
    /// The named bucket does not exist, or does not exist for this key.
    NoSuchBucket,
    /// The named object does not exist.
    NoSuchKey,
    /// The named version of an object does not exist.
    NoSuchVersion,
    /// The named version of an object is a delete marker.
    IsDeleteMarker,
    /// The bucket's versioning or locks do not allow the change.
    InvalidBucketState,
    /// A default retention is outside its range.
    InvalidRetentionPeriod,
    /// A tag breaks a rule of tags.
    InvalidTag,
    /// There are more tags than there may be.
    TooManyTags,
    /// A document does not keep its schema.
    MalformedDocument,
    /// The named multipart upload does not exist, or was completed or aborted.
    NoSuchUpload,
    /// The named account is not connected, or not by the caller's organisation.
    NoSuchAccount,
    /// The named account has not been found to work.
    AccountNotActive,
    /// The setting is left to the provider that the bucket is linked with.
    SettingNotManaged,
    /// The provider's bucket is linked already.
    BucketLinked,
    /// The named access key does not exist in the caller's organisation.
    NoSuchKeyId,
    /// The named share link does not exist, has expired, or was revoked.
    NoSuchShare,
    /// The named script does not exist in the key-value bucket.
    NoSuchScript,
    /// The bucket name is taken by the caller's own organisation.
    BucketAlreadyOwnedByYou,
    /// The bucket name is taken by another organisation.
    BucketAlreadyExists,
    /// The bucket still holds objects or open uploads.
    BucketNotEmpty,
    /// The bucket is in a state in which it holds no objects.
    BucketNotActive,
    /// The bucket's state does not allow the change now.
    BucketBusy,
    /// The organisation has as many buckets as its plan allows.
    QuotaBuckets,
    /// The organisation's plan has no room for the bytes.
    QuotaExceeded,
    /// The object is larger than its bucket or its organisation's plan allows.
    FileTooLarge,
    /// The bucket does not take objects of that content type.
    TypeNotAllowed,
    /// A bucket policy is not one, or says what nobody here understands; the message says where.
    MalformedPolicy,
    /// Access control lists do not count in the bucket.
    AclNotSupported,
    /// The bucket's own access control list grants something to others while lists are to count no more.
    InvalidAclWithOwnership,
    /// A bucket name breaks the naming rules.
    InvalidBucketName,
    /// An argument is outside its range; the message names it.
    InvalidArgument,
    /// The request contradicts itself or the object's state; the message says how.
    InvalidRequest,
    /// The key is longer than 1,024 bytes.
    KeyTooLong,
    /// User metadata exceeds its limit.
    MetadataTooLarge,
    /// A conditional request's condition does not hold.
    PreconditionFailed,
    /// A conditional read found nothing newer.
    NotModified,
    /// A range lies outside the object.
    InvalidRange,
    /// Content-MD5 is not the base64 of 16 bytes.
    InvalidDigest,
    /// The bytes do not match a digest that came with them.
    BadDigest,
    /// The bytes do not match the payload hash that was signed.
    PayloadHashMismatch,
    /// A chunk's signature is wrong.
    SignatureMismatch,
    /// Fewer or more bytes arrived than were declared.
    IncompleteBody,
    /// The client stopped sending for longer than the deadline.
    Timeout,
    /// The body is larger than the limit.
    EntityTooLarge,
    /// A part other than the last is smaller than 5 MiB.
    EntityTooSmall,
    /// A part named in Complete does not exist or has another ETag.
    InvalidPart,
    /// Parts in Complete are not in ascending order.
    InvalidPartOrder,
    /// The write queue is full: try again later.
    SlowDown,
    /// Stable storage failed or is full: the write did not happen or is not known to have.
    Unavailable,
    /// Writes are refused since stable storage has failed: this one did not happen.
    Latched,
    /// An upstream that is needed does not answer, or fails: try again later. The message names it.
    UpstreamUnavailable,
    /// Stored bytes or rows do not match their checksums or their format.
    Corrupt,
    /// An upstream does not take its account's credentials, or is not where the account says it is; trying again does not help.
    UpstreamDenied,
    /// An upstream refused the request for a reason of its own, which the refusal tells.
    UpstreamRefused,
    /// An upstream's answer is not one.
    UpstreamInvalid,
    /// A fault of ours.
    Internal,
    /// What was presented to a key-value bucket is none of its keys, and no access token that is valid.
    WrongKey,
    /// The key-value bucket was deleted not long ago.
    BucketDeleted,
    /// What a transaction checks does not hold.
    CheckFailed,
    /// The named project, route, key, file or delivery does not exist, or not for this key.
    NoSuchRecord,
    /// The named upload does not exist, or is over.
    NoSuchIntent,
    /// The project has a route of that slug.
    DuplicateSlug,
    /// The organisation's plan allows no more of it.
    TierLimit,
    /// The file is too small to be uploaded in parts.
    TooSmallForParts,
}

impl ErrorKind {
    /// Whether the same request may succeed a little later.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::SlowDown | Self::Unavailable | Self::Latched | Self::UpstreamUnavailable)
    }
}

/// What an upstream said no with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of its answer.
    pub status: u16,
    /// Its code, of S3's or its own.
    pub code: String,
}

/// The delete marker that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Its version id.
    pub version: VersionId,
    /// When it was made.
    pub modified_ms: Millis,
}

/// Shorthand for results of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the store.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    marker: Option<Marker>,
    refusal: Option<Refusal>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with a message that may be shown to the client.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), marker: None, refusal: None, source: None }))
    }

    /// The same error with its cause, which goes to the log and never to a client.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error with the delete marker it is about.
    #[must_use]
    pub(crate) fn about_marker(mut self, version: VersionId, modified_ms: Millis) -> Self {
        self.0.marker = Some(Marker { version, modified_ms });
        self
    }

    /// The same error with what an upstream said.
    #[must_use]
    pub(crate) fn refused_by_upstream(mut self, refusal: Refusal) -> Self {
        self.0.refusal = Some(refusal);
        self
    }

    /// What an upstream said, if it was one that refused.
    pub fn upstream(&self) -> Option<&Refusal> {
        self.0.refusal.as_ref()
    }

    /// The delete marker it is about.
    pub fn marker(&self) -> Option<Marker> {
        self.0.marker
    }

    /// Stable storage did not do what was asked.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Unavailable, "The storage is not available. Please try again.").because(source)
    }

    /// Something stored is not what was stored; `what` names it for the log.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, "Stored data failed verification.").because(what.into())
    }

    /// What the caller can act on.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// A sentence fit for a client.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}
