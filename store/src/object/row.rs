//! An object as it is stored. The row begins with the small head that listings read; the rest follows.

use std::fmt::{self, Write as _};

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use crate::blob::{Body, ChecksumAlgorithm, ChecksumKind};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Record;
use crate::meta::codec;
use crate::object::Extras;

/// An entity tag: MD5 of the bytes, or of the parts' MD5s with their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ETag {
    /// MD5 of the bytes.
    Md5([u8; 16]),
    /// MD5 of the parts' MD5s, and how many parts.
    Multipart([u8; 16], u16),
}

impl ETag {
    /// Reads what `Display` prints; `None` for any other text, although it may be an entity tag elsewhere.
    pub fn parse(text: &str) -> Option<Self> {
        let (md5, parts) = text.split_once('-').map_or((text, None), |(md5, parts)| (md5, Some(parts)));
        let digits = md5.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let md5 = u128::from_str_radix(md5, 16).ok().filter(|_| md5.len() == 32 && digits)?.to_be_bytes();
        let Some(parts) = parts else { return Some(Self::Md5(md5)) };
        let etag = Self::Multipart(md5, parts.parse().ok()?);
        (etag.to_string() == text).then_some(etag)
    }

    /// The same, or for any other text a tag that stands for it: no digest, which its form tells, but another for each.
    pub(crate) fn standing_for(text: &str) -> Self {
        Self::parse(text).unwrap_or_else(|| Self::Multipart(Md5::digest(text).into(), 0))
    }
}

impl fmt::Display for ETag {
    /// The tag without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Md5(md5) | Self::Multipart(md5, _)) = self;
        for byte in md5 {
            write!(f, "{byte:02x}")?;
        }
        match self {
            Self::Md5(_) => Ok(()),
            Self::Multipart(_, parts) => write!(f, "-{parts}"),
        }
    }
}

/// The storage class an object was stored with: a label here, since all classes are kept alike.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageClass {
    /// STANDARD
    #[default]
    Standard,
    /// REDUCED_REDUNDANCY
    ReducedRedundancy,
    /// STANDARD_IA
    StandardIa,
    /// ONEZONE_IA
    OneZoneIa,
    /// INTELLIGENT_TIERING
    IntelligentTiering,
}

impl StorageClass {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Standard, "STANDARD"),
        (Self::ReducedRedundancy, "REDUCED_REDUNDANCY"),
        (Self::StandardIa, "STANDARD_IA"),
        (Self::OneZoneIa, "ONEZONE_IA"),
        (Self::IntelligentTiering, "INTELLIGENT_TIERING"),
    ];

    /// The class of that S3 name; `None` for unknown classes and for the archive classes, which we do not have.
    pub fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, n)| *n == name).map(|(class, _)| *class)
    }

    /// The S3 name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(class, _)| *class == self).map_or("STANDARD", |(_, n)| n)
    }
}

/// The headers that S3 keeps with an object and returns verbatim.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemHeaders {
    /// Content-Type
    pub content_type: Option<String>,
    /// Cache-Control
    pub cache_control: Option<String>,
    /// Content-Disposition
    pub content_disposition: Option<String>,
    /// Content-Encoding, without `aws-chunked`
    pub content_encoding: Option<String>,
    /// Content-Language
    pub content_language: Option<String>,
    /// Expires
    pub expires: Option<String>,
    /// x-amz-website-redirect-location
    pub website_redirect: Option<String>,
}

/// What a client says about an object beside its bytes. Replaced as a whole by every write.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Headers with a meaning of their own.
    pub system: SystemHeaders,
    /// `x-amz-meta-*`: lower-case name without the prefix, value.
    pub user: Vec<(String, String)>,
}

impl Metadata {
    /// `MetadataTooLarge` beyond 2 KiB of user metadata or 8 KiB of system headers.
    pub(crate) fn check(&self) -> Result<()> {
        let user: usize = self.user.iter().map(|(name, value)| name.len() + value.len()).sum();
        if user > limit::USER_METADATA_BYTES_MAX {
            let message = format!(
                "Your metadata headers exceed the maximum allowed metadata size: {user} of {} bytes",
                limit::USER_METADATA_BYTES_MAX
            );
            return Err(Error::new(ErrorKind::MetadataTooLarge, message));
        }
        let s = &self.system;
        let system = [
            &s.content_type,
            &s.cache_control,
            &s.content_disposition,
            &s.content_encoding,
            &s.content_language,
            &s.expires,
            &s.website_redirect,
        ];
        if system.iter().filter_map(|v| v.as_ref()).map(String::len).sum::<usize>() > limit::SYSTEM_METADATA_BYTES_MAX {
            let message = format!("The stored headers exceed {} bytes together", limit::SYSTEM_METADATA_BYTES_MAX);
            return Err(Error::new(ErrorKind::MetadataTooLarge, message));
        }
        Ok(())
    }
}

