//! One process to a data directory.

use windlass_tests::server::{Options, Server, binary, run};

#[tokio::test]
async fn a_second_gateway_on_the_same_data_is_refused() {
    let server = Server::start();
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "v").await.is(200);
    let refused = Server::try_start(Options::default(), server.data().clone()).expect_err("the directory is taken");
    assert!(!refused.status.success());
    bucket.get("k").await.is(200).has_body("v");
    bucket.put("k2", "v").await.is(200);
}

#[tokio::test]
async fn check_of_data_in_use_is_refused() {
    let server = Server::start();
    let bucket = server.client().make("bucket").await;
    let output = run(&binary(), "check", &server.data().path(), &[]);
    assert!(!output.status.success(), "{output:?}");
    bucket.put("k", "v").await.is(200);
}

#[tokio::test]
async fn a_killed_gateway_holds_no_lock() {
    let mut server = Server::start();
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "v").await.is(200);
    server.kill();
    let server = server.restart();
    server.client().request("GET", "bucket", "k").await.is(200).has_body("v");
}
