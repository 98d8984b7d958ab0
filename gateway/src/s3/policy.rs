//! The policy of a bucket.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use s3s::dto::{
    DeleteBucketPolicyInput, DeleteBucketPolicyOutput, GetBucketPolicyInput, GetBucketPolicyOutput,
    GetBucketPolicyStatusInput, GetBucketPolicyStatusOutput, PolicyStatus, PutBucketPolicyInput, PutBucketPolicyOutput,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::policy::BucketPolicy;

use super::answer::JSON;
use super::call::Call;
use super::error;
use super::service::Operations;

/// Answers a bucket's policy as it was given.
pub(super) async fn get(
    door: &Operations,
    request: S3Request<GetBucketPolicyInput>,
) -> S3Result<S3Response<GetBucketPolicyOutput>> {
    let (_, call) = Call::open(request)?;
    let policy = policy(door, &call)?.text().to_owned();
    let mut answer = S3Response::new(GetBucketPolicyOutput { policy: Some(policy) });
    answer.headers.insert(CONTENT_TYPE, JSON);
    Ok(answer)
}

/// Gives a bucket a policy in the place of the one it has.
pub(super) async fn put(
    door: &Operations,
    request: S3Request<PutBucketPolicyInput>,
) -> S3Result<S3Response<PutBucketPolicyOutput>> {
    let (input, call) = Call::open(request)?;
    let policy = BucketPolicy::parse(&input.policy).map_err(error::from_store)?;
    door.store.put_policy(&call.grant, policy).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutBucketPolicyOutput::default()))
}

/// Takes a bucket's policy away.
pub(super) async fn delete(
    door: &Operations,
    request: S3Request<DeleteBucketPolicyInput>,
) -> S3Result<S3Response<DeleteBucketPolicyOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.delete_document::<BucketPolicy>(&call.grant).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteBucketPolicyOutput::default()))
}

/// Tells whether a bucket's policy is public.
pub(super) async fn status(
    door: &Operations,
    request: S3Request<GetBucketPolicyStatusInput>,
) -> S3Result<S3Response<GetBucketPolicyStatusOutput>> {
    let (_, call) = Call::open(request)?;
    let status = PolicyStatus { is_public: Some(policy(door, &call)?.is_public()) };
    Ok(S3Response::new(GetBucketPolicyStatusOutput { policy_status: Some(status) }))
}

fn policy(door: &Operations, call: &Call) -> S3Result<Arc<BucketPolicy>> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let none = || error::refuse("NoSuchBucketPolicy", "The bucket policy does not exist");
    door.store.document(bucket).map_err(error::from_store)?.ok_or_else(none)
}
