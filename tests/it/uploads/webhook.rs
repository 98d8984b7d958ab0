//! Webhooks: signatures, retries, dead letters, and receivers that delay nobody.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use windlass_tests::digest::{hmac_sha256, sha256_hex};
use windlass_tests::json::{Json, text};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use super::home::{announced, document, put, refused};
use crate::v1::house::until;

/// What came to a receiver.
struct Told {
    headers: HeaderMap,
    body: String,
}

impl Told {
    fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    fn document(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver that answers each request with the next of its statuses, and then with 200. With 0 it never answers.
struct Receiver {
    url: String,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Receiver {
    async fn new<const N: usize>(answers: [u16; N]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?k=v", listener.local_addr().unwrap());
        let (send, told) = mpsc::unbounded_channel();
        let mut answers = answers.into_iter();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers.next().unwrap_or(200), send.clone()));
            }
        });
        Receiver { url, told }
    }

    async fn next(&mut self) -> Told {
        tokio::time::timeout(Duration::from_secs(30), self.told.recv()).await.expect("it was never told").unwrap()
    }
}

/// Reads one request and answers it; the connection is closed behind that.
async fn serve(stream: TcpStream, status: u16, send: mpsc::UnboundedSender<Told>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut headers) = (0, HeaderMap::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line == "\r\n" { break } else { continue }
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().ok()?;
        }
        headers.insert(http::HeaderName::try_from(name).ok()?, value.parse().ok()?);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    send.send(Told { headers, body: String::from_utf8(body).ok()? }).ok()?;
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let answer = format!(
        "HTTP/1.1 {status} x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.get_mut().write_all(answer.as_bytes()).await.ok()
}

/// A server whose receivers may be on this machine, and whose schedule is short.
fn options() -> Options {
    Options::default().config("[webhooks]\nallow_private = true\nminute_ms = 20\ntimeout_ms = 500\n")
}

/// A project on such a server.
struct App {
    server: Server,
    id: String,
    root: Json,
    live: Json,
    test: Json,
}

impl App {
    async fn new(options: Options, data: DataDir) -> App {
        let server = Server::start_with(options, data);
        let root = Json::new(&server.client(), TOKEN);
        let id = text(&document(&root.post("/api/v1/projects", &json!({ "name": "App" })).await, 201), "id");
        let key = async |is_test: bool| {
            let made = root.post(&format!("/api/v1/projects/{id}/keys"), &json!({ "isTest": is_test })).await;
            root.with(&text(&document(&made, 201), "key"))
        };
        let (live, test) = (key(false).await, key(true).await);
        App { server, id, root, live, test }
    }

    async fn route(&self, slug: &str, url: &str) {
        let said = json!({ "slug": slug, "webhookUrl": url });
        document(&self.root.post(&format!("/api/v1/projects/{}/routers", self.id), &said).await, 201);
    }

    async fn upload(&self, by: &Json, slug: &str) -> Value {
        let mut said = announced(5);
        (said["routeSlug"], said["metadata"]) = (json!(slug), json!({ "user": 7 }));
        let requested = document(&by.post("/api/v1/upload/request", &said).await, 200);
        put(by, &text(&requested, "uploadUrl"), "text/plain", b"hello").await.is(200);
        document(&by.post("/api/v1/upload/complete", &json!({ "fileId": requested["fileId"] })).await, 200)
    }

    async fn deliveries(&self, by: &Json) -> Vec<Value> {
        document(&by.get("/api/v1/webhooks/deliveries").await, 200)["items"].as_array().unwrap().clone()
    }

    async fn settled(&self, status: &str) -> Value {
        until(status, async || {
            let all = self.deliveries(&self.live).await;
            all.first().filter(|one| one["status"] == status).cloned()
        })
        .await
    }
}

#[tokio::test]
async fn a_receiver_is_told_of_a_file_and_can_be_sure_by_whom() {
    let mut receiver = Receiver::new([]).await;
    let app = App::new(options(), DataDir::new()).await;
    app.route("files", &receiver.url).await;
    let file = app.upload(&app.live, "files").await;
    let told = receiver.next().await;
    let mut expected = file.clone();
    for left_out in ["updatedAt", "metadata"] {
        expected.as_object_mut().unwrap().remove(left_out);
    }
    assert_eq!(told.document(), json!({ "event": "onUploadComplete", "file": expected, "metadata": { "user": 7 } }));
    assert_eq!(told.header("content-type"), "application/json");

    let secrets = document(&app.live.get(&format!("/api/v1/projects/{}/signing-keys", app.id)).await, 200);
    let (current, next) = (text(&secrets, "currentSigningKey"), text(&secrets, "nextSigningKey"));
    let (id, seconds) = (told.header("webhook-id"), told.header("webhook-timestamp"));
    let signed = format!("{id}.{seconds}.{}", told.body);
    let signature = |secret: &str| {
        format!("v1,{}", STANDARD.encode(hmac_sha256(&STANDARD.decode(secret).unwrap(), signed.as_bytes())))
    };
    assert_eq!(told.header("webhook-signature"), format!("{} {}", signature(&current), signature(&next)));

    let token = told.header("upstash-signature");
    let (signed, made) = token.rsplit_once('.').unwrap();
    assert_eq!(made, URL_SAFE_NO_PAD.encode(hmac_sha256(current.as_bytes(), signed.as_bytes())));
    let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("Upstash"), &json!(receiver.url)));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
    let digest = URL_SAFE_NO_PAD.decode(claims["body"].as_str().unwrap()).unwrap();
    assert_eq!(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), sha256_hex(told.body.as_bytes()));

    let delivery = app.settled("DELIVERED").await;
    assert_eq!((&delivery["id"], &delivery["attempts"], &delivery["lastStatus"]), (&json!(id), &json!(1), &json!(200)));
    assert_eq!((&delivery["fileId"], &delivery["nextAttemptAt"]), (&file["id"], &json!(null)));
}

