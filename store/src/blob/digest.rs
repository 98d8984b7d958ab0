//! All digests of a body, in one pass: MD5 for the ETag, the checksum the client asked for, and the block checksums.

use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::check::BlockSums;
use super::md5::Md5;

/// A checksum algorithm of the S3 API ("Checking object integrity").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChecksumAlgorithm {
    /// CRC-32 (ISO-HDLC)
    Crc32,
    /// CRC-32C (Castagnoli)
    Crc32c,
    /// CRC-64/NVME
    Crc64Nvme,
    /// SHA-1
    Sha1,
    /// SHA-256
    Sha256,
}

impl ChecksumAlgorithm {
    /// Its S3 name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The length of its value in bytes.
    pub const fn value_len(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }
}

/// What a multipart object's checksum is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChecksumKind {
    /// The bytes of the whole object.
    FullObject,
    /// The checksums of its parts.
    Composite,
}

/// A checksum with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: ChecksumAlgorithm,
    /// What it is taken over.
    pub kind: ChecksumKind,
    /// The raw value, big-endian for CRCs.
    pub value: Vec<u8>,
    /// The number of parts of a composite checksum; 0 otherwise.
    pub parts: u16,
}

/// A running checksum.
pub(crate) enum Hasher {
    Crc(Box<crc_fast::Digest>, ChecksumAlgorithm),
    Sha1(Box<Sha1>),
    Sha256(Box<Sha256>),
}

impl Hasher {
    pub(crate) fn new(algorithm: ChecksumAlgorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some(crc), _) => Self::Crc(Box::new(crc_fast::Digest::new(crc)), algorithm),
            (None, ChecksumAlgorithm::Sha1) => Self::Sha1(Box::default()),
            (None, _) => Self::Sha256(Box::default()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(digest, _) => digest.update(bytes),
            Self::Sha1(digest) => digest.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(digest, algorithm) => crc_bytes(algorithm, digest.finalize()),
            Self::Sha1(digest) => digest.finalize().to_vec(),
            Self::Sha256(digest) => digest.finalize().to_vec(),
        }
    }
}

fn crc_bytes(algorithm: ChecksumAlgorithm, value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    bytes.iter().skip(bytes.len().saturating_sub(algorithm.value_len())).copied().collect()
}

/// The CRC of two stretches of bytes put together, from the CRC of each and the length of the second. `None` for
/// algorithms that cannot be combined.
pub(crate) fn combine_crc(
    algorithm: ChecksumAlgorithm,
    first: &[u8],
    second: &[u8],
    second_len: u64,
) -> Option<Vec<u8>> {
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let combined = crc_fast::checksum_combine(algorithm.crc()?, number(first), number(second), second_len);
    Some(crc_bytes(algorithm, combined))
}

/// All digests of one body, taken in one pass.
pub(crate) struct Digests {
    md5: Md5,
    checksum: Option<(ChecksumAlgorithm, Hasher)>,
    blocks: BlockSums,
    size: u64,
}

/// What the digests came to.
pub(crate) struct Digested {
    pub(crate) md5: [u8; 16],
    pub(crate) checksum: Option<(ChecksumAlgorithm, Vec<u8>)>,
    pub(crate) block_sums: Vec<u8>,
    pub(crate) size: u64,
}

impl Digests {
    pub(crate) fn new(checksum: Option<ChecksumAlgorithm>) -> Self {
        Self {
            md5: Md5::default(),
            checksum: checksum.map(|algorithm| (algorithm, Hasher::new(algorithm))),
            blocks: BlockSums::default(),
            size: 0,
        }
    }

    pub(crate) fn update(&mut self, chunks: &[Bytes]) {
        for bytes in chunks {
            self.md5.update(bytes);
            self.update_beside(bytes);
        }
    }

    /// Everything but the MD5.
    pub(super) fn update_beside(&mut self, bytes: &[u8]) {
        self.blocks.update(bytes);
        if let Some((_, hasher)) = &mut self.checksum {
            hasher.update(bytes);
        }
        self.size += bytes.len() as u64;
    }

    /// The MD5 alone, for whoever does the rest by `update_beside`.
    pub(super) fn md5(&mut self) -> &mut Md5 {
        &mut self.md5
    }

    pub(crate) fn finish(self) -> Digested {
        Digested {
            md5: self.md5.finish(),
            checksum: self.checksum.map(|(algorithm, hasher)| (algorithm, hasher.finish())),
            block_sums: self.blocks.finish(),
            size: self.size,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::hex;

    fn digest_of(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The check values of the CRC catalogue and of FIPS 180 for "123456789".
    #[test]
    fn known_values() {
        let of = |algorithm| hex(&digest_of(algorithm, b"123456789"));
        assert_eq!(of(ChecksumAlgorithm::Crc32), "cbf43926");
        assert_eq!(of(ChecksumAlgorithm::Crc32c), "e3069283");
        assert_eq!(of(ChecksumAlgorithm::Crc64Nvme), "ae8b14860a799888");
        assert_eq!(of(ChecksumAlgorithm::Sha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        assert_eq!(of(ChecksumAlgorithm::Sha256), "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
    }

    #[test]
    fn crcs_combine_as_if_taken_over_the_whole() {
        for algorithm in [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32c, ChecksumAlgorithm::Crc64Nvme] {
            let (a, b) = (digest_of(algorithm, b"12345"), digest_of(algorithm, b"6789"));
            assert_eq!(combine_crc(algorithm, &a, &b, 4), Some(digest_of(algorithm, b"123456789")));
        }
        assert_eq!(combine_crc(ChecksumAlgorithm::Sha1, &[0; 20], &[0; 20], 4), None);
    }

    #[test]
    fn one_pass_gives_what_single_passes_give_however_the_bytes_are_cut() {
        let bytes: Vec<u8> = (0..200_000u32).map(|n| (n * 7 + n / 251) as u8).collect();
        let whole = {
            let mut digests = Digests::new(Some(ChecksumAlgorithm::Sha256));
            digests.update(&[Bytes::copy_from_slice(&bytes)]);
            digests.finish()
        };
        let mut digests = Digests::new(Some(ChecksumAlgorithm::Sha256));
        for piece in bytes.chunks(7_001) {
            digests.update(&[Bytes::copy_from_slice(piece)]);
        }
        let pieces = digests.finish();
        assert_eq!((whole.md5, &whole.checksum, &whole.block_sums), (pieces.md5, &pieces.checksum, &pieces.block_sums));
        assert_eq!(whole.block_sums.len(), 4 * bytes.len().div_ceil(crate::limit::BLOCK_BYTES));
        assert_eq!(whole.size, bytes.len() as u64);
    }
}
