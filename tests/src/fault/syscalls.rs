//! Every system call on the data directory fails once in turn, or the process is killed there: while a new store begins,
//! and while an old one is used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::ledger::Ledger;
use super::page::{page, recoveries, until_ready};
use super::recover::recover;
use super::strace::{Failing, KILL, injected, log_in, places, traced};
use super::workload::{Tally, furnish, furniture, run};
use crate::server::{DataDir, Options, Server};

/// The calls, and the errors each is made to fail with.
const CALLS: [(&str, &[&str]); 12] = [
    ("fsync", &["EIO", KILL]),
    ("fdatasync", &["EIO", KILL]),
    ("write", &["EIO", "ENOSPC", KILL]),
    ("pwrite64", &["EIO", "ENOSPC", KILL]),
    ("read", &["EIO"]),
    ("pread64", &["EIO"]),
    ("openat", &["EIO", "ENOSPC", KILL]),
    ("rename", &["EIO", "ENOSPC", KILL]),
    ("ftruncate", &["EIO", "ENOSPC", KILL]),
    ("mkdir", &["EIO", "ENOSPC", KILL]),
    ("unlink", &["EIO", KILL]),
    ("getdents64", &["EIO"]),
];

/// How long an answer may take; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long the gateway is given to recover by itself.
const RECOVERS_WITHIN: Duration = Duration::from_secs(4);

/// Faults of other threads that may follow the first.
const FAULTS_MAX: usize = 10;

/// A sweep over all calls.
#[derive(Debug)]
pub struct Sweep {
    /// The binary.
    pub binary: PathBuf,
    /// A folder for data.
    pub work: PathBuf,
    /// At most so many places of each call, store and error; evenly chosen where there are more.
    pub most: usize,
}

/// What the runs of one call came to.
#[derive(Debug, Default)]
struct Line {
    runs: usize,
    failed: BTreeMap<&'static str, usize>,
    unnoticed: usize,
    refused: usize,
    recovered: usize,
    latched: usize,
    not_started: usize,
    outside: usize,
    killed: usize,
    violations: Vec<String>,
}

/// How one run went.
enum Seen {
    NotStarted,
    Ran { tally: Tally, ready: bool, recovered: bool },
}

impl Sweep {
    /// Runs it and prints a line for each call; the error names the violations.
    pub async fn run(&self) -> Result<String, String> {
        let (mut runs, mut violations) = (0, Vec::new());
        for old in [false, true] {
            let places = self.record(old).await?;
            for (call, errors) in CALLS {
                let all = places.get(call).cloned().unwrap_or_default();
                for error in errors {
                    let line = self.line(old, call, error, &all).await;
                    let store = if old { "old store" } else { "new store" };
                    println!("{store}: {call:>10} {error:<6} {line}", line = line.told(all.len()));
                    line.violations.iter().for_each(|violation| println!("  VIOLATION {violation}"));
                    runs += line.runs;
                    violations.extend(line.violations);
                }
            }
        }
        let summary = format!("{runs} runs, {} violations", violations.len());
        if violations.is_empty() { Ok(summary) } else { Err(summary) }
    }

    /// Runs without a fault, and says where the calls on the data are.
    async fn record(&self, old: bool) -> Result<BTreeMap<String, BTreeSet<u32>>, String> {
        if old {
            let mut server = Server::start_with(self.options(), self.fresh(false));
            furnish(&mut Ledger::new(server.client(), "bucket")).await?;
            server.kill();
            copy(&self.data(), &self.template());
        }
        let data = self.fresh(old);
        let calls: Vec<&str> = CALLS.iter().map(|(call, _)| *call).collect();
        let log = log_in(&self.work);
        let mut server = Server::start_with(traced(self.options(), &log, &calls, None), data.clone());
        let mut ledger = self.ledger(&server, old);
        run(&mut ledger).await?;
        swept(&server).await;
        server.stop();
        recover(&self.binary, &data, &mut ledger).await?;
        Ok(places(&log, &self.data()))
    }

    async fn line(&self, old: bool, call: &'static str, error: &'static str, places: &BTreeSet<u32>) -> Line {
        let mut line = Line::default();
        let step = places.len().div_ceil(self.most).max(1);
        for nth in places.iter().copied().step_by(step) {
            line.runs += 1;
            let failing = Failing { call, error, nth };
            let seen = self.once(old, failing).await;
            let failed = injected(&log_in(&self.work), &self.data());
            failed.iter().for_each(|(kind, count)| *line.failed.entry(kind).or_default() += count);
            match seen {
                Ok(_) if error == KILL => line.killed += 1,
                Ok(Seen::NotStarted) => line.not_started += 1,
                Ok(Seen::Ran { ready: false, .. }) => line.latched += 1,
                Ok(Seen::Ran { recovered: true, .. }) => line.recovered += 1,
                Ok(Seen::Ran { tally, .. }) if tally.refused + tally.cut > 0 => line.refused += 1,
                Ok(Seen::Ran { .. }) => line.unnoticed += 1,
                // What failed was a thread's wake-up or the log: no disk does that.
                Err(_) if failed.contains_key("outside") => line.outside += 1,
                Err(what) => line.violations.push(format!("{failing:?} on {failed:?}: {what}")),
            }
        }
        line
    }

