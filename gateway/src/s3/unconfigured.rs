//! What applications read although it is never configured here: the answers of a bucket of AWS that was left as it was made.
//! What can only be said to be off may be set to off; everything else is refused by not being in the table of operations.

use http::StatusCode;
use s3s::dto::{
    BucketAccelerateStatus, DeleteBucketEncryptionInput, DeleteBucketEncryptionOutput, DeleteBucketReplicationInput,
    DeleteBucketReplicationOutput, GetBucketAccelerateConfigurationInput, GetBucketAccelerateConfigurationOutput,
    GetBucketAnalyticsConfigurationInput, GetBucketAnalyticsConfigurationOutput, GetBucketEncryptionInput,
    GetBucketEncryptionOutput, GetBucketIntelligentTieringConfigurationInput,
    GetBucketIntelligentTieringConfigurationOutput, GetBucketInventoryConfigurationInput,
    GetBucketInventoryConfigurationOutput, GetBucketLoggingInput, GetBucketLoggingOutput,
    GetBucketMetricsConfigurationInput, GetBucketMetricsConfigurationOutput, GetBucketReplicationInput,
    GetBucketReplicationOutput, GetBucketRequestPaymentInput, GetBucketRequestPaymentOutput,
    ListBucketAnalyticsConfigurationsInput, ListBucketAnalyticsConfigurationsOutput,
    ListBucketIntelligentTieringConfigurationsInput, ListBucketIntelligentTieringConfigurationsOutput,
    ListBucketInventoryConfigurationsInput, ListBucketInventoryConfigurationsOutput,
    ListBucketMetricsConfigurationsInput, ListBucketMetricsConfigurationsOutput, Payer,
    PutBucketAccelerateConfigurationInput, PutBucketAccelerateConfigurationOutput, PutBucketLoggingInput,
    PutBucketLoggingOutput, PutBucketRequestPaymentInput, PutBucketRequestPaymentOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result};

use super::call::Call;
use super::error;
use super::service::Operations;

/// Who pays for requests: the owner.
pub(super) async fn get_bucket_request_payment(
    _door: &Operations,
    request: S3Request<GetBucketRequestPaymentInput>,
) -> S3Result<S3Response<GetBucketRequestPaymentOutput>> {
    Call::open(request)?;
    let payer = Some(Payer::from_static(Payer::BUCKET_OWNER));
    Ok(S3Response::new(GetBucketRequestPaymentOutput { payer }))
}

/// Has the owner pay, as ever.
pub(super) async fn put_bucket_request_payment(
    _door: &Operations,
    request: S3Request<PutBucketRequestPaymentInput>,
) -> S3Result<S3Response<PutBucketRequestPaymentOutput>> {
    let (input, _) = Call::open(request)?;
    match input.request_payment_configuration.payer.as_str() {
        Payer::BUCKET_OWNER => Ok(S3Response::new(PutBucketRequestPaymentOutput {})),
        Payer::REQUESTER => Err(error::not_implemented("Payment by the requester")),
        _ => Err(error::malformed_xml()),
    }
}

/// Whether transfers are accelerated: that was never said.
pub(super) async fn get_bucket_accelerate_configuration(
    _door: &Operations,
    request: S3Request<GetBucketAccelerateConfigurationInput>,
) -> S3Result<S3Response<GetBucketAccelerateConfigurationOutput>> {
    Call::open(request)?;
    Ok(S3Response::new(GetBucketAccelerateConfigurationOutput::default()))
}

/// Leaves transfers as they are.
pub(super) async fn put_bucket_accelerate_configuration(
    _door: &Operations,
    request: S3Request<PutBucketAccelerateConfigurationInput>,
) -> S3Result<S3Response<PutBucketAccelerateConfigurationOutput>> {
    let (input, _) = Call::open(request)?;
    match input.accelerate_configuration.status.as_ref().map(BucketAccelerateStatus::as_str) {
        Some(BucketAccelerateStatus::SUSPENDED) => Ok(S3Response::new(PutBucketAccelerateConfigurationOutput {})),
        Some(BucketAccelerateStatus::ENABLED) => Err(error::not_implemented("Accelerated transfer")),
        _ => Err(error::malformed_xml()),
    }
}

/// Where access logs are delivered: nowhere.
pub(super) async fn get_bucket_logging(
    _door: &Operations,
    request: S3Request<GetBucketLoggingInput>,
) -> S3Result<S3Response<GetBucketLoggingOutput>> {
    Call::open(request)?;
    Ok(S3Response::new(GetBucketLoggingOutput::default()))
}

