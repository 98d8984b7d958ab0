//! The JSON doors. Parse, authorise, call the store, print; one file per resource.
//!
//! The list of resources is `table.rs`: the management API under `/v1` (buckets, files, keys, logs, billing), and beside it
//! the files face for bearers (`/v1/files`, `/v1/folders`, `/v1/share`, and the links that it makes). Every operation there
//! names the action that it needs, and `route.rs` asks for it before any handler runs. The OpenAPI document is made of the
//! same table. The uploads API (`/api/v1`) has keys, errors and a table of its own (`uploads`). The key-value door (`kv`) has a
//! language of its own, and stands beside that.
//!
//! Deliberately absent: S3, listeners, and rules about what is stored.

mod answer;
mod auth;
mod browser;
mod call;
mod content;
mod error;
mod field;
mod files;
mod id;
mod input;
mod kv;
mod limit;
pub mod multipart;
mod openapi;
mod page;
mod path;
mod paths;
mod peer;
pub mod presign;
mod rate;
mod route;
mod table;
mod time;
pub mod uploads;
mod v1;
mod within;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};

pub use answer::{Answer, Printed};
pub use auth::authenticate;
pub use browser::{BrowserFile, browser_file};
pub use call::{Settings, State, UploadSettings};
pub use error::{Error, ErrorKind, Form, bare};
pub use files::Links;
pub use kv::{Kv, KvCreate, KvScripts, KvSettings, work_on_scripts};
pub use peer::Peer;
pub use rate::{Rates, Taken};

use paths::{Found, Paths, measured};
use route::Route;

/// Whether a path on the base host belongs to a JSON door.
pub fn serves(path: &str) -> bool {
    path.starts_with(uploads::PREFIX) || under(path, "/v1")
}

/// Whether a path is that of a door, or below it.
pub fn under(path: &str, door: &str) -> bool {
    path.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The JSON doors.
pub struct Api {
    state: Arc<State>,
    paths: Paths<Operation>,
    /// The OpenAPI document.
    document: Bytes,
    uploads: uploads::Door,
}

/// What is done for a request.
#[derive(Clone)]
enum Operation {
    Route(Arc<Route>),
    /// Shows the OpenAPI document, to everybody.
    Document,
}

impl Api {
    /// The doors to what `state` holds.
    pub fn new(state: Arc<State>) -> Self {
        let routes = table::routes();
        let document = serde_json::to_vec_pretty(&openapi::document(&routes)).unwrap_or_default().into();
        let paths = Paths::of(operations(routes));
        Self { uploads: uploads::Door::new(Arc::clone(&state)), state, paths, document }
    }

    /// Answers one request to a path that `serves` takes. Its extensions may hold an `Arc<Caller>`, which is told who asks.
    /// An error of its body that is one of the store's keeps its meaning.
    pub async fn handle<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
        let (path, is_head) = (request.uri().path(), request.method() == Method::HEAD);
        let answer = if path.starts_with(uploads::PREFIX) {
            self.uploads.handle(request).await
        } else {
            match self.paths.find(request.method(), path) {
                Found::Operation(Operation::Route(route)) => route.answer(&self.state, request).await,
                Found::Operation(Operation::Document) => self.document(),
                Found::Others(allowed) => Error::method_not_allowed(allowed).into_answer(Form::of(path)),
                Found::Nothing => Error::new(ErrorKind::NotFound, "Not found").into_answer(Form::of(path)),
            }
        };
        measured(answer, is_head)
    }

    fn document(&self) -> Answer {
        let mut answer = Response::new(Body::from(self.document.clone()));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }
}

/// All operations with the templates of their paths.
fn operations(routes: Vec<Route>) -> impl Iterator<Item = (Method, &'static str, Operation)> {
    let all = routes.into_iter().flat_map(|route| {
        // The rest of a path can be nothing, which its handlers have to say.
        let stem = route.path.split_once("{*").map(|(stem, _)| stem);
        let (method, path, route) = (route.method.clone(), route.path, Arc::new(route));
        [Some(path), stem]
            .into_iter()
            .flatten()
            .map(move |path| (method.clone(), path, Operation::Route(Arc::clone(&route))))
    });
    all.chain([(Method::GET, openapi::PATH, Operation::Document)])
}

#[cfg(test)]
mod tests;
