//! What the request log costs: CPU time of the server for each request, with the log on and off, in turns.
//!
//! Two servers run, each on a folder of its own, one with the log and one without. A round measures both right after one another
//! and for a short time, so that a slow moment of the machine hits both; the next round begins with the other one. What is told
//! is the median of the rounds' own ratios, and the interval that holds the true median in 95 of 100 cases whatever the ratios'
//! distribution is.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use tempfile::TempDir;

use crate::Failure;
use crate::gateway::{self, KEY};
use crate::load::{self, LoadArgs, Operation, parse_size};
use crate::running::Running;

/// Seconds of the same before what is measured.
const WARMUP_SECONDS: f64 = 0.2;
/// The ratio that is to be kept.
const GOAL: f64 = 1.03;

/// Measures what the request log costs.
#[derive(Debug, Clone, Args)]
pub(crate) struct RequestLogArgs {
    /// What is done.
    #[arg(long, value_enum, default_value = "get")]
    operation: Operation,
    /// Bytes of an object.
    #[arg(long, default_value = "4KiB", value_parser = parse_size)]
    size: usize,
    /// Connections.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
    /// Rounds.
    #[arg(long, default_value_t = 40)]
    rounds: u32,
    /// Seconds that each of the two is measured in a round.
    #[arg(long, default_value_t = 1.0)]
    duration: f64,
    /// Level of the other log, on standard error: what it costs is on both sides, and makes the ratio look better.
    #[arg(long, default_value = "info")]
    log_level: String,
    /// The gateway.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Where data goes; removed at the end.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
}

/// Measures and prints a Markdown table.
pub(crate) fn run(args: &RequestLogArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    let (off, on) = (Logged::start(args, false)?, Logged::start(args, true)?);
    println!("| round | off, us of CPU a request | on | on / off |\n|---|---|---|---|");
    let mut ratios = Vec::new();
    for round in 0..args.rounds {
        let (off, on) = if round % 2 == 0 {
            let off = off.cpu_us(args)?;
            (off, on.cpu_us(args)?)
        } else {
            let on = on.cpu_us(args)?;
            (off.cpu_us(args)?, on)
        };
        println!("| {} | {off:.1} | {on:.1} | {:.4} |", round + 1, on / off);
        ratios.push(on / off);
    }
    off.server.stop()?;
    on.server.stop()?;
    ratios.sort_by(f64::total_cmp);
    let (low, high) = interval(ratios.len());
    let at = |place: usize| ratios.get(place).copied().unwrap_or(f64::NAN);
    let median = (at((ratios.len() - 1) / 2) + at(ratios.len() / 2)) / 2.0;
    println!(
        "\nmedian {:+.2} %, interval {:+.2} % to {:+.2} %, goal below {:+.0} %",
        percent(median),
        percent(at(low)),
        percent(at(high)),
        percent(GOAL)
    );
    Ok(())
}

fn percent(ratio: f64) -> f64 {
    (ratio - 1.0) * 100.0
}

/// A server with the log, or without.
struct Logged {
    server: Running,
    _folder: TempDir,
}

impl Logged {
    /// Starts it, and uploads what is asked for later.
    fn start(args: &RequestLogArgs, log: bool) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(&args.work)?;
        let settings = [
            ("WINDLASS_LOG_LEVEL", args.log_level.as_str()),
            ("WINDLASS_REQUEST_LOG_ENABLED", if log { "true" } else { "false" }),
        ];
        let server = gateway::start(&args.windlass, folder.path(), &settings)?;
        let logged = Self { server, _folder: folder };
        load::fill(logged.load(args, false))?;
        Ok(logged)
    }

    fn load(&self, args: &RequestLogArgs, prefilled: bool) -> LoadArgs {
        LoadArgs {
            size: args.size,
            concurrency: args.concurrency,
            duration: args.duration,
            warmup: WARMUP_SECONDS,
            prefilled,
            pid: Some(self.server.pid()),
            // What was uploaded with one is read with the same.
            seed: 1,
            ..LoadArgs::new(args.operation, &self.server.endpoint, KEY, "logged")
        }
    }

    /// CPU time that it takes for a request, in microseconds.
    fn cpu_us(&self, args: &RequestLogArgs) -> Result<f64, Failure> {
        let report = load::run(self.load(args, true))?;
        if report.errors > 0 {
            return Err(format!("{} operations failed, such as {:?}", report.errors, report.error_samples).into());
        }
        report.server.map(|server| server.cpu_us).ok_or_else(|| "the server's CPU time is not known".into())
    }
}

/// The places of the sorted values between which their true median lies in 95 of 100 cases: so many of them are smaller than
/// it as coins show heads.
fn interval(count: usize) -> (usize, usize) {
    let (mut place, mut below, mut chance) = (0, 0.0, 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX)));
    while place + 1 < count / 2 && below + chance <= 0.025 {
        below += chance;
        chance *= (count - place) as f64 / (place + 1) as f64;
        place += 1;
    }
    let low = place.saturating_sub(1);
    (low, count.saturating_sub(1 + low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_sign_test() {
        // From tables: with 10 values the 2nd to the 9th, with 12 the 3rd to the 10th, with 20 the 6th to the 15th.
        assert_eq!(interval(10), (1, 8));
        assert_eq!(interval(12), (2, 9));
        assert_eq!(interval(20), (5, 14));
        assert_eq!(interval(1), (0, 0));
    }
}
