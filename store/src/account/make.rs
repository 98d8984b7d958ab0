//! Buckets that are made in an account from here, and settings of linked buckets that are kept at the provider.

use std::sync::Arc;

use crate::Store;
use crate::account::{Account, AccountStatus};
use crate::bucket::{Bucket, BucketPatch, BucketRow, NewBucket, check_name, check_new, create, derived_name, document};
use crate::error::{Error, ErrorKind, Result};
use crate::id::AccountId;
use crate::link::{Link, ManagedSettings};
use crate::policy::{Action, Grant};
use crate::upstream::Provider;

impl Store {
    /// Makes a bucket at an account's provider, and the bucket here that is linked with it. Its name there is its name on S3.
    ///
    /// `NoSuchAccount`, `AccountNotActive`, `InvalidArgument`, `QuotaBuckets`, `BucketAlreadyExists` if the name is taken here or
    /// there, the provider's errors. A bucket that was made there when the commit here fails stays there, and can be imported.
    pub async fn create_bucket_in_account(
        &self,
        grant: &Grant,
        id: AccountId,
        new: NewBucket,
        region: Option<&str>,
    ) -> Result<Bucket> {
        grant.must_allow(Action::CreateBucket)?;
        let org = grant.principal().org;
        check_name(&new.display_name)?;
        new.settings.check()?;
        let plan = Arc::clone(self.plans.of(org)?);
        let (account, name) = self.meta.read(|read| {
            let account = Account::must_be_active(read, org, id)?;
            let name = match &new.name {
                Some(name) => name.clone(),
                None => derived_name(read, &new.display_name)?,
            };
            check_new(read, &plan, org, &name)?;
            Ok((account, name))
        })?;
        let provider = self.provider_for(&account, region).await?;
        let location = match &account.row.access.endpoint {
            Some(_) => region,
            None => Some(provider.region.as_str()).filter(|region| *region != super::provider::DEFAULT_REGION),
        };
        self.upstream().create_bucket(&provider, name.as_str(), location).await.map_err(taken)?;
        let about = BucketPatch {
            cors_origins: Some(new.settings.cors_origins.clone()).filter(|origins| !origins.is_empty()),
            lifecycle_ttl_days: new.settings.lifecycle_ttl_days.map(Some),
            ..BucketPatch::default()
        };
        set_upstream(self, &provider, name.as_str(), &about).await?;
        let region = region.map_or_else(|| provider.region.clone(), str::to_owned);
        let link = Link {
            account: id,
            name: name.to_string(),
            imported: false,
            managed: ManagedSettings::ALL,
            adoption: None,
        };
        self.meta
            .write(move |tx| {
                if Account::of_org(tx, org, id)?.row.status == AccountStatus::Failed {
                    return Err(Error::new(ErrorKind::AccountNotActive, "AWS account is not active"));
                }
                let row = BucketRow {
                    display_name: new.display_name.clone(),
                    settings: new.settings.clone(),
                    ..BucketRow::new(name.clone(), org, tx.now(), BucketRow::location_of(&region))
                };
                let bucket = create(tx, &plan, row).map_err(taken)?;
                document::put(tx, bucket.clone(), &link)?;
                Ok(bucket)
            })
            .await
    }
}

/// A name that is taken, whoever has it.
fn taken(error: Error) -> Error {
    match error.kind() {
        ErrorKind::BucketAlreadyOwnedByYou | ErrorKind::BucketAlreadyExists | ErrorKind::BucketBusy => {
            Error::new(ErrorKind::BucketAlreadyExists, "Bucket name already in use")
        }
        _ => error,
    }
}

/// Puts those settings of a change that are kept at the provider there.
pub(crate) async fn set_upstream(store: &Store, provider: &Provider, name: &str, change: &BucketPatch) -> Result<()> {
    if let Some(origins) = &change.cors_origins {
        store.upstream().put_cors_origins(provider, name, origins).await?;
    }
    if let Some(days) = change.lifecycle_ttl_days {
        store.upstream().put_expiration_days(provider, name, days).await?;
    }
    Ok(())
}
