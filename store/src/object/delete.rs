//! DeleteObject and DeleteObjects: one commit, however many keys.

use std::sync::Arc;

use crate::Store;
use crate::adopt;
use crate::bucket::{Bucket, Versioning};
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Tx;
use crate::meta::table::OBJECTS;
use crate::name::ObjectKey;
use crate::notification::{self, EventKind, Subject};
use crate::object::version::{VersionId, VersionRow, mark_deleted, remove_version, shown};
use crate::object::{ETagMatch, WriteCondition, remove};
use crate::policy::{Action, Grant};

/// What to delete.
#[derive(Debug, Clone)]
pub struct DeleteObject {
    /// The key.
    pub key: ObjectKey,
    /// One version of it, for good; `None` is what is current, of which a bucket that keeps versions keeps this one.
    pub version: Option<VersionId>,
    /// What the current object's entity tag must be.
    pub if_match: Option<ETagMatch>,
    /// Whether to pass over a governance retention: the caller has made sure that this may be done.
    pub bypass_governance: bool,
}

impl DeleteObject {
    /// What is current, without conditions.
    pub fn current(key: ObjectKey) -> Self {
        Self { key, version: None, if_match: None, bypass_governance: false }
    }
}

/// What a delete did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Whether there was an object, or the version.
    pub existed: bool,
    /// The version that was removed, or else the delete marker that was made.
    pub version: Option<VersionId>,
    /// Whether that is a delete marker.
    pub marker: bool,
}

impl Store {
    /// Deletes an object; that there is none is no error. With `if_match`: `NoSuchKey`, `PreconditionFailed`; of a locked
    /// version `AccessDenied`.
    pub async fn delete_object(self: &Arc<Self>, grant: &Grant, delete: DeleteObject) -> Result<Deleted> {
        let mut results = self.delete_objects(grant, vec![delete]).await?;
        results.pop().unwrap_or(Ok(Deleted { existed: false, version: None, marker: false }))
    }

    /// Deletes up to `limit::DELETE_KEYS_MAX` objects in one commit; one whose condition fails or that is locked stays and
    /// does not hold up the others. Results are in the order of `deletes`.
    pub async fn delete_objects(
        self: &Arc<Self>,
        grant: &Grant,
        deletes: Vec<DeleteObject>,
    ) -> Result<Vec<Result<Deleted>>> {
        grant.must_allow(Action::DeleteObject)?;
        if deletes.len() > limit::DELETE_KEYS_MAX {
            let message = format!("{} keys: at most {} in one request", deletes.len(), limit::DELETE_KEYS_MAX);
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if let Some(under_way) = self.changes_there(grant.bucket()?)? {
            return Box::pin(self.delete_there(grant, deletes, under_way)).await;
        }
        for delete in deletes.iter().filter(|delete| delete.if_match.is_some()) {
            self.settle(grant.bucket()?, delete.key.as_str()).await?;
        }
        let keys: Vec<&str> = deletes.iter().map(|delete| delete.key.as_str()).collect();
        let behind = self.are_behind(grant.bucket()?, &keys).await?;
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                let mut results = Vec::with_capacity(deletes.len());
                for (place, delete) in deletes.iter().enumerate() {
                    let mut result = refused_alone(delete_one(tx, &bucket, delete))?;
                    if let (Ok(deleted), Some(true)) = (&mut result, behind.get(place)) {
                        deleted.existed = true;
                    }
                    if let Ok(deleted) = &result {
                        tell(tx, &bucket, delete, deleted)?;
                    }
                    results.push(result);
                }
                Ok(results)
            })
            .await
    }
}

/// Has those told who want to know of it.
fn tell(tx: &mut Tx<'_>, bucket: &Bucket, delete: &DeleteObject, deleted: &Deleted) -> Result<()> {
    let kind = match (delete.version, deleted.marker, deleted.existed) {
        (None, true, _) => EventKind::RemovedMarker,
        (_, _, true) => EventKind::RemovedDelete,
        _ => return Ok(()),
    };
    let subject = Subject { key: delete.key.as_str(), version: deleted.version, ..Subject::default() };
    notification::emit(tx, bucket, kind, subject)
}

/// What is refused is this key's answer alone; it has changed nothing. Any other error ends the whole operation.
fn refused_alone(outcome: Result<Deleted>) -> Result<Result<Deleted>> {
    match outcome {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NoSuchKey | ErrorKind::PreconditionFailed | ErrorKind::AccessDenied
            ) =>
        {
            Ok(Err(error))
        }
        outcome => outcome.map(Ok),
    }
}

/// Deletes what one key of a request means. What refuses it has changed nothing.
pub(crate) fn delete_one(tx: &mut Tx<'_>, bucket: &Bucket, delete: &DeleteObject) -> Result<Deleted> {
    let key = delete.key.as_str();
    if let Some(tags) = &delete.if_match {
        let current = OBJECTS.get(tx, &(bucket.id, key.to_owned()))?;
        let condition = WriteCondition { if_match: Some(tags.clone()), if_none_match: None };
        condition.check(current.as_ref().map(|row| &row.head))?;
    }
    if matches!(delete.version, None | Some(VersionId::Null)) {
        adopt::bury(tx, bucket, key)?;
    }
    match delete.version {
        Some(id) => {
            let removed = remove_version(tx, bucket, key, id, delete.bypass_governance)?;
            let marker = matches!(removed, Some(VersionRow::Marker(_)));
            let version = (bucket.row.versioning != Versioning::Off).then_some(id);
            Ok(Deleted { existed: removed.is_some(), version, marker })
        }
        None if bucket.row.versioning == Versioning::Off => {
            Ok(Deleted { existed: remove(tx, bucket, key)?, version: None, marker: false })
        }
        None => {
            let existed = OBJECTS.contains(tx, &(bucket.id, key.to_owned()))?;
            let version = shown(bucket, mark_deleted(tx, bucket, key)?);
            Ok(Deleted { existed, version, marker: true })
        }
    }
}
