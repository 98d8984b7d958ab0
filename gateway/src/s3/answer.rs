//! The last step of every answer: request ids on all of them, complete error documents, and nothing in the body of
//! answers that may not have one.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, Response, StatusCode};
use s3s::Body;

use crate::door::Refused;

use super::bearer::Errors;
use super::encode;
use super::error;
use super::host::Target;

const REQUEST_ID: &str = "x-amz-request-id";
const HOST_ID: &str = "x-amz-id-2";
const XML: HeaderValue = HeaderValue::from_static("application/xml");
/// The one document that is no XML: a bucket's policy.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Lets an operation choose the status of a successful answer: s3s takes none from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Status(pub(super) StatusCode);

/// Lets an operation print its own document where s3s would print another than S3 does.
#[derive(Debug, Clone)]
pub(super) struct Document(pub(super) bytes::Bytes);

/// What an answer needs to know of its request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Whether it was a HEAD: answered without a body, whatever happens.
    pub(super) head: bool,
    /// The path, as sent.
    pub(super) path: String,
    /// The host that it names.
    pub(super) host: String,
    /// The bucket and key.
    pub(super) target: Target,
    /// The identifier of the request.
    pub(super) request_id: String,
    /// The region this gateway says it is in.
    pub(super) region: Arc<str>,
    /// In which form the client is told of errors.
    pub(super) errors: Errors,
}

impl Asked {
    /// The opaque identifier that S3 sends along with the request's own.
    fn host_id(&self) -> String {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        BASE64_STANDARD.encode(&self.request_id)
    }

    /// Finishes an answer.
    pub(super) fn finish(&self, mut answer: Response<Body>) -> Response<Body> {
        if let Some(Status(status)) = answer.extensions_mut().remove() {
            *answer.status_mut() = status;
        }
        if let Some(Document(document)) = answer.extensions_mut().remove() {
            *answer.body_mut() = Body::from(document);
        }
        if answer.status().is_client_error() || answer.status().is_server_error() {
            self.write_error(&mut answer);
        } else if answer.status() == StatusCode::NOT_MODIFIED {
            remove_body(&mut answer);
        } else if answer.headers().get(CONTENT_TYPE) != Some(&JSON)
            && let Some(document) = answer.body().bytes().and_then(|bytes| encode::control_references(&bytes))
        {
            // Only documents are whole in memory: the bytes of objects are streams and pass untouched.
            *answer.body_mut() = Body::from(document);
        }
        for (name, value) in [(REQUEST_ID, self.request_id.clone()), (HOST_ID, self.host_id())] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                answer.headers_mut().insert(name, value);
            }
        }
        answer
    }

    fn write_error(&self, answer: &mut Response<Body>) {
        let short = answer.body().bytes().unwrap_or_default();
        let short = String::from_utf8_lossy(&short);
        let (mut code, mut message) = (element(&short, "Code"), element(&short, "Message"));
        if message == Some("Unknown operation") {
            // s3s says NotImplemented of methods and paths that S3 does not have.
            (code, message) = (Some("MethodNotAllowed"), None);
            *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        }
        let code = code.unwrap_or("InternalError");
        let told = message.map_or_else(|| error::default_message(code).to_owned(), encode::unescape);
        let document = self.error_document(code, message);
        let json = self.errors.document(answer.status(), code, &told);
        answer.extensions_mut().insert(Refused(told));
        remove_body(answer);
        if let Some(json) = json {
            *answer.status_mut() = json.status();
            answer.headers_mut().extend(json.headers().clone());
            if self.head {
                answer.headers_mut().remove(CONTENT_TYPE);
            } else {
                *answer.body_mut() = json.into_body();
            }
            return;
        }
        if !self.head {
            answer.headers_mut().insert(CONTENT_TYPE, XML);
            let document = document.into_bytes();
            *answer.body_mut() = Body::from(encode::control_references(&document).unwrap_or(document));
        }
    }

    /// `code` and `message` are escaped already.
    fn error_document(&self, code: &str, message: Option<&str>) -> String {
        let default = || encode::xml(error::default_message(code));
        let mut out = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code>");
        let mut add = |name: &str, value: &str| out.push_str(&format!("<{name}>{value}</{name}>"));
        add("Message", &message.map_or_else(default, str::to_owned));
        for (name, value) in [("BucketName", &self.target.bucket), ("Key", &self.target.key)] {
            if let Some(value) = value {
                add(name, &encode::xml(&encode::echo(value)));
            }
        }
        if code == "AuthorizationHeaderMalformed" {
            // A client that signed for a region that cannot be one reads here which to sign for, and tries again.
            add("Region", &encode::xml(&self.region));
        }
        if code == "SignatureDoesNotMatch" {
            // If it is not the one that was signed, a proxy on the way has changed it.
            add("Host", &encode::xml(&encode::echo(&self.host)));
        }
        add("Resource", &encode::xml(&self.path));
        add("RequestId", &encode::xml(&self.request_id));
        add("HostId", &self.host_id());
        out.push_str("</Error>");
        out
    }
}

