//! The S3 API as s3s calls it: each operation is a line here, and its code is in the file of its verb or noun. The list
//! of what is offered is `ops.rs`; an operation that is only here is refused before it is called.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};
use windlass_store::Store;
use windlass_store::policy::Ownership;

use super::{
    acl, attributes, bucket, copy, cors, delete, get, lifecycle, linked, list, lock, notification, ownership, part,
    policy, public, put, tagging, unconfigured, upload, uploads, versions, website,
};

/// What operations work on.
#[derive(Clone)]
pub(super) struct Operations {
    /// What is true.
    pub(super) store: Arc<Store>,
    /// The region this gateway says it is in.
    pub(super) region: String,
    /// How long a day of the lifecycle is, in milliseconds.
    pub(super) day_ms: u64,
    /// Who owns what others write into buckets that do not say it themselves.
    pub(super) ownership: Ownership,
    /// The names of those who can be told of events.
    pub(super) targets: Arc<[String]>,
}

/// The operations of the service that only verifies signatures: none.
pub(super) struct NoOperations;

impl S3 for NoOperations {}

/// Writes the operations out as s3s wants them. A line is: the operation, its input, its output, and the handler. What is asked
/// of a linked bucket goes upstream instead.
macro_rules! operations {
    ($($operation:ident $Input:ident $Output:ident => $handler:path;)*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(async fn $operation(&self, mut request: S3Request<$Input>) -> S3Result<S3Response<$Output>> {
                if let Some(asked) = request.extensions.remove::<linked::Asked>() {
                    let (call, sent, body) = linked::open(request)?;
                    let answered = Box::pin(linked::answer(self, asked, call, sent, body)).await;
                    return answered.map(linked::Passed::into_answer);
                }
                $handler(self, request).await
            })*
        }
    };
}

