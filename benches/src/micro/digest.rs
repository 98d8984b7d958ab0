//! What each digest of a body costs, on one core.

use std::array::from_fn;
use std::hint::black_box;

use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha2::{Digest as _, Sha256};
use windlass_store::blob::md5::{Block, Md5 as Stream, Run, take_in};
use windlass_store::limit::BLOCK_BYTES;

use super::nanos_of;
use crate::load::Random;

const SIZES: [usize; 3] = [4 << 10, 64 << 10, 1 << 20];
const STREAMS: [usize; 7] = [1, 2, 3, 4, 8, 12, 16];
/// Blocks that each of many streams takes in: 256 KiB.
const BLOCKS: usize = 4_096;

/// Prints a line for each digest, with GB/s for each size, and then MD5 of many streams.
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
    many(&mut random);
}

/// MD5 of many streams on one core, one after the other and in lanes.
fn many(random: &mut Random) {
    let streams_max = STREAMS.iter().max().copied().unwrap_or(0);
    let blocks: Vec<Vec<Block>> =
        (0..streams_max).map(|_| (0..BLOCKS).map(|_| from_fn(|_| random.next() as u8)).collect()).collect();
    print!("\n{:>14}", "MB/s, streams");
    STREAMS.iter().for_each(|streams| print!(" {streams:>9}"));
    println!();
    streams("MD5 by turns", &blocks, |runs| runs.chunks_mut(1).for_each(take_in));
    streams("MD5 in lanes", &blocks, take_in);
}

fn streams(name: &str, blocks: &[Vec<Block>], take_in: fn(&mut [Run<'_>])) {
    print!("{name:>14}");
    for count in STREAMS {
        let blocks = blocks.get(..count).unwrap_or(blocks);
        let mut running = vec![Stream::default(); count];
        let nanos = nanos_of(|| {
            let runs = running.iter_mut().zip(blocks).map(|(stream, blocks)| stream.run(black_box(blocks)));
            take_in(&mut runs.collect::<Vec<_>>());
        });
        black_box(running);
        print!(" {:>9.0}", (count * BLOCKS * size_of::<Block>()) as f64 / nanos * 1e3);
    }
    println!();
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
