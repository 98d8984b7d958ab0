//! CopyObject.

use windlass_tests::sign::encode;
use windlass_tests::time::{http_date, now};

use crate::home::{Home, noise, unique};

/// Behaviours 33 and 35.
#[tokio::test]
async fn a_copy_has_the_bytes_metadata_and_type_of_its_source() {
    let home = Home::new().await;
    for (key, len) in [("small", 100), ("large", 2_000_000)] {
        let body = noise(8, len);
        let put = home.put(key, body.clone()).header("content-type", "text/x").header("x-amz-meta-a", "1");
        let etag = put.header("cache-control", "no-store").await.is(200).etag();
        let xml = home.copy(key, "copy").header("x-amz-meta-ignored", "x").await.is(200).xml();
        assert_eq!((xml.name.as_str(), xml.text("ETag")), ("CopyObjectResult", etag.as_str()));
        assert!(xml.text("LastModified").ends_with('Z'));
        let copy = home.get("copy").await.is(200).has_body(&body).has("etag", &etag).has("content-type", "text/x");
        copy.has("x-amz-meta-a", "1").has("cache-control", "no-store").lacks("x-amz-meta-ignored");
    }
}

#[tokio::test]
async fn a_copy_outlives_its_source() {
    let home = Home::new().await;
    let body = noise(9, 500_000);
    home.put("source", body.clone()).await.is(200);
    home.copy("source", "copy").await.is(200);
    home.copy("copy", "copy of copy").await.is(200);
    home.put("source", "other").await.is(200);
    home.delete("copy").await.is(204);
    home.get("copy of copy").await.is(200).has_body(&body);
    home.delete("source").await.is(204);
    home.get("copy of copy").await.is(200).has_body(&body);
}

#[tokio::test]
async fn a_copy_of_a_multipart_object_is_whole() {
    let home = Home::new().await;
    let parts = [noise(1, crate::home::PART), noise(2, 10)];
    home.multipart("source", &parts).await;
    let etag = home.head("source").await.etag();
    let xml = home.copy("source", "copy").await.is(200).xml();
    home.delete("source").await.is(204);
    let copy = home.get("copy").await.is(200).has_body(parts.concat());
    assert_eq!((copy.etag(), xml.text("ETag")), (etag.clone(), etag.as_str()));
}

/// Behaviour 33.
#[tokio::test]
async fn replace_drops_the_old_metadata() {
    let home = Home::new().await;
    let put = home.put("k", "v").header("x-amz-meta-old", "1").header("content-type", "text/old");
    put.header("content-language", "de").await.is(200);
    let copy = home.copy("k", "copy").header("x-amz-metadata-directive", "REPLACE").header("x-amz-meta-new", "2");
    copy.header("content-type", "text/new").await.is(200);
    let answer =
        home.get("copy").await.is(200).has_body("v").has("x-amz-meta-new", "2").has("content-type", "text/new");
    answer.lacks("x-amz-meta-old").lacks("content-language");
    home.copy("k", "c").header("x-amz-metadata-directive", "OTHER").await.is_error(400, "InvalidArgument");
}

/// Behaviours 32 and 68.
#[tokio::test]
async fn copying_onto_itself_needs_a_change() {
    let home = Home::new().await;
    home.put("k", "v").header("x-amz-meta-mtime", "1").await.is(200);
    home.copy("k", "k").await.is_error(400, "InvalidRequest");
    home.get("k").await.is(200).has("x-amz-meta-mtime", "1");
    let replace = home.copy("k", "k").header("x-amz-metadata-directive", "REPLACE");
    replace.header("x-amz-meta-mtime", "2").await.is(200);
    home.get("k").await.is(200).has_body("v").has("x-amz-meta-mtime", "2");
}

/// Behaviour 34.
#[tokio::test]
async fn the_source_is_decoded_exactly_once() {
    let home = Home::new().await;
    for key in ["a%b", "a%25b", "a%2525b", "a+b", "a b", "a?b", "a?versionId=x", "ü/日本", "/lead", "a#b", "dir/"] {
        home.put(key, key.to_owned()).await.is(200);
        for lead in ["/", ""] {
            let source = format!("{lead}{}/{}", home.name, encode(key, true));
            home.at("PUT", "copy").header("x-amz-copy-source", source).await.is(200);
            home.get("copy").await.is(200).has_body(key);
        }
    }
    // A slash between bucket and key may come encoded too.
    let source = format!("{}%2F{}", home.name, encode("ü/日本", false));
    home.at("PUT", "copy").header("x-amz-copy-source", source).await.is(200);
    home.get("copy").await.is(200).has_body("ü/日本");
}

/// Behaviour 35.
#[tokio::test]
async fn a_source_that_is_not_there_is_named() {
    let home = Home::new().await;
    let from = |source: String| home.at("PUT", "copy").header("x-amz-copy-source", source);
    from(format!("/{}/missing", home.name)).await.is_error(404, "NoSuchKey");
    from(format!("/{}/k", unique("missing"))).await.is_error(404, "NoSuchBucket");
    for malformed in ["", "/", "nokey", "/bucket/", "%zz/k"] {
        let answer = from(malformed.to_owned()).await;
        assert!([400, 404].contains(&answer.status), "{malformed:?}: {}", answer.describe());
    }
    home.get("copy").await.is_error(404, "NoSuchKey");
    home.put("k", "v").await.is(200);
    let away = home.client.request("PUT", &unique("missing"), "copy");
    away.header("x-amz-copy-source", format!("/{}/k", home.name)).await.is_error(404, "NoSuchBucket");
}

/// Behaviour 35.
#[tokio::test]
async fn conditions_on_the_source_are_kept() {
    let home = Home::new().await;
    let etag = home.put("k", "v").await.is(200).etag();
    let (past, modified) = (http_date(now() - 86_400), home.head("k").await.need("last-modified").to_owned());
    let copy = |name: &str, value: &str| home.copy("k", "copy").header(&format!("x-amz-copy-source-{name}"), value);
    for (name, value) in [
        ("if-match", "\"x\""),
        ("if-none-match", etag.as_str()),
        ("if-unmodified-since", past.as_str()),
        ("if-modified-since", modified.as_str()),
    ] {
        copy(name, value).await.is_error(412, "PreconditionFailed");
    }
    home.get("copy").await.is_error(404, "NoSuchKey");
    for (name, value) in [
        ("if-match", etag.as_str()),
        ("if-none-match", "\"x\""),
        ("if-unmodified-since", modified.as_str()),
        ("if-modified-since", past.as_str()),
    ] {
        copy(name, value).await.is(200);
    }
}

#[tokio::test]
async fn a_copy_goes_to_another_bucket() {
    let home = Home::new().await;
    let other = home.another().await;
    home.put("k", "v").await.is(200);
    other.at("PUT", "k2").header("x-amz-copy-source", format!("/{}/k", home.name)).await.is(200);
    home.delete("k").await.is(204);
    home.on("DELETE").await.is(204);
    other.get("k2").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_copy_replaces_what_was_there() {
    let home = Home::new().await;
    home.put("k", "new").await.is(200);
    home.put("copy", noise(1, 100_000)).header("x-amz-meta-old", "1").await.is(200);
    home.copy("k", "copy").await.is(200);
    home.get("copy").await.is(200).has_body("new").lacks("x-amz-meta-old");
}
