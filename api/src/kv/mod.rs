//! The key-value door: buckets of small values, by URL alone.
//!
//! A request passes: place → credential → rate → handler, and every answer is open to pages of any origin. What may be
//! done is for the store to say, by the grant that the credential gives; errors are a line of text.

mod address;
mod body;
mod bucket;
mod credential;
mod format;
mod listing;
mod origin;
mod place;
mod query;
mod script;
mod transaction;
mod value;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, header};
use tokio::sync::Semaphore;
use windlass_store::Store;
use windlass_store::id::OrgId;
use windlass_store::key::TokenAnswer;
use windlass_store::kv::KvGrant;
use windlass_store::policy::{Action, Grant, Principal, Resource};

use self::address::Addresses;
use self::place::Place;
use self::query::Query;
pub use self::script::KvScripts;
use self::script::Workers;
use crate::answer::Answer;
use crate::error::{Error, ErrorKind, Form, Result};
use crate::limit;
use crate::peer::Peer;
use crate::rate::{Rates, Taken};
use crate::within::within;

/// Who may make buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KvCreate {
    /// Everybody.
    Open,
    /// Holders of a management key.
    Key,
    /// They, and clients on the gateway's own machine.
    KeyOrLocal,
}

/// What the key-value door is told.
#[derive(Debug, Clone)]
pub struct KvSettings {
    /// How long a request may take, the answer's body aside.
    pub timeout: Duration,
    /// Who may make buckets.
    pub create: KvCreate,
    /// Requests in an hour of an address without a credential; `None` is no limit.
    pub rate_limit: Option<u32>,
    /// How scripts are run.
    pub scripts: KvScripts,
}

/// The key-value door.
pub struct Kv {
    store: Arc<Store>,
    settings: KvSettings,
    rates: Rates,
    addresses: Addresses,
    /// KiB of transactions that are held at once.
    transactions: Semaphore,
    workers: Workers,
}

/// Who asks, and what was decided about them.
enum Asker {
    /// Somebody who makes a bucket.
    Creator(Option<Box<Grant>>),
    /// Somebody who uses one.
    User(Box<KvGrant>),
}

impl Asker {
    /// Whose plan says how many requests there may be; that of nobody is counted by address.
    fn org(&self) -> Option<OrgId> {
        match self {
            Self::Creator(grant) => grant.as_ref().map(|grant| grant.principal().org),
            Self::User(grant) => grant.is_holder().then(|| grant.org()),
        }
    }
}

/// A request that has been let in, less its body.
struct Call<'a> {
    kv: &'a Kv,
    head: &'a Parts,
    query: &'a Query,
}

impl Kv {
    /// A door to a store.
    pub fn new(store: Arc<Store>, settings: KvSettings) -> Self {
        Self {
            store,
            workers: Workers::new(settings.scripts.clone()),
            settings,
            rates: Rates::default(),
            addresses: Addresses::default(),
            transactions: Semaphore::new(limit::KV_TRANSACTIONS_KIB),
        }
    }

