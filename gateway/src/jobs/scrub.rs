//! Reads everything that is stored, slowly, and holds it against its checksums.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use tokio::sync::watch;
use windlass_config::Scrub;
use windlass_store::{Result, Store, limit};

use super::runner::Job;

pub(super) const NAME: &str = "scrub";

/// How often it is asked whether a scrub is due.
const POLL: Duration = Duration::from_secs(60);
const HOUR_MS: u64 = 3_600_000;

pub(super) fn job(settings: &Scrub) -> Job {
    let settings = settings.clone();
    Job { name: NAME, interval: POLL, run: Box::new(move |store, stop| scrub(store, stop, settings.clone()).boxed()) }
}

async fn scrub(store: Arc<Store>, mut stop: watch::Receiver<bool>, settings: Scrub) -> Result<()> {
    if settings.interval_hours == 0 {
        return Ok(());
    }
    let Some(mut cursor) = store.scrub_due(settings.interval_hours * HOUR_MS)? else { return Ok(()) };
    let (mut blobs, mut faults, mut unsaved) = (0, 0, 0);
    while !*stop.borrow() {
        let begun = Instant::now();
        let scrubbed = store.scrub_step(cursor).await?;
        blobs += scrubbed.blobs;
        faults += scrubbed.faults;
        unsaved += scrubbed.bytes;
        let Some(next) = scrubbed.next else {
            store.save_scrub(None).await?;
            tracing::info!(blobs, faults, "a scrub came to its end");
            return Ok(());
        };
        cursor = next;
        if unsaved >= limit::SCRUB_SAVE_BYTES {
            store.save_scrub(Some(cursor)).await?;
            unsaved = 0;
        }
        let pace = Duration::from_secs_f64(scrubbed.bytes as f64 / settings.bytes_per_second as f64);
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(pace.saturating_sub(begun.elapsed())) => {}
        }
    }
    store.save_scrub(Some(cursor)).await
}
