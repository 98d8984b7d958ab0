//! The public access block of a bucket.

use s3s::dto::{
    DeletePublicAccessBlockInput, DeletePublicAccessBlockOutput, GetPublicAccessBlockInput, GetPublicAccessBlockOutput,
    PublicAccessBlockConfiguration, PutPublicAccessBlockInput, PutPublicAccessBlockOutput,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::policy::PublicAccessBlock;

use super::call::Call;
use super::error;
use super::service::Operations;

/// Tells what of a bucket is kept from being public.
pub(super) async fn get(
    door: &Operations,
    request: S3Request<GetPublicAccessBlockInput>,
) -> S3Result<S3Response<GetPublicAccessBlockOutput>> {
    let (_, call) = Call::open(request)?;
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let block = door.store.document::<PublicAccessBlock>(bucket).map_err(error::from_store)?.ok_or_else(|| {
        let message = "The public access block configuration was not found";
        error::refuse("NoSuchPublicAccessBlockConfiguration", message)
    })?;
    let configuration = PublicAccessBlockConfiguration {
        block_public_acls: Some(block.block_acls),
        block_public_policy: Some(block.block_policy),
        ignore_public_acls: Some(block.ignore_acls),
        restrict_public_buckets: Some(block.restrict_buckets),
    };
    Ok(S3Response::new(GetPublicAccessBlockOutput { public_access_block_configuration: Some(configuration) }))
}

/// Changes what of a bucket is kept from being public. A switch that is not named is off.
pub(super) async fn put(
    door: &Operations,
    request: S3Request<PutPublicAccessBlockInput>,
) -> S3Result<S3Response<PutPublicAccessBlockOutput>> {
    let (input, call) = Call::open(request)?;
    let asked = input.public_access_block_configuration;
    let block = PublicAccessBlock {
        block_acls: asked.block_public_acls.unwrap_or(false),
        ignore_acls: asked.ignore_public_acls.unwrap_or(false),
        block_policy: asked.block_public_policy.unwrap_or(false),
        restrict_buckets: asked.restrict_public_buckets.unwrap_or(false),
    };
    door.store.put_document(&call.grant, block).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutPublicAccessBlockOutput::default()))
}

/// Takes the block away.
pub(super) async fn delete(
    door: &Operations,
    request: S3Request<DeletePublicAccessBlockInput>,
) -> S3Result<S3Response<DeletePublicAccessBlockOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.delete_document::<PublicAccessBlock>(&call.grant).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeletePublicAccessBlockOutput::default()))
}
