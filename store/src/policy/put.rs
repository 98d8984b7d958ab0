//! Changing who may do what with a bucket and its objects, and reading it.

use std::sync::Arc;

use super::document::{BucketPolicy, malformed};
use super::{Action, Grant, Ownership, Principal, PublicAccessBlock};
use crate::Store;
use crate::acl::{Acl, BucketAcl, SaidAcl};
use crate::bucket::{Bucket, document};
use crate::error::{Error, ErrorKind, Result};
use crate::id::OrgId;
use crate::meta::table::{OBJECTS, ORGS};
use crate::meta::{Read, Tx};
use crate::name::ObjectKey;
use crate::notification::{self, EventKind, Subject};
use crate::object::{self, Entry, VersionId};

/// Who may use a bucket that is made.
#[derive(Debug, Default, Clone)]
pub struct NewAccess {
    /// Who owns what others write.
    pub ownership: Option<Ownership>,
    /// Its access control list.
    pub acl: Option<SaidAcl>,
}

impl Store {
    /// Gives a bucket a policy. `MalformedPolicy` for what it names in vain, `AccessDenied` for a public one where those are
    /// blocked.
    pub async fn put_policy(&self, grant: &Grant, policy: BucketPolicy) -> Result<()> {
        grant.must_allow(Action::PutBucketPolicy)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                for org in policy.orgs() {
                    if !ORGS.contains(tx, &org)? {
                        return Err(malformed("Invalid principal in policy"));
                    }
                }
                if policy.is_public() && block(tx, &bucket)?.block_policy {
                    return Err(blocked());
                }
                document::put(tx, bucket, &policy)
            })
            .await
    }

    /// Whether a bucket's access control lists count, and who owns what others write.
    pub fn ownership(&self, bucket: &Bucket) -> Result<Ownership> {
        Ok(self.document(bucket)?.map_or(Ownership::Enforced, |ownership| *ownership))
    }

    /// Changes it. `InvalidAclWithOwnership` if lists are to count no more while the bucket's own grants something to others.
    pub async fn put_ownership(&self, grant: &Grant, ownership: Ownership) -> Result<()> {
        grant.must_allow(Action::PutOwnership)?;
        let bucket = grant.bucket()?.id;
        self.meta.write(move |tx| set_ownership(tx, Bucket::must_exist(tx, bucket)?, ownership)).await
    }

    /// A bucket's access control list.
    pub fn bucket_acl(&self, bucket: &Bucket) -> Result<Acl> {
        let private = || Acl::private(bucket.row.org);
        if !self.ownership(bucket)?.has_lists() {
            return Ok(private());
        }
        Ok(self.document::<BucketAcl>(bucket)?.map_or_else(private, |acl| acl.0.clone()))
    }

    /// Gives a bucket an access control list. `AclNotSupported` where lists do not count, `AccessDenied` for a public one
    /// where those are blocked and for one with another owner, `InvalidArgument` for somebody unknown.
    pub async fn put_bucket_acl(&self, grant: &Grant, said: SaidAcl) -> Result<()> {
        grant.must_allow(Action::PutBucketAcl)?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                if list_counts(tx, &bucket, &said)? { set_bucket_acl(tx, bucket, &said) } else { Ok(()) }
            })
            .await
    }

    /// An object's access control list. Errors as `head_object`.
    pub async fn object_acl(
        self: &Arc<Self>,
        grant: &Grant,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<Acl> {
        grant.must_allow(Action::GetObjectAcl)?;
        let bucket = grant.bucket()?;
        self.settle(bucket, key.as_str()).await?;
        let lists = self.ownership(bucket)?.has_lists();
        self.meta.read(|read| {
            let (row, _) = object::find_object(read, bucket, key.as_str(), version)?;
            Ok(row.extras.acl.filter(|_| lists).unwrap_or_else(|| Acl::private(bucket.row.org)))
        })
    }

    /// Who owns each object of a page, where others than the bucket's owner can; nothing where they cannot.
    pub fn owners_of(&self, grant: &Grant, entries: &[Entry]) -> Result<Vec<OrgId>> {
        let bucket = grant.bucket()?;
        if !self.ownership(bucket)?.has_lists() {
            return Ok(Vec::new());
        }
        self.meta.read(|read| {
            let owner = |entry: &Entry| {
                let Entry::Object { key, .. } = entry else { return Ok(bucket.row.org) };
                let row = OBJECTS.get(read, &(bucket.id, key.clone()))?;
                Ok(row.and_then(|row| row.extras.acl).map_or(bucket.row.org, |acl| acl.owner))
            };
            entries.iter().map(owner).collect()
        })
    }

    /// Gives an object an access control list, and says which version it was. Errors as `put_bucket_acl` and `head_object`.
    pub async fn put_object_acl(
        self: &Arc<Self>,
        grant: &Grant,
        key: ObjectKey,
        version: Option<VersionId>,
        said: SaidAcl,
    ) -> Result<Option<VersionId>> {
        grant.must_allow(Action::PutObjectAcl)?;
        self.settle(grant.bucket()?, key.as_str()).await?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                let counts = list_counts(tx, &bucket, &said)?;
                let (row, shown) = object::find_object(tx, &bucket, key.as_str(), version)?;
                if !counts {
                    return Ok(shown);
                }
                let owner = row.extras.acl.map_or(bucket.row.org, |acl| acl.owner);
                let acl = said.of(owner, bucket.row.org)?;
                check(tx, &bucket, &acl)?;
                let version = object::update(tx, &bucket, key.as_str(), version, |row| {
                    row.extras.acl = acl.of_object(bucket.row.org);
                    Ok(())
                })?;
                let subject = Subject { key: key.as_str(), version, ..Subject::default() };
                notification::emit(tx, &bucket, EventKind::AclPut, subject)?;
                Ok(version)
            })
            .await
    }

    /// The list of an object that is written, of what the request says of it; `None` for a private one of the bucket's owner.
    /// Errors as `put_bucket_acl`.
    pub fn acl_of_new(&self, grant: &Grant, said: Option<&SaidAcl>) -> Result<Option<Acl>> {
        let bucket = grant.bucket()?;
        let ownership = self.ownership(bucket)?;
        if !ownership.has_lists() {
            return match said {
                Some(said) if !said.is_harmless() => Err(not_supported()),
                _ => Ok(None),
            };
        }
        let writer = match grant.caller() {
            Principal::Key(key) => key.org,
            Principal::Anonymous => OrgId::NOBODY,
        };
        let handed_over = ownership == Ownership::Preferred && said.is_some_and(SaidAcl::hands_over);
        let owner = if handed_over { bucket.row.org } else { writer };
        let acl = match said {
            Some(said) => said.of(owner, bucket.row.org)?,
            None => Acl::private(owner),
        };
        self.meta.read(|read| check(read, bucket, &acl))?;
        Ok(acl.of_object(bucket.row.org))
    }
}

