//! TLS on the listener.

use std::time::{Duration, Instant};

use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, SupportedProtocolVersion};
use windlass_tests::request::{Auth, Prepared};
use windlass_tests::secure::{Handshake, Http, protocol};
use windlass_tests::server::{DataDir, Options, Server, Signal, TOKEN};
use windlass_tests::wire::Wire;

use super::{Secure, install, pair, write};
use crate::home::noise;

/// How long a change may take to be seen before the test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

fn request(server: &Server, method: &str, key: &str, body: &[u8]) -> Prepared {
    server.client().request(method, "bucket", key).body(body.to_vec()).prepare()
}

/// HTTP over TLS, by whatever protocol is agreed on.
async fn http(secure: &Secure, handshake: &Handshake) -> Http {
    let stream = handshake.connect(secure.server.address()).await.expect("a handshake");
    match protocol(&stream).as_deref() {
        Some("h2") => Http::two(stream).await.expect("HTTP/2"),
        _ => Http::one(stream).await,
    }
}

#[tokio::test]
async fn objects_come_and_go_over_both_versions_and_both_protocols() {
    let secure = Secure::start(&[]);
    let body = noise(3, 3_000_000);
    let mut first = http(&secure, &Secure::handshake("first")).await;
    first.send(request(&secure.server, "PUT", "", b"")).await.is(200);
    let versions: [&'static SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    for version in versions {
        for protocol_name in ["h2", "http/1.1"] {
            let handshake =
                Handshake { protocols: vec![protocol_name], versions: vec![version], ..Secure::handshake("first") };
            let stream = handshake.connect(secure.server.address()).await.expect("a handshake");
            assert_eq!(protocol(&stream).as_deref(), Some(protocol_name));
            let wanted = if version == &TLS13 { ProtocolVersion::TLSv1_3 } else { ProtocolVersion::TLSv1_2 };
            assert_eq!(stream.get_ref().1.protocol_version(), Some(wanted));
            let mut http = http(&secure, &handshake).await;
            http.send(request(&secure.server, "PUT", "k", &body)).await.is(200);
            http.send(request(&secure.server, "GET", "k", b"")).await.is(200).has_body(&body);
            http.send(request(&secure.server, "DELETE", "k", b"")).await.is(204);
        }
    }
}

#[tokio::test]
async fn the_better_protocol_is_agreed_on_and_none_is_http_1() {
    let secure = Secure::start(&[]);
    for (offered, agreed) in
        [(vec!["http/1.1", "h2"], Some("h2")), (vec!["http/1.1"], Some("http/1.1")), (vec![], None)]
    {
        let handshake = Handshake { protocols: offered.clone(), ..Secure::handshake("first") };
        let stream = handshake.connect(secure.server.address()).await.expect("a handshake");
        assert_eq!(protocol(&stream).as_deref(), agreed, "{offered:?}");
        if agreed != Some("h2") {
            let get = request(&secure.server, "GET", "k", b"");
            Http::one(stream).await.send(get).await.is_error(404, "NoSuchBucket");
        }
    }
    let unknown = Handshake { protocols: vec!["spdy/3"], ..Secure::handshake("first") };
    assert!(unknown.connect(secure.server.address()).await.is_err());
}

#[tokio::test]
async fn signatures_and_tokens_are_taken_over_tls() {
    let secure = Secure::start(&[]);
    let mut http = http(&secure, &Secure::handshake("first")).await;
    http.send(request(&secure.server, "PUT", "", b"")).await.is(200);
    http.send(request(&secure.server, "PUT", "k", b"v")).await.is(200);
    let client = secure.server.client();
    for auth in [Auth::PresignedV4(60), Auth::PresignedV2(60)] {
        let get = client.request("GET", "bucket", "k").auth(auth).prepare();
        http.send(get).await.is(200).has_body("v");
    }
    let bearer = client.request("GET", "bucket", "k").anonymous().prepare();
    http.send(bearer.with("authorization", format!("Bearer {TOKEN}"))).await.is(200).has_body("v");
    // An API key as access key id and secret, which is refused where others can listen.
    http.send(client.request("GET", "bucket", "k").keys(TOKEN, TOKEN).prepare()).await.is(200).has_body("v");
    // Trailers without a signature of theirs are for TLS.
    let put = client.request("PUT", "bucket", "k").body("new").trailer(false, "x-amz-checksum-crc32", "Kf1gHA==");
    let answer = http.send(put.prepare()).await;
    assert!([200, 400].contains(&answer.status), "{}", answer.describe());
}

#[tokio::test]
async fn addresses_that_are_told_begin_with_https() {
    let secure = Secure::start(&[]);
    let mut http = http(&secure, &Secure::handshake("first")).await;
    http.send(request(&secure.server, "PUT", "", b"")).await.is(200);
    let form = windlass_tests::client::Bucket { client: secure.server.client(), name: "bucket".to_owned() };
    let answer = http.send(form.form().field("key", "k").prepare()).await.is(204);
    answer.has("location", &format!("https://{}/bucket/k", secure.server.address()));
}

#[tokio::test]
async fn plain_http_is_told_that_tls_is_spoken_here() {
    let secure = Secure::start(&[]);
    let mut wire = Wire::connect(secure.server.address()).await;
    wire.send(request(&secure.server, "PUT", "k", &noise(1, 10_000)).head()).await;
    let answer = wire.answer().await.expect("an answer").is(400);
    assert!(answer.text().contains("https://"), "{}", answer.describe());
    assert_eq!(wire.rest().await, 0);
    // And the next one is served.
    http(&secure, &Secure::handshake("first")).await.send(request(&secure.server, "PUT", "", b"")).await.is(200);
}

