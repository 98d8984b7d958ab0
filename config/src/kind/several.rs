//! Lists whose items must each be right.

use toml::Value;

use super::{Kind, Raw, quote};
use crate::Network;

/// One or several texts that a rule accepts, and the rule in words.
pub(crate) struct Several(pub(crate) fn(&str) -> bool, pub(crate) &'static str);

impl Kind for Several {
    type Value = Vec<String>;

    fn read(&self, raw: &Raw) -> Option<Vec<String>> {
        items(raw)
    }

    fn accepts(&self, value: &Vec<String>) -> bool {
        value.iter().all(|text| (self.0)(text))
    }

    fn accepted(&self) -> String {
        format!("{}, or a list of such", self.1)
    }

    fn print(&self, value: &Vec<String>) -> Option<String> {
        Some(list(value.iter().map(String::as_str)))
    }
}

/// Networks of addresses.
pub(crate) struct Networks;

impl Kind for Networks {
    type Value = Vec<Network>;

    fn read(&self, raw: &Raw) -> Option<Vec<Network>> {
        items(raw)?.iter().map(|text| Network::parse(text)).collect()
    }

    fn accepts(&self, _: &Vec<Network>) -> bool {
        true
    }

    fn accepted(&self) -> String {
        "a list of networks and addresses, such as [\"10.0.0.0/8\", \"::1\"]".to_owned()
    }

    fn print(&self, value: &Vec<Network>) -> Option<String> {
        let texts: Vec<String> = value.iter().map(Network::to_string).collect();
        Some(list(texts.iter().map(String::as_str)))
    }
}

/// Text holds its items with commas between them; empty text is no item.
fn items(raw: &Raw) -> Option<Vec<String>> {
    match raw {
        Raw::Toml(Value::Array(values)) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        other => {
            let text = other.text()?;
            let items = text.split(',').map(|item| item.trim().to_owned());
            Some(if text.is_empty() { Vec::new() } else { items.collect() })
        }
    }
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(quote).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_a_list_of_one() {
        let kind = Several(|text| !text.contains('!'), "text without a mark");
        let text = |text: &str| Raw::Text(text.to_owned());
        let one = || Some(vec!["a".to_owned()]);
        assert_eq!(kind.read(&text("a")), one());
        assert_eq!(kind.read(&Raw::Toml(Value::String("a".into()))), one());
        assert_eq!(kind.read(&Raw::Toml(Value::Array(vec![Value::String("a".into())]))), one());
        assert_eq!(kind.read(&text("a, b")), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(kind.read(&text("")), Some(Vec::new()));
        assert_eq!(kind.read(&Raw::Toml(Value::Integer(1))), None);
        assert!(!kind.accepts(&vec!["a".to_owned(), "b!".to_owned()]));
        assert_eq!(kind.print(&vec!["a".to_owned(), "b".to_owned()]).unwrap(), "[\"a\", \"b\"]");
    }

    #[test]
    fn a_list_with_one_that_is_no_network_is_none() {
        let read = |text: &str| Networks.read(&Raw::Text(text.to_owned()));
        assert_eq!(
            read("10.0.0.0/8,::1").map(|networks| Networks.print(&networks).unwrap()).unwrap(),
            "[\"10.0.0.0/8\", \"::1/128\"]"
        );
        assert_eq!(read("10.0.0.0/8,proxy"), None);
        assert_eq!(read("10.0.0.0/8,"), None);
    }
}
