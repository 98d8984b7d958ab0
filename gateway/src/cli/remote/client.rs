//! Requests to a gateway, and what its answers mean.

use std::error::Error as StdError;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use windlass_config::Secret;

use super::access::Access;
use super::print::printable;
use super::{Exit, Failure, Result};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a document is waited for, and how long a transfer may stand still.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the largest document that is read: more than any page of files.
const DOCUMENT_BYTES_MAX: usize = 32 << 20;
/// Bytes of the largest refusal that is read.
const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// RFC 3986, section 2.3: what need not be encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A gateway that is spoken to with one token.
pub(super) struct Client {
    http: reqwest::Client,
    endpoint: Url,
}

/// A token as a header.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue> {
    let unusable = |_| Failure::usage("the token holds characters that no token has");
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

/// One segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The key of a file as the rest of a path. Its slashes stay slashes for people who read logs, unless something on the way
/// could take the parts between them for steps up and down and tidy them away.
pub(super) fn rest(key: &str) -> String {
    if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return segment(key);
    }
    key.split('/').map(segment).collect::<Vec<_>>().join("/")
}

impl Client {
    pub(super) fn new(access: &Access) -> Result<Self> {
        Self::with(&access.endpoint, HeaderMap::from_iter([(AUTHORIZATION, bearer(&access.token)?)]))
    }

    /// A client without a token.
    pub(super) fn of_nobody(endpoint: &Url) -> Result<Self> {
        Self::with(endpoint, HeaderMap::new())
    }

