//! A small client of the JSON doors, and the claims that tests make about what they answer: the envelope of the management
//! API, and the bare documents of the files face.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::client::Client;
use crate::request::Prepared;
use crate::sign::query_string;

/// The headers that tell how many requests are left.
pub const LIMIT_HEADERS: [&str; 3] = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];

/// A caller of the JSON doors. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Json {
    client: Client,
    authorization: Option<String>,
}

impl Json {
    /// A caller that bears a token.
    pub fn new(client: &Client, token: &str) -> Json {
        Json::saying(client, &format!("Bearer {token}"))
    }

    /// A caller with nothing to show.
    pub fn anonymous(client: &Client) -> Json {
        Json { client: client.clone(), authorization: None }
    }

    /// A caller that says this in `Authorization`.
    pub fn saying(client: &Client, authorization: &str) -> Json {
        Json { client: client.clone(), authorization: Some(authorization.to_owned()) }
    }

    /// The same gateway with another token.
    pub fn with(&self, token: &str) -> Json {
        Json::new(&self.client, token)
    }

    /// The client of the same gateway that signs.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A request; the path goes out as it stands.
    pub fn call(&self, method: &str, path: &str) -> Call {
        Call {
            json: self.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Call {
        self.call("GET", path)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Call {
        self.call("DELETE", path)
    }

    /// POST of a document.
    pub fn post(&self, path: &str, document: &Value) -> Call {
        self.call("POST", path).json(document)
    }

    /// PATCH with a document.
    pub fn patch(&self, path: &str, document: &Value) -> Call {
        self.call("PATCH", path).json(document)
    }

    /// PUT of bytes.
    pub fn put(&self, path: &str, body: impl Into<Bytes>) -> Call {
        self.call("PUT", path).body(body)
    }
}

/// A request under construction. Awaiting it sends it.
#[derive(Debug, Clone)]
#[must_use = "a request is sent when it is awaited"]
pub struct Call {
    json: Json,
    method: String,
    path: String,
    query: Vec<(String, Option<String>)>,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
}

impl Call {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Call {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds `name=value` to the query.
    pub fn query(mut self, name: &str, value: impl ToString) -> Call {
        self.query.push((name.to_owned(), Some(value.to_string())));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Call {
        self.body = body.into();
        self
    }

    /// Sets a document as the body.
    pub fn json(self, document: &Value) -> Call {
        self.header("content-type", "application/json").body(document.to_string())
    }

    /// Sets a form of plain fields, `(name, value)`, and a file `(file name, type, bytes)` behind them as the body.
    pub fn form(self, fields: &[(&str, &str)], file: Option<(&str, &str, &[u8])>) -> Call {
        const BOUNDARY: &str = "----windlass-test-boundary";
        let mut body = Vec::new();
        for (name, value) in fields {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(head.bytes());
        }
        if let Some((name, kind, bytes)) = file {
            let head =
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n");
            body.extend(head.bytes().chain(format!("Content-Type: {kind}\r\n\r\n").bytes()));
            body.extend(bytes.iter().chain(b"\r\n"));
        }
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        self.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}")).body(body)
    }

    /// The request as it goes out.
    pub fn prepare(&self) -> Prepared {
        let mut headers = vec![("host".to_owned(), self.json.client.address().to_string().into_bytes())];
        headers.extend(self.json.authorization.iter().map(|v| ("authorization".to_owned(), v.clone().into_bytes())));
        headers.extend(self.headers.iter().cloned());
        let query = query_string(&self.query);
        let target = if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) };
        Prepared { method: self.method.clone(), target, headers, body: self.body.clone() }
    }

    /// Sends it and answers a failed connection as an error.
    pub async fn attempt(&self) -> Result<Answer, String> {
        self.json.client.attempt(self.prepare()).await
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.json.client.send(self.prepare()).await })
    }
}

/// A page of a list of the management API.
#[derive(Debug)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Value>,
    /// Where the next page begins.
    pub next: Option<String>,
    /// How many entries were asked for.
    pub limit: u64,
}

impl Page {
    /// A field of all entries that is text.
    #[track_caller]
    pub fn texts(&self, field: &str) -> Vec<String> {
        self.entries.iter().map(|entry| text(entry, field)).collect()
    }
}

/// A field that must be text.
#[track_caller]
pub fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text: {value}")).to_owned()
}

