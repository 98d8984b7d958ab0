//! Twice as many connections as the cap, none of which says anything.

use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::wire::Wire;

const CAP: usize = 16;

#[tokio::test]
async fn a_flood_of_silent_connections_ends_and_others_are_served() {
    let options = Options::default()
        .env("WINDLASS_LIMITS_CONNECTIONS", &CAP.to_string())
        .env("WINDLASS_LIMITS_HEADER_TIMEOUT_MS", "300");
    let server = Server::start_with(options, DataDir::new());
    // A connection that was there before the flood goes on.
    let early = server.client().make("bucket").await;
    early.put("k", "v").await.is(200);
    let mut flood = Vec::new();
    for _ in 0..2 * CAP {
        flood.push(Wire::connect(server.address()).await);
    }
    early.get("k").await.is(200).has_body("v");
    // One that comes behind the flood waits for its deadlines, and is served.
    server.client().request("GET", "bucket", "k").await.is(200).has_body("v");
    for mut wire in flood {
        let answer = wire.answer().await;
        assert!(answer.as_ref().is_none_or(|a| a.status == 408), "{answer:?}");
    }
}
