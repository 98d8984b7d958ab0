//! Setting, getting and deleting.

use super::home::{Home, Says};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn what_curl_sends_is_stored_as_sent() {
    let home = Home::new("").await;
    for method in ["POST", "PUT"] {
        // curl -d world
        home.call(method, "hello").header("content-type", FORM).body("world").await.is(200).has_body("");
        let answer = home.get("hello").await.is(200).has_body("world");
        answer.has("content-type", "text/plain; charset=utf-8").has("access-control-allow-origin", "*");
    }
    // curl -T, curl --data-binary @-
    home.call("PUT", "file").body(&b"\0\xFF\n"[..]).await.is(200);
    home.get("file").await.is(200).has_body(b"\0\xFF\n").has("content-type", "application/octet-stream");
    home.call("PUT", "empty").await.is(200);
    home.holds("empty", "").await;
}

#[tokio::test]
async fn a_content_type_is_stored_and_what_is_accepted_changes_nothing() {
    let home = Home::new("").await;
    let set = home.call("PUT", "page").header("content-type", "text/html; charset=utf-8");
    set.header("accept", "application/json").body("<p>").await.is(200).has_body("");
    let answer = home.call("GET", "page").header("accept", "application/json").await.is(200).has_body("<p>");
    // A page that somebody stored here is nobody's page.
    answer.has("content-type", "text/html; charset=utf-8").has("content-security-policy", "sandbox");
    home.call("HEAD", "page").await.is(200).has("content-length", "3").has_body("");
    home.call("HEAD", "missing").await.is(404).has_body("");
}

#[tokio::test]
async fn keys_are_any_bytes_decoded_once() {
    let home = Home::new("").await;
    for (sent, same) in [("a/b/c", "a%2Fb%2Fc"), ("%C3%A9", "%c3%a9"), ("%00%FF", "%00%ff"), ("a+b", "a%2Bb")] {
        home.set(sent, sent).await;
        home.holds(same, sent).await;
    }
    home.set("%2561", "encoded").await;
    home.lacks("a").await;
    home.set("/", "a slash").await;
    home.set("a//b/", "slashes").await;
    home.holds("a%2F%2Fb%2F", "slashes").await;
    let longest = "k".repeat(128);
    home.set(&longest, "v").await;
    for method in ["GET", "PUT", "DELETE"] {
        home.call(method, &format!("{longest}k")).await.says(400, "A key is 1 to 128 bytes");
    }
    home.call("PUT", "tokens/x").await.says(400, "Keys that begin with tokens/ or scripts/ are reserved");
    home.call("PUT", "scripts/x").await.says(403, "The bucket's policy does not allow it");
    home.call("PUT", "scripts/%FF").await.says(404, "There is nothing here");
}

#[tokio::test]
async fn a_value_is_at_most_16384_bytes() {
    let home = Home::new("").await;
    home.set("k", "v".repeat(16_384)).await;
    home.holds("k", &"v".repeat(16_384)).await;
    home.call("PUT", "k").body("w".repeat(16_385)).await.says(400, "A value is at most 16384 bytes");
    home.holds("k", &"v".repeat(16_384)).await;
}

#[tokio::test]
async fn a_delete_answers_alike_whether_the_key_was_there_or_not() {
    let home = Home::new("").await;
    home.set("k", "v").await;
    for _ in 0..2 {
        home.call("DELETE", "k").await.is(200).has_body("");
        home.lacks("k").await;
    }
}

#[tokio::test]
async fn a_time_to_live_is_a_number_of_seconds() {
    let home = Home::new("").await;
    for ttl in ["0", "1000", "3155760000"] {
        home.call("PUT", "k").query("ttl", ttl).body("v").await.is(200);
    }
    for ttl in ["-1", "1.5", "x", "", "99999999999999999999"] {
        home.call("PUT", "k").query("ttl", ttl).await.says(400, "ttl must be a whole number");
    }
    home.call("PUT", "k").query("ttl", "3155760001").await.says(400, "ttl is too long: at most 100 years");
    home.call("PUT", "short").query("ttl", "1").body("v").await.is(200);
    crate::v1::house::until("the value expires", || async { (home.get("short").await.status == 404).then_some(()) })
        .await;
    home.holds("k", "v").await;
}

#[tokio::test]
async fn tags_tell_whether_a_value_is_still_the_same() {
    let home = Home::new("").await;
    let tag = home.call("PUT", "k").header("if-none-match", "*").body("1").await.is(200).etag();
    assert_eq!(tag, "\"c4ca4238a0b923820dcc509a6f75849b\"");
    home.get("k").await.is(200).has("etag", &tag);
    home.call("GET", "k").header("if-none-match", &tag).await.is(304).has("etag", &tag).has_body("");
    home.call("PUT", "k").header("if-none-match", "*").body("2").await.is(412);
    let next = home.call("PUT", "k").header("if-match", &tag).body("2").await.is(200).etag();
    home.call("PUT", "k").header("if-match", &tag).body("3").await.is(412);
    home.call("PUT", "missing").header("if-match", "*").body("3").await.is(412);
    home.lacks("missing").await;
    home.call("PUT", "k").header("if-match", format!("\"x\", {next}")).body("3").await.is(200);
    home.holds("k", "3").await;
}
