//! Receivers of webhooks, and a server that tells them.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use super::home::{announced, document, put};
use crate::v1::house::until;

/// What came to a receiver.
pub(crate) struct Told {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Told {
    pub(crate) fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver that answers each request with the next of its statuses, and then with 200. With 0 it never answers. What it
/// was told is known once it has answered.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) told: mpsc::UnboundedReceiver<Told>,
}

impl Receiver {
    pub(crate) async fn new<const N: usize>(answers: [u16; N]) -> Receiver {
        Receiver::with(answers, "http://127.0.0.1:1/").await
    }

    /// One that sends everybody elsewhere.
    pub(crate) async fn redirecting(to: &str) -> Receiver {
        Receiver::with([301; 64], to).await
    }

    async fn with<const N: usize>(answers: [u16; N], location: &str) -> Receiver {
        let location = location.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?k=v", listener.local_addr().unwrap());
        let (send, told) = mpsc::unbounded_channel();
        let mut answers = answers.into_iter();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let status = answers.next().unwrap_or(200);
                tokio::spawn(serve(stream, status, location.clone(), send.clone()));
            }
        });
        Receiver { url, told }
    }

    pub(crate) async fn next(&mut self) -> Told {
        tokio::time::timeout(Duration::from_secs(90), self.told.recv()).await.expect("it was never told").unwrap()
    }
}

/// Reads one request and answers it; the connection is closed behind that.
async fn serve(stream: TcpStream, status: u16, location: String, send: mpsc::UnboundedSender<Told>) -> Option<()> {
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
    let told = Told { headers, body: String::from_utf8(body).ok()? };
    if status == 0 {
        send.send(told).ok()?;
        std::future::pending::<()>().await;
        return None;
    }
    let answer =
        format!("HTTP/1.1 {status} x\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let answered = stream.get_mut().write_all(answer.as_bytes()).await;
    send.send(told).ok()?;
    answered.ok()
}

/// A server whose receivers may be on this machine and have all the time there is.
pub(crate) fn patient() -> Options {
    Options::default().config("[webhooks]\nallow_private = true\ntimeout_ms = 600000\n")
}

/// The same with a short schedule, and so much time for receivers.
pub(crate) fn hasty(timeout_ms: u64) -> Options {
    Options::default().config(&format!("[webhooks]\nallow_private = true\nminute_ms = 20\ntimeout_ms = {timeout_ms}\n"))
}

/// A project on such a server.
pub(crate) struct App {
    pub(crate) server: Server,
    pub(crate) id: String,
    /// What the holders of its live key and its test key present.
    keys: [String; 2],
    pub(crate) root: Json,
    pub(crate) live: Json,
    pub(crate) test: Json,
}

impl App {
    pub(crate) async fn new(options: Options, data: DataDir) -> App {
        let server = Server::start_with(options, data);
        let root = Json::new(&server.client(), TOKEN);
        let id = text(&document(&root.post("/api/v1/projects", &json!({ "name": "App" })).await, 201), "id");
        let key = async |is_test: bool| {
            let made = root.post(&format!("/api/v1/projects/{id}/keys"), &json!({ "isTest": is_test })).await;
            text(&document(&made, 201), "key")
        };
        let keys = [key(false).await, key(true).await];
        App::on(server, id, keys)
    }

    fn on(server: Server, id: String, keys: [String; 2]) -> App {
        let root = Json::new(&server.client(), TOKEN);
        let [live, test] = [0, 1].map(|at| root.with(&keys[at]));
        App { server, id, keys, root, live, test }
    }

    /// The same after SIGKILL and another start.
    pub(crate) async fn killed_and_begun_anew(mut self, options: Options) -> App {
        self.server.kill();
        let data = self.server.data().clone();
        App::on(Server::start_with(options, data), self.id, self.keys)
    }

    /// Makes a route, and returns it.
    pub(crate) async fn route(&self, slug: &str, url: &str) -> Value {
        let said = json!({ "slug": slug, "webhookUrl": url });
        document(&self.root.post(&format!("/api/v1/projects/{}/routers", self.id), &said).await, 201)
    }

    pub(crate) async fn upload(&self, by: &Json, slug: &str) -> Value {
        let mut said = announced(5);
        (said["routeSlug"], said["metadata"]) = (json!(slug), json!({ "user": 7 }));
        let requested = document(&by.post("/api/v1/upload/request", &said).await, 200);
        put(by, &text(&requested, "uploadUrl"), "text/plain", b"hello").await.is(200);
        document(&by.post("/api/v1/upload/complete", &json!({ "fileId": requested["fileId"] })).await, 200)
    }

    pub(crate) async fn deliveries(&self, by: &Json) -> Vec<Value> {
        document(&by.get("/api/v1/webhooks/deliveries").await, 200)["items"].as_array().unwrap().clone()
    }

    pub(crate) async fn settled(&self, status: &str) -> Value {
        until(status, async || {
            let all = self.deliveries(&self.live).await;
            all.first().filter(|one| one["status"] == status).cloned()
        })
        .await
    }
}
