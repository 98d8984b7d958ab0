//! Empties buckets that are being deleted, one after the other.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_store::{Result, Store};

use super::runner::Job;

pub(super) const NAME: &str = "deletion";

/// How often it is asked whether there is a bucket to empty.
const POLL: Duration = Duration::from_secs(1);

pub(super) fn job() -> Job {
    Job { name: NAME, interval: POLL, run: Box::new(|store, stop| empty(store, stop).boxed()) }
}

/// Each step is a commit of its own, among those of everybody else, so a stop or a crash loses none of the work.
async fn empty(store: Arc<Store>, stop: watch::Receiver<bool>) -> Result<()> {
    let (mut buckets, mut objects) = (0_u64, 0);
    while !*stop.borrow() {
        let Some(emptied) = store.deletion_step().await? else { break };
        buckets += u64::from(emptied.gone);
        objects += emptied.objects;
    }
    if buckets + objects > 0 {
        tracing::info!(buckets, objects, "deleted");
    }
    Ok(())
}
