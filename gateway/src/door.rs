//! The door: every layer that a request passes, in order, and what lies behind.

mod capture;
mod json;
mod limit;
mod log;
mod panic;
mod refusal;
mod request_id;
mod route;

use std::future;
use std::pin::Pin;
use std::sync::Arc;

use futures::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use windlass_api::{Form, Links};

pub(crate) use self::capture::Refused;
pub(crate) use self::json::JsonDoor;
pub(crate) use self::limit::Limits;
pub(crate) use self::panic::log_panics;
use self::request_id::RequestId;
pub(crate) use self::route::{Hosts, Kind};
use crate::app::App;
use crate::body::{Body, boxed};
use crate::net::{Activity, Peer, Proxies};
use crate::s3::S3Door;
use crate::site;

/// The answer of a door, to come.
type Answering<'a> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>;

/// All doors behind one listener.
pub(crate) struct Door {
    app: Arc<App>,
    s3: S3Door,
    json: JsonDoor,
    hosts: Hosts,
    proxies: Proxies,
    limits: Limits,
}

impl Door {
    pub(crate) fn new(
        app: Arc<App>,
        s3: S3Door,
        json: JsonDoor,
        hosts: Hosts,
        proxies: Proxies,
        limits: Limits,
    ) -> Self {
        Self { app, s3, json, hosts, proxies, limits }
    }

    /// Each door's own future: all of them in one would be moved, at the size of the largest, for every request.
    fn route<'a>(&'a self, kind: Kind, request: Request<Incoming>, id: &'a RequestId, peer: Peer) -> Answering<'a> {
        match kind {
            Kind::Site if Links::serves(request.uri().path()) => Box::pin(self.json.follow(request)),
            Kind::Site => Box::pin(async move { site::answer_page(&self.app, &request).await }),
            Kind::Health => Box::pin(future::ready(site::health())),
            Kind::Json => Box::pin(self.json.handle(request)),
            Kind::Kv => {
                let base = route::kv_base(&request, &self.hosts);
                Box::pin(self.json.key_value(base, request))
            }
            Kind::S3 => Box::pin(self.s3.handle(request, id.as_str(), peer).map(|answer| answer.map(boxed))),
        }
    }
}

/// The doors as one connection has them: its requests hold this, so that who holds what is counted for each connection and not
/// where all of them would.
pub(crate) struct Entrance {
    door: Arc<Door>,
    peer: Peer,
    activity: Arc<Activity>,
}

impl Entrance {
    pub(crate) fn new(door: Arc<Door>, peer: Peer, activity: Arc<Activity>) -> Arc<Self> {
        Arc::new(Self { door, peer, activity })
    }

    /// Answers one request. Refusals and panics pass the log too, so it stands before what can refuse or panic.
    pub(crate) async fn answer(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Body> {
        let door = &*self.door;
        let peer = door.proxies.client(&mut request, self.peer);
        request.extensions_mut().insert(peer);
        let kind = route::kind(&request, &door.hosts);
        let id = RequestId::of(&request, kind);
        let form = if kind == Kind::Kv { Form::Text } else { Form::of(request.uri().path()) };
        let mut line = log::Line::begin(&self, &mut request, kind, &id, peer.address);
        let answer = match limit::admit(&request, &door.limits, &door.app.metrics.running) {
            Ok(()) => {
                line.admitted();
                panic::guard(kind, form, &id, door.route(kind, request, &id, peer)).await
            }
            Err(refusal) => refusal.answer(kind, form, &id),
        };
        line.watch(request_id::stamp(answer, kind, &id))
    }
}
