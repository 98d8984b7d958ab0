//! Who asks, and whether they may: secrets for s3s to verify signatures with, and the decision on every operation.

use std::cell::RefCell;
use std::sync::Arc;

use http::HeaderMap;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3Result};
use windlass_store::Store;
use windlass_store::name::BucketName;
use windlass_store::policy::{Action, Grant, KeyPrincipal, Principal, Resource};

use super::error;
use super::gate::Admitted;
use super::limits;
use super::ops;

tokio::task_local! {
    /// The key whose secret s3s was given for the request at hand: s3s hands on only its access key id, and looking that
    /// up again could find another key.
    static CALLER: RefCell<Option<KeyPrincipal>>;
}

/// Runs a request with room for the key that signs it.
pub(super) async fn with_caller<F: Future>(request: F) -> F::Output {
    CALLER.scope(RefCell::new(None), request).await
}

/// Takes the key that signed the request at hand.
pub(super) fn take_caller() -> Option<KeyPrincipal> {
    CALLER.try_with(RefCell::take).ok().flatten()
}

/// Gives s3s the secrets of keys. They are never logged; s3s wipes its copies.
pub(super) struct Secrets {
    /// Where the keys are.
    pub(super) store: Arc<Store>,
}

#[async_trait::async_trait]
impl S3Auth for Secrets {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let found = self.store.key_by_access_id(access_key).map_err(error::from_store)?;
        let Some((principal, secret)) = found else {
            return Err(error::refuse("InvalidAccessKeyId", error::default_message("InvalidAccessKeyId")));
        };
        // Outside of `with_caller` nobody would take it, and the request would be refused.
        let _ = CALLER.try_with(|caller| caller.replace(Some(principal)));
        Ok(SecretKey::from(secret))
    }
}

/// Has no secrets: the requests that reach the operations were authenticated, and carry no signature that could be asked
/// about.
pub(super) struct NoSecrets;

#[async_trait::async_trait]
impl S3Auth for NoSecrets {
    async fn get_secret_key(&self, _access_key: &str) -> S3Result<SecretKey> {
        Err(denied())
    }
}

/// Decides on every operation, by the table and the store's one rule. A handler finds the grant it left, or nothing.
pub(super) struct Access {
    /// Where the decision is made.
    pub(super) store: Arc<Store>,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let bucket = cx.s3_path().get_bucket_name().map(str::to_owned);
        let name = cx.s3_op().name().to_owned();
        let Some(admitted) = cx.extensions_mut().get::<Admitted>() else { return Err(denied()) };
        let operation = ops::find(&name, &admitted.query)?;
        let bucket = bucket.map(|name| BucketName::parse(&name)).transpose();
        // A caller without any right learns no more than that, not even that a name is wrong.
        let bucket = match (bucket, &admitted.principal) {
            (Err(_), Principal::Anonymous) => return Err(denied()),
            (bucket, _) => bucket.map_err(error::from_store)?,
        };
        let resource = match &bucket {
            Some(name) if operation.action != Action::CreateBucket => Resource::Bucket(name),
            _ => Resource::Service,
        };
        let grant = self.store.authorize(&admitted.principal, operation.action, resource).map_err(error::from_store)?;
        check_owner(&grant, &admitted.headers, "x-amz-expected-bucket-owner")?;
        limits::begin(&self.store, &operation, &grant, cx.extensions_mut())?;
        cx.extensions_mut().insert(grant);
        Ok(())
    }
}

/// Holds the owner of a grant's bucket against the one the client expects.
pub(super) fn check_owner(grant: &Grant, headers: &HeaderMap, header: &str) -> S3Result<()> {
    let Some(expected) = headers.get(header).filter(|value| !value.is_empty()) else { return Ok(()) };
    match grant.bucket() {
        Ok(bucket) if expected.as_bytes() != bucket.row.org.to_string().as_bytes() => Err(denied()),
        _ => Ok(()),
    }
}

fn denied() -> S3Error {
    error::refuse("AccessDenied", error::default_message("AccessDenied"))
}
