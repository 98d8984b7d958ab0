//! `/webhooks/deliveries`: what was told to whom, and what was not heard.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use windlass_store::id::{DeliveryId, FileId, RouteId};
use windlass_store::webhook::{Delivery, DeliveryFilter, DeliveryStatus};

use super::ask::Ask;
use super::error::Result;
use super::list::{self, List};
use super::upload::FILE_ID;
use super::webhook::EVENT;
use crate::answer::{self, Answer};
use crate::field::{OneOf, Optional, inputs};
use crate::id::{self, Shown};
use crate::page;
use crate::time::Time;

const STATUS: OneOf<DeliveryStatus> = OneOf { all: DeliveryStatus::ALL, name: DeliveryStatus::name };

inputs! {
    /// Which deliveries to list.
    DeliveriesQuery {
        /// Those that have come so far.
        status: Option<DeliveryStatus> = "status", Optional(STATUS);
        /// Those about a file.
        file: Option<FileId> = "fileId", Optional(id::field::<FileId>(FILE_ID));
        /// Where the page before ended.
        cursor: Option<u64> = "cursor", Optional(list::PLACE);
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeliveryObject<'a> {
    id: Shown<DeliveryId>,
    event: &'static str,
    file_id: Shown<FileId>,
    route_id: Shown<RouteId>,
    url: &'a str,
    status: &'static str,
    attempts: u32,
    next_attempt_at: Option<Time>,
    last_status: Option<u16>,
    last_error: Option<&'a str>,
    created_at: Time,
    updated_at: Time,
}

impl<'a> DeliveryObject<'a> {
    fn new(delivery: &'a Delivery) -> Self {
        let row = &delivery.row;
        Self {
            id: Shown(delivery.id),
            event: EVENT,
            file_id: Shown(row.file),
            route_id: Shown(row.route),
            url: &row.url,
            status: row.status.name(),
            attempts: row.attempts,
            next_attempt_at: (row.status == DeliveryStatus::Pending).then_some(Time(row.due_ms)),
            last_status: row.answered,
            last_error: row.why.as_deref(),
            created_at: Time(row.created_ms),
            updated_at: Time(row.updated_ms),
        }
    }
}

fn asked(ask: &Ask) -> Result<DeliveryId> {
    ask.id("id", "Delivery")
}

/// `GET /webhooks/deliveries`
pub(super) async fn list(ask: Ask) -> Result<Answer> {
    let query: DeliveriesQuery = ask.query()?;
    let filter = DeliveryFilter { status: query.status, file: query.file };
    let page = ask.store().list_deliveries(&ask.access, filter, query.cursor, page::count(query.limit))?;
    let next = page.next.map(u64::to_be_bytes);
    let items = page.deliveries.iter().map(DeliveryObject::new).collect();
    Ok(List::new(items, next.as_ref().map(<[u8; 8]>::as_slice)).into_answer())
}

/// `GET /webhooks/deliveries/{id}`
pub(super) async fn get(ask: Ask) -> Result<Answer> {
    let delivery = ask.store().get_delivery(&ask.access, asked(&ask)?)?;
    Ok(answer::json(StatusCode::OK, &DeliveryObject::new(&delivery)))
}

/// `POST /webhooks/deliveries/{id}/redeliver`
pub(super) async fn redeliver(ask: Ask) -> Result<Answer> {
    let delivery = ask.store().redeliver(&ask.access, asked(&ask)?).await?;
    Ok(answer::json(StatusCode::OK, &DeliveryObject::new(&delivery)))
}

/// `DELETE /webhooks/deliveries/{id}`
pub(super) async fn delete(ask: Ask) -> Result<Answer> {
    ask.store().delete_delivery(&ask.access, asked(&ask)?).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "deleted": true })))
}
