//! What each digest of a body costs, on one core.

use std::hint::black_box;

use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha2::{Digest as _, Sha256};
use windlass_store::limit::BLOCK_BYTES;

use super::nanos_of;
use crate::load::Random;

const SIZES: [usize; 3] = [4 << 10, 64 << 10, 1 << 20];

/// Prints a line for each digest, with GB/s for each size.
pub(crate) fn run() {
    let mut random = Random(1);
    let bytes: Vec<u8> = (0..SIZES.iter().max().copied().unwrap_or(0)).map(|_| random.next() as u8).collect();
    print!("{:>14}", "GB/s");
    SIZES.iter().for_each(|size| print!(" {:>9}", format!("{} KiB", size >> 10)));
    println!();
    let crc = |algorithm| move |bytes: &[u8]| crc_fast::checksum(algorithm, bytes);
    line("MD5", &bytes, |bytes| Md5::digest(bytes));
    line("SHA-256", &bytes, |bytes| Sha256::digest(bytes));
    line("CRC-32", &bytes, crc(CrcAlgorithm::Crc32IsoHdlc));
    line("CRC-32C", &bytes, crc(CrcAlgorithm::Crc32Iscsi));
    line("CRC-64/NVME", &bytes, crc(CrcAlgorithm::Crc64Nvme));
    line("block sums", &bytes, block_sums);
    line("MD5 + sums", &bytes, |bytes| (Md5::digest(bytes), block_sums(bytes)));
}

/// CRC-32C of every block, as blobs are stored with.
fn block_sums(bytes: &[u8]) -> u64 {
    bytes
        .chunks(BLOCK_BYTES)
        .map(|block| crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, block))
        .fold(0, |all, sum| all ^ sum)
}

fn line<T>(name: &str, bytes: &[u8], digest: impl Fn(&[u8]) -> T) {
    print!("{name:>14}");
    for size in SIZES {
        let bytes = bytes.get(..size).unwrap_or(bytes);
        let nanos = nanos_of(|| drop(black_box(digest(black_box(bytes)))));
        print!(" {:>9.2}", bytes.len() as f64 / nanos);
    }
    println!();
}
