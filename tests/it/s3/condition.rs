//! Conditional reads and writes (RFC 9110, section 13; S3 API: "Conditional requests").

use windlass_tests::time::{http_date, now};

use crate::home::{Home, PART, noise};

const DAY: i64 = 86_400;

/// Behaviour 27.
#[tokio::test]
async fn if_none_match_that_hits_is_304_with_the_etag_and_no_body() {
    let home = Home::new().await;
    let etag = home.put("k", "v").await.is(200).etag();
    let bare = etag.trim_matches('"').to_owned();
    for value in [etag.as_str(), &bare, "*", &format!("\"other\", {etag}")] {
        for method in ["GET", "HEAD"] {
            let answer = home.at(method, "k").header("if-none-match", value).await.is(304);
            answer.has("etag", &etag).has_body("");
        }
    }
    home.get("k").header("if-none-match", "\"other\"").await.is(200).has_body("v");
}

/// Behaviour 27.
#[tokio::test]
async fn if_match_lets_only_its_etag_through() {
    let home = Home::new().await;
    let etag = home.put("k", "v").await.is(200).etag();
    let bare = etag.trim_matches('"').to_owned();
    for value in [etag.as_str(), &bare, "*", &format!("\"other\", {etag}")] {
        home.get("k").header("if-match", value).await.is(200).has_body("v");
    }
    home.get("k").header("if-match", "\"other\"").await.is_error(412, "PreconditionFailed");
    home.head("k").header("if-match", "\"other\"").await.is(412).has_body("");
}

/// Behaviour 27.
#[tokio::test]
async fn dates_are_compared_with_last_modified() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let modified = home.head("k").await.need("last-modified").to_owned();
    let (before, after) = (http_date(now() - DAY), modified.as_str());
    home.get("k").header("if-modified-since", after).await.is(304).has_body("");
    home.get("k").header("if-modified-since", &before).await.is(200).has_body("v");
    home.get("k").header("if-unmodified-since", after).await.is(200).has_body("v");
    home.get("k").header("if-unmodified-since", &before).await.is_error(412, "PreconditionFailed");
    home.get("k").header("if-modified-since", "not a date").await.is(200).has_body("v");
}

/// Behaviour 27.
#[tokio::test]
async fn etags_win_over_dates() {
    let home = Home::new().await;
    let etag = home.put("k", "v").await.is(200).etag();
    let modified = home.head("k").await.need("last-modified").to_owned();
    let before = http_date(now() - DAY);
    // RFC 9110, section 13.2.2: the date is not looked at where the matching ETag condition is present.
    let get = || home.get("k");
    get().header("if-match", &etag).header("if-unmodified-since", &before).await.is(200).has_body("v");
    get().header("if-match", "\"x\"").header("if-unmodified-since", &modified).await.is(412);
    get().header("if-none-match", "\"x\"").header("if-modified-since", &modified).await.is(200).has_body("v");
    get().header("if-none-match", &etag).header("if-modified-since", &before).await.is(304);
    get().header("if-match", "\"x\"").header("if-none-match", &etag).await.is(412);
    get().header("if-match", &etag).header("if-none-match", &etag).await.is(304);
}

#[tokio::test]
async fn a_condition_is_checked_before_the_range() {
    let home = Home::new().await;
    let etag = home.put("k", "0123456789").await.is(200).etag();
    home.get("k").header("range", "bytes=0-1").header("if-none-match", &etag).await.is(304);
    home.get("k").header("range", "bytes=99-").header("if-match", "\"x\"").await.is(412);
    home.get("k").header("range", "bytes=0-1").header("if-match", &etag).await.is(206).has_body("01");
}

#[tokio::test]
async fn conditions_on_a_missing_key_are_404() {
    let home = Home::new().await;
    home.get("k").header("if-match", "\"x\"").await.is_error(404, "NoSuchKey");
    home.get("k").header("if-none-match", "*").await.is_error(404, "NoSuchKey");
}

/// Behaviour 29.
#[tokio::test]
async fn only_the_first_put_if_none_match_creates() {
    let home = Home::new().await;
    let put = |body: &'static str| home.put("k", body).header("if-none-match", "*");
    put("first").await.is(200);
    put("second").await.is_error(412, "PreconditionFailed");
    home.get("k").await.is(200).has_body("first");
    home.delete("k").await.is(204);
    put("third").await.is(200);
    home.get("k").await.is(200).has_body("third");
}

/// Behaviours 30 and 31.
#[tokio::test]
async fn put_if_match_replaces_only_what_it_names() {
    let home = Home::new().await;
    home.put("k", "new").header("if-match", "\"x\"").await.is_error(404, "NoSuchKey");
    home.put("k", "new").header("if-match", "*").await.is_error(404, "NoSuchKey");
    let etag = home.put("k", "old").await.is(200).etag();
    home.put("k", "new").header("if-match", "\"x\"").await.is_error(412, "PreconditionFailed");
    home.get("k").await.is(200).has_body("old");
    home.put("k", "new").header("if-match", &etag).await.is(200);
    home.put("k", "newer").header("if-match", &etag).await.is_error(412, "PreconditionFailed");
    home.get("k").await.is(200).has_body("new");
}

/// Behaviour 31.
#[tokio::test]
async fn a_refused_condition_leaves_large_objects_whole() {
    let home = Home::new().await;
    let old = noise(1, 300_000);
    home.put("k", old.clone()).await.is(200);
    home.put("k", noise(2, 300_000)).header("if-none-match", "*").await.is_error(412, "PreconditionFailed");
    home.get("k").await.is(200).has_body(old);
}

/// Behaviours 29, 30 and 31.
#[tokio::test]
async fn a_complete_whose_condition_fails_harms_neither_object_nor_upload() {
    let home = Home::new().await;
    let old = home.put("k", "old").await.is(200).etag();
    let upload = home.upload("k").await;
    let body = noise(3, PART);
    let parts = [(1, home.part("k", &upload, 1, body.clone()).await.is(200).etag())];
    let complete = || home.complete("k", &upload, &parts);
    complete().header("if-none-match", "*").await.is_error(412, "PreconditionFailed");
    complete().header("if-match", "\"x\"").await.is_error(412, "PreconditionFailed");
    home.get("k").await.is(200).has_body("old");
    assert_eq!(home.parts("k", &upload).await.is(200).xml().texts("Part/PartNumber"), ["1"]);
    complete().header("if-match", &old).await.is(200);
    home.get("k").await.is(200).has_body(body);
}

/// Behaviour 30.
#[tokio::test]
async fn complete_if_match_on_a_missing_key_is_404() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    let parts = [(1, home.part("k", &upload, 1, "v").await.is(200).etag())];
    home.complete("k", &upload, &parts).header("if-match", "\"x\"").await.is_error(404, "NoSuchKey");
    home.complete("k", &upload, &parts).header("if-none-match", "*").await.is(200);
    home.get("k").await.is(200).has_body("v");
}
