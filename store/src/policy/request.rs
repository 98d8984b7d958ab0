//! A request on the S3 door, as the rules of a bucket see it.

use std::cell::{Cell, RefCell};

use super::caller::arn;
use super::condition::Context;
use super::key::{ConditionKey, Facts};
use super::{Action, Principal, S3Action};
use crate::Store;
use crate::adopt;
use crate::bucket::Bucket;
use crate::clock::Millis;
use crate::error::{Error, ErrorKind, Result};
use crate::id::UploadId;
use crate::limit;
use crate::meta::table::UPLOADS;
use crate::name::{BucketName, ObjectKey};
use crate::object::{ObjectRow, VersionId, find_object};

/// What is asked for on the S3 door, beside who asks.
#[derive(Clone, Copy)]
pub struct S3Asked<'a> {
    /// What a key must have the scopes for.
    pub action: Action,
    /// What policies and lists must allow, all of it; the first says what it is about. Not asked where a bucket has neither.
    pub actions: &'a dyn Fn() -> Vec<S3Action>,
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key; `None` for what is about the bucket, and for what is about many keys.
    pub key: Option<&'a ObjectKey>,
    /// The version.
    pub version: Option<VersionId>,
    /// The upload.
    pub upload: Option<UploadId>,
    /// Who the client says owns the bucket.
    pub owner: Option<&'a [u8]>,
    /// What else the request says.
    pub facts: &'a dyn Facts,
}

/// An object that the rules ask about, looked up once and only if they do.
pub(super) struct Asked<'a> {
    pub(super) store: &'a Store,
    pub(super) bucket: &'a Bucket,
    pub(super) key: Option<&'a ObjectKey>,
    pub(super) version: Option<VersionId>,
    pub(super) upload: Option<UploadId>,
    pub(super) facts: &'a dyn Facts,
    pub(super) row: RefCell<Option<Option<ObjectRow>>>,
}

impl Asked<'_> {
    /// What policies call it.
    pub(super) fn resource(&self) -> String {
        match self.key {
            Some(key) => format!("{}/{key}", self.bucket.row.name),
            None => self.bucket.row.name.to_string(),
        }
    }

    /// Something about the object; `None` if there is no such object.
    pub(super) fn object<T>(&self, look: impl FnOnce(&ObjectRow) -> T) -> Result<Option<T>> {
        let mut row = self.row.borrow_mut();
        if row.is_none() {
            let find = |key: &ObjectKey| {
                let found = self.store.meta.read(|read| {
                    if adopt::is_unsettled(read, self.bucket, key.as_str())? {
                        return Err(unknown());
                    }
                    find_object(read, self.bucket, key.as_str(), self.version)
                });
                match found {
                    Ok((row, _)) => Ok(Some(row)),
                    Err(error)
                        if matches!(
                            error.kind(),
                            ErrorKind::NoSuchKey | ErrorKind::NoSuchVersion | ErrorKind::IsDeleteMarker
                        ) =>
                    {
                        Ok(None)
                    }
                    Err(error) => Err(error),
                }
            };
            *row = Some(self.key.map(find).transpose()?.flatten());
        }
        Ok(row.as_ref().and_then(Option::as_ref).map(look))
    }

    /// Whether the upload was begun with that caller's key.
    pub(super) fn began_upload(&self, caller: &Principal) -> Result<bool> {
        let (Principal::Key(caller), Some(key), Some(upload)) = (caller, self.key, self.upload) else {
            return Ok(false);
        };
        let row_key = (self.bucket.id, key.as_str().to_owned(), upload);
        let row = self.store.meta.read(|read| UPLOADS.get(read, &row_key))?;
        Ok(row.is_some_and(|row| row.initiator == caller.key))
    }
}

/// What only the upstream knows cannot be asked about, and is not taken for nothing.
fn unknown() -> Error {
    let message = "The bucket's rules ask about an object that is only upstream yet.";
    Error::new(ErrorKind::AccessDenied, message)
}

/// What conditions are held against.
pub(super) struct RequestContext<'a> {
    pub(super) caller: &'a Principal,
    pub(super) action: S3Action,
    pub(super) bucket: &'a Bucket,
    pub(super) version: Option<VersionId>,
    pub(super) now: Millis,
    pub(super) tags: Vec<(String, String)>,
    pub(super) facts: &'a dyn Facts,
    /// Whether a fact was asked for that is too long to be held against a policy.
    pub(super) overlong: Cell<bool>,
}

impl Context for RequestContext<'_> {
    fn values(&self, key: &ConditionKey) -> Vec<String> {
        if !key.is_of(self.action) {
            return Vec::new();
        }
        let caller = match self.caller {
            Principal::Key(key) => Some(key),
            Principal::Anonymous => None,
        };
        let one = match key {
            ConditionKey::CurrentTime => Some(format!("{}.{:03}", self.now / 1000, self.now % 1000)),
            ConditionKey::EpochTime => Some((self.now / 1000).to_string()),
            ConditionKey::PrincipalAccount => caller.map(|caller| caller.org.to_string()),
            ConditionKey::PrincipalArn => caller.map(arn),
            ConditionKey::PrincipalType => Some(if caller.is_some() { "User" } else { "Anonymous" }.to_owned()),
            ConditionKey::UserId => Some(caller.map_or("anonymous".to_owned(), |caller| caller.key.to_string())),
            ConditionKey::ResourceAccount => Some(self.bucket.row.org.to_string()),
            ConditionKey::VersionId => self.version.map(|version| version.to_string()),
            ConditionKey::ExistingObjectTag(name) => {
                self.tags.iter().find(|(tag, _)| tag == name).map(|(_, value)| value.clone())
            }
            ConditionKey::No => Some("false".to_owned()),
            ConditionKey::Never => None,
            ConditionKey::Told(fact) => {
                let values = self.facts.tell(fact);
                if values.iter().any(|value| value.len() > limit::FACT_BYTES_MAX) {
                    self.overlong.set(true);
                }
                return values;
            }
        };
        one.into_iter().collect()
    }
}
