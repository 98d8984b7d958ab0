//! A client that leaves in the middle: nothing of its upload is visible, and nothing of it stays on the disk.

use std::path::Path;

use windlass_tests::client::Bucket;
use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::wire::Wire;

use super::metric;
use crate::home::noise;

fn options() -> Options {
    Options::default().env("WINDLASS_SWEEP_INTERVAL_MS", "100")
}

/// Files of blobs, finished or not.
fn blobs(dir: &Path) -> usize {
    let entries = std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => blobs(&path),
            path => usize::from(!path.ends_with("windlass-store")),
        })
        .sum()
}

/// Returns once so many blob files are left; asks the gateway something in between.
async fn until_blobs(server: &Server, count: usize) {
    let client = server.client();
    let dir = server.data().path().join("blobs");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while blobs(&dir) != count {
        assert!(std::time::Instant::now() < deadline, "{} blob files are left, not {count}", blobs(&dir));
        client.plain("/-/health").await.is(200);
    }
}

/// A connection on which half of a PUT has been taken in.
async fn half_a_put(bucket: &Bucket, key: &str) -> Wire {
    let put = bucket.put(key, noise(1, 4_000_000)).prepare().with("expect", "100-continue");
    let mut wire = Wire::connect(bucket.client.address()).await;
    wire.send(put.head()).await;
    wire.answer().await.expect("an answer").is(100);
    wire.send(&put.body[..put.body.len() / 2]).await;
    wire
}

#[tokio::test]
async fn an_upload_whose_client_left_is_nowhere() {
    let server = Server::start_with(options(), DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "old").await.is(200);
    let uploads = futures::future::join_all((0..8).map(|_| half_a_put(&bucket, "k"))).await;
    drop(uploads);
    until_blobs(&server, 0).await;
    bucket.get("k").await.is(200).has_body("old");
    assert_eq!(bucket.keys().await, ["k"]);
}

#[tokio::test]
async fn a_part_whose_client_left_is_not_in_the_upload() {
    let server = Server::start_with(options(), DataDir::new());
    let bucket = server.client().make("bucket").await;
    let upload = bucket.upload("k").await;
    let part = bucket.part("k", &upload, 1, noise(1, 4_000_000)).prepare().with("expect", "100-continue");
    let mut wire = Wire::connect(server.address()).await;
    wire.send(part.head()).await;
    wire.answer().await.expect("an answer").is(100);
    wire.send(&part.body[..1_000_000]).await;
    drop(wire);
    until_blobs(&server, 0).await;
    assert!(bucket.parts("k", &upload).await.is(200).xml().texts("Part/ETag").is_empty());
}

#[tokio::test]
async fn a_download_whose_client_left_holds_nothing() {
    let server = Server::start_with(options(), DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", noise(1, 32 << 20)).await.is(200);
    let get = bucket.get("k").prepare();
    let downloads = (0..8).map(|_| async {
        let mut wire = Wire::connect(server.address()).await;
        wire.send(get.head_with("")).await;
        wire.some().await;
        wire
    });
    drop(futures::future::join_all(downloads).await);
    bucket.delete("k").await.is(204);
    // The blob goes only when nobody has it pinned.
    until_blobs(&server, 0).await;
    while metric(&server.client(), "windlass_requests_running").await > 1.0 {}
}