/// What listings need; the first bytes of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectHead {
    /// Length in bytes.
    pub size: u64,
    /// Entity tag.
    pub etag: ETag,
    /// When the write was committed.
    pub modified_ms: Millis,
    /// Storage class.
    pub class: StorageClass,
    /// How its checksum was made, if it has one.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
}

impl Record for ObjectHead {
    const VERSION: u8 = ObjectRow::VERSION;
}

impl ObjectHead {
    /// Reads the head of a stored object row and leaves the rest alone.
    pub(crate) fn peek(row: &[u8]) -> Result<Self> {
        match row.split_first() {
            // The head has not changed since version 1.
            Some((1 | &ObjectRow::VERSION, bytes)) => postcard::take_from_bytes(bytes)
                .map(|(head, _)| head)
                .map_err(|e| Error::corrupt(format!("object head: {e}"))),
            _ => codec::decode::<ObjectRow>(row).map(|row| row.head),
        }
    }
}

/// A stored object: the current live version of its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRow {
    /// What listings read.
    pub head: ObjectHead,
    /// Where its bytes are.
    pub body: Body,
    /// Its place in the order of all commits.
    pub sequence: u64,
    /// The public version id; `None` is the null version.
    pub version: Option<[u8; 16]>,
    /// The checksum's raw bytes; empty without one.
    pub checksum: Vec<u8>,
    /// Headers and user metadata.
    pub metadata: Metadata,
    /// Tags, locks, and the access control list.
    pub extras: Extras,
}

impl Record for ObjectRow {
    const VERSION: u8 = 2;

    fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
        // From before versions: all but the extras.
        let (head, body, sequence, version, checksum, metadata) = codec::decode_old(version, 1, bytes)?;
        Ok(Self { head, body, sequence, version, checksum, metadata, extras: Extras::default() })
    }
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::BlobId;

    #[test]
    fn tags_are_read_as_they_are_printed_and_others_are_stood_for() {
        for tag in [ETag::Md5([0xAB; 16]), ETag::Md5([0; 16]), ETag::Multipart([7; 16], 10_000)] {
            assert_eq!(ETag::parse(&tag.to_string()), Some(tag));
            assert_eq!(ETag::standing_for(&tag.to_string()), tag);
        }
        let hex = "ab".repeat(16);
        let odd = [String::new(), hex.to_uppercase(), format!("{hex}-"), format!("{hex}-007"), format!("{hex}-65536")];
        for odd in odd.iter().chain(&[format!("+{}", &hex[1..]), "CJb2v-HG1Y8CEAE=".to_owned()]) {
            assert_eq!(ETag::parse(odd), None, "{odd}");
            assert!(ETag::standing_for(odd).to_string().ends_with("-0"), "{odd}");
        }
    }

    #[test]
    fn a_listing_reads_the_head_without_the_rest() {
        let row = ObjectRow {
            head: ObjectHead {
                size: 7,
                etag: ETag::Multipart([0xAB; 16], 12),
                modified_ms: 5,
                class: StorageClass::StandardIa,
                checksum: Some((ChecksumAlgorithm::Crc32c, ChecksumKind::Composite)),
            },
            body: Body::Blob(BlobId([3; 16])),
            sequence: 9,
            version: None,
            checksum: vec![1, 2, 3, 4],
            metadata: Metadata { user: vec![("a".into(), "b".into())], ..Metadata::default() },
            extras: Extras::default(),
        };
        let bytes = codec::encode(&row).unwrap();
        assert_eq!(ObjectHead::peek(&bytes).unwrap(), row.head);
        assert_eq!(codec::decode::<ObjectRow>(&bytes).unwrap(), row);
        assert_eq!(row.head.etag.to_string(), format!("{}-12", "ab".repeat(16)));
    }
}
