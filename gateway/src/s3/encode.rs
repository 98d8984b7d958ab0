//! Keys in answers: percent-encoded when a client asks for it, and characters that XML cannot carry as they are.

use std::fmt::Write as _;

use s3s::S3Result;
use s3s::dto::EncodingType;

use super::error;

/// How a listing writes keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are.
    Plain,
    /// Percent-encoded (`encoding-type=url`).
    Url,
}

impl Encoding {
    /// Reads the `encoding-type` parameter; only `url` exists.
    pub(super) fn parse(asked: Option<&EncodingType>) -> S3Result<Self> {
        match asked.map(EncodingType::as_str) {
            None | Some("") => Ok(Self::Plain),
            Some(EncodingType::URL) => Ok(Self::Url),
            Some(_) => Err(error::invalid_argument("Invalid Encoding Method specified in Request")),
        }
    }

    /// Writes a key, prefix, delimiter or marker.
    pub(super) fn write(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Url => url(text),
        }
    }

    /// What the answer says of it.
    pub(super) fn echo(self) -> Option<EncodingType> {
        match self {
            Self::Plain => None,
            Self::Url => Some(EncodingType::from_static(EncodingType::URL)),
        }
    }
}

/// Percent-encodes everything but letters, digits, `-._~` and `/`.
pub(super) fn url(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The text of an element of the short documents that s3s prints.
pub(super) fn unescape(xml: &str) -> String {
    // The ampersand last: what it stands before may look like an escape.
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    named.iter().fold(xml.to_owned(), |text, (escape, character)| text.replace(escape, character))
}

/// Writes control characters of a finished XML document as character references, as S3 does: parsers would drop a raw
/// carriage return. Some take no reference to other control characters either, but a listing must not name a key that
/// does not exist; `encoding-type=url` is for those. Markup has no control characters, so what is found is text. `None`
/// if there are none.
pub(super) fn control_references(xml: &[u8]) -> Option<Vec<u8>> {
    let is_control = |byte: u8| byte < 0x20 || byte == 0x7F;
    if !xml.iter().copied().any(is_control) {
        return None;
    }
    let mut out = Vec::with_capacity(xml.len() + 64);
    for &byte in xml {
        if is_control(byte) {
            out.extend_from_slice(format!("&#{byte};").as_bytes());
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

/// A key as it is echoed where a client knows it already: characters that no XML 1.0 parser takes, not even as
/// references, are replaced, or a client would fail on an answer that only repeats its own words.
pub(super) fn echo(key: &str) -> String {
    let carried = |c: char| !matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}');
    key.chars().map(|c| if carried(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Escapes text for XML.
pub(super) fn xml(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoding_keeps_slashes_and_encodes_plus_and_space() {
        assert_eq!(url("foo+1/b ar%"), "foo%2B1/b%20ar%25");
        assert_eq!(url("é\n~"), "%C3%A9%0A~");
    }

    #[test]
    fn control_characters_become_references() {
        assert_eq!(
            control_references("<Key>a\r\n\u{1}b\t</Key>".as_bytes()).unwrap(),
            b"<Key>a&#13;&#10;&#1;b&#9;</Key>"
        );
        assert_eq!(control_references("<Key>é</Key>".as_bytes()), None);
    }

    #[test]
    fn an_echoed_key_never_breaks_a_parser() {
        assert_eq!(echo("a\u{1}b\r\n\t\u{FFFE}é"), "a\u{FFFD}b\r\n\t\u{FFFD}é");
    }

    #[test]
    fn only_url_is_an_encoding() {
        assert!(Encoding::parse(Some(&EncodingType::from("xml".to_owned()))).is_err());
        assert_eq!(Encoding::parse(Some(&EncodingType::from("url".to_owned()))).unwrap(), Encoding::Url);
        assert_eq!(Encoding::parse(None).unwrap(), Encoding::Plain);
    }
}
