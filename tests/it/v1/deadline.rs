//! How long requests may take: a JSON request by its time in all, an upload by the time without a byte.

use std::time::Duration;

use serde_json::Value;
use windlass_tests::answer::Answer;
use windlass_tests::json::Json;
use windlass_tests::server::{DataDir, Options, Server, TOKEN};
use windlass_tests::wire::Wire;

/// A server with short times, and a bucket on it.
async fn short(idle_ms: &str, json_ms: &str) -> (Server, Json, String) {
    let options = Options::default()
        .env("WINDLASS_LIMITS_BODY_IDLE_TIMEOUT_MS", idle_ms)
        .env("WINDLASS_LIMITS_JSON_TIMEOUT_MS", json_ms);
    let server = Server::start_with(options, DataDir::new());
    let json = Json::new(&server.client(), TOKEN);
    let made = json.post("/v1/buckets", &serde_json::json!({ "name": "slow" })).await.data(201);
    let path = format!("/v1/buckets/{}", made["id"].as_str().unwrap());
    (server, json, path)
}

/// Sends a head that promises more bytes than come.
async fn promise(server: &Server, json: &Json, method: &str, path: &str, bytes: usize) -> Wire {
    let prepared = json.call(method, path).prepare();
    let mut wire = Wire::connect(server.address()).await;
    wire.send(prepared.head_with(&format!("content-length: {bytes}\r\n"))).await;
    wire
}

#[tokio::test]
async fn a_json_request_that_takes_too_long_is_408() {
    let (server, json, path) = short("60000", "300").await;
    for (method, path) in [("POST", "/v1/buckets"), ("PATCH", path.as_str()), ("POST", "/v1/keys")] {
        let mut wire = promise(&server, &json, method, path, 10).await;
        wire.send("{\"nam").await;
        wire.answer().await.expect("an answer").refused(408, "Request timeout");
    }
    let mut wire = promise(&server, &json, "POST", "/v1/folders", 10).await;
    wire.answer().await.expect("an answer").bare_refused(408, "timeout", "Request timeout");
}

#[tokio::test]
async fn an_upload_that_pauses_for_too_long_is_408_and_leaves_nothing() {
    let (server, json, path) = short("300", "60000").await;
    let file = format!("{path}/files/half");
    let mut wire = promise(&server, &json, "PUT", &file, 10).await;
    wire.send("01234").await;
    wire.answer().await.expect("an answer").refused(408, "Request timeout");
    json.get(&file).await.refused(404, "File not found");
    assert_eq!(json.get(&path).await.data(200)["storageUsedBytes"], 0);
}

#[tokio::test]
async fn an_upload_that_drips_is_never_cut_by_its_time_in_all() {
    let (server, json, path) = short("5000", "100").await;
    let file = format!("{path}/files/drip");
    let mut wire = promise(&server, &json, "PUT", &file, 5).await;
    for byte in ["d", "r", "i", "p", "s"] {
        // The time that passes is what is tested: five times as long as a JSON request may take.
        tokio::time::sleep(Duration::from_millis(100)).await;
        wire.send(byte).await;
    }
    let answer: Answer = wire.answer().await.expect("an answer");
    let data: Value = answer.data(200);
    assert_eq!((&data["key"], &data["size"]), (&"drip".into(), &5.into()));
}

#[tokio::test]
async fn an_upload_that_is_cut_is_never_there() {
    let (server, json, path) = short("5000", "5000").await;
    let file = format!("{path}/files/cut");
    json.put(&file, "before").await.data(200);
    let mut wire = promise(&server, &json, "PUT", &file, 10_000).await;
    wire.send("0".repeat(9_999)).await;
    wire.finish().await;
    if let Some(answer) = wire.answer().await {
        assert!((400..500).contains(&answer.status), "{}", answer.describe());
    }
    assert_eq!(json.get(&file).await.data(200)["size"], 6);
    assert_eq!(json.get(&path).await.data(200)["storageUsedBytes"], 6);
}
