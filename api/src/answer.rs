//! What handlers return and how it is printed: each kind of answer knows its status, its shape and its schema.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Value, json};

use crate::field::with;

/// What a JSON door answers.
pub type Answer = Response<Body>;

/// Left with an answer whose body is one JSON document, as this crate has printed it: whole, and without spaces between its tokens.
/// What reads it by that relies on it: no part may be one that somebody else printed and that goes in as it came (`RawValue`).
#[derive(Debug, Clone, Copy)]
pub struct Printed;

/// What most documents take: a buffer that grows is copied each time.
const ROOM_BYTES: usize = 1 << 10;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A document as an answer.
pub(crate) fn json<T: Serialize>(status: StatusCode, document: &T) -> Answer {
    // Plain data of ours with text for keys: printing it cannot fail; if it did, the status would still be right.
    let mut body = Vec::with_capacity(ROOM_BYTES);
    let _ = serde_json::to_writer(&mut body, document);
    let mut answer = Response::new(Body::from(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, JSON);
    answer.extensions_mut().insert(Printed);
    answer
}

/// What a handler returns.
pub(crate) trait Output: Send {
    /// The status that it is answered with.
    const STATUS: StatusCode;

    /// The answer.
    fn into_answer(self) -> Answer;

    /// Media type and schema of the body; `None` if there is none.
    fn content(schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)>;
}

#[derive(Serialize)]
struct Envelope<T, M> {
    data: T,
    error: (),
    meta: M,
}

fn enveloped(status: StatusCode, data: &impl Serialize, meta: &impl Serialize) -> Answer {
    json(status, &Envelope { data, error: (), meta })
}

fn envelope_schema(data: Value, meta: Value) -> Value {
    json!({
        "type": "object",
        "properties": { "data": data, "error": { "type": "null" }, "meta": meta },
        "required": ["data", "error", "meta"],
        "additionalProperties": false,
    })
}

fn schema_of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

/// 200 with something in the envelope.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Serialize + JsonSchema + Send> Output for Shown<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn into_answer(self) -> Answer {
        enveloped(Self::STATUS, &self.0, &())
    }

    fn content(schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        let data = schema_of::<T>(schemas);
        Some(("application/json", envelope_schema(data, json!({ "type": "null" }))))
    }
}

/// 201 with something in the envelope.
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Serialize + JsonSchema + Send> Output for Created<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn into_answer(self) -> Answer {
        enveloped(Self::STATUS, &self.0, &())
    }

    fn content(schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        Shown::<T>::content(schemas)
    }
}

/// 200 with a page of a list in the envelope.
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) entries: Vec<T>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// How many entries were asked for.
    pub(crate) limit: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    next_cursor: Option<&'a str>,
    limit: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

fn page_schema(entries: Value, counts: bool) -> Value {
    let entries = json!({ "type": "array", "items": entries });
    let mut properties = json!({
        "nextCursor": { "type": ["string", "null"] },
        "limit": { "type": "integer", "minimum": 1 },
    });
    let mut required = vec!["nextCursor", "limit"];
    if counts {
        properties = with(properties, "total", json!({ "type": "integer", "minimum": 0 }));
        required.push("total");
    }
    let meta =
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    envelope_schema(entries, meta)
}

impl<T: Serialize + JsonSchema + Send> Output for Page<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn into_answer(self) -> Answer {
        enveloped(
            Self::STATUS,
            &self.entries,
            &Meta { next_cursor: self.next.as_deref(), limit: self.limit, total: None },
        )
    }

    fn content(schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        Some(("application/json", page_schema(schema_of::<T>(schemas), false)))
    }
}

/// The same with how many entries there are in all.
pub(crate) struct Counted<T> {
    /// The page.
    pub(crate) page: Page<T>,
    /// Entries of the whole list.
    pub(crate) total: u64,
}

impl<T: Serialize + JsonSchema + Send> Output for Counted<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn into_answer(self) -> Answer {
        let Page { entries, next, limit } = self.page;
        enveloped(Self::STATUS, &entries, &Meta { next_cursor: next.as_deref(), limit, total: Some(self.total) })
    }

    fn content(schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        Some(("application/json", page_schema(schema_of::<T>(schemas), true)))
    }
}

/// 200 with a bare document.
pub(crate) struct Plain<T>(pub(crate) T);

impl<T: Serialize + JsonSchema + Send> Output for Plain<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn into_answer(self) -> Answer {
        json(Self::STATUS, &self.0)
    }

    fn content(schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        Some(("application/json", schema_of::<T>(schemas)))
    }
}

/// 201 with a bare document.
pub(crate) struct PlainCreated<T>(pub(crate) T);

impl<T: Serialize + JsonSchema + Send> Output for PlainCreated<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn into_answer(self) -> Answer {
        json(Self::STATUS, &self.0)
    }

    fn content(schemas: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        Plain::<T>::content(schemas)
    }
}

/// 204.
pub(crate) struct Gone;

impl Output for Gone {
    const STATUS: StatusCode = StatusCode::NO_CONTENT;

    fn into_answer(self) -> Answer {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = Self::STATUS;
        answer
    }

    fn content(_: &mut SchemaGenerator) -> Option<(&'static str, Value)> {
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    /// The document of an answer that was made at once.
    pub(crate) fn body_of(answer: Answer) -> Value {
        let mut future = std::pin::pin!(answer.into_body().collect());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(body) => serde_json::from_slice(&body.unwrap().to_bytes()).unwrap(),
            std::task::Poll::Pending => panic!("the body was not there at once"),
        }
    }

    #[test]
    fn exactly_one_of_data_and_error_is_there() {
        let shown = body_of(Shown(json!({ "a": 1 })).into_answer());
        assert_eq!(shown, json!({ "data": { "a": 1 }, "error": null, "meta": null }));
        let page = Page { entries: vec![1, 2], next: Some("2".to_owned()), limit: 2 };
        let expected = json!({ "data": [1, 2], "error": null, "meta": { "nextCursor": "2", "limit": 2 } });
        assert_eq!(body_of(page.into_answer()), expected);
        assert_eq!(Created(json!({})).into_answer().status(), StatusCode::CREATED);
    }
}
