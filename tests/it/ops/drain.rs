//! The end: what runs may finish, what is new is refused, what is cut is not there.

use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::wire::Wire;

use crate::home::noise;

/// A PUT that the gateway has begun to read: it has asked for the body and has half of it.
async fn half_a_put(server: &Server, key: &str, len: usize) -> (Wire, bytes::Bytes) {
    let put =
        server.client().request("PUT", "bucket", key).body(noise(1, len)).prepare().with("expect", "100-continue");
    let mut wire = Wire::connect(server.address()).await;
    wire.send(put.head()).await;
    wire.answer().await.expect("an answer").is(100);
    wire.send(&put.body[..len / 2]).await;
    (wire, put.body.slice(len / 2..))
}

/// Returns once the gateway takes no new work: it says so, or no longer listens.
async fn draining(server: &Server) {
    while let Ok(stream) = tokio::net::TcpStream::connect(server.address()).await {
        drop(stream);
        let fresh = server.client();
        let host = ("host".to_owned(), b"localhost".to_vec());
        let ready = windlass_tests::request::Prepared {
            method: "GET".into(),
            target: "/-/ready".into(),
            headers: vec![host],
            body: bytes::Bytes::new(),
        };
        if !fresh.attempt(ready).await.is_ok_and(|answer| answer.status == 200) {
            return;
        }
    }
}

#[tokio::test]
async fn a_running_upload_is_finished_before_the_end() {
    let mut server = Server::start();
    server.client().make("bucket").await;
    let (mut wire, rest) = half_a_put(&server, "k", 2_000_000).await;
    server.ask_to_end();
    draining(&server).await;
    wire.send(rest).await;
    wire.answer().await.expect("an answer").is(200);
    drop(wire);
    let (status, _) = server.wait();
    assert!(status.success(), "{status}");
    let server = server.restart();
    server.client().request("GET", "bucket", "k").await.is(200).has_body(noise(1, 2_000_000));
}

#[tokio::test]
async fn an_upload_that_never_ends_does_not_keep_the_gateway_and_is_not_there() {
    let options = Options::default().env("WINDLASS_LIMITS_DRAIN_TIMEOUT_MS", "200");
    let mut server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "old").await.is(200);
    let (wire, _rest) = half_a_put(&server, "k", 2_000_000).await;
    server.ask_to_end();
    server.wait();
    drop(wire);
    let server = server.restart();
    server.client().request("GET", "bucket", "k").await.is(200).has_body("old");
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_gateway() {
    let mut server = Server::start();
    let client = server.client();
    client.make("bucket").await;
    let _idle = Wire::connect(server.address()).await;
    let status = server.stop();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn the_ordinary_end_loses_nothing() {
    let mut server = Server::start();
    let bucket = server.client().make("bucket").await;
    for len in [10, 10_000, 1_000_000] {
        bucket.put(&len.to_string(), noise(2, len)).await.is(200);
    }
    assert!(server.stop().success());
    let server = server.restart();
    for len in [10, 10_000, 1_000_000] {
        server.client().request("GET", "bucket", &len.to_string()).await.is(200).has_body(noise(2, len));
    }
}
