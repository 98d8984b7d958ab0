//! The only parsers of names.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// Names that a door's paths use, so that no bucket can hide behind them.
const RESERVED_BUCKET_NAMES: [&str; 2] = ["api", "health"];

/// A bucket name that keeps the S3 rules ("Bucket naming rules", general purpose buckets).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BucketName(String);

impl BucketName {
    /// Parses a name: 3–63 of `a-z 0-9 . -`, a letter or digit at both ends, no `..`, not an IPv4 address, not reserved.
    /// Anything else is `InvalidBucketName`.
    pub fn parse(name: &str) -> Result<Self> {
        let bytes = name.as_bytes();
        let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let valid = (3..=63).contains(&bytes.len())
            && bytes.iter().all(|b| plain(b) || matches!(b, b'.' | b'-'))
            && bytes.first().is_some_and(plain)
            && bytes.last().is_some_and(plain)
            && !name.contains("..")
            && name.parse::<Ipv4Addr>().is_err()
            && !RESERVED_BUCKET_NAMES.contains(&name);
        if valid {
            Ok(Self(name.to_owned()))
        } else {
            Err(Error::new(ErrorKind::InvalidBucketName, "The specified bucket is not valid."))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An object key: 1–1,024 bytes of UTF-8 without NUL. Never a path.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Parses a key. Too long is `KeyTooLong`; empty or with a NUL is `InvalidArgument`.
    pub fn parse(key: &str) -> Result<Self> {
        if key.len() > limit::KEY_BYTES_MAX {
            return Err(Error::new(ErrorKind::KeyTooLong, "Your key is too long: at most 1024 bytes."));
        }
        if key.is_empty() || key.contains('\0') {
            return Err(Error::new(ErrorKind::InvalidArgument, "A key is 1 to 1024 bytes of UTF-8 without NUL."));
        }
        Ok(Self(key.to_owned()))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_follow_the_s3_rules() {
        for good in ["abc", "a-b.c", "123", "a".repeat(63).as_str(), "my.bucket-1"] {
            assert!(BucketName::parse(good).is_ok(), "{good}");
        }
        let long = "a".repeat(64);
        for bad in
            ["", "ab", &long, "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.0.1", "api", "health", "a b", "é11"]
        {
            assert_eq!(BucketName::parse(bad).unwrap_err().kind(), ErrorKind::InvalidBucketName, "{bad}");
        }
    }

    #[test]
    fn keys_are_bounded_utf8_without_nul() {
        for good in ["a", "/", "a//b", "..", "é/✓", "\n", &"k".repeat(1024)] {
            assert_eq!(ObjectKey::parse(good).unwrap().as_str(), good);
        }
        assert_eq!(ObjectKey::parse(&"k".repeat(1025)).unwrap_err().kind(), ErrorKind::KeyTooLong);
        assert_eq!(ObjectKey::parse("").unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(ObjectKey::parse("a\0b").unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}