fn remove_body(answer: &mut Response<Body>) {
    *answer.body_mut() = Body::empty();
    for name in [CONTENT_TYPE, CONTENT_LENGTH, TRANSFER_ENCODING] {
        answer.headers_mut().remove(name);
    }
}

/// The text of the first element of that name in the short documents that s3s prints, still escaped.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(head: bool) -> Asked {
        let target = Target { bucket: Some("b".into()), key: Some("a<\n".into()) };
        Asked {
            head,
            path: "/b/a%3C%0A".into(),
            host: "inner:9000".into(),
            target,
            request_id: "R1".into(),
            region: "us-east-1".into(),
            errors: Errors::Xml,
        }
    }

    fn short(status: u16, body: &str) -> Response<Body> {
        let body = Body::from(body.to_owned());
        Response::builder().status(status).header(CONTENT_LENGTH, "999").body(body).unwrap()
    }

    fn text(answer: &Response<Body>) -> String {
        String::from_utf8(answer.body().bytes().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn an_error_document_is_complete() {
        let answer =
            asked(false).finish(short(404, "<Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>"));
        let text = text(&answer);
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchKey</Code>"));
        for part in [
            "<Message>a &amp; b</Message>",
            "<BucketName>b</BucketName>",
            "<Key>a&lt;&#10;</Key>",
            "<Resource>/b/a%3C%0A</Resource>",
            "<RequestId>R1</RequestId>",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(answer.headers().get(REQUEST_ID).unwrap(), "R1");
        assert!(answer.headers().contains_key(HOST_ID));
        assert!(!answer.headers().contains_key(CONTENT_LENGTH));
    }

    #[test]
    fn a_signature_that_does_not_match_is_told_the_host_it_was_held_against() {
        let refused = |code| asked(false).finish(short(403, &format!("<Error><Code>{code}</Code></Error>")));
        assert!(text(&refused("SignatureDoesNotMatch")).contains("<Host>inner:9000</Host>"));
        assert!(!text(&refused("AccessDenied")).contains("<Host>"));
    }

    #[test]
    fn an_error_without_a_sentence_gets_one() {
        let answer = asked(false).finish(short(403, "<Error><Code>AccessDenied</Code></Error>"));
        assert!(text(&answer).contains("<Message>Access Denied</Message>"));
    }

    #[test]
    fn answers_to_head_have_no_document() {
        let answer = asked(true).finish(short(404, "<Error><Code>NoSuchKey</Code></Error>"));
        assert_eq!(text(&answer), "");
        assert!(!answer.headers().contains_key(CONTENT_TYPE));
        assert!(answer.headers().contains_key(REQUEST_ID));
    }

    #[test]
    fn what_s3_does_not_have_is_not_allowed() {
        let body = "<Error><Code>NotImplemented</Code><Message>Unknown operation</Message></Error>";
        let answer = asked(false).finish(short(501, body));
        assert_eq!(answer.status(), 405);
        assert!(text(&answer).contains("<Code>MethodNotAllowed</Code>"));
    }
}
