//! Pages of a table that is read from one end to the other, as listings read it.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use windlass_store::limit;
use windlass_store::meta::{KeyRange, Meta, Step, Table};

use super::open;
use crate::Failure;

const ROWS: u64 = 200_000;
const ROWS_PER_COMMIT: u64 = 10_000;
const ROW_BYTES: usize = 200;
const ROUNDS: u32 = 5;

/// Prints a line for each round; the first reads what the commits left in memory.
pub(crate) fn run(folder: &Path) -> Result<(), Failure> {
    let meta = open(folder, "list.redb")?;
    fill(&meta)?;
    println!("{:>8} {:>10} {:>8} {:>14} {:>12}", "round", "rows", "pages", "rows/s", "us/page");
    for round in 1..=ROUNDS {
        let begun = Instant::now();
        let (mut from, mut rows, mut pages) = (Vec::new(), 0, 0_u32);
        while let Some((last, read)) = page(&meta, from)? {
            rows += read;
            pages += 1;
            // The successor of the last key, as a listing's next page begins.
            from = [last, vec![0]].concat();
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (rate, each) = (rows as f64 / seconds, seconds * 1e6 / f64::from(pages.max(1)));
        println!("{round:>8} {rows:>10} {pages:>8} {rate:>14.0} {each:>12.0}");
    }
    Ok(())
}

fn fill(meta: &Meta) -> Result<(), Failure> {
    for first in (0..ROWS).step_by(usize::try_from(ROWS_PER_COMMIT)?) {
        meta.write_blocking(move |tx| {
            for row in first..first + ROWS_PER_COMMIT {
                let key = format!("photos/{:03}/{row:09}.jpg", row / 1_000).into_bytes();
                tx.put(Table::Objects, key, Bytes::from_static(&[0x5A; ROW_BYTES]));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// One page from that key on, in a snapshot of its own: its last key and how many rows it has.
fn page(meta: &Meta, from: Vec<u8>) -> Result<Option<(Vec<u8>, usize)>, Failure> {
    let page = meta.read(|read| {
        let (mut last, mut rows) = (Vec::new(), 0);
        read.scan(Table::Objects, &KeyRange::prefix_from(b"photos/", from), &mut |key, _| {
            rows += 1;
            last.clear();
            last.extend_from_slice(key);
            Ok(if rows == limit::PAGE_MAX { Step::Stop } else { Step::Continue })
        })?;
        Ok((rows > 0).then_some((last, rows)))
    })?;
    Ok(page)
}
