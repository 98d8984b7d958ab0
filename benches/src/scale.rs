//! Windlass with millions of objects beside Windlass with none: CPU time of a page and of a PUT, and the start after a kill.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::gateway::{self, KEY};
use crate::load::{self, LoadArgs, Operation, Report, prefilled_key};
use crate::running::Running;
use crate::{Failure, process};

/// Objects are uploaded over so many connections, so that many share a sync.
const FILL_CONNECTIONS: usize = 256;
/// How often the gateway is killed among writes and started again.
const KILLS: usize = 5;

/// Measures what the number of objects costs.
#[derive(Debug, Clone, Args)]
pub(crate) struct ScaleArgs {
    /// How many.
    #[arg(long, default_value_t = 5_000_000)]
    objects: u64,
    /// Seconds a load is measured.
    #[arg(long, default_value_t = 5.0)]
    duration: f64,
    /// The gateway.
    #[arg(long, default_value = "target/release/windlass")]
    windlass: PathBuf,
    /// Where data goes; removed at the end.
    #[arg(long, default_value = "target/compare")]
    work: PathBuf,
}

/// Measures and prints a Markdown table.
pub(crate) fn run(args: &ScaleArgs) -> Result<(), Failure> {
    fs::create_dir_all(&args.work)?;
    let folder = tempfile::tempdir_in(&args.work)?;
    let server = gateway::start(&args.windlass, folder.path(), &[])?;
    let empty_seconds = server.age().as_secs_f64();
    let put_before = measure(args, &server, Operation::Put, None)?;
    eprintln!("uploading {} objects", args.objects);
    load::fill(LoadArgs {
        size: 8,
        objects: args.objects,
        concurrency: FILL_CONNECTIONS,
        ..LoadArgs::new(Operation::Get, &server.endpoint, KEY, "many")
    })?;
    let put_after = measure(args, &server, Operation::Put, None)?;
    let first = measure(args, &server, Operation::List, Some(prefilled_key(0)))?;
    let last = measure(args, &server, Operation::List, Some(prefilled_key(args.objects.saturating_sub(1_001))))?;
    let memory = process::memory(server.pid());
    let starts = kill_and_start(args, server, folder.path())?;

    println!("| {} objects | floor | goal | measured |\n|---|---|---|---|", args.objects);
    for (title, one, other) in
        [("list page at the end / at the start", &last, &first), ("PUT into many / into none", &put_after, &put_before)]
    {
        let (one, other) = (cpu_of(one)?, cpu_of(other)?);
        println!("| {title}, CPU time | 1.5 x | 1.1 x | {:.2} x ({one:.0} / {other:.0} us) |", one / other);
    }
    println!("| listening on an empty folder | 0.3 s | 0.1 s | {empty_seconds:.3} s |");
    println!("| listening after kill -9, median (min - max) of {KILLS} | 2 s | 0.3 s | {starts} |");
    println!("| peak RSS | 384 MiB | 192 MiB | {} MiB |", memory.peak_bytes >> 20);
    Ok(())
}

/// Kills the gateway, starts it and writes for a second, some times over. Says how long it took to listen again.
fn kill_and_start(args: &ScaleArgs, mut server: Running, folder: &Path) -> Result<String, Failure> {
    let mut seconds = Vec::new();
    for _ in 0..KILLS {
        server.kill()?;
        server = gateway::start(&args.windlass, folder, &[])?;
        seconds.push(server.age().as_secs_f64());
        measure(&ScaleArgs { duration: 1.0, ..args.clone() }, &server, Operation::Put, None)?;
    }
    server.stop()?;
    seconds.sort_by(f64::total_cmp);
    let [least, _, median, _, most] = seconds.as_slice() else { return Err("not every start was measured".into()) };
    Ok(format!("{median:.3} s ({least:.3} - {most:.3})"))
}

/// PUTs new objects into the bucket, or lists the page after a key.
fn measure(args: &ScaleArgs, server: &Running, operation: Operation, after: Option<String>) -> Result<Report, Failure> {
    let report = load::run(LoadArgs {
        size: 8,
        objects: args.objects,
        prefilled: true,
        start_after: after,
        pid: Some(server.pid()),
        duration: args.duration,
        ..LoadArgs::new(operation, &server.endpoint, KEY, "many")
    })?;
    if report.errors > 0 {
        return Err(format!("{} operations failed, such as {:?}", report.errors, report.error_samples).into());
    }
    if operation == Operation::List && report.keys_per_second < 999.0 * report.per_second {
        return Err("the pages are not full".into());
    }
    report.print();
    Ok(report)
}

fn cpu_of(report: &Report) -> Result<f64, Failure> {
    report.server.map(|server| server.cpu_us).ok_or_else(|| "the server's CPU time is not known".into())
}
