//! The JSON doors, the key-value door and share links, as the door gives requests to them.

use std::time::Duration;

use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use windlass_api::{Api, Kv, Links};
use windlass_store::{Error, ErrorKind};

use super::capture::{self, Tapped};
use crate::body::{Body, BodyError, boxed};
use crate::incoming::{self, ClientBody, Cut, Rest};

/// What answers where no S3 is spoken.
pub(crate) struct JsonDoor {
    api: Api,
    links: Links,
    kv: Kv,
    body_idle: Duration,
}

impl JsonDoor {
    pub(crate) fn new(api: Api, links: Links, kv: Kv, body_idle: Duration) -> Self {
        Self { api, links, kv, body_idle }
    }

    /// Answers a request to a path of a JSON door.
    pub(super) async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let (version, rest) = (request.version(), Rest::default());
        settle(self.api.handle(self.open(request, &rest)).await.map(boxed), rest, version).await
    }

    /// Answers a request to the path of a share link.
    pub(super) async fn follow(&self, request: Request<Incoming>) -> Response<Body> {
        let (version, rest) = (request.version(), Rest::default());
        settle(self.links.handle(self.open(request, &rest)).await.map(boxed), rest, version).await
    }

    /// Answers a request to the key-value door, whose paths begin with `base`.
    pub(super) async fn key_value(&self, base: &str, request: Request<Incoming>) -> Response<Body> {
        let (version, rest) = (request.version(), Rest::default());
        settle(self.kv.handle(base, self.open(request, &rest)).await.map(boxed), rest, version).await
    }

    fn open(
        &self,
        request: Request<Incoming>,
        rest: &Rest,
    ) -> Request<Tapped<impl http_body::Body<Data = bytes::Bytes, Error = BodyError> + Send + use<>>> {
        let (parts, incoming) = request.into_parts();
        let body = ClientBody::new(incoming, &parts.headers, self.body_idle, rest).map_err(meaning);
        capture::tapped(Request::from_parts(parts, body))
    }
}

async fn settle(mut answer: Response<Body>, rest: Rest, version: Version) -> Response<Body> {
    if answer.status() == StatusCode::REQUEST_TIMEOUT {
        rest.give_up();
    }
    incoming::settle(&mut answer, &rest, version).await;
    answer
}

/// Why a body was cut, as the JSON doors tell it.
fn meaning(cut: Cut) -> BodyError {
    let error = match &cut {
        Cut::Idle => Error::new(ErrorKind::Timeout, "Request timeout"),
        Cut::Connection(_) => Error::new(ErrorKind::IncompleteBody, "The body ended before its end"),
    };
    error.because(cut).into()
}
