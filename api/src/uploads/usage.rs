//! `/usage` and `/logs`: what the organisation takes up, and what happened to files.

use http::StatusCode;
use serde_json::{Value, json};
use windlass_store::id::EventId;
use windlass_store::intent::{FileEvent, UploadUsage};
use windlass_store::plan::Plan;

use super::ask::Ask;
use super::error::Result;
use super::list::List;
use crate::answer::{self, Answer};
use crate::field::{Optional, Or, Parsed, Whole, inputs};
use crate::id::{Id as _, Shown};
use crate::page;
use crate::time::Time;

/// Behind what to begin: a time, in ISO 8601 or in milliseconds, or an event.
const SINCE: Parsed<EventId> = Parsed {
    parse: since,
    message: "since must be a time, such as 2030-01-31T12:00:00Z, or the id of an event",
    schema: || json!({}),
};

inputs! {
    /// Which events to list.
    LogsQuery {
        /// Behind what to begin.
        since: Option<EventId> = "since", Optional(SINCE);
        /// The same, from the page before.
        cursor: Option<EventId> = "cursor", Optional(SINCE);
        /// How many.
        limit: u64 = "limit", Or(Whole(1..=100), 50);
    }
}

fn since(text: &str) -> Option<EventId> {
    if let Some(id) = EventId::read(text) {
        return Some(id);
    }
    let ms = text.parse().ok().or_else(|| windlass_config::time::parse_from_epoch(text))?;
    // What happened at that time has an identifier beyond this one.
    let [_, _, time @ ..]: [u8; 8] = u64::to_be_bytes(ms);
    let mut id = [0; 16];
    id.iter_mut().zip(time).for_each(|(to, from)| *to = from);
    Some(EventId(id))
}

fn month(usage: &UploadUsage) -> Value {
    let begin = windlass_config::time::print(usage.month_ms);
    json!({
        "period": begin.get(..7),
        "storageUsed": usage.storage_bytes,
        "bandwidth": usage.bandwidth_bytes,
        "uploads": usage.uploads,
    })
}

fn limits(plan: &Plan) -> Value {
    json!({
        "storage": plan.max_storage_bytes,
        "bandwidth": plan.max_bandwidth_bytes_per_month,
        "uploads": plan.uploads.uploads_per_month,
        "maxFileSize": plan.uploads.max_file_size_bytes,
        "projects": plan.uploads.projects,
        "apiKeysPerProject": plan.uploads.keys_per_project,
    })
}

/// `GET /usage`
pub(super) async fn now(ask: Ask) -> Result<Answer> {
    let months = ask.store().upload_usage(&ask.access)?;
    let mut told = months.first().map(month).unwrap_or_default();
    if let Value::Object(told) = &mut told {
        told.insert("limits".to_owned(), limits(ask.store().plan_of(ask.access.org())?));
    }
    Ok(answer::json(StatusCode::OK, &told))
}

/// `GET /usage/history`
pub(super) async fn history(ask: Ask) -> Result<Answer> {
    let months = ask.store().upload_usage(&ask.access)?;
    Ok(List::new(months.iter().map(month).collect(), None).into_answer())
}

/// `GET /logs`
pub(super) async fn logs(ask: Ask) -> Result<Answer> {
    let query: LogsQuery = ask.query()?;
    let after = query.cursor.or(query.since).unwrap_or(EventId([0; 16]));
    let (events, more) = ask.store().file_events(&ask.access, after, page::count(query.limit))?;
    let next = events.last().filter(|_| more).map(|event| Shown(event.id).to_string());
    Ok(List::named(events.iter().map(event).collect(), next).into_answer())
}

fn event(event: &FileEvent) -> Value {
    let row = &event.row;
    json!({
        "id": Shown(event.id),
        "type": row.kind.name(),
        "fileId": Shown(row.file),
        "key": row.key,
        "fileSize": row.size,
        "createdAt": Time(row.at_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_by_their_time() {
        let at = since("2023-11-14T22:13:20.042Z").unwrap();
        assert_eq!(at.created_ms(), 1_700_000_000_042);
        assert_eq!(since("1700000000042"), Some(at));
        assert_eq!(since(&Shown(at).to_string()), Some(at));
        for bad in ["", "yesterday", "evt_", "-1"] {
            assert_eq!(since(bad), None, "{bad}");
        }
    }
}
