//! Rows about bytes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{BlobId, UploadId};
use crate::meta::Record;

/// Where the bytes of an object or a part are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// There are none.
    Empty,
    /// In the `inline` table.
    Inline(BlobId),
    /// In a blob of the blob store.
    Blob(BlobId),
    /// In the parts of a finished multipart upload.
    Manifest(UploadId),
}

/// A blob of the blob store. Its bytes never change; only `refs` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRow {
    /// Objects and parts that use it.
    pub refs: u32,
    /// Its length in bytes.
    pub size: u64,
    /// The process start it was written under; names its folder.
    pub epoch: u32,
}

impl Record for BlobRow {
    const VERSION: u8 = 1;
}

/// CRC-32C of up to `limit::SUMS_PER_ROW` blocks of `limit::BLOCK_BYTES`, four bytes each, little-endian.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumsRow(pub Vec<u8>);

impl Record for SumsRow {
    const VERSION: u8 = 1;
}

/// A small blob that rides in the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlineRow {
    /// Objects and parts that use it.
    pub refs: u32,
    /// CRC-32C of the bytes.
    pub crc32c: u32,
    /// The bytes.
    pub bytes: Bytes,
}

impl Record for InlineRow {
    const VERSION: u8 = 1;
}
