//! What an upstream and the way to it can do to blobs: no acknowledged write is lost, nothing of one that failed is seen, and
//! objects that are not there are served all the while.

use std::time::Duration;

use windlass_tests::proxy::{Fault, Seen};
use windlass_tests::server::{DataDir, Server};

use super::gateway::{Gateway, is_complete, is_create, is_get, is_part, is_put, options, pause};
use crate::home::noise;

/// More than two parts as blobs go upstream.
const LARGE: usize = (17 << 20) + 12_345;
/// What fits one part.
const SMALL: usize = 100_000;

type Wanted = fn(&Seen) -> bool;

/// Faults that pass, by the request that they hit.
const PASSING: &[(&str, Wanted, Fault)] = &[
    ("a put is refused", is_put, Fault::Refused),
    ("a put is cut", is_put, Fault::CutRequest(50_000)),
    ("a put is not answered", is_put, Fault::Unanswered),
    ("a put fails", is_put, Fault::Answered(500, "InternalError")),
    ("a put is too much", is_put, Fault::Answered(503, "SlowDown")),
    ("a put is late", is_put, Fault::Late(Duration::from_millis(300))),
    ("a put is told a wrong ETag", is_put, Fault::WrongEtag),
    ("a create is refused", is_create, Fault::Refused),
    ("a create is not answered", is_create, Fault::Unanswered),
    ("a create fails", is_create, Fault::Answered(500, "InternalError")),
    ("a part is refused", is_part, Fault::Refused),
    ("a part is cut", is_part, Fault::CutRequest(3 << 20)),
    ("a part is not answered", is_part, Fault::Unanswered),
    ("a part is too much", is_part, Fault::Answered(503, "SlowDown")),
    ("a part stalls", is_part, Fault::Stalled),
    ("a complete is refused", is_complete, Fault::Refused),
    ("a complete is not answered", is_complete, Fault::Unanswered),
    ("a complete fails", is_complete, Fault::Answered(500, "InternalError")),
    ("a complete's answer is an error", is_complete, Fault::Answered(200, "InternalError")),
    ("a complete's answer is cut", is_complete, Fault::CutAnswer(40)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_passes_is_survived() {
    let gateway = Gateway::start().await;
    for (n, (what, wanted, fault)) in (0..).zip(PASSING) {
        let size = if *wanted as usize == is_put as Wanted as usize { SMALL } else { LARGE };
        let body = noise(n, size);
        gateway.proxy.once(wanted, fault.clone());
        let answer = gateway.bucket.put(what, body.clone()).await;
        assert_eq!(answer.status, 200, "{what}: {}", answer.describe());
        assert!(!gateway.is("open").await, "{what}");
        gateway.bucket.get(what).await.is(200).has_body(body);
        gateway.bucket.delete(what).await.is(204);
    }
    // An upload that was begun twice, since nobody heard of the first, is found after a while, or at the next start.
    let gateway = gateway.restart();
    gateway.settles_at(0).await;
}

/// Faults that stay, by the request that they hit.
const STAYING: &[(&str, Wanted, Fault)] = &[
    ("puts are refused", is_put, Fault::Refused),
    ("puts are cut", is_put, Fault::CutRequest(50_000)),
    ("puts fail", is_put, Fault::Answered(500, "InternalError")),
    ("puts stall", is_put, Fault::Stalled),
    ("puts are redirected", is_put, Fault::Redirected("http://127.0.0.1:1/")),
    ("puts come with credentials that have ended", is_put, Fault::Answered(400, "ExpiredToken")),
    ("puts are denied", is_put, Fault::Answered(403, "AccessDenied")),
    ("creates fail", is_create, Fault::Answered(503, "SlowDown")),
    ("creates are not answered", is_create, Fault::Unanswered),
    ("parts are cut", is_part, Fault::CutRequest(3 << 20)),
    ("parts are told a wrong ETag", is_part, Fault::WrongEtag),
    ("parts are denied", is_part, Fault::Answered(403, "AccessDenied")),
    ("completes fail", is_complete, Fault::Answered(500, "InternalError")),
    ("completes are redirected", is_complete, Fault::Redirected("http://127.0.0.1:1/")),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_stays_leaves_what_was_before_and_nothing_else() {
    let gateway = Gateway::start().await;
    let before = noise(1, SMALL);
    gateway.bucket.put("key", before.clone()).await.is(200);
    for (what, wanted, fault) in STAYING {
        let size = if *wanted as usize == is_put as Wanted as usize { SMALL } else { LARGE };
        gateway.proxy.always(wanted, fault.clone());
        let answer = gateway.bucket.put("key", noise(2, size)).await;
        let said = answer.describe();
        assert_eq!((answer.status, answer.xml().text("Code")), (503, "ServiceUnavailable"), "{what}: {said}");
        assert!(answer.text().contains(&gateway.proxy.address().to_string()), "{what}: {said}");
        gateway.bucket.put("inline", what.to_string()).await.is(200);
        gateway.bucket.get("inline").await.is(200).has_body(what);
        gateway.proxy.heal();
        while gateway.is("open").await || gateway.is("half-open").await {
            // The sweep's requests are probes too.
            pause().await;
        }
        gateway.bucket.get("key").await.is(200).has_body(&before);
        gateway.settles_at(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_last_answer_is_lost_is_not_lost() {
    let gateway = Gateway::start().await;
    for (key, wanted, size) in [("small", is_put as Wanted, SMALL), ("large", is_complete, LARGE)] {
        // Carried out the first time, and never answered.
        gateway.proxy.once(wanted, Fault::Unanswered);
        gateway.proxy.always(wanted, Fault::Refused);
        gateway.bucket.put(key, noise(3, size)).await.is(200);
        gateway.proxy.heal();
        gateway.bucket.get(key).await.is(200).has_body(noise(3, size));
    }
    gateway.settles_at(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_goes_on_where_it_was_cut() {
    let gateway = Gateway::start().await;
    let body = noise(1, LARGE);
    gateway.bucket.put("large", body.clone()).await.is(200);
    for fault in [
        Fault::Refused,
        Fault::Unanswered,
        Fault::CutAnswer(10),
        Fault::CutAnswer(5 << 20),
        Fault::CutAnswer(LARGE - 1),
        Fault::Answered(500, "InternalError"),
        Fault::Answered(503, "SlowDown"),
        Fault::Late(Duration::from_millis(300)),
        Fault::Stalled,
    ] {
        let what = format!("{fault:?}");
        gateway.proxy.once(is_get, fault);
        let answer = gateway.bucket.get("large").await;
        assert_eq!((answer.status, answer.body == body), (200, true), "{what}");
    }
    gateway.proxy.once(is_get, Fault::Slow(30_000, Duration::from_millis(20)));
    gateway.bucket.get("large").header("range", "bytes=0-999999").await.is(206).has_body(&body[..1_000_000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_were_damaged_on_the_way_are_never_sent() {
    let gateway = Gateway::start().await;
    let body = noise(1, LARGE);
    gateway.bucket.put("large", body.clone()).await.is(200);
    gateway.proxy.once(is_get, Fault::Flipped(100));
    gateway.bucket.get("large").await.is_error(500, "InternalError");
    gateway.proxy.once(is_get, Fault::Flipped(9 << 20));
    let cut = gateway.bucket.get("large").attempt().await;
    assert!(cut.is_err(), "damaged bytes were sent whole: {}", cut.unwrap().describe());
    gateway.bucket.get("large").await.is(200).has_body(body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_breaker_opens_and_closes_and_inline_objects_are_served_meanwhile() {
    let gateway = Gateway::start().await;
    gateway.bucket.put("large", noise(1, SMALL)).await.is(200);
    gateway.bucket.put("inline", "v").await.is(200);
    assert!(gateway.is("closed").await);
    gateway.proxy.cut();
    while !gateway.is("open").await {
        gateway.bucket.get("large").await.is_error(503, "ServiceUnavailable");
        gateway.bucket.put("new", noise(2, SMALL)).await.is_error(503, "ServiceUnavailable");
    }
    let (opened, refused) = (
        gateway.counter("windlass_upstream_opened_total").await,
        gateway.counter("windlass_upstream_refused_total").await,
    );
    assert!(opened >= 1.0, "{opened}");
    gateway.proxy.take_seen();
    for _ in 0..20 {
        gateway.bucket.get("large").await.is_error(503, "ServiceUnavailable").has("retry-after", "1");
        gateway.bucket.get("inline").await.is(200).has_body("v");
        gateway.bucket.put("inline", "v").await.is(200);
    }
    let asked = gateway.proxy.take_seen().len();
    assert!(asked < 20, "{asked} requests went to an upstream that is left alone");
    assert!(gateway.counter("windlass_upstream_refused_total").await > refused);
    assert!(gateway.counter("windlass_upstream_failures_total").await >= 5.0);
    gateway.proxy.heal();
    while !gateway.is("closed").await {
        // Each is a probe once the time has come, and fails fast until then.
        let answer = gateway.bucket.get("large").await;
        assert!([200, 503].contains(&answer.status), "{}", answer.describe());
        pause().await;
    }
    gateway.bucket.get("large").await.is(200).has_body(noise(1, SMALL));
    gateway.bucket.get("new").await.is(404);
    gateway.settles_at(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_starts_without_its_upstream_and_finds_it_later() {
    let mut gateway = Gateway::start().await;
    gateway.bucket.put("large", noise(1, SMALL)).await.is(200);
    gateway.bucket.put("inline", "v").await.is(200);
    assert!(gateway.server.stop().success());
    gateway.proxy.cut();
    let gateway = gateway.restart();
    gateway.bucket.get("inline").await.is(200).has_body("v");
    gateway.bucket.get("large").await.is_error(503, "ServiceUnavailable");
    gateway.bucket.put("new", noise(2, SMALL)).await.is_error(503, "ServiceUnavailable");
    gateway.bucket.delete("large").await.is(204);
    gateway.proxy.heal();
    gateway.settles_at(0).await;
    gateway.bucket.put("new", noise(2, SMALL)).await.is(200);
    gateway.bucket.get("new").await.is(200).has_body(noise(2, SMALL));

    // A first start has nothing to serve, and must know where its blobs go.
    gateway.proxy.cut();
    let refused = Server::try_start(options(&gateway.proxy), DataDir::new()).expect_err("there is no upstream");
    assert!(refused.stderr.contains(&gateway.proxy.address().to_string()), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_that_dies_takes_nothing_acknowledged_along() {
    let mut gateway = Gateway::start().await;
    let mut kept = Vec::new();
    for n in 0..6_u64 {
        let (bucket, body) = (gateway.bucket.clone(), noise(n, LARGE));
        let put = tokio::spawn(async move { bucket.put(&format!("k{n}"), body).await.status });
        while gateway.upstream.open_uploads().await == 0 && !put.is_finished() {
            pause().await;
        }
        gateway.upstream.server.kill();
        let status = put.await.unwrap();
        assert!([200, 503].contains(&status), "{status}");
        kept.extend((status == 200).then_some(n));
        gateway.upstream = gateway.upstream.restarted();
        gateway.proxy.lead_to(gateway.upstream.address());
        while !gateway.is("closed").await {
            gateway.bucket.put("probe", noise(99, SMALL)).await;
            pause().await;
        }
        gateway.bucket.put("probe", noise(99, SMALL)).await.is(200);
    }
    for n in 0..6 {
        let answer = gateway.bucket.get(&format!("k{n}")).await;
        match kept.contains(&n) {
            true => drop(answer.is(200).has_body(noise(n, LARGE))),
            false => drop(answer.is(404)),
        }
    }
    gateway.settles_at(kept.len() + 1).await;
}
