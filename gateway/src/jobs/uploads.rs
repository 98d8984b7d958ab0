//! Settles uploads whose clients were not heard of, and removes what test keys uploaded and what is past its time.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_config::Uploads;
use windlass_store::{Result, Store};

use super::runner::Job;

pub(super) const NAME: &str = "uploads";

pub(super) fn job(settings: &Uploads) -> Job {
    Job {
        name: NAME,
        interval: Duration::from_millis(settings.interval_ms),
        run: Box::new(|store, stop| sweep(store, stop).boxed()),
    }
}

async fn sweep(store: Arc<Store>, stop: watch::Receiver<bool>) -> Result<()> {
    let (mut confirmed, mut failed, mut removed) = (0, 0, 0);
    while !*stop.borrow() {
        let swept = store.sweep_files_step().await?;
        let deliveries = store.sweep_deliveries_step().await?;
        confirmed += swept.confirmed;
        failed += swept.failed;
        removed += swept.removed;
        if !swept.more && deliveries == 0 {
            break;
        }
    }
    if confirmed + failed + removed > 0 {
        tracing::info!(confirmed, failed, removed, "settled uploads");
    }
    Ok(())
}
