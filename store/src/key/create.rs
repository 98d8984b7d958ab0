//! Minting keys: never with more rights than the key that mints.

use crate::Store;
use crate::bucket::{Bucket, check_name};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId, OrgId};
use crate::key::{Credentials, KeyOrigin, NewKey, Scopes, SealedCredentials, put};
use crate::limit;
use crate::meta::table::KEY_BY_ORG;
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::policy::{Action, Grant, KeyPrincipal};

/// A key to mint.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// A name for people: 1 to 100 characters.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The buckets it sees; `None` is all of its organisation's.
    pub buckets: Option<Vec<BucketId>>,
    /// When it ends to be valid; not later than the key that mints it, whatever this says.
    pub expires_ms: Option<Millis>,
}

impl Store {
    /// Mints a key for the grant's organisation. Its credentials are returned here and nowhere else.
    ///
    /// `AccessDenied` for more scopes or wider buckets than the minting key's own; `InvalidArgument` for buckets that do
    /// not exist, a time that has passed, or a name that is too long; `InvalidRequest` beyond `limit::KEYS_PER_ORG_MAX`.
    pub async fn create_key(&self, grant: &Grant, new: NewApiKey) -> Result<(KeyId, Credentials)> {
        grant.must_allow(Action::CreateKey)?;
        let minter = grant.principal().clone();
        check_name(&new.name)?;
        if new.buckets.as_ref().is_some_and(|buckets| buckets.len() > limit::KEY_BUCKETS_MAX) {
            let message = format!("A key names at most {} buckets", limit::KEY_BUCKETS_MAX);
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        check_subset(&minter, &new)?;
        let credentials = Credentials::generate()?;
        let sealed = SealedCredentials::seal(self, &credentials)?;
        let id = self
            .meta
            .write(move |tx| {
                if new.expires_ms.is_some_and(|expires| expires <= tx.now()) {
                    return Err(Error::new(ErrorKind::InvalidArgument, "expiresAt must be in the future"));
                }
                check_buckets(tx, minter.org, new.buckets.as_deref().unwrap_or_default())?;
                check_count(tx, minter.org)?;
                mint(tx, &minter, &new, &sealed)
            })
            .await?;
        // A key that is shown to somebody is there for good.
        self.meta.sync().await?;
        Ok((id, credentials))
    }

    /// Those of the buckets that a minted key could not name: to tell them together with what is no identifier at all.
    pub fn unknown_buckets(&self, grant: &Grant, buckets: &[BucketId]) -> Result<Vec<BucketId>> {
        grant.must_allow(Action::CreateKey)?;
        self.meta.read(|read| unknown_buckets(read, grant.principal().org, buckets))
    }
}

fn mint(tx: &mut Tx<'_>, minter: &KeyPrincipal, new: &NewApiKey, sealed: &SealedCredentials) -> Result<KeyId> {
    let mut buckets = new.buckets.clone();
    if let Some(list) = &mut buckets {
        list.sort_unstable();
        list.dedup();
    }
    let key = NewKey {
        org: minter.org,
        name: new.name.clone(),
        scopes: new.scopes,
        buckets,
        // A key that is to end could otherwise mint one that never does.
        expires_ms: [minter.expires_ms, new.expires_ms].into_iter().flatten().min(),
        origin: KeyOrigin::Minted,
    };
    put(tx, &key, sealed)
}

/// A key that is limited to some buckets learns of no other, so for it a bucket that it does not see and one that does not
/// exist are the same.
fn check_subset(minter: &KeyPrincipal, new: &NewApiKey) -> Result<()> {
    let narrower = match (&minter.buckets, &new.buckets) {
        (None, _) => true,
        (Some(own), Some(wanted)) => wanted.iter().all(|bucket| own.contains(bucket)),
        (Some(_), None) => false,
    };
    if narrower && minter.scopes.contain(new.scopes) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::AccessDenied, "Insufficient permissions"))
}

/// Those that a key of the organisation cannot be limited to: they do not exist, or not for it.
fn unknown_buckets(read: &dyn Read, org: OrgId, buckets: &[BucketId]) -> Result<Vec<BucketId>> {
    let mut unknown = Vec::new();
    for id in buckets {
        let bucket = Bucket::get(read, *id)?;
        if !bucket.is_some_and(|bucket| bucket.row.org == org && !bucket.row.is_deleting()) {
            unknown.push(*id);
        }
    }
    Ok(unknown)
}

fn check_buckets(read: &dyn Read, org: OrgId, buckets: &[BucketId]) -> Result<()> {
    let unknown = unknown_buckets(read, org, buckets)?;
    if unknown.is_empty() {
        return Ok(());
    }
    let unknown: Vec<String> = unknown.iter().map(|id| format!("bkt_{id}")).collect();
    Err(Error::new(ErrorKind::InvalidArgument, format!("Invalid bucket IDs: {}", unknown.join(", "))))
}

fn check_count(read: &dyn Read, org: OrgId) -> Result<()> {
    let mut count = 0;
    read.scan(KEY_BY_ORG.table(), &KeyRange::prefix(&org.0), &mut |_, _| {
        count += 1;
        Ok(Step::Continue)
    })?;
    if count < limit::KEYS_PER_ORG_MAX {
        return Ok(());
    }
    let message = format!("You have reached the limit of {} keys.", limit::KEYS_PER_ORG_MAX);
    Err(Error::new(ErrorKind::InvalidRequest, message))
}
