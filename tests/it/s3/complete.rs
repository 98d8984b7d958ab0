//! CompleteMultipartUpload: what it refuses, and that a refusal costs nothing.

use http_body_util::BodyExt;
use windlass_tests::digest::{etag, multipart_etag};
use windlass_tests::wire::Wire;

use crate::home::{Home, PART, noise};

/// An upload of two parts: its id and the parts' ETags.
async fn two_parts(home: &Home, first: usize) -> (String, Vec<(u32, String)>) {
    let upload = home.upload("k").await;
    let mut done = Vec::new();
    for (number, len) in [(1, first), (2, 100)] {
        let answer = home.part("k", &upload, number, noise(number.into(), len)).await.is(200);
        done.push((number, answer.etag()));
    }
    (upload, done)
}

/// Behaviour 38.
#[tokio::test]
async fn a_refused_complete_leaves_the_upload_usable() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    let (upload, done) = two_parts(&home, PART).await;
    let (one, two) = (done[0].clone(), done[1].clone());
    let wrong = (1, etag(b"wrong"));
    let unknown = (3, two.1.clone());
    home.complete("k", &upload, &[]).await.is_error(400, "MalformedXML");
    home.complete_with("k", &upload, "<Complete").await.is_error(400, "MalformedXML");
    home.complete_with("k", &upload, "").await.is(400);
    home.complete("k", &upload, &[wrong, two.clone()]).await.is_error(400, "InvalidPart");
    home.complete("k", &upload, &[one.clone(), unknown]).await.is_error(400, "InvalidPart");
    home.complete("k", &upload, &[two.clone(), one.clone()]).await.is_error(400, "InvalidPartOrder");
    home.complete("k", &upload, &[one.clone(), one.clone()]).await.is_error(400, "InvalidPartOrder");
    home.get("k").await.is(200).has_body("old");
    home.complete("k", &upload, &[one, two]).await.is(200);
    home.get("k").await.is(200).has_body([noise(1, PART), noise(2, 100)].concat());
}

/// Behaviour 38.
#[tokio::test]
async fn a_part_but_the_last_has_at_least_five_mebibytes() {
    let home = Home::new().await;
    let (upload, done) = two_parts(&home, PART - 1).await;
    home.complete("k", &upload, &done).await.is_error(400, "EntityTooSmall");
    home.get("k").await.is_error(404, "NoSuchKey");
    let answer = home.part("k", &upload, 1, noise(1, PART)).await.is(200);
    home.complete("k", &upload, &[(1, answer.etag()), done[1].clone()]).await.is(200);
    home.get("k").await.is(200).has_body([noise(1, PART), noise(2, 100)].concat());
}

#[tokio::test]
async fn an_etag_may_come_without_quotes() {
    let home = Home::new().await;
    let (upload, done) = two_parts(&home, PART).await;
    let bare: Vec<_> = done.into_iter().map(|(n, etag)| (n, etag.trim_matches('"').to_owned())).collect();
    home.complete("k", &upload, &bare).await.is(200);
}

/// Behaviour 39.
#[tokio::test]
async fn a_part_sent_again_replaces_the_first() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    let first = home.part("k", &upload, 1, "first").await.is(200).etag();
    let second = home.part("k", &upload, 1, "second").await.is(200).etag();
    assert_eq!(home.parts("k", &upload).await.is(200).xml().texts("Part/ETag"), [second.as_str()]);
    home.complete("k", &upload, &[(1, first)]).await.is_error(400, "InvalidPart");
    home.complete("k", &upload, &[(1, second)]).await.is(200);
    home.get("k").await.is(200).has_body("second");
}

