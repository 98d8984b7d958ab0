//! Points in time as clients see them: ISO 8601 in UTC with milliseconds.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use windlass_store::clock::Millis;

/// A point in time in an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(pub(crate) Millis);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&windlass_config::time::print(self.0))
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_a_z() {
        assert_eq!(serde_json::to_value(Time(1_700_000_000_042)).unwrap(), "2023-11-14T22:13:20.042Z");
        assert_eq!(serde_json::to_value(Time(0)).unwrap(), "1970-01-01T00:00:00.000Z");
    }
}
