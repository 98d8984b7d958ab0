//! The one place that decides: `authorize` turns a principal, an action and a resource into a `Grant`, or refuses.
//! Store verbs take a grant, so none can be called without this decision. What policies and lists add to it on the S3 door
//! is in `s3`; the language of policies is read and evaluated in the other files under this one.

mod access;
mod block;
mod caller;
mod condition;
mod document;
mod json;
mod key;
mod operator;
mod ownership;
mod pattern;
mod public;
mod put;
mod request;
mod s3;
mod s3_action;
mod statement;

use crate::bucket::{Bucket, no_such_bucket};
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{BucketId, KeyId, OrgId};
use crate::key::{KeyOrigin, Scope, Scopes};
use crate::meta::Read;
use crate::meta::table::KEYS;
use crate::name::BucketName;

pub use block::PublicAccessBlock;
pub use document::{BucketPolicy, Verdict};
pub use key::{Fact, Facts};
pub use ownership::Ownership;
pub use put::NewAccess;
pub(crate) use put::set_access;
pub use request::S3Asked;
pub use s3_action::S3Action;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// The holder of a key.
    Key(KeyPrincipal),
}

/// The holder of a key, as it was when the request was authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrincipal {
    /// The key.
    pub key: KeyId,
    /// The organisation it belongs to.
    pub org: OrgId,
    /// What it may do.
    pub scopes: Scopes,
    /// The buckets it sees; `None` is all of its organisation's.
    pub buckets: Option<Vec<BucketId>>,
    /// When it ends to be valid.
    pub expires_ms: Option<Millis>,
}

impl KeyPrincipal {
    /// `AccessDenied` unless the key is valid and has the scopes for an action.
    pub(crate) fn must_be_good_for(&self, action: Action, now: Millis) -> Result<()> {
        if self.expires_ms.is_none_or(|expires| expires > now) && self.scopes.contain(action.scopes()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::AccessDenied, "Access Denied"))
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident => $($scope:ident)|*;)*) => {
        /// What is asked for: one action for each thing a grant can allow.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $action),* }

        impl Action {
            /// All actions, for the authorisation matrix.
            pub const ALL: &[Action] = &[$(Action::$action),*];

            /// The scopes a key needs for it, all of them.
            pub const fn scopes(self) -> Scopes {
                match self { $(Action::$action => Scopes::of(&[$(Scope::$scope),*])),* }
            }
        }
    };
}

