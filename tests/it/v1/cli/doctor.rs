//! `windlass doctor`: what it says of gateways that are well, and of what can be wrong before them and with them.

use std::net::SocketAddr;
use std::path::Path;

use tokio::net::TcpSocket;
use windlass_tests::json::Json;
use windlass_tests::proxy::{Fault, Proxy};
use windlass_tests::server::{ACCESS, DataDir, Options, SECRET, Server, TOKEN};

use super::ran::Cli;

/// What somebody finds who looks through that address, and with which code.
async fn through(address: SocketAddr, more: &[&str]) -> (i32, String) {
    let more: Vec<String> = more.iter().map(|arg| (*arg).to_owned()).collect();
    let looked = tokio::task::spawn_blocking(move || {
        let cli = Cli::at(address, TOKEN);
        let args = ["doctor", "--endpoint", cli.endpoint()].map(str::to_owned).into_iter().chain(more);
        let mut command = cli.command(&args.collect::<Vec<_>>());
        command.env("AWS_SECRET_ACCESS_KEY", SECRET);
        found(cli.ran(command.output().unwrap()))
    });
    looked.await.unwrap()
}

fn found(ran: super::ran::Ran) -> (i32, String) {
    assert_eq!(ran.stderr, "");
    (ran.code.unwrap(), String::from_utf8(ran.stdout).unwrap())
}

/// What was found of one thing: the verdict and what is said.
#[track_caller]
fn line<'a>(found: &'a str, what: &str) -> (&'a str, &'a str) {
    let mut lines = found.lines().filter_map(|line| {
        let (head, why) = line.split_once("  — ")?;
        let (verdict, of) = head.split_once(' ')?;
        (of.trim() == what).then_some((verdict, why))
    });
    lines.next().unwrap_or_else(|| panic!("nothing is said of {what}:\n{found}"))
}

fn all_ok(found: &str) -> bool {
    found.lines().all(|line| line.starts_with("ok    "))
}

#[tokio::test]
async fn of_a_gateway_that_is_well_all_is_well() {
    let server = Server::start();
    let (code, found) = through(server.address(), &[]).await;
    assert!(code == 0 && all_ok(&found), "{found}");
    let here = server.address().to_string();
    assert_eq!(line(&found, "connection").1, format!("{here} is open"));
    assert_eq!(line(&found, "host").1, format!("the gateway sees {here}, as it was asked"));
    assert_eq!(line(&found, "signature").1, format!("it holds for {here}: ListBuckets is answered"));
    let proxy = Proxy::before(server.address()).await;
    let (code, found) = through(proxy.address(), &["--access-key", ACCESS]).await;
    assert!(code == 0 && all_ok(&found), "{found}");
}