/// Behaviour 39.
#[tokio::test]
async fn of_two_parts_with_one_number_the_later_to_end_stays() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    let slow = home.part("k", &upload, 1, noise(1, 100_000)).prepare();
    let (begun, rest) = slow.body.split_at(50_000);
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(slow.head()).await;
    wire.send(begun).await;
    let quick = home.part("k", &upload, 1, "quick").await.is(200).etag();
    assert_eq!(home.parts("k", &upload).await.is(200).xml().texts("Part/ETag"), [quick]);
    wire.send(rest).await;
    let last = wire.answer().await.expect("an answer").is(200).etag();
    assert_eq!(home.parts("k", &upload).await.is(200).xml().texts("Part/ETag"), [last.as_str()]);
    home.complete("k", &upload, &[(1, last)]).await.is(200);
    home.get("k").await.is(200).has_body(noise(1, 100_000));
}

/// Behaviour 39.
#[tokio::test]
async fn only_the_parts_named_are_in_the_object() {
    let home = Home::new().await;
    let (upload, done) = two_parts(&home, PART).await;
    home.complete("k", &upload, &done[1..]).await.is(200);
    let last = noise(2, 100);
    home.get("k").await.is(200).has_body(&last).has("etag", &multipart_etag(&[&last]));
}

/// Behaviour 40.
#[tokio::test]
async fn completing_again_gives_the_same_answer() {
    let home = Home::new().await;
    let (upload, done) = two_parts(&home, PART).await;
    let first = home.complete("k", &upload, &done).await.is(200).xml();
    let again = home.complete("k", &upload, &done).await.is(200).xml();
    assert_eq!((first.text("ETag"), first.text("Location")), (again.text("ETag"), again.text("Location")));
    assert!(home.on("GET").flag("uploads").await.is(200).xml().all("Upload").is_empty());
    home.part("k", &upload, 3, "v").await.is_error(404, "NoSuchUpload");
    home.abort("k", &upload).await.is_error(404, "NoSuchUpload");
    home.get("k").await.is(200).has_body([noise(1, PART), noise(2, 100)].concat());
}

/// Behaviour 41.
#[tokio::test]
async fn a_finished_upload_replaces_the_old_object_whole() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, 100)];
    home.put("k", noise(3, 100_000)).header("x-amz-meta-old", "1").await.is(200);
    home.multipart("k", &parts).await;
    home.get("k").await.is(200).has_body(parts.concat()).lacks("x-amz-meta-old");
    home.put("k", "small").await.is(200);
    home.get("k").await.is(200).has_body("small").lacks("x-amz-mp-parts-count");
}

/// Behaviour 41.
#[tokio::test]
async fn a_read_that_began_before_a_complete_sees_the_old_bytes_whole() {
    let home = Home::new().await;
    let old = noise(1, 24 << 20);
    home.put("k", old.clone()).await.is(200);
    let mut body = home.client.open(home.get("k").prepare()).await.unwrap().into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let parts = [noise(2, PART), noise(3, 100)];
    home.multipart("k", &parts).await;
    home.get("k").await.is(200).has_body(parts.concat());
    let rest = body.collect().await.unwrap().to_bytes();
    assert!([first, rest].concat() == old, "the bytes are not the old ones");
}

/// Behaviour 43.
#[tokio::test]
async fn parts_of_a_finished_object_can_be_read_by_number() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, PART + 1), noise(3, 50)];
    let etag = home.multipart("k", &parts).await.xml().text("ETag").to_owned();
    let total = parts.concat().len();
    let mut from = 0;
    for (number, part) in (1..).zip(&parts) {
        let range = format!("bytes {from}-{}/{total}", from + part.len() - 1);
        let answer = home.get("k").query("partNumber", number).await.is(206).has_body(part).has("etag", &etag);
        answer.has("x-amz-mp-parts-count", "3").has("content-range", &range);
        let head = home.head("k").query("partNumber", number).await.is(206).has("etag", &etag);
        head.has("content-length", &part.len().to_string()).has("x-amz-mp-parts-count", "3");
        from += part.len();
    }
    home.get("k").query("partNumber", 4).await.is_error(400, "InvalidPart");
    home.head("k").query("partNumber", 4).await.is(400).has_body("");
    let both = home.get("k").query("partNumber", 1).header("range", "bytes=0-1").await;
    both.is_error_of(400, &["InvalidRequest", "InvalidArgument"]);
}
