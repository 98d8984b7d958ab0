//! What buckets an account has at its provider.

use crate::Store;
use crate::account::Account;
use crate::error::Result;
use crate::id::AccountId;
use crate::policy::{Action, Grant};
use crate::upstream::UpstreamBucket;

/// A page of an account's buckets at its provider.
#[derive(Debug, Clone)]
pub struct AccountBuckets {
    /// In the order of their names.
    pub buckets: Vec<UpstreamBucket>,
    /// The last name, if more come behind it.
    pub next: Option<String>,
    /// How many there are in all.
    pub total: usize,
}

impl Store {
    /// A page of the buckets that an account has: those behind the name `after`, at most `max`. `NoSuchAccount`,
    /// `AccountNotActive`, and the provider's errors.
    pub async fn list_account_buckets(
        &self,
        grant: &Grant,
        id: AccountId,
        after: Option<&str>,
        max: usize,
    ) -> Result<AccountBuckets> {
        grant.must_allow(Action::ListAccountBuckets)?;
        let account = self.meta.read(|read| Account::must_be_active(read, grant.principal().org, id))?;
        let provider = self.provider_for(&account, None).await?;
        let mut all = self.upstream().list_buckets(&provider).await?.buckets;
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let total = all.len();
        let mut behind =
            all.into_iter().filter(|bucket| after.is_none_or(|after| bucket.name.as_str() > after)).peekable();
        let buckets: Vec<_> = behind.by_ref().take(max).collect();
        let next = buckets.last().map(|last| last.name.clone()).filter(|_| behind.peek().is_some());
        Ok(AccountBuckets { buckets, next, total })
    }
}
