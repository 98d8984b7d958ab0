//! Every digest that S3 names, in the form in which S3 writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// HMAC-SHA256.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// HMAC-SHA1, for Signature V2.
pub fn hmac_sha1(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// MD5.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// `Content-MD5` of a body.
pub fn content_md5(bytes: &[u8]) -> String {
    base64(&md5(bytes))
}

/// ETag of a body that came in one piece, quoted.
pub fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex(&md5(bytes)))
}

/// ETag of a body that came in parts, quoted.
pub fn multipart_etag(parts: &[&[u8]]) -> String {
    let all: Vec<u8> = parts.iter().flat_map(|p| md5(p)).collect();
    format!("\"{}-{}\"", hex(&md5(&all)), parts.len())
}

/// A checksum algorithm of the `x-amz-checksum-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (iSCSI).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Checksum {
    /// All of them.
    pub const ALL: [Checksum; 5] =
        [Checksum::Crc32, Checksum::Crc32c, Checksum::Crc64Nvme, Checksum::Sha1, Checksum::Sha256];

    /// The name in `x-amz-checksum-algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Checksum::Crc32 => "CRC32",
            Checksum::Crc32c => "CRC32C",
            Checksum::Crc64Nvme => "CRC64NVME",
            Checksum::Sha1 => "SHA1",
            Checksum::Sha256 => "SHA256",
        }
    }

    /// The header that carries the value.
    pub fn header(self) -> &'static str {
        match self {
            Checksum::Crc32 => "x-amz-checksum-crc32",
            Checksum::Crc32c => "x-amz-checksum-crc32c",
            Checksum::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Checksum::Sha1 => "x-amz-checksum-sha1",
            Checksum::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The element of the XML that carries the value.
    pub fn element(self) -> String {
        format!("Checksum{}", self.name())
    }

    /// The checksum of a body, raw.
    pub fn raw(self, bytes: &[u8]) -> Vec<u8> {
        let crc = |algorithm| crc_fast::checksum(algorithm, bytes);
        match self {
            Checksum::Crc32 => (crc(CrcAlgorithm::Crc32IsoHdlc) as u32).to_be_bytes().to_vec(),
            Checksum::Crc32c => (crc(CrcAlgorithm::Crc32Iscsi) as u32).to_be_bytes().to_vec(),
            Checksum::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme).to_be_bytes().to_vec(),
            Checksum::Sha1 => Sha1::digest(bytes).to_vec(),
            Checksum::Sha256 => Sha256::digest(bytes).to_vec(),
        }
    }

    /// The checksum of a body as the header writes it.
    pub fn of(self, bytes: &[u8]) -> String {
        base64(&self.raw(bytes))
    }

    /// The COMPOSITE checksum of an object made of `parts`.
    pub fn composite(self, parts: &[&[u8]]) -> String {
        let all: Vec<u8> = parts.iter().flat_map(|p| self.raw(p)).collect();
        format!("{}-{}", self.of(&all), parts.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_agree_with_published_check_values() {
        assert_eq!(hex(&Checksum::Crc32.raw(b"123456789")), "cbf43926");
        assert_eq!(hex(&Checksum::Crc32c.raw(b"123456789")), "e3069283");
        assert_eq!(hex(&Checksum::Crc64Nvme.raw(b"123456789")), "ae8b14860a799888");
        assert_eq!(hex(&Checksum::Sha1.raw(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(etag(b""), "\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert_eq!(
            hex(&hmac_sha1(b"key", b"The quick brown fox jumps over the lazy dog")),
            "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9"
        );
    }
}
