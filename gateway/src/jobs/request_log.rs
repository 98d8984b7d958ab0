//! Removes logged requests that their organisation's plan keeps no longer.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_store::log::Logs;
use windlass_store::{Error, ErrorKind, Result, Store};

use super::runner::Job;

pub(super) const NAME: &str = "request_log";

const INTERVAL: Duration = Duration::from_secs(300);
const DAY_MS: u64 = 86_400_000;

pub(super) fn job(logs: &Arc<Logs>) -> Job {
    let logs = Arc::clone(logs);
    Job {
        name: NAME,
        interval: INTERVAL,
        run: Box::new(move |store, stop| sweep(store, Arc::clone(&logs), stop).boxed()),
    }
}

async fn sweep(store: Arc<Store>, logs: Arc<Logs>, stop: watch::Receiver<bool>) -> Result<()> {
    let (mut blocks, mut bytes) = (0, 0);
    loop {
        let (store, logs) = (Arc::clone(&store), Arc::clone(&logs));
        let step = tokio::task::spawn_blocking(move || {
            logs.sweep_step(|org| {
                let days = store.plan_of(org).ok()?.log_retention_days;
                Some(store.now().saturating_sub(u64::from(days) * DAY_MS))
            })
        });
        let swept = step.await.map_err(|error| {
            Error::new(ErrorKind::Internal, "A step of the request log's sweep did not end.").because(error)
        })??;
        blocks += swept.blocks;
        bytes += swept.bytes;
        if !swept.more || *stop.borrow() {
            break;
        }
    }
    if blocks > 0 {
        tracing::debug!(blocks, bytes, "logged requests were removed that are too old");
    }
    Ok(())
}
