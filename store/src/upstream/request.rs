//! What is asked of a provider, and what it answers.

use std::fmt;

use bytes::Bytes;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, Method, StatusCode};

use crate::blob::ByteStream;
use crate::error::Result;

/// The API that a request is of: it decides how it is signed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// S3.
    #[default]
    S3,
    /// The Security Token Service.
    Sts,
}

impl Service {
    /// Its name in a signature's scope.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Sts => "sts",
        }
    }
}

/// A request, before it is signed.
#[derive(Debug)]
pub struct Request {
    /// The API it is of.
    pub service: Service,
    /// The method.
    pub method: Method,
    /// The bucket, by its name there.
    pub bucket: Option<String>,
    /// The key, as it is; it is encoded on the way out.
    pub key: Option<String>,
    /// Parameters, as they are. One with an empty value is sent as its name alone.
    pub query: Vec<(String, String)>,
    /// Headers, all of which are signed.
    pub headers: HeaderMap,
    /// The body.
    pub body: Payload,
}

impl Request {
    /// A request without a body about nothing in particular.
    pub fn new(method: Method) -> Self {
        Self {
            service: Service::S3,
            method,
            bucket: None,
            key: None,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Payload::Empty,
        }
    }

    /// The same about a bucket.
    #[must_use]
    pub fn bucket(mut self, name: impl Into<String>) -> Self {
        self.bucket = Some(name.into());
        self
    }

    /// The same about a key of the bucket.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same with one more parameter.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: Payload) -> Self {
        self.body = body;
        self
    }

    /// The same request once more; `None` if its body comes only once, or if doing it twice is not doing it once.
    pub(super) fn again(&self) -> Option<Self> {
        let body = match &self.body {
            Payload::Empty => Payload::Empty,
            Payload::Bytes(bytes) => Payload::Bytes(bytes.clone()),
            Payload::Stream { .. } | Payload::Trailed { .. } => return None,
        };
        let conditional = self.headers.contains_key(IF_MATCH) || self.headers.contains_key(IF_NONE_MATCH);
        let same = self.method.is_safe() || self.method.is_idempotent() && !conditional;
        same.then(|| Self {
            service: self.service,
            method: self.method.clone(),
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body,
        })
    }
}

/// The body of a request.
pub enum Payload {
    /// None.
    Empty,
    /// Bytes that are in memory: their hash is signed.
    Bytes(Bytes),
    /// Bytes that come by and by. What fails must fail before the last of them: a body that is whole is taken.
    Stream {
        /// How many there are.
        length: u64,
        /// They.
        bytes: ByteStream,
    },
    /// The same with a header behind the body, in the aws-chunked encoding.
    Trailed {
        /// How many bytes there are, framing not counted.
        length: u64,
        /// They.
        bytes: ByteStream,
        /// The header that follows them.
        trailer: Trailer,
    },
}

/// A header behind a body. Its value is asked for once the last byte has come.
pub struct Trailer {
    /// Its name, in lower case.
    pub name: String,
    /// How many bytes its value has.
    pub value_length: usize,
    /// Tells its value.
    pub value: Box<dyn FnOnce() -> Result<String> + Send + Sync>,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream { length, .. } => write!(f, "Stream({length})"),
            Self::Trailed { length, .. } => write!(f, "Trailed({length})"),
        }
    }
}

/// What a provider answers, of whatever status but a redirection.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body. It ends with an error where it is cut; dropped, it ends the request.
    pub body: ByteStream,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http::HeaderValue;

    #[test]
    fn only_what_twice_is_the_same_as_once_is_repeated() {
        let bytes = || Payload::Bytes(Bytes::from_static(b"x"));
        let stream = Payload::Stream { length: 0, bytes: Box::pin(stream::empty()) };
        assert!(Request::new(Method::GET).again().is_some());
        assert!(Request::new(Method::DELETE).again().is_some());
        assert!(Request::new(Method::PUT).body(bytes()).again().is_some());
        assert!(Request::new(Method::PUT).body(stream).again().is_none());
        assert!(Request::new(Method::POST).again().is_none());
        let mut conditional = Request::new(Method::PUT).body(bytes());
        conditional.headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        assert!(conditional.again().is_none());
    }
}
