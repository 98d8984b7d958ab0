//! Block checksums: CRC-32C of every 64 KiB, taken when bytes are stored and verified before any of them is sent.

use crc_fast::{CrcAlgorithm, Digest};

use crate::error::{Error, Result};
use crate::limit::BLOCK_BYTES;

/// CRC-32C of bytes at hand.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// Running block checksums: four bytes a block, little-endian.
pub(crate) struct BlockSums {
    current: Digest,
    filled: usize,
    sums: Vec<u8>,
}

impl Default for BlockSums {
    fn default() -> Self {
        Self { current: Digest::new(CrcAlgorithm::Crc32Iscsi), filled: 0, sums: Vec::new() }
    }
}

impl BlockSums {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
            self.current.update(head);
            self.filled += head.len();
            if self.filled == BLOCK_BYTES {
                self.end_block();
            }
            bytes = tail;
        }
    }

    fn end_block(&mut self) {
        // A CRC-32 fits the low half of the 64 bits that the crate returns.
        let sum = self.current.finalize_reset() as u32;
        self.sums.extend_from_slice(&sum.to_le_bytes());
        self.filled = 0;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.end_block();
        }
        self.sums
    }
}

/// Verifies whole blocks against their checksums; `bytes` begins at a block's start. `what` names the blob.
pub(crate) fn verify(bytes: &[u8], sums: &[u8], what: &dyn std::fmt::Display) -> Result<()> {
    let mut expected = sums.chunks_exact(4);
    for (index, block) in bytes.chunks(BLOCK_BYTES).enumerate() {
        let sum = crc32c(block).to_le_bytes();
        if expected.next() != Some(sum.as_slice()) {
            return Err(Error::corrupt(format!("block {index} of a read from {what} does not match its checksum")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_position_is_found() {
        let bytes: Vec<u8> = (0..BLOCK_BYTES + 100).map(|n| n as u8).collect();
        let mut sums = BlockSums::default();
        sums.update(&bytes);
        let sums = sums.finish();
        assert_eq!(sums.len(), 8);
        verify(&bytes, &sums, &"a").unwrap();
        for at in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 99] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert!(verify(&flipped, &sums, &"a").is_err(), "flip at {at}");
        }
        assert!(verify(&bytes, &sums[..4], &"a").is_err(), "a missing checksum is not a match");
    }
}
