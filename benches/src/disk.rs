//! What the disk does without us: the ceiling for durable commits.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Failure;

/// Appends of 4 KiB a second to one nameless file on that folder's disk, each followed by fdatasync.
pub(crate) fn syncs_per_second(folder: &Path, duration: Duration) -> Result<f64, Failure> {
    let mut file = tempfile::tempfile_in(folder)?;
    let (begun, mut syncs) = (Instant::now(), 0_u32);
    while begun.elapsed() < duration {
        file.write_all(&[0x5A; 4096])?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / begun.elapsed().as_secs_f64())
}

/// Prints that rate, once a second, for as many seconds.
pub(crate) fn run(folder: &Path, seconds: u32) -> Result<(), Failure> {
    println!("{:>8} {:>16}", "second", "disk syncs/s");
    for second in 1..=seconds {
        println!("{second:>8} {:>16.0}", syncs_per_second(folder, Duration::from_secs(1))?);
    }
    Ok(())
}
