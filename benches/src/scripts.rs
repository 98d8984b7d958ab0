//! What scripts that never end cost everybody else: small reads at the key-value and the S3 door, without and with such scripts
//! running all the time, in turns.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::Failure;
use crate::gateway::{self, KEY, TOKEN, UNLIMITED};
use crate::load::{self, Histogram, LoadArgs, Operation};

/// Measures what runaway scripts cost.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScriptsArgs {
    /// Connections that read.
    #[arg(long, default_value_t = 4)]
    concurrency: usize,
    /// Connections that have scripts run that never end, one after another.
    #[arg(long, default_value_t = 8)]
    runaways: usize,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds that each is measured in a round.
    #[arg(long, default_value_t = 5.0)]
    duration: f64,
    /// The gateway.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Where data goes; removed at the end.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy)]
struct Taken {
    p50: f64,
    p99: f64,
}

/// Measures and prints a Markdown table.
pub(crate) fn run(args: &ScriptsArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    let folder = tempfile::tempdir_in(&args.work)?;
    let server = gateway::start(&args.windlass, folder.path(), &UNLIMITED)?;
    let s3 = LoadArgs {
        objects: 100,
        concurrency: args.concurrency,
        duration: args.duration,
        ..LoadArgs::new(Operation::Get, &server.endpoint, KEY, "neighbours")
    };
    load::fill(s3.clone())?;
    let s3 = LoadArgs { prefilled: true, ..s3 };
    let runtime = tokio::runtime::Runtime::new()?;
    let gateway: SocketAddr = server.endpoint.trim_start_matches("http://").parse()?;
    let bucket = runtime.block_on(furnish(gateway))?;
    let (value, script) = (format!("/kv/{bucket}/k"), format!("/kv/{bucket}/scripts/s"));
    println!("| read | round | p50 ms | p99 ms | with scripts: p50 ms | p99 ms | p50 x | p99 x | ended |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for round in 1..=args.rounds {
        for door in ["kv", "s3"] {
            let measure = || match door {
                "kv" => runtime.block_on(read(args, gateway, &value)),
                _ => {
                    let report = load::run(s3.clone())?;
                    Ok(Taken { p50: report.latency.p50_ms, p99: report.latency.p99_ms })
                }
            };
            let alone = measure()?;
            let ended = Arc::new(AtomicU64::new(0));
            let runaways: Vec<_> = (0..args.runaways)
                .map(|_| {
                    let (script, ended) = (script.clone(), Arc::clone(&ended));
                    runtime.spawn(async move { drop(run_away(gateway, script, ended).await) })
                })
                .collect();
            // Until each has a worker, or its place in the line.
            std::thread::sleep(Duration::from_millis(500));
            let beside = measure()?;
            let stopped = runaways.iter().any(JoinHandle::is_finished);
            runaways.iter().for_each(JoinHandle::abort);
            if stopped {
                return Err("the scripts did not run all the time".into());
            }
            let Taken { p50, p99 } = alone;
            let ratios = (beside.p50 / p50, beside.p99 / p99);
            println!(
                "| {door} | {round} | {p50:.3} | {p99:.3} | {:.3} | {:.3} | {:.2} | {:.2} | {} |",
                beside.p50,
                beside.p99,
                ratios.0,
                ratios.1,
                ended.load(Ordering::Relaxed)
            );
        }
    }
    server.stop()
}

/// A bucket with a value, and a script that never ends.
async fn furnish(gateway: SocketAddr) -> Result<String, Failure> {
    let mut sender = connect(gateway).await?;
    let mut send = async |method, path: &str, body: &'static str| {
        let (status, answer) = call(&mut sender, gateway, method, path, body).await?;
        if status.is_success() { Ok(answer) } else { Err(Failure::from(format!("{status} to {path}"))) }
    };
    let id = send(Method::POST, "/kv", "secret_key=secret").await?;
    let id = String::from_utf8(id.to_vec())?;
    send(Method::PUT, &format!("/kv/{id}/k"), "a small value").await?;
    send(Method::PUT, &format!("/kv/{id}/scripts/s"), "while true do end").await?;
    Ok(id)
}

/// Has the script run again and again, and counts how often it was ended.
async fn run_away(gateway: SocketAddr, script: String, ended: Arc<AtomicU64>) -> Result<(), Failure> {
    let mut sender = connect(gateway).await?;
    loop {
        // By the limit of its time or, where others leave it little, by that of the request.
        match call(&mut sender, gateway, Method::GET, &script, "").await?.0 {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::REQUEST_TIMEOUT => ended.fetch_add(1, Ordering::Relaxed),
            status => return Err(format!("{status} to a script that never ends").into()),
        };
    }
}

/// Reads a value over and over.
async fn read(args: &ScriptsArgs, gateway: SocketAddr, path: &str) -> Result<Taken, Failure> {
    let until = Instant::now() + Duration::from_secs_f64(args.duration);
    let reader = async || {
        let (mut sender, mut taken) = (connect(gateway).await?, Histogram::default());
        while Instant::now() < until {
            let begun = Instant::now();
            let (status, _) = call(&mut sender, gateway, Method::GET, path, "").await?;
            taken.add(begun.elapsed());
            if !status.is_success() {
                return Err(Failure::from(format!("{status} to {path}")));
            }
        }
        Ok(taken)
    };
    let mut all = Histogram::default();
    for taken in futures::future::join_all((0..args.concurrency).map(|_| reader())).await {
        all.merge(&taken?);
    }
    Ok(Taken { p50: all.at_ms(0.5), p99: all.at_ms(0.99) })
}

type Sender = SendRequest<Full<Bytes>>;

async fn connect(gateway: SocketAddr) -> Result<Sender, Failure> {
    let stream = TcpStream::connect(gateway).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn call(
    sender: &mut Sender,
    gateway: SocketAddr,
    method: Method,
    path: &str,
    body: &'static str,
) -> Result<(StatusCode, Bytes), Failure> {
    sender.ready().await?;
    let request = Request::builder().method(method).uri(path).header("host", gateway.to_string());
    let request = request.header("authorization", format!("Bearer {TOKEN}")).body(Full::from(body))?;
    let answer = sender.send_request(request).await?;
    Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
}
