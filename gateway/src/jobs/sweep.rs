//! Deletes bytes that nothing refers to any more.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_config::Sweep;
use windlass_store::{Result, Store};

use super::runner::Job;

pub(super) const NAME: &str = "sweep";

pub(super) fn job(settings: &Sweep) -> Job {
    Job {
        name: NAME,
        interval: Duration::from_millis(settings.interval_ms),
        run: Box::new(|store, stop| sweep(store, stop).boxed()),
    }
}

async fn sweep(store: Arc<Store>, stop: watch::Receiver<bool>) -> Result<()> {
    let (mut blobs, mut rows) = (0, 0);
    loop {
        let swept = store.sweep_step().await?;
        blobs += swept.blobs;
        rows += swept.rows;
        if !swept.more || *stop.borrow() {
            break;
        }
    }
    if blobs + rows > 0 {
        tracing::debug!(blobs, rows, "swept");
    }
    Ok(())
}
