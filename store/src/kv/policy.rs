//! The keys and settings of a key-value bucket, and how they are changed.

use std::fmt;

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::access::hash_key;
use crate::kv::{KvBucketRow, KvGrant, KvId, KvRight};
use crate::limit;
use crate::meta::table::KV_BUCKETS;
use crate::meta::{KeyRange, Step, Tx};
use crate::seal::MasterKey;

/// Keys and settings to give a bucket; what is `None` stays as it is. An empty key is none.
#[derive(Clone, Default)]
pub struct KvPolicy {
    /// Its name for people: at most `limit::NAME_CHARS_MAX` characters.
    pub name: Option<String>,
    /// The key that may do everything. A bucket that was made without one never has one, and no bucket loses it.
    pub secret_key: Option<String>,
    /// The key that reads.
    pub read_key: Option<String>,
    /// The key that writes.
    pub write_key: Option<String>,
    /// What access tokens are signed with; setting it voids those that there are.
    pub signing_key: Option<String>,
    /// Seconds that a value lasts from its last update; 0 is for ever.
    pub default_ttl_s: Option<u64>,
}

impl fmt::Debug for KvPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvPolicy").field("default_ttl_s", &self.default_ttl_s).finish_non_exhaustive()
    }
}

/// Keys and settings as they are stored. Of each, the outer `None` leaves what is there.
pub(super) struct Sealed {
    name: Option<String>,
    secret_key: Option<Option<[u8; 32]>>,
    read_key: Option<Option<[u8; 32]>>,
    write_key: Option<Option<[u8; 32]>>,
    signing_key: Option<Option<Vec<u8>>>,
    default_ttl_s: Option<u64>,
}

impl Sealed {
    /// `InvalidArgument` for what breaks a rule.
    pub(super) fn of(policy: &KvPolicy, id: KvId, master: &MasterKey) -> Result<Self> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        let KvPolicy { name, secret_key, read_key, write_key, signing_key, default_ttl_s } = policy;
        if name.as_ref().is_some_and(|name| name.chars().count() > limit::NAME_CHARS_MAX) {
            return wrong("name must be at most 100 characters");
        }
        let keys = [secret_key, read_key, write_key, signing_key];
        if keys.into_iter().flatten().any(|key| key.len() > limit::KV_SECRET_BYTES_MAX) {
            return wrong("A key of a bucket is at most 1024 bytes");
        }
        if default_ttl_s.is_some_and(|seconds| seconds > limit::KV_TTL_S_MAX) {
            return wrong("default_ttl is too long: at most 100 years");
        }
        let hash = |key: &Option<String>| key.as_ref().map(|key| (!key.is_empty()).then(|| hash_key(id, key)));
        let signing_key = match signing_key.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(key) => Some(Some(master.seal(&context(id), key.as_bytes())?)),
        };
        Ok(Self {
            name: name.clone(),
            secret_key: hash(secret_key),
            read_key: hash(read_key),
            write_key: hash(write_key),
            signing_key,
            default_ttl_s: *default_ttl_s,
        })
    }

    /// Changes a bucket; a new one may get a secret key.
    pub(super) fn apply(&self, tx: &mut Tx<'_>, bucket: &mut KvBucketRow, is_new: bool) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        match self.secret_key {
            None => {}
            Some(None) if !is_new => return wrong("The secret key cannot be taken away, only changed"),
            Some(Some(_)) if !is_new && bucket.secret_key.is_none() => {
                return wrong("The secret key cannot be added to a bucket that was made without one");
            }
            Some(key) => bucket.secret_key = key,
        }
        if let Some(key) = &self.signing_key {
            bucket.signing_key.clone_from(key);
            bucket.signing_epoch = tx.next_sequence()?;
        }
        bucket.read_key = self.read_key.unwrap_or(bucket.read_key);
        bucket.write_key = self.write_key.unwrap_or(bucket.write_key);
        bucket.default_ttl_s = self.default_ttl_s.unwrap_or(bucket.default_ttl_s);
        if let Some(name) = &self.name {
            bucket.name.clone_from(name);
        }
        bucket.updated_ms = tx.now();
        Ok(())
    }
}

/// What the signing key of a bucket is sealed for.
pub(super) fn context(id: KvId) -> Vec<u8> {
    [b"key-value signing key ", &id.0[..]].concat()
}

impl Store {
    /// Changes keys and settings of a bucket. `AccessDenied`, `InvalidArgument`.
    pub async fn kv_update(&self, grant: &KvGrant, policy: &KvPolicy) -> Result<()> {
        grant.must_allow(KvRight::Policy, b"")?;
        let id = grant.id();
        let sealed = Sealed::of(policy, id, &self.master)?;
        self.meta
            .write(move |tx| {
                let mut bucket = KvBucketRow::must_exist(tx, id)?;
                sealed.apply(tx, &mut bucket, false)?;
                KV_BUCKETS.put(tx, &id, &bucket)
            })
            .await?;
        // A key that was taken away must not come back.
        self.meta.sync().await
    }
}

/// Seals all signing keys with another master key; says how many there were.
pub(crate) fn reseal(tx: &mut Tx<'_>, old: &MasterKey, new: &MasterKey) -> Result<u64> {
    let mut sealed = Vec::new();
    KV_BUCKETS.scan(tx, &KeyRange::all(), |id, row| {
        if row.signing_key.is_some() {
            sealed.push((id, row));
        }
        Ok(Step::Continue)
    })?;
    for (id, row) in &mut sealed {
        let context = context(*id);
        if let Some(key) = &mut row.signing_key {
            *key = new.seal(&context, &old.open(&context, key)?)?;
        }
        KV_BUCKETS.put(tx, id, row)?;
    }
    Ok(sealed.len() as u64)
}
