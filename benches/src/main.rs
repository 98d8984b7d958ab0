//! Measures: loads on any S3 endpoint, the gateway beside its peers, and parts of it on their own. README.md says how.
//!
//! Figures hold for one machine and one moment; they are for comparing, not for quoting.

mod ceiling;
mod compare;
mod disk;
mod gateway;
mod kv;
mod load;
mod management;
mod micro;
mod process;
mod request_log;
mod running;
mod scale;
mod scripts;
mod spread;
mod train;
mod uploads;
mod upstream;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// What a benchmark ends with when it could not be done.
type Failure = Box<dyn std::error::Error>;

/// Benchmarks of a Windlass gateway.
#[derive(Debug, Parser)]
#[command(name = "windlass-benches")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put load on an S3 endpoint.
    Load(Box<load::LoadArgs>),
    /// Serve static bodies and do nothing else: the ceiling.
    Ceiling {
        /// Bytes of a body.
        #[arg(long, default_value = "4KiB", value_parser = load::parse_size)]
        size: usize,
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Windlass beside its peers and the ceiling.
    Compare(compare::CompareArgs),
    /// The management door beside a bare JSON handler.
    Management(management::ManagementArgs),
    /// Serve a JSON document from a bare handler and do nothing else.
    BareJson {
        /// The document.
        file: PathBuf,
    },
    /// What the request log costs, with and without it in turns.
    RequestLog(request_log::RequestLogArgs),
    /// Windlass with millions of objects beside Windlass with none.
    Scale(scale::ScaleArgs),
    /// Key-values beside Redis, and their reads beside the ceiling.
    Kv(kv::KvArgs),
    /// Requests for uploads beside reads of a file's record, and what they commit.
    Uploads(uploads::UploadsArgs),
    /// Small reads without and beside scripts that never end.
    Scripts(scripts::ScriptsArgs),
    /// All that a gateway is asked often: what a build for release is made fast for.
    Train(train::TrainArgs),
    /// Uploads to an upstream beside the same through a gateway.
    Upstream(upstream::UpstreamArgs),
    /// How often the disk syncs in a second.
    Disk {
        /// A folder on it.
        folder: PathBuf,
        /// For how long.
        #[arg(long, default_value_t = 5)]
        seconds: u32,
    },
    /// Durable writes of one row by many writers at once.
    Commit(Folder),
    /// Pages of a table.
    List(Folder),
    /// Requests through the request log.
    Log(Folder),
    /// Rows to bytes and back.
    Codec,
    /// Digests of a body.
    Digest,
    /// The rate limit under many threads.
    Rate,
}

#[derive(Debug, Args)]
struct Folder {
    /// Where to keep files meanwhile.
    #[arg(default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Load(args) => load(*args),
        Command::Ceiling { size, listen } => ceiling::run(listen, size),
        Command::Compare(args) => compare::run(&args),
        Command::Management(args) => management::run(&args),
        Command::BareJson { file } => management::serve_bare(&file),
        Command::RequestLog(args) => request_log::run(&args),
        Command::Scale(args) => scale::run(&args),
        Command::Kv(args) => kv::run(&args),
        Command::Uploads(args) => uploads::run(&args),
        Command::Scripts(args) => scripts::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Upstream(args) => upstream::run(&args),
        Command::Disk { folder, seconds } => disk::run(&folder, seconds),
        Command::Commit(Folder { folder }) => within(&folder, micro::commit::run),
        Command::List(Folder { folder }) => within(&folder, micro::list::run),
        Command::Log(Folder { folder }) => within(&folder, micro::log::run),
        Command::Codec => micro::codec::run(),
        Command::Digest => {
            micro::digest::run();
            Ok(())
        }
        Command::Rate => {
            micro::rate::run();
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("windlass-benches: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// A load with errors has failed, though its figures are printed.
fn load(args: load::LoadArgs) -> Result<(), Failure> {
    let json = args.json;
    let report = load::run(args)?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        report.print();
    }
    match report.errors {
        0 => Ok(()),
        errors => Err(format!("{errors} operations failed").into()),
    }
}

/// Runs a benchmark in a folder that is removed afterwards.
fn within(folder: &Path, run: fn(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
    run(tempfile::tempdir_in(folder)?.path())
}
