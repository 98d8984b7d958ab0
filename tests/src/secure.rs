//! One connection at a time, over TLS or in clear, that speaks HTTP/1.1 or HTTP/2 as it is told to.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::answer::Answer;
use crate::request::Prepared;

/// How long a handshake may take before the test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a connection begins.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The certificate to trust.
    pub trusted: CertificateDer<'static>,
    /// What is offered to speak, the better first.
    pub protocols: Vec<&'static str>,
    /// The versions of TLS that are offered.
    pub versions: Vec<&'static SupportedProtocolVersion>,
}

impl Handshake {
    /// Trusts the certificate of a PEM file, and offers everything.
    pub fn trusting(file: &Path) -> Handshake {
        let trusted = CertificateDer::from_pem_file(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        Handshake { trusted, protocols: vec!["h2", "http/1.1"], versions: vec![&TLS13, &TLS12] }
    }

    /// Connects.
    pub async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        self.over(socket).await
    }

    /// The same over a connection that is there.
    pub async fn over(&self, socket: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).expect("a certificate that can be trusted");
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let config = config.with_protocol_versions(&self.versions).expect("versions that ring speaks");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("127.0.0.1").expect("an address is a name");
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, socket);
        tokio::time::timeout(PATIENCE, connecting).await.expect("a handshake or its failure")
    }
}

/// What was agreed on to be spoken.
pub fn protocol(stream: &TlsStream<TcpStream>) -> Option<String> {
    stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned())
}

/// A connection with HTTP on it. Requests on HTTP/2 can run beside each other.
#[derive(Debug)]
pub enum Http {
    /// HTTP/1.1.
    One(http1::SendRequest<Full<Bytes>>),
    /// HTTP/2.
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Http {
    /// Speaks HTTP/1.1.
    pub async fn one(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Http {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.expect("HTTP/1.1 can be spoken");
        tokio::spawn(connection);
        Http::One(sender)
    }

    /// Speaks HTTP/2, which the other side knows by what was agreed on or by the first bytes.
    pub async fn two(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Http, hyper::Error> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(io)).await?;
        tokio::spawn(connection);
        Ok(Http::Two(sender))
    }

    /// Sends a request and hands over the answer before its body is read. Over HTTP/2 the host is no header.
    pub async fn open(&mut self, prepared: &Prepared) -> Result<Response<Incoming>, hyper::Error> {
        let two = matches!(self, Http::Two(_));
        let uri = if two {
            format!("https://{}{}", prepared.header("host"), prepared.target)
        } else {
            prepared.target.clone()
        };
        let mut request = Request::builder().method(prepared.method.as_str()).uri(uri);
        for (name, value) in prepared.headers.iter().filter(|(name, _)| !two || name != "host") {
            request = request.header(name.as_str(), value.as_slice());
        }
        if ["PUT", "POST"].contains(&prepared.method.as_str()) {
            request = request.header("content-length", prepared.body.len());
        }
        let version = if two { Version::HTTP_2 } else { Version::HTTP_11 };
        let request = request.version(version).body(Full::new(prepared.body.clone())).expect("a request");
        match self {
            Http::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Http::Two(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Sends a request and reads its answer.
    pub async fn attempt(&mut self, prepared: &Prepared) -> Result<Answer, hyper::Error> {
        let (head, body) = self.open(prepared).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Sends a request; panics where no answer comes.
    pub async fn send(&mut self, prepared: Prepared) -> Answer {
        let line = format!("{} {}", prepared.method, prepared.target);
        self.attempt(&prepared).await.unwrap_or_else(|e| panic!("no answer to {line}: {e}"))
    }
}
