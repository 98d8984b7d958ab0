//! Runs one job again and again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use windlass_store::{Result, Store};

use crate::app::App;

/// A run of a job, given the store and what says that it is to stop.
type Run = dyn Fn(Arc<Store>, watch::Receiver<bool>) -> BoxFuture<'static, Result<()>> + Send + Sync;

/// A job.
pub(super) struct Job {
    pub(super) name: &'static str,
    /// From the end of a run to the next.
    pub(super) interval: Duration,
    /// One run. It is asked between its steps whether to stop.
    pub(super) run: Box<Run>,
}

/// Runs the job now, and after each interval, until `stop` turns true.
pub(super) async fn run(job: Job, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let begun = Instant::now();
        let ran = AssertUnwindSafe((job.run)(Arc::clone(&app.store), stop.clone())).catch_unwind().await;
        match &ran {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(job = job.name, %error, "a job failed"),
            Err(_) => tracing::error!(job = job.name, "a job panicked"),
        }
        if let Some(counters) = app.metrics.jobs.iter().find(|counters| counters.name == job.name) {
            counters.ran(matches!(ran, Ok(Ok(()))), begun.elapsed());
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(job.interval) => {}
        }
    }
}
