//! The uploads API, `/api/v1`: applications have their users upload to a project, and are told when a file is there.
//!
//! Its clients present keys of projects and read answers of a form of its own, so it has its own table of operations, and
//! what stands before every handler is here: the key, the rate limit, the deadline. What is true of files is in the store.

mod ask;
mod deliveries;
mod error;
mod file;
mod files;
mod keys;
mod kind;
mod list;
mod parts;
mod projects;
mod routes;
mod table;
mod upload;
mod usage;
mod webhook;

use std::sync::Arc;

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use windlass_store::id::ProjectKeyId;

use self::error::{Code, Refusal};
use self::table::Route;
use crate::answer::Answer;
use crate::call::State;
use crate::paths::{Found, Paths};
use crate::rate::Rates;

pub use webhook::{Carrier, Message, message};

/// What all paths of this API begin with.
pub(crate) const PREFIX: &str = "/api/v1/";

/// What pages of every origin are told.
const CORS: [(HeaderName, HeaderValue); 5] = [
    (ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS")),
    (
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("Content-Type, Authorization, x-api-key, x-uploadkit-version"),
    ),
    (
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After"),
    ),
    (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
];

/// What the door is made of, beside what all JSON doors are.
struct Parts {
    state: Arc<State>,
    /// How many requests each key may make.
    rates: Rates<ProjectKeyId>,
}

/// The door.
pub(crate) struct Door {
    parts: Parts,
    paths: Paths<Route>,
}

impl Door {
    pub(crate) fn new(state: Arc<State>) -> Self {
        let operations = table::routes().into_iter().map(|route| (route.method.clone(), route.path, route));
        Self { parts: Parts { state, rates: Rates::default() }, paths: Paths::of(operations) }
    }

    /// Answers one request to a path that begins with `PREFIX`.
    pub(crate) async fn handle(&self, request: Request<Body>) -> Answer {
        let mut answer = if request.method() == Method::OPTIONS {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            answer
        } else {
            match self.paths.find(request.method(), request.uri().path()) {
                Found::Operation(route) => ask::answer(route, &self.parts, request).await,
                Found::Others(allowed) => not_allowed(allowed),
                Found::Nothing => Refusal::new(Code::NotFound, "Not found").into_answer(),
            }
        };
        answer.headers_mut().extend(HeaderMap::from_iter(CORS));
        answer
    }
}

fn not_allowed(allowed: &str) -> Answer {
    let mut answer = Refusal::new(Code::MethodNotAllowed, "Method not allowed").into_answer();
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        answer.headers_mut().insert(ALLOW, allowed);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found() {
        let all = || table::routes().into_iter().map(|route| (route.method, route.path));
        let paths = Paths::of(all().map(|(method, path)| (method.clone(), path, (method, path))));
        for operation in all() {
            assert_eq!(paths.find(&operation.0, operation.1), Found::Operation(&operation));
        }
    }
}