    /// One run with one fault, and the recovery after it.
    async fn once(&self, old: bool, failing: Failing) -> Result<Seen, String> {
        let data = self.fresh(old);
        let options = traced(self.options(), &log_in(&self.work), &[failing.call], Some(failing));
        let (seen, mut ledger) = match Server::try_start(options, data.clone()) {
            Err(_) => {
                let mut server = Server::try_start(self.options(), data.clone())
                    .map_err(|refused| format!("it does not start again: {}", refused.stderr.trim()))?;
                let ledger = self.ledger(&server, old);
                server.kill();
                (Seen::NotStarted, ledger)
            }
            Ok(mut server) => {
                let mut ledger = self.ledger(&server, old);
                let tally = run(&mut ledger).await?;
                let ready = until_ready(&server, RECOVERS_WITHIN).await.is_some();
                let recovered = ready && recoveries(&server).await > 0;
                if recovered {
                    as_good_as_new(&server, &mut ledger).await?;
                }
                if ready {
                    swept(&server).await;
                }
                server.kill();
                (Seen::Ran { tally, ready, recovered }, ledger)
            }
        };
        recover(&self.binary, &data, &mut ledger).await?;
        Ok(seen)
    }

    fn options(&self) -> Options {
        Options::of(self.binary.clone()).env("WINDLASS_SWEEP_INTERVAL_MS", "100")
    }

    fn data(&self) -> PathBuf {
        self.work.join("data")
    }

    fn template(&self) -> PathBuf {
        self.work.join("template")
    }

    /// An absent data directory, or a copy of the furnished one.
    fn fresh(&self, old: bool) -> DataDir {
        let _ = std::fs::remove_dir_all(self.data());
        if old {
            copy(&self.template(), &self.data());
        }
        DataDir::at(&self.data())
    }

    /// What is known at the beginning.
    fn ledger(&self, server: &Server, old: bool) -> Ledger {
        let mut ledger = Ledger::new(server.client(), "bucket");
        ledger.patience(PATIENCE);
        if old {
            furniture().into_iter().for_each(|(key, body)| ledger.assume(&key, body));
        }
        ledger
    }
}

impl Line {
    fn told(&self, places: usize) -> String {
        let failed: Vec<String> = self.failed.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        format!(
            "{} of {places} places; failed: {}; seen: {} unnoticed, {} refused in part, {} recovered by itself, {} refusing writes until restart, {} not started, {} killed, {} stopped by a failed wake-up; {} violations",
            self.runs,
            if failed.is_empty() { "nothing".to_owned() } else { failed.join(", ") },
            self.unnoticed,
            self.refused,
            self.recovered,
            self.latched,
            self.not_started,
            self.killed,
            self.outside,
            self.violations.len()
        )
    }
}

/// After it recovered by itself all that was acknowledged is there, and the same work goes. Each thread may yet come to the
/// call that fails, so not everything goes at once.
async fn as_good_as_new(server: &Server, ledger: &mut Ledger) -> Result<(), String> {
    for _ in 0..FAULTS_MAX {
        let unread = ledger.read_all().await.map_err(|what| format!("after it recovered by itself: {what}"))?;
        let again = run(ledger).await.map_err(|what| format!("after it recovered by itself: {what}"))?;
        if unread + again.refused + again.cut == 0 {
            return Ok(());
        }
        until_ready(server, RECOVERS_WITHIN).await;
    }
    Err(format!("{FAULTS_MAX} times after it recovered by itself something was refused"))
}

/// Waits until the sweep has run once more; a process that no longer answers has none.
async fn swept(server: &Server) {
    let runs = || async { page(server, "/-/metrics").await.map(|text| runs_in(&text)) };
    let before = runs().await;
    for _ in 0..100 {
        if before.is_none() || runs().await != before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn runs_in(metrics: &str) -> Vec<String> {
    metrics.lines().filter(|line| line.starts_with("windlass_job_runs_total")).map(str::to_owned).collect()
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "{} cannot be copied", from.display());
}
