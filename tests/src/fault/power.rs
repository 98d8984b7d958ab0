//! Power cuts: the crash loop on a disk that dies under it.

use std::path::Path;
use std::sync::Arc;

use super::disk::Disk;
use super::relaxed::Rounds;
use crate::crash::{Plan, run};

/// The disk of the crash loop: room for all its objects and what waits for the sweep.
const DISK_MIB: u64 = 6 << 10;
/// Rounds within which a gateway whose syncs do nothing must be caught.
const CONTROL_ROUNDS: u32 = 5;

/// Runs the rounds; the error is the first violation.
pub async fn cuts(work: &Path, binary: &Path, rounds: u32, seed: u64) -> Result<String, String> {
    let totals = run(&plan(work, binary, rounds, seed, None)).await?;
    Ok(format!(
        "{rounds} cuts, {} writes acknowledged, {} checked, {} in doubt done and {} not, ready after at most {} ms, 0 violations",
        totals.acknowledged, totals.checked, totals.landed, totals.lost, totals.ready_ms_max
    ))
}

/// The same against a gateway whose syncs do nothing (`preload` is libeatmydata). The loop is worth something only if it
/// catches that.
pub async fn control(work: &Path, binary: &Path, seed: u64, preload: &Path) -> Result<String, String> {
    match run(&plan(work, binary, CONTROL_ROUNDS, seed, Some(preload))).await {
        Ok(_) => Err(format!("{CONTROL_ROUNDS} power cuts without any sync went unnoticed")),
        Err(violation) => {
            let first: String = violation.chars().take(300).collect();
            Ok(format!("caught: {}", first.replace('\n', " ")))
        }
    }
}

/// Power cuts of a gateway whose durability is relaxed: what is left is everything up to a moment that is not long ago.
pub async fn relaxed(work: &Path, binary: &Path, rounds: u32, seed: u64) -> Result<String, String> {
    let disk = Disk::new(work, "relaxed", DISK_MIB);
    Rounds { binary, rounds, long_every: 4, disk: Some(&disk), seed }.run().await
}

fn plan(work: &Path, binary: &Path, rounds: u32, seed: u64, preload: Option<&Path>) -> Plan {
    let mut plan = Plan::new(binary.to_owned(), rounds, seed);
    plan.disk = Some(Arc::new(Disk::new(work, "power", DISK_MIB)));
    // So that cuts fall into the sweep too.
    plan.env.push(("WINDLASS_SWEEP_INTERVAL_MS".to_owned(), "200".to_owned()));
    plan.env.extend(preload.map(|path| ("LD_PRELOAD".to_owned(), path.display().to_string())));
    plan
}
