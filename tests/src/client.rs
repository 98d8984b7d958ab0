//! A small S3 client: one connection pool, one pair of keys, and a short word for each thing that tests say often.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::answer::Answer;
use crate::request::{Prepared, Request};
use crate::sign::Keys;
use crate::xml::escape;

/// A client of one gateway. Clones share the connections. It belongs to the runtime that it is first used on.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    keys: Arc<Keys>,
    pool: Pool<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the gateway at `address`.
    pub fn new(address: SocketAddr, keys: Keys) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let mut pool = Pool::builder(TokioExecutor::new());
        // The pool may open a connection more than it uses, and a gateway ends one that says nothing for 10 s, or for half a
        // second where a test has set it so: it must not be taken up at that very moment.
        pool.pool_idle_timeout(Duration::from_millis(250)).pool_timer(TokioTimer::new());
        Client { address, keys: Arc::new(keys), pool: pool.build(connector) }
    }

    /// The same gateway with other keys.
    pub fn with_keys(&self, access: &str, secret: &str) -> Client {
        Client::new(self.address, Keys { access: access.to_owned(), secret: secret.to_owned() })
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The keys that requests are signed with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A request for a bucket and key; either may be empty.
    pub fn request(&self, method: &str, bucket: &str, key: &str) -> Request {
        Request::new(self, method, bucket, key)
    }

    /// Sends a request and hands over the answer before its body is read.
    pub async fn open(&self, prepared: Prepared) -> Result<http::Response<Incoming>, String> {
        let uri = format!("http://{}{}", self.address, prepared.target);
        let mut request = http::Request::builder().method(prepared.method.as_str()).uri(uri);
        for (name, value) in &prepared.headers {
            request = request.header(name.as_str(), value.as_slice());
        }
        // hyper leaves this out where the body is empty, which S3 does not take for a PUT.
        if ["PUT", "POST"].contains(&prepared.method.as_str()) {
            request = request.header("content-length", prepared.body.len());
        }
        let request = request.body(Full::new(prepared.body)).map_err(|e| e.to_string())?;
        self.pool.request(request).await.map_err(|e| format!("{e:?}"))
    }

    /// Sends a request; a connection that fails is an error.
    pub async fn attempt(&self, prepared: Prepared) -> Result<Answer, String> {
        let (head, body) = self.open(prepared).await?.into_parts();
        let body = body.collect().await.map_err(|e| format!("{e:?}"))?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Sends a request; panics where no answer comes.
    pub async fn send(&self, prepared: Prepared) -> Answer {
        let line = format!("{} {}", prepared.method, prepared.target);
        self.attempt(prepared).await.unwrap_or_else(|e| panic!("no answer to {line}: {e}"))
    }

    /// GET of a path that is not S3's.
    pub async fn plain(&self, target: &str) -> Answer {
        let host = ("host".to_owned(), self.address.to_string().into_bytes());
        let prepared =
            Prepared { method: "GET".into(), target: target.to_owned(), headers: vec![host], body: Bytes::new() };
        self.send(prepared).await
    }

    /// Makes a bucket.
    pub async fn make(&self, name: &str) -> Bucket {
        self.request("PUT", name, "").await.is(200);
        Bucket { client: self.clone(), name: name.to_owned() }
    }
}

/// A bucket, seen through a client.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// The client.
    pub client: Client,
    /// The name.
    pub name: String,
}

impl Bucket {
    /// A request for the bucket itself.
    pub fn on(&self, method: &str) -> Request {
        self.client.request(method, &self.name, "")
    }

    /// A request for a key.
    pub fn at(&self, method: &str, key: &str) -> Request {
        self.client.request(method, &self.name, key)
    }

    /// PutObject.
    pub fn put(&self, key: &str, body: impl Into<Bytes>) -> Request {
        self.at("PUT", key).body(body)
    }

    /// GetObject.
    pub fn get(&self, key: &str) -> Request {
        self.at("GET", key)
    }

    /// HeadObject.
    pub fn head(&self, key: &str) -> Request {
        self.at("HEAD", key)
    }

    /// DeleteObject.
    pub fn delete(&self, key: &str) -> Request {
        self.at("DELETE", key)
    }

    /// CopyObject within the bucket.
    pub fn copy(&self, from: &str, to: &str) -> Request {
        let source = format!("/{}/{}", self.name, crate::sign::encode(from, true));
        self.at("PUT", to).header("x-amz-copy-source", source)
    }

