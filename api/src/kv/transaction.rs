//! Transactions: `{"txn": [...]}` with entries that set, delete or check a key.

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body::Body as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use windlass_store::kv::{KvGrant, KvOperation, KvTtl};

use super::Call;
use super::body::collect;
use crate::answer::Answer;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

const JSON: &str = "application/json";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    txn: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    set: Option<String>,
    delete: Option<String>,
    check: Option<String>,
    #[serde(default, deserialize_with = "given")]
    value: Option<Box<RawValue>>,
    ttl: Option<u64>,
}

/// A value that is there, be it null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

impl Entry {
    fn read(self) -> Option<KvOperation> {
        match self {
            Self { set: Some(key), delete: None, check: None, value: Some(value), ttl } => {
                let (value, content_type) = stored(&value)?;
                let ttl = ttl.map_or(KvTtl::Default, KvTtl::Seconds);
                Some(KvOperation::Set { key: key.into_bytes(), value, content_type, ttl })
            }
            Self { set: None, delete: Some(key), check: None, value: None, ttl: None } => {
                Some(KvOperation::Delete { key: key.into_bytes() })
            }
            Self { set: None, delete: None, check: Some(key), value: Some(value), ttl: None } => {
                let value = if value.get() == "null" { None } else { Some(stored(&value)?.0) };
                Some(KvOperation::Check { key: key.into_bytes(), value })
            }
            _ => None,
        }
    }
}

/// What a value is stored as: text as its characters, a number as its digits, anything else as JSON. Null is no value.
fn stored(value: &RawValue) -> Option<(Bytes, Option<String>)> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => Some((serde_json::from_str::<String>(text).ok()?.into(), None)),
        b'n' => None,
        b'{' | b'[' | b't' | b'f' => Some((Bytes::copy_from_slice(text.as_bytes()), Some(JSON.to_owned()))),
        _ => Some((Bytes::copy_from_slice(text.as_bytes()), None)),
    }
}

fn parse(body: &[u8]) -> Result<Vec<KvOperation>> {
    let document: Document = serde_json::from_slice(body).map_err(|error| {
        let at = format!("line {}, column {}", error.line(), error.column());
        Error::bad_request(format!("The body is not {{\"txn\": [...]}} with entries of set, delete or check: {at}"))
    })?;
    let entries = document.txn.into_iter().enumerate();
    let bad = |at| Error::bad_request(format!("Entry {at} of the transaction must set a value, delete or check one"));
    entries.map(|(at, entry)| entry.read().ok_or_else(|| bad(at))).collect()
}

impl Call<'_> {
    pub(super) async fn transact(&self, grant: &KvGrant, body: Body) -> Result<Answer> {
        let longest = limit::KV_TRANSACTION_BYTES_MAX;
        let bytes = body.size_hint().upper().map_or(longest, |upper| usize::try_from(upper).unwrap_or(longest));
        let kib = u32::try_from(bytes.min(longest) / 1_024 + 1).unwrap_or(u32::MAX);
        let busy = |_| Error::new(ErrorKind::Unavailable, "Too many large transactions at once. Please try again.");
        let _held = self.kv.transactions.try_acquire_many(kib).map_err(busy)?;
        let body = collect(body, longest, "The transaction is too large").await?;
        // A large one takes a thread a while.
        let steps = if body.len() <= limit::KV_PARSED_AT_ONCE_BYTES {
            parse(&body)?
        } else {
            let parsed = tokio::task::spawn_blocking(move || parse(&body)).await;
            parsed.map_err(|_| Error::new(ErrorKind::ServerError, "Internal server error"))??
        };
        self.store().kv_transaction(grant, steps).await?;
        Ok(Response::new(Body::empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> Vec<String> {
        parse(body.as_bytes()).unwrap().iter().map(|step| format!("{step:?}")).collect()
    }

    #[test]
    fn values_are_stored_as_what_they_are() {
        let body = r#"{"txn":[{"set":"a","value":"x\ny"},{"set":"b","value":1.50,"ttl":7},{"set":"c","value":{"d": [1]}},
            {"delete":"e"},{"check":"f","value":null},{"check":"g","value":"null"}]}"#;
        let debug = |value: &str| format!("{:?}", value.as_bytes());
        assert_eq!(
            shown(body),
            [
                format!("Set {{ key: {}, value: b\"x\\ny\", content_type: None, ttl: Default }}", debug("a")),
                format!("Set {{ key: {}, value: b\"1.50\", content_type: None, ttl: Seconds(7) }}", debug("b")),
                format!(
                    "Set {{ key: {}, value: b\"{{\\\"d\\\": [1]}}\", content_type: Some(\"application/json\"), ttl: Default }}",
                    debug("c")
                ),
                format!("Delete {{ key: {} }}", debug("e")),
                format!("Check {{ key: {}, value: None }}", debug("f")),
                format!("Check {{ key: {}, value: Some(b\"null\") }}", debug("g")),
            ]
        );
        assert_eq!(shown(r#"{"txn":[]}"#), [""; 0]);
    }

    #[test]
    fn one_bad_entry_spoils_all() {
        for entry in [
            r#"{}"#,
            r#"{"set":"a"}"#,
            r#"{"set":"a","value":null}"#,
            r#"{"set":"a","value":1,"delete":"b"}"#,
            r#"{"delete":"a","value":1}"#,
            r#"{"delete":"a","ttl":1}"#,
            r#"{"check":"a"}"#,
            r#"{"check":"a","value":1,"ttl":1}"#,
            r#"{"set":1,"value":1}"#,
            r#"{"set":"a","value":1,"ttl":-1}"#,
            r#"{"set":"a","value":1,"more":1}"#,
        ] {
            let body = format!(r#"{{"txn":[{{"set":"good","value":1}},{entry}]}}"#);
            assert_eq!(parse(body.as_bytes()).unwrap_err().kind(), ErrorKind::BadRequest, "{entry}");
        }
        for body in ["", "[]", "{}", r#"{"txn":{}}"#, r#"{"txn":[],"x":1}"#, "txn=1"] {
            assert_eq!(parse(body.as_bytes()).unwrap_err().kind(), ErrorKind::BadRequest, "{body}");
        }
    }
}
