//! A first start that was cut short leaves nothing that has to be repaired by hand. The marker file is what a finished one
//! leaves: without it nothing was ever stored, and with it nothing is begun anew.

use std::os::unix::fs::PermissionsExt;

use windlass_tests::server::{DataDir, Options, Server};

/// Starts on a data directory in which a first start got as far as `made`: names and bytes of its files.
async fn starts_on(made: &[(&str, &[u8])]) {
    let data = DataDir::new();
    std::fs::create_dir(data.path()).unwrap();
    for (name, bytes) in made {
        let path = data.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let server = Server::start_with(Options::default(), data);
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "v").await.is(200);
}

#[tokio::test]
async fn a_metadata_file_without_a_byte_is_begun_again() {
    starts_on(&[("meta.redb", b"")]).await;
}

#[tokio::test]
async fn a_metadata_file_that_was_sized_and_not_written_is_begun_again() {
    // What the first start leaves when its first write fails, or when the power goes before its first sync.
    starts_on(&[("meta.redb", &[0; 1_589_248])]).await;
}

#[tokio::test]
async fn a_master_key_that_was_created_and_not_written_is_made_again() {
    starts_on(&[("master.key", b"")]).await;
}

/// Starts once and has a blob stored, empties a file of the finished store, and claims that the next start is refused.
async fn refused_without(name: &str) {
    let mut server = Server::start();
    server.client().make("bucket").await.put("k", vec![1; 100_000]).await.is(200);
    assert!(server.stop().success());
    let path = server.data().path().join(name);
    let len = std::fs::metadata(&path).unwrap().len();
    for bytes in [vec![0; usize::try_from(len).unwrap()], Vec::new()] {
        std::fs::write(&path, bytes).unwrap();
        let refused = Server::try_start(Options::default(), server.data().clone());
        assert!(refused.is_err(), "{name} was emptied, and the store began anew");
    }
}

#[tokio::test]
async fn a_finished_store_whose_metadata_was_emptied_is_refused() {
    refused_without("meta.redb").await;
}

#[tokio::test]
async fn a_finished_store_whose_master_key_was_emptied_is_refused() {
    refused_without("master.key").await;
}
