//! The management door beside a bare handler of the same web framework that answers the same bytes as JSON: requests a second,
//! in turns.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use clap::Args;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;
use crate::load::{self, LoadArgs, Operation};
use crate::running::Running;

pub(crate) const KEY: (&str, &str) = ("WINDLASSBENCHES00001", "windlass-benches-secret-0123456789abcdef");
pub(crate) const TOKEN: &str = "bkt_windlass-benches-token-0123456789abcdefghij";
/// What is to be reached of the bare handler.
const GOAL: f64 = 0.7;

/// Measures the management door.
#[derive(Debug, Clone, Args)]
pub(crate) struct ManagementArgs {
    /// Connections.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
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
    let server = start(&args.windlass, folder.path())?;
    load::fill(LoadArgs { objects: 100, ..LoadArgs::new(Operation::Get, &server.endpoint, KEY, "managed") })?;
    let runtime = tokio::runtime::Runtime::new()?;
    let gateway: SocketAddr = address(&server.endpoint)?;
    let buckets = runtime.block_on(json(gateway, "/v1/buckets"))?;
    let bucket = text(&buckets, "/data/0/id")?;
    let files = runtime.block_on(json(gateway, &format!("/v1/buckets/{bucket}/files?limit=1")))?;
    let key = text(&files, "/data/0/key")?;
    println!("| load | round | bare handler, requests/s | windlass | windlass / bare |\n|---|---|---|---|---|");
    for (name, path) in
        [("bucket", format!("/v1/buckets/{bucket}")), ("file", format!("/v1/buckets/{bucket}/files/{key}"))]
    {
        let answer = runtime.block_on(json(gateway, &path))?;
        let bare = bare(folder.path(), &answer)?;
        let bare_address = address(&bare.endpoint)?;
        let mut ratios = Vec::new();
        for round in 1..=args.rounds {
            let (below, here) = (measure(args, bare_address, &path)?, measure(args, gateway, &path)?);
            println!("| {name} | {round} | {below:.0} | {here:.0} | {:.3} |", here / below);
            ratios.push(here / below);
        }
        bare.stop()?;
        ratios.sort_by(f64::total_cmp);
        let (low, high) = (ratios.first().copied().unwrap_or(f64::NAN), ratios.last().copied().unwrap_or(f64::NAN));
        let median = ratios.get(ratios.len() / 2).copied().unwrap_or(f64::NAN);
        println!("\n{name}: median {median:.2} ({low:.2} - {high:.2}), goal {GOAL}\n");
    }
    server.stop()
}

/// A gateway without a limit on requests.
pub(crate) fn start(windlass: &Path, folder: &Path) -> Result<Running, Failure> {
    let mut command = Command::new(windlass);
    command.arg("serve").arg("--data").arg(folder.join("data")).args(["--listen", "127.0.0.1:0"]);
    command.env("WINDLASS_ROOT_ACCESS_KEY", KEY.0).env("WINDLASS_ROOT_SECRET_KEY", KEY.1);
    command.env("WINDLASS_ROOT_TOKEN", TOKEN);
    command.env("WINDLASS_PLAN_0_NAME", "enterprise").env("WINDLASS_PLAN_0_MAX_REQUESTS_PER_MINUTE", "unlimited");
    Running::start_and_read_address(command, folder, "windlass: listening on ")
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

pub(crate) fn address(endpoint: &str) -> Result<SocketAddr, Failure> {
    Ok(endpoint.trim_start_matches("http://").parse()?)
}

fn text(answer: &Value, pointer: &str) -> Result<String, Failure> {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("no {pointer} in {answer}").into())
}

async fn json(address: SocketAddr, path: &str) -> Result<Value, Failure> {
    let mut sender = connect(address).await?;
    let body = get(&mut sender, address, path).await?;
    Ok(serde_json::from_slice(&body)?)
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Empty<Bytes>>, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn get(sender: &mut SendRequest<Empty<Bytes>>, address: SocketAddr, path: &str) -> Result<Bytes, Failure> {
    sender.ready().await?;
    let request =
        Request::get(path).header("host", address.to_string()).header("authorization", format!("Bearer {TOKEN}"));
    let answer = sender.send_request(request.body(Empty::new())?).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("{status} to {path}: {}", String::from_utf8_lossy(&body)).into());
    }
    Ok(body)
}

/// Requests a second, after a warm-up of half a second.
fn measure(args: &ManagementArgs, address: SocketAddr, path: &str) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let done = Arc::new(AtomicU64::new(0));
    for _ in 0..args.concurrency {
        let (done, path) = (Arc::clone(&done), path.to_owned());
        runtime.spawn(async move {
            let Ok(mut sender) = connect(address).await else { return };
            // A connection that fails ends its share, and with all of them nothing is answered.
            while get(&mut sender, address, &path).await.is_ok() {
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    std::thread::sleep(Duration::from_millis(500));
    let (before, begun) = (done.load(Ordering::Relaxed), Instant::now());
    std::thread::sleep(Duration::from_secs_f64(args.duration));
    let (after, seconds) = (done.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
    runtime.shutdown_background();
    if after == before {
        return Err(format!("nothing was answered on {path}").into());
    }
    Ok((after - before) as f64 / seconds)
}
