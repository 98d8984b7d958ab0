//! Bytes that only pass through: the last of them go on once all have been held against what they must be, so that who
//! takes them in never has a body whole that is not right.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::{StreamExt, stream};
use sync_wrapper::SyncStream;

use super::digest::Hasher;
use super::md5::Md5;
use super::{ByteStream, ChecksumAlgorithm, Expect};
use crate::error::{Error, ErrorKind, Result};

/// A checksum that is there once its bytes have passed.
#[derive(Debug, Clone, Default)]
pub struct Passed(Arc<OnceLock<Vec<u8>>>);

impl Passed {
    /// Its raw value. `Internal` before the last byte.
    pub fn value(&self) -> Result<&[u8]> {
        let early = || Error::new(ErrorKind::Internal, "A checksum was asked for before its bytes had passed.");
        self.0.get().map(Vec::as_slice).ok_or_else(early)
    }
}

/// The same bytes, which end with `IncompleteBody`, `BadDigest` or the error of a trailer instead of their last piece unless
/// they are what is expected. A body of nothing is as whole without its end: see [`must_be_empty`].
pub fn verified(bytes: ByteStream, expect: Expect) -> (ByteStream, Passed) {
    let passed = Passed::default();
    let passing = Passing {
        bytes,
        held: None,
        size: 0,
        md5: expect.md5.map(|_| Md5::default()),
        checksum: expect.checksum.algorithm().map(|algorithm| (algorithm, Hasher::new(algorithm))),
        expect,
        passed: passed.clone(),
    };
    let bytes = stream::unfold(Some(passing), |passing| async {
        let mut passing = passing?;
        match passing.next().await {
            Some(Ok(piece)) => Some((Ok(piece), Some(passing))),
            None => match passing.end() {
                Ok(last) => last.map(|piece| (Ok(piece), None)),
                Err(error) => Some((Err(error), None)),
            },
            Some(Err(error)) => Some((Err(error), None)),
        }
    });
    (Box::pin(SyncStream::new(bytes)), passed)
}

/// Reads a body that has nothing in it, and fails as it would; its checksum is there then.
pub async fn must_be_empty(bytes: ByteStream, expect: Expect) -> Result<Passed> {
    let (mut bytes, passed) = verified(bytes, Expect { length: Some(0), ..expect });
    while bytes.next().await.transpose()?.is_some() {}
    Ok(passed)
}

struct Passing {
    bytes: ByteStream,
    /// The piece that waits for what comes behind it.
    held: Option<Bytes>,
    size: u64,
    md5: Option<Md5>,
    checksum: Option<(ChecksumAlgorithm, Hasher)>,
    expect: Expect,
    passed: Passed,
}

impl Passing {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            let piece = match self.bytes.next().await? {
                Ok(piece) if piece.is_empty() => continue,
                Ok(piece) => piece,
                Err(error) => return Some(Err(error)),
            };
            self.size += piece.len() as u64;
            if let Some(md5) = &mut self.md5 {
                md5.update(&piece);
            }
            if let Some((_, hasher)) = &mut self.checksum {
                hasher.update(&piece);
            }
            if let Some(before) = self.held.replace(piece) {
                return Some(Ok(before));
            }
        }
    }

    fn end(self) -> Result<Option<Bytes>> {
        let md5 = self.md5.map(Md5::finish);
        let checksum = self.checksum.map(|(algorithm, hasher)| (algorithm, hasher.finish()));
        self.expect.hold(self.size, md5.as_ref(), checksum.as_ref())?;
        if let Some((_, value)) = checksum {
            self.passed.0.get_or_init(|| value);
        }
        Ok(self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blob::ExpectedChecksum;

    const MD5_OF_HELLO: [u8; 16] =
        [0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b, 0x2a, 0x76, 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5, 0x92];
    const CRC32_OF_HELLO: [u8; 4] = [0x36, 0x10, 0xa6, 0x86];

    fn hello() -> ByteStream {
        Box::pin(stream::iter(["he", "", "l", "lo"].map(|piece| Ok(Bytes::from_static(piece.as_bytes())))))
    }

    /// What passes, and how it ends.
    async fn pass(expect: Expect) -> (Vec<u8>, Option<ErrorKind>, Passed) {
        let (mut bytes, passed) = verified(hello(), expect);
        let mut all = Vec::new();
        loop {
            match bytes.next().await {
                Some(Ok(piece)) => all.extend_from_slice(&piece),
                Some(Err(error)) => return (all, Some(error.kind()), passed),
                None => return (all, None, passed),
            }
        }
    }

    #[tokio::test]
    async fn what_is_right_passes_whole() {
        let trailer = ExpectedChecksum::Trailer(ChecksumAlgorithm::Crc32, Box::new(|| Ok(CRC32_OF_HELLO.to_vec())));
        let expect = Expect { length: Some(5), md5: Some(MD5_OF_HELLO), checksum: trailer };
        let (all, end, passed) = pass(expect).await;
        assert_eq!((all.as_slice(), end), (b"hello".as_slice(), None));
        assert_eq!(passed.value().unwrap(), CRC32_OF_HELLO);
        assert_eq!(pass(Expect::default()).await.0, b"hello");
    }

    #[tokio::test]
    async fn what_is_wrong_never_passes_whole() {
        let wrong = |checksum| Expect { checksum, ..Expect::default() };
        let refused = || Err(Error::new(ErrorKind::InvalidRequest, "no trailer"));
        for (expect, kind) in [
            (Expect { length: Some(6), ..Expect::default() }, ErrorKind::IncompleteBody),
            (Expect { md5: Some([0; 16]), ..Expect::default() }, ErrorKind::BadDigest),
            (wrong(ExpectedChecksum::Value(ChecksumAlgorithm::Sha256, vec![0; 32])), ErrorKind::BadDigest),
            (wrong(ExpectedChecksum::Trailer(ChecksumAlgorithm::Crc32, Box::new(refused))), ErrorKind::InvalidRequest),
        ] {
            let (all, end, passed) = pass(expect).await;
            assert_eq!((all.as_slice(), end), (b"hel".as_slice(), Some(kind)));
            assert!(passed.value().is_err());
        }
    }

    #[tokio::test]
    async fn a_body_of_nothing_is_held_against_its_digests_too() {
        let empty = || -> ByteStream { Box::pin(stream::empty()) };
        must_be_empty(empty(), Expect::default()).await.unwrap();
        let wrong = Expect { md5: Some([0; 16]), ..Expect::default() };
        assert_eq!(must_be_empty(empty(), wrong).await.unwrap_err().kind(), ErrorKind::BadDigest);
        assert_eq!(must_be_empty(hello(), Expect::default()).await.unwrap_err().kind(), ErrorKind::IncompleteBody);
    }
}
