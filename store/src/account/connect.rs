//! Connecting accounts, and what can be said of one.

use windlass_config::Secret;

use crate::Store;
use crate::account::{Access, Account, AccountPatch, AccountRow, AccountStatus, SealedKeys, seal_context};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AccountId, OrgId};
use crate::limit;
use crate::meta::table::{ACCOUNT_BY_ORG, ACCOUNTS, IdRow};
use crate::meta::{KeyRange, Read, Step};
use crate::policy::{Action, Grant};

/// A key pair of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// Access key id: 3 to 128 characters.
    pub access_key_id: String,
    /// Secret access key: 8 to 256 characters.
    pub secret: Secret,
}

impl Store {
    /// Connects an account, which is `Pending` until it has been validated. `InvalidArgument` for what breaks its rule,
    /// `InvalidRequest` beyond `limit::ACCOUNTS_PER_ORG_MAX`.
    pub async fn connect_account(&self, grant: &Grant, about: AccountPatch) -> Result<AccountId> {
        grant.must_allow(Action::ConnectAccount)?;
        let org = grant.principal().org;
        let now = self.clock.now();
        let id = AccountId::generate(now)?;
        let row = AccountRow {
            org,
            label: None,
            status: AccountStatus::Pending,
            external_id: uuid(clock::random()?),
            stack_id: None,
            access: Access::default(),
            number: None,
            validated_ms: None,
            created_ms: now,
            updated_ms: now,
            revision: 0,
        };
        about.check(self)?;
        let keys = self.seal_keys(id, about.keys.as_ref())?;
        let row = about.of(row, keys);
        self.meta
            .write(move |tx| {
                if count(tx, org)? >= limit::ACCOUNTS_PER_ORG_MAX {
                    let message = format!("You have reached the limit of {} accounts.", limit::ACCOUNTS_PER_ORG_MAX);
                    return Err(Error::new(ErrorKind::InvalidRequest, message));
                }
                ACCOUNT_BY_ORG.put(tx, &(org, id), &IdRow(id.0))?;
                let revision = tx.next_sequence()?;
                ACCOUNTS.put(tx, &id, &AccountRow { revision, ..row.clone() })
            })
            .await?;
        Ok(id)
    }

    pub(super) fn seal_keys(&self, id: AccountId, keys: Option<&KeyPair>) -> Result<Option<SealedKeys>> {
        let Some(KeyPair { access_key_id, secret }) = keys else { return Ok(None) };
        let sealed_secret = self.master.seal(&seal_context(id), secret.expose().as_bytes())?;
        Ok(Some(SealedKeys { access_key_id: access_key_id.clone(), sealed_secret }))
    }

    pub(super) fn open_keys(&self, account: &Account, keys: &SealedKeys) -> Result<KeyPair> {
        let open = || self.master.open(&seal_context(account.id), &keys.sealed_secret);
        let secret = self.opened.get(&keys.sealed_secret, open)?;
        let secret = String::from_utf8(secret)
            .map_err(|_| Error::corrupt(format!("the secret of account {} is not text", account.id)))?;
        Ok(KeyPair { access_key_id: keys.access_key_id.clone(), secret: Secret::new(secret) })
    }
}

/// A random UUID (RFC 9562, version 4).
fn uuid(mut bytes: [u8; 16]) -> [u8; 16] {
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut bytes;
    *version = *version & 0x0F | 0x40;
    *variant = *variant & 0x3F | 0x80;
    bytes
}

fn count(read: &dyn Read, org: OrgId) -> Result<usize> {
    let mut count = 0;
    read.scan(ACCOUNT_BY_ORG.table(), &KeyRange::prefix(&org.0), &mut |_, _| {
        count += 1;
        Ok(Step::Continue)
    })?;
    Ok(count)
}

impl KeyPair {
    /// `InvalidArgument` with the rule that is broken.
    pub(super) fn check(&self) -> Result<()> {
        let fail = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        let id = self.access_key_id.as_bytes();
        if !(3..=128).contains(&id.len()) || !id.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b)) {
            return fail("accessKeyId must be 3 to 128 letters, digits, dots, hyphens and underscores");
        }
        let secret = self.secret.expose().as_bytes();
        if !(8..=256).contains(&secret.len()) || !secret.iter().all(u8::is_ascii_graphic) {
            return fail("secretAccessKey must be 8 to 256 printable characters without spaces");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_ids_are_random_uuids() {
        let row = AccountRow {
            org: OrgId([1; 16]),
            label: None,
            status: AccountStatus::Pending,
            external_id: uuid([0xFF; 16]),
            stack_id: None,
            access: Access::default(),
            number: None,
            validated_ms: None,
            created_ms: 0,
            updated_ms: 0,
            revision: 0,
        };
        let account = Account { id: AccountId([0xAB; 16]), row };
        assert_eq!(account.external_id(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(account.number(), "pending-abababab");
    }
}
