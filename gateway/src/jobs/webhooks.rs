//! Tells the receivers of webhooks of files: each receiver in turns of its own, so that one that does not answer delays no
//! other, and many deliveries to one that does answer follow each other at once.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use windlass_api::uploads::{Message, message};
use windlass_config::Settings;
use windlass_store::clock::Millis;
use windlass_store::id::{DeliveryId, OrgId};
use windlass_store::limit::DELIVERY_DELAYS_MINUTES;
use windlass_store::webhook::{Attempt, Delivery, Due};
use windlass_store::{Result, Store};

use super::runner::Job;
use crate::app::App;
use crate::net::Outward;

pub(super) const NAME: &str = "webhooks";

/// How often it is asked whether there is something to tell.
const POLL: Duration = Duration::from_secs(1);
/// Turns at once.
const TURNS: usize = 512;
/// Turns at once of one organisation.
const TURNS_OF_ONE: usize = 64;
/// Turns at once to one receiver of it.
const TURNS_TO_ONE: usize = 4;
/// Deliveries of a turn.
const TURN: usize = 16;
/// Deliveries that are looked at in one run.
const LOOKED_AT: usize = 512;
/// How long a delivery waits at least whose receiver has enough to do; then as long again as it has waited until then.
const CROWDED_MS: u64 = 5_000;
/// And at most.
const CROWDED_MAX_MS: u64 = 300_000;

/// Who is told, and on whose behalf: what one has others wait for is its own.
type Lane = (OrgId, String);

/// Who tells.
struct Teller {
    app: Arc<App>,
    outward: Arc<Outward>,
    public_url: Option<String>,
    minute_ms: u64,
    in_hand: Mutex<InHand>,
}

/// What is under way.
#[derive(Default)]
struct InHand {
    deliveries: HashSet<DeliveryId>,
    turns: HashMap<Lane, usize>,
}

/// Deliveries to one receiver that are told one after the other, until one fails. Given up when dropped.
struct Turn {
    teller: Arc<Teller>,
    lane: Lane,
    deliveries: Vec<DeliveryId>,
}

pub(super) fn job(app: &Arc<App>, settings: &Settings) -> Job {
    let teller = Arc::new(Teller {
        app: Arc::clone(app),
        outward: Arc::clone(&app.outward),
        public_url: settings.general.public_url.clone(),
        minute_ms: settings.webhooks.minute_ms,
        in_hand: Mutex::default(),
    });
    Job { name: NAME, interval: POLL, run: Box::new(move |store, stop| tell(Arc::clone(&teller), store, stop).boxed()) }
}

/// Begins what is due and does not wait for it: each turn takes note itself of what came of it.
async fn tell(teller: Arc<Teller>, store: Arc<Store>, stop: watch::Receiver<bool>) -> Result<()> {
    let mut lanes: HashMap<Lane, Vec<Delivery>> = HashMap::new();
    for due in store.due_deliveries(LOOKED_AT, |id| teller.in_hand().deliveries.contains(&id))? {
        lanes.entry((due.row.org, receiver(&due.row.url).to_owned())).or_default().push(due);
    }
    let mut crowded = Vec::new();
    for (lane, waiting) in lanes {
        let share = waiting.len().div_ceil(TURNS_TO_ONE).min(TURN);
        for some in waiting.chunks(share) {
            match teller.begin(&lane, some) {
                Some(turn) => drop(tokio::spawn(turn.take(Arc::clone(&store), stop.clone()))),
                None => crowded
                    .extend(some.iter().map(|due| (due.id, Attempt::Later(later_ms(due.row.created_ms, store.now()))))),
            }
        }
    }
    if crowded.is_empty() { Ok(()) } else { store.settle_deliveries(crowded).await }
}

/// When to look again at a delivery whose receiver has enough to do: the older, the later, so that however many wait for one
/// receiver few of them stand before what is due for others.
fn later_ms(created_ms: Millis, now: Millis) -> Millis {
    let waited_ms = now.saturating_sub(created_ms);
    now.saturating_add(waited_ms.clamp(CROWDED_MS, CROWDED_MAX_MS))
}

impl Turn {
    async fn take(self, store: Arc<Store>, stop: watch::Receiver<bool>) {
        for id in &self.deliveries {
            if *stop.borrow() {
                return;
            }
            let told = match store.due_delivery(*id) {
                Ok(Some(due)) => self.teller.tell_one(&store, due).await,
                // It was settled or deleted meanwhile.
                Ok(None) => true,
                Err(error) => {
                    tracing::error!(delivery = %id, %error, "a delivery could not be read");
                    false
                }
            };
            if !told {
                return;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut in_hand = self.teller.in_hand();
        in_hand.deliveries.retain(|id| !self.deliveries.contains(id));
        if let Some(turns) = in_hand.turns.get_mut(&self.lane) {
            *turns = turns.saturating_sub(1);
        }
        in_hand.turns.retain(|_, turns| *turns > 0);
    }
}

impl Teller {
    fn in_hand(&self) -> MutexGuard<'_, InHand> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn for some deliveries, unless there are enough.
    fn begin(self: &Arc<Self>, lane: &Lane, some: &[Delivery]) -> Option<Turn> {
        let mut in_hand = self.in_hand();
        let turns = |of: &dyn Fn(&Lane) -> bool| -> usize {
            in_hand.turns.iter().filter(|(lane, _)| of(lane)).map(|(_, turns)| turns).sum()
        };
        let enough = turns(&|_| true) >= TURNS
            || turns(&|(org, _)| *org == lane.0) >= TURNS_OF_ONE
            || turns(&|other| other == lane) >= TURNS_TO_ONE;
        if enough {
            return None;
        }
        let deliveries: Vec<_> = some.iter().map(|due| due.id).collect();
        in_hand.deliveries.extend(&deliveries);
        *in_hand.turns.entry(lane.clone()).or_default() += 1;
        drop(in_hand);
        Some(Turn { teller: Arc::clone(self), lane: lane.clone(), deliveries })
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

    /// Tells a receiver, takes note of what came of it, and says whether it was told.
    async fn tell_one(&self, store: &Store, due: Due) -> bool {
        let (id, counters) = (due.delivery.id, &self.app.metrics.webhooks);
        let attempt = match self.outward.post(self.message(&due, store.now())).await {
            Ok(status) if (200..300).contains(&status) => {
                counters.delivered.add(1);
                Attempt::Took(status)
            }
            failed => {
                counters.failures.add(1);
                let again_ms = self.again_ms(due.delivery.row.attempts, store.now());
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
        let told = matches!(attempt, Attempt::Took(_));
        if let Err(error) = store.settle_deliveries(vec![(id, attempt)]).await {
            tracing::error!(delivery = %id, %error, "what came of a delivery could not be noted; it will be told again");
            return false;
        }
        told
    }
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
    fn what_a_receiver_has_no_time_for_waits_as_long_again_within_bounds() {
        let waits = |waited_ms: Millis| later_ms(1_000_000, 1_000_000 + waited_ms) - (1_000_000 + waited_ms);
        assert_eq!([0, 4_000, 7_000, 299_000, 9_000_000].map(waits), [5_000, 5_000, 7_000, 299_000, 300_000]);
        // A clock that went back.
        assert_eq!(later_ms(2_000, 1_000), 6_000);
    }

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
