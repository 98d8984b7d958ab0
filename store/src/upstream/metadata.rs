//! What is said about an object beside its bytes: headers to stored metadata and back, byte for byte.

use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, EXPIRES};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::object::{Metadata, SystemHeaders};

const USER: &str = "x-amz-meta-";
const REDIRECT: &str = "x-amz-website-redirect-location";
/// Begins a stored value whose bytes are not UTF-8 (raw Latin-1): each character behind it is one byte. No such value
/// begins with it by itself; one that does is stored like this too.
const BYTES: char = '\u{FFFE}';

/// Reads the headers that are stored with an object.
pub fn from_headers(headers: &HeaderMap) -> Metadata {
    let get = |name: &str| joined(headers, name).filter(|value| !value.is_empty()).map(|value| to_text(&value));
    let system = SystemHeaders {
        content_type: get(CONTENT_TYPE.as_str()),
        cache_control: get(CACHE_CONTROL.as_str()),
        content_disposition: get(CONTENT_DISPOSITION.as_str()),
        content_encoding: get(CONTENT_ENCODING.as_str()).and_then(|list| without_transport(&list)),
        content_language: get(CONTENT_LANGUAGE.as_str()),
        expires: get(EXPIRES.as_str()),
        website_redirect: get(REDIRECT),
    };
    let names = headers.keys().filter_map(|name| Some((name, name.as_str().strip_prefix(USER)?)));
    let mut user: Vec<(String, String)> = names
        .filter(|(_, end)| !end.is_empty())
        .filter_map(|(name, end)| Some((end.to_owned(), to_text(&joined(headers, name.as_str())?))))
        .collect();
    user.sort_unstable();
    Metadata { system, user }
}

/// Adds the headers that are stored.
pub fn to_headers(metadata: &Metadata, headers: &mut HeaderMap) {
    let system = &metadata.system;
    for (name, value) in [
        (CONTENT_TYPE, &system.content_type),
        (CACHE_CONTROL, &system.cache_control),
        (CONTENT_DISPOSITION, &system.content_disposition),
        (CONTENT_ENCODING, &system.content_encoding),
        (CONTENT_LANGUAGE, &system.content_language),
        (EXPIRES, &system.expires),
        (HeaderName::from_static(REDIRECT), &system.website_redirect),
    ] {
        if let Some(value) = value.as_ref().and_then(|value| to_value(value)) {
            headers.insert(name, value);
        }
    }
    for (name, value) in &metadata.user {
        let name = HeaderName::try_from(format!("{USER}{name}")).ok();
        if let Some((name, value)) = name.zip(to_value(value)) {
            headers.insert(name, value);
        }
    }
}

/// The values of a header that is given several times are one list (RFC 9110 section 5.3).
fn joined(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = values.next()?.to_vec();
    Some(values.fold(first, |list, value| [&list, &b","[..], value].concat()))
}

/// Takes `aws-chunked`, which names a transport and not the object's encoding, out of a Content-Encoding. A value
/// without it stays as it is; `None` if nothing is left.
fn without_transport(list: &str) -> Option<String> {
    let is_transport = |item: &&str| item.trim().eq_ignore_ascii_case("aws-chunked");
    if !list.split(',').any(|item| is_transport(&item)) {
        return Some(list.to_owned());
    }
    let rest: Vec<&str> = list.split(',').filter(|item| !is_transport(item)).map(str::trim).collect();
    let rest = rest.join(",");
    (!rest.is_empty()).then_some(rest)
}

fn to_text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.starts_with(BYTES) => text.to_owned(),
        _ => std::iter::once(BYTES).chain(value.iter().map(|byte| char::from(*byte))).collect(),
    }
}

fn to_value(text: &str) -> Option<HeaderValue> {
    match text.strip_prefix(BYTES) {
        None => HeaderValue::from_bytes(text.as_bytes()).ok(),
        Some(bytes) => {
            let bytes: Vec<u8> = bytes.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
            HeaderValue::from_bytes(&bytes).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(pairs: &[(&'static str, &[u8])]) -> (Metadata, HeaderMap) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        let metadata = from_headers(&headers);
        let mut out = HeaderMap::new();
        to_headers(&metadata, &mut out);
        (metadata, out)
    }

    #[test]
    fn values_come_back_as_they_were_sent() {
        for value in
            [&b"plain"[..], b"", b"=?UTF-8?B?w6k=?=", "é✓".as_bytes(), b"\xE9t\xE9", "\u{FFFE}x".as_bytes(), b"a  b"]
        {
            let (_, out) = round_trip(&[("x-amz-meta-v", value)]);
            assert_eq!(out.get("x-amz-meta-v").unwrap().as_bytes(), value, "{value:?}");
        }
        let (_, out) =
            round_trip(&[("expires", b"in a while"), ("cache-control", b"no-cache ,x"), ("content-type", b"")]);
        assert_eq!(out.get("expires").unwrap(), "in a while");
        assert_eq!(out.get("cache-control").unwrap(), "no-cache ,x");
        assert_eq!(out.get("content-type"), None);
    }

    #[test]
    fn names_are_lower_case_and_repeated_values_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(HeaderName::from_bytes(b"X-Amz-Meta-Foo").unwrap(), HeaderValue::from_static("1"));
        headers.append("x-amz-meta-foo", HeaderValue::from_static("2"));
        headers.append("x-amz-meta-", HeaderValue::from_static("no name"));
        assert_eq!(from_headers(&headers).user, vec![("foo".to_owned(), "1,2".to_owned())]);
    }

    #[test]
    fn the_transport_encoding_leaves_no_trace() {
        for (sent, stored) in [
            (&b"aws-chunked"[..], None),
            (b"gzip,aws-chunked", Some("gzip")),
            (b"aws-chunked, gzip , aws-chunked, br", Some("gzip,br")),
            (b"AWS-Chunked,aws-chunked", None),
            (b"gzip, br", Some("gzip, br")),
        ] {
            let (metadata, out) = round_trip(&[("content-encoding", sent)]);
            assert_eq!(metadata.system.content_encoding.as_deref(), stored, "{sent:?}");
            assert_eq!(out.get("content-encoding").map(|v| v.to_str().unwrap()), stored);
        }
    }
}
