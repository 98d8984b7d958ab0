//! The client: one for the process, with a pool of connections for each upstream.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, Uri};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Builder, Client as Pool, Error as PoolError};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::arriving;
use super::breaker::{Breaker, BreakerCounters, Outcome};
use super::connect::{self, Plain, Secure};
use super::frame;
use super::outgoing::{Cut, Outgoing, Progress};
use super::provider::{Endpoint, Provider};
use super::refusal;
use super::request::{Answer, Payload, Request};
use super::sign::{self, Covered, Scope};
use crate::Store;
use crate::clock::{self, Clock};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;

/// What upstreams are given.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// For a connection to come about.
    pub connect_timeout: Duration,
    /// For the next bytes of an answer.
    pub read_timeout: Duration,
    /// For a small answer to be there, whole.
    pub total_timeout: Duration,
    /// Whether an endpoint may be spoken to without TLS.
    pub allow_http: bool,
    /// Whether an endpoint may be on this machine or in a private network.
    pub allow_private: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(30),
            allow_http: true,
            allow_private: true,
        }
    }
}

/// Asks providers.
pub struct Client {
    options: ClientOptions,
    clock: Arc<dyn Clock>,
    plain: Pool<Plain, Outgoing>,
    /// Made when it is first needed: the platform's certificates are read then, and need not be there before.
    secure: OnceLock<std::result::Result<Pool<Secure, Outgoing>, String>>,
    /// By host.
    breakers: Mutex<HashMap<String, Breaker>>,
}

/// A request as it goes out, and what is kept of it until its answer is there.
pub(super) struct Prepared {
    pub(super) request: http::Request<Outgoing>,
    pub(super) endpoint: Endpoint,
    pub(super) progress: Arc<Progress>,
    pub(super) cut: Cut,
}

impl Client {
    /// A client that has not connected to anybody yet.
    pub fn new(options: ClientOptions, clock: Arc<dyn Clock>) -> Self {
        let plain = pools().build(connect::plain(options.connect_timeout, options.allow_private));
        Self { options, clock, plain, secure: OnceLock::new(), breakers: Mutex::default() }
    }

    /// What the breakers of the upstreams that were asked have seen.
    pub fn breakers(&self) -> Vec<BreakerCounters> {
        let breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        breakers.values().map(Breaker::counters).collect()
    }

    fn breaker(&self, host: &str) -> Breaker {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = breakers.get(host) {
            return breaker.clone();
        }
        if breakers.len() >= limit::UPSTREAMS_MAX {
            breakers.clear();
        }
        let breaker = Breaker::new(host, Arc::clone(&self.clock));
        breakers.insert(host.to_owned(), breaker.clone());
        breaker
    }

    /// Reads the address of an endpoint. `InvalidArgument` for what is none, and for one that the settings do not allow.
    pub fn endpoint(&self, text: &str) -> Result<Endpoint> {
        let endpoint = Endpoint::parse(text)?;
        let refuse = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        if !endpoint.is_secure() && !self.options.allow_http {
            return refuse("The endpoint must be https://.");
        }
        if endpoint.is_private() && !self.options.allow_private {
            return refuse("The endpoint must not be an address of a private network.");
        }
        Ok(endpoint)
    }

    /// Sends a request, and answers once the head of the answer is there, whatever it says. A read is repeated, once, if the
    /// connection is lost before that. `UpstreamUnavailable` if the upstream cannot be reached or does not answer,
    /// `UpstreamDenied` if it points elsewhere, and the error of the body itself.
    pub async fn send(&self, provider: &Provider, request: Request) -> Result<Answer> {
        // Whoever writes is told, and knows whether writing twice is writing once.
        let again = if request.method.is_safe() { request.again() } else { None };
        let (answered, lost) = self.attempt(provider, request).await;
        match again {
            Some(request) if lost => self.attempt(provider, request).await.0,
            _ => answered,
        }
    }

    /// Sends a request whose answer is small, and reads it. An answer that is no success becomes an error with the upstream's
    /// code. What can be repeated is, a few times, if it may help.
    pub async fn ask(&self, provider: &Provider, request: Request) -> Result<(HeaderMap, Bytes)> {
        let mut request = Some(request);
        let mut tries = 1;
        while let Some(now) = request.take() {
            let again = now.again();
            match self.ask_once(provider, now).await {
                Err(error) if again.is_some() && error.kind().may_pass() && tries < limit::UPSTREAM_TRIES_MAX => {
                    tokio::time::sleep(delay(tries)?).await;
                    tries += 1;
                    request = again;
                }
                answered => return answered,
            }
        }
        Err(Error::new(ErrorKind::Internal, "A request to an upstream was lost."))
    }

