//! `storage.durability = "relaxed"`: what a kill takes are the latest writes, each of them wholly.

use std::time::Duration;

use windlass_tests::fault::relaxed::Rounds;
use windlass_tests::server::{DataDir, Options, Server, binary, run};

use crate::home::{noise, seed};

fn relaxed(sync_ms: &str) -> Options {
    let options = Options::default().env("WINDLASS_STORAGE_DURABILITY", "relaxed");
    options.env("WINDLASS_STORAGE_RELAXED_SYNC_MS", sync_ms)
}

/// Small and large in turn.
fn body(n: usize) -> Vec<u8> {
    noise(n as u64, if n.is_multiple_of(3) { 30_000 } else { 500 }).to_vec()
}

#[tokio::test]
async fn a_kill_leaves_the_writes_up_to_some_moment_and_sound_data() {
    let mut kept_some = false;
    for round in 0..4_u64 {
        let mut server = Server::start_with(relaxed("20"), DataDir::new());
        let bucket = server.client().make("bucket").await;
        let began = tokio::time::Instant::now();
        let mut acknowledged = 0;
        while began.elapsed() < Duration::from_millis(60 + 15 * round) {
            bucket.put(&format!("k{acknowledged:04}"), body(acknowledged)).await.is(200);
            acknowledged += 1;
        }
        server.kill();
        let output = run(&binary(), "check", &server.data().path(), &[]);
        assert!(output.status.success(), "{output:?}");
        let server = server.restart();
        let get = async |n: usize| server.client().request("GET", "bucket", &format!("k{n:04}")).await;
        let mut kept = 0;
        while kept < acknowledged {
            let answer = get(kept).await;
            if answer.status == 404 {
                break;
            }
            answer.is(200).has_body(body(kept));
            kept += 1;
        }
        for n in kept..acknowledged {
            get(n).await.is(404);
        }
        kept_some |= kept > 0;
    }
    assert!(kept_some, "what is older than the bound is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_clients_that_overwrite_and_delete_leaves_a_prefix_of_each() {
    let rounds = Rounds { binary: &binary(), rounds: 3, long_every: 0, disk: None, seed: seed() };
    rounds.run().await.unwrap_or_else(|violation| panic!("{violation}"));
}

#[tokio::test]
async fn a_kill_in_the_middle_of_everything_leaves_sound_data() {
    let options = relaxed("30").env("WINDLASS_SWEEP_INTERVAL_MS", "100");
    let mut server = Server::start_with(options, DataDir::new());
    server.client().make("bucket").await;
    for round in 0..4_u64 {
        let client = server.client();
        let work = async |worker: u64| {
            let bucket = windlass_tests::client::Bucket { client: client.clone(), name: "bucket".to_owned() };
            for n in 0.. {
                let (key, other) = (format!("{worker}-{}", n % 7), format!("{worker}-{}", n % 5));
                let sent = match n % 4 {
                    0 => bucket.put(&key, noise(n, 40_000)).attempt().await,
                    1 => bucket.put(&key, noise(n, 400)).attempt().await,
                    2 => bucket.copy(&key, &other).attempt().await,
                    _ => bucket.delete(&other).attempt().await,
                };
                // The kill cuts the connection.
                if sent.is_err() {
                    break;
                }
            }
        };
        let workers = futures::future::join_all((0..6).map(work));
        let kill = async {
            tokio::time::sleep(Duration::from_millis(150 + 70 * round)).await;
            server.kill();
        };
        futures::future::join(workers, kill).await;
        let output = run(&binary(), "check", &server.data().path(), &[]);
        assert!(output.status.success(), "{output:?}");
        server = server.restart();
    }
}

#[tokio::test]
async fn an_orderly_end_loses_nothing_and_the_log_says_what_is_risked() {
    let mut server = Server::start_with(relaxed("60000"), DataDir::new());
    let bucket = server.client().make("bucket").await;
    for n in 0..10 {
        bucket.put(&format!("k{n}"), body(n)).await.is(200);
    }
    assert!(server.stop().success());
    assert!(server.log().contains("durability is relaxed"), "{}", server.log_tail());
    let server = server.restart();
    for n in 0..10 {
        server.client().request("GET", "bucket", &format!("k{n}")).await.is(200).has_body(body(n));
    }
}
