//! aws-chunked bodies: what they are read as does not depend on how they are cut, and what s3s takes the meter has followed
//! in the same steps, so that no chunk of it was unbounded.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use s3s::auth::SimpleAuth;
use s3s::dto::{PutObjectInput, PutObjectOutput, StreamingBlob};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result};
use tokio::runtime::Builder;
use windlass_store::Error;

use super::{ChunkFault, ChunkMeter, State};
use crate::s3::body;
use crate::s3::fuzz::{Target, fuzz};
use crate::s3::stream_errors::signed;

const WORDS: &[&str] = &[
    "\r\n",
    "0\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    ";chunk-signature=",
    ";chunk-signature=0000000000000000000000000000000000000000000000000000000000000000",
    "A\r\n0123456789\r\n",
    "1000000\r\n",
    "1000001\r\n",
    "FFFFFFFF\r\n",
    "100000000\r\n",
    "x-amz-checksum-crc32:AAAAAA==\r\n",
    "x-amz-trailer-signature:",
    "\n",
    "\r",
    ";",
    ":",
    "-1",
    "+5",
    "0x5",
    " ",
    "é",
    "\0",
];

/// Answers what it read: how many bytes, and which; or why it could not.
struct Reader;

#[async_trait::async_trait]
impl S3 for Reader {
    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let (mut stream, mut read) = (body::into_stream(request.input.body), Vec::new());
        let told = loop {
            match stream.next().await {
                Some(Ok(bytes)) => read.extend_from_slice(&bytes),
                Some(Err(error)) => break format!("error {:?}", error.kind()),
                None => break format!("read {} {}", read.len(), hash(&read)),
            }
        };
        Err(S3Error::with_message(S3ErrorCode::InternalError, told))
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// What a body is read as that comes in pieces of that size.
async fn read(service: &S3Service, form: &str, decoded: &str, body: &[u8], size: usize) -> String {
    let pieces: Vec<_> = body.chunks(size).map(|piece| Ok::<_, Error>(Bytes::copy_from_slice(piece))).collect();
    let stream = Body::from(StreamingBlob::wrap(stream::iter(pieces)));
    let answer = service.call(signed(form, decoded, stream, body.len())).await.expect("s3s has an answer");
    let text = String::from_utf8_lossy(&answer.body().bytes().unwrap_or_default()).into_owned();
    let message = text.split_once("<Message>").and_then(|(_, rest)| rest.split_once("</Message>"));
    message.map(|(message, _)| message.to_owned()).unwrap_or(text)
}

/// How far the meter follows a body that comes in pieces of that size.
fn follow(body: &[u8], size: usize) -> (Result<(), ChunkFault>, bool) {
    let mut meter = ChunkMeter::default();
    let followed = body.chunks(size).try_for_each(|piece| meter.pass(piece));
    (followed, matches!(meter.state, State::Trailers))
}

/// The bytes in all chunks up to the empty one, read as plainly as can be; `None` if a header is not as every client writes
/// it, or the empty chunk is not there.
fn length(body: &[u8]) -> Option<usize> {
    let (mut sum, mut rest) = (0, body);
    loop {
        let (line, behind) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'\n')?)?;
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at(digits);
        let length = usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        let plain = extension == b"\r" || extension.starts_with(b";chunk-signature=");
        if !plain || digits.len() > 8 {
            return None;
        }
        if length == 0 {
            return Some(sum);
        }
        sum += length;
        rest = behind.get(1 + length + 2..)?;
    }
}

/// An input is the form of the body, the length that is said to be in it, and on the next line the body.
#[test]
fn fuzz_chunk() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut builder = S3ServiceBuilder::new(Reader);
    builder.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = builder.build();
    fuzz(&Target { package: env!("CARGO_MANIFEST_DIR"), name: "chunk", words: WORDS }, |bytes| {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, body) = (std::str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 1..)?);
        let (form, decoded) = head.split_once(' ')?;
        let form = match form {
            "unsigned" => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "signed" => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
            "trailer" => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
            _ => return None,
        };
        http::HeaderValue::from_str(decoded).ok().filter(|value| !value.is_empty())?;
        let whole = runtime.block_on(read(&service, form, decoded, body, body.len().max(1)));
        let size = 1 + usize::from(body.first().copied().unwrap_or_default() % 7);
        assert_eq!(runtime.block_on(read(&service, form, decoded, body, size)), whole, "in pieces of {size}");
        let (followed, ended) = follow(body, body.len().max(1));
        assert_eq!(follow(body, size), (followed, ended), "in pieces of {size}");
        if let Some(length) = length(body).filter(|_| whole.starts_with("read ")) {
            assert_eq!((followed, ended), (Ok(()), true), "the meter refuses what s3s takes");
            assert!(whole.starts_with(&format!("read {length} ")), "s3s has read other chunks: {whole}, not {length}");
        }
        let shape = whole.split(' ').take(2).collect::<Vec<_>>().join(" ");
        Some((shape, followed.is_err(), ended))
    });
}
