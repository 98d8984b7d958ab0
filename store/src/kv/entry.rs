//! Getting, setting and deleting one value.

use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::usage::{KvChange, count};
use crate::kv::{KvBucketRow, KvExpiryRow, KvGrant, KvId, KvRight};
use crate::limit;
use crate::meta::table::{KV_ENTRIES, KV_EXPIRY};
use crate::meta::{Read, Record, Tx};
use crate::object::{ETag, WriteCondition};
use crate::plan::Plan;

/// A stored value. When it ends comes first: listings of keys read no more than that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvEntryRow {
    /// From when on it is not there.
    pub expires_ms: Option<Millis>,
    /// The content type that it was set with, if it was with one.
    pub content_type: Option<String>,
    /// The bytes.
    pub value: Bytes,
}

impl Record for KvEntryRow {
    const VERSION: u8 = 1;
}

impl KvEntryRow {
    /// What counts of it towards quotas.
    pub(crate) fn size(&self, key: &[u8]) -> u64 {
        (key.len() + self.value.len()) as u64
    }
}

/// Whether what expires then is there now.
pub(super) fn is_live(expires_ms: Option<Millis>, now: Millis) -> bool {
    expires_ms.is_none_or(|expires_ms| expires_ms > now)
}

/// How long a value is to last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum KvTtl {
    /// As long as the bucket says.
    #[default]
    Default,
    /// So many seconds from now, at most `limit::KV_TTL_S_MAX`; 0 is for ever.
    Seconds(u64),
}

impl KvTtl {
    /// When what is written now ends.
    pub(super) fn from(self, now: Millis, bucket: &KvBucketRow) -> Option<Millis> {
        let seconds = match self {
            Self::Default => bucket.default_ttl_s,
            Self::Seconds(seconds) => seconds,
        };
        (seconds > 0).then(|| now.saturating_add(seconds.saturating_mul(1_000)))
    }

    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Seconds(seconds) if seconds > limit::KV_TTL_S_MAX => {
                Err(Error::new(ErrorKind::InvalidArgument, "ttl is too long: at most 100 years"))
            }
            _ => Ok(()),
        }
    }
}

/// A value to set.
#[derive(Debug, Clone)]
pub struct KvSet {
    /// Its key.
    pub key: Vec<u8>,
    /// Its bytes.
    pub value: Bytes,
    /// What they are said to be.
    pub content_type: Option<String>,
    /// How long it is to last.
    pub ttl: KvTtl,
    /// What must hold of the value that is there.
    pub condition: WriteCondition,
}

/// A value that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvFound {
    /// Its bytes.
    pub value: Bytes,
    /// What they are said to be.
    pub content_type: Option<String>,
    /// The MD5 of its bytes.
    pub etag: ETag,
}

/// The entity tag of a value.
pub(super) fn etag(value: &[u8]) -> ETag {
    ETag::Md5(Md5::digest(value).into())
}

/// Checks a key: 1 to `limit::KV_KEY_BYTES_MAX` bytes, and none of those that are not for values.
pub(super) fn check_key(key: &[u8]) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
    if key.is_empty() || key.len() > limit::KV_KEY_BYTES_MAX {
        return wrong("A key is 1 to 128 bytes");
    }
    if [&b"tokens/"[..], b"scripts/"].iter().any(|reserved| key.starts_with(reserved)) {
        return wrong("Keys that begin with tokens/ or scripts/ are reserved");
    }
    Ok(())
}

pub(super) fn check_value(value: &[u8], content_type: Option<&str>) -> Result<()> {
    let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
    if value.len() > limit::KV_VALUE_BYTES_MAX {
        return wrong("A value is at most 16384 bytes");
    }
    if content_type.is_some_and(|text| text.len() > limit::KV_CONTENT_TYPE_BYTES_MAX) {
        return wrong("A content type is at most 256 bytes");
    }
    Ok(())
}

/// The value that is there at `now`.
pub(super) fn live(read: &dyn Read, at: &(KvId, Vec<u8>), now: Millis) -> Result<Option<KvEntryRow>> {
    Ok(KV_ENTRIES.get(read, at)?.filter(|row| is_live(row.expires_ms, now)))
}

