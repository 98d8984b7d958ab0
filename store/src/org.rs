//! Organisations: the owners of buckets and keys, and the canonical users of the S3 door.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, OrgId};
use crate::meta::table::{BUCKET_ID_BY_ORG, BUCKETS, IdRow, ORG_BY_NAME, ORGS};
use crate::meta::{KeyRange, Read, Record, Step, Tx};
use crate::plan::{Plan, Plans};

/// A stored organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgRow {
    /// Its unique name.
    pub name: String,
    /// When it was made.
    pub created_ms: Millis,
    /// The name of its plan.
    pub plan: String,
    /// The bucket that doors without bucket names use; `None` is its first.
    pub default_bucket: Option<BucketId>,
}

impl Record for OrgRow {
    const VERSION: u8 = 2;

    fn migrate(version: u8, bytes: &[u8]) -> Result<Self> {
        // From before there were plans: a name and a time.
        let (name, created_ms) = crate::meta::codec::decode_old(version, 1, bytes)?;
        Ok(Self { name, created_ms, plan: Plan::DEFAULT.to_owned(), default_bucket: None })
    }
}

impl OrgId {
    /// The owner of what was written by nobody in particular. No organisation has this identifier.
    pub const NOBODY: Self = Self([0; 16]);
}

/// An organisation with its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Org {
    /// Its identifier.
    pub id: OrgId,
    /// Its row.
    pub row: OrgRow,
}

impl Org {
    pub(crate) fn get(read: &dyn Read, id: OrgId) -> Result<Self> {
        let row = ORGS.get(read, &id)?.ok_or_else(|| Error::corrupt(format!("organisation {id} has no row")))?;
        Ok(Self { id, row })
    }
}

/// Finds the organisation of that name or makes it, and puts it on `plan` if one is given. Names are 1–64 of `a-z 0-9 -`.
pub(crate) fn ensure(tx: &mut Tx<'_>, name: &str, plan: Option<&str>) -> Result<OrgId> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        let message = format!("organisation name {name:?}: 1 to 64 of a-z, 0-9 and -");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    if let Some(IdRow(id)) = ORG_BY_NAME.get(tx, &name.to_owned())? {
        let id = OrgId(id);
        let mut row = Org::get(tx, id)?.row;
        if let Some(plan) = plan.filter(|plan| *plan != row.plan) {
            row.plan = plan.to_owned();
            ORGS.put(tx, &id, &row)?;
        }
        return Ok(id);
    }
    let id = OrgId::generate(tx.now())?;
    let plan = plan.unwrap_or(Plan::DEFAULT).to_owned();
    ORGS.put(tx, &id, &OrgRow { name: name.to_owned(), created_ms: tx.now(), plan, default_bucket: None })?;
    ORG_BY_NAME.put(tx, &name.to_owned(), &IdRow(id.0))?;
    Ok(id)
}

/// Which plan each organisation is on, in memory: it is asked on every request.
pub(crate) struct OrgPlans {
    plans: Arc<Plans>,
    of: RwLock<HashMap<OrgId, String>>,
}

impl OrgPlans {
    /// Reads which organisation is on which plan.
    pub(crate) fn open(plans: Arc<Plans>, read: &dyn Read) -> Result<Self> {
        let orgs = Self { plans, of: RwLock::default() };
        orgs.reload(read)?;
        Ok(orgs)
    }

    /// Reads it again, after it changed.
    pub(crate) fn reload(&self, read: &dyn Read) -> Result<()> {
        let mut of = HashMap::new();
        ORGS.scan(read, &KeyRange::all(), |id, row| {
            of.insert(id, row.plan);
            Ok(Step::Continue)
        })?;
        *self.of.write().unwrap_or_else(PoisonError::into_inner) = of;
        Ok(())
    }

    /// All plans.
    pub(crate) fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    /// The plan that an organisation is on. `Internal` if the configuration does not have it.
    pub(crate) fn of(&self, org: OrgId) -> Result<&Arc<Plan>> {
        let of = self.of.read().unwrap_or_else(PoisonError::into_inner);
        of.get(&org).and_then(|name| self.plans.get(name)).ok_or_else(|| {
            let cause = format!("organisation {org} is on no plan that the configuration has");
            Error::new(ErrorKind::Internal, "We encountered an internal error. Please try again.").because(cause)
        })
    }
}

impl Store {
    /// An organisation. `Corrupt` if there is none: ids of organisations come from keys.
    pub fn org(&self, id: OrgId) -> Result<Org> {
        self.meta.read(|read| Org::get(read, id))
    }

    /// The plan that an organisation is on: from memory, cheap enough for every request. `Internal` if the configuration
    /// does not have it, which the bootstrap at the start finds out first.
    pub fn plan_of(&self, org: OrgId) -> Result<&Plan> {
        self.plans.of(org).map(|plan| &**plan)
    }

    /// The bucket that doors without bucket names use: the organisation's own choice, else its first.
    pub fn default_bucket(&self, org: OrgId) -> Result<Option<BucketId>> {
        self.meta.read(|read| {
            if let Some(chosen) = Org::get(read, org)?.row.default_bucket {
                return Ok(Some(chosen));
            }
            let mut first = None;
            BUCKET_ID_BY_ORG.scan(read, &KeyRange::prefix(&org.0), |(_, id), _| {
                first = BUCKETS.get(read, &id)?.filter(|row| !row.is_deleting()).map(|_| id);
                Ok(if first.is_some() { Step::Stop } else { Step::Continue })
            })?;
            Ok(first)
        })
    }
}
