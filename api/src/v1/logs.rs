//! The log of requests: list, get.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use windlass_store::clock::Millis;
use windlass_store::id::{BucketId, KeyId, LogId};
use windlass_store::log::{LogBody, LogQuery, LogRecord, StatusFilter};

use crate::answer::{Page, Shown};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Optional, Parsed, Text, inputs};
use crate::input::Query;
use crate::time::Time;
use crate::{field, id, limit, page};

const DAY_MS: u64 = 86_400_000;

const METHOD: Parsed<String> = Parsed {
    parse: |text| ((1..=32).contains(&text.len()) && is_token(text)).then(|| text.to_ascii_uppercase()),
    message: "method must be a method of HTTP",
    schema: || json!({ "pattern": "^[A-Za-z]{1,32}$" }),
};
const STATUS: Parsed<StatusFilter> = Parsed {
    parse: read_status,
    message: "status must be three digits, or 2xx, 3xx, 4xx or 5xx",
    schema: || json!({ "pattern": "^([0-9]{3}|[2-5]xx)$" }),
};

inputs! {
    /// Which requests a page shows.
    LogsQuery {
        /// Not before then.
        from: Option<Millis> = "from", Optional(field::Time);
        /// Not after then.
        to: Option<Millis> = "to", Optional(field::Time);
        /// Of that method.
        method: Option<String> = "method", Optional(METHOD);
        /// With that status, or one of that class.
        status: Option<StatusFilter> = "status", Optional(STATUS);
        /// With a path that begins so.
        path: Option<String> = "path", Optional(Text(0, limit::PARAMETER_CHARS_MAX));
        /// By that key.
        key: Option<KeyId> = "apiKeyId", Optional(id::field::<KeyId>("Invalid apiKeyId"));
        /// About that bucket.
        bucket: Option<BucketId> = "bucketId", Optional(id::field::<BucketId>("Invalid bucketId"));
        /// The last request of the page before.
        cursor: Option<LogId> = "cursor", Optional(id::field::<LogId>(page::BAD_CURSOR));
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
}

/// A logged request as a list shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LogSummary")]
pub(crate) struct LogSummary {
    #[schemars(extend("const" = "log"))]
    object: &'static str,
    id: id::Shown<LogId>,
    method: String,
    path: String,
    status_code: u16,
    duration_ms: u32,
    api_key_id: Option<id::Shown<KeyId>>,
    bucket_id: Option<id::Shown<BucketId>>,
    error_message: Option<String>,
    created_at: Time,
}

/// A logged request.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Log")]
pub(crate) struct LogObject {
    #[serde(flatten)]
    summary: LogSummary,
    query: Map<String, Value>,
    request_headers: Map<String, Value>,
    request_body: Value,
    response_headers: Map<String, Value>,
    response_body: Value,
    ip: Option<String>,
    request_id: String,
}

impl LogSummary {
    fn new(record: &LogRecord) -> Self {
        Self {
            object: "log",
            id: id::Shown(record.id),
            method: record.method.clone(),
            path: record.path.clone(),
            status_code: record.status,
            duration_ms: record.duration_ms,
            api_key_id: record.key.map(id::Shown),
            bucket_id: record.bucket.map(id::Shown),
            error_message: record.error_message.clone(),
            created_at: Time(record.created_ms),
        }
    }
}

impl LogObject {
    fn new(record: LogRecord) -> Self {
        Self {
            summary: LogSummary::new(&record),
            query: object(record.query),
            request_headers: object(record.request_headers),
            request_body: body(record.request_body),
            response_headers: object(record.response_headers),
            response_body: body(record.response_body),
            ip: record.ip,
            request_id: record.request_id,
        }
    }
}

/// `GET /v1/logs`
pub(crate) async fn list(call: Call, Query(query): Query<LogsQuery>) -> Result<Page<LogSummary>> {
    let kept = not_before(&call)?;
    let asked = LogQuery {
        from_ms: Some(query.from.map_or(kept, |from| from.max(kept))),
        to_ms: query.to,
        method: query.method,
        status: query.status,
        path_prefix: query.path,
        key: query.key,
        bucket: query.bucket,
        after: query.cursor,
        limit: page::count(query.limit),
    };
    let principal = call.grant.principal();
    let found = call.state.logs.list(principal.org, principal.buckets.as_deref(), &asked).await?;
    let next = found.next.map(|id| id::Shown(id).to_string());
    Ok(Page { entries: found.records.iter().map(LogSummary::new).collect(), next, limit: query.limit })
}

/// `GET /v1/logs/{logId}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<LogObject>> {
    let missing = || Error::new(ErrorKind::NotFound, "Log not found");
    let id: LogId = call.id("logId").ok_or_else(missing)?;
    let principal = call.grant.principal();
    let found = call.state.logs.get(principal.org, principal.buckets.as_deref(), id, not_before(&call)?).await?;
    found.map(|record| Shown(LogObject::new(record))).ok_or_else(missing)
}

/// From when on the plan keeps requests.
fn not_before(call: &Call) -> Result<Millis> {
    let kept_ms = u64::from(call.plan()?.log_retention_days).saturating_mul(DAY_MS);
    Ok(call.store().now().saturating_sub(kept_ms))
}

fn is_token(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphabetic())
}

fn read_status(text: &str) -> Option<StatusFilter> {
    match text {
        "2xx" => Some(StatusFilter::Class(2)),
        "3xx" => Some(StatusFilter::Class(3)),
        "4xx" => Some(StatusFilter::Class(4)),
        "5xx" => Some(StatusFilter::Class(5)),
        _ if text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok().map(StatusFilter::Exact),
        _ => None,
    }
}

/// Names and values as an object; the values of a name that is there more than once are one list (RFC 9110 section 5.3).
fn object(pairs: Vec<(String, String)>) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in pairs {
        let joined = match object.get(&name).and_then(Value::as_str) {
            Some(before) => format!("{before}, {value}"),
            None => value,
        };
        object.insert(name, joined.into());
    }
    object
}

fn body(body: Option<LogBody>) -> Value {
    match body {
        None => Value::Null,
        // What a client calls JSON need not be.
        Some(LogBody::Json(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(LogBody::Text(text)) => Value::String(text),
        Some(LogBody::Binary { bytes }) => json!({ "object": "binary", "bytes": bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_three_digits_or_a_class() {
        assert_eq!(read_status("404"), Some(StatusFilter::Exact(404)));
        assert_eq!(read_status("4xx"), Some(StatusFilter::Class(4)));
        for bad in ["", "4", "40", "4040", "1xx", "6xx", "4XX", "xxx", "+04", "éxx"] {
            assert_eq!(read_status(bad), None, "{bad}");
        }
    }

    #[test]
    fn bodies_are_shown_as_what_they_are() {
        assert_eq!(body(None), Value::Null);
        assert_eq!(body(Some(LogBody::Json("{\"a\":1}".to_owned()))), json!({ "a": 1 }));
        assert_eq!(body(Some(LogBody::Json("{".to_owned()))), json!("{"));
        assert_eq!(body(Some(LogBody::Text("half".to_owned()))), json!("half"));
        assert_eq!(body(Some(LogBody::Binary { bytes: 7 })), json!({ "object": "binary", "bytes": 7 }));
    }

    #[test]
    fn repeated_names_are_lists() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let shown = object(vec![pair("a", "1"), pair("b", "2"), pair("a", "3")]);
        assert_eq!(Value::Object(shown), json!({ "a": "1, 3", "b": "2" }));
    }
}