/// Says who may use a bucket that was just made; returns it as it is then.
pub(crate) fn set_access(tx: &mut Tx<'_>, bucket: Bucket, access: &NewAccess) -> Result<Bucket> {
    let id = bucket.id;
    let ownership = access.ownership.unwrap_or(Ownership::Enforced);
    match &access.acl {
        Some(said) if !ownership.has_lists() && !said.is_harmless() => return Err(without_lists()),
        _ if !ownership.has_lists() => return Ok(bucket),
        _ => set_ownership(tx, bucket, ownership)?,
    }
    if let Some(said) = &access.acl {
        set_bucket_acl(tx, Bucket::must_exist(tx, id)?, said)?;
    }
    Bucket::must_exist(tx, id)
}

/// The rule of it, for new buckets too.
fn set_ownership(tx: &mut Tx<'_>, bucket: Bucket, ownership: Ownership) -> Result<()> {
    if ownership.has_lists() {
        return document::put(tx, bucket, &ownership);
    }
    let acl = document::get::<BucketAcl>(tx, &bucket)?;
    if acl.is_some_and(|acl| acl.0 != Acl::private(bucket.row.org)) {
        return Err(without_lists());
    }
    document::delete::<Ownership>(tx, bucket).map(drop)
}

/// The rule of it, for new buckets too.
fn set_bucket_acl(tx: &mut Tx<'_>, bucket: Bucket, said: &SaidAcl) -> Result<()> {
    let acl = said.of(bucket.row.org, bucket.row.org)?;
    check(tx, &bucket, &acl)?;
    document::put(tx, bucket, &BucketAcl(acl))
}

/// Whether lists count. Where they do not, `AclNotSupported` unless the list is the one that is read there: s3cmd writes back
/// what it has read, and that changes nothing.
fn list_counts(read: &dyn Read, bucket: &Bucket, said: &SaidAcl) -> Result<bool> {
    let ownership = document::get::<Ownership>(read, bucket)?.unwrap_or(Ownership::Enforced);
    match ownership.has_lists() {
        false if !said.spells_out(&Acl::private(bucket.row.org)) => Err(not_supported()),
        lists => Ok(lists),
    }
}

/// Fails unless everybody on a list exists, and nobody on it is the public where that is blocked.
fn check(read: &dyn Read, bucket: &Bucket, acl: &Acl) -> Result<()> {
    acl.check()?;
    for org in acl.orgs() {
        if org != OrgId::NOBODY && !ORGS.contains(read, &org)? {
            return Err(Error::new(ErrorKind::InvalidArgument, "Invalid id"));
        }
    }
    if acl.is_public() && block(read, bucket)?.block_acls { Err(blocked()) } else { Ok(()) }
}

fn block(read: &dyn Read, bucket: &Bucket) -> Result<PublicAccessBlock> {
    Ok(document::get(read, bucket)?.unwrap_or_default())
}

fn blocked() -> Error {
    Error::new(ErrorKind::AccessDenied, "Access Denied: public access is blocked for this bucket.")
}

fn without_lists() -> Error {
    let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
    Error::new(ErrorKind::InvalidAclWithOwnership, message)
}

fn not_supported() -> Error {
    Error::new(ErrorKind::AclNotSupported, "The bucket does not allow ACLs")
}
