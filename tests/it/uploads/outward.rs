//! Whom the gateway tells and whom it does not: receivers that only it can reach, and such as send it there.

use serde_json::{Value, json};
use windlass_tests::json::text;
use windlass_tests::server::{DataDir, Options};

use super::home::document;
use super::receiver::{App, Receiver, patient};
use crate::v1::house::until;

/// Hosts that are within reach of the gateway alone, as they can be written.
const WITHIN: [(&str, &str); 26] = [
    ("loopback", "127.0.0.1"),
    ("loopback elsewhere", "127.8.9.10"),
    ("loopback by name", "localhost"),
    ("loopback in short", "127.1"),
    ("loopback as a number", "2130706433"),
    ("loopback in hexadecimal", "0x7f000001"),
    ("loopback in hexadecimal parts", "0x7f.0x0.0x0.0x1"),
    ("loopback in octal", "0177.0.0.1"),
    ("loopback with a dot", "127.0.0.1."),
    ("loopback with a user", "user:password@127.0.0.1"),
    ("loopback of version 6", "[::1]"),
    ("loopback mapped", "[::ffff:127.0.0.1]"),
    ("loopback mapped in hexadecimal", "[::ffff:7f00:1]"),
    ("loopback translated", "[64:ff9b::7f00:1]"),
    ("loopback by 6to4", "[2002:7f00:1::1]"),
    ("nowhere", "0.0.0.0"),
    ("nowhere in short", "0"),
    ("nowhere of version 6", "[::]"),
    ("private", "10.0.0.1"),
    ("private", "172.16.0.1"),
    ("private", "192.168.1.1"),
    ("private of version 6", "[fd00:ec2::254]"),
    ("between carriers", "100.64.0.1"),
    ("link-local", "169.254.169.254"),
    ("link-local as a number", "2852039166"),
    ("link-local of version 6", "[fe80::1]"),
];

#[tokio::test]
async fn receivers_within_reach_of_the_gateway_alone_are_refused() {
    let mut receiver = Receiver::new([]).await;
    let app = App::new(Options::default().config("[webhooks]\nminute_ms = 20\n"), DataDir::new()).await;
    let port = receiver.url.split(['/', ':']).nth(4).unwrap().to_owned();
    let within = WITHIN.map(|(what, host)| (what, format!("https://{host}:{port}/"), "its address is not allowed"));
    let plain = ("plain HTTP", receiver.url.clone(), "it is not told over HTTPS");
    let mut files = Vec::new();
    for (number, (what, url, why)) in within.into_iter().chain([plain]).enumerate() {
        let slug = format!("r{number}");
        let route = app.route(&slug, &url).await;
        let tried = app.live.post(&format!("/api/v1/routers/{}/webhook/test", text(&route, "id")), &json!({})).await;
        let expected = json!({ "delivered": false, "status": null, "error": why });
        assert_eq!(document(&tried, 200), expected, "{what}: {url}");
        files.push((app.upload(&app.live, &slug).await, what, why));
    }
    for (file, what, why) in files {
        let dead = until("it is given up", async || {
            let listed = app.live.get("/api/v1/webhooks/deliveries").query("fileId", text(&file, "id")).await;
            let one = document(&listed, 200)["items"][0].clone();
            (one["status"] == "DEAD").then_some(one)
        })
        .await;
        assert_eq!((&dead["lastError"], &dead["lastStatus"]), (&json!(why), &json!(null)), "{what}");
    }
    assert!(receiver.told.try_recv().is_err(), "somebody was told");
}

/// It has longer than requests of this door have.
#[tokio::test]
async fn a_receiver_that_is_tried_has_all_the_time_that_receivers_have() {
    let silent = Receiver::new([0]).await;
    let config = "[limits]\njson_timeout_ms = 10000\n[webhooks]\nallow_private = true\ntimeout_ms = 11000\n";
    let app = App::new(Options::default().config(config), DataDir::new()).await;
    let route = app.route("silent", &silent.url).await;
    let tried = app.live.post(&format!("/api/v1/routers/{}/webhook/test", text(&route, "id")), &json!({})).await;
    let expected = json!({ "delivered": false, "status": null, "error": "it did not answer in time" });
    assert_eq!(document(&tried, 200), expected);
}

/// One is dead, one never answers, one sends the gateway elsewhere, one fails: each is found out to, and none delays another.
#[tokio::test]
async fn receivers_that_fail_delay_no_other_and_send_the_gateway_nowhere() {
    let mut inner = Receiver::new([]).await;
    let (mut silent, mut away, mut broken, mut quick) = (
        Receiver::new([0; 64]).await,
        Receiver::redirecting(&inner.url).await,
        Receiver::new([500; 64]).await,
        Receiver::new([]).await,
    );
    let app = App::new(patient(), DataDir::new()).await;
    // Nobody listens at port 1.
    for (slug, url) in [
        ("dead", "http://127.0.0.1:1/"),
        ("silent", &silent.url),
        ("away", &away.url),
        ("broken", &broken.url),
        ("quick", &quick.url),
    ] {
        app.route(slug, url).await;
    }
    for slug in ["dead", "silent", "away", "broken"] {
        for _ in 0..6 {
            app.upload(&app.live, slug).await;
        }
    }
    for receiver in [&mut silent, &mut away, &mut broken] {
        receiver.next().await;
    }
    let file = app.upload(&app.live, "quick").await;
    assert_eq!(quick.next().await.document()["file"]["id"], file["id"]);
    for (why, status) in
        [("it could not be reached", json!(null)), ("it answered 301", json!(301)), ("it answered 500", json!(500))]
    {
        let failed = until(why, async || {
            let all = app.deliveries(&app.live).await;
            all.into_iter().find(|one| one["lastError"] == why)
        })
        .await;
        assert_eq!((&failed["status"], &failed["lastStatus"]), (&json!("PENDING"), &status), "{why}");
        assert!(failed["attempts"].as_u64() >= Some(1), "{why}");
        assert_ne!(failed["nextAttemptAt"], Value::Null, "{why}");
    }
    assert!(inner.told.try_recv().is_err(), "the gateway went where it was sent");
}
