//! PutObject: what is stored, what replaces what, and what never becomes visible.

use windlass_tests::digest::{content_md5, etag};
use windlass_tests::wire::Wire;

use crate::home::{Home, noise, unique};

/// Behaviour 24.
#[tokio::test]
async fn bodies_of_every_size_class_come_back_as_they_went() {
    let home = Home::new().await;
    // Around the inline limit (4 KiB), the checksum block (64 KiB), the read chunk (256 KiB) and the write chunk (1 MiB).
    for len in [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537, 262_145, 1 << 20, (3 << 20) + 7] {
        let body = noise(len as u64, len);
        home.put("k", body.clone()).await.is(200).has("etag", &etag(&body)).has_body("");
        let answer = home.get("k").await.is(200).has("etag", &etag(&body)).has_body(&body);
        assert_eq!(answer.need("content-length"), len.to_string());
        assert_eq!(answer.need("accept-ranges"), "bytes");
        home.head("k").await.is(200).has("content-length", &len.to_string()).has("etag", &etag(&body)).has_body("");
    }
}

/// Behaviour 18.
#[tokio::test]
async fn a_put_replaces_metadata_and_headers_too() {
    let home = Home::new().await;
    let first = home.put("k", "1").header("x-amz-meta-old", "yes").header("content-type", "text/plain");
    first.header("cache-control", "no-store").header("content-language", "de").await.is(200);
    home.put("k", "2").header("x-amz-meta-new", "yes").await.is(200);
    let answer = home.get("k").await.is(200).has_body("2").has("x-amz-meta-new", "yes");
    answer
        .lacks("x-amz-meta-old")
        .lacks("cache-control")
        .lacks("content-language")
        .has("content-type", "binary/octet-stream");
}

/// Behaviour 19.
#[tokio::test]
async fn metadata_names_are_lower_case_and_empty_values_stay() {
    let home = Home::new().await;
    let put = home.put("k", "v").header("x-amz-meta-Mixed-Case", "A b").header("x-amz-meta-empty", "");
    put.header("x-amz-meta-a", "1").await.is(200);
    let answer = home.head("k").await.is(200);
    answer.has("x-amz-meta-mixed-case", "A b").has("x-amz-meta-empty", "").has("x-amz-meta-a", "1");
}

/// Behaviour 19.
#[tokio::test]
async fn metadata_over_two_kibibytes_is_refused() {
    let home = Home::new().await;
    // The limit counts names (without the prefix) and values together.
    home.put("fits", "v").header("x-amz-meta-abcd", "x".repeat(2044)).await.is(200);
    home.put("over", "v").header("x-amz-meta-abcd", "x".repeat(2045)).await.is_error(400, "MetadataTooLarge");
    home.get("over").await.is_error(404, "NoSuchKey");
}

/// Behaviour 19.
#[tokio::test]
async fn content_headers_come_back_verbatim() {
    let home = Home::new().await;
    let headers = [
        ("cache-control", "public, max-age=60"),
        ("content-disposition", "attachment; filename=\"a b.txt\""),
        ("content-encoding", "gzip"),
        ("content-language", "en, de"),
        ("content-type", "text/plain; charset=x"),
        ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
    ];
    let put = headers.iter().fold(home.put("k", "v"), |put, (name, value)| put.header(name, value));
    put.await.is(200);
    for method in ["GET", "HEAD"] {
        let answer = home.at(method, "k").await.is(200);
        headers.iter().fold(answer, |answer, (name, value)| answer.has(name, value));
    }
}

/// Behaviour 21.
#[tokio::test]
async fn a_malformed_content_md5_is_refused() {
    let home = Home::new().await;
    for md5 in ["", "not base64", "YWJj", &content_md5(b"x")[..20]] {
        home.put("k", "v").header("content-md5", md5).await.is_error(400, "InvalidDigest");
    }
    home.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviours 21 and 23.
#[tokio::test]
async fn a_wrong_content_md5_leaves_the_old_object() {
    let home = Home::new().await;
    home.put("k", "old").header("content-md5", content_md5(b"old")).await.is(200);
    for len in [3, 100_000] {
        let body = noise(7, len);
        home.put("k", body).header("content-md5", content_md5(b"other")).await.is_error(400, "BadDigest");
        home.get("k").await.is(200).has_body("old");
    }
}

/// Behaviour 22.
#[tokio::test]
async fn a_body_without_a_length_is_refused() {
    let home = Home::new().await;
    let prepared = home.put("k", "").prepare();
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(prepared.head_with("")).await;
    wire.answer().await.expect("an answer").is_error(411, "MissingContentLength");
    home.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviours 22 and 23.
#[tokio::test]
async fn a_body_shorter_than_declared_is_never_visible() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    for (declared, sent) in [(100, 99), (4_000_000, 3_000_000)] {
        let prepared = home.put("k", noise(1, declared)).prepare();
        let mut wire = Wire::connect(home.server.address()).await;
        wire.send(prepared.head()).await;
        wire.send(&prepared.body[..sent]).await;
        wire.finish().await;
        if let Some(answer) = wire.answer().await {
            answer.is(400);
        }
        home.get("k").await.is(200).has_body("old");
    }
}

#[tokio::test]
async fn a_negative_or_garbled_length_is_refused() {
    let home = Home::new().await;
    let prepared = home.put("k", "v").prepare();
    for length in ["-1", "x", "1, 2", ""] {
        let mut wire = Wire::connect(home.server.address()).await;
        wire.send(prepared.head_with(&format!("content-length: {length}\r\n"))).await;
        wire.send(b"v").await;
        if let Some(answer) = wire.answer().await {
            answer.is(400);
        }
    }
    home.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_declared_length_over_five_gibibytes_is_refused_before_the_body() {
    let home = Home::new().await;
    let unsigned = windlass_tests::request::Payload::unsigned();
    let prepared = home.put("k", "").payload(unsigned).prepare();
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(prepared.head_with(&format!("content-length: {}\r\n", (5_u64 << 30) + 1))).await;
    wire.answer().await.expect("an answer").is_error(400, "EntityTooLarge");
}

/// Behaviour 23.
#[tokio::test]
async fn a_read_that_began_before_an_overwrite_sees_the_old_bytes_whole() {
    use http_body_util::BodyExt;

    let home = Home::new().await;
    let (old, new) = (noise(1, 24 << 20), noise(2, 1 << 20));
    home.put("k", old.clone()).await.is(200);
    let mut body = home.client.open(home.get("k").prepare()).await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    home.put("k", new.clone()).await.is(200);
    home.get("k").await.is(200).has_body(&new);
    home.delete("k").await.is(204);
    let rest = body.collect().await.unwrap().to_bytes();
    assert_eq!(first.len() + rest.len(), old.len());
    assert!(old.starts_with(&first) && old.ends_with(&rest), "the bytes are not the old ones");
}

#[tokio::test]
async fn a_put_into_a_missing_bucket_is_refused() {
    let home = Home::new().await;
    home.client.request("PUT", &unique("missing"), "k").body("v").await.is_error(404, "NoSuchBucket");
}
