//! HTTP/2: over TLS by agreement (in `tls`), and in clear to clients that know it is spoken.

use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use tokio::net::TcpStream;
use windlass_tests::request::{Auth, Prepared};
use windlass_tests::secure::Http;
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use crate::home::noise;

async fn http(server: &Server) -> Http {
    let socket = TcpStream::connect(server.address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    Http::two(socket).await.expect("HTTP/2")
}

fn get(server: &Server, key: &str) -> Prepared {
    server.client().request("GET", "bucket", key).prepare()
}

#[tokio::test]
async fn requests_of_every_kind_are_answered_over_http_2() {
    let server = Server::start_with(Options::default().env("WINDLASS_S3_BASE_DOMAIN", "s3.test"), DataDir::new());
    let bucket = server.client().make("bucket").await;
    let mut http = http(&server).await;
    let body = noise(5, 3_000_000);
    http.send(bucket.put("k", body.clone()).prepare()).await.is(200);
    http.send(bucket.put("chunked", body.clone()).chunked().prepare()).await.is(200);
    for key in ["k", "chunked"] {
        http.send(bucket.get(key).prepare()).await.is(200).has_body(&body);
    }
    for auth in [Auth::PresignedV4(60), Auth::PresignedV2(60)] {
        http.send(bucket.get("k").auth(auth).prepare()).await.is(200);
    }
    // The host, which is no header here, names the bucket whoever the request is from.
    http.send(bucket.get("k").virtual_host("s3.test").prepare()).await.is(200).has_body(&body);
    let bearer = bucket.get("k").virtual_host("s3.test").anonymous().prepare();
    http.send(bearer.with("authorization", format!("Bearer {TOKEN}"))).await.is(200).has_body(&body);
    http.send(bucket.form().field("key", "f").virtual_host("s3.test").prepare()).await.is(204);
    bucket.get("f").await.is(200).has_body("bytes");
    http.send(bucket.get("missing").prepare()).await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn many_requests_run_beside_each_other_on_one_connection() {
    let server = Server::start();
    let bucket = server.client().make("bucket").await;
    bucket.put("k", noise(6, 500_000)).await.is(200);
    let Http::Two(sender) = http(&server).await else { unreachable!("HTTP/2 was asked for") };
    let answers = futures::stream::iter(0..64).map(|_| {
        let mut http = Http::Two(sender.clone());
        let get = get(&server, "k");
        async move { http.send(get).await }
    });
    let answers: Vec<_> = answers.buffer_unordered(64).collect().await;
    assert_eq!(answers.len(), 64);
    for answer in answers {
        answer.is(200).has_body(noise(6, 500_000));
    }
}

#[tokio::test]
async fn more_streams_than_may_run_wait_for_their_turn() {
    let server = Server::start_with(Options::default().env("WINDLASS_LIMITS_STREAMS", "2"), DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("large", noise(8, 8 << 20)).await.is(200);
    bucket.put("small", "v").await.is(200);
    let Http::Two(sender) = http(&server).await else { unreachable!("HTTP/2 was asked for") };
    let mut open = Vec::new();
    // Neither answer fits into what a client takes unasked, so that both stay open.
    for _ in 0..2 {
        open.push(Http::Two(sender.clone()).open(&get(&server, "large")).await.unwrap());
    }
    let mut third = Http::Two(sender.clone());
    let small = get(&server, "small");
    let mut third = Box::pin(third.send(small));
    let first = open.remove(0).into_body();
    // Once one has been taken whole the third has its turn.
    let (taken, answer) = {
        let mut taken = Box::pin(first.collect());
        tokio::select! {
            biased;
            answer = &mut third => panic!("a third stream ran beside two: {}", answer.describe()),
            taken = &mut taken => (taken.unwrap().to_bytes(), third.await),
        }
    };
    assert_eq!(taken.len(), 8 << 20);
    answer.is(200).has_body("v");
}

#[tokio::test]
async fn headers_are_bounded_in_bytes_and_in_number() {
    let options = Options::default().env("WINDLASS_LIMITS_HEADER_BYTES", "8KiB").env("WINDLASS_LIMITS_HEADERS", "32");
    let server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "v").await.is(200);
    let with = |count: usize, bytes: usize| {
        let mut get = bucket.get("k").anonymous().prepare().with("authorization", format!("Bearer {TOKEN}"));
        get.headers.extend((0..count).map(|i| (format!("x-filler-{i}"), vec![b'x'; bytes])));
        get
    };
    http(&server).await.send(with(25, 100)).await.is(200).has_body("v");
    http(&server).await.send(with(33, 1)).await.is(431);
    http(&server).await.send(with(5, 1_900)).await.is(431);
    // The same bounds hold over HTTP/1.
    server.client().send(with(25, 100)).await.is(200);
    server.client().send(with(33, 1)).await.is(431);
}

/// CVE-2023-44487: a client that takes every request back as soon as it has made it is cut off.
#[tokio::test]
async fn a_client_that_only_resets_streams_is_cut_off() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    // One that is not cut off is left when it has been idle for as long, and told that nothing was wrong.
    let server = Server::start_with(Options::default().env("WINDLASS_LIMITS_IDLE_TIMEOUT_MS", "2000"), DataDir::new());
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // GET, http, /, and a host, each by its number in the static table; then RST_STREAM with CANCEL.
    let head = [0x82, 0x86, 0x84, 0x41, 0x01, b'h'];
    let mut flood = Vec::new();
    for stream in (1..4_001_u32).step_by(2) {
        flood.extend([0, 0, head.len() as u8, 1, 5]);
        flood.extend(stream.to_be_bytes());
        flood.extend(head);
        flood.extend([0, 0, 4, 3, 0]);
        flood.extend(stream.to_be_bytes());
        flood.extend(8_u32.to_be_bytes());
    }
    let taken = socket.write_all(&flood).await;
    let mut told = Vec::new();
    let ended = socket.read_to_end(&mut told).await;
    // GOAWAY (7), whose last four bytes are ENHANCE_YOUR_CALM (11). A reset, which closing brings where bytes are left, can
    // overtake it.
    let calm = told.windows(17).any(|frame| frame[3] == 7 && frame[13..] == [0, 0, 0, 11]);
    assert!(calm || taken.is_err() || ended.is_err(), "the connection was left in peace: {told:?}");
    server.client().make("bucket").await;
}
