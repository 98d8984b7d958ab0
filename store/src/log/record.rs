//! A logged request: on its way in, as it is stored, and as it is read back.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::id::{BucketId, KeyId, LogId, OrgId};

/// What a door tells of a request that has been answered, without any secret. The order of the members is the stored format;
/// it takes at most `limit::LOG_ENTRY_BYTES_MAX` bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry<'a> {
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
    #[serde(borrow)]
    pub error_message: Option<Cow<'a, str>>,
    /// The identifier that the client was told.
    pub request_id: &'a str,
    /// Where it came from.
    pub ip: Option<IpAddr>,
    /// The parameters, decoded and redacted.
    #[serde(borrow)]
    pub query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
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

/// A logged request as it is stored: the organisation is in the key of its block, the time in its identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stored<'a> {
    /// Its identifier.
    pub(super) id: LogId,
    /// The rest, as it was handed over.
    #[serde(borrow)]
    pub(super) entry: LogEntry<'a>,
}

/// A body as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogBodyRef<'a> {
    /// A whole JSON document, redacted.
    #[serde(borrow)]
    Json(Cow<'a, str>),
    /// The beginning of a text, redacted.
    #[serde(borrow)]
    Text(Cow<'a, str>),
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

impl Stored<'_> {
    /// The request as it is handed out.
    pub(super) fn to_record(&self, org: OrgId) -> LogRecord {
        let Self { id, entry } = self;
        LogRecord {
            id: *id,
            org,
            key: entry.key,
            bucket: entry.bucket,
            method: entry.method.to_owned(),
            path: entry.path.to_owned(),
            status: entry.status,
            duration_ms: entry.duration_ms,
            error_message: entry.error_message.as_deref().map(str::to_owned),
            created_ms: id.created_ms(),
            request_id: entry.request_id.to_owned(),
            ip: entry.ip.map(|ip| ip.to_string()),
            query: pairs(&entry.query),
            request_headers: pairs(&entry.request_headers),
            response_headers: pairs(&entry.response_headers),
            request_body: entry.request_body.as_ref().map(LogBodyRef::to_body),
            response_body: entry.response_body.as_ref().map(LogBodyRef::to_body),
        }
    }
}

/// Pairs of their own.
fn pairs<T: AsRef<str>>(of: &[(T, T)]) -> Vec<(String, String)> {
    of.iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())).collect()
}

impl LogBodyRef<'_> {
    fn to_body(&self) -> LogBody {
        match self {
            LogBodyRef::Json(text) => LogBody::Json(text.to_string()),
            LogBodyRef::Text(text) => LogBody::Text(text.to_string()),
            LogBodyRef::Binary { bytes } => LogBody::Binary { bytes: *bytes },
        }
    }
}
