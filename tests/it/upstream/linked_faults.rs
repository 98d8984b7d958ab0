//! What goes wrong between here and the upstream of a linked bucket: nothing that was acknowledged is lost, nothing is there in
//! part, and whoever asks is told which upstream it was and whether to try again helps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use windlass_tests::answer::Answer;
use windlass_tests::client::Bucket;
use windlass_tests::proxy::{Fault, Proxy, Seen};
use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::wire::Wire;

use super::linked_copy::copy;
use super::pair::{Linked, Pair};
use crate::home::noise;
use crate::ops::health::counter;

/// How long something that happens by itself may take before a test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A linked bucket behind a proxy, and one of our own beside it.
struct Faulty {
    linked: Linked,
    proxy: Proxy,
    ours: Bucket,
}

impl Faulty {
    /// Gateways of one's own: a breaker that opens is everybody's.
    async fn new() -> Faulty {
        let upstream = Server::start();
        let options = Options::default().config("[upstream]\nread_timeout_ms = 700\n");
        let gateway = Server::start_with(options, DataDir::new());
        let proxy = Proxy::before(upstream.address()).await;
        let linked = Linked::at(Arc::new(Pair { upstream, gateway }), proxy.address()).await;
        let ours = linked.ours().await;
        ours.put("k", "ours").await.is(200);
        Faulty { linked, proxy, ours }
    }

    /// An answer that names the upstream.
    fn names_upstream(&self, answer: &Answer) {
        let message = answer.xml().text("Message").to_owned();
        assert!(message.contains(&self.proxy.address().to_string()), "{message}");
    }

    /// Refused for now: the client is to try again.
    fn is_for_now(&self, answer: Answer) {
        let answer = answer.is_error_of(503, &["ServiceUnavailable", "SlowDown"]).has("retry-after", "1");
        self.names_upstream(&answer);
    }
}

fn is_put(seen: &Seen) -> bool {
    seen.line.starts_with("PUT ")
}

fn is_get(seen: &Seen) -> bool {
    seen.line.starts_with("GET ")
}

#[tokio::test]
async fn a_write_that_fails_upstream_is_refused_and_leaves_nothing() {
    let faulty = Faulty::new().await;
    let body = noise(1, 400_000);
    for fault in [
        Fault::Refused,
        Fault::Stalled,
        Fault::CutRequest(100_000),
        Fault::Answered(500, "InternalError"),
        Fault::Answered(503, "ServiceUnavailable"),
    ] {
        faulty.proxy.once(is_put, fault.clone());
        faulty.is_for_now(faulty.linked.here.put("k", body.clone()).await);
        faulty.linked.there.get("k").await.is_error(404, "NoSuchKey");
        // What is answered in between keeps the breaker closed.
        faulty.linked.here.head("k").await.is(404);
    }
    faulty.linked.here.put("k", body.clone()).await.is(200);
    faulty.linked.there.get("k").await.is(200).has_body(&body);
}

#[tokio::test]
async fn a_write_without_an_answer_is_not_acknowledged_and_can_be_repeated() {
    let faulty = Faulty::new().await;
    let body = noise(2, 100_000);
    faulty.proxy.once(is_put, Fault::Unanswered);
    faulty.is_for_now(faulty.linked.here.put("k", body.clone()).await);
    // It was carried out, which nobody here could know.
    faulty.linked.there.get("k").await.is(200).has_body(&body);
    faulty.linked.here.put("k", body.clone()).await.is(200);
    faulty.linked.here.get("k").await.is(200).has_body(&body);
}

#[tokio::test]
async fn an_answer_that_is_cut_never_looks_whole() {
    let faulty = Faulty::new().await;
    let body = noise(3, 300_000);
    faulty.linked.here.put("k", body.clone()).await.is(200);
    faulty.proxy.once(is_get, Fault::CutAnswer(150_000));
    let cut = faulty.linked.here.get("k").attempt().await;
    assert!(cut.is_err(), "{}", cut.map(|answer| answer.describe()).unwrap_or_default());
    faulty.proxy.once(is_get, Fault::Slow(30_000, Duration::from_millis(20)));
    faulty.linked.here.get("k").await.is(200).has_body(&body);
    // A read is asked once more when its connection is lost before the answer.
    faulty.proxy.once(is_get, Fault::Refused);
    faulty.linked.here.get("k").await.is(200).has_body(&body);
    faulty.proxy.once(|seen| seen.line.contains("list-type"), Fault::CutAnswer(50));
    faulty.is_for_now(faulty.linked.here.list().await);
}

#[tokio::test]
async fn slow_down_is_told_as_it_is() {
    let faulty = Faulty::new().await;
    for status in [503, 429] {
        faulty.proxy.once(is_get, Fault::Answered(status, "SlowDown"));
        let answer = faulty.linked.here.get("k").await.is_error(503, "SlowDown").has("retry-after", "1");
        faulty.names_upstream(&answer);
    }
}

