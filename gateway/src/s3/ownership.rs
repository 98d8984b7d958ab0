//! Ownership controls: who owns what others write into a bucket, and whether its access control lists count.

use s3s::dto::{
    self, DeleteBucketOwnershipControlsInput, DeleteBucketOwnershipControlsOutput, GetBucketOwnershipControlsInput,
    GetBucketOwnershipControlsOutput, ObjectOwnership, OwnershipControlsRule, PutBucketOwnershipControlsInput,
    PutBucketOwnershipControlsOutput,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::policy::Ownership;

use super::call::Call;
use super::error::{self, invalid_argument};
use super::service::Operations;

/// Tells a bucket's ownership controls. A bucket that nobody gave any has those of a new one.
pub(super) async fn get(
    door: &Operations,
    request: S3Request<GetBucketOwnershipControlsInput>,
) -> S3Result<S3Response<GetBucketOwnershipControlsOutput>> {
    let (_, call) = Call::open(request)?;
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let ownership = door.store.ownership(bucket).map_err(error::from_store)?.name().ok_or_else(|| {
        error::refuse("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
    })?;
    let rule = OwnershipControlsRule { object_ownership: ObjectOwnership::from_static(ownership) };
    let controls = dto::OwnershipControls { rules: vec![rule] };
    Ok(S3Response::new(GetBucketOwnershipControlsOutput { ownership_controls: Some(controls) }))
}

/// Gives a bucket ownership controls.
pub(super) async fn put(
    door: &Operations,
    request: S3Request<PutBucketOwnershipControlsInput>,
) -> S3Result<S3Response<PutBucketOwnershipControlsOutput>> {
    let (input, call) = Call::open(request)?;
    let [rule] = input.ownership_controls.rules.as_slice() else { return Err(error::malformed_xml()) };
    let ownership = Ownership::parse(rule.object_ownership.as_str()).ok_or_else(error::malformed_xml)?;
    door.store.put_ownership(&call.grant, ownership).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutBucketOwnershipControlsOutput::default()))
}

/// Takes a bucket's ownership controls away.
pub(super) async fn delete(
    door: &Operations,
    request: S3Request<DeleteBucketOwnershipControlsInput>,
) -> S3Result<S3Response<DeleteBucketOwnershipControlsOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.put_ownership(&call.grant, Ownership::Removed).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteBucketOwnershipControlsOutput::default()))
}

/// The controls that CreateBucket asks for.
pub(super) fn from_headers(call: &Call) -> S3Result<Option<Ownership>> {
    let parse = |name| {
        let wrong = || invalid_argument(format!("Invalid x-amz-object-ownership header: {name}"));
        Ownership::parse(name).ok_or_else(wrong)
    };
    call.header("x-amz-object-ownership").map(parse).transpose()
}
