//! How many requests there may be, and who may make buckets.

use std::sync::Arc;

use windlass_tests::json::{Json, LIMIT_HEADERS};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};
use windlass_tests::time::now;

use super::home::{Home, Says, make, root};

fn server(config: &str) -> Arc<Server> {
    Arc::new(Server::start_with(Options::default().config(config), DataDir::new()))
}

#[tokio::test]
async fn strangers_have_so_many_requests_an_hour_and_holders_those_of_their_plan() {
    let began = now();
    let home = Home::on(server("[kv]\nrate_limit = 4\n"), "secret_key=sec").await;
    for left in ["2", "1", "0"] {
        let answer = home.get("k").await.is(404).has("x-ratelimit-limit", "4").has("x-ratelimit-remaining", left);
        let reset: i64 = answer.need("x-ratelimit-reset").parse().unwrap();
        assert!((began + 3_600..=now() + 3_601).contains(&reset), "{reset}");
    }
    let refused = home.call("PUT", "k").body("v").await.says(429, "Rate limit exceeded");
    let wait: u64 = refused.need("retry-after").parse().unwrap();
    assert!((1..=3_600).contains(&wait));
    home.by("wrong", "GET", "k").await.says(429, "Rate limit exceeded");
    home.by("sec", "GET", "k").await.is(404).has("x-ratelimit-limit", "10000");
    home.by(TOKEN, "GET", "k").await.is(404).has("x-ratelimit-limit", "10000");
}

#[tokio::test]
async fn a_limit_that_is_none_is_not_told() {
    let home = Home::new("").await;
    let answer = home.get("k").await.is(404);
    LIMIT_HEADERS.into_iter().fold(answer, |answer, name| answer.lacks(name));
}

#[tokio::test]
async fn who_may_make_buckets_is_a_setting() {
    let closed = server("[kv]\ncreate = \"key\"\n");
    let anybody = Json::anonymous(&closed.client());
    make(&anybody, "").await.says(403, "Buckets are made with a management key");
    make(&anybody.with("wrong"), "").await.says(401, "Wrong key");
    make(&root(&closed), "").await.is(200);
    // Behind a proxy that is believed, whoever is elsewhere is no client of this machine.
    let proxied = server("[proxy]\ntrusted = [\"127.0.0.1\"]\n");
    let from =
        |address: &str| Json::anonymous(&proxied.client()).call("POST", "/kv").header("x-forwarded-for", address);
    from("192.0.2.1").await.says(403, "Buckets are made with a management key");
    from("127.0.0.1").await.is(200);
    let open = server("[proxy]\ntrusted = [\"127.0.0.1\"]\n[kv]\ncreate = \"open\"\n");
    let stranger = Json::anonymous(&open.client()).call("POST", "/kv").header("x-forwarded-for", "192.0.2.1");
    stranger.await.is(200);
}

#[tokio::test]
async fn bytes_count_towards_the_plan_of_the_organisation() {
    let config = "[[plan]]\nname = \"small\"\nmax_storage_bytes = 1000\n[[organisation]]\nname = \"acme\"\nplan = \"small\"\n\
                  [[organisation.key]]\nname = \"k\"\naccess_key_id = \"ACME1\"\nsecret_access_key = \"acme-secret-1\"\n\
                  token = \"TOKEN\"\n[kv]\nrate_limit = \"unlimited\"\n";
    let token = format!("bkt_{:A<43}", "acme");
    let server = server(&config.replace("TOKEN", &token));
    let acme = Json::new(&server.client(), &token);
    let id = make(&acme, "").await.is(200).text().to_owned();
    let home = Home { anybody: Json::anonymous(&server.client()), server, id };
    home.set("k", "v".repeat(999)).await;
    let used = acme.get("/v1/billing/usage").await.is(200).json();
    assert_eq!(used["data"]["storage"]["usedBytes"], 1_000);
    home.call("PUT", "l").body("v").await.says(403, "Storage limit exceeded. Upgrade your plan.");
    home.call("DELETE", "k").await.is(200);
    home.set("l", "v").await;
}
