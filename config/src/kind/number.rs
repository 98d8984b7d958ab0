//! Switches, counts and sizes.

use std::ops::RangeInclusive;

use toml::Value;

use super::{Kind, Raw, quote};

/// `true` or `false`.
pub(crate) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn read(&self, raw: &Raw) -> Option<bool> {
        match raw {
            Raw::Toml(Value::Boolean(value)) => Some(*value),
            Raw::Text(text) => text.parse().ok(),
            Raw::Toml(_) => None,
        }
    }

    fn accepts(&self, _: &bool) -> bool {
        true
    }

    fn accepted(&self) -> String {
        "true or false".to_owned()
    }

    fn print(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// A whole number of something, named for people.
pub(crate) struct Count(pub(crate) RangeInclusive<u64>, pub(crate) &'static str);

impl Kind for Count {
    type Value = u64;

    fn read(&self, raw: &Raw) -> Option<u64> {
        raw.integer()
    }

    fn accepts(&self, value: &u64) -> bool {
        self.0.contains(value)
    }

    fn accepted(&self) -> String {
        format!("{} to {} {}", self.0.start(), self.0.end(), self.1)
    }

    fn print(&self, value: &u64) -> Option<String> {
        Some(value.to_string())
    }
}

/// A number of bytes: an integer, or text with a unit such as `"128MiB"`.
pub(crate) struct Size(pub(crate) RangeInclusive<u64>);

const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Size {
    fn show(bytes: u64) -> String {
        let unit = UNITS.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit));
        unit.map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
    }
}

/// Reads a number of bytes as settings take it: a number, or one with a unit such as `128MiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    Size(0..=u64::MAX).read(&Raw::Text(text.to_owned()))
}

impl Kind for Size {
    type Value = u64;

    fn read(&self, raw: &Raw) -> Option<u64> {
        if let Some(bytes) = raw.integer() {
            return Some(bytes);
        }
        let text = raw.text()?.trim();
        let unit = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)));
        let (number, unit) = unit.unwrap_or((text.strip_suffix('B').unwrap_or(text), 1));
        number.trim_end().parse::<u64>().ok()?.checked_mul(unit)
    }

    fn accepts(&self, value: &u64) -> bool {
        self.0.contains(value)
    }

    fn accepted(&self) -> String {
        format!("a size from {} to {}", Self::show(*self.0.start()), Self::show(*self.0.end()))
    }

    fn print(&self, value: &u64) -> Option<String> {
        let text = Self::show(*value);
        Some(if text.ends_with('B') { quote(&text) } else { text })
    }
}

/// A limit, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// There is none.
    Unlimited,
    /// Up to this, it included.
    AtMost(u64),
}

impl Limit {
    /// The limit, if there is one.
    pub fn at_most(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::AtMost(most) => Some(most),
        }
    }
}

/// A number that can be without limit.
pub(crate) struct Limited<K>(pub(crate) K);

const UNLIMITED: &str = "unlimited";

impl<K: Kind<Value = u64>> Kind for Limited<K> {
    type Value = Limit;

    fn read(&self, raw: &Raw) -> Option<Limit> {
        if raw.text() == Some(UNLIMITED) { Some(Limit::Unlimited) } else { self.0.read(raw).map(Limit::AtMost) }
    }

    fn accepts(&self, value: &Limit) -> bool {
        value.at_most().is_none_or(|most| self.0.accepts(&most))
    }

    fn accepted(&self) -> String {
        format!("{} or {}", self.0.accepted(), quote(UNLIMITED))
    }

    fn print(&self, value: &Limit) -> Option<String> {
        value.at_most().map_or_else(|| Some(quote(UNLIMITED)), |most| self.0.print(&most))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_size as size;
    use super::*;

    #[test]
    fn sizes_take_numbers_and_binary_units() {
        assert_eq!(size("4096"), Some(4096));
        assert_eq!(size("128MiB"), Some(128 << 20));
        assert_eq!(size("64 KiB"), Some(64 << 10));
        assert_eq!(size("7B"), Some(7));
        assert_eq!(Size(0..=9).read(&Raw::Toml(Value::Integer(5))), Some(5));
        for bad in ["", "MiB", "-1", "1.5GiB", "99999999999TiB", "1 MB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_limit_is_a_number_or_none_at_all() {
        let limit = Limited(Size(1..=9 << 30));
        let read = |text: &str| limit.read(&Raw::Text(text.to_owned()));
        assert_eq!(read("unlimited"), Some(Limit::Unlimited));
        assert_eq!(read("1GiB"), Some(Limit::AtMost(1 << 30)));
        assert_eq!(read("Unlimited"), None);
        assert!(limit.accepts(&Limit::Unlimited) && !limit.accepts(&Limit::AtMost(0)));
        assert_eq!(limit.print(&Limit::Unlimited).unwrap(), "\"unlimited\"");
    }

    #[test]
    fn sizes_print_as_they_read() {
        for bytes in [0, 1, 1023, 1024, 1025, 4096, 128 << 20, 3 << 30, u64::MAX] {
            assert_eq!(size(&Size::show(bytes)), Some(bytes));
        }
    }
}
