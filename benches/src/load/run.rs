//! A load from its start to its report.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::drive::{joined, runtime, spread};
use super::histogram::Histogram;
use super::plan::{LoadArgs, Operation, Plan, Window};
use super::report::{Latency, Report, Server};
use super::worker::{Tally, Worker};
use crate::{Failure, process};

/// Bodies of more than a block are hashed ahead for a server that takes them at this rate.
const HASH_AHEAD_BYTES_PER_SECOND: f64 = 1e9;
const PREFILL_CONNECTIONS: u64 = 16;

/// Runs a load.
pub(crate) fn run(args: LoadArgs) -> Result<Report, Failure> {
    let mut plan = Plan::new(args)?;
    hash_ahead(&mut plan);
    let plan = Arc::new(plan);
    prepare(&plan)?;
    let (warmup, duration) = match plan.args.operation {
        // What the warm-up deletes would be missing later.
        Operation::Delete => (0.0, plan.args.duration),
        _ => (plan.args.warmup, plan.args.duration),
    };
    let from = Instant::now() + Duration::from_secs_f64(warmup);
    let window = Window { from, until: from + Duration::from_secs_f64(duration) };
    let worker = |number: usize| Worker::new(&plan, number as u64).run(window);
    let threads = spread(plan.args.concurrency, plan.threads(), worker)?;
    wait(&plan, window.from);
    let (begun, before) = (Instant::now(), cpu(&plan));
    wait(&plan, window.until);
    let (seconds, after) = (begun.elapsed().as_secs_f64(), cpu(&plan));
    let memory = plan.args.pid.map(process::memory);
    let mut tally = Tally::default();
    joined(threads)?.into_iter().for_each(|theirs| tally.merge(theirs));
    Ok(report(&plan, tally, seconds, (before, after), memory))
}

/// Makes the bucket and uploads the objects of a load, and does no more. Shows that a server is up, too.
pub(crate) fn fill(args: LoadArgs) -> Result<(), Failure> {
    let plan = Arc::new(Plan::new(args)?);
    prepare(&plan)
}

fn hash_ahead(plan: &mut Plan) {
    let args = &plan.args;
    let bytes = HASH_AHEAD_BYTES_PER_SECOND * (args.warmup + args.duration);
    if args.payload == super::Payload::Signed {
        match args.operation {
            Operation::Put => plan.bodies.hash_ahead((bytes / args.size.max(1) as f64) as u64),
            Operation::Multipart => plan.parts.hash_ahead((bytes / args.part_size.max(1) as f64) as u64),
            _ => {}
        }
    }
}

/// Makes the bucket and the objects that are there before the load.
fn prepare(plan: &Arc<Plan>) -> Result<(), Failure> {
    let runtime = runtime()?;
    runtime.block_on(Worker::new(plan, 0).create_bucket())?;
    let needs = !matches!(plan.args.operation, Operation::Put | Operation::Multipart);
    if needs && !plan.args.prefilled {
        runtime.block_on(async {
            let wanted = PREFILL_CONNECTIONS.max(plan.args.concurrency as u64);
            let connections = wanted.min(plan.args.objects.max(1));
            let tasks: Vec<_> =
                (0..connections).map(|number| tokio::spawn(Worker::new(plan, number).prefill())).collect();
            for task in tasks {
                task.await.map_err(|e| e.to_string())??;
            }
            Ok::<(), String>(())
        })?;
        plan.next.store(0, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until then, or until no worker is left.
fn wait(plan: &Plan, until: Instant) {
    const STEP: Duration = Duration::from_millis(10);
    while Instant::now() < until && plan.running.load(Ordering::Relaxed) > 0 {
        std::thread::sleep(STEP.min(until.saturating_duration_since(Instant::now())));
    }
}

/// CPU time of the client and of the server.
fn cpu(plan: &Plan) -> (Duration, Duration) {
    (process::own_cpu_time(), plan.args.pid.map(process::cpu_time).unwrap_or_default())
}

type Cpu = (Duration, Duration);

fn report(plan: &Plan, tally: Tally, seconds: f64, cpu: (Cpu, Cpu), memory: Option<process::Memory>) -> Report {
    let args = &plan.args;
    let (before, after) = cpu;
    let mut all = Histogram::default();
    tally.kinds.iter().for_each(|(_, histogram)| all.merge(histogram));
    let done = all.count().max(1) as f64;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let server_cpu = after.1.saturating_sub(before.1).as_secs_f64();
    let kinds = tally.kinds.iter().filter(|(_, h)| args.operation == Operation::Mixed && h.count() > 0);
    Report {
        operation: name(args.operation),
        endpoint: args.endpoint.clone(),
        concurrency: args.concurrency,
        size_bytes: args.size,
        payload: format!("{:?}", args.payload).to_lowercase(),
        verified: args.verify,
        seconds,
        operations: all.count(),
        per_second: all.count() as f64 / seconds,
        mib_per_second: mib(tally.moved.bytes) / seconds,
        keys_per_second: tally.moved.keys as f64 / seconds,
        errors: tally.errors,
        error_samples: tally.samples,
        reconnects: tally.connects.saturating_sub(args.concurrency as u64),
        latency: Latency::from(&all),
        kinds: kinds.map(|(kind, histogram)| (name(*kind), Latency::from(histogram))).collect(),
        client_cpu_us: after.0.saturating_sub(before.0).as_secs_f64() * 1e6 / done,
        server: memory.map(|memory| Server {
            cpu_us: server_cpu * 1e6 / done,
            cores: server_cpu / seconds,
            resident_mib: mib(memory.resident_bytes),
            anonymous_mib: mib(memory.anonymous_bytes),
            peak_mib: mib(memory.peak_bytes),
        }),
        seed: plan.seed,
    }
}

fn name(operation: Operation) -> String {
    format!("{operation:?}").to_lowercase()
}