#[tokio::test]
async fn a_proxy_that_changes_the_host_is_found_out_by_either_key() {
    let server = Server::start();
    let proxy = Proxy::before(server.address()).await;
    proxy.always(|_| true, Fault::Renamed("inner.test:9000"));
    let here = proxy.address();
    for more in [&[][..], &["--access-key", ACCESS]] {
        let (code, found) = through(proxy.address(), more).await;
        assert_eq!(code, 1, "{found}");
        let (verdict, why) = line(&found, "signature");
        let start = format!(
            "it fails because the host differs: the client signed {here}, and the proxy passes on inner.test:9000; \
             have the proxy pass the Host header on as it came"
        );
        assert!(verdict == "FAIL" && why.starts_with(&start) && why.contains("proxy.trusted"), "{found}");
        let (verdict, why) = line(&found, "host");
        let start = format!("the gateway sees inner.test:9000 where the client asked {here}: every signature fails");
        assert!(verdict == "FAIL" && why.starts_with(&start), "{found}");
        assert_eq!(line(&found, "links").0, "warn", "{found}");
    }
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_not_blamed_on_the_host() {
    let server = Server::start();
    let cli = Cli::at(server.address(), TOKEN);
    let mut command = cli.bare(&["doctor", "--endpoint", cli.endpoint(), "--access-key", ACCESS]);
    let (code, found) = found(cli.ran(command.env("AWS_SECRET_ACCESS_KEY", "another secret").output().unwrap()));
    assert_eq!(code, 1, "{found}");
    let (verdict, why) = line(&found, "signature");
    assert!(verdict == "FAIL" && why.contains("the secret is another one"), "{found}");
    assert_eq!(line(&found, "token").0, "warn", "none was given: {found}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told() {
    let server = Server::start();
    let proxy = Proxy::before(server.address()).await;
    proxy.always(|_| true, Fault::Dated("Mon, 01 Jan 2024 10:00:00 GMT"));
    let (code, found) = through(proxy.address(), &[]).await;
    let (verdict, why) = line(&found, "clock");
    assert!(
        code == 1 && verdict == "FAIL" && why.contains(" s behind this one; signatures fail from 900 s on"),
        "{found}"
    );
}

#[tokio::test]
async fn what_is_no_gateway_gets_no_further() {
    // Bound and not listening: nobody else can take the port meanwhile.
    let silent = TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = silent.local_addr().unwrap();
    let (code, found) = through(nobody, &[]).await;
    let (verdict, why) = line(&found, "connection");
    assert!(code == 1 && verdict == "FAIL" && why.contains("that the port is right"), "{found}");
    assert_eq!(found.lines().count(), 2, "{found}");

    let proxy = Proxy::before(nobody).await;
    proxy.always(|_| true, Fault::Answered(404, "NoSuchKey"));
    let (code, found) = through(proxy.address(), &[]).await;
    let (verdict, why) = line(&found, "gateway");
    assert!(code == 1 && verdict == "FAIL" && why.contains("is no gateway (status 404"), "{found}");
    assert!(proxy.take_seen().iter().all(|seen| seen.header("authorization").is_none()), "it was given a credential");
}

#[tokio::test]
async fn links_that_lead_elsewhere_are_told() {
    let server =
        Server::start_with(Options::default().env("WINDLASS_PUBLIC_URL", "https://files.test"), DataDir::new());
    let (code, found) = through(server.address(), &[]).await;
    let (verdict, why) = line(&found, "links");
    assert!(code == 0 && verdict == "warn" && why.starts_with("they begin with https://files.test, and"), "{found}");
}

#[tokio::test]
async fn what_the_gateway_sees_is_told_to_holders_of_a_token_alone() {
    let server = Server::start_with(Options::default().env("WINDLASS_PROXY_TRUSTED", "127.0.0.1"), DataDir::new());
    for token in ["", "bkt_no"] {
        let answer = Json::new(&server.client(), token).get("/-/seen").await;
        assert_eq!(answer.status, 401, "{}", answer.describe());
    }
    let asked = Json::new(&server.client(), TOKEN).get("/-/seen");
    let told = [("x-forwarded-host", "files.test"), ("x-forwarded-proto", "https"), ("x-forwarded-for", "192.0.2.7")];
    let answer = told.iter().fold(asked, |asked, (name, value)| asked.header(name, value)).await;
    let seen = "{\"host\":\"files.test\",\"secure\":true,\"address\":\"192.0.2.7\",\"publicUrl\":null}";
    assert_eq!(answer.text(), seen);
}

/// What somebody finds on this machine, before a start.
fn here(data: &Path, settings: &[&str]) -> (i32, String) {
    let cli = Cli::at("127.0.0.1:1".parse().unwrap(), TOKEN);
    let mut command = cli.command(&["doctor", "--data", data.to_str().unwrap()]);
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    found(cli.ran(command.output().unwrap()))
}

#[tokio::test]
async fn before_a_start_folder_and_port_are_looked_at_and_left_alone() {
    let data = DataDir::new();
    let (code, found) = here(&data.path(), &["listen=127.0.0.1:0"]);
    assert!(code == 0 && !data.path().exists(), "{found}");
    for what in ["settings", "data folder", "free space", "open files", "port", "tls", "public_url", "proxies", "clock"]
    {
        assert_ne!(line(&found, what).0, "FAIL", "{found}");
    }
    assert!(line(&found, "data folder").1.ends_with("holds no store yet; a start makes one"), "{found}");
    assert!(line(&found, "sync").1.contains(" ms each in "), "{found}");

    let mut server = Server::start_with(Options::default(), data.clone());
    let listen = format!("listen={}", server.address());
    let (code, found) = here(&data.path(), &[&listen]);
    assert!(code == 0 && line(&found, "data folder").1.contains(" is in use: a gateway serves it"), "{found}");
    assert!(line(&found, "port").1.contains("is taken, as it should be"), "{found}");

    let (code, found) = here(DataDir::new().path().as_path(), &[&listen]);
    assert!(code == 1 && line(&found, "port").1.starts_with("another process listens on"), "{found}");

    assert!(server.stop().success());
    let (code, found) = here(&data.path(), &[&listen]);
    assert!(code == 0 && line(&found, "data folder").1.ends_with("holds a store, and no process uses it"), "{found}");
}

#[test]
fn before_a_start_faults_are_told_with_what_to_do() {
    let data = DataDir::new();
    let (code, found) = here(&data.path(), &["log.level=loud", "limits.requests=0"]);
    assert!(code == 1 && found.lines().count() == 2, "{found}");
    assert!(found.lines().all(|line| line.starts_with("FAIL  settings     — l")), "{found}");

    std::fs::create_dir(data.path()).unwrap();
    std::fs::write(data.path().join("holiday.jpg"), "x").unwrap();
    let (code, found) = here(&data.path(), &["listen=127.0.0.1:0"]);
    assert!(code == 1 && line(&found, "data folder").0 == "FAIL", "{found}");
    assert!(line(&found, "data folder").1.contains("is not a Windlass data directory"), "{found}");

    let pair = ["tls.cert_file=/nowhere/cert.pem", "tls.key_file=/nowhere/key.pem", "listen=127.0.0.1:0"];
    let (code, found) = here(&DataDir::new().path(), &pair);
    assert!(code == 1 && line(&found, "tls").1.starts_with("/nowhere/cert.pem: "), "{found}");
}
