//! Following a share link: a page for people, a file for everybody who may have it. There is no key here; what counts is
//! the code in the path, and the password where the link has one.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use windlass_store::Store;
use windlass_store::limit::PASSWORD_BYTES_MAX;
use windlass_store::share::ShareAnswer;

use crate::answer::{Answer, Output as _};
use crate::call::caller;
use crate::content;
use crate::error::{Error, ErrorKind, Form, Result};
use crate::input::pieces;
use crate::within::within;

/// What stands before the code in the path of a link.
pub(crate) const PREFIX: &str = "/-/s/";
/// A form of one password, percent-encoded.
const FORM_BYTES_MAX: usize = 64 + 3 * PASSWORD_BYTES_MAX;

/// The page may show itself and send its form back to where it came from.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The door of share links.
#[derive(Clone)]
pub struct Links {
    store: Arc<Store>,
    timeout: Duration,
}

impl Links {
    /// A door to the links of a store. `timeout` is how long a password may take to arrive.
    pub fn new(store: Arc<Store>, timeout: Duration) -> Self {
        Self { store, timeout }
    }

    /// Whether a path is that of a link.
    pub fn serves(path: &str) -> bool {
        path.starts_with(PREFIX)
    }

    /// Answers a request to such a path. Its extensions may hold an `Arc<Caller>`, which is told whose file it is.
    /// An error of its body that is one of the store's keeps its meaning.
    pub async fn handle<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let (head, body) = request.map(Body::new).into_parts();
        let code = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let password = match head.method {
            Method::GET | Method::HEAD => Ok(None),
            Method::POST => {
                let late = || Err(Error::new(ErrorKind::Timeout, "Request timeout"));
                within(self.timeout, password(body)).await.unwrap_or_else(late)
            }
            _ => return refuse_method(),
        };
        let opened = match password {
            Ok(password) => self.store.open_share(code, password).await.map_err(Error::from),
            Err(error) => Err(error),
        };
        match opened {
            Ok(ShareAnswer::Open { grant, key, .. }) => {
                let owner = grant.principal();
                if let (Some(caller), Ok(bucket)) = (caller(&head), grant.bucket()) {
                    caller.belongs_to(owner.org, None);
                    caller.uses(bucket.id, bucket.row.org);
                    if !bucket.row.is_sandbox() {
                        caller.delivers();
                    }
                }
                match content::read(&self.store, &grant, key, &head.headers).await {
                    Ok(content) => kept_from_caches(content.into_answer()),
                    Err(error) => told(&error),
                }
            }
            Ok(ShareAnswer::PasswordNeeded) => page(StatusCode::UNAUTHORIZED, &form("")),
            Ok(ShareAnswer::PasswordWrong) => {
                page(StatusCode::FORBIDDEN, &form("<p role=\"alert\">That is not the password.</p>"))
            }
            Ok(ShareAnswer::Unknown) => {
                page(StatusCode::NOT_FOUND, "<p>This link does not lead anywhere any more.</p>")
            }
            Err(error) => told(&error),
        }
    }
}

/// The password of a form.
async fn password(body: Body) -> Result<Option<String>> {
    let form = collect(body).await?;
    let field = form_urlencoded::parse(&form).find(|(name, _)| name == "password");
    Ok(field.map(|(_, password)| password.into_owned()))
}

async fn collect(body: Body) -> Result<Bytes> {
    let mut stream = pieces(body);
    let mut form = BytesMut::new();
    while let Some(piece) = stream.next().await.transpose()? {
        if form.len() + piece.len() > FORM_BYTES_MAX {
            return Err(Error::new(ErrorKind::TooLarge, "The form is too large."));
        }
        form.extend_from_slice(&piece);
    }
    Ok(form.freeze())
}

fn form(before: &str) -> String {
    format!(
        "{before}<form method=\"post\"><label>Password <input type=\"password\" name=\"password\" maxlength=\"{PASSWORD_BYTES_MAX}\" \
         required autofocus></label> <button>Open</button></form>"
    )
}

/// An error as a page; the words of these are ours, and hold nothing of a client's.
fn told(error: &Error) -> Answer {
    let (status, message) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::BadRequest => {
            (StatusCode::NOT_FOUND, "This link does not lead anywhere any more.")
        }
        ErrorKind::PaymentRequired => (StatusCode::PAYMENT_REQUIRED, "This file cannot be sent any more this month."),
        ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "That is too long for a password."),
        ErrorKind::Timeout => (StatusCode::REQUEST_TIMEOUT, "The request took too long."),
        ErrorKind::BadRange => (StatusCode::RANGE_NOT_SATISFIABLE, "The file has no such range."),
        ErrorKind::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "The file is another one by now."),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Too much at once. Please try again."),
        _ => {
            tracing::error!(error = %error.message(Form::Bare), "a link could not be followed");
            (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong here.")
        }
    };
    let mut answer = page(status, &format!("<p>{message}</p>"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

fn refuse_method() -> Answer {
    let mut answer = page(StatusCode::METHOD_NOT_ALLOWED, "<p>Links are opened by GET.</p>");
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD,POST"));
    answer
}

fn page(status: StatusCode, body: &str) -> Answer {
    let text = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>Shared file</title><style>body{{font:1rem system-ui;margin:4rem auto;\
         max-width:32rem;padding:0 1rem}}input,button{{font:inherit;padding:.3rem .6rem}}</style></head><body>\
         <h1>Shared file</h1>{body}</body></html>"
    );
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    kept_from_caches(answer)
}

/// What a link leads to can end at any time, and its address is a secret.
fn kept_from_caches(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}
