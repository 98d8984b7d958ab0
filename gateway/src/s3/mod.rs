//! The S3 door: the only place that names s3s, and where every limit of it is stated.
//!
//! A request passes, in this order: `guard` (ambiguity, kinds of credentials, what s3s has no setting for), the first s3s
//! service (the signature, with the secrets of `auth`), `gate` (takes credentials and headers off, reads documents), the
//! second s3s service (finds the operation; `auth` decides by the table in `ops`), a handler in the file of its verb or
//! noun, and `answer` (request ids, error documents). Deliberately absent: rules about what is stored.

mod acl;
mod answer;
mod attributes;
mod auth;
mod bearer;
mod body;
mod bucket;
mod call;
mod checksum;
mod chunk;
#[cfg(test)]
mod compatibility;
mod conditions;
mod copy;
mod cors;
mod date;
mod delete;
mod document;
mod encode;
mod error;
mod extras;
mod facts;
#[cfg(test)]
mod fuzz;
mod gate;
mod get;
mod guard;
mod host;
mod lifecycle;
mod limits;
mod linked;
mod list;
mod lock;
mod metadata;
mod notification;
mod ops;
mod ownership;
mod part;
mod permissions;
mod policy;
mod post;
mod public;
mod put;
mod query;
mod refuse;
mod service;
mod signature;
#[cfg(test)]
mod stream_errors;
mod tagging;
mod unconfigured;
mod upload;
mod uploads;
mod versions;
mod website;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use hyper::body::Incoming;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error};
use windlass_store::Store;
use windlass_store::policy::Ownership;

use crate::incoming::{self, Rest};
use crate::net::{Domains, Peer, host_of};

use answer::Asked;
use bearer::Errors;
pub(crate) use date::parse_http as parse_http_date;
use guard::Proof;
use host::{AnyName, Host};
use metadata::Latin1;

/// What s3s may hold of a form: nothing, since none comes to it.
const FORM_BYTES_MAX: usize = 0;
/// How far a client's clock may be off, in seconds (S3: RequestTimeTooSkewed).
const SKEW_SECONDS_MAX: u32 = 900;

/// What the S3 door is told.
#[derive(Debug, Clone)]
pub(crate) struct S3Settings {
    /// Buckets are also addressed as `<bucket>.<base domain>`.
    pub(crate) domains: Domains,
    /// Websites of buckets are `<bucket>.<website domain>`.
    pub(crate) sites: Domains,
    /// The region this gateway says it is in.
    pub(crate) region: String,
    /// Whether presigned URLs and forms of signature version 2 are accepted.
    pub(crate) sigv2_presigned: bool,
    /// How long a client may pause within a body.
    pub(crate) body_idle: Duration,
    /// How long a day of the lifecycle is, in milliseconds.
    pub(crate) day_ms: u64,
    /// Who owns what others write into buckets that do not say it themselves.
    pub(crate) ownership: Ownership,
    /// The names of those who can be told of events.
    pub(crate) targets: Vec<String>,
}

/// The S3 door. Cheap to clone.
#[derive(Clone)]
pub(crate) struct S3Door {
    store: Arc<Store>,
    signatures: S3Service,
    gate: gate::Gate,
    host: Host,
    sigv2_presigned: bool,
    body_idle: Duration,
    region: Arc<str>,
    sites: website::Sites,
}

impl S3Door {
    /// A door to `store`.
    pub(crate) fn new(store: Arc<Store>, settings: S3Settings) -> Self {
        let S3Settings { domains, sites, region: name, sigv2_presigned, body_idle, day_ms, ownership, targets } =
            settings;
        let host = Host(domains);
        let region = Arc::from(name.as_str());
        let working =
            service::Operations { store: Arc::clone(&store), region: name, day_ms, ownership, targets: targets.into() };
        let limits = limits::Limits::new(Arc::clone(&store));
        let sites = website::Sites::new(working.clone(), limits.clone(), sites);
        let mut operations = builder(working, &host);
        operations.set_auth(auth::NoSecrets);
        let access = || auth::Access { store: Arc::clone(&store), limits: limits.clone(), region: Arc::clone(&region) };
        operations.set_access(access());
        let mut signatures = builder(service::NoOperations, &host);
        signatures.set_access(access());
        signatures.set_auth(auth::Secrets { store: Arc::clone(&store) });
        let gate = gate::Gate { operations: operations.build(), limits };
        signatures.set_route(gate.clone());
        Self { store, signatures: signatures.build(), gate, host, sigv2_presigned, body_idle, region, sites }
    }