actions! {
    /// List the organisation's buckets.
    ListBuckets => BucketsRead;
    /// Make a bucket.
    CreateBucket => BucketsWrite;
    /// Learn that a bucket exists, and where.
    HeadBucket => BucketsRead;
    /// Delete a bucket.
    DeleteBucket => BucketsDelete;
    /// Read a bucket's settings and counters.
    GetBucket => BucketsRead;
    /// Change a bucket's settings.
    UpdateBucket => BucketsWrite;
    /// Get a bucket ready again after that failed.
    RetryBucket => BucketsWrite;
    /// List objects.
    ListObjects => FilesRead;
    /// List versions and delete markers.
    ListVersions => FilesRead;
    /// Read whether a bucket keeps versions.
    GetBucketVersioning => BucketsRead;
    /// Have a bucket keep versions, or keep no more of them.
    PutBucketVersioning => BucketsWrite;
    /// Read what new versions of a bucket are locked with.
    GetObjectLock => BucketsRead;
    /// Make versions of a bucket such that they can be locked, or change what new ones are locked with.
    PutObjectLock => BucketsWrite;
    /// Read until when a version is kept.
    GetRetention => FilesRead;
    /// Say until when a version is kept.
    PutRetention => FilesWrite;
    /// Read whether a legal hold is on a version.
    GetLegalHold => FilesRead;
    /// Put a legal hold on a version, or take it off.
    PutLegalHold => FilesWrite;
    /// Pass over governance retentions.
    BypassGovernance => BucketsWrite | FilesDelete;
    /// Read the tags of an object.
    GetObjectTagging => FilesRead;
    /// Give an object other tags.
    PutObjectTagging => FilesWrite;
    /// Take an object's tags away.
    DeleteObjectTagging => FilesWrite;
    /// Read a bucket's tags.
    GetBucketTagging => BucketsRead;
    /// Change a bucket's tags.
    PutBucketTagging => BucketsWrite;
    /// Read which pages may use a bucket.
    GetBucketCors => BucketsRead;
    /// Say which pages may use a bucket.
    PutBucketCors => BucketsWrite;
    /// Read the rules of a bucket's life cycle.
    GetLifecycle => BucketsRead;
    /// Change the rules of a bucket's life cycle.
    PutLifecycle => BucketsWrite;
    /// Read how a bucket is served as a website.
    GetBucketWebsite => BucketsRead;
    /// Change how a bucket is served as a website.
    PutBucketWebsite => BucketsWrite;
    /// Read who is told of what happens in a bucket.
    GetNotification => BucketsRead;
    /// Say who is told of what happens in a bucket.
    PutNotification => BucketsWrite;
    /// Read what is never configured on a bucket here: payment, acceleration, logging and the like.
    GetUnconfigured => BucketsRead;
    /// Leave it unconfigured.
    PutUnconfigured => BucketsWrite;
    /// Read a bucket's policy, or whether it is public.
    GetBucketPolicy => BucketsRead;
    /// Change a bucket's policy, or take it away.
    PutBucketPolicy => BucketsWrite;
    /// Read what of a bucket is kept from being public.
    GetPublicAccessBlock => BucketsRead;
    /// Change what of a bucket is kept from being public.
    PutPublicAccessBlock => BucketsWrite;
    /// Read who owns what others write into a bucket.
    GetOwnership => BucketsRead;
    /// Change who owns what others write into a bucket.
    PutOwnership => BucketsWrite;
    /// Read a bucket's access control list.
    GetBucketAcl => BucketsRead;
    /// Change a bucket's access control list.
    PutBucketAcl => BucketsWrite;
    /// Read an object's access control list.
    GetObjectAcl => FilesRead;
    /// Change an object's access control list.
    PutObjectAcl => FilesWrite;
    /// List open uploads or the parts of one.
    ListUploads => FilesRead;
    /// Read an object, its headers or its attributes.
    GetObject => FilesRead;
    /// Write an object or a part of one, and everything about an upload but its end by abort.
    PutObject => FilesWrite;
    /// Delete objects.
    DeleteObject => FilesDelete;
    /// Abort an upload.
    AbortUpload => FilesDelete;
    /// Make a link that leads to an object: whoever may read it could pass it on as well.
    CreateShare => FilesRead;
    /// List links.
    ListShares => FilesRead;
    /// Revoke a link.
    RevokeShare => FilesRead;
    /// List keys.
    ListKeys => KeysRead;
    /// Look at a key.
    GetKey => KeysRead;
    /// Mint a key.
    CreateKey => KeysWrite;
    /// Revoke a key.
    DeleteKey => KeysWrite;
    /// List connected accounts.
    ListAccounts => AccountsRead;
    /// Look at a connected account.
    GetAccount => AccountsRead;
    /// List the buckets that a connected account has at its provider.
    ListAccountBuckets => AccountsRead;
    /// Connect an account of another provider.
    ConnectAccount => AccountsWrite;
    /// Change a connected account.
    UpdateAccount => AccountsWrite;
    /// Ask whether a connected account works.
    ValidateAccount => AccountsWrite;
    /// Disconnect an account.
    DisconnectAccount => AccountsDelete;
    /// Link buckets that a connected account has.
    ImportBuckets => BucketsWrite;
    /// List logged requests.
    ListLogs => LogsRead;
    /// Look at a logged request.
    GetLog => LogsRead;
    /// Make a key-value bucket.
    CreateKvBucket => BucketsWrite;
    /// List key-value buckets.
    ListKvBuckets => BucketsRead;
    /// Look at a key-value bucket.
    GetKvBucket => BucketsRead;
    /// Change the keys and settings of a key-value bucket, and make access tokens for it.
    UpdateKvBucket => BucketsWrite;
    /// Delete a key-value bucket.
    DeleteKvBucket => BucketsDelete;
    /// Get a value.
    GetKvValue => FilesRead;
    /// List keys of values.
    ListKvKeys => FilesRead;
    /// Set values and add to them.
    SetKvValue => FilesWrite;
    /// Delete values.
    DeleteKvValue => FilesDelete;
    /// Read what the organisation takes up, and what its plan allows: any key may.
    ReadBilling => ;
}

