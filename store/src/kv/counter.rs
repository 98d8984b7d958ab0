//! Counters: values that are numbers, changed by what is added to them.

use std::sync::Arc;

use crate::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::kv::entry::{change, check_key, live, replace};
use crate::kv::{KvEntryRow, KvGrant, KvRight, KvTtl, Number};

impl Store {
    /// Adds to a value, from 0 if there is none, and returns what it comes to. What it was set with stays.
    ///
    /// `InvalidArgument` if the value is no number or the sum is out of range; `AccessDenied`, `QuotaExceeded`.
    pub async fn kv_increment(&self, grant: &KvGrant, key: Vec<u8>, by: Number, ttl: KvTtl) -> Result<Number> {
        grant.must_allow(KvRight::Set, &key)?;
        check_key(&key)?;
        ttl.check()?;
        let (id, plan) = (grant.id(), Arc::clone(self.plans.of(grant.org())?));
        let at = (id, key);
        self.meta
            .write(move |tx| {
                change(tx, id, &plan, |tx, bucket, change| {
                    let current = live(tx, &at, tx.now())?;
                    let number = match &current {
                        None => Number::Int(0),
                        Some(row) => Number::parse(&row.value)
                            .ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "The value is not a number"))?,
                    };
                    let sum = number.plus(by)?;
                    let row = KvEntryRow {
                        expires_ms: ttl.from(tx.now(), bucket),
                        content_type: current.and_then(|row| row.content_type),
                        value: sum.to_string().into(),
                    };
                    replace(tx, &at, Some(&row), change)?;
                    Ok(sum)
                })
            })
            .await
    }
}
