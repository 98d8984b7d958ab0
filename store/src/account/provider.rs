//! Who is asked and by whom: an account becomes a provider with credentials. Those of a role are assumed anew some minutes
//! before they end, once for all who wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;
use windlass_config::Secret;

use crate::Store;
use crate::account::{Access, Account, KeyPair};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::AccountId;
use crate::limit;
use crate::meta::table::ACCOUNTS;
use crate::upstream::{AssumeRole, Credentials, Endpoint, Provider};

/// The region of accounts and buckets that name none.
pub(super) const DEFAULT_REGION: &str = "us-east-1";
/// The domain of AWS.
const AWS: &str = "amazonaws.com";

/// With whose credentials roles are assumed, and where, unless an account says otherwise.
#[derive(Debug, Default, Clone)]
pub struct StsOptions {
    /// The Security Token Service; `None` is that of AWS in the account's region.
    pub endpoint: Option<String>,
    /// The gateway's own key pair.
    pub keys: Option<KeyPair>,
}

/// Credentials of roles that were assumed, by account.
#[derive(Default)]
pub(crate) struct AssumedRoles(Mutex<HashMap<AccountId, (u64, Arc<Slot>)>>);

type Slot = AsyncMutex<Option<Credentials>>;

impl AssumedRoles {
    /// Where the credentials of an account are kept, as long as its access is as at that revision.
    fn slot(&self, account: &Account) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, slot)) = slots.get(&account.id)
            && *revision == account.row.revision
        {
            return Arc::clone(slot);
        }
        if slots.len() >= limit::ASSUMED_ROLES_MAX {
            slots.clear();
        }
        let slot = Arc::<Slot>::default();
        slots.insert(account.id, (account.row.revision, Arc::clone(&slot)));
        slot
    }
}

impl Store {
    /// The provider of an account for a bucket in that region. `NoSuchBucket` if the account is gone, and its buckets with it.
    pub(crate) async fn provider_of_account(&self, id: AccountId, region: &str) -> Result<Provider> {
        let row = self.meta.read(|read| ACCOUNTS.get(read, &id))?.ok_or_else(crate::bucket::no_such_bucket)?;
        self.provider_for(&Account { id, row }, Some(region)).await
    }

    /// The same without a region for what is about no bucket in particular.
    pub(super) async fn provider_for(&self, account: &Account, region: Option<&str>) -> Result<Provider> {
        let credentials = match (&account.row.access.role_arn, &account.row.access.keys) {
            (Some(role), _) => self.assumed(account, role).await?,
            (None, Some(keys)) => lasting(self.open_keys(account, keys)?),
            (None, None) => {
                let message = "The account has neither a role nor a key pair.";
                return Err(Error::new(ErrorKind::UpstreamDenied, message));
            }
        };
        Ok(place(&account.row.access, region, credentials))
    }

    /// The credentials of an account's role.
    async fn assumed(&self, account: &Account, role: &str) -> Result<Credentials> {
        let slot = self.assumed_roles.slot(account);
        let mut kept = slot.lock().await;
        let lasts = |credentials: &Credentials, ms: Millis| {
            credentials.expires_ms.is_none_or(|ends| ends > self.clock.now().saturating_add(ms))
        };
        if let Some(credentials) = kept.as_ref().filter(|kept| lasts(kept, limit::ASSUMED_ROLE_SPARE_MS)) {
            return Ok(credentials.clone());
        }
        match self.assume(account, role).await {
            Ok(credentials) => Ok(kept.insert(credentials).clone()),
            // What is left of the time is for trying again.
            Err(error) => match kept.as_ref().filter(|kept| lasts(kept, 0)) {
                Some(credentials) => {
                    tracing::warn!(account = %account.id, %error, "a role could not be assumed anew; its credentials still last");
                    Ok(credentials.clone())
                }
                None => Err(error),
            },
        }
    }

