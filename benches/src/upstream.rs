//! What a gateway before an upstream costs: uploads straight to the upstream beside the same uploads through a gateway whose
//! blobs are there, and what the gateway takes of memory meanwhile.
//!
//! A round measures both in turns, each on folders of its own; the next round begins with the other one. The upstream is a
//! second gateway on the same disk.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::Failure;
use crate::gateway::{self, KEY};
use crate::load::{self, LoadArgs, Operation, Payload, Report, parse_size};
use crate::process::memory;
use crate::running::Running;

const BUCKET: &str = "blobs";
/// The share of the speed straight to the upstream that is to be kept.
const GOAL: f64 = 0.8;
/// What one upload may take of the gateway's memory.
const MEMORY_GOAL_MIB: f64 = 64.0;

/// Measures uploads to an upstream, straight and through a gateway.
#[derive(Debug, Clone, Args)]
pub(crate) struct UpstreamArgs {
    /// Bytes of an object.
    #[arg(long, default_value = "1024MiB", value_parser = parse_size)]
    size: usize,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Seconds that each side of a round is measured: uploads that end within them count.
    #[arg(long, default_value_t = 15.0)]
    duration: f64,
    /// Uploads at once in the end, to see what they take of memory.
    #[arg(long, default_value_t = 32)]
    crowd: usize,
    /// Bytes of each of these.
    #[arg(long, default_value = "64MiB", value_parser = parse_size)]
    crowd_size: usize,
    /// What the gateway's blobs are held against upstream.
    #[arg(long, default_value = "sha256")]
    checksum: String,
    /// The gateway, which is the upstream too.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Where data goes; removed at the end.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
}

/// Both processes, and the folder they are in.
struct Pair {
    upstream: Running,
    gateway: Running,
    _folder: tempfile::TempDir,
}

/// Measures and prints a Markdown table.
pub(crate) fn run(args: &UpstreamArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    println!("| round | straight, MiB/s | through | share | gateway above idle, MiB |\n|---|---|---|---|---|");
    let mut shares = Vec::new();
    for round in 0..args.rounds {
        let pair = Pair::start(args)?;
        let idle = memory(pair.gateway.pid()).resident_bytes;
        let straight = || put(args, &pair.upstream.endpoint, 1, args.size, args.duration, 2 * round + 1);
        let through = || put(args, &pair.gateway.endpoint, 1, args.size, args.duration, 2 * round + 2);
        let (straight, through) = match round % 2 {
            0 => (straight()?, through()?),
            _ => {
                let through = through()?;
                (straight()?, through)
            }
        };
        let (straight, through) = (mib_per_second(&straight), mib_per_second(&through));
        let above = above(&pair, idle);
        println!("| {} | {straight:.0} | {through:.0} | {:.2} | {above:.1} |", round + 1, through / straight);
        shares.push(through / straight);
        pair.stop()?;
    }
    shares.sort_by(f64::total_cmp);
    let median = shares.get(shares.len() / 2).copied().unwrap_or(f64::NAN);
    println!("\nmedian share {median:.2}, goal {GOAL:.2}; memory goal {MEMORY_GOAL_MIB:.0} MiB above idle");
    let pair = Pair::start(args)?;
    let idle = memory(pair.gateway.pid()).resident_bytes;
    let report = put(args, &pair.gateway.endpoint, args.crowd, args.crowd_size, args.duration, 99)?;
    let (count, above) = (report.operations, above(&pair, idle));
    println!("{} uploads at once, {count} in all: gateway {above:.1} MiB above idle", args.crowd);
    pair.stop()
}

/// The speed of one upload, by how long it took: the window holds no whole number of them.
fn mib_per_second(report: &Report) -> f64 {
    report.size_bytes as f64 / f64::from(1 << 20) / (report.latency.mean_ms / 1e3)
}

/// The most that the gateway had in memory beyond what it had idle.
fn above(pair: &Pair, idle: u64) -> f64 {
    memory(pair.gateway.pid()).peak_bytes.saturating_sub(idle) as f64 / f64::from(1 << 20)
}

fn put(
    args: &UpstreamArgs,
    endpoint: &str,
    concurrency: usize,
    size: usize,
    duration: f64,
    seed: u64,
) -> Result<Report, Failure> {
    let report = load::run(LoadArgs {
        size,
        concurrency,
        duration,
        warmup: 0.0,
        // What the client hashes is not what is measured.
        payload: Payload::Unsigned,
        timeout: 600,
        seed,
        ..LoadArgs::new(Operation::Put, endpoint, KEY, "measured")
    })?;
    match report.errors {
        0 => Ok(report),
        errors => {
            Err(format!("{errors} uploads to {} failed: {:?}", args.windlass.display(), report.error_samples).into())
        }
    }
}

impl Pair {
    fn start(args: &UpstreamArgs) -> Result<Pair, Failure> {
        let folder = tempfile::tempdir_in(&args.work)?;
        let upstream = start(args, &folder.path().join("upstream"), &[])?;
        // The load makes its bucket if it is not there.
        load::run(LoadArgs {
            concurrency: 1,
            duration: 0.01,
            warmup: 0.0,
            ..LoadArgs::new(Operation::Put, &upstream.endpoint, KEY, BUCKET)
        })?;
        let settings = [
            ("WINDLASS_BLOBS_KIND", "s3"),
            ("WINDLASS_BLOBS_ENDPOINT", &upstream.endpoint),
            ("WINDLASS_BLOBS_BUCKET", BUCKET),
            ("WINDLASS_BLOBS_PREFIX", "gateway"),
            ("WINDLASS_BLOBS_CHECKSUM", &args.checksum),
            ("WINDLASS_BLOBS_ACCESS_KEY", KEY.0),
            ("WINDLASS_BLOBS_SECRET_KEY", KEY.1),
        ];
        let gateway = start(args, &folder.path().join("gateway"), &settings)?;
        Ok(Pair { upstream, gateway, _folder: folder })
    }

    fn stop(self) -> Result<(), Failure> {
        self.gateway.stop()?;
        self.upstream.stop()
    }
}

fn start(args: &UpstreamArgs, folder: &Path, settings: &[(&str, &str)]) -> Result<Running, Failure> {
    fs::create_dir_all(folder)?;
    gateway::start(&args.windlass, folder, settings)
}
