//! Events that wait to be told. A row is written by the commit that makes it true; it goes once it was told, or once it was
//! tried as often as it may be. Rows are read in the order in which they are due, so what failed waits behind what is new.

use serde::{Deserialize, Serialize};

use super::event::EventKind;
use super::rule::Notification;
use crate::Store;
use crate::bucket::{Bucket, DocumentKind, document};
use crate::clock::{self, Millis};
use crate::error::Result;
use crate::id::{EventId, OrgId};
use crate::limit;
use crate::meta::table::OUTBOX;
use crate::meta::{KeyRange, Record, Step, Tx};
use crate::name::BucketName;
use crate::object::{ETag, VersionId};
use crate::state;

/// An event that somebody is to be told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRow {
    /// The target of the settings.
    pub target: String,
    /// The id of the subscription.
    pub subscription: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at_ms: Millis,
    /// The bucket.
    pub bucket: BucketName,
    /// Who owns the bucket.
    pub owner: OrgId,
    /// The key.
    pub key: String,
    /// Length of the object in bytes, where there is one.
    pub size: Option<u64>,
    /// Its entity tag.
    pub etag: Option<ETag>,
    /// Its version id as it is shown, if the bucket ever kept versions.
    pub version: Option<String>,
    /// Where among all commits it happened: of two events about a key the later one has the higher number.
    pub sequence: u64,
    /// How often it was tried to tell it.
    pub attempts: u32,
}

impl Record for EventRow {
    const VERSION: u8 = 1;
}

/// An event that is due to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    due_ms: Millis,
    /// Its identifier, which stays the same however often it is told.
    pub id: EventId,
    /// What it says.
    pub row: EventRow,
}

/// What came of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It was told.
    Yes,
    /// It was tried, and is to be tried again then.
    No(Millis),
    /// It was not tried, and waits until then.
    Later(Millis),
}

/// What an event is about.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) key: &'a str,
    pub(crate) size: Option<u64>,
    pub(crate) etag: Option<ETag>,
    pub(crate) version: Option<VersionId>,
}

/// Has everybody told who wants to know. Costs nothing in a bucket of which nobody does. When too many events wait, which
/// takes a target that is away for long, new ones are counted and forgotten: what happens to objects does not wait for it.
pub(crate) fn emit(tx: &mut Tx<'_>, bucket: &Bucket, kind: EventKind, subject: Subject<'_>) -> Result<()> {
    if !bucket.row.documents.has(DocumentKind::Notification) {
        return Ok(());
    }
    let Some(notification) = document::get::<Notification>(tx, bucket)? else { return Ok(()) };
    let wanting: Vec<_> = notification.subscriptions.into_iter().filter(|one| one.wants(kind, subject.key)).collect();
    for one in wanting {
        let (waiting, forgotten) = state::outbox(tx)?;
        if waiting >= limit::OUTBOX_ROWS_MAX {
            state::put_outbox(tx, waiting, forgotten.saturating_add(1));
            continue;
        }
        state::put_outbox(tx, waiting + 1, forgotten);
        let row = EventRow {
            target: one.target,
            subscription: one.id,
            kind,
            at_ms: tx.now(),
            bucket: bucket.row.name.clone(),
            owner: bucket.row.org,
            key: subject.key.to_owned(),
            size: subject.size,
            etag: subject.etag,
            version: subject.version.map(|version| version.to_string()),
            sequence: tx.next_sequence()?,
            attempts: 0,
        };
        let id = event_id(row.at_ms, row.sequence)?;
        OUTBOX.put(tx, &(row.at_ms, id), &row)?;
    }
    Ok(())
}

/// An identifier: its time, its place in the sequence, so that what happened within a millisecond keeps its order, and a bit
/// of chance.
pub(crate) fn event_id(at_ms: Millis, sequence: u64) -> Result<EventId> {
    let mut id = [0; 16];
    let time = at_ms.to_be_bytes();
    let parts = time.iter().skip(2).copied().chain(sequence.to_be_bytes()).chain(clock::random::<2>()?);
    for (byte, part) in id.iter_mut().zip(parts) {
        *byte = part;
    }
    Ok(EventId(id))
}

impl Store {
    /// The events that are due, at most `limit::OUTBOX_STEP_ROWS`.
    pub fn due_events(&self) -> Result<Vec<Undelivered>> {
        let now = self.clock.now();
        let mut due = Vec::new();
        self.meta.read(|read| {
            OUTBOX.scan(read, &KeyRange::all(), |(due_ms, id), row| {
                if due_ms > now {
                    return Ok(Step::Stop);
                }
                due.push(Undelivered { due_ms, id, row });
                Ok(if due.len() < limit::OUTBOX_STEP_ROWS { Step::Continue } else { Step::Stop })
            })
        })?;
        Ok(due)
    }

    /// Takes note of what came of telling events. One that was tried `limit::OUTBOX_ATTEMPTS_MAX` times is given up; returns
    /// how many were.
    pub async fn settle_events(&self, settled: Vec<(Undelivered, Told)>) -> Result<u64> {
        self.meta
            .write(move |tx| {
                let (mut gone, mut given_up) = (0, 0);
                for (event, told) in &settled {
                    // Another run may have settled it.
                    let Some(row) = OUTBOX.get(tx, &(event.due_ms, event.id))? else { continue };
                    OUTBOX.delete(tx, &(event.due_ms, event.id));
                    let attempts = row.attempts.saturating_add(1);
                    match told {
                        Told::Later(at_ms) => OUTBOX.put(tx, &(*at_ms, event.id), &row)?,
                        Told::No(again_ms) if attempts < limit::OUTBOX_ATTEMPTS_MAX => {
                            OUTBOX.put(tx, &(*again_ms, event.id), &EventRow { attempts, ..row })?;
                        }
                        Told::No(_) => (gone, given_up) = (gone + 1, given_up + 1),
                        Told::Yes => gone += 1,
                    }
                }
                let (waiting, forgotten) = state::outbox(tx)?;
                state::put_outbox(tx, waiting.saturating_sub(gone), forgotten);
                Ok(given_up)
            })
            .await
    }

    /// How many events wait, and how many were forgotten because too many did.
    pub fn outbox(&self) -> Result<(u64, u64)> {
        self.meta.read(state::outbox)
    }
}
