//! Clients that are slow at every stage are given up, and others are served meanwhile.

use windlass_tests::client::Bucket;
use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::wire::Wire;

use super::metric;
use crate::home::noise;

const SLOW: usize = 16;

async fn impatient() -> (Server, Bucket) {
    impatient_with(&["HEADER_TIMEOUT_MS", "BODY_IDLE_TIMEOUT_MS", "IDLE_TIMEOUT_MS"]).await
}

/// One that is so in those respects alone.
async fn impatient_with(limits: &[&str]) -> (Server, Bucket) {
    let options =
        limits.iter().fold(Options::default(), |options, name| options.env(&format!("WINDLASS_LIMITS_{name}"), "500"));
    let server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("small", "v").await.is(200);
    (server, bucket)
}

#[tokio::test]
async fn headers_that_never_end_are_given_up() {
    let (server, bucket) = impatient().await;
    let head = bucket.get("small").prepare().head_with("");
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        let mut wire = Wire::connect(server.address()).await;
        wire.send(&head[..head.len() / 2]).await;
        slow.push(wire);
    }
    bucket.get("small").await.is(200).has_body("v");
    for mut wire in slow {
        let answer = wire.answer().await;
        assert!(answer.as_ref().is_none_or(|a| a.status == 408), "{answer:?}");
    }
}

#[tokio::test]
async fn headers_that_drip_are_given_up() {
    let (server, bucket) = impatient().await;
    let mut wire = Wire::connect(server.address()).await;
    wire.send("GET /bucket/small HTTP/1.1\r\nhost: localhost\r\n").await;
    // A header every 50 ms, for ever: each moves a byte, and none may put the deadline off.
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(50));
    let dripped = async {
        while wire.try_send("x-drip: drop\r\n").await {
            pace.tick().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), dripped).await.expect("the connection is given up");
    bucket.get("small").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_connection_may_be_idle_for_longer_than_headers_may_take() {
    let (server, bucket) = impatient_with(&["HEADER_TIMEOUT_MS"]).await;
    let get = bucket.get("small").prepare().head_with("");
    let mut idle = Wire::connect(server.address()).await;
    idle.send(&get).await;
    idle.answer().await.expect("an answer").is(200);
    // Each is given up when the time for its headers is over.
    for _ in 0..3 {
        assert_eq!(Wire::connect(server.address()).await.rest().await, 0);
    }
    idle.send(&get).await;
    idle.answer().await.expect("an answer").is(200).has_body("v");
}

#[tokio::test]
async fn headers_of_a_later_request_are_given_up_too() {
    let (server, bucket) = impatient_with(&["HEADER_TIMEOUT_MS"]).await;
    let get = bucket.get("small").prepare().head_with("");
    for drips in [false, true] {
        let mut wire = Wire::connect(server.address()).await;
        wire.send(&get).await;
        wire.answer().await.expect("an answer").is(200);
        wire.send("GET /bucket/small HTTP/1.1\r\n").await;
        let mut pace = tokio::time::interval(std::time::Duration::from_millis(50));
        let given_up = async {
            while drips && wire.try_send("x-drip: drop\r\n").await {
                pace.tick().await;
            }
            wire.rest().await
        };
        let left = tokio::time::timeout(std::time::Duration::from_secs(30), given_up).await;
        assert_eq!(left.expect("the connection is given up"), 0);
    }
}

#[tokio::test]
async fn idle_connections_are_closed_in_the_end() {
    let (server, bucket) = impatient_with(&["IDLE_TIMEOUT_MS"]).await;
    let mut wire = Wire::connect(server.address()).await;
    wire.send(bucket.get("small").prepare().head_with("")).await;
    wire.answer().await.expect("an answer").is(200);
    let left = tokio::time::timeout(std::time::Duration::from_secs(30), wire.rest()).await;
    assert_eq!(left.expect("the connection is closed"), 0);
}

#[tokio::test]
async fn bodies_that_never_end_are_given_up_and_not_there() {
    let (server, bucket) = impatient().await;
    let mut slow = Vec::new();
    for n in 0..SLOW {
        let put = bucket.put(&format!("slow-{n}"), noise(1, 2_000_000)).prepare();
        let mut wire = Wire::connect(server.address()).await;
        wire.send(put.head()).await;
        wire.send(&put.body[..1_000_000]).await;
        slow.push(wire);
    }
    bucket.get("small").await.is(200).has_body("v");
    for mut wire in slow {
        let answer = wire.answer().await;
        assert!(answer.as_ref().is_none_or(|a| a.status >= 400), "{answer:?}");
    }
    assert_eq!(bucket.keys().await, ["small"]);
}

#[tokio::test]
async fn readers_that_take_nothing_are_given_up() {
    let (server, bucket) = impatient().await;
    const LEN: usize = 48 << 20;
    bucket.put("large", noise(1, LEN)).await.is(200);
    let get = bucket.get("large").prepare().head_with("");
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut wire = Wire::connect(server.address()).await;
        wire.send(&get).await;
        wire.some().await;
        slow.push(wire);
    }
    bucket.get("small").await.is(200).has_body("v");
    // The metrics themselves are the one request that runs.
    while metric(&server.client(), "windlass_requests_running").await > 1.0 {}
    for mut wire in slow {
        let taken = wire.rest().await;
        assert!(taken < LEN, "{taken} bytes came in the end");
    }
}
