//! Revoking keys: from the commit on no door knows the key.

use crate::Store;
use crate::error::Result;
use crate::id::{BucketId, KeyId, OrgId};
use crate::key::KeyRow;
use crate::key::list::of_org;
use crate::limit;
use crate::meta::table::{KEY_BY_ACCESS_ID, KEY_BY_ORG, KEY_BY_TOKEN_HASH, KEY_USED, KEYS};
use crate::meta::{KeyRange, Step, Tx};
use crate::policy::{Action, Grant};

impl Store {
    /// Revokes a key of the grant's organisation, at once. `NoSuchKeyId`.
    pub async fn delete_key(&self, grant: &Grant, id: KeyId) -> Result<()> {
        grant.must_allow(Action::DeleteKey)?;
        let org = grant.principal().org;
        self.meta
            .write(move |tx| {
                let row = of_org(tx, org, id)?;
                remove(tx, id, &row);
                Ok(())
            })
            .await?;
        // A key that was revoked stays revoked, whatever happens to the machine.
        self.meta.sync().await
    }
}

/// Takes all rows of a key away.
pub(crate) fn remove(tx: &mut Tx<'_>, id: KeyId, row: &KeyRow) {
    KEYS.delete(tx, &id);
    KEY_BY_ACCESS_ID.delete(tx, &row.access_key_id);
    KEY_BY_ORG.delete(tx, &(row.org, id));
    KEY_USED.delete(tx, &id);
    if let Some(hash) = row.token_hash {
        KEY_BY_TOKEN_HASH.delete(tx, &hash);
    }
}

/// Takes a bucket off the lists of a bounded number of its organisation's keys, those behind `after`. A list that becomes
/// empty stays a list: the key then sees nothing, it does not widen to everything. Returns the last key it looked at, or
/// `None` when it has seen all.
pub(crate) fn forget_bucket(
    tx: &mut Tx<'_>,
    org: OrgId,
    bucket: BucketId,
    after: Option<KeyId>,
) -> Result<Option<KeyId>> {
    let from = [&org.0[..], &after.map_or([0; 16], |key| key.0)].concat();
    let mut keys = Vec::new();
    KEY_BY_ORG.scan(tx, &KeyRange::prefix_from(&org.0, from), |(_, key), _| {
        if after != Some(key) {
            keys.push(key);
        }
        Ok(if keys.len() < limit::STEP_ROWS { Step::Continue } else { Step::Stop })
    })?;
    for id in &keys {
        let Some(mut row) = KEYS.get(tx, id)? else { continue };
        if let Some(list) = &mut row.buckets
            && list.contains(&bucket)
        {
            list.retain(|listed| *listed != bucket);
            KEYS.put(tx, id, &row)?;
        }
    }
    Ok(keys.last().copied().filter(|_| keys.len() == limit::STEP_ROWS))
}
