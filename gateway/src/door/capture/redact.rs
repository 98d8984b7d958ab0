//! What must not be in a log: secrets by the name of what holds them, and API keys wherever they stand.

mod json;

use std::borrow::Cow;

use memchr::memchr_iter;

pub(super) use self::json::{json, printed};
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
/// What a presigned link holds.
const SIGNED: &str = "X-Amz-Signature=";

/// All beginnings of API keys end so.
const API_KEY_MARK: u8 = b'_';

/// What bytes are to a redaction, in bits: one look at each byte tells what is to be looked for, and most texts have nothing of it.
mod class {
    /// May be the end of the beginning of an API key.
    pub(super) const API_KEY: u8 = 1;
    /// Both are in every address that is a secret.
    pub(super) const LINK: u8 = 1 << 1 | 1 << 2;
    /// Ends a string, or escapes what is next.
    pub(super) const QUOTE: u8 = 1 << 3;
    pub(super) const ESCAPE: u8 = 1 << 4;
    /// Stands outside of strings: punctuation, spaces, numbers, and the letters of `true`, `false` and `null`.
    pub(super) const PLAIN: u8 = 1 << 5;

    static ALL: [u8; 256] = {
        let mut classes = [0; 256];
        let (mut rest, mut byte) = (classes.as_mut_slice(), 0_u8);
        while let Some((class, behind)) = rest.split_first_mut() {
            *class = class_of(byte);
            (rest, byte) = (behind, byte.wrapping_add(1));
        }
        classes
    };

    /// The classes of a byte.
    pub(super) fn of(byte: u8) -> u8 {
        ALL.get(usize::from(byte)).copied().unwrap_or_default()
    }

    const fn class_of(byte: u8) -> u8 {
        match byte {
            super::API_KEY_MARK => API_KEY,
            b'-' => 1 << 1 | PLAIN,
            b'/' | b'=' => 1 << 2,
            b'"' => QUOTE,
            b'\\' => ESCAPE,
            b'{' | b'}' | b'[' | b']' | b':' | b',' | b' ' | b'\t' | b'\r' | b'\n' => PLAIN,
            b'0'..=b'9' | b'+' | b'.' | b'e' | b'E' => PLAIN,
            b't' | b'r' | b'u' | b'f' | b'a' | b'l' | b's' | b'n' => PLAIN,
            _ => 0,
        }
    }
}

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
    let bytes = text.as_bytes();
    let marks = memchr_iter(API_KEY_MARK, bytes);
    marks.map(|mark| bytes.split_at_checked(mark + 1).unwrap_or_default()).any(|(until, rest)| {
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
    holds_seen_secret(text, text.bytes().fold(0, |seen, byte| seen | class::of(byte)))
}

/// The same of a text in which bytes of those classes were seen.
fn holds_seen_secret(text: &str, seen: u8) -> bool {
    (seen & class::API_KEY != 0 && holds_api_key(text)) || (seen & class::LINK == class::LINK && holds_link(text))
}

/// Whether a text holds an address that is a secret.
fn holds_link(text: &str) -> bool {
    text.contains(SHARE) || text.contains(SIGNED)
}

/// A parameter's name and value, or what stands in place of either.
pub(super) fn parameter<'a>((name, value): (Cow<'a, str>, Cow<'a, str>)) -> (Cow<'a, str>, Cow<'a, str>) {
    let shown = |hidden, text| if hidden { REDACTED.into() } else { text };
    let (hides_name, hides_value) = (holds_secret(&name), is_secret(&name) || holds_secret(&value));
    (shown(hides_name, name), shown(hides_value, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "bkt_0123456789abcdefghijABCDEFGHIJ0123456789-_x";

    #[test]
    fn no_name_of_a_secret_ends_otherwise() {
        for name in NAMES.iter().chain(&ENDS).chain(&["secretaccesskey"]) {
            assert!(ends_like_a_secret(name), "{name}");
        }
    }

    #[test]
    fn whatever_is_secret_by_itself_has_its_mark() {
        assert!(API_KEYS.iter().all(|(begin, ..)| begin.as_bytes().ends_with(&[API_KEY_MARK])));
        let seen = |text: &str| text.bytes().fold(0, |seen, byte| seen | class::of(byte));
        assert!([SHARE, SIGNED].iter().all(|link| seen(link) & class::LINK == class::LINK));
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
}
