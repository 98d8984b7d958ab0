//! What is shown once over the JSON doors reaches neither disk nor log; what is counted in memory outlives a stop.

use serde_json::json;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use super::face::file_id;
use super::house::Minted;
use crate::ops::secrets::{files, holds};

#[tokio::test]
async fn secrets_of_keys_and_links_are_nowhere_but_in_the_answer_that_shows_them() {
    let mut server = Server::start_with(Options::default().env("WINDLASS_LOG_LEVEL", "debug"), DataDir::new());
    let client = server.client();
    let json = Json::new(&client, TOKEN);
    client.make("secrets").await.put("k", "x").await.is(200);
    let body = json!({ "name": "k", "permissions": ["files:read", "keys:read"] });
    let key = Minted::of(&json.post("/v1/keys", &body).await.data(201));
    let share = json!({ "resource_id": file_id("secrets", "k"), "expires_in": 600, "password": "a-pässword-of-ours" });
    let share = json.post("/v1/share", &share).await.bare(201);
    let code = text(&share, "url").rsplit_once('/').unwrap().1.to_owned();
    // All are used, in every way there is, and in vain as well.
    for (access, secret) in [(&key.access, &key.secret), (&key.token, &key.token)] {
        client.with_keys(access, secret).request("GET", "secrets", "k").await.is(200);
        client.with_keys(access, "wrong-secret-0123456789").request("GET", "secrets", "k").await.is(403);
    }
    let bearer = json.with(&key.token);
    bearer.get("/v1/keys").query("access_token", &key.token).query("key", &key.secret).await.page();
    bearer.get("/secrets/k").await.is(200);
    bearer.post("/v1/keys", &json!({ "name": "k", "secretAccessKey": key.secret, "token": key.token })).await.is(403);
    let form = Json::anonymous(&client).call("POST", &format!("/-/s/{code}"));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    form.body("password=a-p%C3%A4ssword-of-ours").await.is(200).has_body("x");

    server.stop();
    let log = server.log();
    for needle in [&key.token, &key.secret, &code, "a-pässword-of-ours", "a-p%C3%A4ssword-of-ours"] {
        assert!(!log.contains(needle), "the log holds {needle}");
        for file in files(&server.data().path()) {
            assert!(!holds(&std::fs::read(&file).unwrap(), needle), "{} holds {needle}", file.display());
        }
    }
}

#[tokio::test]
async fn bandwidth_and_last_uses_are_there_after_a_stop() {
    let mut server = Server::start();
    let json = Json::new(&server.client(), TOKEN);
    let bucket = server.client().make("counted").await;
    bucket.put("k", vec![0; 5_000]).await.is(200);
    let body = json!({ "name": "k", "permissions": ["files:read"] });
    let key = Minted::of(&json.post("/v1/keys", &body).await.data(201));
    server.client().with_keys(&key.access, &key.secret).request("GET", "counted", "k").await.is(200);
    assert!(server.stop().success());
    let server = server.restart();
    let json = Json::new(&server.client(), TOKEN);
    assert_eq!(json.get("/v1/billing/usage").await.data(200)["bandwidth"]["usedBytes"], 5_000);
    assert_eq!(json.get("/v1/buckets").await.page().entries[0]["bandwidthUsedBytes"], 5_000);
    assert!(json.get(&format!("/v1/keys/{}", key.id)).await.data(200)["lastUsedAt"].is_string());
}
