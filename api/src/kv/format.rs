//! The three forms of a listing, printed key by key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use serde::de::IgnoredAny;
use windlass_store::kv::{KvListed, Number};

use crate::error::{Error, ErrorKind, Result};

/// How a listing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A key a line.
    Text,
    /// One document.
    Json,
    /// A document a line.
    JsonLines,
}

impl Format {
    /// What is asked for: by name, else by `Accept`, where the first that is known counts.
    pub(super) fn of(name: Option<&[u8]>, headers: &HeaderMap) -> Result<Self> {
        let unknown = || Error::new(ErrorKind::NotAcceptable, "format must be text, json or jsonl");
        match name {
            Some(b"text") => return Ok(Self::Text),
            Some(b"json") => return Ok(Self::Json),
            Some(b"jsonl") => return Ok(Self::JsonLines),
            Some(_) => return Err(unknown()),
            None => {}
        }
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut ranges = accepted.flat_map(|value| value.split(',')).peekable();
        if ranges.peek().is_none() {
            return Ok(Self::Text);
        }
        let known = |range: &str| match range.split(';').next().unwrap_or_default().trim() {
            "application/json" | "application/*" => Some(Self::Json),
            "text/plain" | "text/*" | "*/*" | "" => Some(Self::Text),
            _ => None,
        };
        ranges.find_map(known).ok_or_else(unknown)
    }

    pub(super) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::JsonLines => "application/jsonl",
        })
    }
}

/// Prints a listing.
#[derive(Debug)]
pub(super) struct Printer {
    format: Format,
    /// Whether bytes that are no text are told in base64; else what is no text in them is lost.
    base64: bool,
    printed: bool,
}

impl Printer {
    pub(super) fn new(format: Format, base64: bool) -> Self {
        Self { format, base64, printed: false }
    }