    /// DeleteObjects.
    pub fn delete_many<K: AsRef<str>>(&self, keys: &[K], quiet: bool) -> Request {
        let mut body = String::from("<Delete>");
        if quiet {
            body.push_str("<Quiet>true</Quiet>");
        }
        for key in keys {
            body.push_str(&format!("<Object><Key>{}</Key></Object>", escape(key.as_ref())));
        }
        body.push_str("</Delete>");
        let md5 = crate::digest::content_md5(body.as_bytes());
        self.on("POST").flag("delete").header("content-md5", md5).body(body)
    }

    /// Has the bucket keep versions.
    pub async fn keep_versions(&self) {
        let body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.on("PUT").flag("versioning").body(body).await.is(200);
    }

    /// Key, version id, ETag and size of all versions, and how many delete markers there are, read page by page.
    pub async fn all_versions(&self) -> (Vec<[String; 4]>, usize) {
        let (mut versions, mut markers) = (Vec::new(), 0);
        let mut after: Option<(String, String)> = None;
        loop {
            let mut list = self.on("GET").flag("versions");
            if let Some((key, version)) = &after {
                list = list.query("key-marker", key).query("version-id-marker", version);
            }
            let xml = list.await.is(200).xml();
            let texts = |version: &crate::xml::Xml| {
                ["Key", "VersionId", "ETag", "Size"].map(|name| version.text(name).to_owned())
            };
            versions.extend(xml.all("Version").into_iter().map(texts));
            markers += xml.all("DeleteMarker").len();
            match xml.get("NextKeyMarker") {
                Some(key) => after = Some((key.to_owned(), xml.text("NextVersionIdMarker").to_owned())),
                None => return (versions, markers),
            }
        }
    }

    /// ListObjectsV2.
    pub fn list(&self) -> Request {
        self.on("GET").query("list-type", 2)
    }

    /// ListObjects (v1).
    pub fn list_v1(&self) -> Request {
        self.on("GET")
    }

    /// CreateMultipartUpload, which the caller may furnish with headers.
    pub fn create(&self, key: &str) -> Request {
        self.at("POST", key).flag("uploads")
    }

    /// CreateMultipartUpload; the upload's id.
    pub async fn upload(&self, key: &str) -> String {
        self.create(key).await.is(200).xml().text("UploadId").to_owned()
    }

    /// UploadPart.
    pub fn part(&self, key: &str, upload: &str, number: u32, body: impl Into<Bytes>) -> Request {
        self.at("PUT", key).query("partNumber", number).query("uploadId", upload).body(body)
    }

    /// UploadPartCopy: `source` is the value of the header.
    pub fn part_copy(&self, key: &str, upload: &str, number: u32, source: &str) -> Request {
        self.at("PUT", key).query("partNumber", number).query("uploadId", upload).header("x-amz-copy-source", source)
    }

    /// CompleteMultipartUpload with parts given by number and ETag.
    pub fn complete(&self, key: &str, upload: &str, parts: &[(u32, String)]) -> Request {
        let mut body = String::from("<CompleteMultipartUpload>");
        for (number, etag) in parts {
            let etag = escape(etag);
            body.push_str(&format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
        }
        body.push_str("</CompleteMultipartUpload>");
        self.complete_with(key, upload, body)
    }

    /// CompleteMultipartUpload with any body.
    pub fn complete_with(&self, key: &str, upload: &str, body: impl Into<Bytes>) -> Request {
        self.at("POST", key).query("uploadId", upload).body(body)
    }

    /// AbortMultipartUpload.
    pub fn abort(&self, key: &str, upload: &str) -> Request {
        self.at("DELETE", key).query("uploadId", upload)
    }

    /// ListParts.
    pub fn parts(&self, key: &str, upload: &str) -> Request {
        self.at("GET", key).query("uploadId", upload)
    }

    /// Uploads `parts` as numbers 1, 2, … and completes; the answer of Complete.
    pub async fn multipart(&self, key: &str, parts: &[Bytes]) -> Answer {
        let upload = self.upload(key).await;
        let mut done = Vec::new();
        for (number, part) in (1..).zip(parts) {
            let answer = self.part(key, &upload, number, part.clone()).await.is(200);
            done.push((number, answer.etag()));
        }
        self.complete(key, &upload, &done).await.is(200)
    }

    /// All keys, read page by page.
    pub async fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut list = self.list();
            if let Some(token) = &token {
                list = list.query("continuation-token", token);
            }
            let xml = list.await.is(200).xml();
            keys.extend(xml.texts("Contents/Key"));
            match xml.get("NextContinuationToken") {
                Some(next) => token = Some(next.to_owned()),
                None => return keys,
            }
        }
    }
}