    /// Answers a request. `request_id` goes into every answer and every error document.
    pub(crate) async fn handle(
        &self,
        request: http::Request<Incoming>,
        request_id: &str,
        peer: Peer,
    ) -> http::Response<Body> {
        let (parts, body) = request.into_parts();
        let mut asked = Asked {
            head: parts.method == http::Method::HEAD,
            path: parts.uri.path().to_owned(),
            host: host_of(&parts.uri, &parts.headers).unwrap_or_default().to_owned(),
            target: self.host.target(&parts),
            request_id: request_id.to_owned(),
            region: Arc::clone(&self.region),
            errors: Errors::of(&parts),
        };
        let rest = Rest::default();
        let version = parts.version;
        let site = self.sites.ask(&parts);
        let bucket = site.as_ref().map(website::Ask::bucket).or(asked.target.bucket.as_deref());
        let page = cors::Page::of(&parts, bucket);
        let mut answer = if parts.method == http::Method::OPTIONS {
            drop(body::from_client(body, &parts.headers, self.body_idle, &rest));
            asked.finish(cors::preflight(&self.store, &parts, page.as_ref()))
        } else if let Some(site) = site {
            drop(body::from_client(body, &parts.headers, self.body_idle, &rest));
            cors::tell(page, &self.store, Box::pin(self.sites.answer(&site)).await)
        } else {
            let answer = self.decide(&mut asked, parts, body, peer, &rest).await;
            cors::tell(page, &self.store, asked.finish(answer))
        };
        incoming::settle(&mut answer, &rest, version).await;
        answer
    }

    /// Answers a request of the S3 API.
    async fn decide(
        &self,
        asked: &mut Asked,
        mut parts: Parts,
        body: Incoming,
        peer: Peer,
        rest: &Rest,
    ) -> http::Response<Body> {
        let rules = guard::Rules { sigv2_presigned: self.sigv2_presigned, unheard: peer.is_unheard() };
        match guard::check(&mut parts, &asked.target, rules) {
            Ok(proof) => {
                parts.extensions.insert(asked.target.clone());
                if proof == Proof::Signature
                    && let Some(latin) = Latin1::spell_out(&mut parts.headers)
                {
                    parts.extensions.insert(latin);
                }
                let body = body::from_client(body, &parts.headers, self.body_idle, rest);
                let request = s3s::HttpRequest::from_parts(parts, body);
                match proof {
                    Proof::Token => Box::pin(bearer::answer(&self.gate, &self.store, request)).await,
                    Proof::Signature => self.verify(request).await,
                    Proof::Form => {
                        // Who sends it has said who it is, or that it is nobody, where a browser can.
                        asked.errors = Errors::Xml;
                        Box::pin(post::answer(&self.gate, &self.store, self.sigv2_presigned, request)).await
                    }
                }
            }
            Err(error) => {
                // Its message quotes the request, which may name an API key where another credential belongs.
                tracing::debug!(code = error.code().as_str(), "request refused");
                drop(body::from_client(body, &parts.headers, self.body_idle, rest));
                refusal(error)
            }
        }
    }

    async fn verify(&self, request: s3s::HttpRequest) -> http::Response<Body> {
        auth::with_caller(self.signatures.call(request)).await.unwrap_or_else(|cause| {
            tracing::error!(?cause, "an answer could not be printed");
            refusal(error::refuse("InternalError", error::default_message("InternalError")))
        })
    }
}

/// Both services see names, hosts and limits alike.
fn builder(operations: impl s3s::S3, host: &Host) -> S3ServiceBuilder {
    // The struct cannot be written out: s3s may add settings.
    let mut config = S3Config::default();
    config.xml_max_body_size = document::LIST_BYTES_MAX;
    config.post_object_max_file_size = 0;
    config.form_max_field_size = FORM_BYTES_MAX;
    config.form_max_fields_size = FORM_BYTES_MAX;
    config.form_max_parts = 0;
    config.presigned_url_max_skew_time_secs = SKEW_SECONDS_MAX;
    config.normalize_forward_slash_path = false;
    let mut builder = S3ServiceBuilder::new(operations);
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_host(host.clone());
    builder.set_validation(AnyName);
    builder
}

/// A refusal of ours in the form of s3s's own, which `answer` completes.
fn refusal(error: S3Error) -> http::Response<Body> {
    error.to_http_response().unwrap_or_else(|_| {
        let mut answer = http::Response::new(Body::empty());
        *answer.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
}
