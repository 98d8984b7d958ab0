//! Paths: the parameters that a route's template names, and the key of a file. A path is decoded exactly once, and never
//! normalised: keys are opaque.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use windlass_store::name::ObjectKey;

use crate::error::{Error, Result};

/// A segment of a path as text; `None` if it is not UTF-8 once it is decoded, or no percent-encoding.
pub(crate) fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(segment.into());
    }
    let bytes = segment.as_bytes();
    let is_whole = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    let sound = bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || is_whole(at));
    sound.then(|| percent_decode_str(segment).decode_utf8().ok()).flatten()
}

/// What a path has in place of each `{name}` of a template, as it was sent. `{*name}` is the rest.
pub(crate) fn parameters<'a>(
    template: &'static str,
    path: &'a str,
) -> impl Iterator<Item = (&'static str, &'a str)> + use<'a> {
    let named = |part: &'static str| part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
    let mut rest = path;
    template.split('/').filter_map(move |part| match named(part) {
        Some(name) if name.starts_with('*') => name.get(1..).map(|name| (name, std::mem::take(&mut rest))),
        name => {
            let (segment, behind) = rest.split_once('/').unwrap_or((rest, ""));
            rest = behind;
            name.map(|name| (name, segment))
        }
    })
}

/// The key of a file, from the rest of a path.
pub(crate) fn key(rest: &str) -> Result<ObjectKey> {
    if rest.is_empty() {
        return Err(Error::bad_request("File path is required"));
    }
    let text = decode(rest).ok_or_else(|| Error::bad_request("File path is not valid UTF-8"))?;
    if text.contains('\0') {
        return Err(Error::bad_request("File path must not contain NUL"));
    }
    Ok(ObjectKey::parse(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, Form};

    fn told(rest: &str) -> String {
        let error = key(rest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        error.message(Form::Envelope).into_owned()
    }

    #[test]
    fn a_key_is_decoded_once_and_kept_as_it_is() {
        for (rest, expected) in [
            ("a", "a"),
            ("a//b", "a//b"),
            ("/a", "/a"),
            ("a/", "a/"),
            ("a/../b/.", "a/../b/."),
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a%2Fb"),
            ("a+b%20c", "a+b c"),
            ("%C3%A9", "é"),
            ("%0A", "\n"),
        ] {
            assert_eq!(key(rest).unwrap().as_str(), expected, "{rest}");
        }
    }

    #[test]
    fn what_is_no_key_is_told() {
        assert_eq!(told(""), "File path is required");
        assert_eq!(told("a%00b"), "File path must not contain NUL");
        for bad in ["%FF", "%C3", "%", "%2", "%zz", "a%"] {
            assert_eq!(told(bad), "File path is not valid UTF-8", "{bad}");
        }
        assert_eq!(told(&"k".repeat(1025)), "File path is too long: at most 1024 bytes");
        assert!(key(&"k".repeat(1024)).is_ok());
    }

    #[test]
    fn templates_find_their_parameters() {
        let files = "/v1/buckets/{bucketId}/files/{*path}";
        let parameters = |template, path| super::parameters(template, path).collect::<Vec<_>>();
        assert_eq!(parameters(files, "/v1/buckets/b/files/x/y/"), [("bucketId", "b"), ("path", "x/y/")]);
        assert_eq!(parameters(files, "/v1/buckets/b/files//x"), [("bucketId", "b"), ("path", "/x")]);
        assert_eq!(parameters("/v1/keys/{keyId}", "/v1/keys/k"), [("keyId", "k")]);
        assert_eq!(parameters("/v1/files/{fileId}/content", "/v1/files/f/content"), [("fileId", "f")]);
        assert_eq!(parameters("/v1/keys", "/v1/keys"), []);
    }
}
