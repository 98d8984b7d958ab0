//! A delivery as it is stored, and the indexes that lead to it.

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::error::Result;
use crate::id::{BucketId, DeliveryId, FileId, OrgId, ProjectId, RouteId};
use crate::intent::FileRow;
use crate::meta::table::{DELIVERIES, DELIVERY_BY_BUCKET, DELIVERY_DUE, IdRow};
use crate::meta::{Newest, Read, Record, Tagged, Tx};

/// How far a delivery has come.
// The order is the form on disk: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryStatus {
    /// It is to be told, for the first time or again.
    Pending,
    /// It was told.
    Delivered,
    /// It was tried as often as it is.
    Dead,
}

impl DeliveryStatus {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Pending, Self::Delivered, Self::Dead];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Delivered => "DELIVERED",
            Self::Dead => "DEAD",
        }
    }
}

/// A stored delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRow {
    /// The organisation.
    pub org: OrgId,
    /// The project.
    pub project: ProjectId,
    /// The bucket of the file.
    pub bucket: BucketId,
    /// The route that the file came by.
    pub route: RouteId,
    /// Who is told.
    pub url: String,
    /// Of which file.
    pub file: FileId,
    /// The file as it was then: what is told stays the same however often it is.
    pub told: Tagged<FileRow>,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// How often it was tried since it was last asked for.
    pub attempts: u32,
    /// The status of the last answer.
    pub answered: Option<u16>,
    /// Why the last attempt failed.
    pub why: Option<String>,
    /// When it was written.
    pub created_ms: Millis,
    /// When it last changed.
    pub updated_ms: Millis,
    /// Its place in the order of all commits.
    pub sequence: u64,
    /// When it is to be tried; of one that is not to be, when it goes.
    pub due_ms: Millis,
}

impl Record for DeliveryRow {
    const VERSION: u8 = 1;
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its identifier, which stays the same however often it is tried.
    pub id: DeliveryId,
    /// Its row.
    pub row: DeliveryRow,
}

impl Delivery {
    pub(super) fn get(read: &dyn Read, id: DeliveryId) -> Result<Option<Self>> {
        Ok(DELIVERIES.get(read, &id)?.map(|row| Self { id, row }))
    }

    /// Writes all rows of a new delivery.
    pub(super) fn insert(self, tx: &mut Tx<'_>) -> Result<()> {
        DELIVERY_BY_BUCKET.put(tx, &(self.row.bucket, Newest(self.row.sequence)), &IdRow(self.id.0))?;
        DELIVERY_DUE.put(tx, &(self.row.due_ms, self.id), &IdRow(self.id.0))?;
        DELIVERIES.put(tx, &self.id, &self.row)
    }

    /// Writes a delivery that changed now, and is due then.
    pub(super) fn save(mut self, tx: &mut Tx<'_>, due_ms: Millis) -> Result<Self> {
        DELIVERY_DUE.delete(tx, &(self.row.due_ms, self.id));
        self.row.due_ms = due_ms;
        self.row.updated_ms = tx.now();
        DELIVERY_DUE.put(tx, &(due_ms, self.id), &IdRow(self.id.0))?;
        DELIVERIES.put(tx, &self.id, &self.row)?;
        Ok(self)
    }

    /// Takes all rows of it away.
    pub(super) fn remove(&self, tx: &mut Tx<'_>) {
        DELIVERIES.delete(tx, &self.id);
        DELIVERY_BY_BUCKET.delete(tx, &(self.row.bucket, Newest(self.row.sequence)));
        DELIVERY_DUE.delete(tx, &(self.row.due_ms, self.id));
    }
}
