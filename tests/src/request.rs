//! An S3 request under construction: what it says, how it is signed, and what is wrong with it on purpose.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;

use crate::answer::Answer;
use crate::client::Client;
use crate::digest::sha256_hex;
use crate::sign::{Covered, Keys, Scope, encode, query_string};
use crate::stream::{ChunkSigner, frame};
use crate::time::{amz_date, now};

/// How the request proves who it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// Signature V4 in the `Authorization` header.
    V4,
    /// Signature V4 in the query, valid for so many seconds.
    PresignedV4(i64),
    /// Signature V2 in the query, valid for so many seconds.
    PresignedV2(i64),
    /// Not at all.
    Anonymous,
}

/// What `x-amz-content-sha256` says, and so how the body travels.
#[derive(Debug, Clone)]
pub enum Payload {
    /// The body's SHA-256.
    Hashed,
    /// Any text, true or not; the body travels plain.
    Said(String),
    /// `aws-chunked`, each chunk signed or not, with a trailer or not.
    Chunked {
        /// Whether chunks (and the trailer) are signed.
        signed: bool,
        /// The trailing header.
        trailer: Option<(String, String)>,
    },
}

impl Payload {
    /// `UNSIGNED-PAYLOAD`.
    pub fn unsigned() -> Payload {
        Payload::Said("UNSIGNED-PAYLOAD".to_owned())
    }

    fn name(&self, body: &[u8]) -> String {
        match self {
            Payload::Hashed => sha256_hex(body),
            Payload::Said(text) => text.clone(),
            Payload::Chunked { signed: true, trailer: None } => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD".to_owned(),
            Payload::Chunked { signed: true, .. } => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER".to_owned(),
            Payload::Chunked { signed: false, .. } => "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned(),
        }
    }
}

/// A request ready to be sent; a test may change anything in it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Method.
    pub method: String,
    /// Path and query as they go on the request line.
    pub target: String,
    /// Headers in order, `host` first, without `content-length`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body as it travels.
    pub body: Bytes,
}

impl Prepared {
    /// Request line and headers with the true `content-length`.
    pub fn head(&self) -> Vec<u8> {
        self.head_with(&format!("content-length: {}\r\n", self.body.len()))
    }

    /// Request line and headers with `lines` (each ended by CRLF) in place of `content-length`.
    pub fn head_with(&self, lines: &str) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            out.extend(name.bytes().chain(*b": ").chain(value.iter().copied()).chain(*b"\r\n"));
        }
        out.extend(lines.bytes().chain(*b"\r\n"));
        out
    }

    /// Replaces a header's value, or adds the header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Removes a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self
    }

    /// A header's value as text, empty when absent.
    pub fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, v)| String::from_utf8_lossy(v).into_owned()).unwrap_or_default()
    }
}

/// A request under construction. Awaiting it sends it.
#[derive(Debug, Clone)]
#[must_use = "a request is sent when it is awaited"]
pub struct Request {
    client: Client,
    method: String,
    bucket: String,
    key: String,
    query: Vec<(String, Option<String>)>,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
    payload: Option<Payload>,
    chunk_bytes: usize,
    auth: Auth,
    keys: Keys,
    time: i64,
    region: String,
    virtual_base: Option<String>,
    host: Option<String>,
    path: Option<String>,
    decoded_length: Option<String>,
}

impl Request {
    /// A request for a bucket and key; either may be empty.
    pub fn new(client: &Client, method: &str, bucket: &str, key: &str) -> Request {
        Request {
            client: client.clone(),
            method: method.to_owned(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
            payload: None,
            chunk_bytes: 64 << 10,
            auth: Auth::V4,
            keys: client.keys().clone(),
            time: now(),
            region: "us-east-1".to_owned(),
            virtual_base: None,
            host: None,
            path: None,
            decoded_length: None,
        }
    }

    /// Adds a header, signed.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds `name=value` to the query.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), Some(value.to_string())));
        self
    }

