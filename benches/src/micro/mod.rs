//! Parts of the gateway on their own.

pub(crate) mod codec;
pub(crate) mod commit;
pub(crate) mod digest;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod rate;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use windlass_store::clock::SystemClock;
use windlass_store::meta::{Meta, RedbEngine};

use crate::Failure;

/// Page cache of the engine, the gateway's default.
const CACHE_BYTES: usize = 96 << 20;
const ROUNDS: u32 = 5;
const ROUND: Duration = Duration::from_millis(300);

/// Metadata in a new file of that name.
fn open(folder: &Path, name: &str) -> Result<Meta, Failure> {
    let engine = RedbEngine::open(&folder.join(name), CACHE_BYTES)?;
    Ok(Meta::open(Arc::new(engine), Arc::new(SystemClock))?)
}

/// Nanoseconds that one call takes on one core: the best of a few rounds, since whatever disturbs only adds.
fn nanos_of(mut call: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (begun, mut calls) = (Instant::now(), 0_u32);
        while begun.elapsed() < ROUND {
            // The clock is read once for several calls.
            (0..16).for_each(|_| call());
            calls += 16;
        }
        best = best.min(begun.elapsed().as_nanos() as f64 / f64::from(calls.max(1)));
    }
    best
}
