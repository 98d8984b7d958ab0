//! One stream of MD5, which can take blocks in alone or in a lane beside others.

use md5::block_api::compress;

use super::lanes::{Block, Chain, Run};

const BLOCK_BYTES: usize = size_of::<Block>();
/// What MD5 begins with (RFC 1321, section 3.3).
const BEGIN: Chain = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// A running MD5. The `md-5` crate's own keeps its words to itself, where lanes cannot get at them.
#[derive(Debug, Clone)]
pub struct Md5 {
    chain: Chain,
    /// Bytes so far; those past the last whole block are in `partial`.
    len: u64,
    partial: Block,
}

impl Default for Md5 {
    fn default() -> Self {
        Self { chain: BEGIN, len: 0, partial: [0; BLOCK_BYTES] }
    }
}

impl Md5 {
    /// Takes bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        let rest = bytes.get(self.top_up(bytes)..).unwrap_or_default();
        let (blocks, tail) = rest.as_chunks();
        if !blocks.is_empty() {
            let run = self.run(blocks);
            compress(run.chain, run.blocks);
        }
        self.keep(tail);
    }

    /// Takes so many of the bytes in as the begun block still lacks, and returns their number; 0 if none is begun.
    pub(super) fn top_up(&mut self, bytes: &[u8]) -> usize {
        let begun = self.begun();
        if begun == 0 {
            return 0;
        }
        let (head, _) = bytes.split_at(bytes.len().min(BLOCK_BYTES - begun));
        self.keep(head);
        if self.begun() == 0 {
            compress(&mut self.chain, std::slice::from_ref(&self.partial));
        }
        head.len()
    }

    /// Blocks to take in beside those of other streams. They count as taken, so the run has to be given to `take_in`;
    /// no block may be begun.
    pub fn run<'a>(&'a mut self, blocks: &'a [Block]) -> Run<'a> {
        debug_assert_eq!(self.begun(), 0, "a block is begun");
        self.len = self.len.wrapping_add(blocks.as_flattened().len() as u64);
        Run { chain: &mut self.chain, blocks }
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 16] {
        let bits = self.len.wrapping_mul(8);
        let mut padding = [0; BLOCK_BYTES];
        padding[0] = 0x80;
        // Up to the last 8 bytes of a block, and at least one byte.
        let padded = 1 + (BLOCK_BYTES + 55 - self.begun()) % BLOCK_BYTES;
        self.update(padding.get(..padded).unwrap_or_default());
        self.update(&bits.to_le_bytes());
        let mut digest = [0; 16];
        let (words, _) = digest.as_chunks_mut();
        words.iter_mut().zip(self.chain).for_each(|(bytes, word)| *bytes = word.to_le_bytes());
        digest
    }

    /// Bytes of the begun block.
    fn begun(&self) -> usize {
        (self.len % BLOCK_BYTES as u64) as usize
    }

    /// Adds bytes to the begun block, which has room for them.
    fn keep(&mut self, bytes: &[u8]) {
        let begun = self.begun();
        if let Some(room) = self.partial.get_mut(begun..begun + bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.len = self.len.wrapping_add(bytes.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;
    use proptest::prelude::*;

    use super::super::take_in;
    use super::*;
    use crate::object::hex;

    fn md5(bytes: &[u8]) -> [u8; 16] {
        md5::Md5::digest(bytes).into()
    }

    /// RFC 1321, appendix A.5.
    #[test]
    fn the_vectors_of_the_rfc() {
        let digits = "1234567890".repeat(8);
        for (text, digest) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
            (digits.as_str(), "57edf4a22be3c955ac49da2e2107b67a"),
        ] {
            let mut stream = Md5::default();
            stream.update(text.as_bytes());
            assert_eq!(hex(&stream.finish()), digest, "{text:?}");
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded_right() {
        let bytes: Vec<u8> = (0..200).collect();
        for len in 0..bytes.len() {
            let mut stream = Md5::default();
            stream.update(&bytes[..len]);
            assert_eq!(stream.finish(), md5(&bytes[..len]), "{len} bytes");
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(bytes in prop::collection::vec(any::<u8>(), 0..2_000), cut in 1..300usize) {
            let mut stream = Md5::default();
            bytes.chunks(cut).for_each(|piece| stream.update(piece));
            prop_assert_eq!(stream.finish(), md5(&bytes));
        }

        #[test]
        fn lanes_give_what_each_stream_gives_alone(
            streams in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..900), 0..130usize), 0..30),
        ) {
            let mut running: Vec<(Md5, &[u8], &[u8])> = Vec::new();
            for (bytes, first) in &streams {
                // Each begins at a place of its own, and goes on from there in its lane.
                let (head, rest) = bytes.split_at((first & !63).min(bytes.len() & !63));
                let mut stream = Md5::default();
                stream.update(head);
                let (blocks, tail) = rest.as_chunks::<64>();
                running.push((stream, blocks.as_flattened(), tail));
            }
            let runs = running.iter_mut().map(|(stream, blocks, _)| stream.run(blocks.as_chunks().0));
            take_in(&mut runs.collect::<Vec<_>>());
            for ((mut stream, _, tail), (bytes, _)) in running.into_iter().zip(&streams) {
                stream.update(tail);
                prop_assert_eq!(stream.finish(), md5(bytes));
            }
        }
    }
}
