//! What is declared rather than made by calls: the root key, and the organisations, keys and buckets of the
//! configuration. Applying the same plan again changes nothing.

use std::sync::Arc;

use crate::Store;
use crate::bucket::{self, Bucket};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId};
use crate::key::{self, Credentials, KeyOrigin, KeyRow, NewKey, Scopes};
use crate::meta::table::{KEY_BY_ACCESS_ID, KEY_BY_TOKEN_HASH, KEYS};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::name::BucketName;
use crate::org;

/// The organisation of the root key.
const ROOT_ORG: &str = "root";

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
    /// Buckets it owns; those that are missing are made.
    pub buckets: Vec<BucketName>,
    /// Its declared keys. A key that was declared once and no longer is ceases to exist.
    pub keys: Vec<DeclaredKey>,
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
    access_key_id: String,
    sealed_secret: Vec<u8>,
    token_hash: Option<[u8; 32]>,
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
        self.meta.write(move |tx| apply(tx, &organisations, &keys)).await?;
        // A key that is shown to somebody is there for good.
        self.meta.sync().await?;
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
        let access_key_id = credentials.access_key_id.clone();
        Ok(Sealed {
            org: org.to_owned(),
            name: declared.name.clone(),
            sealed_secret: self.master.seal(access_key_id.as_bytes(), credentials.secret_access_key.as_bytes())?,
            access_key_id,
            token_hash: credentials.token.as_deref().map(key::token_hash),
            scopes: declared.scopes,
            buckets: declared.buckets.clone(),
            expires_ms: declared.expires_ms,
            origin: KeyOrigin::Config,
        })
    }
}

fn apply(tx: &mut Tx<'_>, organisations: &[NewOrganisation], keys: &[Sealed]) -> Result<()> {
    org::ensure(tx, ROOT_ORG)?;
    for organisation in organisations {
        let org = org::ensure(tx, &organisation.name)?;
        for name in &organisation.buckets {
            match bucket::create(tx, org, name, "") {
                Err(error) if error.kind() == ErrorKind::BucketAlreadyOwnedByYou => {}
                Err(error) => return Err(Error::new(error.kind(), format!("bucket {name}: {}", error.message()))),
                Ok(_) => {}
            }
        }
    }
    let keeps =
        |row: &KeyRow| keys.iter().any(|key| key.access_key_id == row.access_key_id && key.origin == row.origin);
    let root_given = keys.iter().any(|key| key.origin == KeyOrigin::Root);
    for (id, row) in keys_from(tx, KeyOrigin::Config)? {
        if !keeps(&row) {
            remove(tx, id, &row);
        }
    }
    for (id, row) in keys_from(tx, KeyOrigin::Root)? {
        if root_given && !keeps(&row) {
            remove(tx, id, &row);
        }
    }
    keys.iter().try_for_each(|key| put(tx, key))
}

fn put(tx: &mut Tx<'_>, sealed: &Sealed) -> Result<()> {
    let org = org::ensure(tx, &sealed.org)?;
    let buckets = match &sealed.buckets {
        None => None,
        Some(names) => Some(names.iter().map(|name| id_of(tx, name, &sealed.name)).collect::<Result<Vec<BucketId>>>()?),
    };
    let new = NewKey {
        org,
        name: sealed.name.clone(),
        scopes: sealed.scopes,
        buckets,
        expires_ms: sealed.expires_ms,
        origin: sealed.origin,
    };
    key::put(tx, &new, &sealed.access_key_id, &sealed.sealed_secret, sealed.token_hash).map(|_| ())
}

fn id_of(read: &dyn Read, name: &BucketName, key: &str) -> Result<BucketId> {
    let message = || format!("key {key:?} names bucket {name}, which does not exist");
    Bucket::find(read, name)?.map(|bucket| bucket.id).ok_or_else(|| Error::new(ErrorKind::NoSuchBucket, message()))
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

fn remove(tx: &mut Tx<'_>, id: KeyId, row: &KeyRow) {
    KEYS.delete(tx, &id);
    KEY_BY_ACCESS_ID.delete(tx, &row.access_key_id);
    if let Some(hash) = row.token_hash {
        KEY_BY_TOKEN_HASH.delete(tx, &hash);
    }
}
