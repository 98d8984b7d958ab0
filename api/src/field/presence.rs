//! Whether a field must be there, and what it means if it is not.

use serde_json::{Value, json};

use super::{Given, Kind, with};

/// Whether a field must be there.
pub(crate) trait Presence {
    /// The type in which it is kept.
    type Value;

    /// Reads a field.
    fn take(&self, name: &str, given: Option<Given<'_>>) -> Result<Self::Value, String>;

    /// Its schema.
    fn schema(&self) -> Value;

    /// Whether it must be there.
    fn is_required(&self) -> bool {
        false
    }
}

/// A field that must be there.
pub(crate) struct Required<K>(pub(crate) K);

impl<K: Kind> Presence for Required<K> {
    type Value = K::Value;

    fn take(&self, name: &str, given: Option<Given<'_>>) -> Result<K::Value, String> {
        self.0.read(name, given.ok_or_else(|| format!("{name} is required"))?)
    }

    fn schema(&self) -> Value {
        self.0.schema()
    }

    fn is_required(&self) -> bool {
        true
    }
}

/// A field that need not be there.
pub(crate) struct Optional<P>(pub(crate) P);

impl<K: Kind> Presence for Optional<K> {
    type Value = Option<K::Value>;

    fn take(&self, name: &str, given: Option<Given<'_>>) -> Result<Self::Value, String> {
        given.map(|given| self.0.read(name, given)).transpose()
    }

    fn schema(&self) -> Value {
        self.0.schema()
    }
}

/// A field that stands for something when it is not there.
pub(crate) struct Or<K: Kind>(pub(crate) K, pub(crate) K::Value);

impl<K: Kind<Value: Clone + Into<Value>>> Presence for Or<K> {
    type Value = K::Value;

    fn take(&self, name: &str, given: Option<Given<'_>>) -> Result<K::Value, String> {
        given.map_or_else(|| Ok(self.1.clone()), |given| self.0.read(name, given))
    }

    fn schema(&self) -> Value {
        with(self.0.schema(), "default", self.1.clone())
    }
}

/// A value that may be `null`; as a field, one that need not be there, and then is the same.
pub(crate) struct Nullable<K>(pub(crate) K);

impl<K: Kind> Kind for Nullable<K> {
    type Value = Option<K::Value>;
    const PLURAL: &'static str = K::PLURAL;

    fn read(&self, name: &str, given: Given<'_>) -> Result<Self::Value, String> {
        match given {
            Given::Json(Value::Null) => Ok(None),
            given => self.0.read(name, given).map(Some),
        }
    }

    fn schema(&self) -> Value {
        let mut schema = self.0.schema();
        if let Some(kind) = schema.get_mut("type") {
            *kind = json!([kind.take(), "null"]);
        }
        schema
    }
}

impl<K: Kind> Presence for Nullable<K> {
    type Value = Option<K::Value>;

    fn take(&self, name: &str, given: Option<Given<'_>>) -> Result<Self::Value, String> {
        given.map_or(Ok(None), |given| self.read(name, given))
    }

    fn schema(&self) -> Value {
        Kind::schema(self)
    }
}

/// A field that says something which this gateway cannot do: it may only be `null`. Whatever else it holds is read, for the
/// handler to refuse in its own words.
pub(crate) struct Absent<K>(pub(crate) K);

impl<K: Kind> Presence for Absent<K> {
    type Value = Option<K::Value>;

    fn take(&self, name: &str, given: Option<Given<'_>>) -> Result<Self::Value, String> {
        match given {
            None | Some(Given::Json(Value::Null)) => Ok(None),
            Some(given) => self.0.read(name, given).map(Some),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "null" })
    }
}
