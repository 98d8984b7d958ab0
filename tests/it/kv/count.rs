//! Counters.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::join_all;
use windlass_tests::json::Json;
use windlass_tests::server::{DataDir, Options, Server};

use super::home::{Home, Says};

const CLIENTS: u64 = 64;

#[tokio::test]
async fn a_counter_begins_at_nothing_and_answers_its_value() {
    let home = Home::new("").await;
    let add = |key: &str, by: &str| home.call("PATCH", key).body(by.to_owned());
    for (by, value) in [("+1", "1"), ("-5", "-4"), ("4", "0"), ("+1.5", "1.5"), ("+1.5", "3"), ("-3", "0")] {
        add("n", by).await.is(200).has_body(value).has("content-type", "text/plain; charset=utf-8");
    }
    home.holds("n", "0").await;
    home.set("most", "9223372036854775807").await;
    add("most", "+1").await.says(400, "The number is out of range");
    add("most", "+0").await.is(200).has_body("9223372036854775807");
    home.set("text", "one").await;
    add("text", "+1").await.says(400, "The value is not a number");
    home.holds("text", "one").await;
    for bad in ["", "one", "+", "NaN", "1e999", "0x1"] {
        add("n", bad).await.says(400, "The body must be a number to add, such as +1, -5 or +1.5");
    }
    home.call("PATCH", "n").header("content-type", "application/x-www-form-urlencoded").body("+2").await.has_body("2");
}

/// Adds one, `times` times at each of many clients at once; says how many were acknowledged.
async fn add_many(server: &Server, id: &str, times: u64) -> u64 {
    let acknowledged = Arc::new(AtomicU64::new(0));
    let clients = (0..CLIENTS).map(|_| {
        let (acknowledged, json) = (Arc::clone(&acknowledged), Json::anonymous(&server.client()));
        let path = format!("/kv/{id}/n");
        tokio::spawn(async move {
            for _ in 0..times {
                match json.call("PATCH", &path).body("+1").attempt().await {
                    Ok(answer) => {
                        answer.is(200);
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(_) => return,
                }
            }
        })
    });
    join_all(clients).await.into_iter().for_each(|client| client.unwrap());
    acknowledged.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_clients_counting_at_once_none_is_lost() {
    let home = Home::new("").await;
    let times = crate::home::number("WINDLASS_KV_COUNTS", 100) as u64;
    assert_eq!(add_many(&home.server, &home.id, times).await, CLIENTS * times);
    home.holds("n", &(CLIENTS * times).to_string()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let options = Options::default().config("[kv]\nrate_limit = \"unlimited\"\n");
    let home = Home::on(Arc::new(Server::start_with(options, DataDir::new())), "").await;
    let id = home.id.clone();
    let server = Arc::clone(&home.server);
    let counting = tokio::spawn({
        let id = id.clone();
        async move { add_many(&server, &id, u64::MAX).await }
    });
    let value = || async { home.get("n").await.text().parse::<u64>().ok().filter(|n| *n > 500) };
    crate::v1::house::until("many have counted", value).await;
    home.server.signal(windlass_tests::server::Signal::KILL);
    let acknowledged = counting.await.unwrap();
    let server = Arc::into_inner(home.server).unwrap().restart();
    let found: u64 = server.client().plain(&format!("/kv/{id}/n")).await.is(200).text().parse().unwrap();
    // Each client may have had one more on its way.
    assert!((acknowledged..=acknowledged + CLIENTS).contains(&found), "{acknowledged} acknowledged, {found} there");
}
