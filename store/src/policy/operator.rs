//! The operators of conditions: all that the language has (IAM, "JSON policy elements: Condition operators"). A policy with
//! another is refused.

use std::net::IpAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::key::ConditionKey;
use super::pattern::{Pattern, Syntax};
use crate::clock::Millis;

/// An operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    /// How a value is compared.
    pub(super) test: Test,
    /// Whether it holds for what does not compare.
    pub(super) negated: bool,
    /// Whether it holds where there is nothing to compare.
    pub(super) if_exists: bool,
    /// What is asked of several values.
    pub(super) set: Option<Set>,
}

/// How a value of the request is compared with one of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// Character by character.
    Text,
    /// The same, in lower case.
    TextIgnoringCase,
    /// With wildcards.
    Like,
    /// As numbers.
    Number(Order),
    /// As points in time.
    Date(Order),
    /// As truth values.
    Bool,
    /// As bytes.
    Binary,
    /// As an address within a network.
    Ip,
    /// As ARNs.
    Arn,
    /// Whether there is one at all.
    Null,
}

/// How two numbers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is asked of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    /// That all pass; none is as good as all.
    All,
    /// That one passes.
    Any,
}

impl Operator {
    /// The operator of that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (set, name) = match name.split_once(':') {
            Some(("ForAllValues", name)) => (Some(Set::All), name),
            Some(("ForAnyValue", name)) => (Some(Set::Any), name),
            Some(_) => return None,
            None => (None, name),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (test, negated) = match name {
            "StringEquals" => (Test::Text, false),
            "StringNotEquals" => (Test::Text, true),
            "StringEqualsIgnoreCase" => (Test::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Test::TextIgnoringCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "Bool" => (Test::Bool, false),
            "BinaryEquals" => (Test::Binary, false),
            "IpAddress" => (Test::Ip, false),
            "NotIpAddress" => (Test::Ip, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Null" if !if_exists && set.is_none() => (Test::Null, false),
            name => ordered(name)?,
        };
        Some(Self { test, negated, if_exists, set })
    }

    /// Whether values of that key can be compared so. The time is a point in time and nothing else.
    pub(super) fn suits(self, key: &ConditionKey) -> bool {
        match (key, self.test) {
            (_, Test::Null) | (ConditionKey::CurrentTime, Test::Date(_)) => true,
            (ConditionKey::EpochTime, Test::Date(_) | Test::Number(_)) => true,
            (ConditionKey::CurrentTime | ConditionKey::EpochTime, _) => false,
            _ => true,
        }
    }
}

fn ordered(name: &str) -> Option<(Test, bool)> {
    let (make, order): (fn(Order) -> Test, _) = match (name.strip_prefix("Numeric"), name.strip_prefix("Date")) {
        (Some(order), _) => (Test::Number, order),
        (_, Some(order)) => (Test::Date, order),
        _ => return None,
    };
    let (order, negated) = match order {
        "Equals" => (Order::Equal, false),
        "NotEquals" => (Order::Equal, true),
        "LessThan" => (Order::Less, false),
        "LessThanEquals" => (Order::LessOrEqual, false),
        "GreaterThan" => (Order::Greater, false),
        "GreaterThanEquals" => (Order::GreaterOrEqual, false),
        _ => return None,
    };
    Some((make(order), negated))
}

impl Order {
    fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// A value of a policy, read as its operator reads it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Text(Pattern),
    Number(f64),
    Date(Millis),
    Bool(bool),
    Binary(Vec<u8>),
    Network(Network),
}

impl Operand {
    /// Reads a value for a test. The error says what is wrong.
    pub(super) fn parse(test: Test, text: &str, variables: bool) -> Result<Self, String> {
        let wrong = |what: &str| format!("{text:?} is not {what}");
        let pattern = |wildcards| Pattern::parse(text, Syntax { wildcards, variables });
        Ok(match test {
            Test::Text => Self::Text(pattern(false)?),
            Test::TextIgnoringCase => Self::Text(pattern(false)?.lowered()),
            Test::Like => Self::Text(pattern(true)?),
            Test::Arn => Self::Text(Some(pattern(true)?).filter(Pattern::is_arn).ok_or_else(|| wrong("an ARN"))?),
            Test::Number(_) => Self::Number(number(text).ok_or_else(|| wrong("a number"))?),
            Test::Date(_) => Self::Date(date(text).ok_or_else(|| wrong("a date"))?),
            Test::Bool | Test::Null => Self::Bool(truth(text).ok_or_else(|| wrong("true or false"))?),
            Test::Binary => Self::Binary(BASE64_STANDARD.decode(text).map_err(|_| wrong("base64"))?),
            Test::Ip => Self::Network(Network::parse(text).ok_or_else(|| wrong("an address or a network"))?),
        })
    }