#[tokio::test]
async fn handshakes_that_never_end_are_given_up_and_others_served_meanwhile() {
    const CAP: usize = 8;
    let secure = Secure::start(&[("LIMITS_CONNECTIONS", &CAP.to_string()), ("LIMITS_HEADER_TIMEOUT_MS", "1000")]);
    let handshake = Secure::handshake("first");
    let mut early = http(&secure, &handshake).await;
    early.send(request(&secure.server, "PUT", "", b"")).await.is(200);
    // One that says nothing, and as many as fit behind it that begin a handshake (a record of 512 bytes) and say no more.
    let mut slow = vec![Wire::connect(secure.server.address()).await];
    for _ in 0..CAP - 3 {
        let mut wire = Wire::connect(secure.server.address()).await;
        wire.send([0x16, 3, 1, 2, 0, 1]).await;
        slow.push(wire);
    }
    // A slot is left, and its handshake does not wait for theirs.
    http(&secure, &handshake).await.send(request(&secure.server, "GET", "", b"")).await.is(200);
    // Handshakes count as connections: those that come behind a full house wait for one to be given up.
    for _ in 0..2 * CAP {
        slow.push(Wire::connect(secure.server.address()).await);
    }
    early.send(request(&secure.server, "GET", "", b"")).await.is(200);
    http(&secure, &handshake).await.send(request(&secure.server, "GET", "", b"")).await.is(200);
    for mut wire in slow {
        assert!(wire.answer().await.is_none());
    }
    // A handshake that cannot be one (a ClientHello without anything in it) ends at once.
    let mut wire = Wire::connect(secure.server.address()).await;
    wire.send([0x16, 3, 1, 0, 4, 1, 0, 0, 0]).await;
    assert!(wire.rest().await > 0, "an alert tells why");
}

/// Waits until new connections are shown the pair of that name.
async fn shown(secure: &Secure, name: &str) {
    let deadline = Instant::now() + PATIENCE;
    while Secure::handshake(name).connect(secure.server.address()).await.is_err() {
        assert!(Instant::now() < deadline, "the certificate does not change:\n{}", secure.server.log_tail());
    }
}

#[tokio::test]
async fn a_changed_certificate_is_shown_to_the_next_connection() {
    let secure = Secure::start(&[("TLS_WATCH_INTERVAL_MS", "100")]);
    let mut early = http(&secure, &Secure::handshake("first")).await;
    assert!(Secure::handshake("second").connect(secure.server.address()).await.is_err());
    install(&secure.files, "second");
    shown(&secure, "second").await;
    assert!(Secure::handshake("first").connect(secure.server.address()).await.is_err());
    // A connection that is there goes on.
    early.send(request(&secure.server, "PUT", "", b"")).await.is(200);
}

#[tokio::test]
async fn sighup_has_the_certificate_read_at_once_and_a_broken_one_changes_nothing() {
    let secure = Secure::start(&[("TLS_WATCH_INTERVAL_MS", "3600000")]);
    let refused = || secure.server.log().matches("the changed certificate is not used").count();
    let other_key = std::fs::read_to_string(pair("second")).unwrap();
    let mut seen = 0;
    for (file, text) in [("cert.pem", "nonsense"), ("key.pem", "nonsense"), ("key.pem", &other_key)] {
        install(&secure.files, "first");
        write(&secure.files, file, text);
        secure.server.signal(Signal::HUP);
        seen += 1;
        let deadline = Instant::now() + PATIENCE;
        while refused() < seen {
            assert!(Instant::now() < deadline, "{file} is not told:\n{}", secure.server.log_tail());
            tokio::task::yield_now().await;
        }
        shown(&secure, "first").await;
    }
    install(&secure.files, "second");
    secure.server.signal(Signal::HUP);
    shown(&secure, "second").await;
    assert!(!secure.server.log().contains("PRIVATE KEY"));
}

#[test]
fn a_pair_that_is_not_sound_stops_the_start() {
    let files = tempfile::tempdir().unwrap();
    let refused = |prepare: &dyn Fn()| {
        install(&files, "first");
        prepare();
        let path = |file: &str| files.path().join(file).to_str().unwrap().to_owned();
        let options = Options::default().env("WINDLASS_TLS_CERT_FILE", &path("cert.pem"));
        let options = options.env("WINDLASS_TLS_KEY_FILE", &path("key.pem"));
        Server::try_start(options, DataDir::new()).map(drop).expect_err("the gateway does not start").stderr
    };
    let other_key = std::fs::read_to_string(pair("second")).unwrap();
    assert!(refused(&|| write(&files, "cert.pem", "")).contains("cert.pem: holds no certificate"));
    assert!(refused(&|| write(&files, "key.pem", "nonsense")).contains("key.pem: holds no private key"));
    assert!(refused(&|| write(&files, "key.pem", &other_key)).contains("cannot be used together"));
    assert!(refused(&|| std::fs::remove_file(files.path().join("key.pem")).unwrap()).contains("key.pem: No such file"));
    let told = refused(&|| {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(files.path().join("key.pem"), mode).unwrap();
    });
    assert!(told.contains("has mode 0644") && told.contains("chmod 600"), "{told}");
}
