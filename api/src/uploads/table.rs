//! THE TABLE of the uploads API: all that it can do, and who may ask for it.

use std::pin::Pin;

use http::Method;
use windlass_store::policy::Action;

use super::ask::Ask;
use super::error::Result;
use super::{deliveries, files, keys, parts, projects, routes, upload, usage};
use crate::answer::Answer;

type Answering = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// Whose key an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// A project's.
    Project,
    /// A project's, or one of the organisation that may do this.
    Either(Action),
}

/// One operation.
pub(super) struct Route {
    pub(super) method: Method,
    /// The template of its path.
    pub(super) path: &'static str,
    pub(super) needs: Needs,
    /// Whether it waits for somebody else, who has a deadline of their own.
    pub(super) waits: bool,
    pub(super) handler: Box<dyn Fn(Ask) -> Answering + Send + Sync>,
}

fn on<F>(method: &Method, path: &'static str, needs: Needs, handler: fn(Ask) -> F) -> Route
where
    F: Future<Output = Result<Answer>> + Send + 'static,
{
    Route { method: method.clone(), path, needs, waits: false, handler: Box::new(move |ask| Box::pin(handler(ask))) }
}

const FILES: &str = "/api/v1/files";
const FILE: &str = "/api/v1/files/{*key}";
const PROJECTS: &str = "/api/v1/projects";
const PROJECT: &str = "/api/v1/projects/{id}";
const ROUTES: &str = "/api/v1/projects/{id}/routers";
const ROUTE: &str = "/api/v1/routers/{id}";
const KEYS: &str = "/api/v1/projects/{id}/keys";
const DELIVERIES: &str = "/api/v1/webhooks/deliveries";
const DELIVERY: &str = "/api/v1/webhooks/deliveries/{id}";

const PROJECT_KEY: Needs = Needs::Project;
const READ: Needs = Needs::Either(Action::ListBuckets);
const MAKE: Needs = Needs::Either(Action::CreateBucket);
const CHANGE: Needs = Needs::Either(Action::UpdateBucket);
const DELETE: Needs = Needs::Either(Action::DeleteBucket);

/// All operations.
pub(super) fn routes() -> Vec<Route> {
    let (get, post, patch, delete) = (&Method::GET, &Method::POST, &Method::PATCH, &Method::DELETE);
    vec![
        on(post, "/api/v1/upload/request", PROJECT_KEY, upload::request),
        on(post, "/api/v1/upload/complete", PROJECT_KEY, upload::complete),
        on(post, "/api/v1/upload/multipart/init", PROJECT_KEY, parts::init),
        on(post, "/api/v1/upload/multipart/complete", PROJECT_KEY, parts::complete),
        on(post, "/api/v1/upload/multipart/abort", PROJECT_KEY, parts::abort),
        on(post, "/api/v1/upload/multipart/urls", PROJECT_KEY, parts::urls),
        on(get, "/api/v1/upload/multipart/{id}/parts", PROJECT_KEY, parts::stored),
        on(get, FILES, PROJECT_KEY, files::list),
        on(delete, FILES, PROJECT_KEY, files::delete_many),
        on(get, FILE, PROJECT_KEY, files::get),
        on(patch, FILE, PROJECT_KEY, files::update),
        on(delete, FILE, PROJECT_KEY, files::delete),
        on(get, PROJECTS, READ, projects::list),
        on(post, PROJECTS, MAKE, projects::create),
        on(get, PROJECT, READ, projects::get),
        on(patch, PROJECT, CHANGE, projects::update),
        on(delete, PROJECT, DELETE, projects::delete),
        on(get, "/api/v1/projects/{id}/signing-keys", CHANGE, projects::signing_keys),
        on(post, "/api/v1/projects/{id}/signing-keys/rotate", CHANGE, projects::rotate_signing_keys),
        on(get, ROUTES, READ, routes::list),
        on(post, ROUTES, CHANGE, routes::create),
        on(patch, ROUTE, CHANGE, routes::update),
        on(delete, ROUTE, CHANGE, routes::delete),
        Route { waits: true, ..on(post, "/api/v1/routers/{id}/webhook/test", CHANGE, routes::try_webhook) },
        on(get, KEYS, READ, keys::list),
        on(post, KEYS, CHANGE, keys::create),
        on(delete, "/api/v1/keys/{id}", CHANGE, keys::delete),
        on(get, "/api/v1/usage", PROJECT_KEY, usage::now),
        on(get, "/api/v1/usage/history", PROJECT_KEY, usage::history),
        on(get, "/api/v1/logs", PROJECT_KEY, usage::logs),
        on(get, DELIVERIES, PROJECT_KEY, deliveries::list),
        on(get, DELIVERY, PROJECT_KEY, deliveries::get),
        on(delete, DELIVERY, PROJECT_KEY, deliveries::delete),
        on(post, "/api/v1/webhooks/deliveries/{id}/redeliver", PROJECT_KEY, deliveries::redeliver),
    ]
}
