//! The kinds of values: how each is read, what of it is accepted, and its schema.

use std::ops::RangeInclusive;

use serde_json::{Value, json};
use windlass_config::time;
use windlass_store::clock::Millis;

use super::Given;

/// A kind of value.
pub(crate) trait Kind {
    /// The type in which it is kept.
    type Value;

    /// Reads a value; the error is the message for the client.
    fn read(&self, name: &str, given: Given<'_>) -> Result<Self::Value, String>;

    /// Its schema.
    fn schema(&self) -> Value;

    /// What a list of them is said to hold.
    const PLURAL: &'static str;
}

fn text<'a>(name: &str, given: Given<'a>) -> Result<&'a str, String> {
    match given {
        Given::Text(text) => Ok(text),
        Given::Json(Value::String(text)) => Ok(text),
        Given::Json(_) => Err(format!("{name} must be a string")),
    }
}

/// Text of a length in characters.
pub(crate) struct Text(pub(crate) usize, pub(crate) usize);

impl Kind for Text {
    type Value = String;
    const PLURAL: &'static str = "strings";

    fn read(&self, name: &str, given: Given<'_>) -> Result<String, String> {
        let Self(min, max) = *self;
        let text = text(name, given)?;
        match text.chars().count() {
            count if (min..=max).contains(&count) => Ok(text.to_owned()),
            _ if min == 0 => Err(format!("{name} must be at most {max} characters")),
            _ => Err(format!("{name} must be {min} to {max} characters")),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": self.0, "maxLength": self.1 })
    }
}

/// Text that a function makes something of.
pub(crate) struct Parsed<T> {
    /// It.
    pub(crate) parse: fn(&str) -> Option<T>,
    /// What is told when it makes nothing of it.
    pub(crate) message: &'static str,
    /// The members of the schema beside its type.
    pub(crate) schema: fn() -> Value,
}

impl<T> Kind for Parsed<T> {
    type Value = T;
    const PLURAL: &'static str = "strings";

    fn read(&self, name: &str, given: Given<'_>) -> Result<T, String> {
        (self.parse)(text(name, given)?).ok_or_else(|| self.message.to_owned())
    }

    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "string" });
        if let (Value::Object(schema), Value::Object(more)) = (&mut schema, (self.schema)()) {
            schema.extend(more);
        }
        schema
    }
}

/// One of a few names.
pub(crate) struct OneOf<T: 'static> {
    /// All values.
    pub(crate) all: &'static [T],
    /// The name of each.
    pub(crate) name: fn(T) -> &'static str,
}

impl<T: Copy> OneOf<T> {
    fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|value| (self.name)(*value)).collect()
    }
}

impl<T: Copy> Kind for OneOf<T> {
    type Value = T;
    const PLURAL: &'static str = "strings";

    fn read(&self, name: &str, given: Given<'_>) -> Result<T, String> {
        let text = text(name, given)?;
        let value = self.all.iter().copied().find(|value| (self.name)(*value) == text);
        value.ok_or_else(|| format!("{name} must be one of: {}", self.names().join(", ")))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.names() })
    }
}

/// A whole number.
pub(crate) struct Whole(pub(crate) RangeInclusive<u64>);

impl Kind for Whole {
    type Value = u64;
    const PLURAL: &'static str = "integers";

    fn read(&self, name: &str, given: Given<'_>) -> Result<u64, String> {
        let Some(number) = whole(given) else { return Err(format!("{name} must be an integer")) };
        let number = u64::try_from(number).ok().filter(|number| self.0.contains(number));
        number.ok_or_else(|| format!("{name} must be between {} and {}", self.0.start(), self.0.end()))
    }

    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": self.0.start(), "maximum": self.0.end() })
    }
}

/// The whole number that was given, also one that is written with a fraction of zero, as JSON Schema has it.
fn whole(given: Given<'_>) -> Option<i128> {
    /// Beyond it a float does not tell whole numbers apart.
    const FLOAT_MAX: f64 = 9_007_199_254_740_992.0;
    match given {
        Given::Text(text) => {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            // A number of more digits than fit is out of any range all the same.
            digits.then(|| text.parse().unwrap_or(i128::MAX))
        }
        Given::Json(Value::Number(number)) => {
            let exact = number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from));
            exact.or_else(|| {
                let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
                // The cast saturates, and what is out of range stays so.
                Some(if float.abs() <= FLOAT_MAX { float as i128 } else { i128::MAX })
            })
        }
        Given::Json(_) => None,
    }
}

/// `true` or `false`.
pub(crate) struct Flag;

impl Kind for Flag {
    type Value = bool;
    const PLURAL: &'static str = "booleans";

    fn read(&self, name: &str, given: Given<'_>) -> Result<bool, String> {
        match given {
            Given::Json(Value::Bool(value)) => Ok(*value),
            Given::Text("true") => Ok(true),
            Given::Text("false") => Ok(false),
            _ => Err(format!("{name} must be a boolean")),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }
}

/// A switch that this gateway can only have off. One that is on is read, for the handler to refuse in its own words.
pub(crate) struct Never;

impl Kind for Never {
    type Value = bool;
    const PLURAL: &'static str = "booleans";

    fn read(&self, name: &str, given: Given<'_>) -> Result<bool, String> {
        Flag.read(name, given)
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean", "enum": [false] })
    }
}

/// A point in time. What comes before the epoch is as early as can be said.
pub(crate) struct Time;

impl Kind for Time {
    type Value = Millis;
    const PLURAL: &'static str = "times";

    fn read(&self, name: &str, given: Given<'_>) -> Result<Millis, String> {
        let text = text(name, given)?;
        time::parse_from_epoch(text)
            .ok_or_else(|| format!("{name} must be an ISO 8601 time, such as 2030-01-31T12:00:00Z"))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

/// A list of so many; too many or too few are told in these words.
pub(crate) struct List<K>(pub(crate) K, pub(crate) RangeInclusive<usize>, pub(crate) &'static str);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;
    const PLURAL: &'static str = "lists";

    fn read(&self, name: &str, given: Given<'_>) -> Result<Self::Value, String> {
        let Self(kind, count, message) = self;
        let Given::Json(Value::Array(values)) = given else { return Err(format!("{name} must be a list")) };
        if !count.contains(&values.len()) {
            return Err((*message).to_owned());
        }
        let read = |value: &Value| match (kind.read(name, Given::Json(value)), value) {
            (Err(message), Value::String(_)) => Err(message),
            (Err(_), _) => Err(format!("{name} must hold {}", K::PLURAL)),
            (value, _) => value,
        };
        values.iter().map(read).collect()
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "items": self.0.schema(), "minItems": self.1.start(), "maxItems": self.1.end() })
    }
}
