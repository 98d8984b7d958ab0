//! What was measured, and what it comes to.

use std::fs;

use serde::{Deserialize, Serialize};

use super::CompareArgs;
use super::loads::{Load, loads};
use super::peers::{Server, servers};
use super::turn::Turn;
use crate::Failure;
use crate::load::Report;
use crate::spread::Spread;

/// Everything, as it is written to `result.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) machine: String,
    pub(crate) seconds: f64,
    pub(crate) warmup_seconds: f64,
    pub(crate) rounds_done: u32,
    pub(crate) binary_mib: f64,
    pub(crate) servers: Vec<Server>,
    pub(crate) outcomes: Vec<Outcome>,
}

/// One server's turn at a group of loads.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) server: String,
    pub(crate) group: String,
    pub(crate) round: u32,
    /// From the start of the process until it says where it listens (Windlass, ceiling), else until it was started.
    pub(crate) listening_seconds: f64,
    /// Until it had made a bucket and taken an object.
    pub(crate) ready_seconds: f64,
    /// Resident after that.
    pub(crate) idle_mib: f64,
    pub(crate) loads: Vec<Measured>,
    pub(crate) problem: Option<String>,
}

/// One load in one turn.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) load: String,
    /// What the disk did alone just before, for loads that write.
    pub(crate) disk_syncs_per_second: Option<f64>,
    pub(crate) report: Option<Report>,
    pub(crate) problem: Option<String>,
}

impl Outcome {
    /// A turn that could not be taken.
    pub(crate) fn failed(turn: &Turn<'_>, problem: String) -> Outcome {
        Outcome {
            server: turn.server.id.clone(),
            group: turn.group.id.to_owned(),
            round: turn.round,
            listening_seconds: 0.0,
            ready_seconds: 0.0,
            idle_mib: 0.0,
            loads: Vec::new(),
            problem: Some(problem),
        }
    }
}

impl Comparison {
    /// Nothing measured yet.
    pub(crate) fn new(args: &CompareArgs) -> Result<Comparison, Failure> {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name));
        let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
        let kernel = read("/proc/sys/kernel/osrelease");
        Ok(Comparison {
            machine: format!("{cores} cores, {}, Linux {}", cpu.unwrap_or("?").trim(), kernel.trim()),
            seconds: args.duration,
            warmup_seconds: args.warmup,
            rounds_done: 0,
            binary_mib: fs::metadata(&args.windlass)?.len() as f64 / f64::from(1 << 20),
            servers: servers(args),
            outcomes: Vec::new(),
        })
    }

    /// A load's turns on a server: the round, and what was measured.
    pub(crate) fn turns<'a>(&'a self, server: &'a str, load: &'a str) -> impl Iterator<Item = (u32, &'a Measured)> {
        let outcomes = self.outcomes.iter().filter(move |outcome| outcome.server == server);
        let loads = outcomes.flat_map(|outcome| outcome.loads.iter().map(move |measured| (outcome.round, measured)));
        loads.filter(move |(_, measured)| measured.load == load)
    }

    /// The reports of a load on a server. Those with more errors than successes are no measurement.
    pub(crate) fn reports<'a>(&'a self, server: &'a str, load: &'a str) -> impl Iterator<Item = (u32, &'a Report)> {
        let reports = self.turns(server, load).filter_map(|(round, m)| Some((round, m.report.as_ref()?)));
        reports.filter(|(_, report)| report.operations > report.errors)
    }

    /// A figure of a load on a server.
    pub(crate) fn figure(&self, server: &str, load: &str, figure: impl Fn(&Report) -> f64) -> Option<Spread> {
        Spread::of(self.reports(server, load).map(|(_, report)| figure(report)))
    }

    /// Operations (or keys) a second.
    pub(crate) fn rate(&self, server: &str, load: &Load) -> Option<Spread> {
        self.figure(server, load.id, rate_of(load))
    }

    /// How many times the other server's rate: of the medians, with the spread of the rounds' own ratios.
    pub(crate) fn ratio(&self, server: &str, other: &str, load: &Load) -> Option<Spread> {
        let rate = rate_of(load);
        let pairs = self.reports(server, load.id).filter_map(|(round, report)| {
            let (_, theirs) = self.reports(other, load.id).find(|(of, _)| *of == round)?;
            Some(rate(report) / rate(theirs))
        });
        let spread = Spread::of(pairs)?;
        Some(Spread { median: self.rate(server, load)?.median / self.rate(other, load)?.median, ..spread })
    }

    /// The fastest peer that is not a variant.
    pub(crate) fn best_peer(&self, load: &Load) -> Option<&Server> {
        let rate = |server: &Server| self.rate(&server.id, load).map(|spread| spread.median);
        let peers = self.servers.iter().filter(|server| server.peer && !server.variant && rate(server).is_some());
        peers.max_by(|a, b| rate(a).unwrap_or(0.0).total_cmp(&rate(b).unwrap_or(0.0)))
    }

    /// How many servers, turns and loads are missing or have errors.
    pub(crate) fn problems(&self) -> usize {
        let servers = self.servers.iter().filter(|server| server.problem.is_some()).count();
        let turns = self.outcomes.iter().filter(|outcome| outcome.problem.is_some()).count();
        let measured = self.outcomes.iter().flat_map(|outcome| &outcome.loads);
        let bad = |m: &&Measured| m.report.as_ref().is_none_or(|report| report.errors > 0 || report.operations == 0);
        servers + turns + measured.filter(bad).count()
    }
}

fn rate_of(load: &Load) -> impl Fn(&Report) -> f64 + use<> {
    let in_keys = load.in_keys;
    move |report| if in_keys { report.keys_per_second } else { report.per_second }
}

/// The load of that id.
pub(crate) fn load(id: &str) -> Option<&'static Load> {
    loads().find(|load| load.id == id)
}
