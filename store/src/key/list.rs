//! Looking at keys: never at their secrets.

use crate::Store;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId, OrgId};
use crate::key::{KeyOrigin, KeyRow, Scopes};
use crate::meta::table::{KEY_BY_ORG, KEY_USED, KEYS};
use crate::meta::{KeyRange, Read, Step};
use crate::policy::{Action, Grant};

/// A key as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its identifier.
    pub id: KeyId,
    /// A name for people.
    pub name: String,
    /// The first 8 characters of its token, or of its access key id if it has none.
    pub prefix: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The buckets it sees; `None` is all of its organisation's.
    pub buckets: Option<Vec<BucketId>>,
    /// When it ends to be valid.
    pub expires_ms: Option<Millis>,
    /// When it was made.
    pub created_ms: Millis,
    /// When it was last used, if it ever was.
    pub last_used_ms: Option<Millis>,
}

impl Store {
    /// A page of the organisation's keys, ascending by id: those behind `after`, at most `max`; with it the last id if
    /// more come behind it.
    pub fn list_keys(&self, grant: &Grant, after: Option<KeyId>, max: usize) -> Result<(Vec<ApiKey>, Option<KeyId>)> {
        grant.must_allow(Action::ListKeys)?;
        let org = grant.principal().org;
        let from = [&org.0[..], &after.map_or([0; 16], |key| key.0)].concat();
        self.meta.read(|read| {
            let (mut keys, mut next): (Vec<ApiKey>, _) = (Vec::new(), None);
            KEY_BY_ORG.scan(read, &KeyRange::prefix_from(&org.0, from), |(_, id), _| {
                if after == Some(id) {
                    return Ok(Step::Continue);
                }
                if keys.len() == max {
                    next = keys.last().map(|key| key.id);
                    return Ok(Step::Stop);
                }
                let row = KEYS.get(read, &id)?;
                let row = row.ok_or_else(|| Error::corrupt(format!("key {id} is listed but has no row")))?;
                if row.origin == KeyOrigin::Project {
                    return Ok(Step::Continue);
                }
                keys.push(self.shown(read, id, row)?);
                Ok(Step::Continue)
            })?;
            Ok((keys, next))
        })
    }

    /// A key of the grant's organisation. `NoSuchKeyId`.
    pub fn get_key(&self, grant: &Grant, id: KeyId) -> Result<ApiKey> {
        grant.must_allow(Action::GetKey)?;
        let org = grant.principal().org;
        self.meta.read(|read| {
            let row = of_org(read, org, id)?;
            self.shown(read, id, row)
        })
    }

    fn shown(&self, read: &dyn Read, id: KeyId, row: KeyRow) -> Result<ApiKey> {
        let stored = KEY_USED.get(read, &id)?.map(|used| used.last_used_ms);
        Ok(ApiKey {
            id,
            name: row.name,
            prefix: row.prefix,
            scopes: row.scopes,
            buckets: row.buckets,
            expires_ms: row.expires_ms,
            created_ms: row.created_ms,
            last_used_ms: self.used_keys.get(id).max(stored),
        })
    }
}

/// A key if it is that organisation's, else `NoSuchKeyId`.
pub(super) fn of_org(read: &dyn Read, org: OrgId, id: KeyId) -> Result<KeyRow> {
    let row = KEYS.get(read, &id)?.filter(|row| row.org == org && row.origin != KeyOrigin::Project);
    row.ok_or_else(|| Error::new(ErrorKind::NoSuchKeyId, "API key not found"))
}
