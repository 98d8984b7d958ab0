//! Who asks, and whether they may: secrets for s3s to verify signatures with, and the decision on every operation.

use std::cell::RefCell;
use std::sync::Arc;

use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Error, S3Result};
use windlass_store::Store;
use windlass_store::id::UploadId;
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::object::VersionId;
use windlass_store::policy::{Action, Grant, KeyPrincipal, Principal, Resource, S3Asked};

use super::facts::{self, Told};
use super::gate::Admitted;
use super::limits::Limits;
use super::ops::{self, Operation};
use super::{body, call, error, linked, permissions};

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
    /// What callers must keep.
    pub(super) limits: Limits,
    /// The region that policies are told of.
    pub(super) region: Arc<str>,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let path = cx.s3_path();
        let (bucket, key) = (path.get_bucket_name().map(str::to_owned), path.get_object_key().map(str::to_owned));
        let name = cx.s3_op().name().to_owned();
        let form = facts::form(cx.extensions_mut());
        let Some(admitted) = cx.extensions_mut().get::<Admitted>() else { return Err(denied()) };
        let operation = ops::find(&name, &admitted.query)?;
        let mut asked = None;
        let grant = match bucket {
            Some(bucket) if operation.action != Action::CreateBucket => {
                let named = Named::of(&self.store, admitted, &bucket, key.as_deref());
                // A caller without any right learns no more than that, not even that a name is wrong.
                let named = named.map_err(|error| if is_nobody(admitted) { denied() } else { error })?;
                let grant = self.decide(admitted, &operation, &named, form)?;
                asked = linked::ask(&self.store, &operation, &grant, named.key)?;
                grant
            }
            _ => {
                if let Some(bucket) = bucket {
                    BucketName::parse(&bucket).map_err(error::from_store)?;
                }
                let asked = self.store.authorize(&admitted.principal, operation.action, Resource::Service);
                asked.map_err(error::from_store)?
            }
        };
        check_nobody(admitted, form.is_some())?;
        self.limits.begin(&operation, &grant, cx.extensions_mut())?;
        cx.extensions_mut().insert(grant);
        if let Some(asked) = asked {
            cx.extensions_mut().insert(asked);
        }
        Ok(())
    }
}

/// What a request names.
struct Named {
    bucket: BucketName,
    key: Option<ObjectKey>,
    version: Option<VersionId>,
    upload: Option<UploadId>,
}

impl Named {
    fn of(store: &Store, admitted: &Admitted, bucket: &str, key: Option<&str>) -> S3Result<Self> {
        let bucket = BucketName::parse(bucket).map_err(error::from_store)?;
        Ok(Self {
            key: key.map(call::key).transpose()?,
            version: version(store, &bucket, admitted.query.get("versionId"))?,
            bucket,
            upload: admitted.query.get("uploadId").and_then(UploadId::parse),
        })
    }
}

impl Access {
    fn decide(
        &self,
        admitted: &Admitted,
        operation: &Operation,
        named: &Named,
        form: Option<call::Form>,
    ) -> S3Result<Grant> {
        let told = Told {
            headers: &admitted.headers,
            query: &admitted.query,
            document: admitted.document.as_ref(),
            peer: admitted.peer,
            form,
            region: &self.region,
            now: self.store.now(),
        };
        let asked = S3Asked {
            action: operation.action,
            actions: &|| permissions::of(operation.name, admitted.query.has("versionId"), &admitted.headers),
            bucket: &named.bucket,
            key: named.key.as_ref(),
            version: named.version,
            upload: named.upload,
            owner: expected_owner(&admitted.headers, "x-amz-expected-bucket-owner"),
            facts: &told,
        };
        self.store.authorize_s3(&admitted.principal, &asked).map_err(error::from_store)
    }
}

/// The version that a text names in a bucket. An upstream has names of its own for versions, which mean nothing here.
pub(super) fn version(store: &Store, bucket: &BucketName, text: Option<&str>) -> S3Result<Option<VersionId>> {
    let Some(text) = text else { return Ok(None) };
    match call::version(text) {
        Ok(version) => Ok(Some(version)),
        Err(_) if !text.is_empty() && store.is_forwarded(bucket).map_err(error::from_store)? => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_nobody(admitted: &Admitted) -> bool {
    admitted.principal == Principal::Anonymous
}

/// What somebody without credentials is refused although everybody may do the rest: to choose headers of the answer, and to
/// frame a body as only signers do.
fn check_nobody(admitted: &Admitted, form: bool) -> S3Result<()> {
    if !is_nobody(admitted) || form {
        return Ok(());
    }
    if admitted.query.iter().any(|(name, _)| name.starts_with("response-")) {
        let message = "Request specific response headers cannot be used for anonymous GET requests.";
        return Err(error::invalid_request(message));
    }
    let framed = admitted.headers.get_all(CONTENT_ENCODING).iter().filter_map(call::text);
    let framed =
        framed.flat_map(|list| list.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked"));
    if framed || body::is_chunked(&admitted.headers) {
        return Err(error::not_implemented("A body in the aws-chunked encoding without a signature"));
    }
    Ok(())
}

/// Who a client says owns a bucket, if it does.
pub(super) fn expected_owner<'a>(headers: &'a HeaderMap, header: &str) -> Option<&'a [u8]> {
    headers.get(header).map(HeaderValue::as_bytes).filter(|value| !value.is_empty())
}

fn denied() -> S3Error {
    error::refuse("AccessDenied", error::default_message("AccessDenied"))
}
