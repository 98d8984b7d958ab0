//! Headers of every answer, metadata that is not ASCII, and connections.

use std::collections::HashSet;
use std::time::Instant;

use windlass_tests::request::Auth;
use windlass_tests::wire::Wire;

use crate::home::{Home, client};

/// Behaviour 71.
#[tokio::test]
async fn every_answer_carries_two_ids() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let mut seen = HashSet::new();
    for answer in [
        home.get("k").await.is(200),
        home.head("k").await.is(200),
        home.put("k", "v").await.is(200),
        home.delete("k").await.is(204),
        home.get("k").await.is(404),
        home.head("k").await.is(404),
        home.get("k").anonymous().await.is(403),
        home.get("k").keys("NOSUCHACCESSKEY00001", "x").await.is(403),
        home.on("PUT").flag("replication").body("<X/>").await.is(501),
        home.list().await.is(200),
    ] {
        assert!(!answer.need("x-amz-id-2").is_empty());
        assert!(seen.insert(answer.need("x-amz-request-id").to_owned()), "{}", answer.describe());
    }
}

/// Behaviours 68 and 72.
#[tokio::test]
async fn metadata_beyond_ascii_round_trips() {
    let home = Home::new().await;
    let values: [(&str, &[u8]); 3] = [
        ("x-amz-meta-utf8", "Grüße 日本".as_bytes()),
        ("x-amz-meta-rfc2047", b"=?UTF-8?B?R3LDvMOfZQ==?="),
        ("x-amz-meta-percent", b"Gr%C3%BC%C3%9Fe"),
    ];
    let put = values.iter().fold(home.put("k", "v"), |put, (name, value)| put.header(name, value));
    put.await.is(200);
    for method in ["GET", "HEAD"] {
        let answer = home.at(method, "k").await.is(200);
        for (name, value) in values {
            let got = answer.headers.get(name).map(|v| v.as_bytes().to_vec()).unwrap_or_default();
            // UTF-8 may come back raw, or encoded as RFC 2047 has it, which is how S3 itself answers.
            let encoded = format!("=?UTF-8?B?{}?=", windlass_tests::digest::base64(value));
            assert!(got == value || got == encoded.as_bytes(), "{name}: {}", String::from_utf8_lossy(&got));
        }
    }
}

/// A client that sends Latin-1 signs characters, of which the bytes on the wire are one way to write them.
/// Behaviour 72.
#[tokio::test]
async fn metadata_in_latin_1_comes_back_byte_for_byte() {
    const SENT: &[u8] = b"Gr\xfc\xdfe";
    let home = Home::new().await;
    for auth in [Auth::V4, Auth::PresignedV4(60)] {
        let signed = home.put("k", "v").header("x-amz-meta-latin", "Gr\u{fc}\u{df}e").auth(auth).prepare();
        home.client.send(signed.with("x-amz-meta-latin", SENT)).await.is(200);
        for method in ["GET", "HEAD"] {
            let answer = home.at(method, "k").await.is(200);
            assert_eq!(answer.headers.get("x-amz-meta-latin").map(|v| v.as_bytes()), Some(SENT), "{auth:?} {method}");
        }
        home.delete("k").await.is(204);
    }
    // The characters are signed: others are not those.
    let signed = home.put("k", "v").header("x-amz-meta-latin", "Gr\u{fc}\u{df}e").prepare();
    let other = signed.with("x-amz-meta-latin", b"Gr\xfc\xdff");
    home.client.send(other).await.is_error(403, "SignatureDoesNotMatch");
    home.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let mut wire = Wire::connect(home.server.address()).await;
    for _ in 0..3 {
        wire.send(home.get("k").prepare().head()).await;
        wire.answer().await.expect("an answer").is(200).has_body("v");
        wire.send(home.get("missing").prepare().head()).await;
        wire.answer().await.expect("an answer").is_error(404, "NoSuchKey");
    }
    let two = [home.get("k").prepare().head(), home.get("k").prepare().head()].concat();
    wire.send(two).await;
    for _ in 0..2 {
        wire.answer().await.expect("an answer").is(200).has_body("v");
    }
}

/// A client keeps its connections. One that ends without a word takes down the next request that is sent on it.
#[tokio::test]
async fn a_refusal_before_the_body_was_read_keeps_the_connection_or_says_that_it_ends() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for len in [100, 10_000, 300_000] {
        let refused = home.put("k", vec![b'x'; len]).header("if-none-match", "*").prepare();
        let mut wire = Wire::connect(home.server.address()).await;
        wire.send(refused.head()).await;
        wire.send(&refused.body).await;
        let answer = wire.answer().await.expect("an answer").is_error(412, "PreconditionFailed");
        if answer.header("connection") != Some("close") {
            wire.send(home.get("k").prepare().head()).await;
            let next = wire.answer().await.unwrap_or_else(|| panic!("the connection ended after {len} bytes"));
            next.is(200).has_body("v");
        }
    }
}

/// Without TCP_NODELAY an answer that leaves in two writes waits 40 ms for the client's delayed ACK, so that even the
/// fastest of many is slow; with it, one fast answer shows that nothing waits, however busy the machine is. Only this test
/// and the next look at a clock.
/// Behaviour 70.
#[tokio::test]
async fn small_answers_do_not_wait_for_an_acknowledgement() {
    let home = Home::new().await;
    home.put("k", vec![b'x'; 100]).await.is(200);
    // Linux acknowledges the first segments of a connection at once: those prove nothing.
    for _ in 0..40 {
        home.get("k").await.is(200);
    }
    let mut fastest = None;
    for _ in 0..40 {
        let began = Instant::now();
        home.get("k").await.is(200);
        fastest = fastest.into_iter().chain([began.elapsed()]).min();
    }
    assert!(fastest.unwrap().as_millis() < 35, "the fastest of 40 small reads took {fastest:?}");
}

/// The second of two answers is small and follows one that is not acknowledged yet: what Nagle's algorithm holds back.
/// Behaviour 70.
#[tokio::test]
async fn answers_in_a_row_do_not_wait_for_each_other() {
    let home = Home::new().await;
    home.put("k", vec![b'x'; 100]).await.is(200);
    let get = home.get("k").prepare().head();
    let mut wire = Wire::connect(home.server.address()).await;
    let mut fastest = None;
    for round in 0..60 {
        let began = Instant::now();
        wire.send([&get[..], &get[..]].concat()).await;
        for _ in 0..2 {
            wire.answer().await.expect("an answer").is(200);
        }
        if round >= 20 {
            fastest = fastest.into_iter().chain([began.elapsed()]).min();
        }
    }
    assert!(fastest.unwrap().as_millis() < 35, "the fastest of 40 pairs of small reads took {fastest:?}");
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let (_server, client) = client();
    let mut wire = Wire::connect(client.address()).await;
    wire.send(b"GET / HTTP/1.1\r\nhost: x\r\n").await;
    for n in 0..400 {
        wire.send(format!("x-filler-{n}: {}\r\n", "y".repeat(1_000))).await;
    }
    wire.send(b"\r\n").await;
    if let Some(answer) = wire.answer().await {
        assert!([400, 431].contains(&answer.status), "{}", answer.describe());
    }
    client.plain("/-/health").await.is(200);
}

#[tokio::test]
async fn a_request_that_is_not_http_ends_the_connection() {
    let (_server, client) = client();
    let mut wire = Wire::connect(client.address()).await;
    wire.send(b"\x16\x03\x01 what is this\r\n\r\n").await;
    if let Some(answer) = wire.answer().await {
        answer.is(400);
    }
    client.plain("/-/health").await.is(200);
}
