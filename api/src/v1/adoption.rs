//! Adoption of a linked bucket: begin it, and see how far it has come.

use schemars::JsonSchema;
use serde::Serialize;
use windlass_store::adopt::{AdoptionRow, Failure};
use windlass_store::id::{AccountId, BucketId};

use crate::answer::Shown;
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::id;
use crate::time::Time;

/// How far an adoption has come.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Adoption")]
pub(crate) struct AdoptionObject {
    #[schemars(extend("const" = "adoption"))]
    object: &'static str,
    bucket_id: id::Shown<BucketId>,
    aws_account_id: id::Shown<AccountId>,
    /// The bucket's name there.
    source: String,
    /// `done` once nothing is left to do; the bucket is the gateway's own from `clearing` on.
    #[schemars(extend("enum" = ["counting", "copying", "clearing", "done"]))]
    status: &'static str,
    /// Files at the provider, known once they have been counted.
    objects_total: u64,
    bytes_total: u64,
    /// Files that the pass at hand has gone by.
    objects_passed: u64,
    bytes_passed: u64,
    /// Files among them that could not be copied; the next pass tries again.
    objects_failed: u64,
    /// Passes before this one.
    passes: u32,
    /// Files that were copied, in all passes.
    objects_copied: u64,
    bytes_copied: u64,
    /// Those among them that could be held against nothing but their length.
    objects_unverified: u64,
    last_failure: Option<FailureObject>,
    begun_at: Time,
    ended_at: Option<Time>,
}

/// Something that went wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct FailureObject {
    key: Option<String>,
    message: String,
}

impl AdoptionObject {
    fn new(bucket: BucketId, row: AdoptionRow) -> Self {
        let failure = row.failure.map(|Failure { key, message }| FailureObject { key, message });
        Self {
            object: "adoption",
            bucket_id: id::Shown(bucket),
            aws_account_id: id::Shown(row.account),
            source: row.name,
            status: row.phase.name(),
            objects_total: row.objects_total,
            bytes_total: row.bytes_total,
            objects_passed: row.objects,
            bytes_passed: row.bytes,
            objects_failed: row.failed,
            passes: row.passes,
            objects_copied: row.brought,
            bytes_copied: row.brought_bytes,
            objects_unverified: row.unverified,
            last_failure: failure,
            begun_at: Time(row.begun_ms),
            ended_at: row.ended_ms.map(Time),
        }
    }
}

/// `POST /v1/buckets/{bucketId}/adopt`
pub(crate) async fn begin(call: Call, (): ()) -> Result<Shown<AdoptionObject>> {
    let begun = call.store().begin_adoption(&call.grant).await?;
    Ok(Shown(AdoptionObject::new(call.bucket()?.id, begun)))
}

/// `GET /v1/buckets/{bucketId}/adopt`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<AdoptionObject>> {
    let known = call.store().adoption(&call.grant)?;
    let known = known.ok_or_else(|| Error::new(ErrorKind::NotFound, "Bucket was never adopted"))?;
    Ok(Shown(AdoptionObject::new(call.bucket()?.id, known)))
}
