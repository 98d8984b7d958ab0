//! What carries a key or a token.

use super::home::{Home, Says, root};

#[tokio::test]
async fn all_four_carriers_carry_a_key() {
    let home = Home::new("secret_key=s%C3%A9c").await;
    let basic = "Basic c8OpYzo=";
    home.call("GET", "").header("authorization", basic).await.is(200);
    home.call("GET", "").header("authorization", "Bearer séc").await.says(401, "Wrong key");
    home.call("GET", "").query("key", "séc").await.is(200);
    home.call("GET", "").query("access_token", "séc").await.is(200);
    home.call("GET", "").query("key", "sec").await.says(401, "Wrong key");
    home.call("GET", "").query("key", "").await.says(401, "Wrong key");
    home.call("GET", "").header("authorization", "Basic Og==").await.says(401, "Wrong key");
    home.call("GET", "").header("authorization", "Digest x").await.says(401, "Wrong key");
    let both = home.call("GET", "").header("authorization", basic).query("key", "séc");
    both.await.says(400, "The request presents more than one credential");
}

#[tokio::test]
async fn a_wrong_key_is_refused_even_where_none_is_needed() {
    let home = Home::new("").await;
    home.set("k", "v").await;
    home.by("wrong", "GET", "k").await.says(401, "Wrong key");
    home.by("v1.AAAA.AAAA", "GET", "k").await.says(401, "Wrong key");
    home.by("bkt_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "GET", "k").await.says(401, "Wrong key");
}

#[tokio::test]
async fn keys_are_in_no_log_and_no_file() {
    let secrets = ["kvSecretOne", "kvReadTwo", "kvWriteThree", "kvSigningFour"];
    let server = windlass_tests::server::Server::start();
    let [secret, read, write, signing] = secrets;
    let form = format!("secret_key={secret}&read_key={read}&write_key={write}&signing_key={signing}");
    let home = Home::on(std::sync::Arc::new(server), &form).await;
    home.call("PUT", "k").query("key", write).body("v").await.is(200);
    home.call("GET", "k").query("access_token", read).await.is(200);
    let made = home.by(secret, "POST", "tokens/").body("permissions=read").await.is(200).json();
    let token = windlass_tests::json::text(&made, "access_token");
    home.call("GET", "k").query("access_token", &token).await.is(200);
    let logged = root(&home.server).get("/v1/logs?limit=100").await.is(200).json();
    let logged = logged["data"].as_array().unwrap();
    assert!(!logged.iter().any(|log| log["path"].as_str().unwrap().contains("/kv/")), "{logged:?}");
    let data = home.server.data().clone();
    let Home { server, .. } = home;
    let mut server = std::sync::Arc::into_inner(server).unwrap();
    assert!(server.stop().success());
    let mut kept = server.log().into_bytes();
    kept.extend(std::fs::read(data.path().join("meta.redb")).unwrap());
    for secret in secrets.iter().copied().chain([token.as_str()]) {
        assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret} was kept");
    }
}
