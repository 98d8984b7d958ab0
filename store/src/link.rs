//! What ties a bucket to one at a provider of somebody else: a document of the bucket, so that buckets of our own pay nothing.
//!
//! Keys are one to one: what is here called by a key is there called by the same.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Store;
use crate::bucket::{Bucket, BucketPatch, Document, DocumentKind, document};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AccountId, OrgId};
use crate::meta::table::BUCKET_ID_BY_ORG;
use crate::meta::{KeyRange, Read, Record, Step};
use crate::name::BucketName;
use crate::policy::Action;
use crate::upstream::Provider;

/// Where a bucket is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The account that it is in.
    pub account: AccountId,
    /// Its name there.
    pub name: String,
    /// Whether it was there before; else it was made from here.
    pub imported: bool,
    /// What of it is managed from here.
    pub managed: ManagedSettings,
    /// Set once it is on its way to become a bucket of our own.
    pub adoption: Option<Adoption>,
}

/// In a bucket's link: what is written is ours, and what is not here is looked for upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    /// When it began.
    pub begun_ms: Millis,
}

impl Record for Link {
    const VERSION: u8 = 1;
}

impl Document for Link {
    const KIND: DocumentKind = DocumentKind::Link;
    const CHANGE: Action = Action::UpdateBucket;
}

impl Link {
    /// Whether what is written goes upstream: not once the bucket is being adopted.
    pub fn is_forwarded(&self) -> bool {
        self.adoption.is_none()
    }
}

macro_rules! managed {
    ($($(#[$doc:meta])* $field:ident;)*) => {
        /// Which settings of a linked bucket are managed from here. One that is not is left as it is upstream, and cannot be
        /// changed here.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub struct ManagedSettings { $($(#[$doc])* pub $field: bool,)* }

        /// What of them to change; `None` leaves it as it is.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct ManagedPatch { $($(#[$doc])* pub $field: Option<bool>,)* }

        impl ManagedSettings {
            /// Everything, as of a bucket that was made from here.
            pub const ALL: Self = Self { $($field: true),* };

            /// The settings after a change.
            #[must_use]
            pub fn patched(self, patch: ManagedPatch) -> Self {
                Self { $($field: patch.$field.unwrap_or(self.$field)),* }
            }
        }
    };
}

managed! {
    /// Who may read what is delivered.
    visibility;
    /// For how long what is delivered may be cached.
    cache;
    /// Origins whose pages may use the bucket.
    cors;
    /// After how many days objects expire.
    lifecycle;
    /// How images are made smaller.
    optimization;
}

impl ManagedSettings {
    /// `SettingNotManaged` for the first setting that a change names and that is not managed from here.
    pub(crate) fn check(&self, change: &BucketPatch) -> Result<()> {
        let asked = [
            ("cache", self.cache, change.cache_preset.is_some() || change.cache_control_override.is_some()),
            ("cors", self.cors, change.cors_origins.is_some()),
            ("lifecycle", self.lifecycle, change.lifecycle_ttl_days.is_some()),
            ("optimization", self.optimization, change.optimization_mode.is_some()),
            ("visibility", self.visibility, change.visibility.is_some()),
        ];
        match asked.into_iter().find(|(_, managed, asked)| *asked && !*managed) {
            None => Ok(()),
            Some((toggle, ..)) => Err(not_managed(toggle)),
        }
    }
}

/// The buckets of an organisation that are linked with one of its accounts, those being deleted aside.
pub(crate) fn of_account(read: &dyn Read, org: OrgId, account: AccountId) -> Result<Vec<(Bucket, Link)>> {
    let mut linked = Vec::new();
    BUCKET_ID_BY_ORG.scan(read, &KeyRange::prefix(&org.0), |(_, id), _| {
        if let Some(bucket) = Bucket::get(read, id)?.filter(|bucket| !bucket.row.is_deleting())
            && let Some(link) = document::get::<Link>(read, &bucket)?
            && link.account == account
        {
            linked.push((bucket, link));
        }
        Ok(Step::Continue)
    })?;
    Ok(linked)
}

/// Refuses to change a setting that is not managed from here, by the name of its toggle.
pub fn not_managed(toggle: &str) -> Error {
    let message = format!("This setting is not managed by Windlass for this bucket. Enable {toggle} management first.");
    Error::new(ErrorKind::SettingNotManaged, message)
}

impl Store {
    /// The link of a bucket whose operations go upstream; `None` for a bucket of our own and for one that is being adopted.
    pub fn link_of(&self, bucket: &Bucket) -> Result<Option<Arc<Link>>> {
        Ok(self.document::<Link>(bucket)?.filter(|link| link.is_forwarded()))
    }

    /// Whether operations on the bucket of that name go upstream.
    pub fn is_forwarded(&self, bucket: &BucketName) -> Result<bool> {
        let bucket = self.meta.read(|read| Bucket::find(read, bucket))?;
        bucket.map_or(Ok(None), |bucket| self.link_of(&bucket)).map(|link| link.is_some())
    }

    /// Where a linked bucket is, and with whose credentials it is asked there; those of a role are good for some minutes more.
    /// `NoSuchBucket` if it is linked no more, `UpstreamDenied` and `UpstreamUnavailable` if a role cannot be assumed.
    pub async fn provider_of(&self, bucket: &Bucket) -> Result<(Arc<Provider>, Arc<Link>)> {
        let link = self.document::<Link>(bucket)?.ok_or_else(crate::bucket::no_such_bucket)?;
        let provider = self.provider_of_account(link.account, bucket.row.region()).await?;
        Ok((Arc::new(provider), link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_managed_is_told_by_its_toggle() {
        let told =
            |managed: ManagedSettings, change: BucketPatch| managed.check(&change).map_err(|e| e.message().to_owned());
        let cors = BucketPatch { cors_origins: Some(Vec::new()), ..BucketPatch::default() };
        assert_eq!(
            told(ManagedSettings::default(), cors.clone()).unwrap_err(),
            "This setting is not managed by Windlass for this bucket. Enable cors management first."
        );
        let only = ManagedSettings::default().patched(ManagedPatch { cors: Some(true), ..ManagedPatch::default() });
        assert_eq!(told(only, cors.clone()), Ok(()));
        let both = BucketPatch { lifecycle_ttl_days: Some(None), ..cors };
        assert!(told(only, both.clone()).unwrap_err().contains("Enable lifecycle management"));
        assert_eq!(told(ManagedSettings::ALL, both), Ok(()));
        let ours =
            BucketPatch { display_name: Some("x".into()), max_file_size_bytes: Some(None), ..BucketPatch::default() };
        assert_eq!(told(ManagedSettings::default(), ours), Ok(()), "these are ours alone");
    }
}
