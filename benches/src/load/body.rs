//! Bodies that all differ, at next to no cost: one random buffer, and a stamp at the end of each of its blocks.
//!
//! A peer that stores equal blocks once gains nothing, since no block of 1 MiB is sent twice. The stamp is at the end of a
//! block so that the SHA-256 of the bytes before it, which a signature needs, is taken once for all bodies.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

use super::sign::hex;

/// Each block of this size is stamped.
const BLOCK_BYTES: usize = 1 << 20;
/// The number of the body (8 bytes), the seed (8), the number of the block (8), zeros (8).
const STAMP_BYTES: usize = 32;
/// The random buffer is no larger; a longer body repeats it.
const BASE_BYTES_MAX: usize = 64 << 20;
/// Up to this size a body is copied to one piece, which costs less than sending two.
const COPY_BYTES_MAX: usize = 64 << 10;

/// A small, fast source of numbers that look random (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// All bodies of one size and seed, each known by its number.
#[derive(Debug, Clone)]
pub(crate) struct Bodies {
    size: usize,
    seed: u64,
    base: Bytes,
    /// SHA-256 of everything before the first stamp.
    before: Sha256,
    hashes: Arc<Vec<String>>,
}

impl Bodies {
    /// Bodies of that many bytes. The same seed gives the same bodies.
    pub(crate) fn new(size: usize, seed: u64) -> Bodies {
        let mut random = Random(0x5EED);
        let mut base = BytesMut::with_capacity(size.min(BASE_BYTES_MAX) + 8);
        while base.len() < size.min(BASE_BYTES_MAX) {
            base.extend_from_slice(&random.next().to_le_bytes());
        }
        let mut bodies = Bodies { size, seed, base: base.freeze(), before: Sha256::new(), hashes: Arc::default() };
        bodies.before.update(bodies.plain(0));
        bodies
    }

    /// How long each is.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Takes the hashes of the first `count` bodies now, on all cores, so that sending them costs no hashing. Bodies of
    /// one block need none of it.
    pub(crate) fn hash_ahead(&mut self, count: u64) {
        if self.size <= BLOCK_BYTES {
            return;
        }
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let share = count.div_ceil(threads).max(1);
        let (bodies, mut hashes) = (&*self, Vec::new());
        std::thread::scope(|scope| {
            let starts = (0..count).step_by(usize::try_from(share).unwrap_or(usize::MAX));
            let running: Vec<_> = starts
                .map(|first| {
                    scope.spawn(move || (first..count.min(first + share)).map(|n| bodies.hash(n)).collect::<Vec<_>>())
                })
                .collect();
            hashes.extend(running.into_iter().filter_map(|thread| thread.join().ok()).flatten());
        });
        self.hashes = Arc::new(hashes);
    }

    /// The SHA-256 of a body in hex.
    pub(crate) fn sha256(&self, number: u64) -> String {
        let known = usize::try_from(number).ok().and_then(|at| self.hashes.get(at));
        known.cloned().unwrap_or_else(|| self.hash(number))
    }

    fn hash(&self, number: u64) -> String {
        let mut hash = self.before.clone();
        for block in 0..self.blocks() {
            if block > 0 {
                hash.update(self.plain(block));
            }
            hash.update(self.stamp(number, block));
        }
        hex(&hash.finalize())
    }

    /// A body, to send.
    pub(crate) fn get(&self, number: u64) -> Pieces {
        let mut pieces = VecDeque::new();
        for block in 0..self.blocks() {
            pieces.push_back(self.plain(block));
            pieces.push_back(self.stamp(number, block));
        }
        if self.size <= COPY_BYTES_MAX {
            let whole: Vec<u8> = pieces.iter().flatten().copied().collect();
            return Pieces::from(Bytes::from(whole));
        }
        pieces.retain(|piece| !piece.is_empty());
        Pieces { pieces, left: self.size as u64 }
    }

