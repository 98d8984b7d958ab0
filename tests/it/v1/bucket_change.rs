//! `PATCH /v1/buckets/{id}` and `POST /v1/buckets/{id}/retry`.

use serde_json::{Value, json};
use windlass_tests::shape::has_shape;

use super::bucket_make::{BUCKET, WRITTEN};
use super::house::{Home, Org};

async fn patch(org: &Org, bucket: &Home, change: Value) -> Value {
    let answer = org.json.patch(&bucket.path(), &change).await.data(200);
    has_shape(&answer, WRITTEN);
    assert_eq!(answer["id"], bucket.id.as_str());
    let shown = bucket.shown().await;
    has_shape(&shown, BUCKET);
    shown
}

#[tokio::test]
async fn every_setting_changes_alone_and_can_be_taken_back() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let mut expected = bucket.shown().await;
    for (field, value) in [
        ("name", json!("Another name ✓")),
        ("cachePreset", json!("immutable")),
        ("cacheControlOverride", json!("x".repeat(256))),
        ("cacheControlOverride", json!(null)),
        ("corsOrigins", json!(["https://a.test"])),
        ("corsOrigins", json!([])),
        ("lifecycleTtlDays", json!(3650)),
        ("lifecycleTtlDays", json!(null)),
        ("maxFileSizeBytes", json!(5_000_000_000_u64)),
        ("maxFileSizeBytes", json!(null)),
        ("allowedMimeTypes", json!(["image/png", "text/*"])),
        ("allowedMimeTypes", json!(null)),
        ("optimizationMode", json!("none")),
        ("visibility", json!("public")),
        ("visibility", json!("private")),
    ] {
        let mut change = json!({});
        change[field] = value.clone();
        let shown = patch(&org, &bucket, change).await;
        expected[field] = value;
        expected["updatedAt"] = shown["updatedAt"].clone();
        assert_eq!(shown, expected, "{field}");
    }
    assert!(expected["updatedAt"].as_str() > expected["createdAt"].as_str());
}

#[tokio::test]
async fn nothing_said_is_nothing_changed() {
    let org = Org::new();
    let bucket = org.bucket_with(json!({ "lifecycleTtlDays": 7, "corsOrigins": ["https://a.test"] })).await;
    let before = bucket.shown().await;
    assert_eq!(patch(&org, &bucket, json!({})).await, before);
    has_shape(&org.json.call("PATCH", &bucket.path()).await.data(200), WRITTEN);
    assert_eq!(bucket.shown().await, before);
}

#[tokio::test]
async fn what_a_bucket_is_cannot_be_changed() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let before = bucket.shown().await;
    let change = json!({
        "region": "eu-west-1", "customDomain": "a.example.com", "isManagedDomain": true, "awsAccountId": "acc_x",
        "s3Name": "another-name", "id": "bkt_x", "status": "failed", "storageUsedBytes": 5, "isImported": true,
    });
    assert_eq!(patch(&org, &bucket, change).await, before);
}

#[tokio::test]
async fn a_change_that_breaks_a_rule_changes_nothing() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let before = bucket.shown().await;
    let told = async |change: Value| org.json.patch(&bucket.path(), &change).await.invalid();
    for (field, bad) in [
        ("name", json!("")),
        ("name", json!("x".repeat(101))),
        ("name", json!(null)),
        ("cachePreset", json!("long")),
        ("cacheControlOverride", json!("x".repeat(257))),
        ("cacheControlOverride", json!("a\r\nset-cookie: b")),
        ("lifecycleTtlDays", json!(0)),
        ("lifecycleTtlDays", json!(3651)),
        ("maxFileSizeBytes", json!(-1)),
        ("allowedMimeTypes", json!(vec!["a/b"; 51])),
        ("allowedMimeTypes", json!(["a"])),
        ("optimizationMode", json!("light")),
        ("optimizationMode", json!("strong")),
        ("visibility", json!(true)),
    ] {
        let mut change = json!({ "name": "changed" });
        change[field] = bad;
        told(change).await;
    }
    assert_eq!(told(json!({ "corsOrigins": vec!["https://a.test"; 11] })).await, "Maximum 10 CORS origins");
    assert_eq!(told(json!({ "corsOrigins": ["nowhere"] })).await, "Invalid origin URL");
    assert_eq!(bucket.shown().await, before);
}

#[tokio::test]
async fn a_setting_holds_from_the_answer_on() {
    let org = Org::new();
    let bucket = org.bucket().await;
    patch(&org, &bucket, json!({ "maxFileSizeBytes": 3 })).await;
    let refused = org.json.put(&bucket.file("k"), "four").await;
    refused.refused(413, "File exceeds the bucket's maximum size of 3 bytes");
    patch(&org, &bucket, json!({ "maxFileSizeBytes": 4 })).await;
    bucket.upload("k", b"four").await;
    patch(&org, &bucket, json!({ "allowedMimeTypes": ["image/*"] })).await;
    org.json.put(&bucket.file("k.txt"), "x").await.refused(415, "File type not allowed");
    patch(&org, &bucket, json!({ "allowedMimeTypes": null })).await;
    bucket.upload("k.txt", b"x").await;
}

#[tokio::test]
async fn what_is_no_bucket_cannot_be_changed_or_retried() {
    let org = Org::new();
    for id in ["x", "bkt_00000000000000000000000000"] {
        org.json.patch(&format!("/v1/buckets/{id}"), &json!({ "name": "n" })).await.refused(404, "Bucket not found");
        org.json.call("POST", &format!("/v1/buckets/{id}/retry")).await.refused(404, "Bucket not found");
    }
}

#[tokio::test]
async fn a_bucket_that_did_not_fail_cannot_be_retried() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let answer = org.json.call("POST", &format!("{}/retry", bucket.path())).await;
    answer.refused(400, "Only failed buckets can be retried");
    assert_eq!(bucket.shown().await["status"], "active");
}