#[tokio::test]
async fn credentials_that_are_not_taken_are_ours_and_not_the_client_s() {
    let faulty = Faulty::new().await;
    for (status, code) in [(403, "InvalidAccessKeyId"), (403, "SignatureDoesNotMatch"), (400, "ExpiredToken")] {
        faulty.proxy.once(is_get, Fault::Answered(status, code));
        let answer = faulty.linked.here.get("k").await.is_error(503, "ServiceUnavailable").lacks("retry-after");
        faulty.names_upstream(&answer);
        assert!(answer.xml().text("Message").contains(code), "{}", answer.describe());
    }
    faulty.proxy.once(is_get, Fault::Answered(403, "AccessDenied"));
    let answer = faulty.linked.here.get("k").await.is_error(403, "AccessDenied");
    faulty.names_upstream(&answer);
    faulty.proxy.once(is_get, Fault::Redirected("http://elsewhere.test/"));
    let answer = faulty.linked.here.get("k").await.is_error(503, "ServiceUnavailable").lacks("retry-after");
    faulty.names_upstream(&answer);
    assert!(answer.xml().text("Message").contains("eu-west-1"), "{}", answer.describe());
}

#[tokio::test]
async fn an_upstream_that_is_down_is_left_alone_and_found_again() {
    let faulty = Faulty::new().await;
    let other = Linked::new_at_upstream(&faulty.linked).await;
    other.here.put("k", "other").await.is(200);
    faulty.linked.here.put("k", "v").await.is(200);
    faulty.proxy.cut();
    let mut refused = 0;
    let begun = Instant::now();
    while refused == 0 && begun.elapsed() < PATIENCE {
        faulty.proxy.take_seen();
        let answer = faulty.linked.here.put("k", "new").await;
        let told = answer.xml().text("Message").to_owned();
        faulty.is_for_now(answer);
        if told.contains("left alone") {
            refused += 1;
            assert!(faulty.proxy.take_seen().is_empty(), "a request went out");
        }
        // Nobody else is held up.
        faulty.ours.get("k").await.is(200).has_body("ours");
        other.here.get("k").await.is(200).has_body("other");
    }
    assert_eq!(refused, 1, "the breaker opens");
    faulty.proxy.heal();
    let begun = Instant::now();
    while faulty.linked.here.put("k", "new").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the breaker closes");
    }
    faulty.linked.there.get("k").await.is(200).has_body("new");
}

#[tokio::test]
async fn a_copy_whose_source_is_cut_is_not_made() {
    let faulty = Faulty::new().await;
    faulty.linked.here.put("k", noise(5, 300_000)).await.is(200);
    let source = format!("{}/k", faulty.linked.here.name);
    let other = Linked::new_at_upstream(&faulty.linked).await;
    for to in [&faulty.ours, &other.here] {
        faulty.proxy.once(is_get, Fault::CutAnswer(100_000));
        let answer = copy(to, &source, "copy").await.is_error_of(503, &["ServiceUnavailable"]);
        faulty.names_upstream(&answer);
        to.get("copy").await.is_error(404, "NoSuchKey");
        copy(to, &source, "copy").await.is(200);
    }
}

/// Waits until so many requests run on a server beside the one that asks.
async fn until_running(server: &Server, running: f64) {
    let begun = Instant::now();
    while counter(&server.client(), "windlass_requests_running").await - 1.0 != running {
        assert!(begun.elapsed() < PATIENCE, "never {running} requests");
    }
}

#[tokio::test]
async fn whoever_goes_away_takes_the_request_upstream_along() {
    let pair = Arc::new(Pair::start());
    let address = pair.upstream.address();
    let linked = Linked::at(Arc::clone(&pair), address).await;
    let body = noise(6, 24 << 20);

    let put = linked.here.put("k", body.clone()).prepare();
    let mut wire = Wire::connect(pair.gateway.address()).await;
    wire.send(put.head()).await;
    wire.send(&body[..1 << 20]).await;
    until_running(&pair.upstream, 1.0).await;
    drop(wire);
    until_running(&pair.upstream, 0.0).await;
    linked.there.get("k").await.is_error(404, "NoSuchKey");

    linked.here.put("k", body.clone()).await.is(200);
    let mut wire = Wire::connect(pair.gateway.address()).await;
    wire.send(linked.here.get("k").prepare().head()).await;
    wire.some().await;
    until_running(&pair.upstream, 1.0).await;
    drop(wire);
    until_running(&pair.upstream, 0.0).await;
    until_running(&pair.gateway, 0.0).await;
    // None of it counts against the upstream.
    assert_eq!(counter(&pair.gateway.client(), "windlass_upstream_failures_total").await, 0.0);
}
