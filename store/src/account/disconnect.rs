//! Disconnecting accounts. What is there stays there; the records of its buckets go.

use crate::Store;
use crate::account::Account;
use crate::bucket::begin_deletion;
use crate::error::{Error, ErrorKind, Result};
use crate::id::AccountId;
use crate::link;
use crate::meta::table::{ACCOUNT_BY_ORG, ACCOUNTS};
use crate::policy::{Action, Grant};

impl Store {
    /// Forgets an account, and the buckets that are linked with it: nothing is changed at the provider. `NoSuchAccount`;
    /// `BucketBusy` while one of its buckets is being adopted, since what is brought already would be lost.
    pub async fn disconnect_account(&self, grant: &Grant, id: AccountId) -> Result<()> {
        grant.must_allow(Action::DisconnectAccount)?;
        let org = grant.principal().org;
        self.meta
            .write(move |tx| {
                Account::of_org(tx, org, id)?;
                let linked = link::of_account(tx, org, id)?;
                if let Some((bucket, _)) = linked.iter().find(|(_, link)| !link.is_forwarded()) {
                    let message = format!("The bucket {} of the account is being adopted", bucket.row.name);
                    return Err(Error::new(ErrorKind::BucketBusy, message));
                }
                for (bucket, _) in linked {
                    begin_deletion(tx, bucket.id, false)?;
                }
                ACCOUNT_BY_ORG.delete(tx, &(org, id));
                ACCOUNTS.delete(tx, &id);
                Ok(())
            })
            .await?;
        // An account that was disconnected stays so, whatever happens to the machine.
        self.meta.sync().await
    }
}
