//! Scripts of a bucket: texts under names, kept beside its values and counted with them. What they say is nothing to the store.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::entry::change;
use crate::kv::usage::KvChange;
use crate::kv::{KvGrant, KvId, KvRight};
use crate::limit;
use crate::meta::codec::decode;
use crate::meta::table::KV_SCRIPTS;
use crate::meta::{Key, KeyRange, Read, Record, Step, Tx};
use crate::policy::{Action, Grant};

/// A stored script. Its text comes last: listings read no more than what is before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvScriptRow {
    /// When it was put.
    pub changed_ms: Millis,
    /// Bytes of its text.
    pub bytes: u64,
    /// Its text.
    pub source: String,
}

impl Record for KvScriptRow {
    const VERSION: u8 = 1;
}

impl KvScriptRow {
    /// What counts of it towards quotas.
    pub(crate) fn size(&self, name: &str) -> u64 {
        name.len() as u64 + self.bytes
    }
}

/// All that a listing reads of a row.
#[derive(Serialize, Deserialize)]
struct Head {
    changed_ms: Millis,
    bytes: u64,
}

impl Record for Head {
    const VERSION: u8 = KvScriptRow::VERSION;
}

/// A script as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvScript {
    /// Its name.
    pub name: String,
    /// When it was put.
    pub changed_ms: Millis,
    /// Bytes of its text.
    pub bytes: u64,
}

/// 1 to `limit::KV_SCRIPT_NAME_BYTES_MAX` of `A-Z a-z 0-9 _ . -`.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !(1..=limit::KV_SCRIPT_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_plain) {
        let message = "The name of a script is 1 to 64 letters, digits, dots, hyphens and underscores";
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

fn missing() -> Error {
    Error::new(ErrorKind::NoSuchScript, "There is no such script")
}

impl Store {
    /// What a holder of the organisation's key needs for the scripts of a bucket. `NoSuchBucket` too if it is another one's.
    pub fn kv_scripts_of(&self, grant: &Grant, id: KvId) -> Result<KvGrant> {
        grant.must_allow(Action::UpdateKvBucket)?;
        Ok(KvGrant::for_owner(self.kv_bucket_of(grant, id)?, KvRight::Policy))
    }

    /// Puts a script, in place of the one that has its name.
    ///
    /// `AccessDenied`; `InvalidArgument` for a name that is none, a text that is too long, or one script more than a bucket
    /// may have; `QuotaExceeded`.
    pub async fn kv_put_script(&self, grant: &KvGrant, name: String, source: String) -> Result<()> {
        grant.must_allow(KvRight::Policy, b"")?;
        check_name(&name)?;
        if source.len() > limit::KV_SCRIPT_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidArgument, "A script is at most 65536 bytes"));
        }
        let (id, plan) = (grant.id(), Arc::clone(self.plans.of(grant.org())?));
        self.meta
            .write(move |tx| change(tx, id, &plan, |tx, _, change| put(tx, (id, name.clone()), &source, change)))
            .await
    }

    /// The text of a script, for who may change it. `AccessDenied`, `NoSuchScript`.
    pub fn kv_get_script(&self, grant: &KvGrant, name: &str) -> Result<KvScriptRow> {
        grant.must_allow(KvRight::Policy, b"")?;
        self.kv_script_to_run(grant, name)
    }

    /// The same for whoever has it run: that needs no right, and what it does then needs theirs. `NoSuchScript`.
    pub fn kv_script_to_run(&self, grant: &KvGrant, name: &str) -> Result<KvScriptRow> {
        let row = self.meta.read(|read| KV_SCRIPTS.get(read, &(grant.id(), name.to_owned())))?;
        row.ok_or_else(missing)
    }

    /// Deletes a script. `AccessDenied`, `NoSuchScript`.
    pub async fn kv_delete_script(&self, grant: &KvGrant, name: String) -> Result<()> {
        grant.must_allow(KvRight::Policy, b"")?;
        let (id, plan) = (grant.id(), Arc::clone(self.plans.of(grant.org())?));
        let at = (id, name);
        self.meta
            .write(move |tx| {
                change(tx, id, &plan, |tx, _, change| {
                    change.less.bytes += KV_SCRIPTS.get(tx, &at)?.ok_or_else(missing)?.size(&at.1);
                    KV_SCRIPTS.delete(tx, &at);
                    Ok(())
                })
            })
            .await
    }

    /// All scripts of a bucket, by name. `AccessDenied`.
    pub fn kv_list_scripts(&self, grant: &KvGrant) -> Result<Vec<KvScript>> {
        grant.must_allow(KvRight::Policy, b"")?;
        let mut found = Vec::new();
        self.meta.read(|read| {
            read.scan(KV_SCRIPTS.table(), &KeyRange::prefix(&grant.id().0), &mut |key, row| {
                let (_, name) =
                    <(KvId, String)>::read(key).ok_or_else(|| Error::corrupt("a key of table kv_scripts"))?;
                let Head { changed_ms, bytes } = decode(row)?;
                found.push(KvScript { name, changed_ms, bytes });
                Ok(Step::Continue)
            })
        })?;
        Ok(found)
    }
}

fn put(tx: &mut Tx<'_>, at: (KvId, String), source: &str, change: &mut KvChange) -> Result<()> {
    match KV_SCRIPTS.get(tx, &at)? {
        Some(old) => change.less.bytes += old.size(&at.1),
        None if names(tx, at.0)?.len() >= limit::KV_SCRIPTS_PER_BUCKET_MAX => {
            return Err(Error::new(ErrorKind::InvalidArgument, "A bucket has at most 100 scripts"));
        }
        None => {}
    }
    let row = KvScriptRow { changed_ms: tx.now(), bytes: source.len() as u64, source: source.to_owned() };
    change.more.bytes += row.size(&at.1);
    KV_SCRIPTS.put(tx, &at, &row)
}

fn names(read: &dyn Read, id: KvId) -> Result<Vec<(KvId, String)>> {
    let mut names = Vec::new();
    read.scan(KV_SCRIPTS.table(), &KeyRange::prefix(&id.0), &mut |key, _| {
        names.extend(<(KvId, String)>::read(key));
        Ok(Step::Continue)
    })?;
    Ok(names)
}

/// Takes away all scripts of a deleted bucket.
pub(super) fn remove_all(tx: &mut Tx<'_>, id: KvId, change: &mut KvChange) -> Result<()> {
    for at in names(tx, id)? {
        change.less.bytes += KV_SCRIPTS.get(tx, &at)?.map_or(0, |row| row.size(&at.1));
        KV_SCRIPTS.delete(tx, &at);
    }
    Ok(())
}