/// Puts a row in place of the one that is there, expired or not, and notes what that changes.
pub(super) fn replace(
    tx: &mut Tx<'_>,
    at: &(KvId, Vec<u8>),
    row: Option<&KvEntryRow>,
    change: &mut KvChange,
) -> Result<()> {
    let (id, key) = at;
    let old = KV_ENTRIES.get(tx, at)?;
    if let Some(old) = &old {
        change.less.add(old.size(key));
    }
    let (was, is) = (old.and_then(|old| old.expires_ms), row.and_then(|row| row.expires_ms));
    if was != is {
        if let Some(was) = was {
            KV_EXPIRY.delete(tx, &(was, *id, key.clone()));
        }
        if let Some(is) = is {
            KV_EXPIRY.put(tx, &(is, *id, key.clone()), &KvExpiryRow)?;
        }
    }
    match row {
        Some(row) => {
            change.more.add(row.size(key));
            KV_ENTRIES.put(tx, at, row)
        }
        None => {
            KV_ENTRIES.delete(tx, at);
            Ok(())
        }
    }
}

/// Does something to a bucket's values, and counts what it came to.
pub(super) fn change<T>(
    tx: &mut Tx<'_>,
    id: KvId,
    plan: &Plan,
    work: impl FnOnce(&mut Tx<'_>, &KvBucketRow, &mut KvChange) -> Result<T>,
) -> Result<T> {
    let bucket = KvBucketRow::must_exist(tx, id)?;
    let mut change = KvChange::default();
    let done = work(tx, &bucket, &mut change)?;
    count(tx, id, &bucket, Some(plan), &change)?;
    Ok(done)
}

impl Store {
    /// The value of a key; `NoSuchKey` if there is none, or it has expired. `AccessDenied`, `InvalidArgument` for a key
    /// that is none.
    pub fn kv_get(&self, grant: &KvGrant, key: &[u8]) -> Result<KvFound> {
        grant.must_allow(KvRight::Get, key)?;
        check_key(key)?;
        let row = self.meta.read(|read| live(read, &(grant.id(), key.to_vec()), self.clock.now()))?;
        let row = row.ok_or_else(|| Error::new(ErrorKind::NoSuchKey, "There is no such key"))?;
        Ok(KvFound { etag: etag(&row.value), value: row.value, content_type: row.content_type })
    }

    /// Sets a value, and returns its entity tag. `AccessDenied`, `InvalidArgument`, `QuotaExceeded`; `PreconditionFailed` if
    /// what is there does not meet the condition.
    pub async fn kv_set(&self, grant: &KvGrant, set: KvSet) -> Result<ETag> {
        grant.must_allow(KvRight::Set, &set.key)?;
        check_key(&set.key)?;
        check_value(&set.value, set.content_type.as_deref())?;
        set.ttl.check()?;
        let (id, plan, tag) = (grant.id(), Arc::clone(self.plans.of(grant.org())?), etag(&set.value));
        let KvSet { key, value, content_type, ttl, condition } = set;
        let at = (id, key);
        self.meta
            .write(move |tx| {
                change(tx, id, &plan, |tx, bucket, change| {
                    if condition.is_some() {
                        let current = live(tx, &at, tx.now())?;
                        condition.check_tag(current.map(|row| etag(&row.value)))?;
                    }
                    let expires_ms = ttl.from(tx.now(), bucket);
                    let row = KvEntryRow { expires_ms, content_type: content_type.clone(), value: value.clone() };
                    replace(tx, &at, Some(&row), change)
                })
            })
            .await?;
        Ok(tag)
    }

    /// Deletes a value, whether or not it is there. `AccessDenied`, `InvalidArgument` for a key that is none.
    pub async fn kv_delete(&self, grant: &KvGrant, key: Vec<u8>) -> Result<()> {
        grant.must_allow(KvRight::Delete, &key)?;
        check_key(&key)?;
        let (id, plan) = (grant.id(), Arc::clone(self.plans.of(grant.org())?));
        let at = (id, key);
        self.meta.write(move |tx| change(tx, id, &plan, |tx, _, change| replace(tx, &at, None, change))).await
    }
}
