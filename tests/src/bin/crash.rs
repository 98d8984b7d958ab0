//! The long crash loop: `cargo run --release -p windlass-tests --bin crash -- --rounds 200 --seed 1 --binary PATH`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use windlass_tests::crash::{Plan, run};
use windlass_tests::server::binary;

/// Kills the gateway under load again and again, and looks for anything that was lost or left half done.
#[derive(Debug, Parser)]
struct Arguments {
    /// How often to kill it.
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// The seed of everything random; without it a new one.
    #[arg(long)]
    seed: Option<u64>,
    /// The gateway's binary; without it WINDLASS_BIN, or that beside this one.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Fail when a restarted gateway takes longer than this to listen.
    #[arg(long)]
    assert_ready_ms: Option<u128>,
    /// Have the bucket keep versions, and hold each of them against what was acknowledged.
    #[arg(long)]
    versioned: bool,
    /// Keep blobs at an upstream, which lives on, and make sure that nothing is left there in the end.
    #[arg(long)]
    upstream: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let binary = arguments.binary.unwrap_or_else(binary);
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    let plan = Plan {
        ready_ms_max: arguments.assert_ready_ms,
        versioned: arguments.versioned,
        upstream: arguments.upstream,
        ..Plan::new(binary, arguments.rounds, seed)
    };
    match run(&plan).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(violation) => {
            eprintln!("VIOLATION: {violation}");
            ExitCode::FAILURE
        }
    }
}