    /// Answers a request to a path under `base`, which is empty where the door has a host of its own. Its extensions hold
    /// a `Peer`. An error of its body that is one of the store's keeps its meaning.
    pub async fn handle<B>(&self, base: &str, request: Request<B>) -> Answer
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let (head, body) = request.map(Body::new).into_parts();
        let mut answer = if head.method == Method::OPTIONS {
            origin::preflight(&head.headers)
        } else {
            let answering = self.answer(base, &head, body);
            let late = || Error::new(ErrorKind::Timeout, "Request timeout").into_answer(Form::Text);
            within(self.settings.timeout, answering).await.unwrap_or_else(late)
        };
        origin::open(answer.headers_mut());
        answer
    }

    async fn answer(&self, base: &str, head: &Parts, body: Body) -> Answer {
        let place = place::of(base, head.uri.path());
        if place == Place::Coffee {
            return Error::new(ErrorKind::Teapot, "I'm a teapot").into_answer(Form::Text);
        }
        let query = Query::parse(head.uri.query().unwrap_or_default().as_bytes());
        let asker = self.asker(&place, head, &query);
        let rate = match self.rate(asker.as_ref().ok().and_then(Asker::org), head) {
            Ok(rate) => rate,
            Err(error) => return told(error),
        };
        let answered = match asker {
            _ if rate.is_some_and(|rate| !rate.is_let_in()) => {
                Err(Error::new(ErrorKind::RateLimited, "Rate limit exceeded"))
            }
            Ok(asker) => Call { kv: self, head, query: &query }.run(&place, &asker, body).await,
            Err(error) => Err(error),
        };
        let mut answer = answered.unwrap_or_else(told);
        if let Some(rate) = rate {
            rate.stamp(answer.headers_mut());
        }
        answer
    }

    fn asker(&self, place: &Place, head: &Parts, query: &Query) -> Result<Asker> {
        let credential = credential::of(&head.headers, query)?;
        match place {
            Place::Root => self.creator(credential.as_deref(), head).map(Asker::Creator),
            Place::Bucket(id) | Place::Tokens(id) | Place::Script(id, _) | Place::Key(id, _) => {
                Ok(Asker::User(Box::new(self.store.kv_authorize(*id, credential.as_deref())?)))
            }
            Place::Coffee | Place::Nowhere => Err(Error::new(ErrorKind::NotFound, "There is nothing here")),
        }
    }

    fn creator(&self, credential: Option<&str>, head: &Parts) -> Result<Option<Box<Grant>>> {
        let Some(token) = credential else {
            let open = match self.settings.create {
                KvCreate::Open => true,
                KvCreate::Key => false,
                KvCreate::KeyOrLocal => Peer::of(head).address.is_loopback(),
            };
            let closed = || Error::new(ErrorKind::Forbidden, "Buckets are made with a management key");
            return if open { Ok(None) } else { Err(closed()) };
        };
        let TokenAnswer::Known(principal) = self.store.authenticate_token(token)? else {
            return Err(Error::new(ErrorKind::Unauthorized, "Wrong key"));
        };
        let principal = Principal::Key(principal);
        Ok(Some(Box::new(self.store.authorize(&principal, Action::CreateKvBucket, Resource::Service)?)))
    }

    fn rate(&self, org: Option<OrgId>, head: &Parts) -> Result<Option<Taken>> {
        let now = self.store.now();
        Ok(match org {
            Some(org) => self.rates.take(org, self.store.plan_of(org)?.max_requests_per_minute, now),
            None => self.addresses.take(Peer::of(head).address, self.settings.rate_limit, now),
        })
    }
}

impl Call<'_> {
    async fn run(&self, place: &Place, asker: &Asker, body: Body) -> Result<Answer> {
        let method = &self.head.method;
        match (place, asker) {
            (Place::Root, Asker::Creator(grant)) => match *method {
                Method::POST => self.create(grant.as_deref(), body).await,
                _ => Err(Error::method_not_allowed("POST")),
            },
            (Place::Bucket(_), Asker::User(grant)) => match *method {
                Method::GET | Method::HEAD => self.list(grant),
                Method::POST => self.transact(grant, body).await,
                Method::PATCH => self.update(grant, body).await,
                Method::DELETE => self.drop_bucket(grant).await,
                _ => Err(Error::method_not_allowed("DELETE,GET,HEAD,PATCH,POST")),
            },
            (Place::Tokens(_), Asker::User(grant)) => match *method {
                Method::POST => self.make_token(grant, body).await,
                _ => Err(Error::method_not_allowed("POST")),
            },
            (Place::Script(_, name), Asker::User(grant)) => self.script(grant, name, body).await,
            (Place::Key(_, key), Asker::User(grant)) => match *method {
                Method::GET | Method::HEAD => self.get(grant, key),
                Method::POST | Method::PUT => self.set(grant, key, body).await,
                Method::PATCH => self.increment(grant, key, body).await,
                Method::DELETE => self.delete(grant, key).await,
                _ => Err(Error::method_not_allowed("DELETE,GET,HEAD,PATCH,POST,PUT")),
            },
            _ => Err(Error::new(ErrorKind::NotFound, "There is nothing here")),
        }
    }

    fn store(&self) -> &Arc<Store> {
        &self.kv.store
    }
}

/// Makes the process a worker, which runs the scripts that `Kv` gives it until that ends it. It returns when there are no
/// more; errors are those of its standard input and output, and of what it could not take from itself.
pub fn work_on_scripts() -> std::io::Result<()> {
    script::work()
}

/// An error as it is told here, where fewer statuses are known.
fn told(error: Error) -> Answer {
    let status = match error.kind() {
        ErrorKind::PaymentRequired => http::StatusCode::FORBIDDEN,
        ErrorKind::TooLarge => http::StatusCode::BAD_REQUEST,
        kind => kind.status(),
    };
    let mut answer = error.into_answer(Form::Text);
    *answer.status_mut() = status;
    answer
}

/// 200 with a text.
fn text(body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