    async fn ask_once(&self, provider: &Provider, request: Request) -> Result<(HeaderMap, Bytes)> {
        // Bytes that come by and by take as long as they take.
        let whole = matches!(request.body, Payload::Empty | Payload::Bytes(_));
        let asked = async {
            let answer = self.attempt(provider, request).await.0?;
            match answer.status.is_success() {
                true => answer.into_document(provider).await,
                false => Err(answer.into_error(provider).await),
            }
        };
        if !whole {
            return asked.await;
        }
        match tokio::time::timeout(self.options.total_timeout, asked).await {
            Ok(asked) => asked,
            Err(_) => Err(refusal::silent(self.endpoint(&provider.endpoint)?.host())),
        }
    }

    /// Sends a request once; also says whether it failed by the loss of its connection alone.
    async fn attempt(&self, provider: &Provider, request: Request) -> (Result<Answer>, bool) {
        match self.prepare(provider, request) {
            // Large, and embedded in whatever may ask an upstream.
            Ok(prepared) => Box::pin(self.exchange(prepared)).await,
            Err(error) => (Err(error), false),
        }
    }

    /// The same once it is signed.
    pub(super) async fn exchange(&self, prepared: Prepared) -> (Result<Answer>, bool) {
        let Prepared { request, endpoint, progress, cut } = prepared;
        let host = endpoint.host();
        let permit = match self.breaker(host).admit() {
            Ok(permit) => permit,
            Err(error) => return (Err(error), false),
        };
        let answered = match self.pool(&endpoint) {
            Ok(Some(secure)) => self.head(host, secure.request(request), &progress).await,
            Ok(None) => self.head(host, self.plain.request(request), &progress).await,
            Err(error) => return (Err(error), false),
        };
        let (head, body) = match (answered, progress.take_fault()) {
            (Ok(answer), _) => answer.into_parts(),
            // A body that fails takes the request down, and the upstream is not to blame.
            (Err(_), Some(fault)) => return (Err(fault), false),
            (Err((error, lost)), None) => {
                permit.done(Outcome::Failed);
                return (Err(error), lost);
            }
        };
        permit.done(Outcome::of_status(head.status.as_u16()));
        if head.status.is_redirection() && head.status != http::StatusCode::NOT_MODIFIED {
            return (Err(refusal::redirected(host, &head.headers)), false);
        }
        let body = arriving::bytes(body, host, self.options.read_timeout, cut);
        (Ok(Answer { status: head.status, headers: head.headers, body }), false)
    }

    /// The pool for TLS, if the endpoint asks for it.
    fn pool(&self, endpoint: &Endpoint) -> Result<Option<&Pool<Secure, Outgoing>>> {
        if !endpoint.is_secure() {
            return Ok(None);
        }
        let made = self.secure.get_or_init(|| {
            let plain = connect::plain(self.options.connect_timeout, self.options.allow_private);
            connect::secure(plain).map(|secure| pools().build(secure)).map_err(|cause| cause.to_string())
        });
        made.as_ref().map(Some).map_err(|cause| refusal::unreachable(endpoint.host(), cause.clone()))
    }

    /// Waits for the head of an answer, for as long as the body gets on.
    async fn head(
        &self,
        host: &str,
        answer: impl Future<Output = std::result::Result<Response<Incoming>, PoolError>>,
        progress: &Progress,
    ) -> std::result::Result<Response<Incoming>, (Error, bool)> {
        let mut answer = pin!(answer);
        let mut seen = 0;
        loop {
            match tokio::time::timeout(self.options.read_timeout, answer.as_mut()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(cause)) if cause.is_connect() => return Err((refusal::unconnected(host, cause), false)),
                Ok(Err(cause)) => return Err((refusal::lost(host, cause), true)),
                Err(_) => {
                    let pieces = progress.pieces();
                    if pieces == seen && !progress.waits() {
                        return Err((refusal::silent(host), false));
                    }
                    seen = pieces;
                }
            }
        }
    }

    fn prepare(&self, provider: &Provider, request: Request) -> Result<Prepared> {
        let endpoint = self.endpoint(&provider.endpoint)?;
        let Request { service, method, bucket, key, query, mut headers, body } = request;
        let (host, path) = address(&endpoint, provider.path_style, bucket.as_deref(), key.as_deref());
        let mut query: Vec<(String, String)> =
            query.iter().map(|(name, value)| (sign::encode(name, false), sign::encode(value, false))).collect();
        query.sort_unstable();
        headers.insert(HOST, HeaderValue::from_str(&host).map_err(|_| bad_address())?);
        let (length, payload, (outgoing, progress, cut)) = payload(body, &method, &mut headers)?;
        let scope = Scope { service, region: &provider.region, now: self.clock.now() };
        let covered = Covered { method: &method, path: &path, query: &query, payload: &payload };
        sign::sign(&provider.credentials, &scope, &covered, &mut headers)?;
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("windlass/", env!("CARGO_PKG_VERSION"))));
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut request = http::Request::new(outgoing);
        *request.method_mut() = method;
        *request.uri_mut() = uri(&endpoint, &host, &path, &query)?;
        *request.headers_mut() = headers;
        Ok(Prepared { request, endpoint, progress, cut })
    }
}

