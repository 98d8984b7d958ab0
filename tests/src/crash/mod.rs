//! The crash loop: mixed work by several clients, kill -9 at a random moment, restart, and a look at everything that was
//! acknowledged. Each round ends with an offline `check`, and the next goes on with the same data directory.
//!
//! What must hold after a restart: a write that was acknowledged is there with its exact bytes; a write whose answer
//! never came happened wholly or not at all; nothing else is there; and parts that were acknowledged can still be
//! completed. The same holds of keys and buckets that a manager makes and ends over `/v1` beside them, and what is counted
//! of a bucket and its organisation is what is there.
//!
//! With an upstream the blobs are there, and when all rounds are over the sweep must have left nothing there that no row names.
//!
//! With a disk of its own the round ends with a power cut instead: the file system stops taking anything, what it had
//! not made durable is gone, and the gateway starts on what the journal brings back.

mod counted;
mod expect;
mod manage;
mod report;
mod verify;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::Bucket;
use crate::fault::disk::Disk;
use crate::json::Json;
use crate::server::{self, DataDir, Options, Server, TOKEN};
use crate::upstream::{Upstream, blobs_at};
use expect::Own;
use manage::Manager;
pub use report::{Kind, Round, Totals};
use work::Shared;

/// Acknowledged writes that a round must have checked.
const CHECKED_MIN: usize = 20;
/// Client tasks.
const TASKS: usize = 8;
/// The plan that everything is on: with limits, so that they are kept, and none that is ever reached.
const CONFIG: &str = "[[plan]]\nname = \"enterprise\"\nmax_requests_per_minute = 1000000\nmax_buckets = 9000\n\
                      max_storage_bytes = \"1TiB\"\nmax_file_size_bytes = \"1TiB\"\n";

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary.
    pub binary: PathBuf,
    /// Rounds.
    pub rounds: u32,
    /// The seed of everything random here.
    pub seed: u64,
    /// The longest time a restart may take until the gateway listens, where it is to be asserted.
    pub ready_ms_max: Option<u128>,
    /// The disk whose power is cut; without it the process is killed.
    pub disk: Option<Arc<Disk>>,
    /// Environment of the gateway.
    pub env: Vec<(String, String)>,
    /// Whether the bucket keeps versions, and each of them must outlive every kill.
    pub versioned: bool,
    /// Whether blobs are at an upstream, which lives on.
    pub upstream: bool,
}

impl Plan {
    /// Rounds of `kill -9`.
    pub fn new(binary: PathBuf, rounds: u32, seed: u64) -> Plan {
        Plan {
            binary,
            rounds,
            seed,
            ready_ms_max: None,
            disk: None,
            env: Vec::new(),
            versioned: false,
            upstream: false,
        }
    }
}

/// Runs the plan, prints a line for each round, and returns the sums; the error is the first violation.
pub async fn run(plan: &Plan) -> Result<Totals, String> {
    let data = plan.disk.as_ref().map_or_else(DataDir::new, |disk| DataDir::at(&disk.data()));
    println!("crash loop: seed {}, {} rounds, data in {}", plan.seed, plan.rounds, data.path().display());
    let mut runner = Runner::new(plan, data.clone()).await;
    let mut totals = Totals::default();
    for number in 1..=plan.rounds {
        let round = match runner.round(number).await {
            Ok(round) => round,
            Err(violation) => {
                let kept = plan.disk.as_ref().map_or_else(|| data.keep(), |disk| disk.keep());
                let log = runner.server.log_tail();
                return Err(format!(
                    "seed {}, round {number}: {violation}\ndata kept in {}\n{log}",
                    plan.seed,
                    kept.display()
                ));
            }
        };
        println!("{round}");
        totals.add(&round);
    }
    if let Some(upstream) = runner.upstream.take() {
        runner.nothing_left_at(&upstream).await.map_err(|violation| format!("seed {}: {violation}", plan.seed))?;
    }
    totals.object_bytes = runner.own.iter().map(Own::bytes).sum();
    totals.data_bytes = bytes_under(&data.path());
    println!("{totals}");
    Ok(totals)
}

fn options(plan: &Plan, env: &[(String, String)]) -> Options {
    Options { env: env.to_vec(), ..Options::of(plan.binary.clone()).config(CONFIG) }
}

fn bytes_under(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |path: PathBuf| if path.is_dir() { bytes_under(&path) } else { path.metadata().map_or(0, |m| m.len()) };
    entries.filter_map(Result::ok).map(|entry| size(entry.path())).sum()
}

struct Runner<'a> {
    plan: &'a Plan,
    rng: fastrand::Rng,
    server: Server,
    bucket: Bucket,
    own: Vec<Own>,
    manager: Manager,
    upstream: Option<Upstream>,
    /// Environment of the gateway and of its commands.
    env: Vec<(String, String)>,
}