    /// Assumes an account's role now.
    pub(super) async fn assume(&self, account: &Account, role: &str) -> Result<Credentials> {
        let provider = self.sts(account)?;
        let external_id = account.external_id();
        let asked = AssumeRole { role_arn: role, session_name: "windlass", external_id: &external_id };
        self.upstream().assume_role(&provider, &asked).await
    }

    /// The Security Token Service of an account: its own endpoint's if it has one and a key pair for it.
    pub(super) fn sts(&self, account: &Account) -> Result<Provider> {
        let access = &account.row.access;
        let region = access.region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let (keys, own) = match (&access.keys, &self.sts.keys) {
            (Some(keys), _) => (self.open_keys(account, keys)?, access.endpoint.clone()),
            // The gateway's identity is for the service that it was given for, whatever an account says.
            (None, Some(keys)) => (keys.clone(), None),
            (None, None) => {
                let message = "This gateway has no identity to assume a role with: set upstream.access_key and \
                               upstream.secret_key, or give the account a key pair.";
                return Err(Error::new(ErrorKind::UpstreamDenied, message));
            }
        };
        let endpoint = own.filter(|own| !is_aws(own)).or_else(|| self.sts.endpoint.clone());
        let endpoint = endpoint.unwrap_or_else(|| format!("https://sts.{region}.{AWS}"));
        Ok(Provider { endpoint, region, path_style: true, credentials: lasting(keys) })
    }
}

fn lasting(KeyPair { access_key_id, secret }: KeyPair) -> Credentials {
    Credentials { access_key_id, secret: Secret::new(secret.expose()), session_token: None, expires_ms: None }
}

/// Where an account is asked about a bucket in `region`. An endpoint of its own has the region that the account says.
fn place(access: &Access, region: Option<&str>, credentials: Credentials) -> Provider {
    let own = access.region.as_deref().unwrap_or(DEFAULT_REGION);
    match &access.endpoint {
        Some(endpoint) => Provider {
            endpoint: endpoint.clone(),
            region: own.to_owned(),
            path_style: access.path_style.unwrap_or_else(|| !is_aws(endpoint)),
            credentials,
        },
        None => {
            let region = region.unwrap_or(own).to_owned();
            let endpoint = format!("https://s3.{region}.{AWS}");
            Provider { endpoint, region, path_style: access.path_style.unwrap_or(false), credentials }
        }
    }
}

/// Whether an endpoint is of AWS.
pub(super) fn is_aws(endpoint: &str) -> bool {
    let host = Endpoint::parse(endpoint).map(|endpoint| endpoint.host().to_ascii_lowercase()).unwrap_or_default();
    host.strip_suffix(AWS).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        lasting(KeyPair { access_key_id: "AK".into(), secret: Secret::new("not-so-secret") })
    }

    #[test]
    fn aws_is_asked_in_the_region_of_the_bucket_and_others_where_they_are() {
        let aws = Access { region: Some("eu-west-1".into()), ..Access::default() };
        let found = place(&aws, Some("sa-east-1"), credentials());
        assert_eq!(found.endpoint, "https://s3.sa-east-1.amazonaws.com");
        assert_eq!((found.region.as_str(), found.path_style), ("sa-east-1", false));
        assert_eq!(place(&aws, None, credentials()).region, "eu-west-1");
        let garage = Access { endpoint: Some("http://127.0.0.1:3900".into()), region: Some("garage".into()), ..aws };
        let found = place(&garage, Some("sa-east-1"), credentials());
        assert_eq!((found.endpoint.as_str(), found.region.as_str()), ("http://127.0.0.1:3900", "garage"));
        assert!(found.path_style);
    }

    #[test]
    fn only_hosts_under_its_domain_are_of_aws() {
        assert!(is_aws("https://s3.eu-west-1.amazonaws.com") && is_aws("https://amazonaws.com"));
        assert!(!is_aws("https://notamazonaws.com") && !is_aws("https://amazonaws.com.example.org"));
    }
}
