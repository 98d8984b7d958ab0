//! Kinds of values that only this API takes.

use serde_json::{Map, Value, json};
use windlass_store::upload::PartRef;

use crate::field::{Given, Kind};

/// What a client says of a file: names, and a JSON text for each. `None` takes away what was said under a name.
pub(super) type Metadata = Vec<(String, Option<String>)>;

/// A JSON object that is kept as it is. `null` under a name is told apart, for those who take it for absence.
pub(super) struct Object;

impl Kind for Object {
    type Value = Metadata;
    const PLURAL: &'static str = "objects";

    fn read(&self, name: &str, given: Given<'_>) -> Result<Metadata, String> {
        let Given::Json(Value::Object(object)) = given else { return Err(format!("{name} must be an object")) };
        let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
        Ok(object.iter().map(|(name, value)| (name.clone(), text(value))).collect())
    }

    fn schema(&self) -> Value {
        json!({ "type": "object" })
    }
}

/// `{"partNumber", "etag"}`.
pub(super) struct Part;

impl Kind for Part {
    type Value = PartRef;
    const PLURAL: &'static str = "objects with partNumber and etag";

    fn read(&self, name: &str, given: Given<'_>) -> Result<PartRef, String> {
        let part = |object: &Map<String, Value>| {
            let number = u16::try_from(object.get("partNumber")?.as_u64()?).ok().filter(|number| *number > 0)?;
            let etag = object.get("etag")?.as_str()?.trim_matches('"').to_owned();
            Some(PartRef { number, etag, checksum: None })
        };
        let Given::Json(Value::Object(object)) = given else {
            return Err(format!("{name} must hold {}", Self::PLURAL));
        };
        part(object).ok_or_else(|| format!("{name} must hold {}", Self::PLURAL))
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": { "partNumber": { "type": "integer", "minimum": 1 }, "etag": { "type": "string" } },
            "required": ["partNumber", "etag"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_come_with_quotes_and_without() {
        for etag in ["abc", "\"abc\""] {
            let value = json!({ "partNumber": 3, "etag": etag });
            let part = Part.read("parts", Given::Json(&value)).unwrap();
            assert_eq!((part.number, part.etag.as_str()), (3, "abc"));
        }
        for bad in [json!({}), json!({ "partNumber": 0, "etag": "a" }), json!({ "partNumber": 1 }), json!(1)] {
            assert!(Part.read("parts", Given::Json(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_said_is_kept_as_text() {
        let value = json!({ "a": { "b": [1, null] }, "c": null });
        let expected = vec![("a".to_owned(), Some("{\"b\":[1,null]}".to_owned())), ("c".to_owned(), None)];
        assert_eq!(Object.read("metadata", Given::Json(&value)).unwrap(), expected);
        assert_eq!(Object.read("metadata", Given::Json(&json!([]))).unwrap_err(), "metadata must be an object");
    }
}
