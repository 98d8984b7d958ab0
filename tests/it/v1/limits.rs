//! The limits of buckets and plans, wherever bytes come in or go out: size, type, storage, bandwidth.

use serde_json::{Value, json};
use windlass_tests::client::Bucket;
use windlass_tests::wire::Wire;

use super::house::{Home, Org, until};

const FULL: &str = "Storage limit exceeded. Upgrade your plan.";

fn over_s3(org: &Org, home: &Home) -> Bucket {
    Bucket { client: org.s3.clone(), name: home.name.clone() }
}

async fn used(org: &Org) -> u64 {
    org.json.get("/v1/billing/usage").await.data(200)["storage"]["usedBytes"].as_u64().unwrap()
}

#[tokio::test]
async fn a_file_too_large_is_refused_by_its_length_before_a_byte_of_it() {
    for (plan, settings, most) in [
        ("free", json!({}), 100 << 20),
        ("pro", json!({}), 5 << 30),
        ("enterprise", json!({ "maxFileSizeBytes": 10 }), 10_u64),
        // The lesser of the two counts.
        ("tight", json!({ "maxFileSizeBytes": 9_000 }), 8_000),
        ("tight", json!({ "maxFileSizeBytes": 7_000 }), 7_000),
    ] {
        let org = Org::on(plan);
        let bucket = org.bucket_with(settings).await;
        let message = format!("File exceeds the bucket's maximum size of {most} bytes");
        let length = format!("content-length: {}\r\n", most + 1);
        let mut wire = Wire::connect(org.s3.address()).await;
        wire.send(org.json.call("PUT", &bucket.file("k")).prepare().head_with(&length)).await;
        wire.answer().await.expect("an answer to the head alone").refused(413, &message);
        if plan == "pro" {
            // So large S3 itself refuses it, in its own words.
            continue;
        }
        let mut wire = Wire::connect(org.s3.address()).await;
        let bearer = org.json.call("PUT", &format!("/{}/k", bucket.name)).prepare();
        wire.send(bearer.head_with(&length)).await;
        wire.answer().await.expect("an answer to the head alone").bare_error(413, "too_large", &message);
        assert_eq!(bucket.shown().await["objectCount"], 0);
    }
}