    /// Whether `bytes` are what the body has from `offset` on.
    pub(crate) fn matches(&self, number: u64, offset: usize, mut bytes: &[u8]) -> bool {
        let mut at = offset;
        while !bytes.is_empty() {
            let (block, within) = (at / BLOCK_BYTES, at % BLOCK_BYTES);
            let (plain, stamp) = (self.plain(block), self.stamp(number, block));
            let piece = plain.get(within..).filter(|piece| !piece.is_empty());
            let Some(piece) = piece.or_else(|| stamp.get(within.saturating_sub(plain.len())..)) else { return false };
            let length = piece.len().min(bytes.len());
            let (Some(is), Some((should, rest))) = (piece.get(..length), bytes.split_at_checked(length)) else {
                return false;
            };
            if length == 0 || is != should {
                return false;
            }
            (at, bytes) = (at + length, rest);
        }
        true
    }

    fn blocks(&self) -> usize {
        self.size.div_ceil(BLOCK_BYTES)
    }

    /// The bytes of a block before its stamp.
    fn plain(&self, block: usize) -> Bytes {
        let from = (block * BLOCK_BYTES).min(self.size);
        let length = (self.size - from).min(BLOCK_BYTES).saturating_sub(STAMP_BYTES);
        let from = if self.base.is_empty() { 0 } else { from % self.base.len() };
        self.base.slice(from..from + length)
    }

    /// The stamp of a block: shorter if the block is.
    fn stamp(&self, number: u64, block: usize) -> Bytes {
        let length = self.size.saturating_sub(block * BLOCK_BYTES).min(STAMP_BYTES);
        let mut stamp = [number.to_le_bytes(), self.seed.to_le_bytes(), (block as u64).to_le_bytes(), [0; 8]].concat();
        stamp.truncate(length);
        stamp.into()
    }
}

/// A request's body.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pieces: VecDeque<Bytes>,
    left: u64,
}

impl From<Bytes> for Pieces {
    fn from(bytes: Bytes) -> Pieces {
        let left = bytes.len() as u64;
        Pieces { pieces: if left == 0 { VecDeque::new() } else { [bytes].into() }, left }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let piece = self.pieces.pop_front();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bodies: &Bodies, number: u64) -> Vec<u8> {
        bodies.get(number).pieces.iter().flatten().copied().collect()
    }

    #[test]
    fn bodies_have_their_size_their_hash_and_match_themselves_however_they_are_cut() {
        for size in [0, 1, 8, 31, 32, 33, 4096, 70_000, BLOCK_BYTES, BLOCK_BYTES + 5, 3 * BLOCK_BYTES] {
            let mut bodies = Bodies::new(size, 7);
            bodies.hash_ahead(2);
            for number in [0, 1, 5] {
                let bytes = whole(&bodies, number);
                assert_eq!(bytes.len(), size);
                assert_eq!(bodies.get(number).size_hint().exact(), Some(size as u64));
                assert_eq!(bodies.sha256(number), hex(&Sha256::digest(&bytes)));
                for step in [13_000, 1 << 20, usize::MAX] {
                    let mut at = 0;
                    for piece in bytes.chunks(step) {
                        assert!(bodies.matches(number, at, piece), "{size} bytes, body {number}, at {at}");
                        at += piece.len();
                    }
                }
            }
        }
    }

    #[test]
    fn no_block_is_like_that_of_another_body() {
        let (bodies, other) = (Bodies::new(2 * BLOCK_BYTES, 7), Bodies::new(2 * BLOCK_BYTES, 8));
        for (one, two) in [(whole(&bodies, 1), whole(&bodies, 2)), (whole(&bodies, 1), whole(&other, 1))] {
            assert!(one.chunks(BLOCK_BYTES).zip(two.chunks(BLOCK_BYTES)).all(|(a, b)| a != b));
        }
        assert!(!bodies.matches(1, 0, &whole(&bodies, 2)));
        assert!(!bodies.matches(1, 0, &[whole(&bodies, 1), vec![0]].concat()), "too long");
    }
}
