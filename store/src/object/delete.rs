//! DeleteObject and DeleteObjects: one commit, however many keys.

use crate::Store;
use crate::bucket::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::meta::Tx;
use crate::meta::table::OBJECTS;
use crate::name::ObjectKey;
use crate::object::{ETagMatch, WriteCondition, remove};
use crate::policy::{Action, Grant};

/// What a delete did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Whether there was an object.
    pub existed: bool,
}

impl Store {
    /// Deletes an object; that there is none is no error. With `if_match`: `NoSuchKey`, `PreconditionFailed`.
    pub async fn delete_object(&self, grant: &Grant, key: ObjectKey, if_match: Option<ETagMatch>) -> Result<Deleted> {
        let mut results = self.delete_objects(grant, vec![(key, if_match)]).await?;
        results.pop().unwrap_or(Ok(Deleted { existed: false }))
    }

    /// Deletes up to `limit::DELETE_KEYS_MAX` objects in one commit; a key whose condition fails keeps its object and
    /// does not hold up the others. Results are in the order of `keys`.
    pub async fn delete_objects(
        &self,
        grant: &Grant,
        keys: Vec<(ObjectKey, Option<ETagMatch>)>,
    ) -> Result<Vec<Result<Deleted>>> {
        grant.must_allow(Action::DeleteObject)?;
        if keys.len() > limit::DELETE_KEYS_MAX {
            let message = format!("{} keys: at most {} in one request", keys.len(), limit::DELETE_KEYS_MAX);
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let bucket = grant.bucket()?.id;
        self.meta
            .write(move |tx| {
                let bucket = Bucket::must_exist(tx, bucket)?;
                keys.iter().map(|(key, if_match)| delete_one(tx, &bucket, key, if_match.as_ref())).collect()
            })
            .await
    }
}

/// The outer error ends the whole operation; the inner one is this key's answer.
fn delete_one(
    tx: &mut Tx<'_>,
    bucket: &Bucket,
    key: &ObjectKey,
    if_match: Option<&ETagMatch>,
) -> Result<Result<Deleted>> {
    if let Some(tags) = if_match {
        let current = OBJECTS.get(tx, &(bucket.id, key.as_str().to_owned()))?;
        let condition = WriteCondition { if_match: Some(tags.clone()), if_none_match: None };
        if let Err(error) = condition.check(current.as_ref().map(|row| &row.head)) {
            return Ok(Err(error));
        }
    }
    remove(tx, bucket, key.as_str()).map(|existed| Ok(Deleted { existed }))
}
