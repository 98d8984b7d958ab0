//! `DELETE /v1/buckets/{id}`: at once for the caller, in many commits for the gateway, and through a kill.

use serde_json::json;
use windlass_tests::client::Client;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{self, DataDir, Options, Server, TOKEN};
use windlass_tests::shape::has_shape;

use super::bucket_make::WRITTEN;
use super::house::{Org, until};
use crate::home::{number, unique};

#[tokio::test]
async fn an_empty_bucket_goes_and_its_name_comes_free() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let answer = org.json.delete(&bucket.path()).await.data(200);
    has_shape(&answer, WRITTEN);
    assert_eq!(answer["id"], bucket.id.as_str());
    until("the bucket is gone", async || (org.json.get(&bucket.path()).await.status == 404).then_some(())).await;
    org.json.get(&bucket.path()).await.refused(404, "Bucket not found");
    org.json.delete(&bucket.path()).await.refused(404, "Bucket not found");
    org.json.post("/v1/buckets", &json!({ "name": "n", "s3Name": bucket.name })).await.data(201);
}

#[tokio::test]
async fn only_if_empty_is_kept_to() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("k", b"x").await;
    let only = |value: &str| org.json.delete(&bucket.path()).query("ifEmpty", value);
    only("true").await.refused(409, "Bucket is not empty");
    for bad in ["yes", "1", "", "TRUE"] {
        only(bad).await.invalid();
    }
    assert_eq!(bucket.shown().await["status"], "active");
    org.json.delete(&bucket.file("k")).await.data(200);
    only("true").await.data(200);
    let full = org.bucket().await;
    full.upload("k", b"x").await;
    org.json.delete(&full.path()).query("ifEmpty", "false").await.data(200);
    until("the bucket is gone", async || (org.json.get(&full.path()).await.status == 404).then_some(())).await;
}

#[tokio::test]
async fn what_a_bucket_held_counts_no_more_from_the_answer_on() {
    let org = Org::new();
    let (bucket, kept) = (org.bucket().await, org.bucket().await);
    bucket.upload("a", &[0; 9_000]).await;
    kept.upload("a", &[0; 500]).await;
    org.json.delete(&bucket.path()).await.data(200);
    let usage = org.json.get("/v1/billing/usage").await.data(200);
    assert_eq!((&usage["bucketCount"]["used"], &usage["storage"]["usedBytes"]), (&1.into(), &500.into()));
}

/// A gauge of a bucket on the metrics page.
async fn gauge(client: &Client, name: &str, bucket: &str) -> Option<u64> {
    let text = client.plain("/-/metrics").await.is(200).text().to_owned();
    let line = format!("windlass_{name}{{bucket=\"{bucket}\"}} ");
    let found = text.lines().find_map(|l| l.strip_prefix(&line).map(str::to_owned))?;
    Some(found.parse::<f64>().unwrap() as u64)
}

/// A bucket with many objects of both kinds, and an open upload.
async fn furnish(client: &Client, bucket: &str, objects: usize) {
    use futures::StreamExt;
    use std::future::IntoFuture;
    let bucket = client.make(bucket).await;
    let put = |n: usize| {
        tokio::spawn(
            bucket.put(&format!("{n:06}"), vec![7; if n.is_multiple_of(100) { 9_000 } else { 20 }]).into_future(),
        )
    };
    let puts = futures::stream::iter(0..objects).map(put);
    puts.buffer_unordered(64).for_each(|answer| async { drop(answer.unwrap().is(200)) }).await;
    let upload = bucket.upload("open").await;
    bucket.part("open", &upload, 1, vec![1; 6_000]).await.is(200);
}

/// What holds of a bucket while it is being deleted.
async fn is_on_its_way_out(json: &Json, client: &Client, id: &str, name: &str) {
    let path = format!("/v1/buckets/{id}");
    assert_eq!(json.get(&path).await.data(200)["status"], "deleting");
    let listed = json.get("/v1/buckets").query("status", "deleting").await.page();
    assert_eq!(listed.texts("id"), [id]);
    json.delete(&path).await.refused(409, "Bucket is already being deleted");
    json.put(&format!("{path}/files/new"), "x").await.refused(400, "Bucket is not active");
    json.get(&format!("{path}/files/000001")).await.refused(400, "Bucket is not active");
    json.get(&format!("{path}/files")).await.refused(400, "Bucket is not active");
    client.request("GET", name, "").await.is_error(404, "NoSuchBucket");
    client.request("PUT", name, "new").body("x").await.is_error(404, "NoSuchBucket");
    let taken = json.post("/v1/buckets", &json!({ "name": "n", "s3Name": name })).await;
    taken.refused(409, "Bucket name already in use");
    let usage = json.get("/v1/billing/usage").await.data(200);
    assert_eq!((&usage["bucketCount"]["used"], &usage["storage"]["usedBytes"]), (&1.into(), &5.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deletion_of_a_full_bucket_goes_on_after_a_kill_and_ends() {
    let objects = number("WINDLASS_DELETION_KEYS", 10_000);
    let mut server = Server::start_with(Options::default(), DataDir::new());
    let (client, name) = (server.client(), unique("doomed"));
    let kept = client.make(&unique("kept")).await;
    kept.put("k", "stays").await.is(200);
    furnish(&client, &name, objects).await;
    let json = Json::new(&client, TOKEN);
    let page = json.get("/v1/buckets").await.page();
    let id = page.entries.iter().find(|b| b["s3Name"] == name.as_str()).map(|b| text(b, "id")).unwrap();
    json.delete(&format!("/v1/buckets/{id}")).await.data(200);
    is_on_its_way_out(&json, &client, &id, &name).await;
    let removed = until("some objects are gone", async || {
        gauge(&client, "deletion_objects_removed", &name).await.filter(|removed| *removed > 0)
    });
    let removed = removed.await;
    server.kill();

    let server = server.restart();
    let (client, json) = (server.client(), Json::new(&server.client(), TOKEN));
    // Either the job is still at it, and tells how far it was, or it has ended: the kill found it near its end.
    let left = gauge(&client, "deletion_objects_left", &name).await;
    let again = gauge(&client, "deletion_objects_removed", &name).await;
    println!("of {objects} objects {removed} were gone before the kill; after it {again:?} gone, {left:?} left");
    assert!(
        left.is_some_and(|left| left > 0),
        "the kill came too late to be in the middle: raise WINDLASS_DELETION_KEYS"
    );
    assert!(again >= Some(removed), "progress was lost: {again:?} after {removed}");
    until("the bucket is gone", async || (json.get(&format!("/v1/buckets/{id}")).await.status == 404).then_some(()))
        .await;
    assert_eq!(json.get("/v1/buckets").await.page().texts("s3Name"), [kept.name.as_str()]);
    assert_eq!(gauge(&client, "deletion_objects_left", &name).await, None);
    client.request("GET", &kept.name, "k").await.is(200).has_body("stays");
    client.make(&name).await;

    let (data, binary) = (server.data().clone(), windlass_tests::server::binary());
    let mut server = server;
    assert!(server.stop().success());
    let checked = server::run(&binary, "check", &data.path(), &[]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}
