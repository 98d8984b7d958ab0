//! The name of a key-value bucket: whoever knows it may use a bucket without keys, so it is all chance.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::error::Result;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Characters that 128 bits take.
const CHARS: usize = 22;

/// A key-value bucket: 128 random bits, shown as 22 letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KvId(pub [u8; 16]);

impl KvId {
    /// A new identifier.
    pub(crate) fn generate() -> Result<Self> {
        Ok(Self(clock::random()?))
    }

    /// Parses the 22 characters that `Display` prints; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != CHARS {
            return None;
        }
        let number = text.bytes().try_fold(0_u128, |number, byte| {
            let digit = ALPHABET.iter().position(|known| *known == byte)?;
            number.checked_mul(62)?.checked_add(digit as u128)
        });
        number.map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for KvId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = u128::from_be_bytes(self.0);
        let mut text = [b'0'; CHARS];
        for place in text.iter_mut().rev() {
            *place = ALPHABET.get((number % 62) as usize).copied().unwrap_or_default();
            number /= 62;
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for KvId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_and_the_largest_have_22_characters() {
        assert_eq!(KvId([0; 16]).to_string(), "0000000000000000000000");
        assert_eq!(KvId([0xFF; 16]).to_string(), "7n42DGM5Tflk9n8mt7Fhc7");
    }

    #[test]
    fn what_is_no_identifier_is_none() {
        for bad in ["", "coffee", "000000000000000000000", "00000000000000000000000", "000000000000000000000-"] {
            assert_eq!(KvId::parse(bad), None, "{bad}");
        }
        assert_eq!(KvId::parse("7n42DGM5Tflk9n8mt7Fhc8"), None, "one more than there are");
        assert_eq!(KvId::parse("zzzzzzzzzzzzzzzzzzzzzz"), None);
    }

    proptest! {
        #[test]
        fn any_identifier_comes_back_from_its_text(bytes in any::<[u8; 16]>()) {
            let text = KvId(bytes).to_string();
            prop_assert_eq!(text.len(), CHARS);
            prop_assert_eq!(KvId::parse(&text), Some(KvId(bytes)));
        }
    }
}
