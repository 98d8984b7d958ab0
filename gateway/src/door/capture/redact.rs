//! What must not be in a log: secrets by the name of what holds them, and API keys wherever they stand.
//!
//! JSON is redacted as text, token by token, and not as a document: what is logged of a body may be its beginning alone.
//! Whatever is no JSON token ends it there, so that nothing is kept whose meaning is not known.

use std::borrow::Cow;

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
/// Their last letters.
const LAST: [u8; 9] = *b"dehlnpsty";
/// What ends like one and is none: places in listings.
const HARMLESS: [&str; 3] = ["continuationtoken", "nextcontinuationtoken", "nexttoken"];

/// What is looked at of a name, from its end: more than the longest of those above.
const NAME_BYTES_MAX: usize = 24;

/// How API keys begin, how many characters follow, and how many follow in what begins alike and is none: the identifier of a
/// bucket.
const API_KEYS: [(&str, usize, usize); 3] = [("bkt_", 43, 26), ("uk_live_", 32, 0), ("uk_test_", 32, 0)];
/// What a presigned link holds.
const SIGNED: &str = "X-Amz-Signature=";

/// Whether a field or a parameter of that name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    // All of them end so, and hardly any other name does: what follows costs more than the rest of a redaction.
    let last = name.bytes().rev().find(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    if !last.is_some_and(|last| LAST.contains(&last)) {
        return false;
    }
    let mut plain = [0; NAME_BYTES_MAX];
    let mut room = plain.iter_mut().rev();
    let letters = name.bytes().rev().filter(u8::is_ascii_alphanumeric);
    let count = letters.zip(&mut room).map(|(byte, place)| *place = byte.to_ascii_lowercase()).count();
    let plain = plain.get(NAME_BYTES_MAX - count..).unwrap_or_default();
    let is = |name: &str| name.as_bytes() == plain;
    let ends = ENDS.iter().any(|end| plain.ends_with(end.as_bytes())) || plain.ends_with(b"secretaccesskey");
    (ends && !HARMLESS.iter().any(|name| is(name))) || NAMES.iter().any(|name| is(name))
}

/// Whether a text holds an API key, or the beginning of one at its end.
fn holds_api_key(text: &str) -> bool {
    API_KEYS.iter().any(|(begin, length, harmless)| {
        // Most texts hold none, and to find that out is quicker than to look for all.
        text.contains(begin)
            && text.match_indices(begin).any(|(at, _)| {
                let rest = text.get(at + begin.len()..).unwrap_or_default().as_bytes();
                let run = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
                run >= *length || (run == rest.len() && run > *harmless)
            })
    })
}

/// Whether a text holds what opens something by itself: an API key, the address of a share link, or a presigned link.
pub(super) fn holds_secret(text: &str) -> bool {
    // One byte of each is quicker to look for, and most texts have neither.
    let has = |byte: u8| text.as_bytes().contains(&byte);
    (has(b'_') && holds_api_key(text)) || (has(b'-') && (text.contains(SHARE) || text.contains(SIGNED)))
}

/// A value, or what stands in its place.
pub(super) fn value(name: &str, value: &str) -> String {
    let shown = if is_secret(name) || holds_secret(value) { REDACTED } else { value };
    shown.to_owned()
}

/// A JSON text without its secrets, and whether it came to its end.
pub(super) fn json(text: &str) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // What the whole does not hold, no part of it does.
    let suspect = holds_secret(text);
    while let Some(&byte) = rest.as_bytes().first() {
        if byte != b'"' {
            let plain = rest.bytes().take_while(|byte| is_plain(*byte)).count();
            let (token, behind) = rest.split_at_checked(plain).unwrap_or((rest, ""));
            if plain == 0 {
                return (out, false);
            }
            out.push_str(token);
            rest = behind;
            continue;
        }
        let Some((string, behind)) = string(rest) else {
            // Cut within a string: of what may be the name of a secret, or hold one, nothing is kept.
            if !holds_secret(rest) && !API_KEYS.iter().any(|(begin, ..)| rest.contains(begin)) {
                out.push_str(rest);
            }
            return (out, false);
        };
        let value = behind.trim_ascii_start().strip_prefix(':').filter(|_| is_secret(&unescaped(string)));
        match value {
            Some(value) => {
                out.push_str(string);
                out.push_str(":\"");
                out.push_str(REDACTED);
                out.push('"');
                let Some(behind) = skip_value(value.trim_ascii_start()) else { return (out, false) };
                rest = behind;
            }
            None => {
                if suspect && holds_secret(string) {
                    out.extend(["\"", REDACTED, "\""]);
                } else {
                    out.push_str(string);
                }
                rest = behind;
            }
        }
    }
    (out, true)
}

/// Whether a byte stands outside of strings: punctuation, spaces, numbers, and the letters of `true`, `false` and `null`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_digit() || b"{}[]:,+-.eE \t\r\ntrufalsn".contains(&byte)
}

/// The string at the beginning, with its quotes, and what is behind it; `None` if it does not end.
fn string(text: &str) -> Option<(&str, &str)> {
    let mut end = 1;
    loop {
        let inner = text.get(end..)?;
        end += inner.find('"')? + 1;
        let before = text.as_bytes().get(1..end - 1)?;
        // Each backslash takes the next one with it.
        if before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0 {
            return text.split_at_checked(end);
        }
    }
}

/// What is behind the value at the beginning; `None` if the value does not end.
fn skip_value(text: &str) -> Option<&str> {
    let (mut rest, mut depth) = (text, 0_usize);
    loop {
        let Some(&byte) = rest.as_bytes().first() else { return (depth == 0).then_some(rest) };
        match byte {
            b'"' => rest = string(rest)?.1,
            b'{' | b'[' => {
                depth += 1;
                rest = rest.get(1..)?;
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                rest = rest.get(1..)?;
            }
            b',' | b'}' | b']' if depth == 0 => return Some(rest),
            _ => rest = rest.get(rest.chars().next().map_or(1, char::len_utf8)..)?,
        }
        if depth == 0 && matches!(byte, b'"' | b'}' | b']') {
            return Some(rest);
        }
    }
}

/// The text of a string between its quotes, with escapes resolved as far as names need it.
fn unescaped(string: &str) -> Cow<'_, str> {
    let inner = string.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(string);
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
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
    Cow::Owned(out)
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
            assert!(LAST.contains(&name.as_bytes()[name.len() - 1]), "{name}");
        }
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