impl Action {
    /// Whether buckets come into being by it.
    const fn makes_buckets(self) -> bool {
        matches!(self, Self::CreateBucket | Self::CreateKvBucket | Self::ImportBuckets)
    }

    /// Whether it is about what a bucket holds, so that the bucket must be in use.
    const fn is_on_contents(self) -> bool {
        matches!(
            self,
            Self::ListObjects
                | Self::ListVersions
                | Self::GetRetention
                | Self::PutRetention
                | Self::GetLegalHold
                | Self::PutLegalHold
                | Self::GetObjectTagging
                | Self::PutObjectTagging
                | Self::DeleteObjectTagging
                | Self::GetObjectAcl
                | Self::PutObjectAcl
                | Self::ListUploads
                | Self::GetObject
                | Self::PutObject
                | Self::DeleteObject
                | Self::AbortUpload
                | Self::CreateShare
        )
    }
}

/// What an action is asked on.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// The gateway as a whole, or a bucket that is yet to be.
    Service,
    /// A bucket and what is in it.
    Bucket(&'a BucketName),
    /// The same by its id, as the JSON doors name it: there another organisation's bucket does not exist, and one that is
    /// being deleted is still to be seen.
    BucketId(BucketId),
}

/// Proof that `authorize` allowed an action. It cannot be made elsewhere.
#[derive(Debug, Clone)]
pub struct Grant {
    action: Action,
    caller: Principal,
    bucket: Option<Bucket>,
    /// Whether the caller may see which objects there are in the bucket.
    lists: bool,
    /// Whether it is good for nothing before each key has been decided on.
    each: bool,
}

/// Who is nobody in particular, where somebody must be named.
static NOBODY: KeyPrincipal = KeyPrincipal {
    key: KeyId([0; 16]),
    org: OrgId::NOBODY,
    scopes: Scopes::of(&[]),
    buckets: Some(Vec::new()),
    expires_ms: None,
};

impl Grant {
    /// Who acts.
    pub fn caller(&self) -> &Principal {
        &self.caller
    }

    /// The key that acts. For nobody in particular it is one that has no right and belongs to `OrgId::NOBODY`.
    pub fn principal(&self) -> &KeyPrincipal {
        match &self.caller {
            Principal::Key(key) => key,
            Principal::Anonymous => &NOBODY,
        }
    }

    /// An error as the caller may know it: who may not see which objects there are is not told that one is missing.
    #[must_use]
    pub fn conceal(&self, error: Error) -> Error {
        let tells = matches!(error.kind(), ErrorKind::NoSuchKey | ErrorKind::NoSuchVersion | ErrorKind::IsDeleteMarker);
        if tells && !self.lists { Error::new(ErrorKind::AccessDenied, "Access Denied") } else { error }
    }

    /// The bucket the grant is for.
    pub fn bucket(&self) -> Result<&Bucket> {
        self.bucket.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "The operation needs a bucket.").because("grant has no bucket")
        })
    }

    /// Fails unless the grant is for `action`: a verb states what it needs.
    pub(crate) fn must_allow(&self, action: Action) -> Result<()> {
        if self.action == action && !self.each {
            return Ok(());
        }
        let cause = format!("a grant for {:?} was used for {action:?}", self.action);
        Err(Error::new(ErrorKind::Internal, "The operation was not authorised.").because(cause))
    }
}

