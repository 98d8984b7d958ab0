//! What of a bucket in a connected account is managed from here: five switches, as they are said and shown.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use windlass_store::link::{ManagedPatch, ManagedSettings};

use crate::field::{Flag, Given, Kind};

/// What is managed from here of a bucket in a connected account; nothing is said of one of our own.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "ManagedSettings")]
pub(crate) struct ManagedObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    visibility: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cors: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    optimization: Option<bool>,
}

impl From<ManagedSettings> for ManagedObject {
    fn from(managed: ManagedSettings) -> Self {
        let ManagedSettings { visibility, cache, cors, lifecycle, optimization } = managed;
        let [visibility, cache, cors, lifecycle, optimization] =
            [visibility, cache, cors, lifecycle, optimization].map(Some);
        Self { visibility, cache, cors, lifecycle, optimization }
    }
}

/// Some of what can be managed of a bucket, each with whether it is.
pub(crate) struct Managed;

impl Managed {
    const TOGGLES: [&str; 5] = ["visibility", "cache", "cors", "lifecycle", "optimization"];
}

impl Kind for Managed {
    type Value = ManagedPatch;
    const PLURAL: &'static str = "objects";

    fn read(&self, name: &str, given: Given<'_>) -> Result<ManagedPatch, String> {
        let Given::Json(Value::Object(toggles)) = given else { return Err(format!("{name} must be an object")) };
        let read = |toggle: &str| match toggles.get(toggle) {
            None => Ok(None),
            Some(given) => Flag.read(&format!("{name}.{toggle}"), Given::Json(given)).map(Some),
        };
        let [visibility, cache, cors, lifecycle, optimization] = Self::TOGGLES;
        Ok(ManagedPatch {
            visibility: read(visibility)?,
            cache: read(cache)?,
            cors: read(cors)?,
            lifecycle: read(lifecycle)?,
            optimization: read(optimization)?,
        })
    }

    fn schema(&self) -> Value {
        let toggles: Map<String, Value> =
            Self::TOGGLES.iter().map(|toggle| ((*toggle).to_owned(), json!({ "type": "boolean" }))).collect();
        json!({ "type": "object", "properties": toggles })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_read_one_by_one() {
        let read = |value: Value| Managed.read("managedSettings", Given::Json(&value));
        let expected = ManagedPatch { cors: Some(true), cache: Some(false), ..ManagedPatch::default() };
        assert_eq!(read(json!({ "cors": true, "cache": false, "other": 1 })), Ok(expected));
        assert_eq!(read(json!({})), Ok(ManagedPatch::default()));
        assert_eq!(read(json!([])).unwrap_err(), "managedSettings must be an object");
        assert_eq!(read(json!({ "cors": "true" })).unwrap_err(), "managedSettings.cors must be a boolean");
    }

    #[test]
    fn of_a_bucket_of_our_own_nothing_is_said() {
        assert_eq!(serde_json::to_value(ManagedObject::default()).unwrap(), json!({}));
        let all = serde_json::to_value(ManagedObject::from(ManagedSettings::ALL)).unwrap();
        assert_eq!(all.as_object().map(Map::len), Some(5));
    }
}
