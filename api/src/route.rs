//! Routes: a method, a path, the action that it needs, and a handler. There is no way to make one without its action,
//! and no way past the stages that stand before every handler: the token, its scopes, the rate limit, the bucket.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use schemars::SchemaGenerator;
use serde_json::Value;
use windlass_store::id::BucketId;
use windlass_store::name::BucketName;
use windlass_store::policy::{Action, Grant};

use crate::answer::{Answer, Output};
use crate::auth::authenticate;
use crate::call::{Asked, Call, State, authorize, caller, sent};
use crate::error::{Error, ErrorKind, Form, Result};
use crate::field::{Given, Source};
use crate::id::{self, Id};
use crate::input::{Input, InputDoc};
use crate::path;

type Answering = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;
type Handler = Box<dyn Fn(Call, Body) -> Answering + Send + Sync>;

/// One operation.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The template of its path.
    pub(crate) path: &'static str,
    action: Action,
    pub(crate) docs: Docs,
    handler: Handler,
    /// Whether its time is bounded by the idle time of the body alone.
    streams: bool,
}

/// Parameters of an operation that goes on, and where their values are found: a runtime expression of OpenAPI.
pub(crate) type Link = &'static [(&'static str, &'static str)];

/// What the document tells of an operation.
pub(crate) struct Docs {
    pub(crate) id: &'static str,
    pub(crate) about: &'static str,
    /// Statuses that are answered beside those that every operation has.
    pub(crate) fails: &'static [StatusCode],
    /// Operations that go on with what this one answers.
    pub(crate) links: Vec<(&'static str, Link)>,
    pub(crate) input: fn() -> InputDoc,
    pub(crate) output: fn(&mut SchemaGenerator) -> Option<(&'static str, Value)>,
    pub(crate) status: StatusCode,
    pub(crate) in_bucket: bool,
}

/// An operation. `id` and `about` are what the document calls it.
pub(crate) fn route<I, O, F>(
    method: Method,
    path: &'static str,
    action: Action,
    handler: fn(Call, I) -> F,
    (id, about): (&'static str, &'static str),
) -> Route
where
    I: Input,
    O: Output,
    F: Future<Output = Result<O>> + Send + 'static,
{
    let run = move |call: Call, body: Body| -> Answering {
        Box::pin(async move {
            let input = I::take(&call, body).await?;
            Ok(handler(call, input).await?.into_answer())
        })
    };
    let docs = Docs {
        id,
        about,
        fails: &[],
        links: Vec::new(),
        input: I::describe,
        output: O::content,
        status: O::STATUS,
        in_bucket: false,
    };
    Route { method, path, action, docs, handler: Box::new(run), streams: I::STREAMS }
}

impl Route {
    /// What it needs.
    pub(crate) fn action(&self) -> Action {
        self.action
    }

    /// The same route in the bucket that `?bucket=` names, or the organisation's default.
    pub(crate) fn in_bucket(mut self) -> Self {
        self.docs.in_bucket = true;
        self
    }

    /// The same route with what it can answer beside what every route can.
    pub(crate) fn fails(mut self, statuses: &'static [StatusCode]) -> Self {
        self.docs.fails = statuses;
        self
    }

    /// The same route with an operation that goes on with its answer.
    pub(crate) fn then(mut self, operation: &'static str, link: Link) -> Self {
        self.docs.links.push((operation, link));
        self
    }

    /// Answers a request.
    pub(crate) async fn answer(&self, state: &Arc<State>, request: Request<Body>) -> Answer {
        let form = Form::of(self.path);
        let (head, body) = request.into_parts();
        let principal = match authenticate(&state.store, &head.headers) {
            Ok(principal) => principal,
            Err(error) => return error.into_answer(form),
        };
        if let Some(caller) = caller(&head) {
            caller.belongs_to(principal.org, Some(principal.key));
        }
        let rate = match state.store.plan_of(principal.org) {
            Ok(plan) => state.rates.take(principal.org, plan.max_requests_per_minute, state.store.now()),
            Err(error) => return Error::from(error).into_answer(form),
        };
        let answered = match authorize(&state.store, &principal, self.action, &Asked::Service) {
            Err(error) => Err(error),
            Ok(_) if rate.is_some_and(|rate| !rate.is_let_in()) => {
                Err(Error::new(ErrorKind::RateLimited, "Rate limit exceeded"))
            }
            Ok(grant) => self.run(state, grant, head, body).await,
        };
        let mut answer = answered.unwrap_or_else(|error| error.into_answer(form));
        if let Some(rate) = rate {
            rate.stamp(answer.headers_mut());
        }
        answer
    }

    /// `grant` is for the organisation as a whole.
    async fn run(&self, state: &Arc<State>, grant: Grant, head: Parts, body: Body) -> Result<Answer> {
        let grant = match self.asked(&head)? {
            Asked::Service => grant,
            asked => authorize(&state.store, grant.principal(), self.action, &asked)?,
        };
        if let (Some(caller), Ok(bucket)) = (caller(&head), grant.bucket()) {
            caller.uses(bucket.id, bucket.row.org);
        }
        let call = Call { state: Arc::clone(state), grant, head, template: self.path };
        let answering = (self.handler)(call, body);
        if self.streams {
            return answering.await;
        }
        let late = |_| Err(Error::new(ErrorKind::Timeout, "Request timeout"));
        tokio::time::timeout(state.settings.timeout, answering).await.unwrap_or_else(late)
    }

    /// What the request names for the action.
    fn asked(&self, head: &Parts) -> Result<Asked> {
        let decoded = |name| path::decode(sent(self.path, head, name)).unwrap_or_default();
        if self.path.contains("{bucketId}") {
            return Ok(BucketId::read(&decoded("bucketId")).map_or(Asked::Nowhere, Asked::Id));
        }
        if self.path.contains("{fileId}") {
            let place = id::read_file(&decoded("fileId"));
            let missing = || windlass_store::Error::new(windlass_store::ErrorKind::NoSuchKey, "no such file").into();
            return place.map(|place| Asked::Name(place.bucket)).ok_or_else(missing);
        }
        if self.path.contains("{shareId}") {
            let share = id::read_share(&decoded("shareId"));
            let missing = || windlass_store::Error::new(windlass_store::ErrorKind::NoSuchShare, "no such link").into();
            return share.map(|(bucket, _)| Asked::Name(bucket)).ok_or_else(missing);
        }
        if !self.docs.in_bucket {
            return Ok(Asked::Service);
        }
        match Source::query(head.uri.query()).get("bucket") {
            Some(Given::Text(bucket)) => bucket_named(bucket),
            _ => Ok(Asked::Default),
        }
    }
}

/// The bucket that a client names: by its name on S3, or by its identifier. No name on S3 looks like one.
fn bucket_named(text: &str) -> Result<Asked> {
    match BucketId::read(text) {
        Some(id) => Ok(Asked::Id(id)),
        None => Ok(Asked::Name(BucketName::parse(text)?)),
    }
}
