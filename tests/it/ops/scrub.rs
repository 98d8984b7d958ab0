//! The scrub: while serving it finds damage before a reader does, offline its exit code says so.

use std::time::Duration;

use windlass_tests::server::{DataDir, Options, Server, binary, run};

use super::check::{file_with, furnished};
use super::health::counter;
use crate::home::noise;

#[tokio::test]
async fn offline_it_is_silent_on_sound_data_and_its_exit_code_tells_of_damage() {
    let server = furnished().await;
    let output = run(&binary(), "scrub", &server.data().path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let path = file_with(&server.data().path(), &noise(1, 300_000)).expect("the blob is a file");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100_000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let output = run(&binary(), "scrub", &server.data().path(), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    std::fs::remove_file(path).unwrap();
    let output = run(&binary(), "scrub", &server.data().path(), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = run(&binary(), "scrub", &server.data().path().join("nowhere"), &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[tokio::test]
async fn the_job_reads_everything_and_reports_damage() {
    let off = Options::default().env("WINDLASS_SCRUB_INTERVAL_HOURS", "0");
    let mut server = Server::start_with(off, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("blob", noise(1, 300_000)).await.is(200);
    assert!(server.stop().success());
    let path = file_with(&server.data().path(), &noise(1, 300_000)).expect("the blob is a file");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100_000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let options = Options::default().env("WINDLASS_SCRUB_BYTES_PER_SECOND", "1GiB");
    let data = server.data().clone();
    let mut server = Server::start_with(options, data);
    let client = server.client();
    while counter(&client, "windlass_scrub_damaged_total").await < 1.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(counter(&client, "windlass_scrub_missing_total").await, 0.0);
    assert!(server.stop().success());
    assert!(server.log().contains("damaged"), "{}", server.log_tail());
}

#[tokio::test]
async fn switched_off_it_reads_nothing() {
    let options = Options::default().env("WINDLASS_SCRUB_INTERVAL_HOURS", "0");
    let server = Server::start_with(options, DataDir::new());
    let client = server.client();
    client.make("bucket").await.put("k", noise(1, 100_000)).await.is(200);
    while counter(&client, "windlass_job_runs_total").await < 2.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(counter(&client, "windlass_scrub_bytes_total").await, 0.0);
}