#[tokio::test]
async fn a_file_of_unknown_length_is_cut_where_it_becomes_too_large() {
    let org = Org::new();
    let bucket = org.bucket_with(json!({ "maxFileSizeBytes": 10 })).await;
    let send = async |pieces: &[&str]| {
        let mut wire = Wire::connect(org.s3.address()).await;
        wire.send(org.json.call("PUT", &bucket.file("k")).prepare().head_with("transfer-encoding: chunked\r\n")).await;
        for piece in pieces {
            wire.send(format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        }
        wire.send("0\r\n\r\n").await;
        wire.answer().await.expect("an answer")
    };
    assert_eq!(send(&["01234", "56789"]).await.data(200)["size"], 10);
    let message = "File exceeds the bucket's maximum size of 10 bytes";
    send(&["01234", "56789", "x"]).await.refused(413, message);
    let shown = bucket.shown().await;
    assert_eq!((&shown["storageUsedBytes"], &shown["objectCount"]), (&10.into(), &1.into()));
}

#[tokio::test]
async fn the_size_limit_holds_for_every_way_in() {
    let org = Org::new();
    let (bucket, wide) = (org.bucket_with(json!({ "maxFileSizeBytes": 10 })).await, org.bucket().await);
    let message = "File exceeds the bucket's maximum size of 10 bytes";
    let s3 = over_s3(&org, &bucket);
    s3.put("k", "0123456789x").await.is_error(400, "EntityTooLarge");
    s3.put("k", "0123456789x").chunked().await.is_error(400, "EntityTooLarge");
    let upload = s3.upload("k").await;
    s3.part("k", &upload, 1, "0123456789x").await.is_error(400, "EntityTooLarge");
    wide.upload("large", b"0123456789x").await;
    let source = format!("/{}/large", wide.name);
    s3.at("PUT", "k").header("x-amz-copy-source", &source).await.is_error(400, "EntityTooLarge");
    s3.part_copy("k", &upload, 1, &source).await.is_error(400, "EntityTooLarge");
    let form = org.json.call("POST", "/v1/files/upload").query("bucket", &bucket.name);
    let form = form.form(&[("key", "k")], Some(("k", "text/plain", b"0123456789x")));
    form.await.bare_refused(413, "too_large", message);
    s3.part("k", &upload, 1, "0123456789").await.is(200);
    s3.put("k", "0123456789").await.is(200);
}

#[tokio::test]
async fn a_type_that_a_bucket_does_not_take_is_415_and_403_on_s3() {
    let org = Org::new();
    let bucket = org.bucket_with(json!({ "allowedMimeTypes": ["image/*", "text/plain"] })).await;
    let s3 = over_s3(&org, &bucket);
    let put = |key: &str, kind: &str| org.json.put(&bucket.file(key), "x").header("content-type", kind);
    for kind in ["image/png", "IMAGE/webp", "text/plain; charset=utf-8"] {
        put("k", kind).await.data(200);
        s3.put("k", "x").header("content-type", kind).await.is(200);
    }
    for kind in ["text/html", "application/octet-stream", "imagex/png", "image", "*/*"] {
        put("k", kind).await.refused(415, "File type not allowed");
        s3.put("k", "x").header("content-type", kind).await.is_error(403, "AccessDenied");
        s3.create("k").header("content-type", kind).await.is_error(403, "AccessDenied");
    }
    // What is guessed counts as what is said; what cannot be guessed is octets.
    org.json.put(&bucket.file("k.png"), "x").await.data(200);
    org.json.put(&bucket.file("k.html"), "x").await.refused(415, "File type not allowed");
    org.json.put(&bucket.file("k"), "x").await.refused(415, "File type not allowed");
    s3.put("k", "x").await.is_error(403, "AccessDenied");
    let form = org.json.call("POST", "/v1/files/upload").query("bucket", &bucket.name);
    let form = form.form(&[("key", "k")], Some(("k", "text/html", b"x")));
    form.await.bare_told(415, "unsupported_type");
    let none = org.bucket_with(json!({ "allowedMimeTypes": [] })).await;
    org.json.put(&none.file("k.png"), "x").await.refused(415, "File type not allowed");
}

#[tokio::test]
async fn storage_beyond_the_plan_is_402_on_every_door_and_leaves_nothing() {
    let org = Org::on("tight");
    let (bucket, other) = (org.bucket().await, org.bucket().await);
    bucket.upload("a", &[1; 6_000]).await;
    let s3 = over_s3(&org, &other);
    // The sum of all the organisation's buckets counts.
    org.json.put(&other.file("b"), vec![0; 4_001]).await.refused(402, FULL);
    s3.put("b", vec![0; 4_001]).await.is_error(402, "QuotaExceeded");
    let form = org.json.call("POST", "/v1/files/upload").query("bucket", &other.name);
    let form = form.form(&[("key", "b")], Some(("b", "text/plain", &[0; 4_001])));
    form.await.bare_told(402, "payment_required");
    let source = format!("/{}/a", bucket.name);
    s3.at("PUT", "b").header("x-amz-copy-source", &source).await.is_error(402, "QuotaExceeded");
    let upload = s3.upload("b").await;
    s3.part("b", &upload, 1, vec![0; 4_001]).await.is_error(402, "QuotaExceeded");
    s3.part_copy("b", &upload, 1, &source).await.is_error(402, "QuotaExceeded");
    assert_eq!(used(&org).await, 6_000);
    // To the last byte.
    s3.part("b", &upload, 1, vec![0; 4_000]).await.is(200);
    assert_eq!(used(&org).await, 10_000);
    org.json.put(&bucket.file("one"), "x").await.refused(402, FULL);
    bucket.upload("empty", b"").await;
    s3.abort("b", &upload).await.is(204);
    assert_eq!(used(&org).await, 6_000);
}

#[tokio::test]
async fn what_is_replaced_makes_room_and_a_full_plan_can_shrink() {
    let org = Org::on("tight");
    let bucket = org.bucket().await;
    bucket.upload("a", &[1; 7_000]).await;
    bucket.upload("b", &[1; 3_000]).await;
    bucket.upload("a", &[2; 7_000]).await;
    org.json.put(&bucket.file("a"), vec![3; 7_001]).await.refused(402, FULL);
    over_s3(&org, &bucket).put("a", vec![3; 7_001]).await.is_error(402, "QuotaExceeded");
    org.s3.request("GET", &bucket.name, "a").await.is(200).has_body(vec![2; 7_000]);
    bucket.upload("a", &[4; 6_999]).await;
    bucket.upload("c", &[5; 1]).await;
    org.json.delete(&bucket.file("b")).await.data(200);
    bucket.upload("d", &[6; 3_000]).await;
    assert_eq!(used(&org).await, 10_000);
}

#[tokio::test]
async fn a_plan_with_overage_counts_and_lets_through() {
    let org = Org::on("over");
    let bucket = org.bucket().await;
    bucket.upload("a", &[0; 5_000]).await;
    over_s3(&org, &bucket).put("b", vec![0; 5_000]).await.is(200);
    let usage = org.json.get("/v1/billing/usage").await.data(200);
    assert_eq!(usage["storage"], json!({ "usedBytes": 10_000, "limitBytes": 1_000 }));
}

#[tokio::test]
async fn bandwidth_is_counted_as_bytes_leave_on_every_door() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("k", &[0; 5_000]).await;
    let sent = async || {
        let usage = org.json.get("/v1/billing/usage").await.data(200)["bandwidth"]["usedBytes"].as_u64().unwrap();
        let shown = bucket.shown().await["bandwidthUsedBytes"].as_u64().unwrap();
        (usage, shown)
    };
    assert_eq!(sent().await, (0, 0));
    let s3 = over_s3(&org, &bucket);
    s3.get("k").await.is(200);
    s3.get("k").header("range", "bytes=0-999").await.is(206);
    // Neither metadata nor what is refused counts.
    s3.head("k").await.is(200);
    org.json.get(&bucket.file("k")).await.data(200);
    s3.get("missing").await.is(404);
    until("6,000 bytes are counted", async || (sent().await == (6_000, 6_000)).then_some(())).await;
    let listed = org.json.get("/v1/files").query("bucket", &bucket.name).await.bare(200);
    let id = listed["files"][0]["id"].as_str().unwrap().to_owned();
    org.json.get(&format!("/v1/files/{id}/content")).await.is(200);
    let share = json!({ "resource_id": id, "expires_in": 60 });
    let share: Value = org.json.post("/v1/share", &share).await.bare(201);
    let path = share["url"].as_str().unwrap().split_once("/-/s/").unwrap().1.to_owned();
    org.s3.plain(&format!("/-/s/{path}")).await.is(200);
    until("16,000 bytes are counted", async || (sent().await == (16_000, 16_000)).then_some(())).await;
}

#[tokio::test]
async fn where_the_plan_enforces_it_nothing_more_is_sent_beyond_its_bandwidth() {
    let org = Org::on("capped");
    let bucket = org.bucket().await;
    bucket.upload("k", &[0; 1_500]).await;
    let s3 = over_s3(&org, &bucket);
    s3.get("k").await.is(200);
    let refused = until("the bandwidth is used up", async || {
        let answer = s3.get("k").await;
        (answer.status != 200).then_some(answer)
    });
    refused.await.is_error(402, "QuotaExceeded");
    let listed = org.json.get("/v1/files").query("bucket", &bucket.name).await.bare(200);
    let id = listed["files"][0]["id"].as_str().unwrap();
    org.json.get(&format!("/v1/files/{id}/content")).await.bare_told(402, "payment_required");
    // Everything else goes on.
    s3.head("k").await.is(200);
    org.json.get(&bucket.file("k")).await.data(200);
    bucket.upload("more", b"x").await;
    assert_eq!(org.json.get("/v1/billing/usage").await.data(200)["bandwidth"]["limitBytes"], 1_000);
}