    /// What comes before the first key.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.push(b'[');
        }
    }

    /// What comes behind the last.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        if self.format == Format::Json {
            out.push(b']');
        }
    }

    pub(super) fn print(&mut self, listed: &KvListed, out: &mut Vec<u8>) {
        if self.format == Format::Text {
            self.line(&listed.key, out);
            if let Some((value, _)) = &listed.value {
                out.push(b'=');
                self.line(value, out);
            }
            out.push(b'\n');
            return;
        }
        if self.format == Format::Json && self.printed {
            out.push(b',');
        }
        self.printed = true;
        match &listed.value {
            None => self.string(&listed.key, out),
            Some((value, content_type)) => {
                out.push(b'[');
                self.string(&listed.key, out);
                out.push(b',');
                self.value(value, content_type.as_deref(), out);
                out.push(b']');
            }
        }
        if self.format == Format::JsonLines {
            out.push(b'\n');
        }
    }

    /// A text within a line.
    fn line(&self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(self.text(bytes).replace('\n', "\\n").as_bytes());
    }

    fn string(&self, bytes: &[u8], out: &mut Vec<u8>) {
        // Writing text to memory cannot fail.
        let _ = serde_json::to_writer(out, &self.text(bytes));
    }

    /// Numbers and JSON are told as what they are.
    fn value(&self, value: &[u8], content_type: Option<&str>, out: &mut Vec<u8>) {
        let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        let is_json = essence.eq_ignore_ascii_case("application/json");
        if Number::canonical(value).is_some() || (is_json && serde_json::from_slice::<IgnoredAny>(value).is_ok()) {
            // Between the tokens of JSON an end of line is a space, and within them there is none.
            out.extend(value.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
        } else {
            self.string(value, out);
        }
    }

    fn text(&self, bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) if self.base64 => STANDARD.encode(bytes),
            Err(_) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: Option<&str>, accept: Option<&'static str>) -> Result<Format, u16> {
        let mut headers = HeaderMap::new();
        headers.extend(accept.map(|accept| (header::ACCEPT, HeaderValue::from_static(accept))));
        Format::of(name.map(str::as_bytes), &headers).map_err(|error| error.kind().status().as_u16())
    }

    #[test]
    fn the_format_is_named_or_accepted() {
        assert_eq!(asked(None, None), Ok(Format::Text));
        assert_eq!(asked(Some("jsonl"), Some("application/json")), Ok(Format::JsonLines));
        assert_eq!(asked(Some("text"), Some("application/json")), Ok(Format::Text));
        assert_eq!(asked(None, Some("application/json")), Ok(Format::Json));
        assert_eq!(asked(None, Some("application/json, text/plain, */*")), Ok(Format::Json));
        assert_eq!(asked(None, Some("text/html,application/xml;q=0.9,*/*;q=0.8")), Ok(Format::Text));
        for (name, accept) in [(Some("xml"), None), (Some(""), None), (None, Some("image/png"))] {
            assert_eq!(asked(name, accept), Err(406), "{name:?} {accept:?}");
        }
    }

    /// A key, and its value with what that is said to be.
    type Row<'a> = (&'a [u8], Option<(&'static [u8], Option<&'a str>)>);

    fn printed(format: Format, base64: bool, rows: &[Row<'_>]) -> String {
        let (mut printer, mut out) = (Printer::new(format, base64), Vec::new());
        printer.begin(&mut out);
        for (key, value) in rows {
            let value = value.map(|(value, content_type)| (value.into(), content_type.map(str::to_owned)));
            printer.print(&KvListed { key: key.to_vec(), value }, &mut out);
        }
        printer.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn keys_alone_are_a_line_or_a_string() {
        let rows: [Row<'_>; 3] = [(b"a", None), (b"b\nc", None), (b"q\"", None)];
        assert_eq!(printed(Format::Text, false, &rows), "a\nb\\nc\nq\"\n");
        assert_eq!(printed(Format::Json, false, &rows), r#"["a","b\nc","q\""]"#);
        assert_eq!(printed(Format::JsonLines, false, &rows), "\"a\"\n\"b\\nc\"\n\"q\\\"\"\n");
        assert_eq!([Format::Text, Format::Json, Format::JsonLines].map(|f| printed(f, false, &[])), ["", "[]", ""]);
    }

    #[test]
    fn values_are_told_as_what_they_are() {
        let json = Some("application/json; charset=utf-8");
        let rows: [Row<'_>; 6] = [
            (b"n", Some((&b"5"[..], None))),
            (b"z", Some((b"007", None))),
            (b"s", Some((b"a\nb", None))),
            (b"j", Some((b"{\"a\":\n[1]}", json))),
            (b"x", Some((b"{broken", json))),
            (b"t", Some((b"[1]", Some("text/plain")))),
        ];
        assert_eq!(printed(Format::Text, false, &rows), "n=5\nz=007\ns=a\\nb\nj={\"a\":\\n[1]}\nx={broken\nt=[1]\n");
        let lines = [
            r#"["n",5]"#,
            r#"["z","007"]"#,
            r#"["s","a\nb"]"#,
            r#"["j",{"a": [1]}]"#,
            r#"["x","{broken"]"#,
            r#"["t","[1]"]"#,
        ];
        assert_eq!(printed(Format::JsonLines, false, &rows), lines.map(|line| format!("{line}\n")).concat());
        assert_eq!(printed(Format::Json, false, &rows), format!("[{}]", lines.join(",")));
    }

    #[test]
    fn what_is_no_text_is_lost_or_told_in_base64() {
        let rows: [Row<'_>; 1] = [(b"k\xFF", Some((&b"\xFE"[..], None)))];
        assert_eq!(printed(Format::Json, false, &rows), "[[\"k\u{FFFD}\",\"\u{FFFD}\"]]");
        assert_eq!(printed(Format::Json, true, &rows), r#"[["a/8=","/g=="]]"#);
        assert_eq!(printed(Format::Text, true, &rows), "a/8==/g==\n");
    }
}
