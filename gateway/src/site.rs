//! The gateway's own pages: `/-/health`, `/-/ready`, `/-/metrics`, `/-/docs`, `/-/seen`, `/-/upload.js`, `/-/demo`; and `/health`, which management clients ask.

mod browser;
mod docs;
mod seen;

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};

use crate::app::App;
use crate::body::{Body, answer};
use crate::metrics;
pub(crate) use seen::Seen;

const TEXT: &str = "text/plain; charset=utf-8";

/// What the pages are told.
#[derive(Debug, Clone)]
pub(crate) struct SiteSettings {
    /// Whether there is a page to try uploads with.
    pub(crate) demo: bool,
    /// The address under which clients reach the gateway, if it is given.
    pub(crate) public_url: Option<String>,
}

/// Answers a request to a path under `/-/`.
pub(crate) async fn answer_page<B>(app: &Arc<App>, request: &Request<B>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer(StatusCode::METHOD_NOT_ALLOWED, TEXT, "Only GET and HEAD.\n");
    }
    match request.uri().path() {
        "/-/health" => answer(StatusCode::OK, TEXT, "ok\n"),
        "/-/ready" => ready(app),
        "/-/metrics" => print_metrics(app).await,
        "/-/seen" => seen::page(app, request),
        path if docs::serves(path) => docs::page(path),
        path => {
            browser::page(path, app.site.demo).unwrap_or_else(|| answer(StatusCode::NOT_FOUND, TEXT, "No such page.\n"))
        }
    }
}

/// Answers `/health`: the process is there and answers.
pub(crate) fn health() -> Response<Body> {
    answer(StatusCode::OK, "application/json", "{\"status\":\"ok\"}")
}

fn ready(app: &App) -> Response<Body> {
    match app.unready() {
        None => answer(StatusCode::OK, TEXT, "ready\n"),
        Some(reason) => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {reason}\n")),
    }
}

async fn print_metrics(app: &Arc<App>) -> Response<Body> {
    let app = Arc::clone(app);
    // Printing reads rows of the store and a file of the kernel's.
    match tokio::task::spawn_blocking(move || metrics::print(&app.metrics, &app.store, &app.logs)).await {
        Ok(page) => answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page),
        Err(error) => {
            tracing::error!(%error, "metrics could not be printed");
            answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "The metrics could not be printed.\n")
        }
    }
}
