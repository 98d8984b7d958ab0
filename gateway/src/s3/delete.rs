//! DeleteObject and DeleteObjects.

use http::HeaderValue;
use s3s::dto::{
    self, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ObjectIdentifier,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};
use windlass_store::limit;
use windlass_store::object::{DeleteObject, Deleted, ETagMatch, VersionId};
use windlass_store::policy::Grant;

use super::call::{self, Call};
use super::error::{self, not_implemented};
use super::service::Operations;
use super::{conditions, encode, extras, lock, permissions};

/// Deletes an object. One that is not there is deleted too.
pub(super) async fn delete_object(
    door: &Operations,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let (input, call) = Call::open(request)?;
    if ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"].iter().any(|name| call.headers.contains_key(*name))
    {
        return Err(not_implemented("Deleting on a condition other than the ETag"));
    }
    let delete = DeleteObject {
        key: call::key(&input.key)?,
        version: call.version()?,
        if_match: conditions::tags(&call.headers, "if-match"),
        bypass_governance: lock::bypass(&call)?,
    };
    let deleted = door.store.delete_object(&call.grant, delete).await.map_err(error::from_store)?;
    let mut answer = S3Response::new(DeleteObjectOutput::default());
    extras::show_version(deleted.version, &mut answer.headers);
    if deleted.marker {
        answer.headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// Deletes up to 1,000 objects. Each has its own outcome; one that is refused leaves the others alone.
pub(super) async fn delete_objects(
    door: &Operations,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let (input, call) = Call::open(request)?;
    let (objects, quiet) = (input.delete.objects, input.delete.quiet.unwrap_or(false));
    if objects.is_empty() || objects.len() > limit::DELETE_KEYS_MAX {
        return Err(error::malformed_xml());
    }
    let bypass = lock::bypass(&call)?;
    let checked = objects.iter().map(|object| check(object, bypass)).collect();
    let (grant, checked) = decide(door, &call, checked)?;
    let valid = checked.iter().filter_map(|object| object.as_ref().ok().cloned()).collect();
    let outcomes = door.store.delete_objects(&grant, valid).await.map_err(error::from_store)?;
    let mut outcomes = outcomes.into_iter();
    let mut output =
        DeleteObjectsOutput { deleted: Some(vec![]), errors: Some(vec![]), ..DeleteObjectsOutput::default() };
    for (object, checked) in objects.into_iter().zip(checked) {
        let outcome = match checked {
            Err(error) => Err(error),
            Ok(_) => match outcomes.next() {
                Some(outcome) => outcome.map_err(error::from_store),
                None => Err(error::refuse("InternalError", error::default_message("InternalError"))),
            },
        };
        match outcome {
            Ok(_) if quiet => {}
            Ok(outcome) => output.deleted.get_or_insert_default().push(deleted(object, &outcome)),
            Err(error) => output.errors.get_or_insert_default().push(failed(object, &error)),
        }
    }
    Ok(S3Response::new(output))
}

/// Refuses those of the objects that the rules of the bucket do not let go.
fn decide(
    door: &Operations,
    call: &Call,
    checked: Vec<S3Result<DeleteObject>>,
) -> S3Result<(Grant, Vec<S3Result<DeleteObject>>)> {
    let named = checked.iter().flatten().map(|object| (object.key.clone(), object.version)).collect::<Vec<_>>();
    let actions = |version: Option<VersionId>| permissions::of("DeleteObject", version.is_some(), &call.headers);
    let decided = door.store.authorize_each(call.grant.clone(), &named, actions, &call.told(door));
    let (grant, may) = decided.map_err(error::from_store)?;
    let mut may = may.into_iter();
    let denied = || error::refuse("AccessDenied", error::default_message("AccessDenied"));
    let decide = |object| if may.next() == Some(true) { Ok(object) } else { Err(denied()) };
    let mut decide = decide;
    Ok((grant, checked.into_iter().map(|object| object.and_then(&mut decide)).collect()))
}

fn check(object: &ObjectIdentifier, bypass_governance: bool) -> S3Result<DeleteObject> {
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(not_implemented("Deleting on a condition other than the ETag"));
    }
    Ok(DeleteObject {
        key: call::key(&object.key)?,
        version: object.version_id.as_deref().filter(|id| !id.is_empty()).map(call::version).transpose()?,
        if_match: object.e_tag.as_ref().map(|etag| ETagMatch::parse(etag.value())),
        bypass_governance,
    })
}

fn deleted(object: ObjectIdentifier, outcome: &Deleted) -> DeletedObject {
    DeletedObject {
        key: Some(encode::echo(&object.key)),
        delete_marker: outcome.marker.then_some(true),
        delete_marker_version_id: outcome.version.filter(|_| outcome.marker).map(|version| version.to_string()),
        version_id: object.version_id,
    }
}

fn failed(object: ObjectIdentifier, error: &S3Error) -> dto::Error {
    let code = error.code().as_str().to_owned();
    let message = error.message().unwrap_or_else(|| error::default_message(&code)).to_owned();
    dto::Error {
        code: Some(code),
        key: Some(encode::echo(&object.key)),
        message: Some(message),
        version_id: object.version_id,
    }
}