/// Decides whether `principal` may do `action` on `resource`.
///
/// Nothing is allowed unless a rule here says so. A bucket outside the key's own list is `NoSuchBucket`, as if it did not
/// exist; another organisation's bucket is `AccessDenied` by name and `NoSuchBucket` by id; a missing scope is
/// `AccessDenied`. What is about a bucket's contents is `BucketNotActive` while the bucket is not in use.
pub fn authorize(
    read: &dyn Read,
    now: Millis,
    principal: &Principal,
    action: Action,
    resource: Resource<'_>,
) -> Result<Grant> {
    let denied = || Error::new(ErrorKind::AccessDenied, "Access Denied");
    let Principal::Key(key) = principal else { return Err(denied()) };
    key.must_be_good_for(action, now)?;
    let bucket = match resource {
        // A key that is limited to some buckets would not see a bucket that it makes.
        Resource::Service if action.makes_buckets() && key.buckets.is_some() => return Err(denied()),
        Resource::Service => None,
        Resource::Bucket(name) => {
            let bucket = Bucket::find(read, name)?.ok_or_else(no_such_bucket)?;
            if key.buckets.as_ref().is_some_and(|list| !list.contains(&bucket.id)) {
                return Err(no_such_bucket());
            }
            if bucket.row.org != key.org {
                return Err(denied());
            }
            if bucket.row.is_deleting() {
                return Err(no_such_bucket());
            }
            Some(bucket)
        }
        Resource::BucketId(id) => {
            let sees = key.buckets.as_ref().is_none_or(|list| list.contains(&id));
            let bucket = Bucket::get(read, id)?.filter(|bucket| sees && bucket.row.org == key.org);
            Some(bucket.ok_or_else(no_such_bucket)?)
        }
    };
    if let Some(bucket) = &bucket {
        keep_sandbox(read, bucket, key, action)?;
    }
    if let Some(bucket) = bucket.as_ref().filter(|_| action.is_on_contents()) {
        bucket.check_active()?;
    }
    Ok(Grant { action, caller: principal.clone(), bucket, lists: true, each: false })
}

/// `AccessDenied` for what would leave something in the bucket that a project is tried with beside the files that are uploaded
/// by links: it counts towards no quota, since those go in time.
fn keep_sandbox(read: &dyn Read, bucket: &Bucket, by: &KeyPrincipal, action: Action) -> Result<()> {
    let adds = matches!(action, Action::PutObject | Action::PutBucketVersioning | Action::PutObjectLock);
    if !adds || !bucket.row.is_sandbox() {
        return Ok(());
    }
    match KEYS.get(read, &by.key)? {
        Some(row) if row.origin == KeyOrigin::Project => Ok(()),
        _ => Err(Error::new(ErrorKind::AccessDenied, "Test files are uploaded by the links of their project alone.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::Engine;
    use crate::meta::memory::MemoryEngine;

    fn principal(scopes: Scopes) -> KeyPrincipal {
        KeyPrincipal { key: KeyId([1; 16]), org: OrgId([2; 16]), scopes, buckets: None, expires_ms: None }
    }

    fn ask(principal: &Principal, action: Action) -> Result<Grant> {
        let engine = MemoryEngine::default();
        authorize(&*engine.snapshot().unwrap(), 100, principal, action, Resource::Service)
    }

    #[test]
    fn every_action_needs_exactly_its_scopes() {
        for &action in Action::ALL {
            assert!(ask(&Principal::Anonymous, action).is_err(), "{action:?} by nobody");
            assert!(ask(&Principal::Key(principal(action.scopes())), action).is_ok(), "{action:?} with its scopes");
            let others = Scopes::ALL.without(action.scopes());
            if action == Action::ReadBilling {
                assert!(ask(&Principal::Key(principal(Scopes::of(&[]))), action).is_ok(), "any key may");
                continue;
            }
            let error = ask(&Principal::Key(principal(others)), action).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action:?} with all scopes but its own");
        }
    }

    #[test]
    fn an_expired_key_may_do_nothing() {
        for &action in Action::ALL {
            let mut key = principal(Scopes::ALL);
            key.expires_ms = Some(100);
            assert!(ask(&Principal::Key(key.clone()), action).is_err());
            key.expires_ms = Some(101);
            assert!(ask(&Principal::Key(key), action).is_ok());
        }
    }

    #[test]
    fn a_bucket_scoped_key_cannot_make_buckets_nor_see_others() {
        let mut key = principal(Scopes::ALL);
        key.buckets = Some(vec![]);
        for action in [Action::CreateBucket, Action::ImportBuckets] {
            let error = ask(&Principal::Key(key.clone()), action).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AccessDenied, "{action:?}");
        }
    }
}
