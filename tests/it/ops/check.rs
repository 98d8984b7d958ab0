//! `windlass check`: silent on sound data, eloquent on damage.

use std::path::{Path, PathBuf};

use windlass_tests::server::{Server, binary, run};

use crate::home::{PART, noise};

/// A stopped server whose data has objects of every kind.
pub(super) async fn furnished() -> Server {
    let mut server = Server::start();
    let bucket = server.client().make("bucket").await;
    bucket.put("inline", "v").await.is(200);
    bucket.put("blob", noise(1, 300_000)).await.is(200);
    bucket.multipart("parts", &[noise(2, PART), noise(3, 10)]).await;
    bucket.copy("blob", "copy").await.is(200);
    bucket.upload("open").await;
    bucket.put("gone", noise(4, 50_000)).await.is(200);
    bucket.delete("gone").await.is(204);
    assert!(server.stop().success());
    server
}

/// The file that holds these bytes.
pub(super) fn file_with(dir: &Path, bytes: &[u8]) -> Option<PathBuf> {
    for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        let found = if path.is_dir() {
            file_with(&path, bytes)
        } else {
            (std::fs::read(&path).unwrap() == bytes).then(|| path.clone())
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

#[tokio::test]
async fn sound_data_has_no_findings() {
    let server = furnished().await;
    let output = run(&binary(), "check", &server.data().path(), &[]);
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test]
async fn a_changed_byte_is_found_and_never_served() {
    let server = furnished().await;
    let path = file_with(&server.data().path(), &noise(1, 300_000)).expect("the blob is a file");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200_000] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let output = run(&binary(), "check", &server.data().path(), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!output.stdout.is_empty(), "{output:?}");
    let server = server.restart();
    let bucket = windlass_tests::client::Bucket { client: server.client(), name: "bucket".to_owned() };
    // The answer is an error, or is cut: never 300,000 bytes of which one is wrong.
    if let Ok(answer) = bucket.get("blob").attempt().await {
        assert!(answer.status >= 500, "{} {} bytes", answer.status, answer.body.len());
    }
    // What does not touch the bad block is still served.
    let head = bucket.get("blob").header("range", "bytes=0-999").await.is(206);
    head.has_body(&noise(1, 300_000)[..1_000]);
    bucket.get("inline").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_missing_blob_is_found() {
    let server = furnished().await;
    let path = file_with(&server.data().path(), &noise(1, 300_000)).expect("the blob is a file");
    std::fs::remove_file(path).unwrap();
    let output = run(&binary(), "check", &server.data().path(), &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let server = server.restart();
    let answer = server.client().request("GET", "bucket", "blob").attempt().await;
    assert!(answer.as_ref().map_or(true, |a| a.status >= 500), "{answer:?}");
    server.client().request("GET", "bucket", "inline").await.is(200).has_body("v");
}
