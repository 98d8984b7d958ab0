//! What is declared rather than made by calls: the root key, and the organisations, keys and buckets of the
//! configuration. Applying the same plan again changes nothing.

use std::sync::Arc;

use crate::Store;
use crate::bucket::{self, Bucket, BucketPatch, BucketRow};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId, OrgId};
use crate::key::{self, Credentials, KeyOrigin, KeyRow, NewKey, Scopes, SealedCredentials};
use crate::meta::table::{KEYS, ORGS};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::name::BucketName;
use crate::org::{self, Org};
use crate::plan::{Plan, Plans};

/// The organisation of the root key.
pub(crate) const ROOT_ORG: &str = "root";

/// What should be there.
#[derive(Debug, Clone, Default)]
pub struct Bootstrap {
    /// The root key, if somebody chose it. Replaces an earlier one.
    pub root: Option<Credentials>,
    /// Organisations with their buckets and keys.
    pub organisations: Vec<NewOrganisation>,
}

/// A declared organisation.
#[derive(Debug, Clone)]
pub struct NewOrganisation {
    /// Its name.
    pub name: String,
    /// The name of its plan.
    pub plan: String,
    /// The bucket that doors without bucket names use; `None` leaves it as it is.
    pub default_bucket: Option<BucketName>,
    /// Buckets it owns; those that are missing are made.
    pub buckets: Vec<DeclaredBucket>,
    /// Its declared keys. A key that was declared once and no longer is ceases to exist.
    pub keys: Vec<DeclaredKey>,
}

/// A declared bucket.
#[derive(Debug, Clone)]
pub struct DeclaredBucket {
    /// Its name.
    pub name: BucketName,
    /// Where it is said to be, if it is made now; `None` is us-east-1.
    pub region: Option<String>,
    /// What is declared of its settings. What is not stays as it is.
    pub settings: BucketPatch,
}

/// A declared key.
#[derive(Debug, Clone)]
pub struct DeclaredKey {
    /// A name for people.
    pub name: String,
    /// Its secrets.
    pub credentials: Credentials,
    /// What it may do.
    pub scopes: Scopes,
    /// The buckets it sees, by name; `None` is all of its organisation's.
    pub buckets: Option<Vec<BucketName>>,
    /// When it ends to be valid.
    pub expires_ms: Option<Millis>,
}

/// What a bootstrap did.
#[derive(Debug, Clone)]
pub struct Bootstrapped {
    /// The root key.
    pub root: RootKey,
}

/// Where the root key comes from.
#[derive(Debug, Clone)]
pub enum RootKey {
    /// It was made now: show it, nobody can read it again.
    Made(Credentials),
    /// It was given.
    Given,
    /// It was made at an earlier start.
    Kept,
}

/// A key ready to be written: its secret is sealed already.
struct Sealed {
    org: String,
    name: String,
    credentials: SealedCredentials,
    scopes: Scopes,
    buckets: Option<Vec<BucketName>>,
    expires_ms: Option<Millis>,
    origin: KeyOrigin,
}

impl Store {
    /// Applies a plan in one commit: all of it or, with an error that names the fault, none.
    pub async fn bootstrap(self: &Arc<Self>, plan: Bootstrap) -> Result<Bootstrapped> {
        let has_root = self.meta.read(|read| Ok(!keys_from(read, KeyOrigin::Root)?.is_empty()))?;
        let (root, credentials) = match plan.root {
            Some(given) => (RootKey::Given, Some(given)),
            None if has_root => (RootKey::Kept, None),
            None => {
                let made = Credentials::generate()?;
                (RootKey::Made(made.clone()), Some(made))
            }
        };
        let mut keys = Vec::new();
        if let Some(credentials) = credentials {
            keys.push(self.seal_root(&credentials)?);
        }
        for organisation in &plan.organisations {
            for declared in &organisation.keys {
                keys.push(self.seal_declared(&organisation.name, declared)?);
            }
        }
        let organisations = plan.organisations;
        let plans = Arc::clone(self.plans.plans());
        self.meta.write(move |tx| apply(tx, &plans, &organisations, &keys)).await?;
        // A key that is shown to somebody is there for good.
        self.meta.sync().await?;
        self.meta.read(|read| self.plans.reload(read))?;
        Ok(Bootstrapped { root })
    }

    fn seal_root(&self, credentials: &Credentials) -> Result<Sealed> {
        let declared = DeclaredKey {
            name: ROOT_ORG.to_owned(),
            credentials: credentials.clone(),
            scopes: Scopes::ALL,
            buckets: None,
            expires_ms: None,
        };
        Ok(Sealed { origin: KeyOrigin::Root, ..self.seal_declared(ROOT_ORG, &declared)? })
    }

    fn seal_declared(&self, org: &str, declared: &DeclaredKey) -> Result<Sealed> {
        let credentials = &declared.credentials;
        credentials
            .check()
            .map_err(|e| Error::new(e.kind(), format!("key {:?} of {org:?}: {}", declared.name, e.message())))?;
        Ok(Sealed {
            org: org.to_owned(),
            name: declared.name.clone(),
            credentials: SealedCredentials::seal(self, credentials)?,
            scopes: declared.scopes,
            buckets: declared.buckets.clone(),
            expires_ms: declared.expires_ms,
            origin: KeyOrigin::Config,
        })
    }
}