impl Store {
    /// Who asks providers.
    pub fn upstream(&self) -> &Client {
        &self.upstream
    }
}

fn pools() -> Builder {
    let mut builder = Pool::<(), ()>::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(limit::UPSTREAM_IDLE_CONNECTION)
        .pool_max_idle_per_host(limit::UPSTREAM_IDLE_CONNECTIONS_MAX)
        .http1_max_headers(limit::UPSTREAM_HEADERS_MAX);
    builder
}

/// The host and the path of a request. A dotted name would not match the certificate of a host, so it goes into the path.
fn address(endpoint: &Endpoint, path_style: bool, bucket: Option<&str>, key: Option<&str>) -> (String, String) {
    let host = endpoint.host();
    let key = sign::encode(key.unwrap_or_default(), true);
    match bucket {
        None => (host.to_owned(), "/".to_owned()),
        Some(bucket) if path_style || bucket.contains('.') && endpoint.is_secure() => {
            let separator = if key.is_empty() { "" } else { "/" };
            (host.to_owned(), format!("/{}{separator}{key}", sign::encode(bucket, false)))
        }
        Some(bucket) => (format!("{bucket}.{host}"), format!("/{key}")),
    }
}

/// The address that a request goes to. Nothing of the path is folded or encoded again: what was signed goes out.
fn uri(endpoint: &Endpoint, host: &str, path: &str, query: &[(String, String)]) -> Result<Uri> {
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| if value.is_empty() { name.clone() } else { format!("{name}={value}") })
        .collect();
    let target = if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) };
    let target = PathAndQuery::try_from(target).map_err(|_| bad_address())?;
    let uri = Uri::builder().scheme(endpoint.scheme.clone()).authority(host).path_and_query(target).build();
    uri.map_err(|_| bad_address())
}

fn bad_address() -> Error {
    Error::new(ErrorKind::InvalidArgument, "A bucket or key cannot be addressed at the upstream.")
}

/// A body as it goes out: its length if it has one, the hash that is signed, and the bytes.
type Body = (Option<u64>, String, (Outgoing, Arc<Progress>, Cut));

fn payload(body: Payload, method: &Method, headers: &mut HeaderMap) -> Result<Body> {
    Ok(match body {
        Payload::Empty => {
            // Those that can have a body say that they have none.
            let length = matches!(*method, Method::PUT | Method::POST).then_some(0);
            (length, sign::payload_hash(b""), Outgoing::whole(Bytes::new()))
        }
        Payload::Bytes(bytes) => (Some(bytes.len() as u64), sign::payload_hash(&bytes), Outgoing::whole(bytes)),
        Payload::Stream { length, bytes } => (Some(length), sign::UNSIGNED.to_owned(), Outgoing::new(length, bytes)),
        Payload::Trailed { length, bytes, trailer } => {
            let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes).filter(|given| !given.is_empty());
            let encoding = [Some(b"aws-chunked".as_slice()), encoding].into_iter().flatten().collect::<Vec<_>>();
            let encoding = HeaderValue::from_bytes(&encoding.join(&b',')).map_err(|_| bad_address())?;
            headers.insert(CONTENT_ENCODING, encoding);
            headers.insert("x-amz-decoded-content-length", HeaderValue::from(length));
            let name = HeaderName::try_from(&trailer.name).map_err(|_| bad_address())?;
            headers.insert("x-amz-trailer", HeaderValue::from(name));
            let (length, bytes) = frame::framed(length, bytes, trailer);
            (Some(length), sign::UNSIGNED_TRAILER.to_owned(), Outgoing::new(length, bytes))
        }
    })
}

/// How long to wait after a try: twice as long after each, and not the same for everybody.
fn delay(tries: u32) -> Result<Duration> {
    let [chance] = clock::random::<1>()?;
    let most = limit::UPSTREAM_RETRY_DELAY * 2_u32.saturating_pow(tries.saturating_sub(1));
    Ok(most / 2 + most * u32::from(chance) / 512)
}
