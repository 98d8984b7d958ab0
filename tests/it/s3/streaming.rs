//! `aws-chunked` bodies: the four forms, their framing, and that none of it is stored.

use bytes::Bytes;
use windlass_tests::answer::Answer;
use windlass_tests::digest::Checksum;
use windlass_tests::request::{Payload, Prepared, Request};

use crate::home::{Home, noise};

const LENGTHS: [usize; 5] = [0, 1, 8_192, 65_536, 200_001];

/// The four forms in which a client may send one body.
fn forms(put: &Request, body: &[u8]) -> [Request; 4] {
    let crc = Checksum::Crc32.of(body);
    [
        put.clone().payload(Payload::unsigned()),
        put.clone().chunked(),
        put.clone().trailer(true, "x-amz-checksum-crc32", &crc),
        put.clone().trailer(false, "x-amz-checksum-crc32", &crc),
    ]
}

/// Behaviours 45 and 66.
#[tokio::test]
async fn all_forms_store_the_body_without_its_framing() {
    let home = Home::new().await;
    for len in LENGTHS {
        let body = noise(len as u64, len);
        for (number, put) in forms(&home.put("k", body.clone()), &body).into_iter().enumerate() {
            home.delete("k").await.is(204);
            put.await.is(200);
            let answer = home.get("k").await.is(200).has_body(&body).lacks("content-encoding");
            assert_eq!(answer.need("content-length"), len.to_string(), "form {number}");
        }
    }
}

/// Behaviours 45 and 66.
#[tokio::test]
async fn a_trailing_checksum_of_any_kind_is_verified_and_kept() {
    let home = Home::new().await;
    let body = noise(1, 100_000);
    for kind in Checksum::ALL {
        for signed in [true, false] {
            let value = kind.of(&body);
            let put = home.put("k", body.clone()).header("x-amz-sdk-checksum-algorithm", kind.name());
            put.trailer(signed, kind.header(), &value).await.is(200).has(kind.header(), &value);
            let get = home.get("k").header("x-amz-checksum-mode", "ENABLED").await.is(200).has_body(&body);
            get.has(kind.header(), &value);
        }
    }
}

/// Behaviours 45 and 66.
#[tokio::test]
async fn a_wrong_or_malformed_trailing_checksum_stores_nothing() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    for kind in Checksum::ALL {
        for signed in [true, false] {
            let put = home.put("k", noise(1, 10_000));
            let codes = ["BadDigest", "XAmzContentChecksumMismatch"];
            put.clone().trailer(signed, kind.header(), &kind.of(b"other")).await.is_error_of(400, &codes);
            let codes = ["InvalidRequest", "MalformedTrailerError", "BadDigest", "InvalidDigest"];
            put.trailer(signed, kind.header(), "garbage").await.is_error_of(400, &codes);
        }
        let put = home.put("k", noise(1, 10_000)).header(kind.header(), kind.of(b"other"));
        put.chunked().await.is_error_of(400, &["BadDigest", "XAmzContentChecksumMismatch"]);
    }
    home.get("k").await.is(200).has_body("old");
}

#[tokio::test]
async fn a_trailer_that_was_announced_must_come() {
    let home = Home::new().await;
    let prepared = home.put("k", "body").trailer(false, "x-amz-checksum-crc32", &Checksum::Crc32.of(b"body")).prepare();
    let cut = body_without_trailer(&prepared);
    let answer = home.client.send(Prepared { body: cut, ..prepared }).await;
    assert_eq!(answer.status, 400, "{}", answer.describe());
    home.get("k").await.is_error(404, "NoSuchKey");
}

fn body_without_trailer(prepared: &Prepared) -> Bytes {
    let text = String::from_utf8(prepared.body.to_vec()).unwrap();
    let at = text.find("x-amz-checksum").unwrap();
    Bytes::from(format!("{}\r\n", &text[..at]))
}

/// Behaviours 20 and 66.
#[tokio::test]
async fn aws_chunked_leaves_no_trace_in_the_content_encoding() {
    let home = Home::new().await;
    for (sent, kept) in [
        ("aws-chunked", None),
        ("aws-chunked,gzip", Some("gzip")),
        ("gzip, aws-chunked", Some("gzip")),
        ("gzip,aws-chunked,br", Some("gzip,br")),
        ("aws-chunked, aws-chunked", None),
        ("AWS-Chunked", None),
    ] {
        home.put("k", "body").header("content-encoding", sent).chunked().await.is(200);
        let answer = home.get("k").await.is(200).has_body("body");
        let got = answer.header("content-encoding").map(|v| v.replace(' ', ""));
        assert_eq!(got.as_deref(), kept, "sent {sent:?}");
    }
}

/// Sends a request with one byte of its body changed.
async fn send_changed(home: &Home, mut prepared: Prepared, at: usize) -> Result<Answer, String> {
    let mut body = prepared.body.to_vec();
    body[at] = if body[at] == b'0' { b'1' } else { b'0' };
    prepared.body = Bytes::from(body);
    home.client.attempt(prepared).await
}