    /// Whether a value of the request compares. `Err` if the request has no value for one of its variables.
    pub(super) fn takes(
        &self,
        test: Test,
        value: &str,
        variable: &dyn Fn(&ConditionKey) -> Option<String>,
    ) -> Result<bool, ()> {
        Ok(match (test, self) {
            (Test::TextIgnoringCase, Self::Text(pattern)) => {
                let variable = |key: &ConditionKey| variable(key).map(|text| text.to_lowercase());
                return pattern.matches(&value.to_lowercase(), &variable);
            }
            (Test::Arn, Self::Text(pattern)) => return pattern.matches_arn(value, variable),
            (_, Self::Text(pattern)) => return pattern.matches(value, variable),
            (Test::Number(order), Self::Number(own)) => number(value).is_some_and(|value| order.holds(value, *own)),
            (Test::Date(order), Self::Date(own)) => date(value).is_some_and(|value| order.holds(value, *own)),
            (_, Self::Bool(own)) => truth(value) == Some(*own),
            (_, Self::Binary(own)) => BASE64_STANDARD.decode(value).is_ok_and(|bytes| bytes == *own),
            (_, Self::Network(network)) => value.parse().is_ok_and(|address| network.holds(address)),
            // An operand is made for its test.
            (_, Self::Number(_) | Self::Date(_)) => false,
        })
    }
}

/// A number: digits with a sign and a fraction, or without.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|value| plain && value.is_finite())
}

/// A point in time: RFC 3339, a date alone, or seconds since the epoch. What lies before the epoch is its beginning.
fn date(text: &str) -> Option<Millis> {
    if let Some(seconds) = number(text) {
        // Beyond the numbers that a float holds exactly, there is no date that anybody means.
        let millis = seconds * 1000.0;
        return (millis.abs() < 9e15).then_some(millis.max(0.0) as Millis);
    }
    let read = windlass_config::time::parse_from_epoch;
    read(text)
        .or_else(|| read(&format!("{text}T00:00:00Z")))
        .or_else(|| read(&format!("{}:00Z", text.strip_suffix('Z')?)))
}

fn truth(text: &str) -> Option<bool> {
    [("true", true), ("false", false)].into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, it)| it)
}

