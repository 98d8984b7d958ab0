//! Many clients at one key.

use std::collections::HashSet;
use std::future::IntoFuture;

use futures::future::join_all;
use windlass_tests::digest::etag;

use crate::home::{Home, noise, number};

const CLIENTS: u64 = 64;

/// What a racer that did not win may hear.
fn lost(answer: windlass_tests::answer::Answer) {
    if answer.status == 409 {
        answer.is_error(409, "ConditionalRequestConflict");
    } else {
        answer.is_error(412, "PreconditionFailed");
    }
}

/// Behaviour 29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_creators_exactly_one_wins_each_key() {
    let home = Home::new().await;
    for n in 0..number("WINDLASS_RACE_KEYS", 100) {
        let key = format!("key-{n}");
        // Both kinds of body: those that ride in the commit, and those that are blobs before it.
        let body = |client: u64| noise(client, if n % 2 == 0 { 100 } else { 10_000 });
        let puts = (0..CLIENTS).map(|c| home.put(&key, body(c)).header("if-none-match", "*").into_future());
        let answers = join_all(puts.map(tokio::spawn)).await;
        let mut winners = Vec::new();
        for (client, answer) in (0..).zip(answers) {
            match answer.unwrap() {
                answer if answer.status == 200 => winners.push(client),
                answer => lost(answer),
            }
        }
        assert_eq!(winners.len(), 1, "{key}: winners {winners:?}");
        let body = body(winners[0]);
        home.get(&key).await.is(200).has("etag", &etag(&body)).has_body(body);
    }
}

/// Behaviour 30.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_swaps_of_one_etag_exactly_one_wins() {
    let home = Home::new().await;
    let mut current = home.put("k", "start").await.is(200).etag();
    for round in 0..20 {
        let puts = (0..16).map(|c| home.put("k", format!("{round} {c}")).header("if-match", &current).into_future());
        let answers = join_all(puts.map(tokio::spawn)).await;
        let mut winners = Vec::new();
        for answer in answers {
            match answer.unwrap() {
                answer if answer.status == 200 => winners.push(answer.etag()),
                answer => lost(answer),
            }
        }
        assert_eq!(winners.len(), 1);
        current = winners.remove(0);
        home.get("k").await.is(200).has("etag", &current);
    }
}

/// Behaviour 23.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_overwrites_leave_one_whole_body() {
    let home = Home::new().await;
    let bodies: Vec<_> = (0..8).map(|c| noise(c, 700_000 + c as usize * 1_000)).collect();
    let whole: HashSet<String> = bodies.iter().map(|b| etag(b)).collect();
    home.put("k", bodies[0].clone()).await.is(200);
    for _ in 0..5 {
        let puts = bodies.iter().map(|body| home.put("k", body.clone()).into_future());
        let gets = (0..8).map(|_| home.get("k").into_future());
        for answer in join_all(puts.chain(gets).map(tokio::spawn)).await {
            let answer = answer.unwrap().is(200);
            if !answer.body.is_empty() {
                assert_eq!(answer.etag(), etag(&answer.body), "a mixture of bodies");
                assert!(whole.contains(&answer.etag()));
            }
        }
    }
}

/// Behaviour 40.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_completes_of_one_upload_agree() {
    let home = Home::new().await;
    for n in 0..10 {
        let key = format!("key-{n}");
        let upload = home.upload(&key).await;
        let parts = [(1, home.part(&key, &upload, 1, noise(n, 10_000)).await.is(200).etag())];
        let completes = (0..8).map(|_| home.complete(&key, &upload, &parts).into_future());
        let mut etags = HashSet::new();
        for answer in join_all(completes.map(tokio::spawn)).await {
            etags.insert(answer.unwrap().is(200).xml().text("ETag").to_owned());
        }
        assert_eq!(etags.len(), 1);
        home.get(&key).await.is(200).has_body(noise(n, 10_000));
    }
}

/// Behaviour 29.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_uploads_that_may_only_create_exactly_one_becomes_the_object() {
    let home = Home::new().await;
    for n in 0..10 {
        let key = format!("key-{n}");
        let mut uploads = Vec::new();
        for client in 0..8 {
            let upload = home.upload(&key).await;
            let etag = home.part(&key, &upload, 1, noise(client, 10_000)).await.is(200).etag();
            uploads.push((upload, [(1, etag)]));
        }
        let complete = |(upload, parts): &(String, [(u32, String); 1])| {
            tokio::spawn(home.complete(&key, upload, parts).header("if-none-match", "*").into_future())
        };
        let mut winners = Vec::new();
        for (client, answer) in (0..).zip(join_all(uploads.iter().map(complete)).await) {
            match answer.unwrap() {
                answer if answer.status == 200 => winners.push(client),
                answer => lost(answer),
            }
        }
        assert_eq!(winners.len(), 1, "{key}: winners {winners:?}");
        home.get(&key).await.is(200).has_body(noise(winners[0], 10_000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_complete_and_an_abort_at_once_do_one_of_the_two() {
    let home = Home::new().await;
    for n in 0..20 {
        let key = format!("key-{n}");
        let upload = home.upload(&key).await;
        let parts = [(1, home.part(&key, &upload, 1, "body").await.is(200).etag())];
        let complete = tokio::spawn(home.complete(&key, &upload, &parts).into_future());
        let abort = tokio::spawn(home.abort(&key, &upload).into_future());
        let (complete, abort) = (complete.await.unwrap(), abort.await.unwrap());
        match (complete.status, abort.status) {
            (200, 404) => drop(home.get(&key).await.is(200).has_body("body")),
            (404, 204) => drop(home.get(&key).await.is_error(404, "NoSuchKey")),
            both => panic!("complete and abort were answered with {both:?}"),
        }
    }
}
