//! The management door beside a bare handler of the same web framework that answers the same bytes as JSON: requests a second,
//! in turns.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use axum::Json;
use axum::extract::State;
use clap::Args;
use http::Method;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::gateway::{self, KEY, UNLIMITED};
use crate::load::{self, Drive, Driven, Endpoint, Fixed, LoadArgs, Operation};
use crate::running::Running;
use crate::spread::Spread;

/// What is to be reached of the bare handler.
const GOAL: f64 = 0.7;

/// Measures the management door.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManagementArgs {
    /// Connections: so many, and then so many.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64, 256])]
    concurrency: Vec<usize>,
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
pub(crate) fn run(args: &ManagementArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    let folder = tempfile::tempdir_in(&args.work)?;
    let server = gateway::start(&args.windlass, folder.path(), &UNLIMITED)?;
    load::fill(LoadArgs { objects: 100, ..LoadArgs::new(Operation::Get, &server.endpoint, KEY, "managed") })?;
    let endpoint = Endpoint::parse(&server.endpoint)?;
    let file = file_path(&endpoint)?;
    let bucket = file.split("/files/").next().unwrap_or_default().to_owned();
    println!(
        "| load | connections | round | bare handler, requests/s | windlass | windlass / bare | CPU us a request, bare | windlass |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut reached = Vec::new();
    for (name, path) in [("bucket", bucket), ("file", file)] {
        let request = Fixed::of_root(Method::GET, path);
        let bare = bare(folder.path(), &request.json(&endpoint)?)?;
        for connections in args.concurrency.iter().copied() {
            let mut ratios = Vec::new();
            for round in 1..=args.rounds {
                let below = measure(args, connections, &bare, &request)?;
                let here = measure(args, connections, &server, &request)?;
                let ratio = here.per_second / below.per_second;
                println!(
                    "| {name} | {connections} | {round} | {:.0} | {:.0} | {ratio:.3} | {:.1} | {:.1} |",
                    below.per_second, here.per_second, below.cpu_us, here.cpu_us
                );
                ratios.push(ratio);
            }
            reached.extend(Spread::of(ratios).map(|ratio| format!("{name}, {connections} connections: {ratio}")));
        }
        bare.stop()?;
    }
    println!("\nwindlass / bare, goal {GOAL}:\n{}", reached.join("\n"));
    server.stop()
}

/// The path of the first file of the first bucket: the file, not its bytes.
pub(crate) fn file_path(endpoint: &Endpoint) -> Result<String, Failure> {
    let buckets = Fixed::of_root(Method::GET, "/v1/buckets").json(endpoint)?;
    let bucket = text(&buckets, "/data/0/id")?;
    let files = Fixed::of_root(Method::GET, format!("/v1/buckets/{bucket}/files?limit=1")).json(endpoint)?;
    Ok(format!("/v1/buckets/{bucket}/files/{}", text(&files, "/data/0/key")?))
}

/// A process that serves `answer` on every path.
fn bare(folder: &Path, answer: &Value) -> Result<Running, Failure> {
    let folder = tempfile::tempdir_in(folder)?.keep();
    let file = folder.join("answer.json");
    fs::write(&file, serde_json::to_vec(answer)?)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bare-json").arg(&file);
    Running::start_and_read_address(command, &folder, "bare-json: listening on ")
}

/// Serves a JSON document from a bare handler until the process is ended.
pub(crate) fn serve_bare(file: &Path) -> Result<(), Failure> {
    // It lives as long as the process.
    let answer: &'static Value = Box::leak(Box::new(serde_json::from_slice(&fs::read(file)?)?));
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("bare-json: listening on http://{}", listener.local_addr()?);
        let router = axum::Router::new().fallback(handler).with_state(answer);
        axum::serve(
            axum::serve::ListenerExt::tap_io(listener, |io: &mut TcpStream| drop(io.set_nodelay(true))),
            router,
        )
        .await?;
        Ok(())
    })
}

async fn handler(State(answer): State<&'static Value>) -> Json<&'static Value> {
    Json(answer)
}

/// A text in an answer.
pub(crate) fn text(answer: &Value, pointer: &str) -> Result<String, Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("no {pointer} in {answer}").into())
}

fn measure(args: &ManagementArgs, connections: usize, server: &Running, request: &Fixed) -> Result<Driven, Failure> {
    let endpoint = Endpoint::parse(&server.endpoint)?;
    let drive = Drive { connections, seconds: args.duration, pid: server.pid() };
    load::drive(drive, |_| request.connection(&endpoint))
}
