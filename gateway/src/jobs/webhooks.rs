//! Tells the receivers of webhooks of files, each delivery on its own, so that one that does not answer delays no other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_api::uploads::{Message, message};
use windlass_config::Settings;
use windlass_store::clock::Millis;
use windlass_store::id::DeliveryId;
use windlass_store::limit::DELIVERY_DELAYS_MINUTES;
use windlass_store::webhook::{Attempt, Due};
use windlass_store::{Result, Store};

use super::runner::Job;
use crate::app::App;
use crate::net::Outward;

pub(super) const NAME: &str = "webhooks";

/// How often it is asked whether there is something to tell.
const POLL: Duration = Duration::from_secs(1);
/// Deliveries under way at once.
const AT_ONCE: usize = 256;
/// Deliveries to one receiver under way at once.
const AT_ONCE_TO_ONE: usize = 4;
/// Deliveries that are looked at in one run: more than can be under way, so that those behind are seen too.
const LOOKED_AT: usize = 2 * AT_ONCE;
/// How long a delivery waits whose receiver has enough to do.
const CROWDED_MS: u64 = 5_000;

/// Who tells.
struct Teller {
    app: Arc<App>,
    outward: Arc<Outward>,
    public_url: Option<String>,
    minute_ms: u64,
    /// What is under way, and to whom.
    under_way: Mutex<HashMap<DeliveryId, String>>,
}

pub(super) fn job(app: &Arc<App>, settings: &Settings) -> Job {
    let teller = Arc::new(Teller {
        app: Arc::clone(app),
        outward: Arc::clone(&app.outward),
        public_url: settings.general.public_url.clone(),
        minute_ms: settings.webhooks.minute_ms,
        under_way: Mutex::default(),
    });
    Job { name: NAME, interval: POLL, run: Box::new(move |store, stop| tell(Arc::clone(&teller), store, stop).boxed()) }
}

/// Begins what is due and does not wait for it: each delivery takes note itself of what came of it.
async fn tell(teller: Arc<Teller>, store: Arc<Store>, stop: watch::Receiver<bool>) -> Result<()> {
    if *stop.borrow() {
        return Ok(());
    }
    let mut crowded = Vec::new();
    for due in store.due_deliveries(LOOKED_AT)? {
        match teller.begin(&due) {
            Begun::Now(turn) => drop(tokio::spawn(tell_one(Arc::clone(&teller), Arc::clone(&store), due, turn))),
            Begun::Before => {}
            Begun::Later => crowded.push((due.delivery.id, Attempt::Later(store.now().saturating_add(CROWDED_MS)))),
        }
    }
    if crowded.is_empty() { Ok(()) } else { store.settle_deliveries(crowded).await }
}

/// Whether a delivery is begun.
enum Begun {
    /// By whoever asked.
    Now(Turn),
    /// It is under way.
    Before,
    /// Enough others are.
    Later,
}

/// A delivery's place among those under way; given up when dropped.
struct Turn(Arc<Teller>, DeliveryId);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.under_way().remove(&self.1);
    }
}

impl Teller {
    fn under_way(&self) -> MutexGuard<'_, HashMap<DeliveryId, String>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, due: &Due) -> Begun {
        let (id, receiver) = (due.delivery.id, receiver(&due.delivery.row.url));
        let mut under_way = self.under_way();
        if under_way.contains_key(&id) {
            return Begun::Before;
        }
        let to_it = under_way.values().filter(|other| **other == receiver).count();
        if to_it >= AT_ONCE_TO_ONE || under_way.len() >= AT_ONCE {
            return Begun::Later;
        }
        under_way.insert(id, receiver.to_owned());
        Begun::Now(Turn(Arc::clone(self), id))
    }

    fn message(&self, due: &Due, now: Millis) -> Message {
        let row = &due.delivery.row;
        let told = &row.told.0;
        let base = self.public_url.as_ref().unwrap_or(&told.base);
        message(&row.url, (row.file, told), due.delivery.id, base, &due.secrets, now)
    }

    /// When to try again after so many attempts have failed.
    fn again_ms(&self, attempts: u32, now: Millis) -> Option<Millis> {
        let minutes = DELIVERY_DELAYS_MINUTES.get(usize::try_from(attempts).ok()?)?;
        Some(now.saturating_add(minutes.saturating_mul(self.minute_ms)))
    }
}

async fn tell_one(teller: Arc<Teller>, store: Arc<Store>, due: Due, turn: Turn) {
    let (id, counters) = (due.delivery.id, &teller.app.metrics.webhooks);
    let attempt = match teller.outward.post(teller.message(&due, store.now())).await {
        Ok(status) if (200..300).contains(&status) => {
            counters.delivered.add(1);
            Attempt::Took(status)
        }
        failed => {
            counters.failures.add(1);
            let again_ms = teller.again_ms(due.delivery.row.attempts, store.now());
            if again_ms.is_none() {
                counters.dead.add(1);
            }
            let (status, why) = match failed {
                Ok(status) => (Some(status), format!("it answered {status}")),
                Err(why) => (None, why.to_owned()),
            };
            tracing::warn!(delivery = %id, why, "a receiver was not told");
            Attempt::Failed(status, why, again_ms)
        }
    };
    if let Err(error) = store.settle_deliveries(vec![(id, attempt)]).await {
        tracing::error!(delivery = %id, %error, "what came of a delivery could not be noted; it will be told again");
    }
    drop(turn);
}

/// Who answers at an address: its scheme and authority.
fn receiver(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(authority..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| authority + at);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_a_scheme_and_an_authority() {
        for url in [
            "https://a.test:1",
            "https://a.test:1/",
            "https://a.test:1/x/y?z",
            "https://a.test:1?x",
            "https://a.test:1#x",
        ] {
            assert_eq!(receiver(url), "https://a.test:1", "{url}");
        }
    }
}
