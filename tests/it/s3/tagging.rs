//! Tags of objects and of buckets.

use windlass_tests::answer::Answer;
use windlass_tests::client::Bucket;
use windlass_tests::request::Request;
use windlass_tests::xml::{Xml, escape};

use crate::home::{Home, PART, noise};

type Tags<'a> = &'a [(&'a str, &'a str)];

fn document(tags: Tags<'_>) -> String {
    let tag = |(name, value): &(&str, &str)| {
        format!("<Tag><Key>{}</Key><Value>{}</Value></Tag>", escape(name), escape(value))
    };
    format!("<Tagging><TagSet>{}</TagSet></Tagging>", tags.iter().map(tag).collect::<String>())
}

fn put_tags(bucket: &Bucket, key: &str, tags: Tags<'_>) -> Request {
    bucket.put(key, document(tags)).flag("tagging")
}

fn read(xml: &Xml) -> Vec<(String, String)> {
    let tags = xml.all("TagSet/Tag");
    tags.into_iter().map(|tag| (tag.text("Key").to_owned(), tag.text("Value").to_owned())).collect()
}

async fn tags_of(bucket: &Bucket, key: &str) -> Vec<(String, String)> {
    read(&bucket.get(key).flag("tagging").await.is(200).xml())
}

fn owned(tags: Tags<'_>) -> Vec<(String, String)> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn many(count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("k{n}"), format!("v{n}"))).collect()
}

fn borrowed(tags: &[(String, String)]) -> Vec<(&str, &str)> {
    tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// Behaviour 54.
#[tokio::test]
async fn tags_come_back_as_they_went_and_a_put_replaces_them() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    assert_eq!(tags_of(&home, "k").await, []);
    for tags in [&[("b", "2"), ("a", "1")][..], &[("ünï 日本", "a+b=c:d/e@f_g-h.i")], &[("only", "")], &[]] {
        put_tags(&home, "k", tags).await.is(200).has_body("");
        assert_eq!(tags_of(&home, "k").await, owned(tags));
    }
    home.get("k").await.is(200).has_body("v");
}

/// Behaviour 54.
#[tokio::test]
async fn deleting_tags_is_204_and_leaves_the_object() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    put_tags(&home, "k", &[("a", "1")]).await.is(200);
    for _ in 0..2 {
        home.delete("k").flag("tagging").await.is(204);
        assert_eq!(tags_of(&home, "k").await, []);
    }
    home.get("k").await.is(200).has_body("v").lacks("x-amz-tagging-count");
}

/// Behaviour 54.
#[tokio::test]
async fn ten_tags_are_the_most() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let (ten, eleven) = (many(10), many(11));
    put_tags(&home, "k", &borrowed(&ten)).await.is(200);
    put_tags(&home, "k", &borrowed(&eleven)).await.is_error(400, "BadRequest");
    assert_eq!(tags_of(&home, "k").await, ten);
    let header = |tags: &[(String, String)]| {
        let pairs: Vec<String> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    };
    home.put("ten", "v").header("x-amz-tagging", header(&ten)).await.is(200);
    home.put("eleven", "v").header("x-amz-tagging", header(&eleven)).await.is_error(400, "BadRequest");
    home.get("eleven").await.is_error(404, "NoSuchKey");
}

/// Behaviour 54.
#[tokio::test]
async fn names_and_values_that_break_a_rule_are_invalid_and_change_nothing() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let (name, value) = ("n".repeat(128), "v".repeat(256));
    put_tags(&home, "k", &[(&name, &value)]).await.is(200);
    let (long_name, long_value) = ("n".repeat(129), "v".repeat(257));
    let wrong: [Tags<'_>; 6] = [
        &[(&long_name, "v")],
        &[("n", &long_value)],
        &[("", "v")],
        &[("a", "1"), ("a", "2")],
        &[("a?", "1")],
        &[("aws:a", "1")],
    ];
    for tags in wrong {
        put_tags(&home, "k", tags).await.is_error(400, "InvalidTag");
    }
    assert_eq!(tags_of(&home, "k").await, owned(&[(&name, &value)]));
    for wrong in ["<Tagging/>", "<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", "junk"] {
        home.put("k", wrong).flag("tagging").await.is_error(400, "MalformedXML");
    }
    home.get("k").await.is(200).has_body("v");
}

/// Behaviour 54.
#[tokio::test]
async fn the_header_of_a_put_is_a_query_string() {
    let home = Home::new().await;
    let put = |header: &str| home.put("k", "v").header("x-amz-tagging", header);
    put("a=1&b=x+y%2Bz&c&%C3%A9=%3D").await.is(200);
    assert_eq!(tags_of(&home, "k").await, owned(&[("a", "1"), ("b", "x y+z"), ("c", ""), ("é", "=")]));
    put("").await.is(200);
    assert_eq!(tags_of(&home, "k").await, []);
    for wrong in ["a=1&a=2", "a=%FF"] {
        put(wrong).await.is_error(400, "InvalidArgument");
    }
    put(&format!("{}=1", "n".repeat(129))).await.is_error(400, "InvalidTag");
}

fn count(answer: &Answer) -> Option<String> {
    answer.header("x-amz-tagging-count").map(str::to_owned)
}

