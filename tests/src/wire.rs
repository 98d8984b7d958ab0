//! A bare TCP connection that writes what it is told and reads HTTP/1.1 answers: for what no HTTP client would send.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::answer::Answer;
use crate::request::Prepared;

/// How long an answer may take before the test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Wire {
        let stream = TcpStream::connect(address).await.expect("the gateway accepts connections");
        stream.set_nodelay(true).expect("TCP_NODELAY can be set");
        Wire { stream, unread: Vec::new() }
    }

    /// Writes bytes. A connection that the other side has closed already is not a failure: the answer tells.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Writes bytes; says whether the connection still took them.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Waits until something has come.
    pub async fn some(&mut self) {
        assert!(self.fill().await, "the connection ended");
    }

    /// Reads to the end of the connection; how many bytes came.
    pub async fn rest(&mut self) -> usize {
        let mut count = self.unread.len();
        self.unread.clear();
        while self.fill().await {
            count += std::mem::take(&mut self.unread).len();
        }
        count
    }

    /// Ends our half of the connection.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads one answer to a request that is no HEAD; `None` when the connection ends before a whole one.
    pub async fn answer(&mut self) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, self.read_answer()).await.expect("an answer or the end of the connection")
    }

    async fn read_answer(&mut self) -> Option<Answer> {
        let head = self.until(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|l| l.split_once(':')) {
            headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(value.trim()).ok()?);
        }
        let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let body = if status < 200 || status == 204 || status == 304 {
            Vec::new()
        } else if header("transfer-encoding") == Some("chunked") {
            self.chunked().await?
        } else if let Some(length) = header("content-length") {
            self.exactly(length.parse().ok()?).await?
        } else {
            while self.fill().await {}
            std::mem::take(&mut self.unread)
        };
        Some(Answer { status, headers, body: Bytes::from(body) })
    }

    async fn chunked(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await?;
            let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
            body.extend(self.exactly(size).await?);
            self.until(b"\r\n").await?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    async fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|w| w == end) {
                let found = self.unread.drain(..at + end.len()).collect();
                return Some(found);
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    async fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            if !self.fill().await {
                return None;
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    /// Reads some more; false at the end of the connection.
    async fn fill(&mut self) -> bool {
        let mut some = [0; 16 << 10];
        match self.stream.read(&mut some).await {
            Ok(count) if count > 0 => {
                self.unread.extend_from_slice(&some[..count]);
                true
            }
            _ => false,
        }
    }
}

/// Sends a prepared request on a connection of its own, byte for byte, and reads the answer.
pub async fn exchange(address: SocketAddr, prepared: &Prepared) -> Option<Answer> {
    let mut wire = Wire::connect(address).await;
    wire.send(prepared.head()).await;
    wire.send(&prepared.body).await;
    wire.answer().await
}
