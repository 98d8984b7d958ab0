//! Durable writes of one row by many writers at once: what group commit makes of the disk's syncs.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Runtime;
use windlass_store::meta::{Meta, Table};

use super::open;
use crate::{Failure, disk};

const DURATION: Duration = Duration::from_secs(3);
const WRITERS: [u64; 4] = [1, 8, 64, 512];
/// About what an object's row takes.
const ROW_BYTES: usize = 200;

/// Prints a line for each number of writers.
pub(crate) fn run(folder: &Path) -> Result<(), Failure> {
    let runtime = Runtime::new()?;
    println!("{:>8} {:>12} {:>12} {:>10} {:>16}", "writers", "writes/s", "commits/s", "per commit", "disk syncs/s");
    for writers in WRITERS {
        let syncs = disk::syncs_per_second(folder, Duration::from_secs(1))?;
        let meta = Arc::new(open(folder, &format!("commit-{writers}.redb"))?);
        let begun = Instant::now();
        let writes = runtime.block_on(write(&meta, writers, begun + DURATION))?;
        let seconds = begun.elapsed().as_secs_f64();
        let commits = meta.counters().commits;
        let each = writes as f64 / commits.max(1) as f64;
        let (writes, commits) = (writes as f64 / seconds, commits as f64 / seconds);
        println!("{writers:>8} {writes:>12.0} {commits:>12.0} {each:>10.1} {syncs:>16.0}");
    }
    Ok(())
}

/// Lets that many writers write, each its next row when the last one is durable; counts the rows.
async fn write(meta: &Arc<Meta>, writers: u64, until: Instant) -> Result<u64, Failure> {
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let meta = Arc::clone(meta);
            tokio::spawn(async move {
                let mut rows = 0_u64;
                while Instant::now() < until {
                    let key = [writer.to_be_bytes(), rows.to_be_bytes()].concat();
                    meta.write(move |tx| {
                        tx.put(Table::Objects, key.clone(), Bytes::from_static(&[0x5A; ROW_BYTES]));
                        Ok(())
                    })
                    .await?;
                    rows += 1;
                }
                Ok::<u64, windlass_store::Error>(rows)
            })
        })
        .collect();
    let mut rows = 0;
    for task in tasks {
        rows += task.await??;
    }
    Ok(rows)
}
