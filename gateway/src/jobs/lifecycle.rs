//! Follows the rules of buckets' life cycles: ends what is due, pass after pass.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_config::Lifecycle;
use windlass_store::{Result, Store};

use super::runner::Job;

pub(super) const NAME: &str = "lifecycle";

pub(super) fn job(settings: &Lifecycle) -> Job {
    let Lifecycle { interval_ms, day_ms } = *settings;
    Job {
        name: NAME,
        interval: Duration::from_millis(interval_ms),
        run: Box::new(move |store, stop| pass(store, stop, day_ms).boxed()),
    }
}

/// Each step is a commit of its own, among those of everybody else, so a stop or a crash loses none of the work.
async fn pass(store: Arc<Store>, stop: watch::Receiver<bool>, day_ms: u64) -> Result<()> {
    let (mut expired, mut removed, mut aborted) = (0, 0, 0);
    let begun = store.lifecycle_cursor()?;
    let resumed = begun.is_some();
    let mut cursor = begun;
    loop {
        let step = store.lifecycle_step(cursor, day_ms).await?;
        expired += step.expired;
        removed += step.removed;
        aborted += step.aborted;
        cursor = step.next;
        if cursor.is_none() || *stop.borrow() {
            break;
        }
        // Looking through a large bucket ends nothing for long stretches: others come first.
        tokio::task::yield_now().await;
    }
    let ended = expired + removed + aborted;
    if cursor.is_some() || resumed || ended > 0 {
        store.save_lifecycle(cursor).await?;
    }
    if ended > 0 {
        tracing::info!(expired, removed, aborted, "life cycles were followed");
    }
    Ok(())
}