    fn with(endpoint: &Url, headers: HeaderMap) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(PATIENCE)
            .tcp_user_timeout(PATIENCE);
        if is_loopback(endpoint) {
            builder = builder.no_proxy();
        }
        // Fails only if it has been done before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if endpoint.scheme() != "https" {
            // The platform's certificates need not be there, and need not be read.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| {
            Failure::new(Exit::Unreachable, format!("TLS cannot be used: {}", cause(&error)))
                .advise("see to the certificates of this machine, or name a file of them in SSL_CERT_FILE")
        })?;
        Ok(Self { http, endpoint: endpoint.clone() })
    }

    /// A request to a path, whose segments are encoded, with a query.
    pub(super) fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> Result<RequestBuilder> {
        let mut url = self.endpoint.clone();
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        if url.path() != path {
            return Err(Failure::usage("a name that is . or .. cannot be part of an address"));
        }
        if !query.is_empty() {
            let pairs =
                query.iter().fold(form_urlencoded::Serializer::new(String::new()), |mut pairs, (name, value)| {
                    pairs.append_pair(name, value);
                    pairs
                });
            url.set_query(Some({ pairs }.finish().as_str()));
        }
        Ok(self.http.request(method, url))
    }

    /// Sends a request and reads the document that it is answered with.
    pub(super) async fn document(&self, request: RequestBuilder) -> Result<String> {
        let answer = request.timeout(PATIENCE).send().await.map_err(|error| self.broken(&error))?;
        self.read(answer).await
    }

    /// Sends a request and takes its answer in, whatever it says.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<http::Response<Vec<u8>>> {
        let answer = request.timeout(PATIENCE).send().await.map_err(|error| self.broken(&error))?;
        let mut told = http::Response::new(Vec::new());
        *told.status_mut() = answer.status();
        *told.headers_mut() = answer.headers().clone();
        *told.body_mut() = self.collect(answer, DOCUMENT_BYTES_MAX).await?;
        Ok(told)
    }

    /// Sends a request whose answer is not a document; one that is no success is a failure.
    pub(super) async fn open(&self, request: RequestBuilder) -> Result<Response> {
        let answered = tokio::time::timeout(PATIENCE, request.send()).await.map_err(|_| self.stuck())?;
        self.succeeded(answered.map_err(|error| self.broken(&error))?).await
    }

    /// Reads the document that is the answer; an answer that is no success is a failure.
    pub(super) async fn read(&self, answer: Response) -> Result<String> {
        let body = self.collect(self.succeeded(answer).await?, DOCUMENT_BYTES_MAX).await?;
        let text = String::from_utf8(body).ok();
        let text = text.filter(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        text.ok_or_else(|| self.stranger("what it answers is no JSON"))
    }

    async fn succeeded(&self, answer: Response) -> Result<Response> {
        if answer.status().is_success() { Ok(answer) } else { Err(self.refusal(answer).await) }
    }

    /// What is told of a connection that could not be made, or broke.
    pub(super) fn broken(&self, error: &reqwest::Error) -> Failure {
        let at = self.endpoint.as_str().trim_end_matches('/');
        let what = match error {
            error if error.is_connect() => "cannot be reached",
            error if error.is_timeout() => "does not answer in time",
            _ => "broke off",
        };
        let cause = cause(error);
        let failure = Failure::new(Exit::Unreachable, format!("{at} {what}: {cause}"));
        if cause.starts_with("invalid peer certificate") {
            return failure.advise("if that is the gateway, name a file with its authority in SSL_CERT_FILE");
        }
        let advice = "see that the gateway runs and the endpoint is right";
        if error.is_connect() { failure.advise(advice) } else { failure }
    }

    /// What is told when nothing comes or goes for too long.
    pub(super) fn stuck(&self) -> Failure {
        let at = self.endpoint.as_str().trim_end_matches('/');
        Failure::new(Exit::Unreachable, format!("{at} does not answer in time: nothing for {} s", PATIENCE.as_secs()))
    }

    /// What is told of an answer that no gateway would give.
    pub(super) fn stranger(&self, why: &str) -> Failure {
        let at = self.endpoint.as_str().trim_end_matches('/');
        Failure::new(Exit::Unreachable, format!("{at} does not answer as a gateway: {why}"))
            .advise("see that the endpoint is right")
    }

    async fn refusal(&self, answer: Response) -> Failure {
        let status = answer.status();
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
        if status.is_redirection() {
            let to = header(LOCATION.as_str()).map_or(String::new(), |to| format!(" to {}", printable(to)));
            return self.stranger(&format!("it leads elsewhere{to}"));
        }
        let wait = header(RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse::<u64>().ok());
        let request = header("x-request-id").map(printable);
        let is_kv = answer.url().path().strip_prefix(self.endpoint.path().trim_end_matches('/'));
        let is_kv = is_kv.is_some_and(|path| path.starts_with("/kv/"));
        let body = self.collect(answer, REFUSAL_BYTES_MAX).await.unwrap_or_default();
        let Some(message) = message(&body).or_else(|| line(&body).filter(|_| is_kv)) else {
            return self.stranger(&format!("status {} without a message", status.as_u16()));
        };
        let failure = Failure::new(Exit::of(status.as_u16()), printable(&message));
        match (status, wait, request) {
            (StatusCode::UNAUTHORIZED, ..) => {
                failure.advise("the token that was given is not one, or no longer: make one with `windlass key create`")
            }
            (_, Some(seconds), _) => failure.advise(&format!("try again in {seconds} s")),
            (_, _, Some(request)) if status.is_server_error() => {
                failure.advise(&format!("the gateway's log has more about request {request}"))
            }
            _ => failure,
        }
    }

    async fn collect(&self, mut answer: Response, most: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece(&mut answer).await? {
            if body.len() + piece.len() > most {
                return Err(self.stranger("the answer is too long"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// The next piece of a body.
    pub(super) async fn piece(&self, answer: &mut Response) -> Result<Option<bytes::Bytes>> {
        let piece = tokio::time::timeout(PATIENCE, answer.chunk()).await.map_err(|_| self.stuck())?;
        piece.map_err(|error| self.broken(&error))
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// The innermost cause of an error, which says what happened.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn StdError = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    printable(&cause.to_string())
}

/// The message of a refusal in either of the API's forms.
fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    #[derive(Deserialize)]
    struct Envelope {
        error: Message,
    }
    let envelope = serde_json::from_slice(body).map(|Envelope { error }| error);
    envelope.or_else(|_| serde_json::from_slice(body)).ok().map(|Message { message }| message)
}

/// The line that a refusal of the key-value door is.
fn line(body: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    (!line.is_empty() && !line.contains(['\n', '<'])).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_so_that_nothing_tidies_them() {
        assert_eq!(rest("a b/é.txt"), "a%20b/%C3%A9.txt");
        assert_eq!(rest("a%2Fb?c#d"), "a%252Fb%3Fc%23d");
        assert_eq!(rest("a/../b"), "a%2F..%2Fb");
        assert_eq!(rest("/a"), "%2Fa");
        assert_eq!(rest("a//b/"), "a%2F%2Fb%2F");
    }

    #[test]
    fn both_forms_of_a_refusal_are_read() {
        let enveloped = br#"{"data":null,"error":{"message":"Bucket not found"},"meta":null}"#;
        assert_eq!(message(enveloped).unwrap(), "Bucket not found");
        let bare = br#"{"error":"not_found","message":"No such file","status":404}"#;
        assert_eq!(message(bare).unwrap(), "No such file");
        for other in ["", "<html>", "{}", "[]", r#"{"error":null}"#] {
            assert_eq!(message(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn a_refusal_of_the_key_value_door_is_one_line() {
        assert_eq!(line(b"There is no such key\n").unwrap(), "There is no such key");
        for other in ["", "\n", "no end", "two\nlines\n", "<html>\n"] {
            assert_eq!(line(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for (url, here) in [
            ("http://127.0.0.1:9", true),
            ("http://[::1]", true),
            ("http://localhost", true),
            ("http://a.b", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), here, "{url}");
        }
    }
}
