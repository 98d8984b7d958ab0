//! The errors of s3s's body streams, as s3s itself makes them: `body::from_text` tells them by their text, which an
//! upgrade of s3s could change without a word.

use std::fmt::Write as _;

use futures::StreamExt as _;
use s3s::auth::SimpleAuth;
use s3s::crypto::{Checksum as _, Sha256};
use s3s::dto::{PutObjectInput, PutObjectOutput};
use s3s::service::S3ServiceBuilder;
use s3s::{Body, HttpRequest, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use windlass_store::ErrorKind;
use windlass_store::clock::{Clock as _, SystemClock};

use super::{body, date};

/// Reads a body and answers the error it ends with.
struct Reader;

#[async_trait::async_trait]
impl S3 for Reader {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let mut stream = body::into_stream(request.input.body);
        while let Some(bytes) = stream.next().await {
            if let Err(error) = bytes {
                return Err(S3Error::with_message(S3ErrorCode::InternalError, format!("{:?}", error.kind())));
            }
        }
        Ok(S3Response::new(PutObjectOutput::default()))
    }
}

/// What a body ends with that is signed as `payload` and sent as `body`.
async fn end_of(payload: &str, body: &'static str) -> String {
    let mut builder = S3ServiceBuilder::new(Reader);
    builder.set_auth(SimpleAuth::from_single("key", "secret"));
    let request = signed(payload, "5", Body::from(body.to_owned()), body.len());
    let answer = builder.build().call(request).await.unwrap();
    String::from_utf8(answer.body().bytes().unwrap_or_default().to_vec()).unwrap()
}

/// A PUT that `key` signs with `secret`: the body is signed as `payload`, and says that `decoded` bytes are in it.
pub(super) fn signed(payload: &str, decoded: &str, body: Body, length: usize) -> HttpRequest {
    let now = date::format_amz(SystemClock.now());
    let (day, scope) = (now.get(..8).unwrap(), format!("{}/r/s3/aws4_request", now.get(..8).unwrap()));
    let headers = [
        ("host", "h".to_owned()),
        ("x-amz-content-sha256", payload.to_owned()),
        ("x-amz-date", now.clone()),
        ("x-amz-decoded-content-length", decoded.to_owned()),
    ];
    let (mut canonical, mut request) = (String::from("PUT\n/bucket/key\n\n"), HttpRequest::new(body));
    *request.method_mut() = http::Method::PUT;
    *request.uri_mut() = http::Uri::from_static("/bucket/key");
    for (name, value) in &headers {
        writeln!(canonical, "{name}:{value}").unwrap();
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let signed = headers.map(|(name, _)| name).join(";");
    write!(canonical, "\n{signed}\n{payload}").unwrap();
    let text = format!("AWS4-HMAC-SHA256\n{now}\n{scope}\n{}", hex(&Sha256::checksum(canonical.as_bytes())));
    let key =
        [day, "r", "s3", "aws4_request"].iter().fold(b"AWS4secret".to_vec(), |key, part| hmac(&key, part).to_vec());
    let signature = hex(&hmac(&key, &text));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential=key/{scope}, SignedHeaders={signed}, Signature={signature}");
    request.headers_mut().insert("authorization", authorization.parse().unwrap());
    request.headers_mut().insert("content-length", length.into());
    request
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::checksum(&[pad(0x36), text.as_bytes().to_vec()].concat());
    Sha256::checksum(&[pad(0x5C), inner.to_vec()].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |out, byte| out + &format!("{byte:02x}"))
}

#[tokio::test]
async fn errors_of_plain_bodies_keep_their_meaning() {
    let hash = hex(&Sha256::checksum(b"hello"));
    assert_eq!(end_of(&hash, "hello").await, "");
    let wrong = end_of(&hash, "jello").await;
    assert!(wrong.contains(&format!("{:?}", ErrorKind::PayloadHashMismatch)), "{wrong}");
}

#[tokio::test]
async fn errors_of_chunked_bodies_keep_their_meaning() {
    let signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let bad = "5;chunk-signature=0000000000000000000000000000000000000000000000000000000000000000\r\nhello\r\n";
    for (body, kind) in [
        (bad, ErrorKind::SignatureMismatch),
        ("5\r\nhello\r\n", ErrorKind::InvalidRequest),
        ("junk\r\n", ErrorKind::InvalidRequest),
        (
            "5;chunk-signature=0000000000000000000000000000000000000000000000000000000000000000\r\nhe",
            ErrorKind::IncompleteBody,
        ),
    ] {
        let answer = end_of(signed, body).await;
        assert!(answer.contains(&format!("{kind:?}")), "{body:?}: {answer}");
    }
}