impl<'a> Runner<'a> {
    async fn new(plan: &'a Plan, data: DataDir) -> Runner<'a> {
        let mut env = plan.env.clone();
        let upstream = match plan.upstream {
            true => Some(Upstream::of(Options::of(plan.binary.clone())).await),
            false => None,
        };
        env.extend(upstream.iter().flat_map(|upstream| blobs_at(upstream.address())));
        let server = Server::start_with(options(plan, &env), data);
        let bucket = server.client().make("crash").await;
        if plan.versioned {
            bucket.keep_versions().await;
        }
        let own = (0..TASKS).map(Own::new).collect();
        let manager = Manager::default();
        Runner { plan, rng: fastrand::Rng::with_seed(plan.seed), server, bucket, own, manager, upstream, env }
    }

    async fn round(&mut self, number: u32) -> Result<Round, String> {
        let mut round = Round { number, ..Round::default() };
        self.work_until_killed(&mut round).await?;
        if let Some(disk) = &self.plan.disk {
            disk.remount();
        }
        self.restart()?;
        let ready = self.server.ready_after();
        round.ready_ms = ready.as_millis();
        if self.plan.ready_ms_max.is_some_and(|max| round.ready_ms > max) {
            return Err(format!("the gateway took {ready:?} to listen after the kill"));
        }
        self.manager.verify(&self.json(), &mut round).await?;
        counted::verify(&self.bucket, &self.json()).await?;
        verify::all(&self.bucket, &mut self.own, &mut round).await?;
        counted::verify(&self.bucket, &self.json()).await?;
        if round.checked < CHECKED_MIN {
            return Err(format!("only {} acknowledged writes could be checked", round.checked));
        }
        self.stop_and_check()?;
        self.restart()?;
        Ok(round)
    }

    /// Lets all tasks work and kills the gateway at a random moment, once enough has been acknowledged to be checked.
    async fn work_until_killed(&mut self, round: &mut Round) -> Result<(), String> {
        let shared = Arc::new(Shared::new(self.bucket.clone(), round.number));
        let began = Instant::now();
        let tasks: Vec<_> = self
            .own
            .drain(..)
            .map(|own| tokio::spawn(work::work(Arc::clone(&shared), own, self.rng.u64(..))))
            .collect();
        let (manager, json) = (std::mem::take(&mut self.manager), self.json());
        let manager = tokio::spawn(manager.work(Arc::clone(&shared), json, self.rng.u64(..)));
        tokio::time::sleep(Duration::from_millis(self.rng.u64(50..1_500))).await;
        // Every task may yet put one of its writes in doubt. The last wait keeps the kill from following an answer.
        shared.wait_for(CHECKED_MIN + TASKS).await;
        tokio::time::sleep(Duration::from_micros(self.rng.u64(0..20_000))).await;
        if let Some(disk) = &self.plan.disk {
            shared.announce_break();
            disk.cut().await;
            // On a dead disk the gateway has time to acknowledge what it must not.
            tokio::time::sleep(Duration::from_millis(self.rng.u64(0..50))).await;
        }
        shared.announce_kill();
        self.server.kill();
        round.worked_ms = began.elapsed().as_millis();
        for task in tasks {
            let (own, interrupted) = task.await.map_err(|e| e.to_string())?;
            self.own.push(own);
            round.interrupted.extend(interrupted);
        }
        self.manager = manager.await.map_err(|e| e.to_string())?;
        round.acknowledged = shared.acknowledged();
        shared.violation().map_or(Ok(()), Err)
    }

    /// Ends the gateway, gently or not, and has its data checked offline.
    fn stop_and_check(&mut self) -> Result<(), String> {
        if self.rng.bool() {
            let status = self.server.stop();
            if !status.success() {
                return Err(format!("SIGTERM ended the gateway with {status}"));
            }
        } else {
            self.server.kill();
        }
        self.check().map(drop)
    }

    /// Checks the data offline; what was said.
    fn check(&self) -> Result<String, String> {
        let output = server::run_with(&self.plan.binary, &self.env, "check", &self.server.data().path(), &[]);
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (told, complained) = (said(&output.stdout), said(&output.stderr));
        if output.status.success() {
            return Ok(told);
        }
        Err(format!("check ended with {}:\n{told}{complained}", output.status))
    }

    /// Lets the sweep go through everything once, and makes sure that it leaves nothing upstream.
    async fn nothing_left_at(&mut self, upstream: &Upstream) -> Result<(), String> {
        let sweeps = "windlass_job_runs_total{job=\"sweep\"} ";
        loop {
            let page = self.bucket.client.plain("/-/metrics").await;
            let runs = page.text().lines().find_map(|line| line.strip_prefix(sweeps));
            if runs.and_then(|runs| runs.parse::<u64>().ok()).is_some_and(|runs| runs > 0) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let open = upstream.open_uploads().await;
        if open > 0 {
            return Err(format!("the sweep left {open} uploads open upstream"));
        }
        if !self.server.stop().success() {
            return Err("SIGTERM did not end the gateway well".to_owned());
        }
        let said = self.check()?;
        if said.contains("file without a row") {
            Err(format!("the sweep left blobs upstream:\n{said}"))
        } else {
            Ok(())
        }
    }

    /// The root key on the JSON doors.
    fn json(&self) -> Json {
        Json::new(&self.bucket.client, TOKEN)
    }

    fn restart(&mut self) -> Result<(), String> {
        let started = Server::try_start(options(self.plan, &self.env), self.server.data().clone());
        self.server = started.map_err(|refused| format!("the restarted gateway ended with {}", refused.status))?;
        self.bucket = Bucket { client: self.server.client(), name: self.bucket.name.clone() };
        Ok(())
    }
}
