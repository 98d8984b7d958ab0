//! Heads of requests: method, target and headers, one to a line. Whatever they say, the door has an answer that is not that
//! it failed; it and s3s read the same bucket of the host; and no credential stays in a target.

use http::header::HOST;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use s3s::Body;
use s3s::host::S3Host as _;

use super::{Target, World, code, fuzz};
use crate::net::Domains;
use crate::s3::host::Host;
use crate::s3::query::{Query, is_credential, percent_decode, without_credentials};

const WORDS: &[&str] = &[
    "GET",
    "PUT",
    "POST",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "/bucket",
    "/locked",
    "/key",
    "?versions",
    "?uploads",
    "&list-type=2",
    "?location",
    "&prefix=",
    "&delimiter=/",
    "&max-keys=",
    "&marker=",
    "&continuation-token=",
    "&start-after=",
    "&encoding-type=url",
    "&key-marker=",
    "&version-id-marker=",
    "?versionId=null",
    "?versionId=",
    "?partNumber=1",
    "&uploadId=",
    "?tagging",
    "?acl",
    "?attributes",
    "?retention",
    "?legal-hold",
    "?response-content-type=",
    "&X-Amz-Signature=",
    "&X-Amz-Algorithm=AWS4-HMAC-SHA256",
    "&X-Amz-Credential=a/20240101/r/s3/aws4_request",
    "&X-Amz-Date=20240101T000000Z",
    "&X-Amz-Expires=60",
    "&X-Amz-SignedHeaders=host",
    "?AWSAccessKeyId=a&Expires=1900000000&Signature=s",
    "%2F",
    "%00",
    "%",
    "%C3%A9",
    "+",
    "//",
    "/../",
    "\nhost: bucket.s3.test",
    "\nhost: b.eu.s3.test:9000",
    "\nhost: [::1]:9000",
    "\nauthorization: AWS4-HMAC-SHA256 Credential=a/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
    "\nauthorization: Bearer x",
    "\nauthorization: AWS a:b",
    "\nrange: bytes=0-1",
    "\nrange: bytes=-1",
    "\nif-match: \"x\"",
    "\nif-none-match: *",
    "\nif-modified-since: Sat, 01 Jan 2000 00:00:00 GMT",
    "\nx-amz-copy-source: /bucket/key",
    "\nx-amz-copy-source-range: bytes=0-0",
    "\nx-amz-tagging: a=b",
    "\nx-amz-acl: private",
    "\nx-amz-grant-read: id=\"x\"",
    "\nx-amz-meta-a: b",
    "\nx-amz-content-sha256: UNSIGNED-PAYLOAD",
    "\ncontent-md5: ",
    "\nx-amz-checksum-crc32: AAAAAA==",
    "\nx-amz-sdk-checksum-algorithm: CRC32",
    "\nx-amz-checksum-type: COMPOSITE",
    "\nx-amz-checksum-mode: ENABLED",
    "\nx-amz-object-attributes: ETag,Checksum,ObjectParts",
    "\nx-amz-object-lock-mode: GOVERNANCE",
    "\nx-amz-object-lock-retain-until-date: 2030-01-01T00:00:00Z",
    "\nx-amz-object-lock-legal-hold: ON",
    "\nx-amz-bypass-governance-retention: true",
    "\nx-amz-expected-bucket-owner: x",
    "\nx-amz-storage-class: STANDARD",
    "\nx-amz-metadata-directive: REPLACE",
    "\nx-amz-tagging-directive: REPLACE",
    "\nexpect: 100-continue",
    "\nx-amz-mp-object-size: 4",
    "\nx-amz-max-parts: 1",
    "\nx-amz-part-number-marker: 1",
    "\ncontent-type: multipart/form-data",
    "\ncontent-length: 0",
    "\norigin: https://a.test",
    "\nx-amz-trailer: x-amz-checksum-crc32",
];

/// A request of such a head; `None` where the listener would not have read one.
fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut first = lines.next()?.splitn(2, |byte| *byte == b' ');
    let method = Method::from_bytes(first.next()?).ok()?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::try_from(first.next()?.to_vec()).ok()?;
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
        request.headers_mut().append(HeaderName::from_bytes(name).ok()?, value);
    }
    Some(request)
}

fn check_target(uri: &Uri) {
    assert!(percent_decode(uri.path().as_bytes()).len() <= uri.path().len());
    let Ok(without) = without_credentials(uri) else { return };
    assert_eq!(without.path(), uri.path());
    let (before, after) = (Query::of(uri), Query::of(&without));
    let expected: Vec<_> = before.iter().filter(|(name, _)| !is_credential(name)).collect();
    assert_eq!(after.iter().collect::<Vec<_>>(), expected, "credentials go, and nothing else");
}

#[test]
fn fuzz_head() {
    let mut world = World::new();
    let host = Host(Domains::new(&["s3.test".to_owned(), "eu.s3.test".to_owned()]));
    fuzz(&Target { package: env!("CARGO_MANIFEST_DIR"), name: "head", words: WORDS }, |bytes| {
        let request = request(bytes)?;
        world.renew(false);
        check_target(request.uri());
        if let Some(name) = request.headers().get(HOST).and_then(|name| name.to_str().ok()) {
            let (parts, ()) = Request::builder().uri("/").header(HOST, name).body(()).unwrap().into_parts();
            let theirs = host.parse_host_header(name).unwrap();
            assert_eq!(host.target(&parts).bucket.as_deref(), theirs.bucket());
        }
        let answer = world.ask(request);
        Some((answer.status.as_u16(), code(&answer.body), answer.body.len().checked_ilog2()))
    });
}
