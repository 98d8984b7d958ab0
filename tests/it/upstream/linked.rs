//! Linked buckets on the S3 door: what is asked here happens there, and is told as it is told there.

use bytes::Bytes;
use serde_json::json;
use windlass_tests::digest::{Checksum, content_md5, etag};
use windlass_tests::request::Payload;

use super::pair::Linked;
use crate::home::noise;

#[tokio::test]
async fn bodies_of_every_size_and_form_arrive_whole() {
    let linked = Linked::new().await;
    for len in [0, 1, 4_097, 65_536, (1 << 20) + 3] {
        let body = noise(len as u64, len);
        let put = linked.here.put("k", body.clone());
        let crc = Checksum::Crc32.of(&body);
        for (number, put) in [
            put.clone(),
            put.clone().payload(Payload::unsigned()),
            put.clone().chunked(),
            put.clone().trailer(true, "x-amz-checksum-crc32", &crc),
            put.clone().trailer(false, "x-amz-checksum-crc32", &crc),
            put.clone().header("x-amz-checksum-crc32", &crc).header("content-md5", content_md5(&body)),
        ]
        .into_iter()
        .enumerate()
        {
            linked.there.delete("k").await.is(204);
            put.await.is(200).has("etag", &etag(&body)).has_body("");
            let there = linked.there.get("k").header("x-amz-checksum-mode", "ENABLED").await.is(200).has_body(&body);
            let there = there.lacks("content-encoding");
            if number >= 3 {
                there.has("x-amz-checksum-crc32", &crc);
            }
            let here = linked.here.get("k").await.is(200).has("etag", &etag(&body)).has_body(&body);
            assert_eq!(here.need("content-length"), len.to_string(), "form {number}");
            linked.here.head("k").await.is(200).has("content-length", &len.to_string()).has_body("");
        }
    }
}

