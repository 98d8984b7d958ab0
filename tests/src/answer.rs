//! An answer of the gateway, and the claims that tests make about it.

use bytes::Bytes;
use http::HeaderMap;

use crate::xml::Xml;

/// Status, headers and the whole body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// Claims the status; returns the answer for more claims.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.describe());
        self
    }

    /// Claims an error: its status, its code, and that its `RequestId` is that of the header.
    #[track_caller]
    pub fn is_error(self, status: u16, code: &str) -> Self {
        self.is_error_of(status, &[code])
    }

    /// Claims an error where the S3 API leaves the choice between codes.
    #[track_caller]
    pub fn is_error_of(self, status: u16, codes: &[&str]) -> Self {
        let answer = self.is(status);
        let xml = answer.xml();
        assert_eq!(xml.name, "Error", "{}", answer.describe());
        assert!(codes.contains(&xml.text("Code")), "wanted {codes:?}: {}", answer.describe());
        assert_eq!(Some(xml.text("RequestId")), answer.header("x-amz-request-id"), "{}", answer.describe());
        answer
    }

    /// Claims the body.
    #[track_caller]
    pub fn has_body(self, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        if self.body != body {
            let at = self.body.iter().zip(body).position(|(a, b)| a != b);
            panic!(
                "the body is {} bytes, wanted {}, first difference at {at:?}: {}",
                self.body.len(),
                body.len(),
                self.describe()
            );
        }
        self
    }

    /// Claims a header.
    #[track_caller]
    pub fn has(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), Some(value), "header {name}: {}", self.describe());
        self
    }

    /// Claims that a header is absent.
    #[track_caller]
    pub fn lacks(self, name: &str) -> Self {
        assert!(!self.headers.contains_key(name), "header {name} is there: {}", self.describe());
        self
    }

    /// A header as text, `None` when absent or not ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// A header that must be there.
    #[track_caller]
    pub fn need(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no header {name}: {}", self.describe()))
    }

    /// The ETag header, quoted as it came.
    #[track_caller]
    pub fn etag(&self) -> String {
        self.need("etag").to_owned()
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.describe()))
    }

    /// The body as XML.
    #[track_caller]
    pub fn xml(&self) -> Xml {
        Xml::parse(self.text()).unwrap_or_else(|e| panic!("{e}: {}", self.describe()))
    }

    /// Everything about the answer that fits on a screen.
    pub fn describe(&self) -> String {
        let shown = self.body.len().min(2_000);
        format!("{} {:?}\n{}", self.status, self.headers, String::from_utf8_lossy(&self.body[..shown]))
    }
}
