//! Deliveries on their way: written with what they tell, tried when they are due, and settled.

use crate::Store;
use crate::clock::Millis;
use crate::error::Result;
use crate::id::{BucketId, DeliveryId};
use crate::intent::File;
use crate::limit;
use crate::meta::table::{DELIVERY_BY_BUCKET, DELIVERY_DUE, IdRow, PROJECTS, ROUTES};
use crate::meta::{KeyRange, Read, Step, Tagged, Tx};
use crate::project::{ProjectRow, WebhookSecrets};
use crate::webhook::row::{Delivery, DeliveryRow, DeliveryStatus};

/// A delivery that is due, with what it is signed with.
#[derive(Debug, Clone)]
pub struct Due {
    /// It.
    pub delivery: Delivery,
    /// What its project signs with.
    pub secrets: WebhookSecrets,
}

/// What came of a delivery that was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The receiver took it, with that status.
    Took(u16),
    /// It did not: the status of its answer if there was one, why, and when to try again, if at all.
    Failed(Option<u16>, String, Option<Millis>),
    /// It was not tried, and waits until then.
    Later(Millis),
}

/// Has whoever the route names told of a file that was uploaded.
pub(crate) fn queue(tx: &mut Tx<'_>, file: &File) -> Result<()> {
    let Some(url) = ROUTES.get(tx, &file.row.route)?.and_then(|route| route.webhook_url) else { return Ok(()) };
    let row = DeliveryRow {
        org: file.row.org,
        project: file.row.project,
        bucket: file.row.bucket,
        route: file.row.route,
        url,
        file: file.id,
        told: Tagged(file.row.clone()),
        status: DeliveryStatus::Pending,
        attempts: 0,
        answered: None,
        why: None,
        created_ms: tx.now(),
        updated_ms: tx.now(),
        sequence: tx.next_sequence()?,
        due_ms: tx.now(),
    };
    Delivery { id: DeliveryId::generate(tx.now())?, row }.insert(tx)
}

impl Store {
    /// The deliveries that are due but for those that are in hand, at most `max`, in the order in which they became so.
    pub fn due_deliveries(&self, max: usize, is_in_hand: impl Fn(DeliveryId) -> bool) -> Result<Vec<Delivery>> {
        let now = self.clock.now();
        self.meta.read(|read| {
            let mut due = Vec::new();
            DELIVERY_DUE.scan(read, &KeyRange::all(), |(due_ms, id), _| {
                if due_ms > now || due.len() == max {
                    return Ok(Step::Stop);
                }
                if !is_in_hand(id) {
                    due.extend(pending(read, id)?.map(|(delivery, _)| delivery));
                }
                Ok(Step::Continue)
            })?;
            Ok(due)
        })
    }

    /// A delivery as it is now, with what it is signed with; `None` if it is due no more.
    pub fn due_delivery(&self, id: DeliveryId) -> Result<Option<Due>> {
        let (now, found) = (self.clock.now(), self.meta.read(|read| pending(read, id))?);
        let Some((delivery, project)) = found.filter(|(one, _)| one.row.due_ms <= now) else { return Ok(None) };
        let secrets = self.open_secrets(delivery.row.project, &project.secrets)?;
        Ok(Some(Due { delivery, secrets }))
    }

    /// Takes note of what came of deliveries. One that was settled or deleted meanwhile stays as it is.
    pub async fn settle_deliveries(&self, settled: Vec<(DeliveryId, Attempt)>) -> Result<()> {
        self.meta
            .write(move |tx| {
                for (id, attempt) in &settled {
                    if let Some((delivery, _)) = pending(tx, *id)? {
                        settle(tx, delivery, attempt)?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// Removes a bounded number of deliveries whose time is over; says how many.
    pub async fn sweep_deliveries_step(&self) -> Result<u64> {
        let now = self.clock.now();
        let mut over = Vec::new();
        self.meta.read(|read| {
            DELIVERY_DUE.scan(read, &KeyRange::all(), |(due_ms, id), _| {
                if due_ms > now || over.len() == limit::FILES_STEP_ROWS {
                    return Ok(Step::Stop);
                }
                over.extend(Delivery::get(read, id)?.filter(|one| one.row.status != DeliveryStatus::Pending));
                Ok(Step::Continue)
            })
        })?;
        let count = over.len() as u64;
        if count > 0 {
            let drop = move |tx: &mut Tx<'_>| {
                over.iter().for_each(|delivery| delivery.remove(tx));
                Ok(())
            };
            self.meta.write(drop).await?;
        }
        Ok(count)
    }
}

/// A delivery that is to be told, with its project: what is left of one that is gone is told nobody.
fn pending(read: &dyn Read, id: DeliveryId) -> Result<Option<(Delivery, ProjectRow)>> {
    let found = Delivery::get(read, id)?.filter(|one| one.row.status == DeliveryStatus::Pending);
    let Some(delivery) = found else { return Ok(None) };
    Ok(PROJECTS.get(read, &delivery.row.project)?.map(|project| (delivery, project)))
}

fn settle(tx: &mut Tx<'_>, mut delivery: Delivery, attempt: &Attempt) -> Result<()> {
    let now = tx.now();
    let kept_until_ms = now.saturating_add(limit::FILE_TRACE_MS);
    let row = &mut delivery.row;
    let due_ms = match attempt {
        // Somebody tried it meanwhile, and said when to try again.
        Attempt::Later(_) if row.due_ms > now => return Ok(()),
        Attempt::Later(at_ms) => *at_ms,
        Attempt::Took(status) => {
            row.attempts = row.attempts.saturating_add(1);
            (row.status, row.answered, row.why) = (DeliveryStatus::Delivered, Some(*status), None);
            kept_until_ms
        }
        Attempt::Failed(status, why, again_ms) => {
            row.attempts = row.attempts.saturating_add(1);
            let mut why = why.clone();
            why.truncate(why.floor_char_boundary(limit::DELIVERY_ANSWER_BYTES_MAX));
            (row.answered, row.why) = (*status, Some(why));
            if again_ms.is_none() {
                row.status = DeliveryStatus::Dead;
            }
            again_ms.unwrap_or(kept_until_ms)
        }
    };
    delivery.save(tx, due_ms).map(drop)
}

/// Removes a bounded number of deliveries about the files of a bucket that goes; says whether there were any.
pub(crate) fn remove_of_bucket(tx: &mut Tx<'_>, bucket: BucketId) -> Result<bool> {
    let mut ids = Vec::new();
    DELIVERY_BY_BUCKET.scan(tx, &KeyRange::prefix(&bucket.0), |key, IdRow(id)| {
        ids.push((key, DeliveryId(id)));
        Ok(if ids.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for (key, id) in &ids {
        match Delivery::get(tx, *id)? {
            Some(delivery) => delivery.remove(tx),
            None => DELIVERY_BY_BUCKET.delete(tx, key),
        }
    }
    Ok(!ids.is_empty())
}