#[tokio::test]
async fn what_is_said_of_an_object_goes_and_comes_back() {
    let linked = Linked::new().await;
    let headers = [
        ("cache-control", "public, max-age=60"),
        ("content-disposition", "attachment; filename=\"a b.txt\""),
        ("content-encoding", "gzip"),
        ("content-language", "en, de"),
        ("content-type", "text/plain; charset=x"),
        ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
        ("x-amz-meta-a", "b  c"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    let put = headers.iter().fold(linked.here.put("k", "v"), |put, (name, value)| put.header(name, value));
    put.header("x-amz-tagging", "t=1&u=2").await.is(200);
    for bucket in [&linked.here, &linked.there] {
        for method in ["GET", "HEAD"] {
            let answer = bucket.at(method, "k").await.is(200).has("x-amz-tagging-count", "2");
            headers.iter().fold(answer, |answer, (name, value)| answer.has(name, value));
        }
    }
    let answer = linked.here.get("k").await.is(200);
    let theirs = linked.there.get("k").await.is(200);
    assert_eq!(answer.need("last-modified"), theirs.need("last-modified"));
    assert_ne!(answer.need("x-amz-request-id"), theirs.need("x-amz-request-id"));
    let tags = linked.here.get("k").flag("tagging").await.is(200).xml();
    assert_eq!(tags.texts("TagSet/Tag/Key"), ["t", "u"]);
}

#[tokio::test]
async fn a_body_that_is_not_what_was_said_leaves_nothing_upstream() {
    let linked = Linked::new().await;
    let body = noise(7, 300_000);
    let put = || linked.here.put("k", body.clone());
    let other = Checksum::Crc32.of(b"other");
    put().header("content-md5", content_md5(b"other")).await.is_error(400, "BadDigest");
    put().header("x-amz-checksum-crc32", &other).await.is_error(400, "BadDigest");
    put().trailer(true, "x-amz-checksum-crc32", &other).await.is_error(400, "BadDigest");
    put().trailer(false, "x-amz-checksum-crc32", &other).await.is_error(400, "BadDigest");
    let hash = "0".repeat(64);
    put().payload(Payload::Said(hash.clone())).await.is_error(400, "XAmzContentSHA256Mismatch");
    linked.here.put("k", "").header("content-md5", content_md5(b"other")).await.is_error(400, "BadDigest");
    linked.here.put("k", "").payload(Payload::Said(hash)).await.is_error(400, "XAmzContentSHA256Mismatch");
    put().chunked().decoded_length("299999").await.is_error(400, "IncompleteBody");
    linked.there.get("k").await.is_error(404, "NoSuchKey");
    let upload = linked.here.upload("k").await;
    let part = linked.here.part("k", &upload, 1, body.clone());
    part.header("content-md5", content_md5(b"other")).await.is_error(400, "BadDigest");
    assert!(linked.there.parts("k", &upload).await.is(200).xml().all("Part").is_empty());
}

#[tokio::test]
async fn ranges_and_conditions_are_the_upstream_s() {
    let linked = Linked::new().await;
    let body = noise(3, 200_000);
    let tag = linked.here.put("k", body.clone()).await.is(200).etag();
    let range = linked.here.get("k").header("range", "bytes=100-199").await.is(206).has_body(&body[100..200]);
    range.has("content-range", "bytes 100-199/200000").has("content-length", "100");
    linked.here.get("k").header("range", "bytes=300000-").await.is_error(416, "InvalidRange");
    let unchanged = linked.here.get("k").header("if-none-match", &tag).await.is(304).has_body("");
    unchanged.has("etag", &tag);
    linked.here.get("k").header("if-match", "\"other\"").await.is_error(412, "PreconditionFailed");
    linked.here.head("k").header("if-match", "\"other\"").await.is(412).has_body("");
    linked.here.put("k", "new").header("if-none-match", "*").await.is_error(412, "PreconditionFailed");
    linked.here.put("k", "new").header("if-match", &tag).await.is(200);
    linked.here.get("k").query("response-content-type", "text/x").await.is(200).has("content-type", "text/x");
    linked.here.get("absent").await.is_error(404, "NoSuchKey");
    linked.here.head("absent").await.is(404).has_body("");
}

#[tokio::test]
async fn listings_are_those_of_the_upstream_with_the_name_of_here() {
    let linked = Linked::new().await;
    for key in ["a", "b/1", "b/2", "c & d", "é"] {
        linked.there.put(key, key.to_owned()).await.is(200);
    }
    let page = linked.here.list().query("delimiter", "/").await.is(200).xml();
    assert_eq!(page.text("Name"), linked.here.name);
    assert_eq!(page.texts("Contents/Key"), ["a", "c & d", "é"]);
    assert_eq!(page.texts("CommonPrefixes/Prefix"), ["b/"]);
    let first = linked.here.list().query("max-keys", 2).await.is(200).xml();
    let next = first.text("NextContinuationToken");
    let second = linked.here.list().query("continuation-token", next).await.is(200).xml();
    assert_eq!([first.texts("Contents/Key"), second.texts("Contents/Key")].concat(), ["a", "b/1", "b/2", "c & d", "é"]);
    let encoded = linked.here.list_v1().query("encoding-type", "url").query("prefix", "c").await.is(200).xml();
    assert_eq!(encoded.texts("Contents/Key"), ["c%20%26%20d"]);
    assert_eq!(linked.here.keys().await, linked.there.keys().await);
}

#[tokio::test]
async fn uploads_in_parts_are_made_upstream() {
    let linked = Linked::new().await;
    let parts = [noise(1, 5 << 20), noise(2, 1000)];
    let upload = linked.here.upload("dir/k").await;
    let mut done = Vec::new();
    for (number, part) in (1..).zip(&parts) {
        done.push((number, linked.here.part("dir/k", &upload, number, part.clone()).await.is(200).etag()));
    }
    assert_eq!(linked.here.parts("dir/k", &upload).await.is(200).xml().texts("Part/Size"), ["5242880", "1000"]);
    let open = linked.here.on("GET").flag("uploads").await.is(200).xml();
    assert_eq!((open.text("Bucket"), open.text("Upload/Key")), (linked.here.name.as_str(), "dir/k"));
    let completed = linked.here.complete("dir/k", &upload, &done).await.is(200).xml();
    let host = linked.here.client.address();
    assert_eq!(completed.text("Location"), format!("http://{host}/{}/dir/k", linked.here.name));
    assert_eq!(completed.text("Bucket"), linked.here.name);
    linked.there.get("dir/k").await.is(200).has_body(parts.concat());
    linked.here.get("dir/k").query("partNumber", 2).await.is(206).has_body(&parts[1]).has("x-amz-mp-parts-count", "2");
    let upload = linked.here.upload("k").await;
    linked.here.abort("k", &upload).await.is(204);
    linked.here.parts("k", &upload).await.is_error(404, "NoSuchUpload");
    linked.here.complete("k", &upload, &[(1, "x".to_owned())]).await.is_error(404, "NoSuchUpload");
}

#[tokio::test]
async fn versions_are_the_upstream_s() {
    let linked = Linked::new().await;
    linked.here.keep_versions().await;
    let first = linked.here.put("k", "1").await.is(200).need("x-amz-version-id").to_owned();
    linked.here.put("k", "2").await.is(200);
    linked.here.get("k").query("versionId", &first).await.is(200).has_body("1").has("x-amz-version-id", &first);
    linked.here.delete("k").await.is(204).has("x-amz-delete-marker", "true");
    let gone = linked.here.get("k").await.is_error(404, "NoSuchKey");
    gone.has("x-amz-delete-marker", "true");
    let versions = linked.here.all_versions().await;
    assert_eq!(versions, linked.there.all_versions().await);
    // An identifier that is none here is the upstream's to judge.
    linked.here.get("k").query("versionId", "3/L4kqtJlcpXroDTDmJ.a_b-c").await.is(400);
    linked.here.delete("k").query("versionId", &first).await.is(204);
    assert_eq!(linked.there.all_versions().await.0.len(), versions.0.len() - 1);
}

#[tokio::test]
async fn many_are_deleted_at_once_and_each_is_told() {
    let linked = Linked::new().await;
    for key in ["a", "b/1", "b/2"] {
        linked.here.put(key, "v").await.is(200);
    }
    let told = linked.here.delete_many(&["a", "absent"], false).await.is(200).xml();
    assert_eq!(told.texts("Deleted/Key"), ["a", "absent"]);
    assert_eq!(linked.there.keys().await, ["b/1", "b/2"]);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*",
        "Action": "s3:DeleteObject", "Resource": format!("arn:aws:s3:::{}/b/1", linked.here.name) }] });
    linked.here.on("PUT").flag("policy").body(policy.to_string()).await.is(204);
    let told = linked.here.delete_many(&["b/1", "b/2"], false).await.is(200).xml();
    assert_eq!((told.texts("Deleted/Key"), told.texts("Error/Key")), (vec!["b/2".to_owned()], vec!["b/1".to_owned()]));
    assert_eq!(told.text("Error/Code"), "AccessDenied");
    linked.here.delete_many(&["b/1"], true).await.is(200);
    assert_eq!(linked.there.keys().await, ["b/1"]);
}

