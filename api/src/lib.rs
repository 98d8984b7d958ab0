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
mod peer;
pub mod presign;
mod rate;
mod route;
mod table;
mod time;
pub mod uploads;
mod v1;
mod within;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodFilter, MethodRouter};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use tower::ServiceExt as _;

pub use answer::{Answer, Printed};
pub use auth::authenticate;
pub use browser::{BrowserFile, browser_file};
pub use call::{Settings, State, UploadSettings};
pub use error::{Error, ErrorKind, Form, bare};
pub use files::Links;
pub use kv::{Kv, KvCreate, KvScripts, KvSettings, work_on_scripts};
pub use peer::Peer;
pub use rate::{Rates, Taken};

use route::Route;

/// Whether a path on the base host belongs to a JSON door.
pub fn serves(path: &str) -> bool {
    path.starts_with(uploads::PREFIX) || under(path, "/v1")
}

/// Whether a path is that of a door, or below it.
pub fn under(path: &str, door: &str) -> bool {
    path.strip_prefix(door).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The JSON doors. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    router: Router,
    uploads: uploads::Door,
}

impl Api {
    /// The doors to what `state` holds.
    pub fn new(state: Arc<State>) -> Self {
        let routes = table::routes();
        let document = serde_json::to_vec_pretty(&openapi::document(&routes)).unwrap_or_default();
        let mut router = Router::new().route(openapi::PATH, document_route(Bytes::from(document)));
        let mut paths: BTreeMap<&'static str, Vec<Arc<Route>>> = BTreeMap::new();
        for route in routes {
            paths.entry(route.path).or_default().push(Arc::new(route));
        }
        for (path, routes) in paths {
            router = router.route(path, methods(path, &routes, &state));
            // The rest of a path can be nothing, which its handlers have to say.
            if let Some((stem, _)) = path.split_once("{*") {
                router = router.route(stem, methods(path, &routes, &state));
            }
        }
        // With its state, though it has none, the router makes its services now and not for each request.
        Self { router: router.fallback(nowhere).with_state(()), uploads: uploads::Door::new(state) }
    }

    /// Answers one request to a path that `serves` takes. Its extensions may hold an `Arc<Caller>`, which is told who asks.
    /// An error of its body that is one of the store's keeps its meaning.
    pub async fn handle<B>(&self, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let request = request.map(Body::new);
        if request.uri().path().starts_with(uploads::PREFIX) {
            return self.uploads.handle(request).await;
        }
        match self.router.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }
}

async fn nowhere(request: Request<Body>) -> Answer {
    Error::new(ErrorKind::NotFound, "Not found").into_answer(Form::of(request.uri().path()))
}

fn methods(path: &'static str, routes: &[Arc<Route>], state: &Arc<State>) -> MethodRouter {
    let allowed = allow(routes.iter().map(|route| &route.method));
    let form = Form::of(path);
    let refuse = move || async move { Error::method_not_allowed(&allowed).into_answer(form) };
    let router = MethodRouter::new().fallback(refuse);
    routes.iter().fold(router, |router, route| {
        let Ok(filter) = MethodFilter::try_from(route.method.clone()) else { return router };
        let (route, state) = (Arc::clone(route), Arc::clone(state));
        router.on(filter, move |request: Request<Body>| async move { route.answer(&state, request).await })
    })
}

/// The value of Allow.
fn allow<'a>(methods: impl Iterator<Item = &'a Method>) -> String {
    let mut names: Vec<&str> = methods.map(Method::as_str).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.sort_unstable();
    names.join(",")
}

fn document_route(document: Bytes) -> MethodRouter {
    let refuse = || async { Error::method_not_allowed("GET,HEAD").into_answer(Form::Envelope) };
    let show = move || async move {
        let mut answer = Response::new(Body::from(document));
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    };
    MethodRouter::new().on(MethodFilter::GET, show).fallback(refuse)
}

#[cfg(test)]
mod tests;
