//! Signing of S3 requests by their address (S3 API: "Authenticating requests: using query parameters"): the links that files
//! are uploaded by; and of the one request that a look at a gateway makes. Our own S3 door verifies them like anybody's.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use windlass_store::clock::Millis;

/// Everything but what RFC 3986 calls unreserved.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same with the separator of paths.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// What signs.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret_access_key: &'a str,
    /// The region that the gateway says it is in.
    pub region: &'a str,
}

/// A PUT that a link allows.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    /// Where the gateway is reached: a scheme, a host and perhaps a port.
    pub base: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// Bytes of the body, of which there may be no more and no less.
    pub length: u64,
    /// The content type that must be sent, if one must.
    pub content_type: Option<&'a str>,
    /// The upload and the part's number, if it is a part.
    pub part: Option<(&'a str, u16)>,
}

/// A link that allows a PUT from `now` on for so many seconds.
pub fn put(put: &Put<'_>, credential: Credential<'_>, now: Millis, seconds: u64) -> String {
    let path = format!("/{}/{}", put.bucket, utf8_percent_encode(put.key, PATH));
    let date = amz_date(now);
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/s3/aws4_request", credential.region);
    let host = put.base.split_once("://").map_or(put.base, |(_, host)| host);
    let mut headers = format!("content-length:{}\n", put.length);
    let mut signed = "content-length".to_owned();
    if let Some(content_type) = put.content_type {
        headers += &format!("content-type:{}\n", squeezed(content_type));
        signed += ";content-type";
    }
    headers += &format!("host:{host}\n");
    signed += ";host";
    let identity = format!("{}/{scope}", credential.access_key_id);
    let mut query = format!(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}&X-Amz-Date={date}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders={}",
        utf8_percent_encode(&identity, QUERY),
        utf8_percent_encode(&signed, QUERY),
    );
    if let Some((upload, number)) = put.part {
        query += &format!("&partNumber={number}&uploadId={}", utf8_percent_encode(upload, QUERY));
    }
    let request = format!("PUT\n{path}\n{query}\n{headers}\n{signed}\nUNSIGNED-PAYLOAD");
    let signature = sign(&request, credential, &date, &scope);
    format!("{}{path}?{query}&X-Amz-Signature={signature}", put.base)
}

/// The headers that sign a GET of `/` at a host, which lists the buckets, at `now` ("Authenticating requests: using the
/// Authorization header").
pub fn list_buckets(host: &str, credential: Credential<'_>, now: Millis) -> [(&'static str, String); 3] {
    let payload = hex(&Sha256::digest(b""));
    let date = amz_date(now);
    let scope = format!("{}/{}/s3/aws4_request", date.get(..8).unwrap_or_default(), credential.region);
    let signed = "host;x-amz-content-sha256;x-amz-date";
    let headers = format!("host:{host}\nx-amz-content-sha256:{payload}\nx-amz-date:{date}\n");
    let signature = sign(&format!("GET\n/\n\n{headers}\n{signed}\n{payload}"), credential, &date, &scope);
    let id = credential.access_key_id;
    let told = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}");
    [("authorization", told), ("x-amz-content-sha256", payload), ("x-amz-date", date)]
}

/// The signature of a canonical request.
fn sign(request: &str, credential: Credential<'_>, date: &str, scope: &str) -> String {
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(request.as_bytes())));
    hex(&hmac(&signing_key(credential.secret_access_key, scope), text.as_bytes()))
}

/// The key that signs everything in a scope, `DAY/REGION/s3/aws4_request`.
fn signing_key(secret: &str, scope: &str) -> Vec<u8> {
    scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part.as_bytes()))
}

/// An HMAC-SHA256.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // A key of any length is a key.
    Hmac::<Sha256>::new_from_slice(key)
        .map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A header's value as it is signed: one space for each run of them.
fn squeezed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// A time as `20240131T120000Z`.
fn amz_date(now: Millis) -> String {
    let seconds = windlass_config::time::print(now);
    let seconds = seconds.split('.').next().unwrap_or_default();
    format!("{}Z", seconds.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIAL: Credential<'_> = Credential {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region: "us-east-1",
    };

    /// S3 API, "Signature calculations for the Authorization header": its worked example's signing key signs its string to
    /// the signature that is printed there.
    #[test]
    fn the_signing_key_is_that_of_the_published_example() {
        let text = "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
                    7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972";
        let key = signing_key(CREDENTIAL.secret_access_key, "20130524/us-east-1/s3/aws4_request");
        let signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert_eq!(hex(&hmac(&key, text.as_bytes())), signature);
    }

    #[test]
    fn a_link_names_all_that_it_allows() {
        let whole = Put {
            base: "https://files.test:8443",
            bucket: "b",
            key: "a/b c",
            length: 7,
            content_type: Some("text/plain"),
            part: None,
        };
        let link = put(&whole, CREDENTIAL, 1_700_000_000_042, 60);
        let start = "https://files.test:8443/b/a/b%20c?X-Amz-Algorithm=AWS4-HMAC-SHA256\
                     &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20231114%2Fus-east-1%2Fs3%2Faws4_request\
                     &X-Amz-Date=20231114T221320Z&X-Amz-Expires=60\
                     &X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost&X-Amz-Signature=";
        assert!(link.starts_with(start), "{link}");
        assert_eq!(link.len(), start.len() + 64);
        for other in [
            Put { length: 8, ..whole },
            Put { key: "a", ..whole },
            Put { base: "https://files.test", ..whole },
            Put { content_type: Some("text/html"), ..whole },
            Put { part: Some(("u", 1)), ..whole },
        ] {
            assert_ne!(put(&other, CREDENTIAL, 1_700_000_000_042, 60).rsplit('=').next(), link.rsplit('=').next());
        }
        let part = put(&Put { part: Some(("u", 2)), content_type: None, ..whole }, CREDENTIAL, 0, 60);
        assert!(
            part.contains("&X-Amz-SignedHeaders=content-length%3Bhost&partNumber=2&uploadId=u&X-Amz-Signature="),
            "{part}"
        );
    }
}
