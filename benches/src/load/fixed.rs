//! A request that is the same every time.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::body::Pieces;
use super::client::{Call, Client, Endpoint, Problem, Take, Who};
use super::drive::{Ask, runtime};
use crate::Failure;
use crate::gateway::TOKEN;

/// Seconds after which a request has failed.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// A request that is the same every time.
#[derive(Debug, Clone)]
pub(crate) struct Fixed {
    pub(crate) method: Method,
    /// Path and query as they are sent.
    pub(crate) path: String,
    /// Who asks, and what the body is.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A connection that sends it.
pub(crate) struct FixedAsk {
    client: Client,
    fixed: Fixed,
}

/// A client that sends these headers with every request.
pub(crate) fn plain_client(endpoint: &Endpoint, headers: HeaderMap) -> Client {
    Client::new(endpoint, Who::Headers(headers), PATIENCE)
}

impl Fixed {
    /// A request of the root key, by its token.
    pub(crate) fn of_root(method: Method, path: impl Into<String>) -> Fixed {
        let mut headers = HeaderMap::new();
        if let Ok(value) = format!("Bearer {TOKEN}").parse() {
            headers.insert(http::header::AUTHORIZATION, value);
        }
        Fixed { method, path: path.into(), headers, body: Bytes::new() }
    }

    /// The same with a JSON body.
    pub(crate) fn with(mut self, body: &Value) -> Fixed {
        self.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        self.body = body.to_string().into();
        self
    }

    /// A connection of its own.
    pub(crate) fn connection(&self, endpoint: &Endpoint) -> FixedAsk {
        FixedAsk { client: plain_client(endpoint, self.headers.clone()), fixed: self.clone() }
    }

    /// Sends it so many times, one after the other.
    pub(crate) fn repeat(&self, endpoint: &Endpoint, times: u32) -> Result<(), Failure> {
        let mut connection = self.connection(endpoint);
        runtime()?.block_on(async {
            for _ in 0..times {
                connection.ask().await?;
            }
            Ok(())
        })
    }

    /// Sends it once, and reads the answer.
    pub(crate) fn text(&self, endpoint: &Endpoint) -> Result<String, Failure> {
        let mut connection = self.connection(endpoint);
        let body = runtime()?.block_on(connection.send(Take::Keep))?;
        Ok(String::from_utf8(body)?)
    }

    /// Sends it once, and reads the answer's JSON.
    pub(crate) fn json(&self, endpoint: &Endpoint) -> Result<Value, Failure> {
        Ok(serde_json::from_str(&self.text(endpoint)?)?)
    }
}

impl FixedAsk {
    async fn send(&mut self, take: Take<'_>) -> Result<Vec<u8>, Problem> {
        let Fixed { method, path, body, .. } = &self.fixed;
        let call = Call { method: method.clone(), path, query: "", payload: "", body: Pieces::from(body.clone()) };
        let reply = self.client.call(call, take).await.map_err(|problem| format!("{method} {path}: {problem}"))?;
        Ok(reply.body)
    }
}

impl Ask for FixedAsk {
    async fn ask(&mut self) -> Result<(), Problem> {
        self.send(Take::Count).await.map(|_| ())
    }
}
