//! Windlass beside its peers: the same loads on each server alone, on the same disk, in turns.
//!
//! A round gives every group of loads to every server, so that what is compared was measured within minutes. Nothing is
//! skipped in silence: a server that is not installed and a load that fails stand in the result.

mod goals;
mod loads;
mod peers;
mod result;
mod table;
mod turn;

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::Failure;
use loads::GROUPS;
use result::{Comparison, Outcome};

/// Compares Windlass with its peers.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompareArgs {
    /// How often everything is measured.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds a load is measured in each round.
    #[arg(long, default_value_t = 5.0)]
    duration: f64,
    /// Seconds of the same before that.
    #[arg(long, default_value_t = 1.0)]
    warmup: f64,
    /// One round of a second each: shows that everything works, and little else.
    #[arg(long)]
    quick: bool,
    /// The gateway.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Where compare.sh has put the peers.
    #[arg(long, default_value = "target/peers")]
    peers: PathBuf,
    /// Where data and results go; its disk is what is measured.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
    /// Only these servers, such as windlass,ceiling,garage.
    #[arg(long, value_delimiter = ',')]
    servers: Vec<String>,
    /// Only these loads, such as get-4k,put-4k.
    #[arg(long, value_delimiter = ',')]
    loads: Vec<String>,
    /// Leave the data where it is at the end.
    #[arg(long)]
    keep: bool,
}

/// Compares, and leaves `result.md` and `result.json`.
pub(crate) fn run(args: &CompareArgs) -> Result<(), Failure> {
    let mut args = args.clone();
    if args.quick {
        (args.rounds, args.duration, args.warmup) = (1, 1.0, 0.3);
    }
    let data = args.work.join("data");
    if data.exists() {
        eprintln!("removing what an earlier run has left in {}", data.display());
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    args.work = args.work.canonicalize()?;
    args.peers = std::path::absolute(&args.peers)?;
    pin(&mut args)?;
    let mut comparison = Comparison::new(&args)?;
    for name in &args.servers {
        if !comparison.servers.iter().any(|server| server.id == *name) {
            return Err(format!("there is no server {name}").into());
        }
    }
    measure(&args, &mut comparison)?;
    table::write(&args, &comparison)?;
    println!("{}", fs::read_to_string(args.work.join("result.md"))?);
    if !args.keep {
        fs::remove_dir_all(args.work.join("data"))?;
    }
    match comparison.problems() {
        0 => Ok(()),
        problems => Err(format!("{problems} things could not be measured as they should: see the result").into()),
    }
}

/// Copies the gateway and this program, so that a build in the meantime changes nothing.
fn pin(args: &mut CompareArgs) -> Result<(), Failure> {
    let bin = args.work.join("bin");
    fs::create_dir_all(&bin)?;
    let pinned = bin.join("windlass");
    fs::copy(&args.windlass, &pinned).map_err(|e| format!("{}: {e}", args.windlass.display()))?;
    args.windlass = pinned;
    fs::copy("/proc/self/exe", bin.join("windlass-benches"))?;
    Ok(())
}

fn measure(args: &CompareArgs, comparison: &mut Comparison) -> Result<(), Failure> {
    let servers = comparison.servers.clone();
    let mut filled = HashSet::new();
    for round in 1..=args.rounds {
        for group in GROUPS {
            let wanted = |id: &str| args.loads.is_empty() || args.loads.iter().any(|load| load == id);
            let loads: Vec<_> = group.loads.iter().filter(|load| wanted(load.id)).collect();
            // Each round begins with another server.
            let (before, after) = servers.split_at(round as usize % servers.len().max(1));
            for server in after.iter().chain(before) {
                if loads.is_empty() || server.problem.is_some() || !group.has(server) {
                    continue;
                }
                eprintln!("round {round} of {}: {} on {}", args.rounds, group.id, server.id);
                let turn = turn::Turn { args, round, group, loads: &loads, server };
                match turn.take(&mut filled) {
                    Ok(outcome) => comparison.outcomes.push(outcome),
                    Err(problem) => {
                        eprintln!("  FAILED: {problem}");
                        comparison.outcomes.push(Outcome::failed(&turn, problem.to_string()));
                    }
                }
            }
        }
        comparison.rounds_done = round;
        table::write(args, comparison)?;
    }
    Ok(())
}