    /// Adds `name` to the query.
    pub fn flag(mut self, name: &str) -> Self {
        self.query.push((name.to_owned(), None));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets what is said of the payload.
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Sends the body in signed chunks.
    pub fn chunked(self) -> Self {
        self.payload(Payload::Chunked { signed: true, trailer: None })
    }

    /// Sends the body in chunks, signed or not, with a trailing header.
    pub fn trailer(self, signed: bool, name: &str, value: &str) -> Self {
        self.payload(Payload::Chunked { signed, trailer: Some((name.to_owned(), value.to_owned())) })
    }

    /// Sets how many bytes go into a chunk.
    pub fn chunk_bytes(mut self, count: usize) -> Self {
        self.chunk_bytes = count;
        self
    }

    /// Says another `x-amz-decoded-content-length` than the true one.
    pub fn decoded_length(mut self, text: &str) -> Self {
        self.decoded_length = Some(text.to_owned());
        self
    }

    /// Sets how the request is authenticated.
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Sends it without any credential.
    pub fn anonymous(self) -> Self {
        self.auth(Auth::Anonymous)
    }

    /// Signs with other keys.
    pub fn keys(mut self, access: &str, secret: &str) -> Self {
        self.keys = Keys { access: access.to_owned(), secret: secret.to_owned() };
        self
    }

    /// Signs at another time, in seconds from now.
    pub fn skewed(mut self, seconds: i64) -> Self {
        self.time += seconds;
        self
    }

    /// Signs for another region.
    pub fn region(mut self, region: &str) -> Self {
        self.region = region.to_owned();
        self
    }

    /// Puts the bucket into the host name under `base`.
    pub fn virtual_host(mut self, base: &str) -> Self {
        self.virtual_base = Some(base.to_owned());
        self
    }

    /// Signs and sends this host in place of the gateway's own address.
    pub fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// Signs and sends this path, encoded as it stands, in place of the bucket's and key's.
    pub fn path(mut self, path: &str) -> Self {
        self.path = Some(path.to_owned());
        self
    }

    fn resource(&self) -> String {
        if let Some(path) = &self.path {
            return path.clone();
        }
        match (self.bucket.as_str(), self.key.as_str()) {
            ("", _) => "/".to_owned(),
            (bucket, "") => format!("/{bucket}"),
            (bucket, key) => format!("/{bucket}/{}", encode(key, true)),
        }
    }

    fn host_and_path(&self) -> (String, String) {
        let address = self.client.address();
        match &self.virtual_base {
            Some(base) => {
                (format!("{}.{base}:{}", self.bucket, address.port()), format!("/{}", encode(&self.key, true)))
            }
            None => (self.host.clone().unwrap_or_else(|| address.to_string()), self.resource()),
        }
    }

    /// Signs the request and frames its body.
    pub fn prepare(&self) -> Prepared {
        let (host, path) = self.host_and_path();
        let mut headers = vec![("host".to_owned(), host.into_bytes())];
        headers.extend(self.headers.iter().cloned());
        let scope = Scope { date: amz_date(self.time), region: self.region.clone() };
        let mut query = self.query.clone();
        let mut body = self.body.clone();
        match self.auth {
            Auth::V4 => body = self.sign_headers(&path, &mut headers, scope),
            Auth::PresignedV4(seconds) => self.presign_v4(&path, &headers, &mut query, &scope, seconds),
            Auth::PresignedV2(seconds) => self.presign_v2(&path, &headers, &mut query, seconds),
            Auth::Anonymous => {}
        }
        let target = if query.is_empty() { path } else { format!("{path}?{}", query_string(&query)) };
        Prepared { method: self.method.clone(), target, headers, body }
    }

    fn sign_headers(&self, path: &str, headers: &mut Vec<(String, Vec<u8>)>, scope: Scope) -> Bytes {
        let said = self.payload.clone().unwrap_or(Payload::Hashed);
        let payload = said.name(&self.body);
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
        add("x-amz-date", scope.date.clone());
        add("x-amz-content-sha256", payload.clone());
        if let Payload::Chunked { trailer, .. } = &said {
            let length = self.decoded_length.clone().unwrap_or_else(|| self.body.len().to_string());
            add("x-amz-decoded-content-length", length);
            trailer.iter().for_each(|(name, _)| add("x-amz-trailer", name.clone()));
            // A caller that says its own Content-Encoding says aws-chunked in it.
            if !self.headers.iter().any(|(n, _)| n == "content-encoding") {
                add("content-encoding", "aws-chunked".to_owned());
            }
        }
        let covered = Covered { method: &self.method, path, query: &self.query, headers, payload: &payload };
        let seed = covered.signature_v4(&self.keys, &scope);
        let authorization = covered.authorization(&self.keys, &scope);
        headers.push(("authorization".to_owned(), authorization.into_bytes()));
        match said {
            Payload::Chunked { signed, trailer } => {
                let signer = signed.then(|| ChunkSigner::new(&self.keys.secret, scope, seed));
                Bytes::from(frame(&self.body, self.chunk_bytes, signer, trailer.as_ref()))
            }
            _ => self.body.clone(),
        }
    }

    fn presign_v4(
        &self,
        path: &str,
        headers: &[(String, Vec<u8>)],
        query: &mut Vec<(String, Option<String>)>,
        scope: &Scope,
        seconds: i64,
    ) {
        let payload = self.payload.clone().unwrap_or_else(Payload::unsigned).name(&self.body);
        let names = Covered { method: &self.method, path, query, headers, payload: &payload }.signed_headers();
        let mut add = |name: &str, value: String| query.push((name.to_owned(), Some(value)));
        add("X-Amz-Algorithm", "AWS4-HMAC-SHA256".to_owned());
        add("X-Amz-Credential", format!("{}/{}", self.keys.access, scope.text()));
        add("X-Amz-Date", scope.date.clone());
        add("X-Amz-Expires", seconds.to_string());
        add("X-Amz-SignedHeaders", names);
        let covered = Covered { method: &self.method, path, query, headers, payload: &payload };
        let signature = covered.signature_v4(&self.keys, scope);
        query.push(("X-Amz-Signature".to_owned(), Some(signature)));
    }

    fn presign_v2(
        &self,
        path: &str,
        headers: &[(String, Vec<u8>)],
        query: &mut Vec<(String, Option<String>)>,
        seconds: i64,
    ) {
        let expires = self.time + seconds;
        let covered = Covered { method: &self.method, path, query, headers, payload: "" };
        // Over a bucket alone every published client signs the path with a slash behind it.
        let resource = self.resource();
        let bucket_alone = resource.len() > 1 && resource.matches('/').count() == 1;
        let resource = if bucket_alone { format!("{resource}/") } else { resource };
        let signature = covered.signature_v2(&self.keys, &resource, expires);
        query.push(("AWSAccessKeyId".to_owned(), Some(self.keys.access.clone())));
        query.push(("Signature".to_owned(), Some(signature)));
        query.push(("Expires".to_owned(), Some(expires.to_string())));
    }

    /// Sends it and answers a failed connection as an error.
    pub async fn attempt(&self) -> Result<Answer, String> {
        self.client.attempt(self.prepare()).await
    }
}

impl IntoFuture for Request {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.client.send(self.prepare()).await })
    }
}
