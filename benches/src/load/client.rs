//! One connection, used for one request after the other.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::body::{Bodies, Pieces};
use super::sign::{Keys, Signer};

/// Why an operation failed.
pub(crate) type Problem = String;

/// How much of an error's body is shown.
const ERROR_BYTES_MAX: usize = 300;
/// No answer that is kept whole is larger.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Where a server listens: `http://HOST:PORT`.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The value of `Host`.
    pub(crate) host: String,
    pub(crate) address: SocketAddr,
}

impl Endpoint {
    /// Reads an URL and looks its host up.
    pub(crate) fn parse(url: &str) -> Result<Endpoint, Problem> {
        use std::net::ToSocketAddrs as _;
        let uri: Uri = url.parse().map_err(|e| format!("{url}: {e}"))?;
        let Some(authority) = uri.authority().filter(|_| uri.scheme_str() == Some("http")) else {
            return Err(format!("{url} is not http://HOST:PORT"));
        };
        let host = authority.as_str().to_owned();
        let mut found = (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(80))
            .to_socket_addrs()
            .map_err(|e| format!("{url}: {e}"))?;
        let address = found.next().ok_or_else(|| format!("{url} has no address"))?;
        Ok(Endpoint { host, address })
    }
}

/// How it is said who asks.
pub(crate) enum Who {
    /// By a signature.
    Signed(Keys),
    /// By headers that every request has, or not at all.
    Headers(HeaderMap),
}

/// The same, made ready for one host.
enum Credential {
    Signer(Box<Signer>),
    Headers(HeaderMap),
}

/// A request, but for what says who asks.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Path as it is sent.
    pub(crate) path: &'a str,
    /// Query as it is sent, its names in order; may be empty.
    pub(crate) query: &'a str,
    /// The value of `x-amz-content-sha256`, if it is signed.
    pub(crate) payload: &'a str,
    pub(crate) body: Pieces,
}

/// What to do with the body of an answer.
pub(crate) enum Take<'a> {
    /// Count it.
    Count,
    /// Compare it with this body.
    Compare(&'a Bodies, u64),
    /// Return it.
    Keep,
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) etag: Option<String>,
    /// `Content-Length`, if there is one.
    pub(crate) length: Option<u64>,
    /// Bytes of the body that came.
    pub(crate) bytes: u64,
    /// The body, if it was kept.
    pub(crate) body: Vec<u8>,
}

/// A connection that is made anew when it has ended.
pub(crate) struct Client {
    endpoint: Endpoint,
    credential: Credential,
    patience: Duration,
    sender: Option<SendRequest<Pieces>>,
    /// Connections made.
    pub(crate) connects: u64,
}

impl Client {
    /// A client that gives up on an operation after `patience`.
    pub(crate) fn new(endpoint: &Endpoint, who: Who, patience: Duration) -> Client {
        let credential = match who {
            Who::Signed(keys) => Credential::Signer(Box::new(Signer::new(&keys, &endpoint.host))),
            Who::Headers(headers) => Credential::Headers(headers),
        };
        Client { endpoint: endpoint.clone(), credential, patience, sender: None, connects: 0 }
    }

    /// Sends a request and takes its answer in. A status other than 2xx is a problem, and so is a body that is cut.
    pub(crate) async fn call(&mut self, call: Call<'_>, take: Take<'_>) -> Result<Reply, Problem> {
        let done = match timeout(self.patience, self.exchange(call, take)).await {
            Ok(done) => done,
            Err(_) => Err(Failure::Connection(format!("no answer within {} s", self.patience.as_secs()))),
        };
        done.map_err(|failure| {
            if matches!(failure, Failure::Connection(_)) {
                self.sender = None;
            }
            failure.to_string()
        })
    }

    async fn exchange(&mut self, call: Call<'_>, take: Take<'_>) -> Result<Reply, Failure> {
        let request = self.request(call)?;
        let mut sender = match self.sender.take() {
            Some(mut sender) => match sender.ready().await {
                Ok(()) => sender,
                Err(_) => self.connect().await?,
            },
            None => self.connect().await?,
        };
        let answer = sender.send_request(request).await.map_err(Failure::connection)?;
        let reply = taken(answer, take).await;
        self.sender = Some(sender);
        reply
    }

    fn request(&mut self, call: Call<'_>) -> Result<Request<Pieces>, Failure> {
        let Call { method, path, query, payload, body } = call;
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut request = Request::builder().uri(target).header("host", &self.endpoint.host);
        match &mut self.credential {
            Credential::Signer(signer) => {
                let (date, authorization) = signer.sign(method.as_str(), path, query, payload);
                request = request.header("x-amz-content-sha256", payload).header("x-amz-date", date);
                request = request.header("authorization", authorization);
            }
            Credential::Headers(headers) => {
                for (name, value) in headers.iter() {
                    request = request.header(name, value);
                }
            }
        }
        let request = request.method(method);
        request.body(body).map_err(|e| Failure::Answer(e.to_string()))
    }

    async fn connect(&mut self) -> Result<SendRequest<Pieces>, Failure> {
        self.connects += 1;
        let stream = TcpStream::connect(self.endpoint.address).await.map_err(Failure::connection)?;
        stream.set_nodelay(true).map_err(Failure::connection)?;
        let (mut sender, connection) =
            http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(Failure::connection)?;
        tokio::spawn(connection);
        sender.ready().await.map_err(Failure::connection)?;
        Ok(sender)
    }
}

async fn taken(answer: Response<Incoming>, take: Take<'_>) -> Result<Reply, Failure> {
    let (head, mut body) = answer.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let length = head.headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    let mut reply = Reply { etag: None, length, bytes: 0, body: Vec::new() };
    let keep = matches!(take, Take::Keep) || !head.status.is_success();
    let mut differs = false;
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame.map_err(Failure::connection)?.into_data() else { continue };
        if let Take::Compare(bodies, number) = &take {
            let at = usize::try_from(reply.bytes).unwrap_or(usize::MAX);
            differs |= head.status.is_success() && !bodies.matches(*number, at, &bytes);
        }
        reply.bytes += bytes.len() as u64;
        if keep && reply.body.len() < ANSWER_BYTES_MAX {
            reply.body.extend_from_slice(&bytes);
        }
    }
    if !head.status.is_success() {
        return Err(Failure::Answer(refusal(head.status, &reply.body)));
    }
    if differs {
        return Err(Failure::Answer("WRONG BYTES in a body".to_owned()));
    }
    reply.etag = text("etag");
    Ok(reply)
}

fn refusal(status: StatusCode, body: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(body.get(..ERROR_BYTES_MAX).unwrap_or(body)).replace('\n', " ");
    format!("{status}: {text}")
}

enum Failure {
    /// The connection cannot be used any more.
    Connection(Problem),
    /// The server said no, or something that is not right.
    Answer(Problem),
}

impl Failure {
    fn connection(problem: impl fmt::Display) -> Failure {
        Failure::Connection(problem.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Connection(problem) => write!(f, "connection: {problem}"),
            Failure::Answer(problem) => f.write_str(problem),
        }
    }
}
