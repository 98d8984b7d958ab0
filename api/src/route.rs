//! Routes: a method, a path, the action that it needs, and a handler. There is no way to make one without its action,
//! and no way past the stages that stand before every handler: the token, its scopes, the rate limit, the bucket.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use http::request::Parts;
use http::{Method, Request, StatusCode};
use schemars::SchemaGenerator;
use serde_json::Value;
use windlass_store::ErrorKind as StoreErrorKind;
use windlass_store::id::BucketId;
use windlass_store::name::BucketName;
use windlass_store::policy::{Action, KeyPrincipal};

use crate::answer::{Answer, Output};
use crate::auth::authenticate;
use crate::call::{Asked, Call, State, authorize, caller, sent};
use crate::error::{Error, ErrorKind, Form, Result};
use crate::field::{Given, Source};
use crate::id::{self, Id};
use crate::input::{Input, InputDoc};
use crate::path;
use crate::within::within;

type Answering = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;
type Handler = Box<dyn Fn(Call, Body) -> Answering + Send + Sync>;

/// One operation.
pub(crate) struct Route {
    pub(crate) method: Method,
    /// The template of its path.
    pub(crate) path: &'static str,
    action: Action,
    subject: Subject,
    pub(crate) docs: Docs,
    handler: Handler,
    /// Whether its time is bounded by the idle time of the body alone.
    streams: bool,
}

/// Where a request says what the action is about.
#[derive(Debug, Clone, Copy)]
enum Subject {
    /// It does not: the organisation as a whole.
    Service,
    /// In its path: a bucket's identifier.
    Bucket,
    /// In its path: a file's.
    File,
    /// In its path: a link's.
    Share,
    /// In `?bucket=`.
    Parameter,
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
    Route { method, path, action, subject: Subject::of(path), docs, handler: Box::new(run), streams: I::STREAMS }
}

impl Route {
    /// What it needs.
    pub(crate) fn action(&self) -> Action {
        self.action
    }

    /// The same route in the bucket that `?bucket=` names, or the organisation's default.
    pub(crate) fn in_bucket(mut self) -> Self {
        self.docs.in_bucket = true;
        self.subject = Subject::Parameter;
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
            Ok(plan) => plan
                .max_requests_per_minute
                .and_then(|limit| state.rates.take(principal.org, Some(limit), state.store.now())),
            Err(error) => return Error::from(error).into_answer(form),
        };
        let answered = match state.store.check_scopes(&principal, self.action) {
            Err(error) => Err(error.into()),
            Ok(()) if rate.is_some_and(|rate| !rate.is_let_in()) => {
                Err(Error::new(ErrorKind::RateLimited, "Rate limit exceeded"))
            }
            Ok(()) => self.run(state, &principal, head, body).await,
        };
        let mut answer = answered.unwrap_or_else(|error| error.into_answer(form));
        if let Some(rate) = rate {
            rate.stamp(answer.headers_mut());
        }
        answer
    }

    async fn run(&self, state: &Arc<State>, principal: &KeyPrincipal, head: Parts, body: Body) -> Result<Answer> {
        let grant = authorize(&state.store, principal, self.action, &self.asked(&head)?)?;
        if let (Some(caller), Ok(bucket)) = (caller(&head), grant.bucket()) {
            caller.uses(bucket.id, bucket.row.org);
        }
        let call = Call { state: Arc::clone(state), grant, head, template: self.path };
        let answering = (self.handler)(call, body);
        if self.streams {
            return answering.await;
        }
        let late = || Err(Error::new(ErrorKind::Timeout, "Request timeout"));
        within(state.settings.timeout, answering).await.unwrap_or_else(late)
    }

    /// What the request names for the action.
    fn asked(&self, head: &Parts) -> Result<Asked> {
        let decoded = |name| path::decode(sent(self.path, head, name)).unwrap_or_default();
        match self.subject {
            Subject::Service => Ok(Asked::Service),
            Subject::Bucket => Ok(BucketId::read(&decoded("bucketId")).map_or(Asked::Nowhere, Asked::Id)),
            Subject::File => {
                let place = id::read_file(&decoded("fileId"));
                place.map(|place| Asked::Name(place.bucket)).ok_or_else(|| missing(StoreErrorKind::NoSuchKey, "file"))
            }
            Subject::Share => {
                let share = id::read_share(&decoded("shareId"));
                share.map(|(bucket, _)| Asked::Name(bucket)).ok_or_else(|| missing(StoreErrorKind::NoSuchShare, "link"))
            }
            Subject::Parameter => match Source::query(head.uri.query()).get("bucket") {
                Some(Given::Text(bucket)) => bucket_named(bucket),
                _ => Ok(Asked::Default),
            },
        }
    }
}

impl Subject {
    fn of(path: &str) -> Self {
        let names = [("{bucketId}", Self::Bucket), ("{fileId}", Self::File), ("{shareId}", Self::Share)];
        names.into_iter().find(|(name, _)| path.contains(name)).map_or(Self::Service, |(_, subject)| subject)
    }
}

fn missing(kind: StoreErrorKind, what: &str) -> Error {
    windlass_store::Error::new(kind, format!("no such {what}")).into()
}

/// The bucket that a client names: by its name on S3, or by its identifier. No name on S3 looks like one.
fn bucket_named(text: &str) -> Result<Asked> {
    match BucketId::read(text) {
        Some(id) => Ok(Asked::Id(id)),
        None => Ok(Asked::Name(BucketName::parse(text)?)),
    }
}
