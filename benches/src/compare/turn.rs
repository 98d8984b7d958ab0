//! One server's turn: it is started alone, takes the loads of a group, and is stopped.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::CompareArgs;
use super::loads::{Group, Load};
use super::peers::{ACCESS, SECRET, Server, own_program};
use super::result::{Measured, Outcome};
use crate::load::{LoadArgs, Operation, Report};
use crate::running::{Running, wait};
use crate::{Failure, disk, load, process};

/// How long the disk is measured beside a write.
const DISK: Duration = Duration::from_millis(700);
/// What uploading the objects of a load may take beside its own time.
const FILL_SECONDS_MAX: f64 = 400.0;

/// A turn that is to be taken.
pub(crate) struct Turn<'a> {
    pub(crate) args: &'a CompareArgs,
    pub(crate) round: u32,
    pub(crate) group: &'a Group,
    pub(crate) loads: &'a [&'static Load],
    pub(crate) server: &'a Server,
}

impl Turn<'_> {
    /// Takes it. `filled` are the folders and buckets that have their objects.
    pub(crate) fn take(&self, filled: &mut HashSet<String>) -> Result<Outcome, Failure> {
        let name = format!("{}-{}", self.server.id, self.group.id);
        let name = if self.group.fresh { format!("{name}-{}", self.round) } else { name };
        let folder = self.args.work.join("data").join(&name);
        // What a server before has left in memory is not this one's to write.
        rustix::fs::sync();
        let running = self.server.start(self.args, &folder, self.group.ceiling_bytes)?;
        let listening_seconds = running.age().as_secs_f64();
        self.wait_until_ready(&running)?;
        let ready_seconds = running.age().as_secs_f64();
        std::thread::sleep(Duration::from_millis(300));
        let idle_mib = process::memory(running.pid()).resident_bytes as f64 / f64::from(1 << 20);
        let loads = self.loads.iter().map(|load| {
            let syncs = if load.writes { disk::syncs_per_second(&folder, DISK).ok() } else { None };
            let place = format!("{name}/{}", load.bucket);
            let report = self.run(load, &running, &folder, filled.contains(&place));
            if report.is_ok() {
                filled.insert(place);
            }
            self.measured(load, syncs, report)
        });
        let loads = loads.collect();
        running.stop()?;
        if self.group.wipe {
            fs::remove_dir_all(&folder)?;
        }
        let (server, group) = (self.server.id.clone(), self.group.id.to_owned());
        Ok(Outcome {
            server,
            group,
            round: self.round,
            listening_seconds,
            ready_seconds,
            idle_mib,
            loads,
            problem: None,
        })
    }

    fn measured(&self, load: &Load, syncs: Option<f64>, report: Result<Report, Failure>) -> Measured {
        let problem = report.as_ref().err().map(ToString::to_string);
        match &report {
            Ok(report) => eprintln!(
                "  {:<12} {:>9.0}/s  p99 {:>8.2} ms  errors {}",
                load.id, report.per_second, report.latency.p99_ms, report.errors
            ),
            Err(problem) => eprintln!("  {:<12} FAILED: {problem}", load.id),
        }
        Measured { load: load.id.to_owned(), disk_syncs_per_second: syncs, report: report.ok(), problem }
    }

    fn wait_until_ready(&self, running: &Running) -> Result<(), Failure> {
        let bucket = format!("ready-{}", self.round);
        let args = LoadArgs {
            objects: 1,
            timeout: 10,
            seed: u64::from(self.round),
            ..LoadArgs::new(Operation::Get, &running.endpoint, (ACCESS, SECRET), &bucket)
        };
        running.until("ready", || load::fill(args.clone()))
    }

    /// Runs the load in a process of its own, as from a shell.
    fn run(&self, load: &Load, running: &Running, folder: &Path, prefilled: bool) -> Result<Report, Failure> {
        let (out, err) = (folder.join("load.json"), folder.join("load.err"));
        let mut command = Command::new(own_program(self.args));
        command.env("AWS_ACCESS_KEY_ID", ACCESS).env("AWS_SECRET_ACCESS_KEY", SECRET);
        command.args(["load", load.operation, "--json", "--endpoint", &running.endpoint, "--bucket", load.bucket]);
        command.args(["--size", load.size, "--objects", &load.objects.to_string()]);
        command.args(["--concurrency", &load.concurrency.to_string(), "--pid", &running.pid().to_string()]);
        command.args(["--duration", &self.args.duration.to_string(), "--warmup", &self.args.warmup.to_string()]);
        command.args(["--seed", &self.round.to_string()]).args(prefilled.then_some("--prefilled"));
        let mut child = command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?).spawn()?;
        let longest = self.args.duration + self.args.warmup + FILL_SECONDS_MAX;
        if !wait(&mut child, Duration::from_secs_f64(longest))? {
            child.kill()?;
            child.wait()?;
            return Err(format!("not done within {longest:.0} s").into());
        }
        // A load with errors prints its figures, errors included.
        serde_json::from_slice(&fs::read(&out)?).map_err(|_| fs::read_to_string(&err).unwrap_or_default().into())
    }
}
