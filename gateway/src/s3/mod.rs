//! The S3 door: the only place that names s3s, and where every limit of it is stated.
//!
//! A request passes, in this order: `guard` (ambiguity, kinds of credentials, what s3s has no setting for), the first s3s
//! service (the signature, with the secrets of `auth`), `gate` (takes credentials and headers off, reads documents), the
//! second s3s service (finds the operation; `auth` decides by the table in `ops`), a handler in the file of its verb or
//! noun, and `answer` (request ids, error documents). Deliberately absent: rules about what is stored.

mod answer;
mod attributes;
mod auth;
mod bearer;
mod body;
mod bucket;
mod call;
mod checksum;
mod chunk;
mod conditions;
mod copy;
mod date;
mod delete;
mod document;
mod encode;
mod error;
mod gate;
mod get;
mod guard;
mod host;
mod limits;
mod list;
mod metadata;
mod ops;
mod part;
mod put;
mod query;
mod refuse;
mod service;
mod signature;
#[cfg(test)]
mod stream_errors;
mod upload;
mod uploads;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Error};
use windlass_store::{Store, limit};

use crate::incoming::{self, Rest};

use answer::Asked;
use bearer::Errors;
use guard::Proof;
use host::{AnyName, Host};

/// Largest field of a POST form, in bytes, and all its fields together. Forms are refused before s3s sees them.
const FORM_BYTES_MAX: usize = 20 << 10;
/// Most fields of a POST form.
const FORM_FIELDS_MAX: usize = 100;
/// How far a client's clock may be off, in seconds (S3: RequestTimeTooSkewed).
const SKEW_SECONDS_MAX: u32 = 900;

/// What the S3 door is told.
#[derive(Debug, Clone)]
pub(crate) struct S3Settings {
    /// Buckets are also addressed as `<bucket>.<base domain>`.
    pub(crate) base_domain: Option<String>,
    /// The region this gateway says it is in.
    pub(crate) region: String,
    /// Whether presigned URLs of signature version 2 are accepted.
    pub(crate) sigv2_presigned: bool,
    /// How long a client may pause within a body.
    pub(crate) body_idle: Duration,
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
}

impl S3Door {
    /// A door to `store`.
    pub(crate) fn new(store: Arc<Store>, settings: S3Settings) -> Self {
        let host = Host::new(settings.base_domain.as_deref());
        let region = Arc::from(settings.region.as_str());
        let mut operations = builder(service::Operations { store: Arc::clone(&store), region: settings.region }, &host);
        operations.set_auth(auth::NoSecrets);
        operations.set_access(auth::Access { store: Arc::clone(&store) });
        let mut signatures = builder(service::NoOperations, &host);
        signatures.set_access(auth::Access { store: Arc::clone(&store) });
        signatures.set_auth(auth::Secrets { store: Arc::clone(&store) });
        let gate = gate::Gate { operations: operations.build(), limits: limits::Limits::new(Arc::clone(&store)) };
        signatures.set_route(gate.clone());
        let S3Settings { sigv2_presigned, body_idle, .. } = settings;
        Self { store, signatures: signatures.build(), gate, host, sigv2_presigned, body_idle, region }
    }

    /// Answers a request. `request_id` goes into every answer and every error document.
    pub(crate) async fn handle(
        &self,
        request: http::Request<Incoming>,
        request_id: &str,
        peer: IpAddr,
    ) -> http::Response<Body> {
        let (mut parts, body) = request.into_parts();
        let asked = Asked {
            head: parts.method == http::Method::HEAD,
            path: parts.uri.path().to_owned(),
            target: self.host.target(&parts),
            request_id: request_id.to_owned(),
            region: Arc::clone(&self.region),
            errors: Errors::of(&parts),
        };
        let rest = Rest::default();
        let version = parts.version;
        // TLS is ended in front of the gateway, so only what comes from this machine is known to be unheard.
        let rules = guard::Rules { sigv2_presigned: self.sigv2_presigned, unheard: peer.to_canonical().is_loopback() };
        let answer = match guard::check(&mut parts, &asked.target, rules) {
            Ok(proof) => {
                parts.extensions.insert(asked.target.clone());
                let body = body::from_client(body, &parts.headers, self.body_idle, &rest);
                let request = s3s::HttpRequest::from_parts(parts, body);
                match proof {
                    Proof::Token => bearer::answer(&self.gate, &self.store, request).await,
                    Proof::Signature => self.verify(request).await,
                }
            }
            Err(error) => {
                // Its message quotes the request, which may name an API key where another credential belongs.
                tracing::debug!(code = error.code().as_str(), "request refused");
                drop(body::from_client(body, &parts.headers, self.body_idle, &rest));
                refusal(error)
            }
        };
        let mut answer = asked.finish(answer);
        incoming::settle(&mut answer, &rest, version).await;
        answer
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
    config.post_object_max_file_size = limit::PUT_BYTES_MAX;
    config.form_max_field_size = FORM_BYTES_MAX;
    config.form_max_fields_size = FORM_BYTES_MAX;
    config.form_max_parts = FORM_FIELDS_MAX;
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