#[tokio::test]
async fn identity_policy_and_cors_are_ours() {
    let linked = Linked::new().await;
    linked.here.put("open/k", "v").await.is(200);
    linked.here.get("open/k").anonymous().await.is_error(403, "AccessDenied");
    let tagged = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Principal": "*",
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{}/*", linked.here.name),
        "Condition": { "StringEquals": { "s3:ExistingObjectTag/secret": "yes" } } }] });
    linked.here.on("PUT").flag("policy").body(tagged.to_string()).await.is_error(400, "MalformedPolicy");
    let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": "*",
        "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{}/open/*", linked.here.name) }] });
    linked.here.on("PUT").flag("policy").body(policy.to_string()).await.is(204);
    linked.here.get("open/k").anonymous().await.is(200).has_body("v");
    linked.here.get("closed/k").anonymous().await.is_error(403, "AccessDenied");
    linked.there.on("GET").flag("policy").await.is_error(404, "NoSuchBucketPolicy");
    let cors = "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.test</AllowedOrigin>\
                <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    linked.here.on("PUT").flag("cors").body(cors).await.is(200);
    let answer = linked.here.get("open/k").header("origin", "https://a.test").await.is(200);
    answer.has("access-control-allow-origin", "https://a.test");
    linked.there.on("GET").flag("cors").await.is_error(404, "NoSuchCORSConfiguration");
}

#[tokio::test]
async fn limits_of_the_bucket_hold_before_anything_goes_upstream() {
    let linked = Linked::new().await;
    linked.set(json!({ "maxFileSizeBytes": 6_000_000, "allowedMimeTypes": ["text/plain"] })).await;
    let put = |key: &str, len: usize, kind: &str| linked.here.put(key, noise(1, len)).header("content-type", kind);
    put("fits", 1000, "text/plain").await.is(200);
    put("kind", 1000, "text/html").await.is_error(403, "AccessDenied");
    put("size", 6_000_001, "text/plain").await.is_error(400, "EntityTooLarge");
    let upload = linked.here.create("parts").header("content-type", "text/plain").await.is(200).xml();
    let upload = upload.text("UploadId");
    let mut parts = Vec::new();
    for number in [1, 2] {
        let part = linked.here.part("parts", upload, number, noise(2, 5 << 20)).await.is(200);
        parts.push((number, part.etag()));
    }
    linked.here.complete("parts", upload, &parts).await.is_error(400, "EntityTooLarge");
    assert_eq!(linked.there.keys().await, ["fits"]);
}

#[tokio::test]
async fn what_would_have_no_effect_or_is_not_managed_is_refused() {
    let linked = Linked::new().await;
    let lifecycle = "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix>x</Prefix></Filter>\
                     <Expiration><Days>5</Days></Expiration></Rule></LifecycleConfiguration>";
    let put = |flag: &str, body: &str| linked.here.on("PUT").flag(flag).body(Bytes::from(body.to_owned()));
    let website = "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument></WebsiteConfiguration>";
    put("website", website).await.is_error(501, "NotImplemented");
    put("notification", "<NotificationConfiguration/>").await.is_error(501, "NotImplemented");
    put("lifecycle", lifecycle).await.is_error(403, "AccessDenied");
    linked.here.put("k", "v").header("x-amz-acl", "public-read").await.is_error(403, "AccessDenied");
    linked.here.put("k", "v").header("x-amz-acl", "private").await.is(200);
    linked.here.on("GET").flag("lifecycle").await.is_error(404, "NoSuchLifecycleConfiguration");
    linked.set(json!({ "managedSettings": { "lifecycle": true } })).await;
    put("lifecycle", lifecycle).await.is(200);
    assert_eq!(linked.there.on("GET").flag("lifecycle").await.is(200).xml().text("Rule/ID"), "r");
    linked.here.on("GET").flag("versioning").await.is(200);
    linked.here.on("HEAD").await.is(200);
    linked.here.on("GET").flag("location").await.is(200);
}

#[tokio::test]
async fn a_presigned_address_and_a_form_work_as_ever() {
    let linked = Linked::new().await;
    let put = linked.here.put("p", "by address").auth(windlass_tests::request::Auth::PresignedV4(60));
    put.await.is(200);
    linked.there.get("p").await.is(200).has_body("by address");
    linked.here.get("p").auth(windlass_tests::request::Auth::PresignedV4(60)).await.is(200).has_body("by address");
}

#[tokio::test]
async fn deleting_a_linked_bucket_leaves_the_bucket_there() {
    let linked = Linked::new().await;
    linked.here.put("k", "v").await.is(200);
    linked.here.on("DELETE").await.is(204);
    linked.here.get("k").await.is_error(404, "NoSuchBucket");
    linked.there.get("k").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_bucket_that_is_gone_there_is_told_as_gone() {
    let linked = Linked::new().await;
    linked.there.on("DELETE").await.is(204);
    linked.here.get("k").await.is_error(404, "NoSuchBucket");
    linked.here.put("k", "v").await.is_error(404, "NoSuchBucket");
    linked.here.list().await.is_error(404, "NoSuchBucket");
}