impl Answer {
    /// The body as a JSON document, which it must say it is.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.describe());
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.describe()))
    }

    /// Claims that the rate-limit headers are there, but on a 401.
    #[track_caller]
    pub fn tells_limits(&self) {
        for name in LIMIT_HEADERS {
            let number = self.header(name).map(str::parse::<u64>);
            let right = if self.status == 401 { number.is_none() } else { matches!(number, Some(Ok(_))) };
            assert!(right, "header {name} is {number:?}: {}", self.describe());
        }
    }

    /// Claims the status and the envelope, with exactly its three members; returns them.
    #[track_caller]
    fn envelope(&self, status: u16) -> (Value, Value, Value) {
        assert_eq!(self.status, status, "{}", self.describe());
        self.need("x-request-id");
        let Value::Object(mut envelope) = self.json() else { panic!("no object: {}", self.describe()) };
        let mut take = |name: &str| envelope.remove(name).unwrap_or_else(|| panic!("no {name}: {}", self.describe()));
        let members = (take("data"), take("error"), take("meta"));
        assert!(envelope.is_empty(), "more than data, error and meta: {}", self.describe());
        members
    }

    /// Claims a success that is no list; returns its data.
    #[track_caller]
    pub fn data(self, status: u16) -> Value {
        let (data, error, meta) = self.envelope(status);
        self.tells_limits();
        assert!(!data.is_null() && error.is_null() && meta.is_null(), "{}", self.describe());
        data
    }

    /// Claims a page of a list.
    #[track_caller]
    pub fn page(self) -> Page {
        let (data, error, meta) = self.envelope(200);
        self.tells_limits();
        let (Value::Array(entries), Value::Object(meta)) = (data, meta) else { panic!("{}", self.describe()) };
        let names: Vec<&str> = meta.keys().map(String::as_str).collect();
        assert!(error.is_null() && names.len() == 2, "{}", self.describe());
        let limit = meta["limit"].as_u64().unwrap_or_else(|| panic!("{}", self.describe()));
        let next = match &meta["nextCursor"] {
            Value::Null => None,
            Value::String(next) => Some(next.clone()),
            _ => panic!("{}", self.describe()),
        };
        Page { entries, next, limit }
    }

    /// Claims an error of the management API to a caller who may or may not be known.
    #[track_caller]
    pub fn tells(self, status: u16, message: &str) -> Self {
        let (data, error, meta) = self.envelope(status);
        assert!(data.is_null() && meta.is_null(), "{}", self.describe());
        assert_eq!(error, serde_json::json!({ "message": message }), "{}", self.describe());
        self
    }

    /// Claims an error of the management API to a known caller, or a 401.
    #[track_caller]
    pub fn refused(self, status: u16, message: &str) -> Self {
        let answer = self.tells(status, message);
        answer.tells_limits();
        answer
    }

    /// Claims a 400 of the management API in words that no contract fixes; returns them.
    #[track_caller]
    pub fn invalid(self) -> String {
        let (data, error, meta) = self.envelope(400);
        self.tells_limits();
        assert!(data.is_null() && meta.is_null(), "{}", self.describe());
        let message = text(&error, "message");
        assert!(!message.is_empty() && error.as_object().is_some_and(|e| e.len() == 1), "{}", self.describe());
        message
    }

    /// Claims a success of the files face; returns its document.
    #[track_caller]
    pub fn bare(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.describe());
        self.need("x-request-id");
        self.tells_limits();
        self.json()
    }

    /// Claims an error in the bare form, of whichever door.
    #[track_caller]
    pub fn bare_error(self, status: u16, code: &str, message: &str) -> Self {
        assert_eq!(self.status, status, "{}", self.describe());
        let wanted = serde_json::json!({ "error": code, "message": message, "status": status });
        assert_eq!(self.json(), wanted, "{}", self.describe());
        self
    }

    /// Claims an error of the files face, with its headers.
    #[track_caller]
    pub fn bare_refused(self, status: u16, code: &str, message: &str) -> Self {
        let answer = self.bare_error(status, code, message);
        answer.need("x-request-id");
        answer.tells_limits();
        answer
    }

    /// Claims an error of the files face in words that no contract fixes; returns them.
    #[track_caller]
    pub fn bare_told(self, status: u16, code: &str) -> String {
        let message = text(&self.json(), "message");
        self.bare_refused(status, code, &message);
        assert!(!message.is_empty());
        message
    }
}
