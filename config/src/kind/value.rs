//! A value as it was given, and what every kind of value can do with it.

use toml::Value;

use super::quote;

/// A value as it was given.
#[derive(Debug, Clone)]
pub(crate) enum Raw {
    /// By a variable or a flag.
    Text(String),
    /// By the file.
    Toml(Value),
}

impl Raw {
    /// The text, if it is text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Raw::Text(text) | Raw::Toml(Value::String(text)) => Some(text),
            Raw::Toml(_) => None,
        }
    }

    /// The whole number, if it is one.
    pub(super) fn integer(&self) -> Option<u64> {
        match self {
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Toml(Value::Integer(n)) => u64::try_from(*n).ok(),
            Raw::Toml(_) => None,
        }
    }

    /// How a fault shows it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Raw::Text(text) | Raw::Toml(Value::String(text)) => quote(text),
            Raw::Toml(Value::Integer(n)) => n.to_string(),
            Raw::Toml(Value::Float(n)) => n.to_string(),
            Raw::Toml(Value::Boolean(b)) => b.to_string(),
            Raw::Toml(Value::Datetime(time)) => time.to_string(),
            Raw::Toml(Value::Array(_)) => "a list".to_owned(),
            Raw::Toml(Value::Table(_)) => "a table".to_owned(),
        }
    }
}

/// A kind of value.
pub(crate) trait Kind {
    /// The type in which it is kept.
    type Value;
    /// Whether it must not be shown.
    const SECRET: bool = false;

    /// Reads a value; `None` if it is of another kind altogether.
    fn read(&self, raw: &Raw) -> Option<Self::Value>;

    /// Whether a value of this kind is in the accepted range.
    fn accepts(&self, value: &Self::Value) -> bool;

    /// What is accepted, in words that follow "it takes".
    fn accepted(&self) -> String;

    /// As TOML; `None` if there is no value.
    fn print(&self, value: &Self::Value) -> Option<String>;
}

/// A value that need not be there. Empty text takes back one that was given earlier.
pub(crate) struct Optional<K>(pub(crate) K);

impl<K: Kind> Kind for Optional<K> {
    type Value = Option<K::Value>;
    const SECRET: bool = K::SECRET;

    fn read(&self, raw: &Raw) -> Option<Option<K::Value>> {
        if raw.text() == Some("") { Some(None) } else { self.0.read(raw).map(Some) }
    }

    fn accepts(&self, value: &Option<K::Value>) -> bool {
        value.as_ref().is_none_or(|value| self.0.accepts(value))
    }

    fn accepted(&self) -> String {
        self.0.accepted()
    }

    fn print(&self, value: &Option<K::Value>) -> Option<String> {
        value.as_ref().and_then(|value| self.0.print(value))
    }
}
