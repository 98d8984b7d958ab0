//! Signature version 4 in the Authorization header (AWS: "Signature Version 4 for API requests"; S3 API: "Authenticating
//! requests"). The path is encoded once, and it is the one that is sent: what is signed is what goes out, byte for byte.

use hmac::{Hmac, KeyInit, Mac};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};

use super::{Credentials, Service};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};

/// What a body is said to hash to that is not hashed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// The same for a framed one with a trailer.
pub(super) const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
/// The header that says it.
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// What a signature is bound to.
pub(super) struct Scope<'a> {
    pub(super) service: Service,
    pub(super) region: &'a str,
    pub(super) now: Millis,
}

/// What a signature covers besides headers. Path and query are as they are sent, the query sorted.
pub(super) struct Covered<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    /// The SHA-256 of the body in hexadecimal, or one of the names that stand for it.
    pub(super) payload: &'a str,
}

/// Signs a request: all its headers, and those that are added for it.
pub(super) fn sign(
    credentials: &Credentials,
    scope: &Scope<'_>,
    covered: &Covered<'_>,
    headers: &mut HeaderMap,
) -> Result<()> {
    let date = amz_date(scope.now);
    let day = date.get(..8).unwrap_or_default();
    headers.insert("x-amz-date", value(&date)?);
    if scope.service == Service::S3 {
        headers.insert(CONTENT_SHA256, value(covered.payload)?);
    }
    if let Some(token) = &credentials.session_token {
        let mut token = value(token.expose())?;
        token.set_sensitive(true);
        headers.insert("x-amz-security-token", token);
    }
    let (names, request) = canonical(covered, headers);
    let service = scope.service.name();
    let bound = format!("{day}/{}/{service}/aws4_request", scope.region);
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{bound}\n{}", hex(&Sha256::digest(&request)));
    let seed = format!("AWS4{}", credentials.secret.expose());
    let key = [day, scope.region, service, "aws4_request"]
        .into_iter()
        .fold(seed.into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    let signature = hex(&hmac(&key, text.as_bytes()));
    let id = &credentials.access_key_id;
    let told = format!("AWS4-HMAC-SHA256 Credential={id}/{bound}, SignedHeaders={names}, Signature={signature}");
    let mut told = value(&told)?;
    told.set_sensitive(true);
    headers.insert(AUTHORIZATION, told);
    Ok(())
}

/// The names of the signed headers, and the canonical request.
fn canonical(covered: &Covered<'_>, headers: &HeaderMap) -> (String, Vec<u8>) {
    let query: Vec<String> = covered.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut request = format!("{}\n{}\n{}\n", covered.method, covered.path, query.join("&")).into_bytes();
    let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    for name in &names {
        request.extend_from_slice(name.as_bytes());
        for (nth, value) in headers.get_all(*name).iter().enumerate() {
            request.push(if nth == 0 { b':' } else { b',' });
            request.extend_from_slice(&squeeze(value.as_bytes()));
        }
        request.push(b'\n');
    }
    let names = names.join(";");
    request.extend_from_slice(format!("\n{names}\n{}", covered.payload).as_bytes());
    (names, request)
}

/// A header's value without white space around it, and with one space for several within.
fn squeeze(value: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = value.split(|b| matches!(b, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// The `YYYYMMDDTHHMMSSZ` of signatures.
fn amz_date(now: Millis) -> String {
    let kept = |c: &char| c.is_ascii_digit() || *c == 'T';
    let mut text: String = windlass_config::time::print(now).chars().filter(kept).take(15).collect();
    text.push('Z');
    text
}

/// The SHA-256 of a body, as a request states it.
pub(super) fn payload_hash(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn value(text: &str) -> Result<HeaderValue> {
    // The text may hold a secret: it is not told.
    HeaderValue::from_str(text)
        .map_err(|_| Error::new(ErrorKind::InvalidArgument, "Credentials and regions are made of ASCII characters."))
}

/// Percent-encodes everything but unreserved characters; a slash too, unless it is kept.
pub(super) fn encode(text: &str, keep_slash: bool) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0'));
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(b)),
            b'/' if keep_slash => out.push('/'),
            b => out.extend(['%', digit(b >> 4), digit(b & 15)]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_config::Secret;

    /// The credentials, time and bucket of the examples in the S3 API ("Signature Calculations for the Authorization
    /// Header").
    fn signature(method: Method, path: &str, query: &[(&str, &str)], headers: &[(&str, &str)], body: &[u8]) -> String {
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            expires_ms: None,
        };
        let mut map = HeaderMap::new();
        map.insert("host", HeaderValue::from_static("examplebucket.s3.amazonaws.com"));
        for (name, value) in headers {
            map.insert(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let scope = Scope { service: Service::S3, region: "us-east-1", now: 1_369_353_600_000 };
        let query: Vec<_> = query.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let covered = Covered { method: &method, path, query: &query, payload: &payload_hash(body) };
        sign(&credentials, &scope, &covered, &mut map).unwrap();
        let told = map.get(AUTHORIZATION).unwrap();
        assert!(told.is_sensitive());
        told.to_str().unwrap().rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn the_published_examples_come_out() {
        let get = signature(Method::GET, "/test.txt", &[], &[("range", "bytes=0-9")], b"");
        assert_eq!(get, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
        let path = format!("/{}", encode("test$file.text", true));
        let stored = [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
        let put = signature(Method::PUT, &path, &[], &stored, b"Welcome to Amazon S3.");
        assert_eq!(put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
        let configured = signature(Method::GET, "/", &[("lifecycle", "")], &[], b"");
        assert_eq!(configured, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
        let listed = signature(Method::GET, "/", &[("max-keys", "2"), ("prefix", "J")], &[], b"");
        assert_eq!(listed, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    }

    #[test]
    fn keys_are_encoded_once_and_nothing_is_folded() {
        for (key, encoded) in [
            ("a//b", "a//b"),
            ("../x/./y/", "../x/./y/"),
            ("a%2Fb+c d", "a%252Fb%2Bc%20d"),
            ("é~*'", "%C3%A9~%2A%27"),
            ("\u{1}\n", "%01%0A"),
        ] {
            assert_eq!(encode(key, true), encoded);
        }
        assert_eq!(encode("a/b", false), "a%2Fb");
    }

    #[test]
    fn white_space_and_repetition_are_signed_in_their_one_form() {
        assert_eq!(squeeze(b"  a \t b  "), b"a b");
        let mut headers = HeaderMap::new();
        headers.append("x-amz-b", HeaderValue::from_static("1"));
        headers.append("x-amz-b", HeaderValue::from_static(" 2"));
        headers.append("host", HeaderValue::from_static("h"));
        let covered = Covered { method: &Method::GET, path: "/", query: &[], payload: "p" };
        let (names, request) = canonical(&covered, &headers);
        assert_eq!(names, "host;x-amz-b");
        assert_eq!(request, b"GET\n/\n\nhost:h\nx-amz-b:1,2\n\nhost;x-amz-b\np");
    }
}