/// A network, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let prefix = match prefix {
            None => bits,
            Some(text) => text.parse().ok().filter(|prefix| *prefix <= bits && digits(text))?,
        };
        Some(Self { address, prefix })
    }

    /// Whether an address lies in it. One of IPv4 that is written as IPv6 is one of IPv4.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        let differ = match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => u128::from(own.to_bits() ^ other.to_bits()) << 96,
            (IpAddr::V6(own), IpAddr::V6(other)) => own.to_bits() ^ other.to_bits(),
            _ => return false,
        };
        // A network of mapped addresses has its first 96 bits in common.
        let mapped = self.address.is_ipv6() && self.address.to_canonical().is_ipv4();
        let prefix = if mapped { self.prefix.saturating_sub(96) } else { self.prefix };
        differ.leading_zeros() >= prefix || differ == 0
    }

    /// Whether it is so wide that S3 takes who is in it for the public: wider than /8 of IPv4 or /32 of IPv6.
    pub(super) fn is_wide(&self) -> bool {
        self.prefix < if self.address.is_ipv4() { 8 } else { 32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_known_with_their_modifiers() {
        let plain = |test, negated| Some(Operator { test, negated, if_exists: false, set: None });
        assert_eq!(Operator::parse("StringEquals"), plain(Test::Text, false));
        assert_eq!(Operator::parse("NumericLessThanEquals"), plain(Test::Number(Order::LessOrEqual), false));
        assert_eq!(Operator::parse("DateNotEquals"), plain(Test::Date(Order::Equal), true));
        let all = Operator::parse("ForAllValues:StringNotLikeIfExists").unwrap();
        assert_eq!((all.test, all.negated, all.if_exists, all.set), (Test::Like, true, true, Some(Set::All)));
        for unknown in ["", "stringequals", "NullIfExists", "ForAnyValue:Null", "ForSome:Bool", "NumericLike", "Date"] {
            assert_eq!(Operator::parse(unknown), None, "{unknown}");
        }
    }

    fn takes(operator: &str, own: &str, value: &str) -> bool {
        let test = Operator::parse(operator).unwrap().test;
        Operand::parse(test, own, true).unwrap().takes(test, value, &|_| None).unwrap()
    }

    #[test]
    fn values_are_compared_as_what_they_are() {
        assert!(takes("NumericEquals", "10", "10.0") && !takes("NumericLessThan", "10", "10"));
        assert!(takes("NumericGreaterThanEquals", "10", "10") && !takes("NumericEquals", "10", "ten"));
        assert!(takes("DateLessThan", "2026-01-02", "2026-01-01T23:59:59Z"));
        assert!(takes("DateEquals", "2026-01-01T00:00:00+01:00", "2025-12-31T23:00:00Z"));
        assert!(takes("DateEquals", "1767225600", "2026-01-01"));
        assert!(takes("DateGreaterThan", "1960-01-01", "2026-01-01T00:00Z"));
        assert!(takes("Bool", "TRUE", "true") && !takes("Bool", "true", "yes"));
        assert!(takes("BinaryEquals", "AAE=", "AAE=") && !takes("BinaryEquals", "AAE=", "AAI="));
        assert!(takes("StringEquals", "a*", "a*") && !takes("StringEquals", "a*", "ab"));
        assert!(takes("StringEqualsIgnoreCase", "Ünit", "üNIT") && takes("StringLike", "a*c?", "abbcd"));
        assert!(takes("ArnLike", "arn:aws:iam::A:*", "arn:aws:iam::A:root"));
    }

    #[test]
    fn addresses_lie_in_networks() {
        assert!(takes("IpAddress", "10.1.2.3/8", "10.200.0.1") && !takes("IpAddress", "10.0.0.0/8", "11.0.0.1"));
        assert!(takes("IpAddress", "10.0.0.1", "::ffff:10.0.0.1") && takes("IpAddress", "0.0.0.0/0", "1.2.3.4"));
        assert!(takes("IpAddress", "2001:db8::/32", "2001:db8:1::1") && !takes("IpAddress", "::/0", "1.2.3.4"));
        assert!(takes("IpAddress", "::ffff:10.0.0.0/104", "10.1.1.1"));
        assert!(!takes("IpAddress", "10.0.0.1", "10.0.0.1, 10.0.0.2"));
    }

    #[test]
    fn values_that_cannot_be_read_are_refused() {
        for (operator, value) in [
            ("NumericEquals", "x"),
            ("NumericEquals", "inf"),
            ("NumericEquals", "${aws:userid}"),
            ("DateLessThan", "soon"),
            ("Bool", "maybe"),
            ("Null", "1"),
            ("BinaryEquals", "="),
            ("IpAddress", "10.0.0.0/33"),
            ("IpAddress", "10.0.0.*"),
            ("IpAddress", "10.0.0.0/+8"),
            ("ArnLike", "arn:aws"),
            ("StringEquals", "${nothing:known}"),
        ] {
            let test = Operator::parse(operator).unwrap().test;
            assert!(Operand::parse(test, value, true).is_err(), "{operator} {value}");
        }
    }
}
