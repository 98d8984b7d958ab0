//! What a folder must be before a gateway takes it for its data.

use windlass_tests::server::{DataDir, Options, Server};

#[test]
fn with_create_off_an_empty_folder_is_refused_and_stays_empty() {
    for made in [false, true] {
        let data = DataDir::new();
        if made {
            std::fs::create_dir(data.path()).unwrap();
        }
        let options = Options::default().env("WINDLASS_STORAGE_CREATE", "false");
        let refused = Server::try_start(options, data.clone()).expect_err("nothing is created");
        assert!(!refused.status.success());
        let left = std::fs::read_dir(data.path()).map(Iterator::count).unwrap_or(0);
        assert_eq!(left, 0, "{}", refused.stderr);
    }
}

#[tokio::test]
async fn with_create_off_an_existing_store_opens() {
    let mut server = Server::start();
    server.client().make("bucket").await.put("k", "v").await.is(200);
    server.stop();
    let options = Options::default().env("WINDLASS_STORAGE_CREATE", "false");
    let server = Server::start_with(options, server.data().clone());
    server.client().request("GET", "bucket", "k").await.is(200).has_body("v");
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_untouched() {
    let data = DataDir::new();
    std::fs::create_dir(data.path()).unwrap();
    std::fs::write(data.path().join("thesis.tex"), "do not touch").unwrap();
    let refused = Server::try_start(Options::default(), data.clone()).expect_err("the folder is not ours");
    assert!(!refused.status.success());
    let names: Vec<_> = std::fs::read_dir(data.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.tex"], "{}", refused.stderr);
}

#[test]
fn settings_that_are_wrong_are_refused_with_their_names() {
    let options = Options::default().config("[limits]\nconnections = 0\n[nonsense]\nx = 1\n");
    let refused = Server::try_start(options, DataDir::new()).expect_err("the settings are wrong");
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("connections") && refused.stderr.contains("nonsense"), "{}", refused.stderr);
}
