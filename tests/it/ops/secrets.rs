//! Secrets reach neither disk nor log nor answers.

use std::path::Path;

use windlass_tests::request::Auth;
use windlass_tests::server::{Options, SECRET, Server, TOKEN};

/// All files under a directory.
pub(crate) fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Whether a text stands in some bytes.
pub(crate) fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle.as_bytes())
}

#[tokio::test]
async fn secrets_and_signatures_stay_out_of_disk_and_log() {
    let mut options = Options::default().env("WINDLASS_LOG_LEVEL", "debug");
    options.args = vec!["--log-format".into(), "json".into()];
    let mut server = Server::start_with(options, windlass_tests::server::DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "v").await.is(200);
    let presigned = bucket.get("k").auth(Auth::PresignedV4(60)).prepare();
    let signature = presigned.target.rsplit_once("X-Amz-Signature=").unwrap().1.to_owned();
    bucket.client.send(presigned).await.is(200);
    bucket.get("k").keys(&bucket.client.keys().access, "wrong").await.is(403);
    bucket.get("missing").await.is(404);
    let right = bucket.get("k").keys(&bucket.client.keys().access, SECRET).prepare();
    let computed = right.header("authorization").rsplit_once('=').unwrap().1.to_owned();
    bucket.client.send(right.with("x-amz-meta-unsigned", "1")).await.is(403);
    server.stop();
    let log = server.log();
    assert!(log.lines().count() > 0 && log.lines().all(|l| l.starts_with('{') && l.ends_with('}')), "{log}");
    for needle in [SECRET, TOKEN, &signature, &computed] {
        assert!(!log.contains(needle), "the log holds {needle}");
        for file in files(&server.data().path()) {
            assert!(!holds(&std::fs::read(&file).unwrap(), needle), "{} holds {needle}", file.display());
        }
    }
}

#[tokio::test]
async fn files_of_the_data_directory_are_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;

    let mut server = Server::start();
    server.client().make("bucket").await.put("k", vec![b'x'; 100_000]).await.is(200);
    server.stop();
    let mode = std::fs::metadata(server.data().path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "the data directory has mode {mode:o}");
}
