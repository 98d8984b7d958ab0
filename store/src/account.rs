//! Connected accounts: an S3 provider of somebody else, by its endpoint and a pair of keys, or AWS by a role that is assumed.
//! The secret is sealed with the master key and never shown again. The verbs are in the files under this one.

mod buckets;
mod connect;
mod disconnect;
mod import;
mod list;
mod make;
mod provider;
mod update;
mod validate;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AccountId, OrgId};
use crate::meta::table::ACCOUNTS;
use crate::meta::{Read, Record};

pub use buckets::AccountBuckets;
pub use connect::KeyPair;
pub use list::AccountPage;
pub(crate) use make::set_upstream;
pub(crate) use provider::AssumedRoles;
pub use provider::StsOptions;
pub use update::AccountPatch;

/// How far an account has come. The order of the values is their form on disk: new ones come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountStatus {
    /// Connected or changed, and not asked yet whether it works.
    Pending,
    /// Being asked.
    Validating,
    /// It worked.
    Active,
    /// It did not.
    Failed,
}

impl AccountStatus {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Pending, Self::Validating, Self::Active, Self::Failed];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Validating => "validating",
            Self::Active => "active",
            Self::Failed => "failed",
        }
    }
}

/// Where an account is and who asks there.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// `http://` or `https://` and a host; `None` is AWS.
    pub endpoint: Option<String>,
    /// The region that requests are signed for; `None` is us-east-1.
    pub region: Option<String>,
    /// Whether buckets are named in paths; `None` is as it suits the endpoint.
    pub path_style: Option<bool>,
    /// The role that is assumed.
    pub role_arn: Option<String>,
    /// Its key pair: of whoever asks, or of who assumes the role.
    pub keys: Option<SealedKeys>,
}

/// A key pair as it is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKeys {
    /// Access key id.
    pub access_key_id: String,
    /// The secret access key, sealed; its context is the account's identifier.
    pub sealed_secret: Vec<u8>,
}

impl fmt::Debug for SealedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedKeys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A stored account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRow {
    /// The organisation it belongs to.
    pub org: OrgId,
    /// A name for people.
    pub label: Option<String>,
    /// How far it has come.
    pub status: AccountStatus,
    /// What a role is assumed with, so that nobody else's account can be assumed through this gateway: a random UUID.
    pub external_id: [u8; 16],
    /// The stack that made the role, if somebody says.
    pub stack_id: Option<String>,
    /// Where it is and who asks there.
    pub access: Access,
    /// Its number at the provider, once that is known.
    pub number: Option<String>,
    /// When it last worked.
    pub validated_ms: Option<Millis>,
    /// When it was connected.
    pub created_ms: Millis,
    /// When something about it last changed.
    pub updated_ms: Millis,
    /// Where in the sequence of commits its access last changed: what was found out before that is of another access.
    pub revision: u64,
}

impl Record for AccountRow {
    const VERSION: u8 = 1;
}

/// An account with its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// Its row.
    pub row: AccountRow,
}

impl Account {
    /// An account if it is that organisation's, else `NoSuchAccount`.
    pub(crate) fn of_org(read: &dyn Read, org: OrgId, id: AccountId) -> Result<Self> {
        let row = ACCOUNTS.get(read, &id)?.filter(|row| row.org == org);
        row.map(|row| Self { id, row }).ok_or_else(no_such_account)
    }

    /// The same, and `AccountNotActive` unless it worked when it was last asked.
    pub(crate) fn must_be_active(read: &dyn Read, org: OrgId, id: AccountId) -> Result<Self> {
        let account = Self::of_org(read, org, id)?;
        match account.row.status {
            AccountStatus::Active => Ok(account),
            _ => Err(Error::new(ErrorKind::AccountNotActive, "AWS account is not active")),
        }
    }

    /// Its number at the provider, or what stands for one that is not known.
    pub fn number(&self) -> String {
        let stand_in = || {
            let [.., a, b, c, d] = self.id.0;
            format!("pending-{:08x}", u32::from_be_bytes([a, b, c, d]))
        };
        self.row.number.clone().unwrap_or_else(stand_in)
    }

    /// What its role is assumed with, as text.
    pub fn external_id(&self) -> String {
        let hex: String = self.row.external_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let part = |range| hex.get(range).unwrap_or_default();
        [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
    }
}

/// What the secret of an account is sealed for.
pub(crate) fn seal_context(id: AccountId) -> Vec<u8> {
    [b"account/".as_slice(), &id.0].concat()
}

pub(crate) fn no_such_account() -> Error {
    Error::new(ErrorKind::NoSuchAccount, "AWS account not found")
}
