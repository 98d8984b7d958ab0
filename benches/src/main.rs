//! Micro-benchmarks of the metadata, beside what the disk itself does in the same minute:
//! `cargo run --release -p windlass-benches -- commit|list [FOLDER]`
//!
//! Figures hold for one machine and one moment; they are for comparing, not for quoting.

mod commit;
mod disk;
mod list;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tempfile::TempDir;
use windlass_store::clock::SystemClock;
use windlass_store::meta::{Meta, RedbEngine};

/// What a benchmark ends with when it could not be done.
type Failure = Box<dyn std::error::Error>;

/// Page cache of the engine, the gateway's default.
const CACHE_BYTES: usize = 128 << 20;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let folder = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let done = tempfile::tempdir_in(folder).map_err(Failure::from).and_then(|folder| match name.as_str() {
        "commit" => commit::run(&folder),
        "list" => list::run(&folder),
        _ => Err("usage: windlass-benches commit|list [FOLDER]".into()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Metadata in a new file of that name.
fn open(folder: &TempDir, name: &str) -> Result<Meta, Failure> {
    let engine = RedbEngine::open(&folder.path().join(name), CACHE_BYTES)?;
    Ok(Meta::open(Arc::new(engine), Arc::new(SystemClock))?)
}
