//! How many requests an organisation may make in 60 seconds, on each door.

use std::time::{Duration, Instant};

use serde_json::json;
use windlass_tests::answer::Answer;
use windlass_tests::json::{Json, LIMIT_HEADERS};
use windlass_tests::time::now;

use super::house::Org;

fn number(answer: &Answer, name: &str) -> i64 {
    answer.need(name).parse().unwrap_or_else(|e| panic!("{name}: {e}: {}", answer.describe()))
}

/// Uses up a plan of 5 requests.
async fn use_up(org: &Org) {
    for _ in 0..5 {
        org.json.get("/v1/billing/usage").await.data(200);
    }
}

#[tokio::test]
async fn every_answer_counts_down_and_the_one_too_many_is_429() {
    let org = Org::on("brisk");
    let calls = [
        (org.json.get("/v1/buckets"), 200),
        (org.json.get("/v1/buckets/nowhere"), 404),
        (org.json.post("/v1/buckets", &json!({})), 400),
        (org.json.get("/v1/folders"), 404),
        (org.json.get("/v1/billing/usage"), 200),
    ];
    for ((call, status), left) in calls.into_iter().zip((0..5).rev()) {
        let before = now();
        let answer = call.await.is(status);
        assert_eq!((number(&answer, "x-ratelimit-limit"), number(&answer, "x-ratelimit-remaining")), (5, left));
        let reset = number(&answer, "x-ratelimit-reset");
        assert!((before + 60..=now() + 61).contains(&reset), "reset at {reset}, between {before} and {}", now());
        answer.lacks("retry-after");
    }
    for _ in 0..3 {
        let answer = org.json.get("/v1/buckets").await.refused(429, "Rate limit exceeded");
        assert_eq!(number(&answer, "x-ratelimit-remaining"), 0);
        assert!((1..=60).contains(&number(&answer, "retry-after")), "{}", answer.describe());
    }
    org.json.get("/v1/files").await.bare_refused(429, "rate_limited", "Rate limit exceeded").need("retry-after");
}

#[tokio::test]
async fn the_window_is_the_organisation_s_not_the_key_s() {
    let (org, other) = (Org::on("brisk"), Org::on("brisk"));
    let key = org.key(&["files:read"]).await;
    let caller = org.json.with(&key.token);
    caller.get("/v1/billing/usage").await.data(200);
    assert_eq!(number(&org.json.get("/v1/keys").await, "x-ratelimit-remaining"), 2);
    caller.get("/v1/files").await.tells_limits();
    caller.get("/v1/billing/usage").await.data(200);
    caller.get("/v1/billing/usage").await.refused(429, "Rate limit exceeded");
    org.json.get("/v1/keys").await.refused(429, "Rate limit exceeded");
    assert_eq!(number(&other.json.get("/v1/keys").await, "x-ratelimit-remaining"), 4);
}

#[tokio::test]
async fn a_401_has_no_such_headers_and_costs_nothing() {
    let org = Org::on("brisk");
    for _ in 0..10 {
        Json::anonymous(&org.s3).get("/v1/keys").await.refused(401, "Missing API key");
        org.json.with("bkt_x").get("/v1/keys").await.refused(401, "Invalid API key");
    }
    assert_eq!(number(&org.json.get("/v1/keys").await, "x-ratelimit-remaining"), 4);
}

#[tokio::test]
async fn missing_scopes_are_told_before_the_limit_and_the_limit_before_everything_else() {
    let org = Org::on("brisk");
    let reader = org.caller(&["files:read"]).await;
    for _ in 0..4 {
        org.json.get("/v1/billing/usage").await.data(200);
    }
    for _ in 0..2 {
        reader.get("/v1/keys").await.refused(403, "Insufficient permissions");
    }
    reader.get("/v1/buckets/nowhere/files").await.refused(429, "Rate limit exceeded");
    let bad = org.json.call("POST", "/v1/buckets").body("{");
    bad.await.refused(429, "Rate limit exceeded");
}

#[tokio::test]
async fn requests_that_are_refused_do_not_enter_the_window_and_it_slides() {
    let org = Org::on("brisk");
    let began = Instant::now();
    use_up(&org).await;
    let used_up = Instant::now();
    let refused = org.json.get("/v1/keys").await.refused(429, "Rate limit exceeded");
    let wait = Duration::from_secs(number(&refused, "retry-after") as u64);
    // The passing of the window is what is tested. All along requests come that are refused: were they counted, none
    // would ever be let in.
    let let_in = loop {
        let answer = org.json.get("/v1/keys").await;
        if answer.status == 200 {
            break answer;
        }
        answer.refused(429, "Rate limit exceeded");
        assert!(used_up.elapsed() < Duration::from_secs(90), "nobody was let in again");
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    assert!(began.elapsed() >= Duration::from_secs(59), "let in after {:?}", began.elapsed());
    assert!(
        used_up.elapsed() <= wait + Duration::from_secs(2),
        "told to wait {wait:?}, let in after {:?}",
        used_up.elapsed()
    );
    assert!((0..=4).contains(&number(&let_in, "x-ratelimit-remaining")));
}

#[tokio::test]
async fn s3_has_a_limit_of_its_own_that_its_clients_understand() {
    let org = Org::on("brisk");
    use_up(&org).await;
    for _ in 0..3 {
        let answer = org.s3.request("GET", "", "").await.is(200);
        LIMIT_HEADERS.iter().for_each(|name| assert!(answer.header(name).is_none(), "{name}"));
    }
    let refused = org.s3.request("GET", "", "").await.is_error(429, "SlowDown");
    assert!((1..=60).contains(&number(&refused, "retry-after")));
    let bearer = org.json.get("/").await;
    assert!((1..=60).contains(&number(&bearer, "retry-after")));
    assert_eq!(bearer.json()["error"], "rate_limited");
    // A request that nobody signed is nobody's.
    org.s3.request("GET", "", "").anonymous().await.is_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_plan_without_a_limit_has_no_such_headers() {
    let org = Org::on("boundless");
    let answer = org.json.get("/v1/keys").await.is(200);
    LIMIT_HEADERS.iter().for_each(|name| assert!(answer.header(name).is_none(), "{name}"));
}

#[tokio::test]
async fn each_plan_has_its_own_number() {
    for (plan, limit) in [("free", 100), ("pro", 1_000), ("enterprise", 10_000)] {
        let org = Org::on(plan);
        assert_eq!(number(&org.json.get("/v1/keys").await, "x-ratelimit-limit"), limit, "{plan}");
    }
    let org = Org::on("free");
    let mut answers = Vec::new();
    for _ in 0..101 {
        answers.push(org.json.get("/v1/billing/usage").await.status);
    }
    assert_eq!((answers[99], answers[100]), (200, 429));
}

#[tokio::test]
async fn many_at_once_never_pass_the_limit_together() {
    let org = Org::on("brisk");
    let calls = (0..40).map(|_| {
        let call = org.json.get("/v1/billing/usage");
        tokio::spawn(async move { call.await.status })
    });
    let statuses = futures::future::join_all(calls).await;
    let let_in = statuses.iter().filter(|status| *status.as_ref().unwrap() == 200).count();
    assert_eq!(let_in, 5);
}
