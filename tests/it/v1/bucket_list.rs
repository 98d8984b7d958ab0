//! `GET /v1/buckets` and `GET /v1/buckets/{id}`.

use serde_json::json;
use windlass_tests::shape::has_shape;

use super::bucket_make::{BUCKET, STATES};
use super::house::{Org, SCOPES};

#[tokio::test]
async fn pages_go_through_all_buckets_by_id_each_once() {
    let org = Org::new();
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(org.bucket().await.id);
    }
    // Two that are made within a millisecond have their ids in any order.
    ids.sort();
    for limit in [1, 2, 3, 7, 100] {
        let (mut seen, mut cursor): (Vec<String>, Option<String>) = (Vec::new(), None);
        loop {
            let mut call = org.json.get("/v1/buckets").query("limit", limit);
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let page = call.await.page();
            assert_eq!(page.limit, limit);
            assert!(page.entries.len() as u64 <= limit);
            page.entries.iter().for_each(|bucket| has_shape(bucket, BUCKET));
            seen.extend(page.texts("id"));
            let Some(next) = page.next else { break };
            assert_eq!(Some(&next), seen.last(), "the cursor is the last id of its page");
            cursor = Some(next);
        }
        assert_eq!(seen, ids, "by {limit}");
    }
}

#[tokio::test]
async fn a_page_has_20_entries_unless_something_else_is_said() {
    let org = Org::new();
    for _ in 0..21 {
        org.bucket().await;
    }
    let page = org.json.get("/v1/buckets").await.page();
    assert_eq!((page.entries.len(), page.limit), (20, 20));
    let rest = org.json.get("/v1/buckets").query("cursor", page.next.unwrap()).await.page();
    assert_eq!((rest.entries.len(), rest.next), (1, None));
}

#[tokio::test]
async fn a_query_that_is_wrong_is_400() {
    let org = Org::new();
    for (name, values) in [
        ("limit", ["0", "101", "x", "1.5", "-1", "", "99999999999999999999"].as_slice()),
        ("status", &["gone", "", "Active"]),
        ("cursor", &["x", "", "key_070W3GE1R70W3GE1R70W3GE1R7", "bkt_070w3ge1r70w3ge1r70w3ge1r7"]),
    ] {
        for value in values {
            org.json.get("/v1/buckets").query(name, value).await.invalid();
        }
    }
}

#[tokio::test]
async fn a_status_is_a_filter() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for status in STATES {
        let ids = org.json.get("/v1/buckets").query("status", status).await.page().texts("id");
        let wanted = if *status == "active" { vec![bucket.id.clone()] } else { Vec::new() };
        assert_eq!(ids, wanted, "{status}");
    }
}

#[tokio::test]
async fn a_key_for_some_buckets_pages_through_those() {
    let org = Org::new();
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(org.bucket().await.id);
    }
    ids.sort();
    let some = [&ids[1], &ids[2], &ids[5]];
    let caller = org.json.with(&org.key_with(&SCOPES, json!({ "bucketIds": some })).await.token);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut call = caller.get("/v1/buckets").query("limit", 2);
        if !cursor.is_empty() {
            call = call.query("cursor", &cursor);
        }
        // Fewer than the limit may come with a cursor all the same.
        let page = call.await.page();
        seen.extend(page.texts("id"));
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    assert!(seen.iter().eq(some), "{seen:?}");
}

#[tokio::test]
async fn what_is_no_bucket_is_404() {
    let org = Org::new();
    for id in ["x", "bkt_", "bkt_00000000000000000000000000", "key_00000000000000000000000000", "%00", "a%2Fb", "%FF"] {
        org.json.get(&format!("/v1/buckets/{id}")).await.refused(404, "Bucket not found");
    }
    let bucket = org.bucket().await;
    org.json.get(&format!("/v1/buckets/{}", bucket.id.to_lowercase())).await.refused(404, "Bucket not found");
    org.json.get(&format!("/v1/buckets/{}", bucket.name)).await.refused(404, "Bucket not found");
}

#[tokio::test]
async fn counters_follow_what_a_bucket_holds_on_either_door() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let counted = async || {
        let shown = bucket.shown().await;
        (shown["objectCount"].as_u64().unwrap(), shown["storageUsedBytes"].as_u64().unwrap())
    };
    bucket.upload("a", &[0; 100]).await;
    org.s3.request("PUT", &bucket.name, "b").body(vec![0; 5_000]).await.is(200);
    assert_eq!(counted().await, (2, 5_100));
    bucket.upload("b", &[0; 10]).await;
    assert_eq!(counted().await, (2, 110));
    let s3 = windlass_tests::client::Bucket { client: org.s3.clone(), name: bucket.name.clone() };
    let upload = s3.upload("c").await;
    s3.part("c", &upload, 1, vec![0; 7_000]).await.is(200);
    assert_eq!(counted().await, (2, 7_110), "parts of open uploads count");
    s3.abort("c", &upload).await.is(204);
    s3.copy("a", "copy").await.is(200);
    assert_eq!(counted().await, (3, 210), "a copy counts in full");
    s3.delete("copy").await.is(204);
    org.json.delete(&bucket.file("a")).await.data(200);
    assert_eq!(counted().await, (1, 10));
}
