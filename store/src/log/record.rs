//! A logged request: on its way in, as it is stored, and as it is read back.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::id::{BucketId, KeyId, LogId, OrgId};

/// A request that has been answered, handed over by its door. Everything that takes time is left to `entry`, which runs on
/// the log's own thread.
pub trait Pending: Send {
    /// The organisation it belongs to.
    fn org(&self) -> OrgId;

    /// When it ended.
    fn ended_ms(&self) -> Millis;

    /// Bytes it takes in memory, about.
    fn size_bytes(&self) -> usize;

    /// What is to be stored of it, without any secret. Takes at most `limit::LOG_ENTRY_BYTES_MAX` bytes.
    fn entry(&mut self, id: LogId) -> LogEntry<'_>;

    /// It has been written, and what it takes in memory can be used again.
    fn written(self: Box<Self>) {}
}

/// A logged request as it is stored: the organisation is in the key of its block, the time in its identifier. The order of
/// the members is the stored format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry<'a> {
    /// Its identifier.
    pub id: LogId,
    /// The status of the answer.
    pub status: u16,
    /// From the request's headers to the answer's last byte, in milliseconds.
    pub duration_ms: u32,
    /// The key it was authenticated with.
    pub key: Option<KeyId>,
    /// The bucket it was about.
    pub bucket: Option<BucketId>,
    /// The method.
    pub method: &'a str,
    /// The path as it was sent, without the query.
    pub path: &'a str,
    /// What the client was told went wrong.
    pub error_message: Option<&'a str>,
    /// The identifier that the client was told.
    pub request_id: &'a str,
    /// Where it came from.
    pub ip: Option<IpAddr>,
    /// The parameters, decoded and redacted.
    #[serde(borrow)]
    pub query: Vec<(&'a str, &'a str)>,
    /// The request's headers that are kept.
    #[serde(borrow)]
    pub request_headers: Vec<(&'a str, &'a str)>,
    /// The answer's headers that are kept.
    #[serde(borrow)]
    pub response_headers: Vec<(&'a str, &'a str)>,
    /// The request's body; `None` if it had none.
    #[serde(borrow)]
    pub request_body: Option<LogBodyRef<'a>>,
    /// The answer's body; `None` if it had none.
    #[serde(borrow)]
    pub response_body: Option<LogBodyRef<'a>>,
}

/// A body as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogBodyRef<'a> {
    /// A whole JSON document, redacted.
    Json(&'a str),
    /// The beginning of a text, redacted.
    Text(&'a str),
    /// Anything else: only its length.
    Binary {
        /// Its length.
        bytes: u64,
    },
}

/// A logged request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// Its identifier.
    pub id: LogId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// The key it was authenticated with.
    pub key: Option<KeyId>,
    /// The bucket it was about.
    pub bucket: Option<BucketId>,
    /// The method.
    pub method: String,
    /// The path as it was sent, without the query.
    pub path: String,
    /// The status of the answer; 499 if the client left before there was one.
    pub status: u16,
    /// From the request's headers to the answer's last byte, in milliseconds.
    pub duration_ms: u32,
    /// What the client was told went wrong.
    pub error_message: Option<String>,
    /// When it ended.
    pub created_ms: Millis,
    /// The identifier that the client was told.
    pub request_id: String,
    /// Where it came from.
    pub ip: Option<String>,
    /// The parameters, decoded and redacted.
    pub query: Vec<(String, String)>,
    /// The request's headers that are kept.
    pub request_headers: Vec<(String, String)>,
    /// The answer's headers that are kept.
    pub response_headers: Vec<(String, String)>,
    /// The request's body; `None` if it had none.
    pub request_body: Option<LogBody>,
    /// The answer's body; `None` if it had none.
    pub response_body: Option<LogBody>,
}

/// A body of a logged request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogBody {
    /// A whole JSON document, redacted, of at most `limit::LOG_BODY_BYTES_MAX` bytes. A client sent it: what it says it is
    /// need not hold.
    Json(String),
    /// The beginning of a text, redacted, of at most `limit::LOG_BODY_BYTES_MAX` bytes.
    Text(String),
    /// Anything else: only its length.
    Binary {
        /// Its length.
        bytes: u64,
    },
}

impl LogEntry<'_> {
    /// The request as it is handed out.
    pub(super) fn to_record(&self, org: OrgId) -> LogRecord {
        let pairs =
            |of: &[(&str, &str)]| of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        LogRecord {
            id: self.id,
            org,
            key: self.key,
            bucket: self.bucket,
            method: self.method.to_owned(),
            path: self.path.to_owned(),
            status: self.status,
            duration_ms: self.duration_ms,
            error_message: self.error_message.map(str::to_owned),
            created_ms: self.id.created_ms(),
            request_id: self.request_id.to_owned(),
            ip: self.ip.map(|ip| ip.to_string()),
            query: pairs(&self.query),
            request_headers: pairs(&self.request_headers),
            response_headers: pairs(&self.response_headers),
            request_body: self.request_body.map(LogBodyRef::to_body),
            response_body: self.response_body.map(LogBodyRef::to_body),
        }
    }
}

impl LogBodyRef<'_> {
    fn to_body(self) -> LogBody {
        match self {
            LogBodyRef::Json(text) => LogBody::Json(text.to_owned()),
            LogBodyRef::Text(text) => LogBody::Text(text.to_owned()),
            LogBodyRef::Binary { bytes } => LogBody::Binary { bytes },
        }
    }
}
