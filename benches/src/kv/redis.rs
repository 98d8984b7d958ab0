//! Redis, and as much of its protocol as three commands take (the RESP specification).

use std::net::{SocketAddr, TcpStream as BlockingStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::VALUE_BYTES;
use super::speaker::Speaker;
use crate::Failure;
use crate::load::Problem;
use crate::running::{Running, free_port};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// No answer to these commands is longer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Starts Redis so that every write is synced before it is acknowledged, and the file of them is never rewritten meanwhile.
pub(super) fn start(program: &Path, folder: &Path) -> Result<Running, Failure> {
    let port = free_port()?;
    let mut command = Command::new(program);
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]).arg("--dir").arg(folder);
    command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    command.args(["--auto-aof-rewrite-percentage", "0", "--daemonize", "no"]);
    let server = Running::start(command, folder, port).map_err(|e| {
        format!("there is no Redis: {e}; install it (on Debian: redis-server), or name it with --redis")
    })?;
    server.until("redis", || BlockingStream::connect(("127.0.0.1", port)).map(drop).map_err(Failure::from))?;
    Ok(server)
}

/// A connection, one command at a time.
pub(super) struct RedisSpeaker {
    address: Result<SocketAddr, Problem>,
    stream: Option<TcpStream>,
    /// What has come of an answer.
    buffer: Vec<u8>,
    command: Vec<u8>,
}

impl RedisSpeaker {
    /// A connection, made at the first command.
    pub(super) fn new(server: &Running) -> RedisSpeaker {
        let address = server.endpoint.trim_start_matches("http://").parse().map_err(|e| format!("{e}"));
        RedisSpeaker { address, stream: None, buffer: Vec::new(), command: Vec::new() }
    }

    async fn call(&mut self, words: &[&[u8]]) -> Result<Reply, Problem> {
        write_command(&mut self.command, words);
        let exchange = timeout(PATIENCE, self.exchange()).await;
        exchange.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?.map_err(|e| e.to_string())
    }

    async fn exchange(&mut self) -> Result<Reply, Failure> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address.clone()?).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let Some(stream) = &mut self.stream else { return Err("there is no connection".into()) };
        stream.write_all(&self.command).await?;
        self.buffer.clear();
        loop {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the connection has ended".into());
            }
            if let Some(reply) = read_reply(&self.buffer)? {
                return Ok(reply);
            }
            if self.buffer.len() > ANSWER_BYTES_MAX {
                return Err("the answer is too long".into());
            }
        }
    }
}

impl Speaker for RedisSpeaker {
    async fn set(&mut self, key: &str, value: &[u8; VALUE_BYTES]) -> Result<(), Problem> {
        self.call(&[b"SET", key.as_bytes(), value]).await?.is(Reply::Done)
    }

    async fn get(&mut self, key: &str) -> Result<(), Problem> {
        self.call(&[b"GET", key.as_bytes()]).await?.is(Reply::Value(VALUE_BYTES))
    }

    async fn increment(&mut self, key: &str) -> Result<(), Problem> {
        match self.call(&[b"INCR", key.as_bytes()]).await? {
            Reply::Number(_) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reply {
    /// `+OK`
    Done,
    /// A value of so many bytes.
    Value(usize),
    Number(i64),
    /// There is no such key.
    Nothing,
}

impl Reply {
    fn is(&self, wanted: Reply) -> Result<(), Problem> {
        if *self == wanted { Ok(()) } else { Err(format!("{self:?} instead of {wanted:?}")) }
    }
}

/// A command: an array of strings, each told with its length.
fn write_command(out: &mut Vec<u8>, words: &[&[u8]]) {
    out.clear();
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Reads an answer; `None` if it has not come whole. Anything behind it, or one that is an error, is a failure.
fn read_reply(bytes: &[u8]) -> Result<Option<Reply>, Problem> {
    let wrong = || format!("not an answer: {}", String::from_utf8_lossy(bytes));
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
    let (line, rest) = bytes.split_at(end);
    let rest = rest.strip_prefix(b"\r\n").ok_or_else(wrong)?;
    let line = std::str::from_utf8(line).map_err(|_| wrong())?;
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    let reply = match line.split_at_checked(1) {
        Some(("+", "OK")) => Reply::Done,
        Some((":", text)) => Reply::Number(number(text)?),
        Some(("$", "-1")) => Reply::Nothing,
        Some(("$", text)) => {
            let length = usize::try_from(number(text)?).map_err(|_| wrong())?;
            return match rest.len().cmp(&length.saturating_add(2)) {
                std::cmp::Ordering::Less => Ok(None),
                std::cmp::Ordering::Equal if rest.ends_with(b"\r\n") => Ok(Some(Reply::Value(length))),
                _ => Err(wrong()),
            };
        }
        _ => return Err(wrong()),
    };
    if rest.is_empty() { Ok(Some(reply)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_tells_how_many_words_it_has_and_how_long_each_is() {
        let mut out = b"an earlier one".to_vec();
        write_command(&mut out, &[b"SET", b"key", b"a\r\nb"]);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\na\r\nb\r\n");
    }

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        for (bytes, reply) in [
            (&b"+OK\r\n"[..], Reply::Done),
            (b":-17\r\n", Reply::Number(-17)),
            (b"$-1\r\n", Reply::Nothing),
            (b"$0\r\n\r\n", Reply::Value(0)),
            (b"$4\r\na\r\nb\r\n", Reply::Value(4)),
        ] {
            for end in 0..bytes.len() {
                assert_eq!(read_reply(bytes.get(..end).unwrap_or_default()), Ok(None));
            }
            assert_eq!(read_reply(bytes), Ok(Some(reply)));
            assert!(read_reply(&[bytes, b"+"].concat()).is_err(), "more than one answer");
        }
        for wrong in ["-ERR unknown command\r\n", "+QUEUED\r\n", ":x\r\n", "$-2\r\n", "\r\n", "$1\r\nabc"] {
            assert!(read_reply(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
