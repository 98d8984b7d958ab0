//! Writes what is counted in memory: bandwidth, and when keys were last used.

use std::time::Duration;

use futures::FutureExt;

use super::runner::Job;

pub(super) const NAME: &str = "flush";

/// A crash loses at most what was counted within this time, and within a flush.
const INTERVAL: Duration = Duration::from_secs(5);

pub(super) fn job() -> Job {
    Job {
        name: NAME,
        interval: INTERVAL,
        run: Box::new(|store, _| async move { store.flush_counters().await }.boxed()),
    }
}
