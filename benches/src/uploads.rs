//! What a request for an upload costs: CPU time of the server beside that of reading a file's record at `/v1`, and commits.
//!
//! All is measured in one server, in turns. Commits are counted at one connection, a batch of requests at a time: jobs of the
//! gateway commit too, now and then, so the batches that nothing fell into tell what a request itself commits.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use crate::Failure;
use crate::gateway::{self, KEY, UNLIMITED};
use crate::load::{self, Drive, Driven, Endpoint, Fixed, LoadArgs, Operation};
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
    let mut told = Vec::new();
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
            told.push(format!("CPU of a request for an upload / of a read at {connections}: median {ratio}"));
        }
    }
    println!("\n{}", told.join("\n"));
    server.stop()
}

/// A request for an upload, of a project and a route that are made for it.
pub(crate) fn upload_request(endpoint: &Endpoint) -> Result<Fixed, Failure> {
    let post = |path: String, body: Value| Fixed::of_root(Method::POST, path).with(&body).json(endpoint);
    let project = text(&post("/api/v1/projects".to_owned(), json!({ "name": "benches" }))?, "/id")?;
    post(format!("/api/v1/projects/{project}/routers"), json!({ "slug": "files" }))?;
    let key = text(&post(format!("/api/v1/projects/{project}/keys"), json!({ "name": "benches" }))?, "/key")?;
    let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-api-key"), HeaderValue::from_str(&key)?)]);
    let body = json!({ "fileName": "a.png", "fileSize": 4096, "contentType": "image/png", "routeSlug": "files" });
    let request = Fixed { headers, ..Fixed::of_root(Method::POST, "/api/v1/upload/request") };
    Ok(request.with(&body))
}

/// What it comes to, and the commits for each request.
fn measure(
    args: &UploadsArgs,
    server: &Running,
    connections: usize,
    request: &Fixed,
) -> Result<(Driven, f64), Failure> {
    let endpoint = Endpoint::parse(&server.endpoint)?;
    let drive = Drive { connections, seconds: args.duration, pid: server.pid() };
    let before = commits(&endpoint)?;
    let driven = load::drive(drive, |_| request.connection(&endpoint))?;
    let commits = commits(&endpoint)?.saturating_sub(before);
    Ok((driven, commits as f64 / driven.all as f64))
}

/// Counts the commits of batches of requests, one after the other, and says whether each request makes one.
fn count_commits(endpoint: &Endpoint, request: &Fixed) -> Result<(), Failure> {
    let mut counts = Vec::new();
    for _ in 0..BATCHES {
        let before = commits(endpoint)?;
        request.repeat(endpoint, BATCH)?;
        counts.push(commits(endpoint)?.saturating_sub(before));
    }
    println!("commits of {BATCH} requests one after the other, in {BATCHES} batches: {counts:?}");
    if one_each(&counts, u64::from(BATCH)) { Ok(()) } else { Err("a request does not make one commit".into()) }
}

/// Whether as many commits as requests were made, but for what else is committed now and then: never fewer, and no more in
/// most batches.
fn one_each(counts: &[u64], requests: u64) -> bool {
    let exact = counts.iter().filter(|count| **count == requests).count();
    counts.iter().all(|count| *count >= requests) && 2 * exact > counts.len()
}

/// Commits since the gateway was started.
fn commits(endpoint: &Endpoint) -> Result<u64, Failure> {
    let page = Fixed::of_root(Method::GET, "/-/metrics").text(endpoint)?;
    counter(&page, "windlass_meta_commits_total").ok_or_else(|| "commits are not among the metrics".into())
}

/// A counter without labels on a page of metrics.
fn counter(page: &str, name: &str) -> Option<u64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_whole_name() {
        let page = "# TYPE commits counter\ncommits_failed 7\ncommits{of=\"a\"} 8\ncommits 42\n";
        assert_eq!(counter(page, "commits"), Some(42));
        assert_eq!(counter(page, "commit"), None);
    }

    #[test]
    fn one_commit_each_is_what_most_batches_show_and_none_contradicts() {
        assert!(one_each(&[50, 50, 52], 50));
        assert!(!one_each(&[50, 51, 52, 50], 50), "half of them are not most");
        assert!(!one_each(&[50, 50, 49], 50));
        assert!(!one_each(&[100, 100, 100], 50));
        assert!(!one_each(&[], 50));
    }
}
