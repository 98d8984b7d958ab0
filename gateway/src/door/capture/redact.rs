//! What must not be in a log: secrets by the name of what holds them, and API keys wherever they stand.
//!
//! JSON is redacted as text, token by token, and not as a document: what is logged of a body may be its beginning alone.
//! Whatever is no JSON token ends it there, so that nothing is kept whose meaning is not known.

use super::SHARE;

/// What stands in place of a secret.
pub(super) const REDACTED: &str = "[REDACTED]";

/// Names of secrets, in lower case and without punctuation.
const NAMES: [&str; 9] = ["auth", "awsaccesskeyid", "cookie", "key", "otp", "pass", "pin", "pwd", "xamzcredential"];
/// Ends of such names.
const ENDS: [&str; 14] = [
    "accesskey",
    "apikey",
    "authorization",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretkey",
    "signature",
    "signingkey",
    "token",
];
/// What ends like one and is none: places in listings.
const HARMLESS: [&str; 3] = ["continuationtoken", "nextcontinuationtoken", "nexttoken"];

/// What is looked at of a name, from its end: more than the longest of those above.
const NAME_BYTES_MAX: usize = 24;

/// How API keys begin, how many characters follow, and how many follow in what begins alike and is none: the identifier of a
/// bucket.
const API_KEYS: [(&str, usize, usize); 3] = [("bkt_", 43, 26), ("uk_live_", 32, 0), ("uk_test_", 32, 0)];
/// All of them end so.
const API_KEY_MARK: char = '_';
/// What a presigned link holds.
const SIGNED: &str = "X-Amz-Signature=";

/// Whether a field or a parameter of that name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    // Hardly any other name ends like those, and to compare with each costs more than the rest of a redaction.
    if !ends_like_a_secret(name) {
        return false;
    }
    let mut plain = [0; NAME_BYTES_MAX];
    let room = plain.iter_mut().rev();
    let count = letters_from_the_end(name).zip(room).map(|(letter, place)| *place = letter).count();
    let plain = plain.get(NAME_BYTES_MAX - count..).unwrap_or_default();
    let is = |name: &str| name.as_bytes() == plain;
    let ends = ENDS.iter().any(|end| plain.ends_with(end.as_bytes())) || plain.ends_with(b"secretaccesskey");
    (ends && !HARMLESS.iter().any(|name| is(name))) || NAMES.iter().any(|name| is(name))
}

/// Whether the last three letters are those of `NAMES` or `ENDS`.
#[rustfmt::skip]
fn ends_like_a_secret(name: &str) -> bool {
    let mut letters = letters_from_the_end(name);
    let (Some(c), Some(b), Some(a)) = (letters.next(), letters.next(), letters.next()) else { return false };
    matches!(
        &[a, b, c],
        b"als" | b"ase" | b"ass" | b"ial" | b"ion" | b"ken" | b"key" | b"kie" | b"ord" | b"otp" | b"pin" | b"pwd" | b"ret"
            | b"swd" | b"ure" | b"uth" | b"yid"
    )
}

/// The letters and digits of a name from its end, in lower case.
fn letters_from_the_end(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().rev().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// Whether a text holds an API key, or the beginning of one at its end.
fn holds_api_key(text: &str) -> bool {
    text.match_indices(API_KEY_MARK).any(|(mark, _)| {
        let (until, rest) = text.as_bytes().split_at_checked(mark + 1).unwrap_or_default();
        API_KEYS.iter().any(|(begin, length, harmless)| {
            until.ends_with(begin.as_bytes()) && {
                let run = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
                run >= *length || (run == rest.len() && run > *harmless)
            }
        })
    })
}

/// Whether a text holds what opens something by itself: an API key, the address of a share link, or a presigned link.
pub(super) fn holds_secret(text: &str) -> bool {
    // One byte of each is quicker to look for, and most texts have neither.
    let seen = |(mark, dash), byte| (mark | (byte == API_KEY_MARK as u8), dash | (byte == b'-'));
    let (mark, dash) = text.bytes().fold((false, false), seen);
    (mark && holds_api_key(text)) || (dash && (text.contains(SHARE) || text.contains(SIGNED)))
}

/// A value, or what stands in its place.
pub(super) fn value(name: &str, value: &str) -> String {
    let shown = if is_secret(name) || holds_secret(value) { REDACTED } else { value };
    shown.to_owned()
}

/// A JSON text without its secrets, and whether it came to its end.
pub(super) fn json(text: &str) -> (String, bool) {
    let bytes = text.as_bytes();
    let mut copy = Copy { text, copied: 0, out: String::with_capacity(text.len()) };
    // What the whole does not hold, no part of it does.
    let suspect = holds_secret(text);
    let mut at = 0;
    loop {
        at = skip(bytes, at, is_plain);
        match bytes.get(at) {
            None => return (copy.finish(at), true),
            Some(b'"') => {}
            Some(_) => return (copy.finish(at), false),
        }
        let Some((end, escapes)) = string_end(bytes, at) else {
            // Cut within a string: of what may be the name of a secret, or hold one, nothing is kept.
            let rest = text.get(at..).unwrap_or_default();
            let keeps = !holds_secret(rest) && !API_KEYS.iter().any(|(begin, ..)| rest.contains(begin));
            return (copy.finish(if keeps { text.len() } else { at }), false);
        };
        let string = text.get(at..end).unwrap_or_default();
        let is_secret = || if escapes { is_secret(&unescaped(string)) } else { is_secret(string) };
        if let Some(value) = value_of(bytes, end).filter(|_| is_secret()) {
            copy.keep(end);
            let behind = value_end(bytes, value);
            copy.replace(behind.unwrap_or(text.len()), [":\"", REDACTED, "\""]);
            let Some(behind) = behind else { return (copy.out, false) };
            at = behind;
        } else {
            if suspect && holds_secret(string) {
                copy.keep(at);
                copy.replace(end, ["\"", REDACTED, "\""]);
            }
            at = end;
        }
    }
}

/// A text that is copied in runs, but for what something else stands in place of. Places are in bytes of the text.
struct Copy<'a> {
    text: &'a str,
    /// Up to here it is copied, or replaced.
    copied: usize,
    out: String,
}

