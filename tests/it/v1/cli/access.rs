//! Which gateway and which token a command takes, and that it keeps the token to itself.

use std::os::unix::fs::PermissionsExt;

use windlass_tests::server::{DataDir, Options, Server};

use super::ran::Cli;
use crate::v1::house::Org;

const NOTE: &str = "windlass: note: a token given as a flag can be seen by others in the process list; \
    give it in WINDLASS_TOKEN or a profile\n";
const PROFILES: &str = ".config/windlass/profiles.toml";

fn profiles(cli: &Cli, place: &str, text: &str, mode: u32) {
    let path = cli.folder().join(place);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn profile(name: &str, endpoint: &str, token: &str) -> String {
    format!("[{name}]\nendpoint = \"{endpoint}\"\ntoken = \"{token}\"\n")
}

#[tokio::test]
async fn a_token_as_a_flag_works_and_is_warned_of() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let ran = cli.ran(cli.bare(&["usage", "--endpoint", cli.endpoint(), "--token", &org.token]).output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), NOTE));
    assert!(!ran.stdout.is_empty());
}

#[tokio::test]
async fn profiles_name_gateways_and_tokens() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let text = profile("default", cli.endpoint(), &org.token) + &profile("broken", cli.endpoint(), "bkt_no");
    profiles(&cli, PROFILES, &text, 0o600);
    let run = |args: &[&str], env: &[(&str, &str)]| cli.ran(cli.bare(args).envs(env.to_vec()).output().unwrap());
    run(&["usage"], &[]).done();
    // A profile that is named goes before the environment, and that before the default.
    run(&["usage", "--profile", "broken"], &[("WINDLASS_TOKEN", &org.token)]).said(5);
    run(&["usage"], &[("WINDLASS_TOKEN", "bkt_no")]).said(5);
    run(&["usage"], &[("WINDLASS_TOKEN", "")]).done();
    let flagged = run(&["usage", "--profile", "broken", "--token", &org.token], &[]);
    assert_eq!((flagged.code, flagged.stderr.as_str()), (Some(0), NOTE));
    let said = run(&["usage", "--profile", "missing"], &[]).said(2);
    assert!(said.contains("there is no profile \"missing\" in ") && said.contains(PROFILES), "{said}");
    profiles(&cli, "elsewhere/windlass/profiles.toml", &profile("other", cli.endpoint(), &org.token), 0o600);
    let elsewhere = cli.folder().join("elsewhere");
    run(&["usage", "--profile", "other"], &[("XDG_CONFIG_HOME", elsewhere.to_str().unwrap())]).done();
}

#[tokio::test]
async fn profiles_that_others_can_read_are_refused() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let path = cli.folder().join(PROFILES);
    for (mode, is_taken) in
        [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false), (0o644, false)]
    {
        profiles(&cli, PROFILES, &profile("default", cli.endpoint(), &org.token), mode);
        let ran = cli.ran(cli.bare(&["usage"]).output().unwrap());
        if is_taken {
            ran.done();
        } else {
            let path = path.display();
            ran.failed(
                2,
                &format!(
                    "{path} holds tokens and has mode {mode:04o}, so that others may use them; run: chmod 600 '{path}'"
                ),
            );
        }
        std::fs::remove_file(&path).unwrap();
    }
    // Nothing of it is needed, so nothing is said of it.
    profiles(&cli, PROFILES, "nonsense", 0o644);
    cli.done(&["usage"]);
}

#[tokio::test]
async fn a_broken_profile_is_told_without_what_it_holds() {
    let cli = Cli::at("127.0.0.1:9".parse().unwrap(), "bkt_secret-of-the-profile");
    for text in
        ["[default]\ntoken = bkt_secret-of-the-profile\n", "[default]\nsecret = \"bkt_secret-of-the-profile\"\n"]
    {
        profiles(&cli, PROFILES, text, 0o600);
        let said = cli.ran(cli.bare(&["usage"]).output().unwrap()).said(2);
        assert!(said.contains(PROFILES) && said.contains(", line "), "{said}");
    }
}

#[tokio::test]
async fn what_is_missing_is_told_with_where_to_name_it() {
    let cli = Cli::at("127.0.0.1:9".parse().unwrap(), "bkt_x");
    let path = cli.folder().join(PROFILES);
    let run = |env: &[(&str, &str)]| cli.ran(cli.bare(&["usage"]).envs(env.to_vec()).output().unwrap());
    let path = path.display();
    let gateway = format!("no gateway is known; name it with --endpoint, WINDLASS_ENDPOINT, or a profile in {path}");
    run(&[]).failed(2, &gateway);
    let token = format!("no token is known; name it with --token, WINDLASS_TOKEN, or a profile in {path}");
    run(&[("WINDLASS_ENDPOINT", cli.endpoint())]).failed(2, &token);
    for (endpoint, token) in
        [("localhost:9000", "bkt_x"), ("http://user:bkt_x@127.0.0.1:9", "bkt_x"), (cli.endpoint(), "bkt_x\nX-Other: 1")]
    {
        run(&[("WINDLASS_ENDPOINT", endpoint), ("WINDLASS_TOKEN", token)]).said(2);
    }
}

#[tokio::test]
async fn a_gateway_starts_where_its_clients_are_at_home() {
    let options = Options::default().env("WINDLASS_ENDPOINT", "http://127.0.0.1:9").env("WINDLASS_TOKEN", "bkt_x");
    let mut server = Server::start_with(options, DataDir::new());
    assert!(server.stop().success());
}

#[tokio::test]
async fn every_code_is_in_the_help() {
    let cli = Cli::at("127.0.0.1:9".parse().unwrap(), "bkt_x");
    for noun in ["bucket", "file", "key", "log", "usage"] {
        let help = cli.done(&[noun, "--help"]);
        for code in ["0  done", "1  ", "2  ", "3  ", "4  ", "5  ", "6  ", "7  ", "8  ", "9  ", "130  interrupted"] {
            assert!(help.lines().any(|line| line.trim_start().starts_with(code)), "{noun}: {code}");
        }
    }
}
