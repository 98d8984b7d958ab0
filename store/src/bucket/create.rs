//! Making buckets: over S3 by name, and by the JSON doors with settings.

use std::sync::Arc;

use crate::Store;
use crate::bucket::{Bucket, BucketRow, BucketSettings, Versioning, check_name};
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, OrgId};
use crate::limit;
use crate::meta::table::{BUCKET_BY_NAME, BUCKET_BY_ORG, BUCKET_ID_BY_ORG, BUCKETS, IdRow, ORG_USAGE, USAGE};
use crate::meta::{Read, Tx};
use crate::name::BucketName;
use crate::object::ObjectLock;
use crate::plan::Plan;
use crate::policy::{self, Action, Grant, NewAccess};
use crate::quota;
use crate::usage::{self, UsageRow};

/// A bucket to make.
#[derive(Debug, Clone)]
pub struct NewBucket {
    /// Its name for people: 1 to 100 characters.
    pub display_name: String,
    /// Its name on S3; `None` is one derived from its name for people.
    pub name: Option<BucketName>,
    /// Where it is said to be.
    pub region: String,
    /// What is set on it.
    pub settings: BucketSettings,
}

impl Store {
    /// Makes a bucket; `object_lock` is for one whose versions can be locked. `BucketAlreadyOwnedByYou`,
    /// `BucketAlreadyExists`, `BucketBusy` while one of that name is being deleted, `QuotaBuckets` beyond what the plan
    /// allows.
    pub async fn create_bucket(
        &self,
        grant: &Grant,
        name: BucketName,
        location: String,
        object_lock: bool,
    ) -> Result<Bucket> {
        self.create_bucket_for(grant, name, location, object_lock, NewAccess::default()).await
    }

    /// The same with what is said of who may use it. `InvalidAclWithOwnership` for a list that would not count.
    pub async fn create_bucket_for(
        &self,
        grant: &Grant,
        name: BucketName,
        location: String,
        object_lock: bool,
        access: NewAccess,
    ) -> Result<Bucket> {
        grant.must_allow(Action::CreateBucket)?;
        let org = grant.principal().org;
        let plan = Arc::clone(self.plans.of(org)?);
        let (object_lock, versioning) =
            if object_lock { (Some(ObjectLock::default()), Versioning::Enabled) } else { (None, Versioning::Off) };
        self.meta
            .write(move |tx| {
                let row = BucketRow::new(name.clone(), org, tx.now(), &location);
                let bucket = create(tx, &plan, BucketRow { object_lock, versioning, ..row })?;
                policy::set_access(tx, bucket, &access)
            })
            .await
    }

    /// Makes a bucket with settings. `InvalidArgument` for a setting that breaks its rule, `QuotaBuckets`,
    /// `BucketAlreadyExists` if the name is taken, whoever has it.
    pub async fn create_bucket_v1(&self, grant: &Grant, new: NewBucket) -> Result<Bucket> {
        grant.must_allow(Action::CreateBucket)?;
        check_name(&new.display_name)?;
        new.settings.check()?;
        let org = grant.principal().org;
        let plan = Arc::clone(self.plans.of(org)?);
        self.meta
            .write(move |tx| {
                let usage = ORG_USAGE.get(tx, &org)?.unwrap_or_default();
                quota::check_bucket_count(&plan, usage.buckets)?;
                let name = match &new.name {
                    Some(name) => name.clone(),
                    None => derived_name(tx, &new.display_name)?,
                };
                let row = BucketRow {
                    display_name: new.display_name.clone(),
                    settings: new.settings.clone(),
                    ..BucketRow::new(name, org, tx.now(), BucketRow::location_of(&new.region))
                };
                create(tx, &plan, row).map_err(|error| match error.kind() {
                    ErrorKind::BucketAlreadyOwnedByYou | ErrorKind::BucketBusy => {
                        Error::new(ErrorKind::BucketAlreadyExists, NAME_TAKEN)
                    }
                    ErrorKind::BucketAlreadyExists => Error::new(ErrorKind::BucketAlreadyExists, NAME_TAKEN),
                    _ => error,
                })
            })
            .await
    }
}

const NAME_TAKEN: &str = "Bucket name already in use";

