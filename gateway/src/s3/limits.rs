//! What is asked of a caller that is known, before anything is done for it; and what the log is told of it.

use std::sync::Arc;

use http::header::RETRY_AFTER;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use s3s::S3Result;
use windlass_api::Rates;
use windlass_store::Store;
use windlass_store::id::OrgId;
use windlass_store::log::Caller;
use windlass_store::name::BucketName;
use windlass_store::policy::{Grant, KeyPrincipal, Principal};

use super::error;
use super::host::Target;
use super::ops::Operation;

/// The operation whose answers are the bytes of objects.
const DELIVERY: &str = "GetObject";

/// The limits of plans that hold for the S3 door as a whole. Cheap to clone.
#[derive(Clone)]
pub(super) struct Limits {
    store: Arc<Store>,
    /// Apart from those of the JSON doors, as plans have a number for each.
    rates: Arc<Rates>,
    /// What nobody in particular asks of an organisation's buckets has as much room of its own: a crowd must not keep their
    /// owner out.
    nobody: Arc<Rates>,
}

impl Limits {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store, rates: Arc::default(), nobody: Arc::default() }
    }

    /// Whether a request about a bucket could be allowed to somebody without credentials.
    pub(super) fn may_admit_nobody(&self, target: &Target) -> S3Result<bool> {
        let bucket = target.bucket.as_deref().and_then(|name| BucketName::parse(name).ok());
        bucket.map_or(Ok(false), |bucket| self.store.has_rules(&bucket)).map_err(error::from_store)
    }

    /// Lets the holder of a key in, unless its organisation has made as many requests as its plan allows: then 429 with the
    /// code that every SDK tries again.
    pub(super) fn let_in(&self, key: &KeyPrincipal, extensions: &Extensions) -> S3Result<()> {
        if let Some(caller) = extensions.get::<Arc<Caller>>() {
            caller.belongs_to(key.org, Some(key.key));
        }
        self.take(&self.rates, key.org)
    }

    /// Takes note of what was allowed. Somebody without credentials is let in as often as the plan of the bucket's owner
    /// allows. The bytes of an object are only sent while the organisation has bandwidth left, where its plan enforces that:
    /// else `QuotaExceeded`.
    pub(super) fn begin(&self, operation: &Operation, grant: &Grant, extensions: &Extensions) -> S3Result<()> {
        let Ok(bucket) = grant.bucket() else { return Ok(()) };
        let (org, delivers) = (bucket.row.org, operation.name == DELIVERY && !bucket.row.is_sandbox());
        if let Some(caller) = extensions.get::<Arc<Caller>>() {
            caller.uses(bucket.id, org);
            // What nobody in particular does in a bucket is told to its owner.
            caller.belongs_to(org, None);
            if delivers {
                caller.delivers();
            }
        }
        if *grant.caller() == Principal::Anonymous {
            self.take(&self.nobody, org)?;
        }
        if delivers { self.store.check_bandwidth(org).map_err(error::from_store) } else { Ok(()) }
    }

    fn take(&self, rates: &Rates, org: OrgId) -> S3Result<()> {
        let limit = self.store.plan_of(org).map_err(error::from_store)?.s3_requests_per_minute;
        let taken = rates.take(org, limit, self.store.now());
        let Some(seconds) = taken.and_then(|taken| taken.retry_after_s) else { return Ok(()) };
        let mut refused = error::refuse("SlowDown", "Please reduce your request rate.");
        refused.set_status_code(StatusCode::TOO_MANY_REQUESTS);
        refused.set_headers(HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from(seconds))]));
        Err(refused)
    }
}
