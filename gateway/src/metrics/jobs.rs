//! Counters of one job.

use std::time::Duration;

use super::Counter;

/// How often a job ran, and how that went.
#[derive(Debug)]
pub(crate) struct JobCounters {
    pub(crate) name: &'static str,
    pub(crate) runs: Counter,
    pub(crate) failures: Counter,
    /// Of the last run, in microseconds.
    pub(crate) last_us: Counter,
}

impl JobCounters {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, runs: Counter::default(), failures: Counter::default(), last_us: Counter::default() }
    }

    /// Counts one run.
    pub(crate) fn ran(&self, well: bool, took: Duration) {
        self.runs.add(1);
        self.failures.add(u64::from(!well));
        self.last_us.set(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}
