//! Validating accounts: the provider is asked, with the account's credentials, what buckets it has.

use std::sync::Arc;

use crate::Store;
use crate::account::provider::is_aws;
use crate::account::update::role_account;
use crate::account::{Account, AccountRow, AccountStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AccountId, OrgId};
use crate::meta::Tx;
use crate::meta::table::ACCOUNTS;
use crate::policy::{Action, Grant};

impl Store {
    /// Asks whether an account works, and notes it. `NoSuchAccount`; `InvalidRequest` without anything to ask with, and if it
    /// does not work, with the reason. Goes to its end even if the caller goes away.
    pub async fn validate_account(self: &Arc<Self>, grant: &Grant, id: AccountId) -> Result<()> {
        grant.must_allow(Action::ValidateAccount)?;
        let org = grant.principal().org;
        let store = Arc::clone(self);
        self.to_the_end(async move {
            let account = store.meta.write(move |tx| begin(tx, org, id)).await?;
            let probed = store.probe(&account).await;
            let (number, failure) = match probed {
                Ok(number) => (number, None),
                Err(error) => {
                    tracing::info!(account = %id, %error, "an account does not work");
                    (None, Some(format!("Validation failed: {}", error.message())))
                }
            };
            let (revision, worked) = (account.row.revision, failure.is_none());
            let noted = store.meta.write(move |tx| note(tx, org, id, revision, worked, number.as_deref())).await?;
            let changed = || "Validation failed: the account was changed meanwhile".to_owned();
            match failure.or_else(|| (!noted).then(changed)) {
                Some(message) => Err(Error::new(ErrorKind::InvalidRequest, message)),
                None => Ok(()),
            }
        })
        .await
    }

    /// Asks the provider; its number there, if it tells one.
    async fn probe(&self, account: &Account) -> Result<Option<String>> {
        let access = &account.row.access;
        let provider = self.provider_for(account, None).await?;
        let listed = self.upstream().list_buckets(&provider).await;
        if let Some(role) = &access.role_arn {
            // A role need not be allowed to list all buckets: that it can be assumed is what counts.
            return match listed {
                Err(error) if error.kind() != ErrorKind::AccessDenied => Err(error),
                _ => Ok(role_account(role).map(str::to_owned)),
            };
        }
        let owner = listed?.owner.filter(|owner| owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit()));
        if access.endpoint.as_deref().is_none_or(is_aws) {
            return Ok(self.upstream().account_number(&self.sts(account)?).await.ok().or(owner));
        }
        Ok(owner)
    }
}

fn begin(tx: &mut Tx<'_>, org: OrgId, id: AccountId) -> Result<Account> {
    let Account { row, .. } = Account::of_org(tx, org, id)?;
    if row.access.role_arn.is_none() && row.access.keys.is_none() {
        return Err(Error::new(ErrorKind::InvalidRequest, "Role ARN is required before validation"));
    }
    let row = AccountRow { status: AccountStatus::Validating, updated_ms: tx.now(), ..row };
    ACCOUNTS.put(tx, &id, &row)?;
    Ok(Account { id, row })
}

/// Notes how an account was found; says whether it is still the one that was asked.
fn note(tx: &mut Tx<'_>, org: OrgId, id: AccountId, revision: u64, worked: bool, number: Option<&str>) -> Result<bool> {
    let Account { mut row, .. } = Account::of_org(tx, org, id)?;
    if row.revision != revision {
        return Ok(false);
    }
    row.updated_ms = tx.now();
    row.status = if worked { AccountStatus::Active } else { AccountStatus::Failed };
    if worked {
        row.validated_ms = Some(tx.now());
        row.number = number.map(str::to_owned);
    }
    ACCOUNTS.put(tx, &id, &row)?;
    Ok(true)
}
