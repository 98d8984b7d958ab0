//! The first bytes of a connection to a listener that speaks TLS.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The record with which TLS begins (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;
/// Read of a request that is refused, for the answer's sake: a connection that is closed with unread bytes is reset, and
/// a reset can overtake the answer.
const UNREAD_BYTES_MAX: u64 = 64 << 10;
/// What a client is told that speaks HTTP without TLS.
const PLAIN: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 46\r\n\
    Connection: close\r\n\r\nThis port speaks TLS. Ask for https:// there.\n";

/// Waits for the first byte; whether it begins TLS. `None` if the client leaves without one, as those do that only look
/// whether somebody listens.
pub(super) async fn is_tls(socket: &TcpStream) -> io::Result<Option<bool>> {
    let mut first = [0];
    Ok((socket.peek(&mut first).await? > 0).then_some(first == [HANDSHAKE]))
}

/// Tells a client that TLS is spoken here, and waits for it to leave.
pub(super) async fn refuse_plain(mut socket: TcpStream) -> io::Result<()> {
    socket.write_all(PLAIN).await?;
    socket.shutdown().await?;
    tokio::io::copy(&mut socket.take(UNREAD_BYTES_MAX), &mut tokio::io::sink()).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_plain_http_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
