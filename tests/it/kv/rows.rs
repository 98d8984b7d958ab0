//! What an operation reads does not grow with its bucket.

use super::home::Home;

/// Rows that have been read and rows that have been written since the start.
async fn rows(home: &Home) -> (u64, u64) {
    let page = home.anybody.client().plain("/-/metrics").await.is(200);
    let of = |name: &str| {
        let line = page.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}")).parse::<u64>().unwrap()
    };
    (of("windlass_meta_rows_read_total"), of("windlass_meta_rows_written_total"))
}

/// A bucket of so many keys, on a server of its own: the counters are everybody's.
async fn filled(keys: usize) -> Home {
    let config = "[kv]\nrate_limit = \"unlimited\"\n[sweep]\ninterval_ms = 86400000\n";
    let options = windlass_tests::server::Options::default().config(config);
    let server = windlass_tests::server::Server::start_with(options, windlass_tests::server::DataDir::new());
    let home = Home::on(std::sync::Arc::new(server), "default_ttl=0").await;
    let keys: Vec<usize> = (0..keys).collect();
    for page in keys.chunks(1_000) {
        let entries: Vec<String> = page.iter().map(|n| format!("{{\"set\":\"k{n:08}\",\"value\":\"v\"}}")).collect();
        home.call("POST", "").body(format!("{{\"txn\":[{}]}}", entries.join(","))).await.is(200);
    }
    home
}

/// What each operation reads and writes.
async fn costs(home: &Home, keys: usize) -> Vec<(u64, u64)> {
    let middle = format!("k{:08}", keys / 2);
    let last = keys - 1;
    let mut costs = Vec::new();
    let list = || home.call("GET", "").query("limit", 100);
    let calls = [
        (home.call("GET", &middle), "v".to_owned()),
        (home.call("PUT", &middle).body("w"), String::new()),
        (list(), (0..100).map(|n| format!("k{n:08}\n")).collect()),
        (list().query("reverse", true), (0..100).map(|n| format!("k{:08}\n", last - n)).collect()),
        (
            list().query("after", format!("k{:08}", keys - 101)),
            (0..100).map(|n| format!("k{:08}\n", keys - 100 + n)).collect(),
        ),
    ];
    for (call, body) in calls {
        let mut least = (u64::MAX, u64::MAX);
        // Jobs read rows of their own.
        for _ in 0..5 {
            let before = rows(home).await;
            call.clone().await.is(200).has_body(&body);
            let after = rows(home).await;
            least = (least.0.min(after.0 - before.0), least.1.min(after.1 - before.1));
        }
        costs.push(least);
    }
    costs
}

#[tokio::test]
async fn a_large_bucket_costs_what_a_small_one_does() {
    let large = crate::home::number("WINDLASS_KV_ROWS", 20_000);
    let (small_home, large_home) = (filled(5_000).await, filled(large).await);
    assert_eq!(costs(&small_home, 5_000).await, costs(&large_home, large).await);
}
