//! Linked buckets on the JSON doors.

use serde_json::json;
use windlass_tests::client::Bucket;
use windlass_tests::json::text;
use windlass_tests::server::Server;

use super::accounts::{connected, import};
use crate::home::unique;
use crate::v1::face::file_id;
use crate::v1::house::Org;

/// A linked bucket: the owner's organisation, the identifier, the name, and the bucket where it is.
async fn linked() -> (Org, Server, String, Bucket) {
    let (org, upstream) = (Org::new(), Server::start());
    let there = upstream.client().make(&unique("doors")).await;
    let account = connected(&org.json, &upstream).await;
    let id = import(&org.json, &account, &[&there.name]).await.remove(0);
    (org, upstream, id, there)
}

#[tokio::test]
async fn the_json_doors_read_and_write_a_linked_bucket() {
    let (org, _upstream, id, there) = linked().await;
    let (path, name) = (format!("/v1/buckets/{id}/files"), there.name.clone());
    let put = org.json.put(&format!("{path}/a%2F%2Fb"), "bytes").header("content-type", "text/x-a").await.data(200);
    assert_eq!((&put["key"], &put["size"]), (&"a//b".into(), &5.into()));
    there.get("a//b").await.is(200).has("content-type", "text/x-a").has_body("bytes");
    let shown = org.json.get(&format!("{path}/a%2F%2Fb")).await.data(200);
    assert_eq!((&shown["size"], &shown["contentType"]), (&5.into(), &"text/x-a".into()));
    // A form does not say how long its file is.
    let large: Vec<u8> = (0..20_000_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[2]).collect();
    let file = Some(("f", "image/png", large.as_slice()));
    org.json.call("POST", "/v1/files/upload").query("bucket", &name).form(&[("key", "large")], file).await.is(201);
    there.get("large").await.is(200).has("content-type", "image/png").has_body(large);
    org.json.post("/v1/folders", &json!({ "name": "dir" })).query("bucket", &name).await.is(201);
    org.json.post("/v1/folders", &json!({ "name": "dir" })).query("bucket", &name).await.is(409);
    assert_eq!(there.keys().await, ["a//b", "dir/", "large"]);
    let listed = org.json.get(&path).await.is(200).json();
    let keys: Vec<String> = listed["data"].as_array().unwrap().iter().map(|file| text(file, "key")).collect();
    assert_eq!(keys, ["a//b", "dir/", "large"]);
    org.json.delete(&format!("{path}/a%2F%2Fb")).await.data(200);
    there.get("a//b").await.is_error(404, "NoSuchKey");
    org.json.delete(&format!("{path}/a%2F%2Fb")).await.refused(404, "File not found");
}

#[tokio::test]
async fn limits_of_the_bucket_hold_for_what_goes_to_the_provider() {
    let (org, _upstream, id, there) = linked().await;
    let bucket = format!("/v1/buckets/{id}");
    let limits = json!({ "maxFileSizeBytes": 10_000_000, "allowedMimeTypes": ["image/*"] });
    org.json.patch(&bucket, &limits).await.data(200);
    let put = |kind: &str, length: usize| {
        org.json.put(&format!("{bucket}/files/k"), vec![7; length]).header("content-type", kind)
    };
    put("text/plain", 5).await.refused(415, "File type not allowed");
    let told = "File exceeds the bucket's maximum size of 10000000 bytes";
    put("image/png", 10_000_001).await.refused(413, told);
    let large = vec![7; 12_000_000];
    let form = org.json.call("POST", "/v1/files/upload").query("bucket", &there.name);
    form.form(&[("key", "k")], Some(("f", "image/png", &large))).await.is(413);
    assert!(there.keys().await.is_empty());
    let open = there.on("GET").flag("uploads").await.is(200).xml().texts("Upload/Key");
    assert!(open.is_empty(), "an upload was left open: {open:?}");
    put("image/png", 10_000_000).await.data(200);
    assert_eq!(there.keys().await, ["k"]);
}

#[tokio::test]
async fn the_files_face_shows_and_shares_what_is_at_the_provider() {
    let (org, upstream, id, there) = linked().await;
    there.put("a b", "bytes").header("content-type", "text/x-a").await.is(200);
    let files = org.json.get("/v1/files").query("bucket", &there.name).await.is(200).json();
    assert_eq!((&files["files"][0]["key"], &files["files"][0]["content_type"]), (&"a b".into(), &"text/x-a".into()));
    let file = format!("/v1/files/{}", file_id(&there.name, "a b"));
    assert_eq!(org.json.get(&file).await.is(200).json()["size"], 5);
    let part = org.json.get(&format!("{file}/content")).header("range", "bytes=1-3").await.is(206);
    assert_eq!(part.body, "yte");
    let share = json!({ "resource_id": file_id(&there.name, "a b"), "expires_in": 600 });
    let url = text(&org.json.post("/v1/share", &share).await.is(201).json(), "url");
    let path = &url[url.find("/-/s/").unwrap()..];
    org.s3.plain(path).await.is(200).has_body("bytes");
    let usage = org.json.get(&format!("/v1/buckets/{id}")).await.data(200);
    assert_eq!((&usage["storageUsedBytes"], &usage["objectCount"]), (&0.into(), &0.into()));
    org.json.delete(&file).await.is(204);
    there.get("a b").await.is_error(404, "NoSuchKey");
    drop(upstream);
    let gone = org.json.get(&format!("/v1/buckets/{id}/files")).await.is(503).json();
    let told = text(&gone["error"], "message");
    assert!(told.contains("The upstream 127.0.0.1:") && told.contains("Please try again"), "{told}");
}