/// Behaviour 45.
#[tokio::test]
async fn a_chunk_changed_on_the_way_is_refused() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    let body = noise(1, 20_000);
    let signed = home.put("k", body.clone()).chunk_bytes(8 << 10).chunked().prepare();
    for at in [30, 500, 10_000, signed.body.len() - 10] {
        send_changed(&home, signed.clone(), at).await.unwrap().is_error(403, "SignatureDoesNotMatch");
    }
    let trailer =
        home.put("k", body.clone()).trailer(true, "x-amz-checksum-crc32", &Checksum::Crc32.of(&body)).prepare();
    let signature = trailer.body.len() - 10;
    send_changed(&home, trailer, signature).await.unwrap().is_error(403, "SignatureDoesNotMatch");
    home.get("k").await.is(200).has_body("old");
}

#[tokio::test]
async fn a_late_chunk_changed_on_the_way_stores_nothing() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    let signed = home.put("k", noise(1, 8 << 20)).chunked().prepare();
    for at in [100, 4 << 20, (8 << 20) - 1_000] {
        // The gateway may end the connection while the rest of the body is on its way.
        if let Ok(answer) = send_changed(&home, signed.clone(), at).await {
            answer.is_error(403, "SignatureDoesNotMatch");
        }
        home.get("k").await.is(200).has_body("old");
    }
}

#[tokio::test]
async fn broken_framing_stores_nothing() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    let prepared = home.put("k", "0123456789").trailer(false, "x-amz-checksum-crc32", "x").prepare();
    let broken: [&str; 9] = [
        "",
        "zz\r\n0123456789\r\n0\r\n\r\n",
        "a\r\n0123456789",
        "a\r\n01234\r\n0\r\n\r\n",
        "a\r\n0123456789XX0\r\n\r\n",
        "a\r\n0123456789\r\n",
        "-a\r\n0123456789\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n0123456789\r\n0\r\n\r\n",
        "b\r\n0123456789\r\n0\r\n\r\n",
    ];
    for body in broken {
        let answer = home.client.send(Prepared { body: Bytes::from_static(body.as_bytes()), ..prepared.clone() }).await;
        assert_eq!(answer.status, 400, "{body:?}: {}", answer.describe());
    }
    home.get("k").await.is(200).has_body("old");
}

#[tokio::test]
async fn the_decoded_length_is_the_length() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    let trailer = Checksum::Crc32.of(b"0123456789");
    for length in ["9", "11", "-1", "x", ""] {
        let put = home.put("k", "0123456789").trailer(false, "x-amz-checksum-crc32", &trailer);
        let answer = put.decoded_length(length).await;
        assert!([400, 411].contains(&answer.status), "{length:?}: {}", answer.describe());
    }
    home.get("k").await.is(200).has_body("old");
}

/// Behaviour 73.
#[tokio::test]
async fn anonymous_chunked_bodies_are_never_stored_with_their_framing() {
    let home = Home::new().await;
    let chunked = home.put("k", "body").chunked().prepare().without("authorization");
    home.client.send(chunked).await.is_error(403, "AccessDenied");
    home.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn parts_of_uploads_come_in_every_form_too() {
    let home = Home::new().await;
    let body = noise(3, 100_000);
    let upload = home.upload("k").await;
    let put = home.part("k", &upload, 1, body.clone());
    for put in forms(&put, &body) {
        let etag = put.await.is(200).etag();
        assert_eq!(home.parts("k", &upload).await.is(200).xml().texts("Part/ETag"), [etag]);
    }
    let etag = home.parts("k", &upload).await.xml().text("Part/ETag").to_owned();
    home.complete("k", &upload, &[(1, etag)]).await.is(200);
    home.get("k").await.is(200).has_body(body).lacks("content-encoding");
}

#[tokio::test]
async fn a_streaming_form_that_is_not_known_is_refused() {
    let home = Home::new().await;
    for form in ["STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "STREAMING-NONSENSE"] {
        let answer = home.put("k", "v").payload(Payload::Said(form.to_owned())).await;
        assert!([400, 403, 501].contains(&answer.status), "{}", answer.describe());
    }
    home.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_body_without_its_last_chunk_is_not_stored() {
    let home = Home::new().await;
    let body = vec![b'x'; 1_000];
    let framings: [fn(windlass_tests::request::Request) -> windlass_tests::request::Request; 2] =
        [|request| request.chunked(), |request| request.trailer(false, "x-amz-checksum-crc32", "AAAAAA==")];
    for framing in framings {
        let mut prepared = framing(home.put("k", body.clone())).prepare();
        let framed = prepared.body.to_vec();
        let last =
            framed.windows(3).rposition(|bytes| bytes == b"\n0;" || bytes == b"\n0\r").expect("a last chunk") + 1;
        prepared.body = framed[..last].to_vec().into();
        home.client.send(prepared).await.is_error(400, "IncompleteBody");
        home.get("k").await.is_error(404, "NoSuchKey");
    }
}