/// Behaviour 54.
#[tokio::test]
async fn reads_tell_how_many_tags_there_are() {
    let home = Home::new().await;
    home.put("k", "v").header("x-amz-tagging", "a=1&b=2&c=3").await.is(200);
    home.put("none", "v").await.is(200);
    for method in ["GET", "HEAD"] {
        assert_eq!(count(&home.at(method, "k").await.is(200)).as_deref(), Some("3"), "{method}");
        assert_eq!(count(&home.at(method, "none").await.is(200)), None, "{method}");
    }
}

/// Behaviour 18.
#[tokio::test]
async fn a_put_over_an_object_does_not_keep_its_tags() {
    let home = Home::new().await;
    home.put("k", "v").header("x-amz-tagging", "a=1").await.is(200);
    home.put("k", "w").await.is(200);
    assert_eq!(tags_of(&home, "k").await, []);
}

/// Behaviour 33.
#[tokio::test]
async fn a_copy_keeps_the_tags_unless_it_is_told_to_replace_them() {
    let home = Home::new().await;
    home.put("k", "v").header("x-amz-tagging", "a=1").await.is(200);
    home.copy("k", "kept").await.is(200);
    home.copy("k", "also").header("x-amz-tagging-directive", "COPY").await.is(200);
    let replace = |to: &str| home.copy("k", to).header("x-amz-tagging-directive", "REPLACE");
    replace("replaced").header("x-amz-tagging", "b=2").await.is(200);
    replace("none").await.is(200);
    home.copy("k", "wrong").header("x-amz-tagging-directive", "MERGE").await.is_error(400, "InvalidArgument");
    assert_eq!(tags_of(&home, "kept").await, owned(&[("a", "1")]));
    assert_eq!(tags_of(&home, "also").await, owned(&[("a", "1")]));
    assert_eq!(tags_of(&home, "replaced").await, owned(&[("b", "2")]));
    assert_eq!(tags_of(&home, "none").await, []);
    home.get("wrong").await.is_error(404, "NoSuchKey");
}

/// Behaviour 44.
#[tokio::test]
async fn a_multipart_object_has_the_tags_given_at_create() {
    let home = Home::new().await;
    let create = home.create("k").header("x-amz-tagging", "a=1").await.is(200);
    let upload = create.xml().text("UploadId").to_owned();
    let etag = home.part("k", &upload, 1, noise(1, PART)).await.is(200).etag();
    home.complete("k", &upload, &[(1, etag)]).header("x-amz-tagging", "b=2").await.is(200);
    assert_eq!(tags_of(&home, "k").await, owned(&[("a", "1")]));
}

#[tokio::test]
async fn each_version_has_tags_of_its_own() {
    let home = Home::new().await;
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    home.on("PUT").flag("versioning").body(on).await.is(200);
    let old = home.put("k", "1").header("x-amz-tagging", "a=1").await.is(200).need("x-amz-version-id").to_owned();
    let new = home.put("k", "2").await.is(200).need("x-amz-version-id").to_owned();
    let of = async |version: &str| {
        let answer = home.get("k").flag("tagging").query("versionId", version).await.is(200);
        read(&answer.has("x-amz-version-id", version).xml())
    };
    assert_eq!(of(&old).await, owned(&[("a", "1")]));
    let put = put_tags(&home, "k", &[("b", "2")]).query("versionId", &old).await.is(200);
    put.has("x-amz-version-id", &old);
    put_tags(&home, "k", &[("c", "3")]).await.is(200).has("x-amz-version-id", &new);
    assert_eq!((of(&old).await, of(&new).await), (owned(&[("b", "2")]), owned(&[("c", "3")])));
    home.delete("k").flag("tagging").query("versionId", &old).await.is(204).has("x-amz-version-id", &old);
    assert_eq!((of(&old).await, of(&new).await), (vec![], owned(&[("c", "3")])));
    home.get("k").query("versionId", &old).await.is(200).has_body("1");

    home.delete("k").await.is(204);
    home.get("k").flag("tagging").await.is_error(404, "NoSuchKey");
    put_tags(&home, "k", &[]).await.is_error(404, "NoSuchKey");
    let unknown = "0".repeat(32);
    home.get("k").flag("tagging").query("versionId", &unknown).await.is_error(404, "NoSuchVersion");
}

#[tokio::test]
async fn what_is_not_there_has_no_tags() {
    let home = Home::new().await;
    home.get("k").flag("tagging").await.is_error(404, "NoSuchKey");
    put_tags(&home, "k", &[("a", "1")]).await.is_error(404, "NoSuchKey");
    home.delete("k").flag("tagging").await.is_error(404, "NoSuchKey");
    home.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviour 54.
#[tokio::test]
async fn a_bucket_without_tags_says_so_and_deleting_them_is_204() {
    let home = Home::new().await;
    let get = || home.on("GET").flag("tagging");
    get().await.is_error(404, "NoSuchTagSet");
    let put = |tags: Tags<'_>| home.on("PUT").flag("tagging").body(document(tags));
    put(&[("b", "2"), ("a", "1")]).await.is(204);
    assert_eq!(read(&get().await.is(200).xml()), owned(&[("b", "2"), ("a", "1")]));
    for _ in 0..2 {
        home.on("DELETE").flag("tagging").await.is(204);
        get().await.is_error(404, "NoSuchTagSet");
    }
    put(&[("a", "1"), ("a", "2")]).await.is_error(400, "InvalidTag");
    let (fifty, more) = (many(50), many(51));
    put(&borrowed(&fifty)).await.is(204);
    put(&borrowed(&more)).await.is_error(400, "BadRequest");
    assert_eq!(read(&get().await.is(200).xml()), fifty);
}
