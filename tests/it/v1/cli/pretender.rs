//! Something that only pretends to be a gateway: it answers what a test says, and can break off.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long an answer may take before the test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate for 127.0.0.1 that signs itself, and its key: for tests alone.
const CERTIFICATE: &str = include_str!("pretender.pem");

/// The file that clients must trust to trust a pretender.
pub(super) fn authority() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/v1/cli/pretender.pem")
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

fn plain(stream: TcpStream) -> Box<dyn Stream> {
    Box::new(stream)
}

fn over_tls(stream: TcpStream) -> Box<dyn Stream> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate], key).unwrap();
    Box::new(StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream))
}

/// A listener that answers one request per connection, in the order of its answers.
pub(super) struct Pretender {
    address: SocketAddr,
    heads: JoinHandle<Vec<String>>,
    /// Hears of each answer that has been given.
    answered: Receiver<()>,
    /// While it is held, a connection whose answer is not whole stays open.
    hold: Sender<()>,
}

/// An answer as it goes over the wire, with the headers that a test adds.
pub(super) fn answer(status: &str, headers: &str, length: usize, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// A JSON document as an answer.
pub(super) fn document(body: &str) -> String {
    answer("200 OK", "Content-Type: application/json\r\n", body.len(), body)
}

impl Pretender {
    /// Answers and closes each connection behind its answer, even if that is not whole.
    pub(super) fn new(answers: Vec<String>) -> Pretender {
        Pretender::start(answers, false, plain)
    }

    /// The same, but its last connection stays open until the pretender ends.
    pub(super) fn holding(answers: Vec<String>) -> Pretender {
        Pretender::start(answers, true, plain)
    }

    /// The same over TLS, for clients that trust `authority()`.
    pub(super) fn secure(answers: Vec<String>) -> Pretender {
        Pretender::start(answers, false, over_tls)
    }

    fn start(answers: Vec<String>, holds: bool, speak: fn(TcpStream) -> Box<dyn Stream>) -> Pretender {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (hold, held) = channel::<()>();
        let (tell, answered) = channel();
        let heads = std::thread::spawn(move || {
            let last = answers.len() - 1;
            let answering = answers.into_iter().enumerate().map(|(at, answer)| {
                let mut stream = speak(listener.accept().unwrap().0);
                let head = read_head(&mut stream);
                if !head.is_empty() {
                    stream.write_all(answer.as_bytes()).and_then(|()| stream.flush()).unwrap();
                }
                // Not every test listens.
                let _ = tell.send(());
                if holds && at == last {
                    // Ends when the other end is dropped.
                    let _ = held.recv();
                }
                head
            });
            answering.collect()
        });
        Pretender { address, heads, answered, hold }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has given one answer more.
    pub(super) fn wait(&self) {
        self.answered.recv_timeout(PATIENCE).expect("an answer was given");
    }

    /// The heads of the requests that it got, once it has answered all.
    pub(super) fn heads(self) -> Vec<String> {
        drop(self.hold);
        self.heads.join().unwrap()
    }
}

/// The head of a request; empty if the client broke off before its end.
fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(stream.read(&mut byte), Ok(1)) {
            return String::new();
        }
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}
