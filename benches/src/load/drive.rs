//! One kind of request over and over by many connections, whatever it is and whoever answers it: requests a second, and what
//! they take of the server.

use std::future::Future;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::client::Problem;
use crate::{Failure, process};

/// A connection's request.
pub(crate) trait Ask: Send + 'static {
    /// Sends it and takes its answer in. An answer that is not the right one is a problem.
    fn ask(&mut self) -> impl Future<Output = Result<(), Problem>> + Send;
}

/// How long, by how many, and whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drive {
    pub(crate) connections: usize,
    /// Seconds that are measured.
    pub(crate) seconds: f64,
    /// The server's process.
    pub(crate) pid: u32,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Driven {
    pub(crate) per_second: f64,
    /// Requests answered, those before and after what was measured included.
    pub(crate) all: u64,
    /// CPU time of the server for a request, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Seconds of the same before what is measured.
const WARMUP: Duration = Duration::from_millis(500);

/// Measures. A single failure ends it: what fails is not what was to be measured.
pub(crate) fn drive<A: Ask>(drive: Drive, new: impl Fn(usize) -> A) -> Result<Driven, Failure> {
    if drive.connections == 0 || !(drive.seconds > 0.0 && drive.seconds < 1e6) {
        return Err("the connections and the seconds must be more than nothing".into());
    }
    let from = Instant::now() + WARMUP;
    let until = from + Duration::from_secs_f64(drive.seconds);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(drive.connections);
    let threads = spread(drive.connections, threads, |number| asked(new(number), from, until))?;
    std::thread::sleep(from.saturating_duration_since(Instant::now()));
    let (begun, before) = (Instant::now(), process::cpu_time(drive.pid));
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
    let (seconds, after) = (begun.elapsed().as_secs_f64(), process::cpu_time(drive.pid));
    let (mut done, mut all) = (0, 0);
    for counted in joined(threads)? {
        let (within, in_all) = counted?;
        (done, all) = (done + within, all + in_all);
    }
    if done == 0 {
        return Err("nothing was answered in the measured time".into());
    }
    let cpu = after.saturating_sub(before).as_secs_f64();
    Ok(Driven { per_second: done as f64 / seconds, all, cpu_us: cpu * 1e6 / done as f64 })
}

/// How many of a connection's requests end between the two, and how many there were.
async fn asked(mut asks: impl Ask, from: Instant, until: Instant) -> Result<(u64, u64), Problem> {
    let (mut done, mut all) = (0, 0);
    loop {
        asks.ask().await?;
        all += 1;
        let now = Instant::now();
        if now >= until {
            return Ok((done, all));
        }
        done += u64::from(now >= from);
    }
}

/// A runtime of one thread.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// A thread, and what the work of its connections comes to.
pub(super) type Thread<T> = JoinHandle<Result<Vec<T>, String>>;

/// Starts threads, each with a runtime of its own and its share of the connections.
pub(super) fn spread<T, F>(
    connections: usize,
    threads: usize,
    work: impl Fn(usize) -> F,
) -> Result<Vec<Thread<T>>, Failure>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    (0..threads)
        .map(|thread| {
            let runtime = runtime()?;
            let mine: Vec<F> = (thread..connections).step_by(threads).map(&work).collect();
            let run = move || {
                runtime.block_on(async {
                    let tasks: Vec<_> = mine.into_iter().map(tokio::spawn).collect();
                    let mut all = Vec::new();
                    for task in tasks {
                        all.push(task.await.map_err(|e| e.to_string())?);
                    }
                    Ok(all)
                })
            };
            Ok(std::thread::Builder::new().spawn(run)?)
        })
        .collect()
}

/// Waits for the threads; what the work of all connections comes to.
pub(super) fn joined<T>(threads: Vec<Thread<T>>) -> Result<Vec<T>, Failure> {
    let mut all = Vec::new();
    for thread in threads {
        all.extend(thread.join().map_err(|_| "a thread of the client has panicked")??);
    }
    Ok(all)
}

/// Has every connection do its work once, all at the same time.
pub(crate) fn each<F>(connections: usize, work: impl Fn(usize) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Problem>> + Send + 'static,
{
    joined(spread(connections, 1, work)?)?.into_iter().collect::<Result<(), Problem>>().map_err(Failure::from)
}
