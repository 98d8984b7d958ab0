//! Brings the objects of linked buckets that are being adopted, one bucket after the other in turn.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_config::Adoption;
use windlass_store::adopt::Pace;
use windlass_store::{Result, Store};

use super::runner::Job;

pub(super) const NAME: &str = "adoption";

/// How often it is asked whether there is something to adopt.
const POLL: Duration = Duration::from_secs(1);

pub(super) fn job(settings: &Adoption) -> Job {
    let at_once = usize::try_from(settings.objects_at_once).unwrap_or(1);
    let pace = Arc::new(Pace::new(settings.bytes_per_second));
    Job {
        name: NAME,
        interval: POLL,
        run: Box::new(move |store, stop| adopt(store, stop, Arc::clone(&pace), at_once).boxed()),
    }
}

/// What a step has settled stays so, and the commit at its end says how far it came: a stop or a crash loses none of the work.
async fn adopt(store: Arc<Store>, mut stop: watch::Receiver<bool>, pace: Arc<Pace>, at_once: usize) -> Result<()> {
    let mut more = true;
    while more {
        more = false;
        for bucket in store.due_adoptions()? {
            // A step can take long, and nothing is lost if it is cut.
            let step = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                step = store.adoption_step(bucket, &pace, at_once) => step?,
            };
            if step.ended {
                tracing::info!(%bucket, "a bucket was adopted");
            }
            more |= step.more;
        }
    }
    Ok(())
}