fn apply(tx: &mut Tx<'_>, plans: &Plans, organisations: &[NewOrganisation], keys: &[Sealed]) -> Result<()> {
    org::ensure(tx, ROOT_ORG, None)?;
    for organisation in organisations {
        let org = org::ensure(tx, &organisation.name, Some(&organisation.plan))?;
        let plan = plans.must_have(&organisation.plan, &organisation.name)?;
        for declared in &organisation.buckets {
            put_bucket(tx, org, plan, declared)
                .map_err(|error| Error::new(error.kind(), format!("bucket {}: {}", declared.name, error.message())))?;
        }
        if let Some(name) = &organisation.default_bucket {
            choose_default(tx, org, name)?;
        }
    }
    check_plans(tx, plans)?;
    let keeps = |row: &KeyRow| {
        keys.iter().any(|key| key.credentials.access_key_id == row.access_key_id && key.origin == row.origin)
    };
    let root_given = keys.iter().any(|key| key.origin == KeyOrigin::Root);
    for (id, row) in keys_from(tx, KeyOrigin::Config)? {
        if !keeps(&row) {
            key::remove(tx, id, &row);
        }
    }
    for (id, row) in keys_from(tx, KeyOrigin::Root)? {
        if root_given && !keeps(&row) {
            key::remove(tx, id, &row);
        }
    }
    keys.iter().try_for_each(|key| put(tx, key))
}

/// Every organisation there is must be on a plan that there is, those of earlier configurations too.
fn check_plans(read: &dyn Read, plans: &Plans) -> Result<()> {
    ORGS.scan(read, &KeyRange::all(), |_, row| {
        plans.must_have(&row.plan, &row.name)?;
        Ok(Step::Continue)
    })
}

/// Makes a declared bucket if it is not there, and sets on it what is declared.
fn put_bucket(tx: &mut Tx<'_>, org: OrgId, plan: &Plan, declared: &DeclaredBucket) -> Result<()> {
    let location = BucketRow::location_of(declared.region.as_deref().unwrap_or_default());
    let row = BucketRow::new(declared.name.clone(), org, tx.now(), location);
    let bucket = match Bucket::find(tx, &declared.name)? {
        Some(bucket) if bucket.row.org == org && bucket.row.is_deleting() => {
            // To refuse the start would keep the job from ever emptying it.
            tracing::warn!(bucket = %declared.name, "a declared bucket is still being deleted; the next start makes it anew");
            return Ok(());
        }
        Some(bucket) if bucket.row.org == org => bucket,
        _ => bucket::create(tx, plan, row)?,
    };
    bucket::patch(tx, bucket, &declared.settings)
}

fn choose_default(tx: &mut Tx<'_>, id: OrgId, name: &BucketName) -> Result<()> {
    let bucket = Bucket::find(tx, name)?.filter(|bucket| bucket.row.org == id);
    let Org { mut row, .. } = Org::get(tx, id)?;
    let message = || format!("organisation {:?}: its default bucket {name} is not one of its buckets", row.name);
    let bucket = bucket.ok_or_else(|| Error::new(ErrorKind::NoSuchBucket, message()))?;
    if !bucket.row.is_deleting() && row.default_bucket != Some(bucket.id) {
        row.default_bucket = Some(bucket.id);
        ORGS.put(tx, &id, &row)?;
    }
    Ok(())
}

fn put(tx: &mut Tx<'_>, sealed: &Sealed) -> Result<()> {
    let org = org::ensure(tx, &sealed.org, None)?;
    let mut buckets = sealed.buckets.as_ref().map(|_| Vec::new());
    for name in sealed.buckets.iter().flatten() {
        buckets.get_or_insert_default().extend(id_of(tx, org, name, &sealed.name)?);
    }
    let new = NewKey {
        org,
        name: sealed.name.clone(),
        scopes: sealed.scopes,
        buckets,
        expires_ms: sealed.expires_ms,
        origin: sealed.origin,
    };
    key::put(tx, &new, &sealed.credentials).map(drop)
}

/// The organisation's bucket of that name; `None` for one that is being deleted, which is taken off all lists.
fn id_of(read: &dyn Read, org: OrgId, name: &BucketName, key: &str) -> Result<Option<BucketId>> {
    let message = || format!("key {key:?} names bucket {name}, which does not exist");
    let bucket = Bucket::find(read, name)?.filter(|bucket| bucket.row.org == org);
    let bucket = bucket.ok_or_else(|| Error::new(ErrorKind::NoSuchBucket, message()))?;
    Ok(Some(bucket.id).filter(|_| !bucket.row.is_deleting()))
}

fn keys_from(read: &dyn Read, origin: KeyOrigin) -> Result<Vec<(KeyId, KeyRow)>> {
    let mut keys = Vec::new();
    KEYS.scan(read, &KeyRange::all(), |id, row| {
        if row.origin == origin {
            keys.push((id, row));
        }
        Ok(Step::Continue)
    })?;
    Ok(keys)
}
