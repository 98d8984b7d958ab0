//! The error document.

use crate::home::{Home, unique};

/// Behaviours 17 and 71.
#[tokio::test]
async fn an_error_says_what_where_and_under_which_id() {
    let home = Home::new().await;
    let answer = home.get("dir/missing key").await.is_error(404, "NoSuchKey");
    let xml = answer.xml();
    assert_eq!(answer.need("content-type"), "application/xml");
    assert!(!xml.text("Message").is_empty());
    assert!(xml.text("Resource").contains("missing"), "{xml:?}");
    assert_eq!((xml.text("BucketName"), xml.text("Key")), (home.name.as_str(), "dir/missing key"));
    assert_eq!(Some(xml.text("HostId")), answer.header("x-amz-id-2"));
    assert_eq!(answer.need("content-length"), answer.body.len().to_string());
}

/// Behaviour 71.
#[tokio::test]
async fn an_error_about_a_bucket_names_the_bucket() {
    let home = Home::new().await;
    let missing = unique("missing");
    let xml = home.client.request("GET", &missing, "").await.is_error(404, "NoSuchBucket").xml();
    assert_eq!((xml.text("BucketName"), xml.get("Key")), (missing.as_str(), None));
}

#[tokio::test]
async fn an_odd_key_does_not_break_the_error() {
    let home = Home::new().await;
    for key in ["<Code>x</Code>", "a&b", "\u{1}\u{8}", "]]>", "ü"] {
        home.get(key).await.is_error(404, "NoSuchKey");
    }
}

/// Behaviour 17.
#[tokio::test]
async fn head_errors_have_no_body() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for answer in [
        home.head("missing").await.is(404),
        home.head("k").anonymous().await.is(403),
        home.head("k").header("if-match", "\"x\"").await.is(412),
        home.head("k").header("range", "bytes=9-").await.is(416),
    ] {
        assert!(answer.body.is_empty());
        answer.need("x-amz-request-id");
    }
}

#[tokio::test]
async fn an_error_does_not_tell_what_the_secret_signs() {
    let home = Home::new().await;
    let answer = home.get("k").keys(&home.client.keys().access, "wrong").await.is(403);
    let right = home.get("k").prepare().header("authorization");
    let signature = right.rsplit_once('=').unwrap().1;
    assert!(!answer.text().contains(signature) && !answer.text().contains(&home.client.keys().secret));
}

#[tokio::test]
async fn a_method_that_s3_does_not_know_is_refused() {
    let home = Home::new().await;
    for method in ["PATCH", "FROBNICATE"] {
        let answer = home.at(method, "k").await;
        assert!([400, 405, 501].contains(&answer.status), "{method}: {}", answer.describe());
    }
}

#[tokio::test]
async fn xml_that_explodes_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let bomb = r#"<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<Delete><Object><Key>&b;</Key></Object></Delete>"#;
    let md5 = windlass_tests::digest::content_md5(bomb.as_bytes());
    home.on("POST").flag("delete").header("content-md5", &md5).body(bomb).await.is_error(400, "MalformedXML");
    let file =
        r#"<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key></Object></Delete>"#;
    let md5 = windlass_tests::digest::content_md5(file.as_bytes());
    home.on("POST").flag("delete").header("content-md5", &md5).body(file).await.is_error(400, "MalformedXML");
}

#[tokio::test]
async fn xml_without_end_is_refused() {
    let home = Home::new().await;
    let large = format!("<Delete>{}</Delete>", " ".repeat(9 << 20));
    let md5 = windlass_tests::digest::content_md5(large.as_bytes());
    let answer = home.on("POST").flag("delete").header("content-md5", md5).body(large).attempt().await;
    // The refusal may come before the body has been sent, and the connection may end with it.
    if let Ok(answer) = answer {
        assert!([400, 413].contains(&answer.status), "{}", answer.describe());
    }
    home.put("k", "v").await.is(200);
}
