//! A call of a handler: who asks, what was decided, and the head of the request.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, header};
use windlass_store::Store;
use windlass_store::bucket::Bucket;
use windlass_store::id::BucketId;
use windlass_store::log::{Caller, Logs};
use windlass_store::name::BucketName;
use windlass_store::plan::Plan;
use windlass_store::policy::{Action, Grant, KeyPrincipal, Principal, Resource};

use crate::error::{Error, Result};
use crate::id::Id;
use crate::path;
use crate::peer::Peer;
use crate::rate::Rates;
use crate::uploads::Carrier;

/// What the JSON doors are made of.
pub struct State {
    /// What is true.
    pub store: Arc<Store>,
    /// The log of requests.
    pub logs: Arc<Logs>,
    /// How many requests organisations may make here.
    pub rates: Arc<Rates>,
    /// Who carries messages to receivers of webhooks.
    pub carrier: Arc<dyn Carrier>,
    /// What they are told.
    pub settings: Settings,
}

/// What the JSON doors are told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a request may take, uploads aside.
    pub timeout: Duration,
    /// The region this gateway says it is in.
    pub region: String,
    /// The address under which clients reach this gateway, such as `https://files.example.com`; without it links begin with
    /// the scheme and the host of the request.
    pub public_url: Option<String>,
    /// What the uploads door is told.
    pub uploads: UploadSettings,
}

/// What the uploads door is told.
#[derive(Debug, Clone)]
pub struct UploadSettings {
    /// For how many milliseconds the links last that files are uploaded by.
    pub url_ttl_ms: u64,
    /// Whether it answers where somebody could listen.
    pub allow_http: bool,
    /// What is suggested to clients whose file is too large.
    pub size_suggestion: String,
    /// What is suggested to clients whose plan allows no more.
    pub tier_suggestion: String,
}

/// What a handler has beside its input.
pub(crate) struct Call {
    pub(crate) state: Arc<State>,
    /// The decision that allows it.
    pub(crate) grant: Grant,
    pub(crate) head: Parts,
    /// The template of the path.
    pub(crate) template: &'static str,
}

impl Call {
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.state.store
    }

    /// The plan of the organisation.
    pub(crate) fn plan(&self) -> Result<&Plan> {
        Ok(self.state.store.plan_of(self.grant.principal().org)?)
    }

    /// The bucket that the call is about.
    pub(crate) fn bucket(&self) -> Result<&Bucket> {
        Ok(self.grant.bucket()?)
    }

    /// A decision about a bucket that the body of the request names, by the same key.
    pub(crate) fn on(&self, action: Action, bucket: &BucketName) -> Result<Grant> {
        let grant = authorize(&self.state.store, self.grant.principal(), action, &Asked::Name(bucket.clone()))?;
        if let (Some(caller), Ok(bucket)) = (caller(&self.head), grant.bucket()) {
            caller.uses(bucket.id, bucket.row.org);
        }
        Ok(grant)
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// What the path has for a parameter of its template, as it was sent.
    pub(crate) fn sent(&self, name: &str) -> &str {
        sent(self.template, &self.head, name)
    }

    /// The identifier that the path has for a parameter; `None` if it is none.
    pub(crate) fn id<T: Id>(&self, name: &str) -> Option<T> {
        T::read(&path::decode(self.sent(name))?)
    }

    /// Notes that the body of the answer is a file's.
    pub(crate) fn delivers(&self) {
        let counts = self.grant.bucket().is_ok_and(|bucket| !bucket.row.is_sandbox());
        if let Some(caller) = caller(&self.head).filter(|_| counts) {
            caller.delivers();
        }
    }
}

/// What a path has for a parameter of its template, as it was sent; empty if the template has none of that name.
pub(crate) fn sent<'a>(template: &'static str, head: &'a Parts, name: &str) -> &'a str {
    path::parameters(template, head.uri.path()).find(|(parameter, _)| *parameter == name).map_or("", |(_, sent)| sent)
}

/// Under which scheme and host the client reaches the gateway: what links begin with.
pub(crate) fn base(settings: &Settings, head: &Parts) -> String {
    if let Some(url) = &settings.public_url {
        return url.clone();
    }
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let host = authority.or_else(|| head.headers.get(header::HOST)?.to_str().ok());
    let scheme = if Peer::of(head).secure { "https" } else { "http" };
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}

/// Where the door notes who asks and for what.
pub(crate) fn caller(head: &Parts) -> Option<&Arc<Caller>> {
    head.extensions.get::<Arc<Caller>>()
}

/// What an action is asked on, as the request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The organisation as a whole.
    Service,
    /// A bucket by its identifier.
    Id(BucketId),
    /// A bucket by its name on S3.
    Name(BucketName),
    /// The organisation's default bucket.
    Default,
    /// A bucket that cannot be: the identifier is none.
    Nowhere,
}

/// Decides whether the holder of a key may do `action` on what was asked. Missing scopes have been refused before.
pub(crate) fn authorize(store: &Store, principal: &KeyPrincipal, action: Action, asked: &Asked) -> Result<Grant> {
    let nowhere = || Error::from(windlass_store::Error::new(windlass_store::ErrorKind::NoSuchBucket, "no such bucket"));
    let resource = match asked {
        Asked::Service => Resource::Service,
        Asked::Id(id) => Resource::BucketId(*id),
        Asked::Name(name) => Resource::Bucket(name),
        Asked::Default => Resource::BucketId(store.default_bucket(principal.org)?.ok_or_else(nowhere)?),
        Asked::Nowhere => return Err(nowhere()),
    };
    store.authorize(&Principal::Key(principal.clone()), action, resource).map_err(|error| match (error.kind(), asked) {
        // By name the store tells another organisation's bucket from none; here both do not exist.
        (windlass_store::ErrorKind::AccessDenied, Asked::Name(_)) => nowhere(),
        _ => error.into(),
    })
}
