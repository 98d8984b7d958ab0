//! Text and what is written as text.

use std::net::SocketAddr;
use std::path::PathBuf;

use toml::Value;

use super::{Kind, Raw};
use crate::Secret;
use crate::time;

/// Text that a rule accepts, and the rule in words.
pub(crate) struct Text(pub(crate) fn(&str) -> bool, pub(crate) &'static str);

impl Kind for Text {
    type Value = String;

    fn read(&self, raw: &Raw) -> Option<String> {
        raw.text().map(str::to_owned)
    }

    fn accepts(&self, value: &String) -> bool {
        (self.0)(value)
    }

    fn accepted(&self) -> String {
        self.1.to_owned()
    }

    fn print(&self, value: &String) -> Option<String> {
        Some(quote(value))
    }
}

/// Secret text that a rule accepts, and the rule in words.
pub(crate) struct SecretText(pub(crate) fn(&str) -> bool, pub(crate) &'static str);

impl Kind for SecretText {
    type Value = Secret;
    const SECRET: bool = true;

    fn read(&self, raw: &Raw) -> Option<Secret> {
        raw.text().map(Secret::new)
    }

    fn accepts(&self, value: &Secret) -> bool {
        (self.0)(value.expose())
    }

    fn accepted(&self) -> String {
        self.1.to_owned()
    }

    fn print(&self, value: &Secret) -> Option<String> {
        Some(value.to_string())
    }
}

/// A file or folder.
pub(crate) struct Path;

impl Kind for Path {
    type Value = PathBuf;

    fn read(&self, raw: &Raw) -> Option<PathBuf> {
        raw.text().map(PathBuf::from)
    }

    fn accepts(&self, value: &PathBuf) -> bool {
        !value.as_os_str().is_empty()
    }

    fn accepted(&self) -> String {
        "a path".to_owned()
    }

    fn print(&self, value: &PathBuf) -> Option<String> {
        Some(quote(&value.to_string_lossy()))
    }
}

/// An IP address and a port.
pub(crate) struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn read(&self, raw: &Raw) -> Option<SocketAddr> {
        raw.text()?.parse().ok()
    }

    fn accepts(&self, _: &SocketAddr) -> bool {
        true
    }

    fn accepted(&self) -> String {
        "an IP address and a port, such as \"0.0.0.0:9000\" or \"[::1]:9000\"".to_owned()
    }

    fn print(&self, value: &SocketAddr) -> Option<String> {
        Some(quote(&value.to_string()))
    }
}

/// A point in time, kept in milliseconds since the Unix epoch.
pub(crate) struct Time;

impl Kind for Time {
    type Value = u64;

    fn read(&self, raw: &Raw) -> Option<u64> {
        match raw {
            Raw::Toml(Value::Datetime(datetime)) => time::from_toml(datetime),
            _ => time::parse(raw.text()?),
        }
    }

    fn accepts(&self, _: &u64) -> bool {
        true
    }

    fn accepted(&self) -> String {
        "an RFC 3339 time with an offset, such as \"2030-01-31T12:00:00Z\"".to_owned()
    }

    fn print(&self, value: &u64) -> Option<String> {
        Some(quote(&time::print(*value)))
    }
}

/// A list of text.
pub(crate) struct Texts(pub(crate) &'static str);

impl Kind for Texts {
    type Value = Vec<String>;

    /// A variable holds its items with commas between them; empty text is no item.
    fn read(&self, raw: &Raw) -> Option<Vec<String>> {
        match raw {
            Raw::Text(text) if text.is_empty() => Some(Vec::new()),
            Raw::Text(text) => Some(text.split(',').map(|item| item.trim().to_owned()).collect()),
            Raw::Toml(Value::Array(values)) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
            Raw::Toml(_) => None,
        }
    }

    fn accepts(&self, value: &Vec<String>) -> bool {
        value.iter().all(|text| !text.is_empty())
    }

    fn accepted(&self) -> String {
        self.0.to_owned()
    }

    fn print(&self, value: &Vec<String>) -> Option<String> {
        let quoted: Vec<String> = value.iter().map(|text| quote(text)).collect();
        Some(format!("[{}]", quoted.join(", ")))
    }
}

/// A TOML basic string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_toml() {
        for text in ["", "plain", "a \"b\" \\ c", "tab\tnew\nline\u{7f}", "é"] {
            let parsed: toml::Table = format!("x = {}", quote(text)).parse().unwrap();
            assert_eq!(parsed["x"].as_str(), Some(text));
        }
    }
}
