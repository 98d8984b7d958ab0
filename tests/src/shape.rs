//! The shape of JSON objects: exactly which fields, and what each may hold.

use serde_json::Value;

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Exactly this text.
    Is(&'static str),
    /// Any text.
    Text,
    /// One of these.
    Word(&'static [&'static str]),
    /// A prefix and a ULID.
    Id(&'static str),
    /// A whole number, not negative.
    Count,
    /// `true` or `false`.
    Flag,
    /// ISO 8601 in UTC, with milliseconds and `Z`.
    Time,
    /// An object, whatever is in it.
    Object,
    /// A list of texts.
    Texts,
    /// `null`.
    Null,
    /// Anything.
    Any,
    /// `null` or this.
    Or(&'static Kind),
}

impl Kind {
    /// Whether a value is of this kind.
    pub fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Kind::Is(wanted), Value::String(text)) => text == wanted,
            (Kind::Word(words), Value::String(text)) => words.contains(&text.as_str()),
            (Kind::Id(prefix), Value::String(text)) => text.strip_prefix(prefix).is_some_and(is_ulid),
            (Kind::Time, Value::String(text)) => is_time(text),
            (Kind::Count, value) => value.is_u64(),
            (Kind::Texts, Value::Array(list)) => list.iter().all(Value::is_string),
            (Kind::Or(kind), value) => value.is_null() || kind.takes(value),
            (Kind::Text, Value::String(_))
            | (Kind::Flag, Value::Bool(_))
            | (Kind::Object, Value::Object(_))
            | (Kind::Null, Value::Null)
            | (Kind::Any, _) => true,
            _ => false,
        }
    }
}

/// Claims that a value is an object with exactly these fields, each of its kind.
#[track_caller]
pub fn has_shape(value: &Value, fields: &[(&str, Kind)]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for (name, kind) in fields {
        let found = object.get(*name).unwrap_or_else(|| panic!("no {name}: {value:#}"));
        assert!(kind.takes(found), "{name} is {found}, wanted {kind:?}");
    }
    let more: Vec<&String> = object.keys().filter(|name| !fields.iter().any(|(known, _)| known == name)).collect();
    assert!(more.is_empty(), "unknown fields {more:?}: {value:#}");
}

/// 26 characters of Crockford's alphabet, in capitals.
fn is_ulid(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b))
}

/// `2023-11-14T22:13:20.042Z`.
fn is_time(text: &str) -> bool {
    text.len() == 24
        && text.bytes().zip(b"0000-00-00T00:00:00.000Z").all(|(b, like)| match like {
            b'0' => b.is_ascii_digit(),
            other => b == *other,
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_take_what_they_say_and_nothing_else() {
        let id = "bkt_070W3GE1R70W3GE1R70W3GE1R7";
        assert!(Kind::Id("bkt_").takes(&json!(id)) && !Kind::Id("key_").takes(&json!(id)));
        assert!(!Kind::Id("bkt_").takes(&json!(id.to_lowercase())) && !Kind::Id("bkt_").takes(&json!(&id[..29])));
        assert!(Kind::Time.takes(&json!("2023-11-14T22:13:20.042Z")));
        for bad in ["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.042+", "2023-11-14 22:13:20.042Z"] {
            assert!(!Kind::Time.takes(&json!(bad)), "{bad}");
        }
        assert!(Kind::Count.takes(&json!(0)) && !Kind::Count.takes(&json!(-1)) && !Kind::Count.takes(&json!(0.5)));
        assert!(Kind::Or(&Kind::Count).takes(&json!(null)) && !Kind::Or(&Kind::Count).takes(&json!("1")));
        assert!(Kind::Texts.takes(&json!(["a"])) && !Kind::Texts.takes(&json!(["a", 1])));
        assert!(!Kind::Is("a").takes(&json!("b")) && !Kind::Text.takes(&json!(null)) && !Kind::Flag.takes(&json!(1)));
    }

    #[test]
    #[should_panic(expected = "unknown fields")]
    fn a_field_too_many_is_told() {
        has_shape(&json!({ "a": 1, "b": 2 }), &[("a", Kind::Count)]);
    }

    #[test]
    #[should_panic(expected = "no b")]
    fn a_missing_field_is_told() {
        has_shape(&json!({ "a": 1 }), &[("a", Kind::Count), ("b", Kind::Null)]);
    }
}
