//! Takes away the values that have expired, and what deleted key-value buckets hold. Nobody sees them any more.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_store::{Result, Store};

use super::runner::Job;

pub(super) const NAME: &str = "key_value";

/// How often it is asked whether something has expired.
const POLL: Duration = Duration::from_secs(1);

pub(super) fn job() -> Job {
    Job { name: NAME, interval: POLL, run: Box::new(|store, stop| sweep(store, stop).boxed()) }
}

/// Each step is a commit of its own, among those of everybody else, so a stop or a crash loses none of the work.
async fn sweep(store: Arc<Store>, stop: watch::Receiver<bool>) -> Result<()> {
    let (mut expired, mut dropped) = (0, 0);
    while !*stop.borrow() {
        let step = store.kv_sweep_step().await?;
        expired += step.expired;
        dropped += step.dropped;
        if !step.more {
            break;
        }
    }
    if expired + dropped > 0 {
        tracing::debug!(expired, dropped, "values were taken away");
    }
    Ok(())
}
