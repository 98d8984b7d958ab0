//! Key-values over HTTP.

use http::{HeaderMap, Method};

use super::VALUE_BYTES;
use super::speaker::Speaker;
use crate::load::{Call, Client, Endpoint, Pieces, Problem, Take, plain_client};

/// A connection to the key-value door, or to the ceiling, which gives any path the same answer.
pub(super) struct HttpSpeaker {
    client: Client,
    /// Path of the bucket, to which keys are appended.
    bucket: String,
}

impl HttpSpeaker {
    /// A connection, made at the first request.
    pub(super) fn new(endpoint: &Endpoint, bucket: &str) -> HttpSpeaker {
        HttpSpeaker { client: plain_client(endpoint, HeaderMap::new()), bucket: bucket.to_owned() }
    }

    async fn call(&mut self, method: Method, key: &str, body: Pieces) -> Result<u64, Problem> {
        let path = format!("{}{key}", self.bucket);
        let call = Call { method, path: &path, query: "", payload: "", body };
        Ok(self.client.call(call, Take::Count).await?.bytes)
    }
}

impl Speaker for HttpSpeaker {
    async fn set(&mut self, key: &str, value: &[u8; VALUE_BYTES]) -> Result<(), Problem> {
        let body = Pieces::from(bytes::Bytes::copy_from_slice(value));
        self.call(Method::PUT, key, body).await.map(|_| ())
    }

    async fn get(&mut self, key: &str) -> Result<(), Problem> {
        match self.call(Method::GET, key, Pieces::default()).await? {
            bytes if bytes == VALUE_BYTES as u64 => Ok(()),
            bytes => Err(format!("{bytes} bytes instead of {VALUE_BYTES}")),
        }
    }

    async fn increment(&mut self, key: &str) -> Result<(), Problem> {
        let body = Pieces::from(bytes::Bytes::from_static(b"+1"));
        self.call(Method::PATCH, key, body).await.map(|_| ())
    }
}
