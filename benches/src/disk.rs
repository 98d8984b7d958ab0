//! What the disk does without us: the ceiling for durable commits.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Failure;

const DURATION: Duration = Duration::from_secs(2);

/// Appends of 4 KiB a second, each followed by fdatasync.
pub(crate) fn syncs_per_second(folder: &TempDir) -> Result<f64, Failure> {
    let mut file = File::create(folder.path().join("disk"))?;
    let (begun, mut syncs) = (Instant::now(), 0_u32);
    while begun.elapsed() < DURATION {
        file.write_all(&[0x5A; 4096])?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / begun.elapsed().as_secs_f64())
}
