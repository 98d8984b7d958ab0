//! Multipart uploads as they are stored. The part rows of a finished upload are the manifest of its object:
//! Complete writes one object row and the selection of parts, and copies nothing.

use serde::{Deserialize, Serialize};

use crate::blob::{Body, ChecksumAlgorithm, ChecksumKind};
use crate::clock::Millis;
use crate::error::Result;
use crate::id::{BucketId, KeyId};
use crate::meta::{Record, codec};
use crate::object::{ETag, Extras, Metadata, StorageClass};

/// An open upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRow {
    /// When it was created.
    pub initiated_ms: Millis,
    /// The key that created it.
    pub initiator: KeyId,
    /// Storage class of the object to be.
    pub class: StorageClass,
    /// Metadata of the object to be: those of Create, not of Complete.
    pub metadata: Metadata,
    /// The checksum that was asked for.
    pub checksum: Option<(ChecksumAlgorithm, ChecksumKind)>,
    /// Tags, locks and the access control list of the object to be.
    pub extras: Extras,
}

impl Record for UploadRow {
    const VERSION: u8 = 2;

    fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
        // From before versions: all but the extras.
        let (initiated_ms, initiator, class, metadata, checksum) = codec::decode_old(version, 1, bytes)?;
        Ok(Self { initiated_ms, initiator, class, metadata, checksum, extras: Extras::default() })
    }
}

/// A part. Never changes once its object is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRow {
    /// Where its bytes are.
    pub body: Body,
    /// Length in bytes.
    pub size: u64,
    /// MD5 of the bytes: its ETag.
    pub md5: [u8; 16],
    /// When it was stored.
    pub modified_ms: Millis,
    /// Its checksum, raw.
    pub checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
}

impl Record for PartRow {
    const VERSION: u8 = 1;
}

/// A run of parts of one size with consecutive numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The first part number.
    pub first: u16,
    /// How many parts.
    pub count: u16,
    /// The size of each.
    pub size: u64,
}

/// A finished multipart object: which parts it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRow {
    /// Objects that use it.
    pub refs: u32,
    /// Length in bytes.
    pub size: u64,
    /// The selected parts in order. An upload of equal parts is one run and a last one, so a byte's part is found
    /// without reading part rows.
    pub runs: Vec<Run>,
    /// Where Complete put it, so that repeating Complete is answered alike.
    pub bucket: BucketId,
    /// The key that Complete put it under.
    pub key: String,
    /// Its entity tag.
    pub etag: ETag,
}

impl Record for ManifestRow {
    const VERSION: u8 = 1;
}
