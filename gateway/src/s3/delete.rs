//! DeleteObject and DeleteObjects.

use s3s::dto::{
    self, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ObjectIdentifier,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};
use windlass_store::limit;
use windlass_store::name::ObjectKey;
use windlass_store::object::ETagMatch;

use super::call::{self, Call};
use super::error::{self, invalid_argument, not_implemented};
use super::service::Operations;
use super::{conditions, encode};

/// Deletes an object. One that is not there is deleted too.
pub(super) async fn delete_object(
    door: &Operations,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let (input, call) = Call::open(request)?;
    call.check_version()?;
    if ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"].iter().any(|name| call.headers.contains_key(*name))
    {
        return Err(not_implemented("Deleting on a condition other than the ETag"));
    }
    let condition = conditions::tags(&call.headers, "if-match");
    door.store.delete_object(&call.grant, call::key(&input.key)?, condition).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteObjectOutput::default()))
}

/// Deletes up to 1,000 objects. Each has its own outcome; one that is refused leaves the others alone.
pub(super) async fn delete_objects(
    door: &Operations,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let (input, call) = Call::open(request)?;
    let (objects, quiet) = (input.delete.objects, input.delete.quiet.unwrap_or(false));
    if objects.is_empty() || objects.len() > limit::DELETE_KEYS_MAX {
        return Err(error::refuse("MalformedXML", error::default_message("MalformedXML")));
    }
    let checked: Vec<S3Result<(ObjectKey, Option<ETagMatch>)>> = objects.iter().map(check).collect();
    let valid = checked.iter().filter_map(|object| object.as_ref().ok().cloned()).collect();
    let outcomes = door.store.delete_objects(&call.grant, valid).await.map_err(error::from_store)?;
    let mut outcomes = outcomes.into_iter();
    let mut output =
        DeleteObjectsOutput { deleted: Some(vec![]), errors: Some(vec![]), ..DeleteObjectsOutput::default() };
    for (object, checked) in objects.into_iter().zip(checked) {
        let outcome = match checked {
            Err(error) => Err(error),
            Ok(_) => match outcomes.next() {
                Some(outcome) => outcome.map(drop).map_err(error::from_store),
                None => Err(error::refuse("InternalError", error::default_message("InternalError"))),
            },
        };
        match outcome {
            Ok(()) if quiet => {}
            Ok(()) => output.deleted.get_or_insert_default().push(deleted(object)),
            Err(error) => output.errors.get_or_insert_default().push(failed(object, &error)),
        }
    }
    Ok(S3Response::new(output))
}

fn check(object: &ObjectIdentifier) -> S3Result<(ObjectKey, Option<ETagMatch>)> {
    if !matches!(object.version_id.as_deref(), None | Some("null" | "")) {
        return Err(invalid_argument("Invalid version id specified"));
    }
    if object.last_modified_time.is_some() || object.size.is_some() {
        return Err(not_implemented("Deleting on a condition other than the ETag"));
    }
    Ok((call::key(&object.key)?, object.e_tag.as_ref().map(|etag| ETagMatch::parse(etag.value()))))
}

fn deleted(object: ObjectIdentifier) -> DeletedObject {
    DeletedObject { key: Some(encode::echo(&object.key)), version_id: object.version_id, ..DeletedObject::default() }
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
