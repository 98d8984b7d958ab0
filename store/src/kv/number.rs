//! Numbers as counters keep them: text that says a whole number of 64 bits, or else a finite one.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// Characters of the longest text that is looked at.
const CHARS_MAX: usize = 64;

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// Any other; always finite.
    Float(f64),
}

impl Number {
    /// Reads a number: digits, with a sign before them or not; with a point or an exponent it is no whole one.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= CHARS_MAX)?;
        if !text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
            return None;
        }
        if !text.bytes().any(|b| b".eE".contains(&b)) {
            return text.parse().ok().map(Self::Int);
        }
        text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Float)
    }

    /// The number that a text is, if it is written as a counter would leave it: then it is JSON's number too.
    pub fn canonical(text: &[u8]) -> Option<Self> {
        Self::parse(text).filter(|number| number.to_string().as_bytes() == text)
    }

    /// The sum; whole numbers stay whole. `InvalidArgument` beyond what a number can be.
    pub(super) fn plus(self, other: Self) -> Result<Self> {
        let beyond = || Error::new(ErrorKind::InvalidArgument, "The number is out of range");
        if let (Self::Int(a), Self::Int(b)) = (self, other) {
            return a.checked_add(b).map(Self::Int).ok_or_else(beyond);
        }
        let sum = self.float() + other.float();
        if sum.is_finite() { Ok(Self::Float(sum)) } else { Err(beyond()) }
    }

    fn float(self) -> f64 {
        match self {
            Self::Int(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            // Longer ones are told by their exponent.
            Self::Float(number) if *number != 0.0 && !(1e-6..1e15).contains(&number.abs()) => write!(f, "{number:e}"),
            // Neither is told from the whole number 0.
            Self::Float(number) if *number == 0.0 => f.write_str("0"),
            Self::Float(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(a: &str, b: &str) -> Result<String, ErrorKind> {
        let [a, b] = [a, b].map(|text| Number::parse(text.as_bytes()).unwrap());
        a.plus(b).map(|sum| sum.to_string()).map_err(|error| error.kind())
    }

    #[test]
    fn whole_numbers_stay_whole_and_end_at_64_bits() {
        assert_eq!(sum("0", "+1").unwrap(), "1");
        assert_eq!(sum("3", "-5").unwrap(), "-2");
        assert_eq!(sum("9223372036854775806", "1").unwrap(), "9223372036854775807");
        assert_eq!(sum("9223372036854775807", "1"), Err(ErrorKind::InvalidArgument));
        assert_eq!(sum("-9223372036854775808", "-1"), Err(ErrorKind::InvalidArgument));
    }

    #[test]
    fn others_are_told_as_short_as_they_can_be() {
        assert_eq!(sum("1", "+1.5").unwrap(), "2.5");
        assert_eq!(sum("1.5", "1.5").unwrap(), "3");
        assert_eq!(sum("1e300", "0").unwrap(), "1e300");
        assert_eq!(sum("1e-9", "0").unwrap(), "1e-9");
        assert_eq!(sum("0.5", "-0.5").unwrap(), "0");
        assert_eq!(sum("1.7e308", "1.7e308"), Err(ErrorKind::InvalidArgument));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for bad in ["", "+", "-", ".", "e", "1x", "inf", "NaN", "0x1", "1 ", "--1", "1e999", "9223372036854775808", "é"]
        {
            assert_eq!(Number::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn text_that_only_looks_like_a_number_stays_text() {
        for text in ["007", "+5", "1.50", "-0", "1e5", ".5", "5.", "3.0", "00"] {
            assert_eq!(Number::canonical(text.as_bytes()), None, "{text}");
        }
        for text in ["0", "7", "-7", "1.5", "-0.25", "1e300"] {
            assert!(Number::canonical(text.as_bytes()).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_number_comes_back_from_its_text(bits in any::<u64>()) {
            for number in [Number::Int(bits.cast_signed()), Number::Float(f64::from_bits(bits))] {
                if matches!(number, Number::Float(float) if !float.is_finite()) {
                    continue;
                }
                let text = number.to_string();
                let again = Number::canonical(text.as_bytes()).unwrap();
                prop_assert_eq!(again.float(), number.float());
            }
        }
    }
}