/// Has no access logs delivered, as ever.
pub(super) async fn put_bucket_logging(
    _door: &Operations,
    request: S3Request<PutBucketLoggingInput>,
) -> S3Result<S3Response<PutBucketLoggingOutput>> {
    let (input, _) = Call::open(request)?;
    match input.bucket_logging_status.logging_enabled {
        None => Ok(S3Response::new(PutBucketLoggingOutput {})),
        Some(_) => Err(error::not_implemented("The delivery of access logs to a bucket")),
    }
}

/// Where to objects are replicated: nowhere.
pub(super) async fn get_bucket_replication(
    _door: &Operations,
    request: S3Request<GetBucketReplicationInput>,
) -> S3Result<S3Response<GetBucketReplicationOutput>> {
    Call::open(request)?;
    Err(missing("ReplicationConfigurationNotFoundError", "The replication configuration was not found"))
}

/// Ends a replication that never was.
pub(super) async fn delete_bucket_replication(
    _door: &Operations,
    request: S3Request<DeleteBucketReplicationInput>,
) -> S3Result<S3Response<DeleteBucketReplicationOutput>> {
    Call::open(request)?;
    Ok(S3Response::new(DeleteBucketReplicationOutput {}))
}

/// How objects are encrypted by default. AWS encrypts all of them since 2023; this gateway does not, and says so.
pub(super) async fn get_bucket_encryption(
    _door: &Operations,
    request: S3Request<GetBucketEncryptionInput>,
) -> S3Result<S3Response<GetBucketEncryptionOutput>> {
    Call::open(request)?;
    let message = "The server side encryption configuration was not found";
    Err(missing("ServerSideEncryptionConfigurationNotFoundError", message))
}

/// Ends an encryption that never was.
pub(super) async fn delete_bucket_encryption(
    _door: &Operations,
    request: S3Request<DeleteBucketEncryptionInput>,
) -> S3Result<S3Response<DeleteBucketEncryptionOutput>> {
    Call::open(request)?;
    Ok(S3Response::new(DeleteBucketEncryptionOutput {}))
}

macro_rules! never_there {
    ($($(#[$doc:meta])* $name:ident: $Input:ty => $Output:ty;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $name(
            _door: &Operations,
            request: S3Request<$Input>,
        ) -> S3Result<S3Response<$Output>> {
            Call::open(request)?;
            Err(missing("NoSuchConfiguration", "The specified configuration does not exist."))
        }
    )*};
}

never_there! {
    /// One of a bucket's analytics, of which it has none.
    get_bucket_analytics_configuration: GetBucketAnalyticsConfigurationInput => GetBucketAnalyticsConfigurationOutput;
    /// One of a bucket's tierings, of which it has none.
    get_bucket_intelligent_tiering_configuration:
        GetBucketIntelligentTieringConfigurationInput => GetBucketIntelligentTieringConfigurationOutput;
    /// One of a bucket's inventories, of which it has none.
    get_bucket_inventory_configuration: GetBucketInventoryConfigurationInput => GetBucketInventoryConfigurationOutput;
    /// One of a bucket's metrics, of which it has none.
    get_bucket_metrics_configuration: GetBucketMetricsConfigurationInput => GetBucketMetricsConfigurationOutput;
}

macro_rules! empty_lists {
    ($($(#[$doc:meta])* $name:ident: $Input:ty => $Output:ident;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $name(
            _door: &Operations,
            request: S3Request<$Input>,
        ) -> S3Result<S3Response<$Output>> {
            Call::open(request)?;
            Ok(S3Response::new($Output { is_truncated: Some(false), ..$Output::default() }))
        }
    )*};
}

empty_lists! {
    /// A bucket's analytics: none.
    list_bucket_analytics_configurations:
        ListBucketAnalyticsConfigurationsInput => ListBucketAnalyticsConfigurationsOutput;
    /// A bucket's tierings: none.
    list_bucket_intelligent_tiering_configurations:
        ListBucketIntelligentTieringConfigurationsInput => ListBucketIntelligentTieringConfigurationsOutput;
    /// A bucket's inventories: none.
    list_bucket_inventory_configurations:
        ListBucketInventoryConfigurationsInput => ListBucketInventoryConfigurationsOutput;
    /// A bucket's metrics: none.
    list_bucket_metrics_configurations: ListBucketMetricsConfigurationsInput => ListBucketMetricsConfigurationsOutput;
}

/// Something that is not there, whatever s3s thinks of its code.
fn missing(code: &'static str, message: &'static str) -> S3Error {
    let mut error = error::refuse(code, message);
    error.set_status_code(StatusCode::NOT_FOUND);
    error
}
