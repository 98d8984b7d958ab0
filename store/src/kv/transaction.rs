//! Transactions: several values changed as one, or none of them.

use std::sync::Arc;

use bytes::Bytes;

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::entry::{change, check_key, check_value, live, replace};
use crate::kv::usage::KvChange;
use crate::kv::{KvBucketRow, KvEntryRow, KvGrant, KvId, KvRight, KvTtl};
use crate::limit;
use crate::meta::Tx;

/// One step of a transaction.
#[derive(Debug, Clone)]
pub enum KvOperation {
    /// Sets a value.
    Set {
        /// Its key.
        key: Vec<u8>,
        /// Its bytes.
        value: Bytes,
        /// What they are said to be.
        content_type: Option<String>,
        /// How long it is to last.
        ttl: KvTtl,
    },
    /// Deletes a value, whether or not it is there.
    Delete {
        /// Its key.
        key: Vec<u8>,
    },
    /// Goes on only if the value is this, or if there is none.
    Check {
        /// Its key.
        key: Vec<u8>,
        /// Its bytes.
        value: Option<Bytes>,
    },
}

impl KvOperation {
    fn check(&self, grant: &KvGrant) -> Result<()> {
        let (right, key) = match self {
            Self::Set { key, .. } => (KvRight::Set, key),
            Self::Delete { key } => (KvRight::Delete, key),
            Self::Check { key, .. } => (KvRight::Get, key),
        };
        grant.must_allow(right, key)?;
        check_key(key)?;
        if let Self::Set { value, content_type, ttl, .. } = self {
            check_value(value, content_type.as_deref())?;
            ttl.check()?;
        }
        Ok(())
    }

    /// Carries it out; false if what is checked does not hold.
    fn run(&self, tx: &mut Tx<'_>, id: KvId, bucket: &KvBucketRow, change: &mut KvChange) -> Result<bool> {
        match self {
            Self::Set { key, value, content_type, ttl } => {
                let expires_ms = ttl.from(tx.now(), bucket);
                let row = KvEntryRow { expires_ms, content_type: content_type.clone(), value: value.clone() };
                replace(tx, &(id, key.clone()), Some(&row), change)?;
            }
            Self::Delete { key } => replace(tx, &(id, key.clone()), None, change)?,
            Self::Check { key, value } => {
                return Ok(live(tx, &(id, key.clone()), tx.now())?.map(|row| row.value) == *value);
            }
        }
        Ok(true)
    }
}

impl Store {
    /// Carries out all steps in their order, or none; a step sees what those before it did.
    ///
    /// `CheckFailed` if what a step checks does not hold; `AccessDenied`, `InvalidArgument`, `QuotaExceeded`.
    pub async fn kv_transaction(&self, grant: &KvGrant, steps: Vec<KvOperation>) -> Result<()> {
        if steps.len() > limit::KV_TRANSACTION_STEPS_MAX {
            return Err(Error::new(ErrorKind::InvalidArgument, "A transaction has at most 1000 entries"));
        }
        steps.iter().try_for_each(|step| step.check(grant))?;
        let (id, plan) = (grant.id(), Arc::clone(self.plans.of(grant.org())?));
        self.meta
            .write(move |tx| {
                change(tx, id, &plan, |tx, bucket, change| {
                    for (at, step) in steps.iter().enumerate() {
                        if !step.run(tx, id, bucket, change)? {
                            let message = format!("Entry {at} of the transaction: the value is another one");
                            return Err(Error::new(ErrorKind::CheckFailed, message));
                        }
                    }
                    Ok(())
                })
            })
            .await
    }
}
