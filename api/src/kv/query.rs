//! The parameters of a query, and the fields of a form, which are written alike. Values are bytes: keys need not be text.

use percent_encoding::percent_decode;
use windlass_store::kv::KvTtl;

use crate::error::{Error, Result};

/// Names and values, decoded, in their order.
#[derive(Debug)]
pub(super) struct Query(Vec<(Vec<u8>, Vec<u8>)>);

impl Query {
    pub(super) fn parse(text: &[u8]) -> Self {
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let mut halves = pair.splitn(2, |byte| *byte == b'=').map(decode);
                    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
                })
                .collect(),
        )
    }

    /// All names and their values.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// All values of that name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(known, _)| known == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The same as text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>> {
        let value = self.get(name).map(std::str::from_utf8).transpose();
        value.map_err(|_| Error::bad_request(format!("{name} must be text")))
    }

    /// The same as a whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>> {
        let text = self.text(name)?;
        let number = text.map(|text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| digits)
        });
        match number {
            None => Ok(None),
            Some(Some(number)) => Ok(Some(number)),
            Some(None) => Err(Error::bad_request(format!("{name} must be a whole number"))),
        }
    }

    /// Whether something is wanted; naming it is enough.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some(b"false" | b"0") => Ok(false),
            Some(b"true" | b"1" | b"") => Ok(true),
            Some(_) => Err(Error::bad_request(format!("{name} must be true or false"))),
        }
    }

    /// How long a value is to last.
    pub(super) fn ttl(&self) -> Result<KvTtl> {
        Ok(self.number("ttl")?.map_or(KvTtl::Default, KvTtl::Seconds))
    }
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_once_and_need_not_be_text() {
        let query = Query::parse(b"a=1&b=%FF%26&c&d=x%3Dy=z&&e=a+b%2B&a=2&f=%zz");
        assert_eq!(query.get("a"), Some(&b"1"[..]));
        assert_eq!(query.all("a").count(), 2);
        assert_eq!(query.get("b"), Some(&b"\xFF&"[..]));
        assert_eq!(query.get("c"), Some(&b""[..]));
        assert_eq!(query.get("d"), Some(&b"x=y=z"[..]));
        assert_eq!(query.get("e"), Some(&b"a b+"[..]));
        assert_eq!(query.get("f"), Some(&b"%zz"[..]));
        assert_eq!(query.get("g"), None);
        assert!(query.text("b").is_err());
    }

    #[test]
    fn numbers_and_flags_are_what_they_say() {
        let query = Query::parse(b"n=10&m=-1&o=&p=1.5&q=+1&t=true&f=false&e=&x=yes&big=99999999999999999999");
        assert_eq!(query.number("n").unwrap(), Some(10));
        assert_eq!(query.number("none").unwrap(), None);
        for bad in ["m", "o", "p", "q", "big"] {
            assert!(query.number(bad).is_err(), "{bad}");
        }
        let flags = ["t", "f", "e", "none"].map(|name| query.flag(name).unwrap());
        assert_eq!(flags, [true, false, true, false]);
        assert!(query.flag("x").is_err());
    }
}
