//! Runs faults that need root, mounts or a tracer; `tests/faults/run.sh` runs all of them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use windlass_tests::fault::flips::{Flips, Outcomes};
use windlass_tests::fault::syscalls::Sweep;
use windlass_tests::fault::{clock, crowd, full, pause, power};
use windlass_tests::server::{DataDir, binary};

/// Breaks what is under a gateway, and looks at what it makes of it.
#[derive(Debug, Parser)]
struct Arguments {
    /// A folder for images, mounts and data.
    #[arg(long, global = true, default_value = "/tmp")]
    work: PathBuf,
    /// The gateway's binary; without it WINDLASS_BIN, or that beside this one.
    #[arg(long, global = true)]
    binary: Option<PathBuf>,
    /// The seed of everything random; without it a new one.
    #[arg(long, global = true)]
    seed: Option<u64>,
    #[command(subcommand)]
    fault: Fault,
}

#[derive(Debug, Subcommand)]
enum Fault {
    /// The file system is shut down without a log flush, under load.
    PowerCut {
        /// How often.
        #[arg(long, default_value_t = 50)]
        rounds: u32,
    },
    /// The same with relaxed durability: what is left is everything up to a moment that is not long ago.
    PowerCutRelaxed {
        /// How often.
        #[arg(long, default_value_t = 20)]
        rounds: u32,
    },
    /// Power cuts of a gateway whose syncs do nothing: the loop must notice.
    PowerControl {
        /// libeatmydata.so
        #[arg(long)]
        preload: PathBuf,
    },
    /// The disk is full, twice.
    DiskFull,
    /// Every system call on the data fails once in turn, by strace.
    Syscalls {
        /// At most so many places of each call and error.
        #[arg(long, default_value_t = 20)]
        most: usize,
    },
    /// Bits flip in blobs and in the metadata file.
    Flips {
        /// How many of each.
        #[arg(long, default_value_t = 200)]
        count: usize,
    },
    /// The process is stopped for five seconds under load.
    Pause,
    /// 200 clients and 64 file descriptors.
    Descriptors,
    /// 200 slow uploads in a memory cgroup.
    Memory {
        /// The group's limit in MiB.
        #[arg(long, default_value_t = 256)]
        mib: u64,
    },
    /// The wall clock is set back.
    Clock {
        /// libfaketimeMT.so.1
        #[arg(long)]
        preload: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let binary = arguments.binary.unwrap_or_else(binary);
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    match run(&arguments.fault, &arguments.work, &binary, seed).await {
        Ok(seen) => {
            println!("seen: {seen}");
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("VIOLATION: {violation}");
            ExitCode::FAILURE
        }
    }
}

/// What was seen; the error is what must not be.
async fn run(fault: &Fault, work: &Path, binary: &Path, seed: u64) -> Result<String, String> {
    match fault {
        Fault::PowerCut { rounds } => power::cuts(work, binary, *rounds, seed).await,
        Fault::PowerCutRelaxed { rounds } => power::relaxed(work, binary, *rounds, seed).await,
        Fault::PowerControl { preload } => power::control(work, binary, seed, preload).await,
        Fault::DiskFull => full::twice(work, binary).await,
        Fault::Syscalls { most } => Sweep { binary: binary.to_owned(), work: work.to_owned(), most: *most }.run().await,
        Fault::Flips { count } => flips(work, binary, *count, seed).await,
        Fault::Pause => pause::pause(binary, DataDir::at(&work.join("pause")), Duration::from_secs(5)).await,
        Fault::Descriptors => crowd::descriptors(work, binary).await,
        Fault::Memory { mib } => crowd::memory(work, binary, *mib).await,
        Fault::Clock { preload } => clock::set_back(work, binary, preload).await,
    }
}

async fn flips(work: &Path, binary: &Path, count: usize, seed: u64) -> Result<String, String> {
    println!("seed {seed}");
    let mut flips = Flips::new(binary, DataDir::at(&work.join("flips")), seed).await?;
    let blobs = flips.blobs(count).await?;
    let metadata = flips.metadata(count).await?;
    let names = flips.names(count).await?;
    let missing = flips.missing().await?;
    let told = |outcomes: &Outcomes| {
        let Outcomes { counts, wrong, untrue } = outcomes;
        format!("{counts:?}, {} untrue metadata, {} wrong bytes", untrue.len(), wrong.len())
    };
    let wrong: Vec<&String> =
        [&blobs.wrong, &metadata.wrong, &metadata.untrue, &names.wrong, &names.untrue].into_iter().flatten().collect();
    wrong.iter().for_each(|wrong| println!("  WRONG {wrong}"));
    let seen = format!(
        "blobs {}; metadata {}; names in the metadata {}; missing blob {missing}",
        told(&blobs),
        told(&metadata),
        told(&names)
    );
    if wrong.is_empty() { Ok(seen) } else { Err(seen) }
}
