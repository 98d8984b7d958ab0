//! The entity tag of an object that was uploaded in parts, from its bytes: if all parts but the last have one length, and that
//! is known, the bytes can be held against it.

use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt;
use md5::{Digest as _, Md5};

use crate::blob::ByteStream;
use crate::object::ETag;

/// Takes the digests of parts as their bytes come by. Its clones are one.
#[derive(Clone)]
pub(super) struct PartDigests(Arc<Mutex<State>>);

struct State {
    /// Bytes of a part.
    length: u64,
    /// Bytes of the part at hand that are still to come.
    left: u64,
    part: Md5,
    whole: Md5,
    parts: u16,
}

impl PartDigests {
    /// Of parts of that length. `None` if an object of `size` does not have that many of them.
    pub(super) fn new(length: u64, size: u64, parts: u16) -> Option<Self> {
        if length == 0 || size.div_ceil(length) != u64::from(parts) {
            return None;
        }
        let (part, whole) = (Md5::new(), Md5::new());
        Some(Self(Arc::new(Mutex::new(State { length, left: length, part, whole, parts: 0 }))))
    }

    /// The same stream, watched.
    pub(super) fn watch(&self, body: ByteStream) -> ByteStream {
        let state = Arc::clone(&self.0);
        Box::pin(body.inspect_ok(move |piece| state.lock().unwrap_or_else(PoisonError::into_inner).update(piece)))
    }

    /// The entity tag of what has come by.
    pub(super) fn etag(&self) -> ETag {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).etag()
    }
}

impl State {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            let (of_part, rest) = bytes.split_at(length);
            self.part.update(of_part);
            self.left -= length as u64;
            bytes = rest;
            if self.left == 0 {
                self.end_part();
            }
        }
    }

    fn end_part(&mut self) {
        self.whole.update(self.part.finalize_reset());
        self.parts = self.parts.saturating_add(1);
        self.left = self.length;
    }

    fn etag(&mut self) -> ETag {
        if self.left < self.length {
            self.end_part();
        }
        ETag::Multipart(self.whole.clone().finalize().into(), self.parts)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn the_tag_is_that_of_the_parts_however_the_bytes_come() {
        let of_part = |part: &[u8]| -> [u8; 16] { Md5::digest(part).into() };
        let whole = [of_part(b"abcd"), of_part(b"efgh"), of_part(b"i")].concat();
        let expected = ETag::Multipart(Md5::digest(whole).into(), 3);
        for pieces in [vec!["abcdefghi"], vec!["a", "bcdefg", "", "hi"], vec!["abcd", "efgh", "i"]] {
            let digests = PartDigests::new(4, 9, 3).unwrap();
            let pieces: Vec<_> = pieces.into_iter().map(|piece| Ok(Bytes::from(piece))).collect();
            let mut watched = digests.watch(Box::pin(stream::iter(pieces)));
            while watched.next().await.is_some() {}
            assert_eq!(digests.etag(), expected);
        }
    }

    #[test]
    fn parts_that_cannot_be_of_one_length_are_told() {
        assert!(PartDigests::new(4, 9, 3).is_some());
        for (length, size, parts) in [(0, 9, 3), (4, 9, 2), (9, 9, 2), (4, 0, 1)] {
            assert!(PartDigests::new(length, size, parts).is_none(), "{length} {size} {parts}");
        }
    }
}
