//! Making key-value buckets.

use crate::Store;
use crate::bootstrap::ROOT_ORG;
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::kv::policy::Sealed;
use crate::kv::{KvBucketRow, KvId, KvPolicy};
use crate::limit;
use crate::meta::table::{IdRow, KV_BUCKET_BY_ORG, KV_BUCKETS, ORG_BY_NAME};
use crate::meta::{KeyRange, Read, Step, Tx};
use crate::policy::{Action, Grant};

impl Store {
    /// Makes a bucket for the grant's organisation, or without a grant, where everybody may make buckets, for the
    /// gateway's own. `InvalidArgument`; `QuotaBuckets` beyond `limit::KV_BUCKETS_PER_ORG_MAX`.
    pub async fn kv_create(&self, grant: Option<&Grant>, policy: &KvPolicy) -> Result<KvId> {
        if let Some(grant) = grant {
            grant.must_allow(Action::CreateKvBucket)?;
        }
        let org = grant.map(|grant| grant.principal().org);
        let id = KvId::generate()?;
        let sealed = Sealed::of(policy, id, &self.master)?;
        self.meta.write(move |tx| create(tx, org, id, &sealed)).await?;
        Ok(id)
    }
}

fn create(tx: &mut Tx<'_>, org: Option<OrgId>, id: KvId, sealed: &Sealed) -> Result<()> {
    let org = match org {
        Some(org) => org,
        None => own_org(tx)?,
    };
    let mut count = 0_usize;
    tx.scan(KV_BUCKET_BY_ORG.table(), &KeyRange::prefix(&org.0), &mut |_, _| {
        count += 1;
        Ok(Step::Continue)
    })?;
    if count >= limit::KV_BUCKETS_PER_ORG_MAX {
        let message = format!("There are {count} key-value buckets, and there may be no more");
        return Err(Error::new(ErrorKind::QuotaBuckets, message));
    }
    let mut row = KvBucketRow {
        org,
        name: String::new(),
        created_ms: tx.now(),
        updated_ms: tx.now(),
        secret_key: None,
        read_key: None,
        write_key: None,
        signing_key: None,
        signing_epoch: 0,
        default_ttl_s: limit::KV_TTL_S_DEFAULT,
        deleted_ms: None,
    };
    sealed.apply(tx, &mut row, true)?;
    KV_BUCKETS.put(tx, &id, &row)?;
    KV_BUCKET_BY_ORG.put(tx, &(org, id), &IdRow(id.0))
}

fn own_org(read: &dyn Read) -> Result<OrgId> {
    let found = ORG_BY_NAME.get(read, &ROOT_ORG.to_owned())?;
    found.map(|IdRow(id)| OrgId(id)).ok_or_else(|| Error::corrupt("there is no root organisation"))
}
