//! `windlass secret rotate`: the same keys of clients under another master key.

use std::process::{Command, Output};

use windlass_tests::server::{DataDir, Options, Server, binary};

pub(crate) fn rotate(data: &DataDir, env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WINDLASS_")) {
        command.env_remove(name);
    }
    command.args(["secret", "rotate", "--data"]).arg(data.path()).envs(env.iter().copied());
    command.output().unwrap()
}

#[tokio::test]
async fn clients_notice_nothing_and_the_key_file_is_another() {
    let mut server = Server::start();
    server.client().make("bucket").await.put("k", "v").await.is(200);
    let data = server.data().clone();
    let refused = rotate(&data, &[]);
    assert!(!refused.status.success(), "a gateway uses the data: {refused:?}");
    assert!(server.stop().success());
    let file = data.path().join("master.key");
    let old = std::fs::read_to_string(&file).unwrap();
    let output = rotate(&data, &[]);
    assert!(output.status.success(), "{output:?}");
    let new = std::fs::read_to_string(&file).unwrap();
    assert_ne!(new, old);
    for said in [&output.stdout, &output.stderr] {
        let said = String::from_utf8_lossy(said);
        assert!(!said.contains(new.trim()) && !said.contains(old.trim()), "{said}");
    }
    let server = server.restart();
    server.client().request("GET", "bucket", "k").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_key_given_by_variable_is_rotated_by_variable() {
    const OLD: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    const NEW: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
    let mut server = Server::start_with(Options::default().env("WINDLASS_MASTER_KEY", OLD), DataDir::new());
    server.client().make("bucket").await.put("k", "v").await.is(200);
    assert!(server.stop().success());
    let data = server.data().clone();
    let refused = rotate(&data, &[("WINDLASS_MASTER_KEY", OLD)]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("WINDLASS_NEW_MASTER_KEY"), "{refused:?}");
    let output = rotate(&data, &[("WINDLASS_MASTER_KEY", OLD), ("WINDLASS_NEW_MASTER_KEY", NEW)]);
    assert!(output.status.success(), "{output:?}");
    let with = |key| Server::try_start(Options::default().env("WINDLASS_MASTER_KEY", key), data.clone());
    assert!(with(OLD).is_err());
    let server = with(NEW).unwrap();
    server.client().request("GET", "bucket", "k").await.is(200).has_body("v");
}
