//! The door: every layer that a request passes, in order, and what lies behind.

mod limit;
mod log;
mod panic;
mod refusal;
mod request_id;
mod route;

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::sync::Semaphore;

pub(crate) use self::limit::Limits;
pub(crate) use self::panic::log_panics;
use self::request_id::RequestId;
pub(crate) use self::route::Kind;
use crate::app::App;
use crate::body::{Body, boxed};
use crate::s3::S3Door;
use crate::site;

/// All doors behind one listener.
pub(crate) struct Door {
    app: Arc<App>,
    s3: S3Door,
    base_domain: Option<String>,
    limits: Limits,
    requests: Arc<Semaphore>,
}

impl Door {
    /// `base_domain` is in lower case.
    pub(crate) fn new(app: Arc<App>, s3: S3Door, base_domain: Option<String>, limits: Limits) -> Self {
        let requests = Arc::new(Semaphore::new(limits.requests));
        Self { app, s3, base_domain, limits, requests }
    }

    /// Answers one request. Refusals and panics pass the log too, so it stands before what can refuse or panic.
    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Body> {
        let id = RequestId::generate();
        let kind = route::kind(&request, self.base_domain.as_deref());
        let mut line = log::Line::begin(&self.app, &request, kind, &id, peer);
        let answer = match limit::admit(&request, &self.limits, &self.requests) {
            Ok(slot) => {
                line.hold(slot);
                panic::guard(kind, &id, self.route(kind, request, &id)).await
            }
            Err(refusal) => refusal.answer(kind, &id),
        };
        line.watch(request_id::stamp(answer, kind, &id))
    }

    async fn route(&self, kind: Kind, request: Request<Incoming>, id: &RequestId) -> Response<Body> {
        match kind {
            Kind::Site => site::answer_page(&self.app, &request).await,
            Kind::Health => site::health(),
            Kind::Json => windlass_api::handle(request).await.map(boxed),
            Kind::S3 => self.s3.handle(request, id.as_str()).await.map(boxed),
        }
    }
}
