//! What a request for an upload costs: CPU time of the server beside that of reading a file's record at `/v1`, and commits.
//!
//! All is measured in one server, in turns. Commits are counted at one connection, a batch of requests at a time: jobs of the
//! gateway commit too, now and then, so the batches that nothing fell into tell what a request itself commits.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use crate::Failure;
use crate::gateway::{self, KEY, UNLIMITED};
use crate::load::{self, Ask as _, Drive, Driven, Endpoint, Fixed, LoadArgs, Operation};
use crate::management::{file_path, text};
use crate::running::Running;
use crate::spread::Spread;

/// Connections, in turn.
const CONNECTIONS: [usize; 2] = [1, 16];
/// Batches in which commits are counted, and the requests of each.
const BATCHES: usize = 20;
const BATCH: u32 = 50;

/// Measures requests for uploads.
#[derive(Debug, Clone, Args)]
pub(crate) struct UploadsArgs {
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds that each is measured in a round.
    #[arg(long, default_value_t = 3.0)]
    duration: f64,
    /// The gateway.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Where data goes; removed at the end.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
}

/// Measures and prints a Markdown table.
pub(crate) fn run(args: &UploadsArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    let folder = tempfile::tempdir_in(&args.work)?;
    let server = gateway::start(&args.windlass, folder.path(), &UNLIMITED)?;
    let endpoint = Endpoint::parse(&server.endpoint)?;
    load::fill(LoadArgs { objects: 100, ..LoadArgs::new(Operation::Get, &server.endpoint, KEY, "read") })?;
    let read = Fixed::of_root(Method::GET, file_path(&endpoint)?);
    let request = upload_request(&endpoint)?;
    count_commits(&endpoint, &request)?;
    println!(
        "\n| connections | round | read, requests/s | request for an upload | read, us of CPU | request for an upload | \
         request / read, CPU | commits a request |\n|---|---|---|---|---|---|---|---|"
    );
    for connections in CONNECTIONS {
        let mut ratios = Vec::new();
        for round in 0..args.rounds {
            let reads = || measure(args, &server, connections, &read);
            let requests = || measure(args, &server, connections, &request);
            let ((reads, _), (requests, commits)) = if round % 2 == 0 {
                (reads()?, requests()?)
            } else {
                let requests = requests()?;
                (reads()?, requests)
            };
            println!(
                "| {connections} | {} | {:.0} | {:.0} | {:.1} | {:.1} | {:.2} | {commits:.3} |",
                round + 1,
                reads.per_second,
                requests.per_second,
                reads.cpu_us,
                requests.cpu_us,
                requests.cpu_us / reads.cpu_us
            );
            ratios.push(requests.cpu_us / reads.cpu_us);
        }
        if let Some(ratio) = Spread::of(ratios) {
            println!("\nCPU of a request for an upload / of a read at {connections} connections: median {ratio}\n");
        }
    }
    server.stop()
}