#[tokio::test]
async fn a_test_key_s_file_is_told_as_such() {
    let mut receiver = Receiver::new([]).await;
    let app = App::new(options(), DataDir::new()).await;
    app.route("files", &receiver.url).await;
    app.upload(&app.test, "files").await;
    assert_eq!(receiver.next().await.document()["test"], true);
    assert!(app.deliveries(&app.live).await.is_empty());
    assert_eq!(app.deliveries(&app.test).await.len(), 1);
}

#[tokio::test]
async fn what_fails_is_told_again_three_times_with_one_id_and_then_is_dead() {
    for (status, why) in
        [(500, "it answered 500"), (301, "it answered 301"), (404, "it answered 404"), (0, "it did not answer in time")]
    {
        let mut receiver = Receiver::new([status; 4]).await;
        let app = App::new(options(), DataDir::new()).await;
        app.route("files", &receiver.url).await;
        app.upload(&app.live, "files").await;
        let first = receiver.next().await;
        for _ in 0..3 {
            let again = receiver.next().await;
            assert_eq!((again.header("webhook-id"), &again.body), (first.header("webhook-id"), &first.body));
        }
        let dead = app.settled("DEAD").await;
        assert_eq!((&dead["attempts"], &dead["lastError"]), (&json!(4), &json!(why)));
        let path = format!("/api/v1/webhooks/deliveries/{}", text(&dead, "id"));
        let again = document(&app.live.post(&format!("{path}/redeliver"), &json!({})).await, 200);
        assert_eq!((&again["status"], &again["attempts"]), (&json!("PENDING"), &json!(0)));
        assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"));
        app.settled("DELIVERED").await;
        let listed = app.live.get("/api/v1/webhooks/deliveries").query("status", "DEAD").await;
        assert_eq!(document(&listed, 200)["items"], json!([]));
        assert_eq!(document(&app.live.delete(&path).await, 200), json!({ "deleted": true }));
        for call in
            [app.live.get(&path), app.live.delete(&path), app.live.post(&format!("{path}/redeliver"), &json!({}))]
        {
            refused(&call.await, 404, "NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_delays_no_other() {
    let mut silent = Receiver::new([0; 64]).await;
    let mut quick = Receiver::new([]).await;
    let config = "[webhooks]\nallow_private = true\ntimeout_ms = 600000\n";
    let app = App::new(Options::default().config(config), DataDir::new()).await;
    app.route("silent", &silent.url).await;
    app.route("quick", &quick.url).await;
    for _ in 0..8 {
        app.upload(&app.live, "silent").await;
    }
    silent.next().await;
    let file = app.upload(&app.live, "quick").await;
    assert_eq!(quick.next().await.document()["file"]["id"], file["id"]);
}

#[tokio::test]
async fn what_was_confirmed_is_told_after_a_kill() {
    let mut receiver = Receiver::new([0, 200]).await;
    let data = DataDir::new();
    let mut app = App::new(options(), data.clone()).await;
    app.route("files", &receiver.url).await;
    app.upload(&app.live, "files").await;
    let first = receiver.next().await;
    // It was told, and nobody knows whether it heard.
    app.server.kill();
    let _server = Server::start_with(options(), data);
    let again = receiver.next().await;
    assert_eq!((again.header("webhook-id"), again.body), (first.header("webhook-id"), first.body));
}

#[tokio::test]
async fn receivers_within_reach_of_the_gateway_alone_are_refused() {
    let mut receiver = Receiver::new([]).await;
    let app = App::new(Options::default().config("[webhooks]\nminute_ms = 20\n"), DataDir::new()).await;
    let port = receiver.url.split(':').nth(2).unwrap().to_owned();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f000001",
        "10.0.0.1",
        "169.254.169.254",
    ];
    let urls = hosts.map(|host| (format!("https://{host}:{port}"), "its address is not allowed"));
    let plain = (receiver.url.clone(), "it is not told over HTTPS");
    for (number, (url, why)) in urls.into_iter().chain([plain]).enumerate() {
        let slug = format!("r{number}");
        app.route(&slug, &url).await;
        let file = app.upload(&app.live, &slug).await;
        let dead = until("it is given up", async || {
            let listed = app.live.get("/api/v1/webhooks/deliveries").query("fileId", text(&file, "id")).await;
            let one = document(&listed, 200)["items"][0].clone();
            (one["status"] == "DEAD").then_some(one)
        })
        .await;
        assert_eq!(dead["lastError"], why, "{url}");
    }
    assert!(receiver.told.try_recv().is_err(), "somebody was told");
}
