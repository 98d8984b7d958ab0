//! Changing accounts. What says where an account is, or who asks there, has to be validated anew; buckets that are linked with
//! it go on with what it is now.

use crate::Store;
use crate::account::{Access, Account, AccountRow, AccountStatus, KeyPair, SealedKeys};
use crate::error::{Error, ErrorKind, Result};
use crate::id::AccountId;
use crate::limit;
use crate::meta::table::ACCOUNTS;
use crate::policy::{Action, Grant};

/// What is said of an account; `None` leaves it as it is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct AccountPatch {
    /// A name for people: at most `limit::NAME_CHARS_MAX` characters.
    pub label: Option<Option<String>>,
    /// The stack that made the role.
    pub stack_id: Option<Option<String>>,
    /// The role to assume: `arn:aws:iam::<12 digits>:role/<name>`.
    pub role_arn: Option<Option<String>>,
    /// `http://` or `https://` and a host; none is AWS.
    pub endpoint: Option<Option<String>>,
    /// The region that requests are signed for.
    pub region: Option<Option<String>>,
    /// Whether buckets are named in paths.
    pub path_style: Option<Option<bool>>,
    /// The key pair.
    pub keys: Option<KeyPair>,
}

impl Store {
    /// Changes an account of the grant's organisation. `NoSuchAccount`, `InvalidArgument`.
    pub async fn update_account(&self, grant: &Grant, id: AccountId, change: AccountPatch) -> Result<()> {
        grant.must_allow(Action::UpdateAccount)?;
        let org = grant.principal().org;
        // One that does not exist is told before what is wrong with the change.
        self.meta.read(|read| Account::of_org(read, org, id))?;
        change.check(self)?;
        let keys = self.seal_keys(id, change.keys.as_ref())?;
        self.meta
            .write(move |tx| {
                let old = Account::of_org(tx, org, id)?.row;
                let mut row = change.of(old.clone(), keys.clone());
                if row == old {
                    return Ok(());
                }
                row.updated_ms = tx.now();
                if row.access != old.access {
                    row.revision = tx.next_sequence()?;
                    row.status = AccountStatus::Pending;
                    row.number = None;
                }
                ACCOUNTS.put(tx, &id, &row)
            })
            .await?;
        // Credentials that were taken away are away, whatever happens to the machine.
        self.meta.sync().await
    }
}

impl AccountPatch {
    /// `InvalidArgument` with the first rule that is broken.
    pub(super) fn check(&self, store: &Store) -> Result<()> {
        let fail = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        let given = |field: &Option<Option<String>>| field.clone().flatten();
        if given(&self.label).is_some_and(|label| label.chars().count() > limit::NAME_CHARS_MAX) {
            return fail("label must be at most 100 characters");
        }
        if given(&self.role_arn).is_some_and(|role| role_account(&role).is_none()) {
            return fail("Must be a valid IAM role ARN (arn:aws:iam::<account-id>:role/<role-name>)");
        }
        if given(&self.stack_id).is_some_and(|stack| stack.len() > limit::STACK_ID_BYTES_MAX) {
            return fail("stackId must be at most 1024 characters");
        }
        if given(&self.region).is_some_and(|region| !is_region(&region)) {
            return fail("Invalid region");
        }
        if let Some(endpoint) = given(&self.endpoint) {
            store.upstream().endpoint(&endpoint)?;
        }
        self.keys.as_ref().map_or(Ok(()), KeyPair::check)
    }

    /// The row after the change. The keys come sealed.
    pub(super) fn of(&self, row: AccountRow, keys: Option<SealedKeys>) -> AccountRow {
        let patch = self.clone();
        let access = Access {
            endpoint: patch.endpoint.unwrap_or(row.access.endpoint),
            region: patch.region.unwrap_or(row.access.region),
            path_style: patch.path_style.unwrap_or(row.access.path_style),
            role_arn: patch.role_arn.unwrap_or(row.access.role_arn),
            keys: keys.or(row.access.keys),
        };
        AccountRow {
            label: patch.label.unwrap_or(row.label),
            stack_id: patch.stack_id.unwrap_or(row.stack_id),
            access,
            ..row
        }
    }
}

/// The number of the account whose role an ARN names; `None` if it names none.
pub(super) fn role_account(arn: &str) -> Option<&str> {
    let (account, role) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    let is_number = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let is_role = (1..=512).contains(&role.len())
        && role.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-/".contains(&b))
        && !role.ends_with('/');
    (is_number && is_role).then_some(account)
}

/// What a region is called: it becomes part of a host.
pub(super) fn is_region(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=limit::REGION_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_named_by_account_and_name() {
        assert_eq!(role_account("arn:aws:iam::123456789012:role/windlass"), Some("123456789012"));
        assert_eq!(role_account("arn:aws:iam::123456789012:role/path/windlass"), Some("123456789012"));
        for bad in [
            "",
            "windlass",
            "arn:aws:iam::12345678901:role/x",
            "arn:aws:iam::12345678901x:role/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert_eq!(role_account(bad), None, "{bad}");
        }
    }
}
