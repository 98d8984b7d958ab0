//! The rules of one bucket: its policy, its access control list, and what bounds the two.

use std::cell::Cell;
use std::sync::Arc;

use super::document::{BucketPolicy, Verdict};
use super::request::{Asked, RequestContext};
use super::s3_action::S3Action;
use super::{Ownership, Principal, PublicAccessBlock};
use crate::Store;
use crate::acl::{Acl, BucketAcl, Permission};
use crate::bucket::Bucket;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Scopes;

/// The rules of a bucket, as they are now.
pub(super) struct Rules {
    policy: Option<Arc<BucketPolicy>>,
    ownership: Ownership,
    acl: Option<Arc<BucketAcl>>,
    block: PublicAccessBlock,
}

/// By what a list can allow an action.
enum ByList {
    /// By a permission on the bucket.
    Bucket(Permission),
    /// By a permission on the object.
    Object(Permission),
    /// By no list.
    Never,
}

fn by_list(action: S3Action) -> ByList {
    use S3Action as A;
    match action {
        A::ListBucket | A::ListBucketVersions | A::ListBucketMultipartUploads => ByList::Bucket(Permission::Read),
        A::PutObject | A::DeleteObject => ByList::Bucket(Permission::Write),
        A::GetBucketAcl => ByList::Bucket(Permission::ReadAcp),
        A::PutBucketAcl => ByList::Bucket(Permission::WriteAcp),
        A::GetObject | A::GetObjectVersion | A::GetObjectAttributes | A::GetObjectVersionAttributes => {
            ByList::Object(Permission::Read)
        }
        A::GetObjectAcl | A::GetObjectVersionAcl => ByList::Object(Permission::ReadAcp),
        A::PutObjectAcl | A::PutObjectVersionAcl => ByList::Object(Permission::WriteAcp),
        _ => ByList::Never,
    }
}

impl Rules {
    pub(super) fn of(store: &Store, bucket: &Bucket) -> Result<Self> {
        Ok(Self {
            policy: store.document(bucket)?,
            ownership: store.ownership(bucket)?,
            acl: store.document(bucket)?,
            block: store.document(bucket)?.map_or_else(PublicAccessBlock::default, |block| *block),
        })
    }

    /// Whether a caller may do all of `actions`. The first of them is what a request is about.
    pub(super) fn allow(
        &self,
        asked: &Asked<'_>,
        caller: &Principal,
        actions: &[S3Action],
        now: Millis,
    ) -> Result<bool> {
        let Some(first) = actions.first() else { return Ok(false) };
        for action in actions {
            if !self.allows(asked, caller, *action, *first, now)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn allows(
        &self,
        asked: &Asked<'_>,
        caller: &Principal,
        action: S3Action,
        first: S3Action,
        now: Millis,
    ) -> Result<bool> {
        let own = matches!(caller, Principal::Key(key) if key.org == asked.bucket.row.org);
        match self.by_policy(asked, caller, action, now)? {
            // Or a policy could keep its own author from ever changing it.
            Verdict::Denied => return Ok(own && is_unrestricted(caller) && is_about_policies(action)),
            Verdict::Allowed if own => {}
            Verdict::Allowed => {
                let restricted = self.block.restrict_buckets && self.policy.as_ref().is_some_and(|it| it.is_public());
                if !restricted {
                    return Ok(true);
                }
            }
            Verdict::Silent => {}
        }
        // Where lists count, who writes an object owns it, and the list of what one owns is one's own to write.
        if action == S3Action::PutObjectAcl && first == S3Action::PutObject {
            return Ok(true);
        }
        if own {
            return self.is_at_owner_s_hand(asked, caller, action);
        }
        if matches!(action, S3Action::AbortMultipartUpload | S3Action::ListMultipartUploadParts)
            && asked.began_upload(caller)?
        {
            return Ok(true);
        }
        self.by_lists(asked, caller, action, now)
    }

    fn by_policy(&self, asked: &Asked<'_>, caller: &Principal, action: S3Action, now: Millis) -> Result<Verdict> {
        let Some(policy) = &self.policy else { return Ok(Verdict::Silent) };
        let tags = match policy.asks_for_tags && action.reads_tags() {
            true => asked.object(|row| row.extras.tags.clone())?.unwrap_or_default(),
            false => Vec::new(),
        };
        let context = RequestContext {
            caller,
            action,
            bucket: asked.bucket,
            version: asked.version,
            now,
            tags,
            facts: asked.facts,
            overlong: Cell::new(false),
        };
        // What is done to a bucket is done to it whatever key the request names beside it.
        let resource = if action.is_on_object() { asked.resource() } else { asked.bucket.row.name.to_string() };
        let verdict = policy.evaluate(caller, action, &resource, &context);
        if context.overlong.get() {
            let message = "A header or parameter is longer than the bucket's policy can be asked about.";
            return Err(Error::new(ErrorKind::InvalidRequest, message));
        }
        Ok(verdict)
    }

    /// Whether the bucket's owner, whom no policy denies it, may do something. What others own in the bucket is theirs,
    /// where lists count; the bucket's owner may always delete it.
    fn is_at_owner_s_hand(&self, asked: &Asked<'_>, caller: &Principal, action: S3Action) -> Result<bool> {
        let ByList::Object(permission) = by_list(action) else { return Ok(true) };
        if !self.ownership.has_lists() {
            return Ok(true);
        }
        let org = asked.bucket.row.org;
        let allowed = asked.object(|row| match &row.extras.acl {
            Some(acl) if acl.owner != org => self.list_allows(acl, caller, permission),
            _ => true,
        })?;
        // An object that is not there is nobody else's.
        Ok(allowed.unwrap_or(true))
    }

    fn by_lists(&self, asked: &Asked<'_>, caller: &Principal, action: S3Action, now: Millis) -> Result<bool> {
        if !self.ownership.has_lists() {
            return Ok(false);
        }
        match by_list(action) {
            ByList::Never => Ok(false),
            ByList::Bucket(permission) => {
                Ok(self.acl.as_ref().is_some_and(|acl| self.list_allows(&acl.0, caller, permission)))
            }
            ByList::Object(permission) => {
                let allowed = asked.object(|row| match &row.extras.acl {
                    Some(acl) => self.list_allows(acl, caller, permission),
                    None => false,
                })?;
                match allowed {
                    Some(allowed) => Ok(allowed),
                    // No list can be asked. Who may see that there is no such object is told so.
                    None => self.lists(asked, caller, now),
                }
            }
        }
    }

    /// Whether a caller may see which objects there are, and so that one is missing.
    pub(super) fn lists(&self, asked: &Asked<'_>, caller: &Principal, now: Millis) -> Result<bool> {
        self.allows(asked, caller, S3Action::ListBucket, S3Action::ListBucket, now)
    }

    fn list_allows(&self, acl: &Acl, caller: &Principal, permission: Permission) -> bool {
        acl.allows(caller, permission, self.block.ignore_acls)
    }
}

/// Whether a key can do everything its organisation can.
fn is_unrestricted(caller: &Principal) -> bool {
    matches!(caller, Principal::Key(key) if key.buckets.is_none() && key.scopes.contain(Scopes::ALL))
}

fn is_about_policies(action: S3Action) -> bool {
    matches!(action, S3Action::GetBucketPolicy | S3Action::PutBucketPolicy | S3Action::DeleteBucketPolicy)
}