impl Copy<'_> {
    /// Copies it up to there.
    fn keep(&mut self, end: usize) {
        self.out.push_str(self.text.get(self.copied..end).unwrap_or_default());
        self.copied = end;
    }

    /// Puts something in place of it up to there.
    fn replace(&mut self, end: usize, by: [&str; 3]) {
        self.out.extend(by);
        self.copied = end;
    }

    /// Copies it up to there, and no further.
    fn finish(mut self, end: usize) -> String {
        self.keep(end);
        self.out
    }
}

/// Where the bytes end, from a place on, of which something holds.
fn skip(bytes: &[u8], at: usize, holds: impl Fn(u8) -> bool) -> usize {
    let run = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| holds(**byte)).count();
    at + run
}

/// Whether a byte stands outside of strings: punctuation, spaces, numbers, and the letters of `true`, `false` and `null`.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b':' | b',' | b' ' | b'\t' | b'\r' | b'\n')
        || matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
        || matches!(byte, b't' | b'r' | b'u' | b'f' | b'a' | b'l' | b's' | b'n')
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

/// Where the string that begins there ends, behind its quote, and whether it has escapes; `None` if it does not end.
fn string_end(bytes: &[u8], begin: usize) -> Option<(usize, bool)> {
    let (mut at, mut escapes) = (begin + 1, false);
    loop {
        match bytes.get(at)? {
            b'"' => return Some((at + 1, escapes)),
            // It takes the next byte with it.
            b'\\' => (at, escapes) = (at + 2, true),
            _ => at += 1,
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
            b'"' => at = string_end(bytes, at)?.0,
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
    fn no_name_of_a_secret_ends_otherwise() {
        for name in NAMES.iter().chain(&ENDS).chain(&["secretaccesskey"]) {
            assert!(ends_like_a_secret(name), "{name}");
        }
        assert!(API_KEYS.iter().all(|(begin, ..)| begin.ends_with(API_KEY_MARK)));
    }

    #[test]
    fn names_are_told_whatever_their_case_and_punctuation() {
        for secret in [
            "password",
            "Password",
            "new_password",
            "secret",
            "clientSecret",
            "client-secret",
            "token",
            "access_token",
            "X-Amz-Security-Token",
            "apiKey",
            "api_key",
            "key",
            "KEY",
            "secretAccessKey",
            "X-Amz-Signature",
            "Signature",
            "X-Amz-Credential",
            "AWSAccessKeyId",
            "privateKey",
            "passphrase",
            "authorization",
            "pwd",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for plain in [
            "name",
            "keys",
            "keyId",
            "apiKeyId",
            "accessKeyId",
            "key-marker",
            "monkey",
            "prefix",
            "continuation-token",
            "nextCursor",
            "tokens",
            "secretary",
            "uploadId",
            "",
        ] {
            assert!(!is_secret(plain), "{plain}");
        }
    }

    #[test]
    fn api_keys_are_told_from_identifiers() {
        assert!(holds_api_key(TOKEN));
        assert!(holds_api_key(&format!("Bearer {TOKEN}, and more")));
        assert!(holds_api_key(&TOKEN[..40]), "cut");
        assert!(!holds_api_key("bkt_01ARZ3NDEKTSV4RRFFQ69G5FAV"));
        assert!(!holds_api_key("bkt_01ARZ3NDEKTSV4RRFFQ69G5FAV/files"));
        assert!(!holds_api_key("bkt_"));
        assert!(holds_secret(TOKEN) && holds_secret("https://files.example.com/-/s/c0de") && !holds_secret("/-/docs"));
    }

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
        let (out, whole) = json(&format!(r#"["{TOKEN}", "k"]"#));
        assert_eq!((out.as_str(), whole), (r#"["[REDACTED]", "k"]"#, true));
    }

    #[test]
    fn what_is_no_json_ends_there() {
        assert_eq!(json("{'password': 's3cret'}"), ("{".to_owned(), false));
        assert_eq!(json("{\"a\": hunter2}"), ("{\"a\": ".to_owned(), false));
        assert_eq!(json("{\"password\"=\"s3cret\"}").0, "{\"password\"");
        assert_eq!(json("{\"password\":\"s3cr").0, "{\"password\":\"[REDACTED]\"");
        assert_eq!(json("{\"a\":\"bkt_0123").0, "{\"a\":");
        assert_eq!(json(""), (String::new(), true));
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
