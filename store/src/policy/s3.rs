//! The decision on the S3 door. One's own bucket is a matter of the key's scopes, unless its policy denies something; of
//! another organisation's bucket, a key or nobody in particular has what the bucket's policy and its lists give.

use std::cell::RefCell;

use super::access::Rules;
use super::request::{Asked, S3Asked};
use super::{Action, Grant, NOBODY, Principal, S3Action, keep_sandbox};
use crate::Store;
use crate::bucket::{Bucket, DocumentKind, no_such_bucket};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::meta::Read;
use crate::name::{BucketName, ObjectKey};
use crate::object::VersionId;
use crate::policy::key::Facts;

impl Store {
    /// Decides whether `principal` may do what it asks for on a bucket. The key counts as used now, whatever the decision.
    ///
    /// A bucket outside the key's own list is `NoSuchBucket`, as if it did not exist; a missing scope, another owner than the
    /// client expects, and what neither policy nor list allows are `AccessDenied`. What is about a bucket's contents is
    /// `BucketNotActive` while the bucket is not in use.
    ///
    /// A request about many keys of a bucket with rules is decided key by key: see `authorize_each`.
    pub fn authorize_s3(&self, principal: &Principal, asked: &S3Asked<'_>) -> Result<Grant> {
        let now = self.clock.now();
        if let Principal::Key(key) = principal {
            self.used_keys.note(key.key, now);
        }
        let bucket = self.meta.read(|read| visible(read, now, principal, asked.action, asked.bucket))?;
        if asked.owner.is_some_and(|owner| owner != bucket.row.org.to_string().as_bytes()) {
            return Err(denied());
        }
        let own = is_own(principal, &bucket);
        let (mut lists, mut each) = (own, false);
        if has_rules(&bucket) {
            let rules = Rules::of(self, &bucket)?;
            let about = self.about(&bucket, asked.key, asked.version, asked.facts, asked.upload);
            let actions = (asked.actions)();
            each = asked.key.is_none() && actions.first().is_some_and(|action| action.is_on_object());
            if !each && !rules.allow(&about, principal, &actions, now)? {
                return Err(denied());
            }
            lists = rules.lists(&about, principal, now)?;
        } else if !own {
            return Err(denied());
        }
        if asked.action.is_on_contents() {
            bucket.check_active()?;
        }
        Ok(Grant { action: asked.action, caller: principal.clone(), bucket: Some(bucket), lists, each })
    }

    /// Decides on each of many keys. A grant that was given for a bucket without rules is good for all of them.
    pub fn authorize_each(
        &self,
        mut grant: Grant,
        objects: &[(ObjectKey, Option<VersionId>)],
        actions: impl Fn(Option<VersionId>) -> Vec<S3Action>,
        facts: &dyn Facts,
    ) -> Result<(Grant, Vec<bool>)> {
        if !grant.each {
            return Ok((grant, vec![true; objects.len()]));
        }
        let now = self.clock.now();
        let bucket = grant.bucket()?;
        let rules = Rules::of(self, bucket)?;
        let mut may = Vec::with_capacity(objects.len());
        for (key, version) in objects {
            let about = self.about(bucket, Some(key), *version, facts, None);
            may.push(rules.allow(&about, &grant.caller, &actions(*version), now)?);
        }
        grant.each = false;
        Ok((grant, may))
    }

    /// Whether the rules of a bucket could let in somebody who is not its owner. Asked before a body is read.
    pub fn has_rules(&self, bucket: &BucketName) -> Result<bool> {
        self.meta.read(|read| Ok(Bucket::find(read, bucket)?.is_some_and(|bucket| has_rules(&bucket))))
    }

    fn about<'a>(
        &'a self,
        bucket: &'a Bucket,
        key: Option<&'a ObjectKey>,
        version: Option<VersionId>,
        facts: &'a dyn Facts,
        upload: Option<crate::id::UploadId>,
    ) -> Asked<'a> {
        Asked { store: self, bucket, key, version, upload, facts, row: RefCell::new(None) }
    }
}

/// The bucket of that name, if a caller may know of it and its key is good for the action.
fn visible(read: &dyn Read, now: Millis, principal: &Principal, action: Action, name: &BucketName) -> Result<Bucket> {
    let key = match principal {
        Principal::Key(key) => Some(key),
        Principal::Anonymous => None,
    };
    if let Some(key) = key {
        key.must_be_good_for(action, now)?;
    }
    let bucket = Bucket::find(read, name)?.ok_or_else(no_such_bucket)?;
    let hidden = key.and_then(|key| key.buckets.as_ref()).is_some_and(|list| !list.contains(&bucket.id));
    // Before anybody else is told that it is on its way out.
    let stranger_denied = !is_own(principal, &bucket) && !has_rules(&bucket);
    if hidden || (bucket.row.is_deleting() && !stranger_denied) {
        return Err(no_such_bucket());
    }
    keep_sandbox(read, &bucket, key.unwrap_or(&NOBODY), action)?;
    Ok(bucket)
}

fn is_own(principal: &Principal, bucket: &Bucket) -> bool {
    matches!(principal, Principal::Key(key) if key.org == bucket.row.org)
}

/// Whether a bucket has rules beside the scopes of its owner's keys: a policy, or access control lists that count.
fn has_rules(bucket: &Bucket) -> bool {
    bucket.row.documents.has(DocumentKind::Policy) || bucket.row.documents.has(DocumentKind::Ownership)
}

fn denied() -> Error {
    Error::new(ErrorKind::AccessDenied, "Access Denied")
}