operations! {
    list_buckets ListBucketsInput ListBucketsOutput => bucket::list_buckets;
    create_bucket CreateBucketInput CreateBucketOutput => bucket::create_bucket;
    head_bucket HeadBucketInput HeadBucketOutput => bucket::head_bucket;
    get_bucket_location GetBucketLocationInput GetBucketLocationOutput => bucket::get_bucket_location;
    delete_bucket DeleteBucketInput DeleteBucketOutput => bucket::delete_bucket;
    list_objects ListObjectsInput ListObjectsOutput => list::list_objects;
    list_objects_v2 ListObjectsV2Input ListObjectsV2Output => list::list_objects_v2;
    put_object PutObjectInput PutObjectOutput => put::put_object;
    get_object GetObjectInput GetObjectOutput => get::get_object;
    head_object HeadObjectInput HeadObjectOutput => get::head_object;
    get_object_attributes GetObjectAttributesInput GetObjectAttributesOutput => attributes::get_object_attributes;
    copy_object CopyObjectInput CopyObjectOutput => copy::copy_object;
    delete_object DeleteObjectInput DeleteObjectOutput => delete::delete_object;
    delete_objects DeleteObjectsInput DeleteObjectsOutput => delete::delete_objects;
    create_multipart_upload CreateMultipartUploadInput CreateMultipartUploadOutput => upload::create;
    upload_part UploadPartInput UploadPartOutput => part::upload_part;
    upload_part_copy UploadPartCopyInput UploadPartCopyOutput => part::upload_part_copy;
    list_parts ListPartsInput ListPartsOutput => part::list_parts;
    complete_multipart_upload CompleteMultipartUploadInput CompleteMultipartUploadOutput => upload::complete;
    abort_multipart_upload AbortMultipartUploadInput AbortMultipartUploadOutput => upload::abort;
    list_multipart_uploads ListMultipartUploadsInput ListMultipartUploadsOutput => uploads::list_multipart_uploads;
    get_bucket_versioning GetBucketVersioningInput GetBucketVersioningOutput => versions::get_versioning;
    put_bucket_versioning PutBucketVersioningInput PutBucketVersioningOutput => versions::put_versioning;
    list_object_versions ListObjectVersionsInput ListObjectVersionsOutput => versions::list_object_versions;
    get_object_lock_configuration GetObjectLockConfigurationInput GetObjectLockConfigurationOutput
        => lock::get_configuration;
    put_object_lock_configuration PutObjectLockConfigurationInput PutObjectLockConfigurationOutput
        => lock::put_configuration;
    get_object_retention GetObjectRetentionInput GetObjectRetentionOutput => lock::get_retention;
    put_object_retention PutObjectRetentionInput PutObjectRetentionOutput => lock::put_retention;
    get_object_legal_hold GetObjectLegalHoldInput GetObjectLegalHoldOutput => lock::get_legal_hold;
    put_object_legal_hold PutObjectLegalHoldInput PutObjectLegalHoldOutput => lock::put_legal_hold;
    get_object_tagging GetObjectTaggingInput GetObjectTaggingOutput => tagging::get_object_tagging;
    put_object_tagging PutObjectTaggingInput PutObjectTaggingOutput => tagging::put_object_tagging;
    delete_object_tagging DeleteObjectTaggingInput DeleteObjectTaggingOutput => tagging::delete_object_tagging;
    get_bucket_tagging GetBucketTaggingInput GetBucketTaggingOutput => tagging::get_bucket_tagging;
    put_bucket_tagging PutBucketTaggingInput PutBucketTaggingOutput => tagging::put_bucket_tagging;
    delete_bucket_tagging DeleteBucketTaggingInput DeleteBucketTaggingOutput => tagging::delete_bucket_tagging;
    get_bucket_cors GetBucketCorsInput GetBucketCorsOutput => cors::get_bucket_cors;
    put_bucket_cors PutBucketCorsInput PutBucketCorsOutput => cors::put_bucket_cors;
    delete_bucket_cors DeleteBucketCorsInput DeleteBucketCorsOutput => cors::delete_bucket_cors;
    get_bucket_lifecycle_configuration GetBucketLifecycleConfigurationInput GetBucketLifecycleConfigurationOutput
        => lifecycle::get_bucket_lifecycle_configuration;
    put_bucket_lifecycle_configuration PutBucketLifecycleConfigurationInput PutBucketLifecycleConfigurationOutput
        => lifecycle::put_bucket_lifecycle_configuration;
    delete_bucket_lifecycle DeleteBucketLifecycleInput DeleteBucketLifecycleOutput
        => lifecycle::delete_bucket_lifecycle;
    get_bucket_website GetBucketWebsiteInput GetBucketWebsiteOutput => website::get_bucket_website;
    put_bucket_website PutBucketWebsiteInput PutBucketWebsiteOutput => website::put_bucket_website;
    delete_bucket_website DeleteBucketWebsiteInput DeleteBucketWebsiteOutput => website::delete_bucket_website;
    get_bucket_request_payment GetBucketRequestPaymentInput GetBucketRequestPaymentOutput
        => unconfigured::get_bucket_request_payment;
    put_bucket_request_payment PutBucketRequestPaymentInput PutBucketRequestPaymentOutput
        => unconfigured::put_bucket_request_payment;
    get_bucket_accelerate_configuration GetBucketAccelerateConfigurationInput GetBucketAccelerateConfigurationOutput
        => unconfigured::get_bucket_accelerate_configuration;
    put_bucket_accelerate_configuration PutBucketAccelerateConfigurationInput PutBucketAccelerateConfigurationOutput
        => unconfigured::put_bucket_accelerate_configuration;
    get_bucket_logging GetBucketLoggingInput GetBucketLoggingOutput => unconfigured::get_bucket_logging;
    put_bucket_logging PutBucketLoggingInput PutBucketLoggingOutput => unconfigured::put_bucket_logging;
    get_bucket_replication GetBucketReplicationInput GetBucketReplicationOutput => unconfigured::get_bucket_replication;
    delete_bucket_replication DeleteBucketReplicationInput DeleteBucketReplicationOutput
        => unconfigured::delete_bucket_replication;
    get_bucket_encryption GetBucketEncryptionInput GetBucketEncryptionOutput => unconfigured::get_bucket_encryption;
    delete_bucket_encryption DeleteBucketEncryptionInput DeleteBucketEncryptionOutput
        => unconfigured::delete_bucket_encryption;
    get_bucket_analytics_configuration GetBucketAnalyticsConfigurationInput GetBucketAnalyticsConfigurationOutput
        => unconfigured::get_bucket_analytics_configuration;
    get_bucket_intelligent_tiering_configuration GetBucketIntelligentTieringConfigurationInput GetBucketIntelligentTieringConfigurationOutput
        => unconfigured::get_bucket_intelligent_tiering_configuration;
    get_bucket_inventory_configuration GetBucketInventoryConfigurationInput GetBucketInventoryConfigurationOutput
        => unconfigured::get_bucket_inventory_configuration;
    get_bucket_metrics_configuration GetBucketMetricsConfigurationInput GetBucketMetricsConfigurationOutput
        => unconfigured::get_bucket_metrics_configuration;
    list_bucket_analytics_configurations ListBucketAnalyticsConfigurationsInput ListBucketAnalyticsConfigurationsOutput
        => unconfigured::list_bucket_analytics_configurations;
    list_bucket_intelligent_tiering_configurations ListBucketIntelligentTieringConfigurationsInput ListBucketIntelligentTieringConfigurationsOutput
        => unconfigured::list_bucket_intelligent_tiering_configurations;
    list_bucket_inventory_configurations ListBucketInventoryConfigurationsInput ListBucketInventoryConfigurationsOutput
        => unconfigured::list_bucket_inventory_configurations;
    list_bucket_metrics_configurations ListBucketMetricsConfigurationsInput ListBucketMetricsConfigurationsOutput
        => unconfigured::list_bucket_metrics_configurations;
    get_bucket_policy GetBucketPolicyInput GetBucketPolicyOutput => policy::get;
    put_bucket_policy PutBucketPolicyInput PutBucketPolicyOutput => policy::put;
    delete_bucket_policy DeleteBucketPolicyInput DeleteBucketPolicyOutput => policy::delete;
    get_bucket_policy_status GetBucketPolicyStatusInput GetBucketPolicyStatusOutput => policy::status;
    get_public_access_block GetPublicAccessBlockInput GetPublicAccessBlockOutput => public::get;
    put_public_access_block PutPublicAccessBlockInput PutPublicAccessBlockOutput => public::put;
    delete_public_access_block DeletePublicAccessBlockInput DeletePublicAccessBlockOutput => public::delete;
    get_bucket_ownership_controls GetBucketOwnershipControlsInput GetBucketOwnershipControlsOutput => ownership::get;
    put_bucket_ownership_controls PutBucketOwnershipControlsInput PutBucketOwnershipControlsOutput => ownership::put;
    delete_bucket_ownership_controls DeleteBucketOwnershipControlsInput DeleteBucketOwnershipControlsOutput
        => ownership::delete;
    get_bucket_acl GetBucketAclInput GetBucketAclOutput => acl::get_bucket_acl;
    put_bucket_acl PutBucketAclInput PutBucketAclOutput => acl::put_bucket_acl;
    get_object_acl GetObjectAclInput GetObjectAclOutput => acl::get_object_acl;
    put_object_acl PutObjectAclInput PutObjectAclOutput => acl::put_object_acl;
    get_bucket_notification_configuration GetBucketNotificationConfigurationInput GetBucketNotificationConfigurationOutput
        => notification::get_bucket_notification_configuration;
    put_bucket_notification_configuration PutBucketNotificationConfigurationInput PutBucketNotificationConfigurationOutput
        => notification::put_bucket_notification_configuration;
}
