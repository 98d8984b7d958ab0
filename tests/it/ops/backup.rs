//! `windlass backup` and `windlass restore`, of data that is served and of data at rest.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use windlass_tests::server::{DataDir, Options, Server, binary, run};

use crate::home::noise;

fn beside(data: &DataDir, name: &str) -> PathBuf {
    data.path().with_file_name(name)
}

fn backup(data: &DataDir, to: &Path, args: &[&str]) -> Output {
    let to = to.to_str().unwrap();
    run(&binary(), "backup", &data.path(), &[&["--to", to], args].concat())
}

fn restore(data: &DataDir, from: &Path, args: &[&str]) -> Output {
    let from = from.to_str().unwrap();
    run(&binary(), "restore", &data.path(), &[&["--from", from], args].concat())
}

#[tokio::test]
async fn a_gateway_is_backed_up_while_it_serves_and_comes_back_as_it_was() {
    let options = Options::default().env("WINDLASS_SWEEP_INTERVAL_MS", "100");
    let mut server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("small", "v").await.is(200);
    bucket.put("large", noise(1, 300_000)).await.is(200);
    let data = server.data().clone();
    let file = beside(&data, "backup");
    let output = backup(&data, &file, &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    bucket.delete("large").await.is(204);
    bucket.put("small", "changed").await.is(200);
    bucket.put("later", noise(2, 100_000)).await.is(200);

    let output = restore(&data, &file, &["--replace"]);
    assert!(!output.status.success(), "a gateway uses the data: {output:?}");
    assert!(server.stop().success());
    let output = restore(&data, &file, &[]);
    assert!(!output.status.success(), "there is metadata: {output:?}");
    let output = restore(&data, &file, &["--replace"]);
    assert!(output.status.success(), "{output:?}");
    assert!(data.path().join("meta.redb.before-restore").exists());
    let output = run(&binary(), "check", &data.path(), &[]);
    assert!(output.status.success(), "{output:?}");
    let server = server.restart();
    let get = async |key: &str| server.client().request("GET", "bucket", key).await;
    get("small").await.is(200).has_body("v");
    get("large").await.is(200).has_body(noise(1, 300_000));
    get("later").await.is(404);
}

#[tokio::test]
async fn data_at_rest_is_backed_up_too() {
    let mut server = Server::start();
    server.client().make("bucket").await.put("k", "v").await.is(200);
    let data = server.data().clone();
    // A process that was killed leaves its socket.
    server.kill();
    let file = beside(&data, "backup");
    let output = backup(&data, &file, &["--hold", "1"]);
    assert!(output.status.success(), "{output:?}");
    let output = backup(&data, &file, &[]);
    assert!(!output.status.success(), "the file exists: {output:?}");
    let output = backup(&data, &file, &["--force"]);
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn the_socket_is_for_its_owner_alone_and_goes_with_the_gateway() {
    let mut server = Server::start();
    let socket = server.data().path().join("windlass.sock");
    let found = socket.metadata().unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let output = backup(server.data(), &server.data().path().join("inside"), &[]);
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("inside the store"), "{output:?}");
    assert!(server.stop().success());
    assert!(!socket.exists());
}
