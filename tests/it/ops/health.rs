//! Health, readiness, metrics, and the line that says where it listens.

use windlass_tests::client::Client;
use windlass_tests::server::Server;

use crate::home::Home;

/// The sum of a counter over its labels; panics where it is absent.
pub(crate) async fn counter(client: &Client, name: &str) -> f64 {
    let answer = client.plain("/-/metrics").await.is(200);
    let is_sample =
        |line: &&str| line.starts_with(name) && matches!(line.as_bytes().get(name.len()), Some(b' ' | b'{'));
    let values: Vec<f64> =
        answer.text().lines().filter(is_sample).map(|l| l.rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
    assert!(!values.is_empty(), "no {name} in {}", answer.describe());
    values.iter().sum()
}

#[tokio::test]
async fn a_gateway_that_listens_is_alive_and_ready() {
    let home = Home::new().await;
    home.client.plain("/-/health").await.is(200);
    home.client.plain("/-/ready").await.is(200);
    home.client.plain("/health").await.is(200);
    home.client.plain("/-/nothing-here").await.is(404);
}

#[tokio::test]
async fn exactly_one_line_goes_to_standard_output() {
    let mut server = Server::start();
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "v").await.is(200);
    server.ask_to_end();
    let (status, rest) = server.wait();
    assert_eq!((status.code(), rest), (Some(0), Vec::<String>::new()));
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let home = Home::new().await;
    let answer = home.client.plain("/-/metrics").await.is(200);
    assert!(answer.need("content-type").starts_with("text/plain"), "{}", answer.describe());
    for line in answer.text().lines().filter(|l| !l.starts_with('#') && !l.is_empty()) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
        assert!(name.starts_with(|c: char| c.is_ascii_alphabetic()), "{line:?}");
        value.parse::<f64>().unwrap_or_else(|e| panic!("{line:?}: {e}"));
    }
}

#[tokio::test]
async fn writes_are_counted_as_operations_and_commits() {
    let server = Server::start();
    let client = server.client();
    let bucket = client.make("bucket").await;
    let names = ["windlass_meta_operations_total", "windlass_meta_commits_total"];
    let before = [counter(&client, names[0]).await, counter(&client, names[1]).await];
    for n in 0..5 {
        bucket.put(&format!("k{n}"), "v").await.is(200);
    }
    for (name, before) in names.into_iter().zip(before) {
        let after = counter(&client, name).await;
        assert!(after - before >= 5.0, "{name} went from {before} to {after}");
    }
}

#[tokio::test]
async fn many_writers_share_commits() {
    let server = Server::start();
    let client = server.client();
    let bucket = client.make("bucket").await;
    let names = ["windlass_meta_operations_total", "windlass_meta_commits_total"];
    let before = [counter(&client, names[0]).await, counter(&client, names[1]).await];
    for _ in 0..10 {
        let puts = (0..64).map(|n| std::future::IntoFuture::into_future(bucket.put(&format!("k{n}"), "v")));
        for answer in futures::future::join_all(puts).await {
            answer.is(200);
        }
    }
    let operations = counter(&client, names[0]).await - before[0];
    let commits = counter(&client, names[1]).await - before[1];
    assert!(operations >= 640.0 && commits < operations, "{operations} operations took {commits} commits");
}

#[tokio::test]
async fn a_listing_seeks_over_a_group_instead_of_reading_it() {
    let home_server = Server::start();
    let client = home_server.client();
    let bucket = client.make("bucket").await;
    for key in ["a", "z"] {
        bucket.put(key, "").await.is(200);
    }
    for group in ["g", "h"] {
        let keys: Vec<String> = (0..500).map(|n| format!("{group}/{n:03}")).collect();
        for chunk in keys.chunks(50) {
            let puts = chunk.iter().map(|key| std::future::IntoFuture::into_future(bucket.put(key, "")));
            futures::future::join_all(puts).await.into_iter().for_each(|answer| drop(answer.is(200)));
        }
    }
    let before = counter(&client, "windlass_meta_rows_read_total").await;
    let xml = bucket.list().query("delimiter", "/").await.is(200).xml();
    let read = counter(&client, "windlass_meta_rows_read_total").await - before;
    assert_eq!(xml.text("KeyCount"), "4");
    assert!(read > 0.0 && read < 200.0, "a listing of 4 entries over 1,002 keys read {read} rows");
}
