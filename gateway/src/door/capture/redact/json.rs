//! JSON is redacted as text, token by token, and not as a document: what is logged of a body may be its beginning alone.
//! Whatever is no JSON token ends it there, so that nothing is kept whose meaning is not known.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter};

use super::{
    API_KEYS, REDACTED, class, ends_like_a_secret, holds_api_key, holds_link, holds_secret, holds_seen_secret,
    is_secret,
};

/// A JSON text without its secrets, and whether it came to its end.
pub(in super::super) fn json(text: &str) -> (Cow<'_, str>, bool) {
    let bytes = text.as_bytes();
    let mut copy = Copy { text, copied: 0, out: String::new() };
    let mut at = 0;
    loop {
        at = skip(bytes, at, |byte| class::of(byte) & class::PLAIN != 0);
        match bytes.get(at) {
            None => return (copy.finish(at), true),
            Some(b'"') => {}
            Some(_) => return (copy.finish(at), false),
        }
        let Some(string) = Quoted::at(bytes, at) else {
            // Cut within a string: of what may be the name of a secret, or hold one, nothing is kept.
            let rest = text.get(at..).unwrap_or_default();
            let keeps = !holds_secret(rest) && !API_KEYS.iter().any(|(begin, ..)| rest.contains(begin));
            return (copy.finish(if keeps { text.len() } else { at }), false);
        };
        let (end, quoted) = (string.end, text.get(at..string.end).unwrap_or_default());
        // What it says, and what is to be looked for in it.
        let (said, seen) = match string.seen & class::ESCAPE {
            0 => (Cow::Borrowed(quoted), string.seen),
            _ => (Cow::Owned(unescaped(quoted)), u8::MAX),
        };
        if let Some(value) = value_of(bytes, end).filter(|_| is_secret(&said)) {
            let behind = value_end(bytes, value);
            copy.replace(end..behind.unwrap_or(text.len()), [":\"", REDACTED, "\""]);
            let Some(behind) = behind else { return (copy.out.into(), false) };
            at = behind;
        } else {
            if holds_seen_secret(&said, seen) {
                copy.replace(at..end, ["\"", REDACTED, "\""]);
            }
            at = end;
        }
    }
}

/// The same of a document that was printed here, whole and without spaces between its tokens: in such a text a colon behind a quote
/// is behind a name, and nothing else has to be looked at. `None` if more has to be.
pub(in super::super) fn printed(text: &str) -> Option<Cow<'_, str>> {
    let bytes = text.as_bytes();
    if memchr(b'\\', bytes).is_some() || holds_api_key(text) || holds_link(text) {
        return None;
    }
    let mut copy = Copy { text, copied: 0, out: String::new() };
    for colon in memchr_iter(b':', bytes) {
        let named = text.get(copy.copied..colon).and_then(|until| until.strip_suffix('"'));
        let Some(until) = named.filter(|until| ends_like_a_secret(until)) else { continue };
        if until.rsplit('"').next().is_some_and(is_secret) {
            copy.replace(colon..value_end(bytes, colon + 1)?, [":\"", REDACTED, "\""]);
        }
    }
    Some(copy.finish(text.len()))
}

/// A text that is copied in runs, but for what something else stands in place of. Places are in bytes of the text.
struct Copy<'a> {
    text: &'a str,
    /// Up to here it is copied, or replaced. Nothing is copied before the first place that is replaced.
    copied: usize,
    out: String,
}

impl<'a> Copy<'a> {
    /// Puts something in place of a range.
    fn replace(&mut self, range: Range<usize>, by: [&str; 3]) {
        self.out.push_str(self.text.get(self.copied..range.start).unwrap_or_default());
        self.out.extend(by);
        self.copied = range.end;
    }

    /// Copies it up to there, and no further.
    fn finish(mut self, end: usize) -> Cow<'a, str> {
        let rest = self.text.get(self.copied..end).unwrap_or_default();
        if self.copied == 0 {
            return rest.into();
        }
        self.out.push_str(rest);
        self.out.into()
    }
}

/// Where the bytes end, from a place on, of which something holds.
fn skip(bytes: &[u8], at: usize, holds: impl Fn(u8) -> bool) -> usize {
    let run = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| holds(**byte)).count();
    at + run
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// A string with its quotes.
struct Quoted {
    /// Where it ends, behind its quote.
    end: usize,
    /// The classes of its bytes.
    seen: u8,
}

impl Quoted {
    /// The string that begins there; `None` if it does not end.
    fn at(bytes: &[u8], begin: usize) -> Option<Self> {
        let (mut at, mut seen) = (begin + 1, 0);
        loop {
            let mut last = 0;
            let run = bytes.get(at..)?.iter().position(|byte| {
                last = class::of(*byte);
                seen |= last;
                last & (class::QUOTE | class::ESCAPE) != 0
            })?;
            at += run + 1;
            if last & class::QUOTE != 0 {
                return Some(Self { end: at, seen });
            }
            // An escape takes the next byte with it.
            at += 1;
        }
    }
}

/// Where the value begins whose name ends there; `None` if that is no name.
fn value_of(bytes: &[u8], name_end: usize) -> Option<usize> {
    let colon = skip(bytes, name_end, is_space);
    (bytes.get(colon) == Some(&b':')).then(|| skip(bytes, colon + 1, is_space))
}

