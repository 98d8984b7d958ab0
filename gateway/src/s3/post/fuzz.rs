//! Forms, with the boundary `XX`. They are read alike however they are cut; the door has an answer to each that is not that
//! it failed; and their policies are never kept once they have expired.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{Method, Request};
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::s3::fuzz::{Target, World, code, fuzz};

const WORDS: &[&str] = &[
    "\r\n",
    "\r\n\r\n",
    "--XX\r\n",
    "--XX--\r\n",
    "--XX",
    "Content-Disposition: form-data; name=\"",
    "; filename=\"a b.txt\"",
    "Content-Type: text/plain\r\n",
    "name=\"key\"",
    "name=\"file\"",
    "name=\"policy\"",
    "name=\"acl\"",
    "name=\"tagging\"",
    "name=\"bucket\"",
    "name=\"success_action_status\"",
    "name=\"success_action_redirect\"",
    "name=\"redirect\"",
    "name=\"content-type\"",
    "name=\"x-amz-meta-a\"",
    "name=\"x-amz-algorithm\"",
    "name=\"x-amz-credential\"",
    "name=\"x-amz-date\"",
    "name=\"x-amz-signature\"",
    "name=\"AWSAccessKeyId\"",
    "name=\"signature\"",
    "name=\"x-amz-security-token\"",
    "name=\"x-amz-checksum-crc32\"",
    "${filename}",
    "AWS4-HMAC-SHA256",
    "a/20240101/us-east-1/s3/aws4_request",
    "20240101T000000Z",
    "{\"expiration\": \"2030-01-01T00:00:00.000Z\", \"conditions\": [",
    "{\"bucket\": \"bucket\"}",
    "[\"starts-with\", \"$key\", \"\"]",
    "[\"eq\", \"$key\", \"k\"]",
    "[\"content-length-range\", 0, 10]",
    "]}",
    "\\$",
    "\\v",
    "\\u0000",
    "\\",
    "null",
    "1e9",
    "<Tagging><TagSet>",
    "<Tag><Key>a</Key><Value>b</Value></Tag>",
    "</TagSet></Tagging>",
    "http://c.test/?x",
    "é",
    "\0",
    "\n",
];
const FORM: &str = "multipart/form-data; boundary=XX";
const EXPIRED: windlass_store::clock::Millis = windlass_store::clock::Millis::MAX;

fn pieces(form: &[u8], size: usize) -> ByteStream {
    let pieces: Vec<_> = form.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(futures::stream::iter(pieces))
}

/// The fields of a form and its file, which is at most `most` bytes; or the codes of what is wrong with them.
async fn read(form: &[u8], size: usize) -> Result<(Fields, Result<Vec<u8>, ErrorKind>), String> {
    let mut form = Multipart::of(FORM, pieces(form, size)).unwrap();
    let (fields, file) = Fields::read(&mut form).await.map_err(|error| error.code().as_str().to_owned())?;
    let lengths = policy(&fields).map_or(0..=u64::MAX, |policy| policy.lengths());
    let mut file = Measured { bytes: form.into_stream(file), taken: 0, lengths: lengths.clone() };
    let mut bytes = Vec::new();
    let end = loop {
        match file.next().await {
            Some(Ok(piece)) => bytes.extend_from_slice(&piece),
            Some(Err(error)) => break Err(error.kind()),
            None => break Ok(()),
        }
    };
    assert!(bytes.len() as u64 <= *lengths.end(), "more is taken than the policy lets");
    assert!(end.is_err() || lengths.contains(&(bytes.len() as u64)), "a file of another length is taken");
    Ok((fields, end.map(|()| bytes)))
}

/// The policy of a form: of the field as it is, or of it as the text that somebody would sign.
fn policy(fields: &Fields) -> Option<Policy> {
    let field = fields.get("policy")?;
    Policy::parse(field).or_else(|_| Policy::parse(&BASE64_STANDARD.encode(field))).ok()
}

fn inspect(fields: &Fields) -> (Option<bool>, usize) {
    let kept = policy(fields).map(|policy| {
        assert!(policy.check(fields, "bucket", EXPIRED).is_err(), "no policy lasts for ever");
        policy.check(fields, "bucket", 0).is_ok()
    });
    (kept, headers::of(fields).map_or(usize::MAX, |headers| headers.len()))
}

fn check(runtime: &Runtime, form: &[u8]) -> Result<(Option<bool>, usize, bool), String> {
    let whole = runtime.block_on(read(form, form.len().max(1)));
    let size = 1 + usize::from(form.last().copied().unwrap_or_default() % 7);
    let cut = runtime.block_on(read(form, size));
    let (fields, file) = match (whole, cut) {
        (Ok((fields, file)), Ok((same, other))) => {
            assert_eq!(fields.iter().collect::<Vec<_>>(), same.iter().collect::<Vec<_>>(), "in pieces of {size}");
            // What is wrong with a file in two ways may be found in either order.
            assert_eq!(file.as_ref().ok(), other.as_ref().ok(), "in pieces of {size}");
            (fields, file)
        }
        (Err(fault), Err(other)) if fault == other => return Err(fault),
        (whole, cut) => panic!("in pieces of {size}: {:?} {:?}", whole.map(|_| ()), cut.map(|_| ())),
    };
    let (kept, headers) = inspect(&fields);
    Ok((kept, headers, file.is_ok()))
}

#[test]
fn fuzz_post() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut world = World::new();
    fuzz(&Target { package: env!("CARGO_MANIFEST_DIR"), name: "post", words: WORDS }, |form| {
        world.renew(false);
        let found = check(&runtime, form);
        let body = Body::from(StreamingBlob::wrap(pieces(form, form.len().max(1))));
        let request = Request::builder().method(Method::POST).uri("/bucket").header("host", "h");
        let answer = world.post(request.header("content-type", FORM).body(body).unwrap());
        (found, answer.status.as_u16(), code(&answer.body))
    });
}
