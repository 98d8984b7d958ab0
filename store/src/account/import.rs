//! Importing buckets that an account has: all of those that are named, or none.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use crate::Store;
use crate::account::provider::DEFAULT_REGION;
use crate::account::update::is_region;
use crate::account::{Account, no_such_account};
use crate::bucket::{Bucket, BucketRow, BucketSettings, create, document, free_name};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AccountId, BucketId, OrgId};
use crate::limit;
use crate::link::{self, Link, ManagedSettings};
use crate::meta::table::ORG_USAGE;
use crate::meta::{Read, Tx};
use crate::plan::Plan;
use crate::policy::{Action, Grant};
use crate::quota;
use crate::upstream::Provider;

/// What is known of a bucket at its provider.
#[derive(Debug, Clone)]
struct Known {
    name: String,
    region: String,
    cors_origins: Vec<String>,
    lifecycle_ttl_days: Option<u16>,
}

impl Store {
    /// Makes a linked bucket of each of an account's that is named, 1 to `limit::IMPORT_BUCKETS_MAX`, in one commit; they are
    /// in the order of the names. Nothing of them is managed from here at first.
    ///
    /// `NoSuchAccount` unless it is active; `QuotaBuckets`; `InvalidArgument` for a name that the account does not have or that
    /// is named twice; `BucketLinked` for one that was imported before; the provider's errors.
    pub async fn import_buckets(&self, grant: &Grant, id: AccountId, names: Vec<String>) -> Result<Vec<BucketId>> {
        grant.must_allow(Action::ImportBuckets)?;
        let org = grant.principal().org;
        let active = |read: &dyn Read| {
            Account::must_be_active(read, org, id).map_err(|error| match error.kind() {
                ErrorKind::AccountNotActive | ErrorKind::NoSuchAccount => {
                    Error::new(ErrorKind::NoSuchAccount, "Active AWS account not found")
                }
                _ => error,
            })
        };
        let plan = Arc::clone(self.plans.of(org)?);
        let account = self.meta.read(|read| {
            let account = active(read)?;
            check_room(read, org, &plan, names.len())?;
            check_names(read, org, id, &names)?;
            Ok(account)
        })?;
        let provider = self.provider_for(&account, None).await?;
        let there = self.upstream().list_buckets(&provider).await?.buckets;
        if let Some(unknown) = names.iter().find(|name| !there.iter().any(|bucket| bucket.name == **name)) {
            return Err(Error::new(ErrorKind::InvalidArgument, format!("S3 bucket not found: {unknown}")));
        }
        let asked = names.into_iter().map(|name| self.known(&account, name));
        let known: Vec<Known> = stream::iter(asked).buffered(limit::IMPORT_AT_ONCE).try_collect().await?;
        let imported = self
            .meta
            .write(move |tx| {
                Account::of_org(tx, org, id).map_err(|_| no_such_account())?;
                check_room(tx, org, &plan, known.len())?;
                let names: Vec<String> = known.iter().map(|known| known.name.clone()).collect();
                check_names(tx, org, id, &names)?;
                known.iter().map(|known| import(tx, org, &plan, id, known)).collect::<Result<Vec<_>>>()
            })
            .await?;
        self.meta.sync().await?;
        Ok(imported)
    }

    /// Reads how a bucket is set up. What the account may not read of it is as by default.
    async fn known(&self, account: &Account, name: String) -> Result<Known> {
        let client = self.upstream();
        let anywhere = self.provider_for(account, Some(DEFAULT_REGION)).await?;
        let region = readable(client.bucket_region(&anywhere, &name).await)?.filter(|region| is_region(region));
        let region = region.unwrap_or_else(|| anywhere.region.clone());
        let provider: Provider = self.provider_for(account, Some(&region)).await?;
        let cors_origins = readable(client.cors_origins(&provider, &name).await)?.unwrap_or_default();
        let lifecycle_ttl_days = readable(client.expiration_days(&provider, &name).await)?.flatten();
        Ok(Known { name, region, cors_origins, lifecycle_ttl_days })
    }
}

/// `None` for what a provider does not tell: it is not configured, not allowed, or not built.
fn readable<T>(answered: Result<T>) -> Result<Option<T>> {
    match answered {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.kind() {
            ErrorKind::AccessDenied | ErrorKind::UpstreamRefused | ErrorKind::NoSuchKey => Ok(None),
            _ => Err(error),
        },
    }
}

fn check_room(read: &dyn Read, org: OrgId, plan: &Plan, more: usize) -> Result<()> {
    let used = ORG_USAGE.get(read, &org)?.unwrap_or_default().buckets;
    quota::check_bucket_count(plan, used + (more as u64).saturating_sub(1)).map_err(|_| {
        let max = plan.max_buckets.unwrap_or(limit::BUCKETS_PER_ORG_MAX);
        Error::new(ErrorKind::QuotaBuckets, format!("Importing would exceed plan limit of {max} bucket(s)"))
    })
}

/// Fails for a name that comes twice, or that is linked already.
fn check_names(read: &dyn Read, org: OrgId, account: AccountId, names: &[String]) -> Result<()> {
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort_unstable();
    if let Some(twice) =
        sorted.windows(2).find_map(|pair| pair.first().filter(|first| Some(first) == pair.get(1).as_ref()))
    {
        return Err(Error::new(ErrorKind::InvalidArgument, format!("S3 bucket named twice: {twice}")));
    }
    let linked = link::of_account(read, org, account)?;
    match linked.iter().find(|(_, link)| names.contains(&link.name)) {
        Some((_, link)) => {
            Err(Error::new(ErrorKind::BucketLinked, format!("S3 bucket is imported already: {}", link.name)))
        }
        None => Ok(()),
    }
}

fn import(tx: &mut Tx<'_>, org: OrgId, plan: &Plan, account: AccountId, known: &Known) -> Result<BucketId> {
    let settings = BucketSettings {
        cors_origins: known.cors_origins.clone(),
        lifecycle_ttl_days: known.lifecycle_ttl_days,
        ..BucketSettings::default()
    };
    let name = free_name(tx, &known.name)?;
    let row = BucketRow {
        display_name: known.name.clone(),
        settings,
        ..BucketRow::new(name, org, tx.now(), BucketRow::location_of(&known.region))
    };
    let link =
        Link { account, name: known.name.clone(), imported: true, managed: ManagedSettings::default(), adoption: None };
    let bucket: Bucket = create(tx, plan, row)?;
    let id = bucket.id;
    document::put(tx, bucket, &link)?;
    Ok(id)
}
