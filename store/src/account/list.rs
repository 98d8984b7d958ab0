//! Looking at accounts: never at their secrets.

use crate::Store;
use crate::account::Account;
use crate::error::Result;
use crate::id::AccountId;
use crate::meta::table::ACCOUNT_BY_ORG;
use crate::meta::{KeyRange, Step};
use crate::policy::{Action, Grant};

/// A page of accounts.
#[derive(Debug, Clone)]
pub struct AccountPage {
    /// Ascending by id.
    pub accounts: Vec<Account>,
    /// The last id, if more come behind it.
    pub next: Option<AccountId>,
    /// How many there are in all.
    pub total: usize,
}

impl Store {
    /// A page of the organisation's accounts: those behind `after`, at most `max`.
    pub fn list_accounts(&self, grant: &Grant, after: Option<AccountId>, max: usize) -> Result<AccountPage> {
        grant.must_allow(Action::ListAccounts)?;
        let org = grant.principal().org;
        self.meta.read(|read| {
            let mut page = AccountPage { accounts: Vec::new(), next: None, total: 0 };
            ACCOUNT_BY_ORG.scan(read, &KeyRange::prefix(&org.0), |(_, id), _| {
                page.total += 1;
                if after.is_some_and(|after| id <= after) {
                    return Ok(Step::Continue);
                }
                match page.accounts.len() < max {
                    true => page.accounts.push(Account::of_org(read, org, id)?),
                    false => page.next = page.accounts.last().map(|account| account.id),
                }
                Ok(Step::Continue)
            })?;
            Ok(page)
        })
    }

    /// An account of the grant's organisation. `NoSuchAccount`.
    pub fn get_account(&self, grant: &Grant, id: AccountId) -> Result<Account> {
        grant.must_allow(Action::GetAccount)?;
        self.meta.read(|read| Account::of_org(read, grant.principal().org, id))
    }

    /// Fails unless a bucket of the grant's organisation can be made in an account. `NoSuchAccount`, `AccountNotActive`.
    pub fn check_account(&self, grant: &Grant, id: AccountId) -> Result<()> {
        self.meta.read(|read| Account::must_be_active(read, grant.principal().org, id)).map(drop)
    }
}
