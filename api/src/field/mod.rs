//! What a request says in its body or its query, declared field by field: `inputs!` makes a type of it, a reader that stops
//! at the first rule that is broken, and the schema that the document tells. Unknown fields are not looked at.

mod kind;
mod presence;

use serde_json::{Map, Value};

pub(crate) use kind::{Flag, Kind, List, Never, OneOf, Parsed, Text, Time, Whole};
pub(crate) use presence::{Absent, Nullable, Optional, Or, Presence, Required};

/// A value as it was given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given<'a> {
    /// By a JSON document.
    Json(&'a Value),
    /// By a query.
    Text(&'a str),
}

/// Where values are looked up.
#[derive(Debug)]
pub(crate) enum Source {
    /// A JSON document.
    Json(Map<String, Value>),
    /// A query, decoded, in its order. The first value of a name counts.
    Query(Vec<(String, String)>),
}

impl Source {
    /// Reads a query string.
    pub(crate) fn query(query: Option<&str>) -> Self {
        Self::Query(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// What was given under a name.
    pub(crate) fn get(&self, name: &str) -> Option<Given<'_>> {
        match self {
            Self::Json(object) => object.get(name).map(Given::Json),
            Self::Query(pairs) => pairs.iter().find(|(n, _)| n == name).map(|(_, value)| Given::Text(value)),
        }
    }
}

/// A schema with one more member.
pub(crate) fn with(mut schema: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Value::Object(members) = &mut schema {
        members.insert(name.to_owned(), value.into());
    }
    schema
}

/// A field as the document tells it.
#[derive(Debug)]
pub(crate) struct FieldDoc {
    pub(crate) name: &'static str,
    pub(crate) about: String,
    pub(crate) schema: Value,
    pub(crate) required: bool,
}

/// A type that `inputs!` made.
pub(crate) trait Fields: Sized + Send + 'static {
    /// Reads the fields in their order; the error is the message of the first rule that is broken.
    fn read(source: &Source) -> Result<Self, String>;

    /// The fields, for the document.
    fn fields() -> Vec<FieldDoc>;
}

/// Declares inputs. A line is: documentation, member, type, name on the wire, presence and kind.
macro_rules! inputs {
    ($($(#[doc = $about:literal])* $Name:ident { $($(#[doc = $field_about:literal])* $member:ident: $Type:ty = $wire:literal, $presence:expr;)* })*) => {$(
        $(#[doc = $about])*
        #[derive(Debug)]
        pub(crate) struct $Name { $($(#[doc = $field_about])* pub(crate) $member: $Type,)* }

        impl $crate::field::Fields for $Name {
            fn read(source: &$crate::field::Source) -> Result<Self, String> {
                Ok(Self { $($member: $crate::field::Presence::take(&$presence, $wire, source.get($wire))?,)* })
            }

            fn fields() -> Vec<$crate::field::FieldDoc> {
                vec![$($crate::field::FieldDoc {
                    name: $wire,
                    about: [$($field_about),*].map(str::trim).join(" "),
                    schema: $crate::field::Presence::schema(&$presence),
                    required: $crate::field::Presence::is_required(&$presence),
                }),*]
            }
        }
    )*};
}
pub(crate) use inputs;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    inputs! {
        /// A sample.
        Sample {
            /// A name.
            name: String = "name", Required(Text(1, 3));
            /// A count,
            /// over two lines.
            count: u64 = "count", Or(Whole(1..=9), 5);
            /// A switch.
            flag: bool = "flag", Or(Flag, false);
            /// Some words.
            words: Option<Vec<String>> = "words", Nullable(List(Text(1, 2), 0..=2, "Maximum 2 words"));
            /// A change.
            change: Option<Option<u64>> = "change", Optional(Nullable(Whole(0..=9)));
        }
    }

    fn read(body: Value) -> Result<Sample, String> {
        let Value::Object(object) = body else { panic!("not an object") };
        Sample::read(&Source::Json(object))
    }

    #[test]
    fn the_first_broken_rule_in_the_order_of_the_fields_is_told() {
        let told = |body| read(body).unwrap_err();
        assert_eq!(told(json!({ "count": "x", "words": 7 })), "name is required");
        assert_eq!(told(json!({ "words": 7, "count": "x", "name": "abcd" })), "name must be 1 to 3 characters");
        assert_eq!(told(json!({ "words": 7, "count": "x", "name": "é✓c" })), "count must be an integer");
        assert_eq!(told(json!({ "words": 7, "name": "a", "count": 10 })), "count must be between 1 and 9");
        assert_eq!(told(json!({ "name": null })), "name must be a string");
        assert_eq!(told(json!({ "name": "a", "flag": "true" })), "flag must be a boolean");
        assert_eq!(told(json!({ "name": "a", "words": ["a", "b", "c"] })), "Maximum 2 words");
        assert_eq!(told(json!({ "name": "a", "words": ["a", 3] })), "words must hold strings");
        assert_eq!(told(json!({ "name": "a", "change": 1.5 })), "change must be an integer");
    }

    #[test]
    fn what_is_absent_null_or_unknown_is_told_apart() {
        let sample = read(json!({ "name": "a", "what": 1 })).unwrap();
        assert_eq!((sample.name.as_str(), sample.count, sample.flag), ("a", 5, false));
        assert_eq!((sample.words, sample.change), (None, None));
        assert_eq!(read(json!({ "name": "a", "change": null })).unwrap().change, Some(None));
        assert_eq!(read(json!({ "name": "a", "change": 3.0 })).unwrap().change, Some(Some(3)));
        assert_eq!(read(json!({ "name": "a", "words": null })).unwrap().words, None);
    }

    #[test]
    fn a_query_is_read_by_the_same_rules() {
        let read = |query: &str| Sample::read(&Source::query(Some(query)));
        let sample = read("name=%C3%A9+b&count=7&flag=true&count=1&other=%00").unwrap();
        assert_eq!((sample.name.as_str(), sample.count, sample.flag), ("é b", 7, true));
        for bad in ["+7", "7.0", "0x7", "", "-1"] {
            assert!(read(&format!("name=a&count={}", bad.replace('+', "%2B"))).is_err(), "{bad}");
        }
        assert_eq!(read("name=a&flag=1").unwrap_err(), "flag must be a boolean");
    }

    #[test]
    fn the_document_tells_the_same_rules() {
        let fields = Sample::fields();
        let names: Vec<_> = fields.iter().map(|field| (field.name, field.required)).collect();
        assert_eq!(names, [("name", true), ("count", false), ("flag", false), ("words", false), ("change", false)]);
        assert_eq!(fields[0].schema, json!({ "type": "string", "minLength": 1, "maxLength": 3 }));
        assert_eq!(fields[1].schema, json!({ "type": "integer", "minimum": 1, "maximum": 9, "default": 5 }));
        assert_eq!(fields[1].about, "A count, over two lines.");
        let words = json!({
            "type": ["array", "null"], "minItems": 0, "maxItems": 2, "items": { "type": "string", "minLength": 1, "maxLength": 2 },
        });
        assert_eq!(fields[3].schema, words);
    }
}