/// The rule of it, for the configuration's buckets too. The organisation pays for the bucket by its plan.
pub(crate) fn create(tx: &mut Tx<'_>, plan: &Plan, row: BucketRow) -> Result<Bucket> {
    let bucket = insert(tx, row)?;
    let usage = usage::apply_to_org(tx, bucket.row.org, (1, 0), (0, 0))?;
    quota::check_bucket_count(plan, usage.buckets - 1)?;
    Ok(bucket)
}

/// Writes the rows of a bucket that counts for nobody yet.
pub(crate) fn insert(tx: &mut Tx<'_>, row: BucketRow) -> Result<Bucket> {
    if let Some(existing) = Bucket::find(tx, &row.name)? {
        return Err(if existing.row.org != row.org {
            let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the \
                           system. Please select a different name and try again.";
            Error::new(ErrorKind::BucketAlreadyExists, message)
        } else if existing.row.is_deleting() {
            let message = "A bucket of that name is still being deleted. Please try again.";
            Error::new(ErrorKind::BucketBusy, message)
        } else {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            Error::new(ErrorKind::BucketAlreadyOwnedByYou, message)
        });
    }
    let id = BucketId::generate(tx.now())?;
    BUCKETS.put(tx, &id, &row)?;
    BUCKET_BY_NAME.put(tx, &row.name.as_str().to_owned(), &IdRow(id.0))?;
    BUCKET_BY_ORG.put(tx, &(row.org, row.name.as_str().to_owned()), &IdRow(id.0))?;
    BUCKET_ID_BY_ORG.put(tx, &(row.org, id), &IdRow(id.0))?;
    USAGE.put(tx, &id, &UsageRow::default())?;
    Ok(Bucket::new(id, row))
}

/// `BucketAlreadyExists` or `QuotaBuckets` if a bucket of that name could not be made now.
pub(crate) fn check_new(read: &dyn Read, plan: &Plan, org: OrgId, name: &BucketName) -> Result<()> {
    quota::check_bucket_count(plan, ORG_USAGE.get(read, &org)?.unwrap_or_default().buckets)?;
    match Bucket::find(read, name)? {
        Some(_) => Err(Error::new(ErrorKind::BucketAlreadyExists, NAME_TAKEN)),
        None => Ok(()),
    }
}

/// A free name on S3 for a bucket that is called so elsewhere: the same if that can be.
pub(crate) fn free_name(read: &dyn Read, wanted: &str) -> Result<BucketName> {
    match BucketName::parse(wanted) {
        Ok(name) if Bucket::find(read, &name)?.is_none() => Ok(name),
        _ => derived_name(read, wanted),
    }
}

/// A free name on S3 for a bucket that has only a name for people: what S3 allows of it, and 6 characters of chance.
pub(crate) fn derived_name(read: &dyn Read, display_name: &str) -> Result<BucketName> {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    for _ in 0..limit::NAME_ATTEMPTS_MAX {
        let random = clock::random::<6>()?;
        let end: String =
            random.iter().filter_map(|b| ALPHABET.get(usize::from(b % 32))).map(|b| char::from(*b)).collect();
        let name = BucketName::parse(&format!("{}-{end}", slug(display_name)))?;
        if Bucket::find(read, &name)?.is_none() {
            return Ok(name);
        }
    }
    Err(Error::new(ErrorKind::SlowDown, "Could not find a free bucket name, please try again"))
}

/// What S3 allows of a name for people: letters and digits in lower case, one hyphen for everything between them.
fn slug(name: &str) -> String {
    /// The longest name on S3, less the end that is added.
    const SLUG_BYTES_MAX: usize = 63 - 7;
    let mut slug = String::new();
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == SLUG_BYTES_MAX {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "bucket".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_for_people_gives_a_name_on_s3() {
        assert_eq!(slug("My Photos (2024)!"), "my-photos-2024");
        assert_eq!(slug("  ünïcode  "), "n-code");
        assert_eq!(slug("日本"), "bucket");
        assert_eq!(slug("-"), "bucket");
        assert_eq!(slug(&"a ".repeat(100)).len(), 55);
        for name in ["x", "192.168.0.1", "日本", &"a".repeat(100), "api"] {
            assert!(BucketName::parse(&format!("{}-abc234", slug(name))).is_ok(), "{name}");
        }
    }
}