/// Where the value that begins there ends; `None` if it does not.
fn value_end(bytes: &[u8], begin: usize) -> Option<usize> {
    let (mut at, mut depth) = (begin, 0_usize);
    loop {
        let Some(&byte) = bytes.get(at) else { return (depth == 0).then_some(at) };
        match byte {
            b'"' => at = Quoted::at(bytes, at)?.end,
            b',' | b'}' | b']' if depth == 0 => return Some(at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ => at += 1,
        }
        if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
            return Some(at);
        }
    }
}

/// A string with its escapes resolved as far as names need it.
fn unescaped(string: &str) -> String {
    let mut out = String::with_capacity(string.len());
    let mut rest = string;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let code = escape.strip_prefix('u').and_then(|hex| u32::from_str_radix(hex.get(..4)?, 16).ok());
        match code {
            Some(code) => {
                out.extend(char::from_u32(code));
                rest = escape.get(5..).unwrap_or_default();
            }
            None => {
                let first = escape.chars().next();
                out.extend(first);
                rest = escape.get(first.map_or(0, char::len_utf8)..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const TOKEN: &str = "bkt_0123456789abcdefghijABCDEFGHIJ0123456789-_x";

    #[test]
    fn json_is_redacted_at_any_depth() {
        let (out, whole) =
            json(r#"{"a":[{"Password" : {"x":["s3cret"]},"b":1}],"key":"s3cret","t\u006fken":7,"c":true}"#);
        assert!(whole);
        let value: Value = serde_json::from_str(&out).unwrap();
        let expected = serde_json::json!({
            "a": [{ "Password": REDACTED, "b": 1 }], "key": REDACTED, "token": REDACTED, "c": true
        });
        assert_eq!(value, expected);
        let text = format!(r#"["{TOKEN}", "k"]"#);
        let (out, whole) = json(&text);
        assert_eq!((&*out, whole), (r#"["[REDACTED]", "k"]"#, true));
        let (out, whole) = json(r#"["https://e.test/-/s/c0de", "a-b", "https:\/\/e.test\/-\/s\/c0de"]"#);
        assert_eq!((&*out, whole), (r#"["[REDACTED]", "a-b", "[REDACTED]"]"#, true));
    }

    #[test]
    fn what_was_printed_is_redacted_by_its_names() {
        let plain = r#"{"id":"bkt_01ARZ3NDEKTSV4RRFFQ69G5FAV","keys":["a-/b_"],"at":"2026-01-02T03:04:05Z","pin":1}"#;
        assert_eq!(printed(plain).unwrap(), plain.replace(":1}", r#":"[REDACTED]"}"#));
        let nested = r#"[{"key":{"key":"a","b":[{"token":":"}]},"k":":","secretAccessKey":"\u00e9"},{"id":"key"}]"#;
        assert_eq!(printed(&nested.replace('\\', "")).unwrap(), json(&nested.replace('\\', "")).0);
        for hidden in [
            nested,
            r#"["https://e.test/-/s/c0de"]"#,
            r#"{"url":"https://e.test/b/k?X-Amz-Signature=00"}"#,
            &format!(r#"["{TOKEN}"]"#),
        ] {
            assert_eq!(printed(hidden), None, "{hidden}");
        }
    }

    #[test]
    fn what_is_no_json_ends_there() {
        assert_eq!(json("{'password': 's3cret'}"), ("{".into(), false));
        assert_eq!(json("{\"a\": hunter2}"), ("{\"a\": ".into(), false));
        assert_eq!(json("{\"password\"=\"s3cret\"}").0, "{\"password\"");
        assert_eq!(json("{\"password\":\"s3cr").0, "{\"password\":\"[REDACTED]\"");
        assert_eq!(json("{\"a\":\"bkt_0123").0, "{\"a\":");
        assert_eq!(json(""), ("".into(), true));
    }

    /// The same, done on the document.
    fn redacted(value: Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| match is_secret(&name) {
                    true => (name, REDACTED.into()),
                    false => (name, redacted(value)),
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(values) => values.into_iter().map(redacted).collect(),
            other => other,
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let name = || prop_oneof![Just("password".to_owned()), Just("Key".to_owned()), "[a-z\"\\\\é]{0,4}"];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            // Numbers that are the same after printing and reading.
            any::<i16>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
            "[ -~é\n]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name(), inner), 0..4)
                    .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    /// A document in which every value under a secret name holds the marker, and no other does.
    fn marked(value: Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| match is_secret(&name) {
                    true => (name, serde_json::json!({ "x": ["MARKER", value] })),
                    false => (name, marked(value)),
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(values) => values.into_iter().map(marked).collect(),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn redacted_text_is_the_redacted_document(value in document(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let (out, whole) = json(&text);
            prop_assert!(whole);
            prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), redacted(value), "{}", text);
        }

        #[test]
        fn what_was_printed_is_redacted_like_any_json(value in document()) {
            let text = serde_json::to_string(&value).unwrap();
            match printed(&text) {
                Some(out) => prop_assert_eq!(out, json(&text).0),
                None => prop_assert!(text.contains('\\')),
            }
        }

        #[test]
        fn no_cut_lets_a_secret_through(value in document(), at in any::<prop::sample::Index>()) {
            let text = serde_json::to_string(&marked(value)).unwrap();
            let cut = text.floor_char_boundary(at.index(text.len() + 1));
            let (out, _) = json(&text[..cut]);
            prop_assert!(!out.contains("MARK"), "{} of {}", out, &text[..cut]);
            prop_assert!(out.len() <= cut + 64 * REDACTED.len());
        }

        #[test]
        fn any_text_is_taken(text in "\\PC{0,64}") {
            json(&text);
        }
    }
}
