//! A Security Token Service that gives everybody the same credentials, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use windlass_tests::time;

/// A service that runs until it is dropped.
pub(super) struct FakeSts {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    refuses: Arc<AtomicBool>,
    running: JoinHandle<()>,
}

impl FakeSts {
    /// One that gives that pair of keys, said to last so many seconds.
    pub(super) async fn start(access: &str, secret: &str, seconds: i64) -> FakeSts {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, refuses) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicBool::new(false)));
        let document = format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>{access}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken></SessionToken>\
             <Expiration>{}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            time::iso(time::now() + seconds)
        );
        let (to, refusing) = (Arc::clone(&asked), Arc::clone(&refuses));
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let refused = "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>";
                let (status, body) = match refusing.load(Ordering::SeqCst) {
                    true => ("403 Forbidden", refused),
                    false => ("200 OK", document.as_str()),
                };
                let request = answer(stream, status, body).await;
                to.lock().unwrap().push(request);
            }
        });
        FakeSts { address, asked, refuses, running }
    }

    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests it was sent, heads and bodies.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Lets nobody in from now on.
    pub(super) fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }
}

impl Drop for FakeSts {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// Answers the one request of a connection; returns it.
async fn answer(mut stream: TcpStream, status: &str, body: &str) -> String {
    let mut request = Vec::new();
    while !is_whole(&request) {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    String::from_utf8_lossy(&request).into_owned()
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    body.len() >= length.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
