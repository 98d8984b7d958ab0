//! Copies that touch a linked bucket: within an account, between accounts, and between linked buckets and our own.

use serde_json::json;
use windlass_tests::client::Bucket;
use windlass_tests::digest::{Checksum, etag};
use windlass_tests::request::Request;

use super::pair::Linked;
use crate::home::noise;

/// An object with something of everything said of it.
async fn put(bucket: &Bucket, body: &[u8]) {
    let put = bucket.put("source", body.to_vec()).header("content-type", "text/plain").header("x-amz-meta-a", "1");
    put.header("cache-control", "no-store").header("x-amz-tagging", "t=1%20x&u=a%2Bb").await.is(200);
}

/// The copy keeps what is said of its source.
async fn is_copy(bucket: &Bucket, body: &[u8]) {
    let copy = bucket.get("copy").await.is(200).has_body(body).has("content-type", "text/plain");
    copy.has("x-amz-meta-a", "1").has("cache-control", "no-store").has("x-amz-tagging-count", "2");
    let tags = bucket.get("copy").flag("tagging").await.is(200).xml();
    assert_eq!(tags.texts("TagSet/Tag/Value"), ["1 x", "a+b"]);
}

/// A copy of `source`, a bucket and a key.
pub(super) fn copy(to: &Bucket, source: &str, key: &str) -> Request {
    to.at("PUT", key).header("x-amz-copy-source", source)
}

/// Copies from one bucket to another in every way there is, and looks at the copy where it lies.
async fn copy_all_ways(from: &Bucket, to: &Bucket, lies: &Bucket) {
    for len in [0, 5_000, 300_000] {
        let body = noise(len as u64, len);
        put(from, &body).await;
        let source = format!("{}/source", from.name);
        let copied = copy(to, &source, "copy").await.is(200).xml();
        assert_eq!(copied.text("ETag"), etag(&body));
        assert!(copied.text("LastModified").starts_with("20"), "{}", copied.text("LastModified"));
        is_copy(lies, &body).await;
        let replaced = copy(to, &source, "copy").header("x-amz-metadata-directive", "REPLACE");
        let replaced = replaced.header("x-amz-meta-b", "2").header("content-type", "text/html");
        let replaced = replaced.header("x-amz-tagging-directive", "REPLACE").header("x-amz-tagging", "v=3");
        replaced.header("x-amz-checksum-algorithm", "SHA256").await.is(200);
        let copy = lies.get("copy").header("x-amz-checksum-mode", "ENABLED").await.is(200).has_body(&body);
        let copy = copy.has("x-amz-meta-b", "2").has("content-type", "text/html").has("x-amz-tagging-count", "1");
        copy.lacks("x-amz-meta-a").lacks("cache-control").has("x-amz-checksum-sha256", &Checksum::Sha256.of(&body));
    }
    let source = format!("{}/source", from.name);
    let tag = from.head("source").await.is(200).etag();
    let on = |name: &str, value: &str| copy(to, &source, "copy").header(name, value);
    on("x-amz-copy-source-if-match", "\"x\"").await.is_error(412, "PreconditionFailed");
    on("x-amz-copy-source-if-none-match", &tag).await.is_error(412, "PreconditionFailed");
    on("x-amz-copy-source-if-match", &tag).await.is(200);
    copy(to, &format!("{}/absent", from.name), "copy").await.is_error(404, "NoSuchKey");
    copy_parts(from, to, lies).await;
}

/// Makes an object of parts that are copied.
async fn copy_parts(from: &Bucket, to: &Bucket, lies: &Bucket) {
    let body = noise(9, (6 << 20) + 11);
    from.put("large", body.clone()).await.is(200);
    let upload = to.upload("parts").await;
    let source = format!("{}/large", from.name);
    let mut parts = Vec::new();
    for (number, range) in [(1, "bytes=0-5242879"), (2, "bytes=5242880-6291466")] {
        let part = to.part_copy("parts", &upload, number, &source).header("x-amz-copy-source-range", range);
        parts.push((number, part.await.is(200).xml().text("ETag").to_owned()));
    }
    let beyond = to.part_copy("parts", &upload, 3, &source).header("x-amz-copy-source-range", "bytes=6291460-6291467");
    assert_eq!(beyond.await.status / 100, 4);
    to.complete("parts", &upload, &parts).await.is(200);
    lies.get("parts").await.is(200).has_body(&body);
}

#[tokio::test]
async fn within_an_account_the_provider_copies() {
    let linked = Linked::new().await;
    let other = linked.another().await;
    copy_all_ways(&linked.here, &other.here, &other.there).await;
    copy(&linked.here, &format!("{}/source", linked.here.name), "copy").await.is(200);
    is_copy(&linked.there, &noise(300_000, 300_000)).await;
}

#[tokio::test]
async fn between_accounts_copies_stream_through() {
    let (one, two) = (Linked::new().await, Linked::new().await);
    assert_ne!(one.account, two.account);
    copy_all_ways(&one.here, &two.here, &two.there).await;
}

#[tokio::test]
async fn from_a_linked_bucket_to_ours_copies_stream_through() {
    let linked = Linked::new().await;
    let ours = linked.ours().await;
    copy_all_ways(&linked.here, &ours, &ours).await;
}

#[tokio::test]
async fn from_ours_to_a_linked_bucket_copies_stream_through() {
    let linked = Linked::new().await;
    let ours = linked.ours().await;
    copy_all_ways(&ours, &linked.here, &linked.there).await;
}

#[tokio::test]
async fn a_version_of_a_linked_bucket_is_copied() {
    let linked = Linked::new().await;
    let ours = linked.ours().await;
    linked.here.keep_versions().await;
    let first = linked.here.put("source", "1").await.is(200).need("x-amz-version-id").to_owned();
    linked.here.put("source", "2").await.is(200);
    for to in [&linked.here, &ours] {
        let copy = copy(to, &format!("{}/source?versionId={first}", linked.here.name), "copy").await.is(200);
        assert_eq!(copy.need("x-amz-copy-source-version-id"), first);
        to.get("copy").await.is(200).has_body("1");
    }
}

#[tokio::test]
async fn copies_keep_the_limits_of_the_bucket_they_go_to() {
    let linked = Linked::new().await;
    let ours = linked.ours().await;
    linked.here.put("large", noise(1, 5_000)).await.is(200);
    linked.here.put("page", "p").header("content-type", "text/html").await.is(200);
    ours.put("large", noise(1, 5_000)).await.is(200);
    linked.set(json!({ "maxFileSizeBytes": 1_000, "allowedMimeTypes": ["binary/*", "text/plain"] })).await;
    for from in [&linked.here, &ours] {
        let copy = copy(&linked.here, &format!("{}/large", from.name), "copy");
        copy.await.is_error(400, "EntityTooLarge");
    }
    let page = format!("{}/page", linked.here.name);
    copy(&linked.here, &page, "copy").await.is_error(403, "AccessDenied");
    let plain = copy(&linked.here, &page, "copy").header("x-amz-metadata-directive", "REPLACE");
    plain.header("content-type", "text/plain").await.is(200);
    linked.there.get("copy").await.is(200).has_body("p");
}
