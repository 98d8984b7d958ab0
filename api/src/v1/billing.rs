//! What an organisation takes up, and what its plan allows.

use schemars::JsonSchema;
use serde::Serialize;

use crate::answer::Shown;
use crate::call::Call;
use crate::error::Result;
use crate::time::Time;

/// How many there are, and may be.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Count {
    used: u64,
    limit: Option<u64>,
}

/// How many bytes there are, and may be.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
struct Bytes {
    used_bytes: u64,
    limit_bytes: Option<u64>,
}

/// What an organisation takes up.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Usage {
    bucket_count: Count,
    storage: Bytes,
    bandwidth: Bytes,
}

/// What a plan allows; `null` is without limit.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
struct Limits {
    max_buckets: Option<u64>,
    max_storage_bytes: Option<u64>,
    max_bandwidth_bytes_per_month: Option<u64>,
    max_requests_per_minute: Option<u32>,
}

/// The plan that an organisation is on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subscription {
    plan: String,
    #[schemars(extend("const" = "active"))]
    status: &'static str,
    limits: Limits,
    period_start: Option<Time>,
    period_end: Option<Time>,
    cancel_at_period_end: bool,
}

/// `GET /v1/billing/usage`
pub(crate) async fn usage(call: Call, (): ()) -> Result<Shown<Usage>> {
    let (used, plan) = (call.store().org_usage(call.grant.principal().org)?, call.plan()?);
    Ok(Shown(Usage {
        bucket_count: Count { used: used.buckets, limit: plan.max_buckets },
        storage: Bytes { used_bytes: used.storage_bytes, limit_bytes: plan.max_storage_bytes },
        bandwidth: Bytes { used_bytes: used.bandwidth_bytes, limit_bytes: plan.max_bandwidth_bytes_per_month },
    }))
}

/// `GET /v1/billing/subscription`
pub(crate) async fn subscription(call: Call, (): ()) -> Result<Shown<Subscription>> {
    let (used, plan) = (call.store().org_usage(call.grant.principal().org)?, call.plan()?);
    let limits = Limits {
        max_buckets: plan.max_buckets,
        max_storage_bytes: plan.max_storage_bytes,
        max_bandwidth_bytes_per_month: plan.max_bandwidth_bytes_per_month,
        max_requests_per_minute: plan.max_requests_per_minute,
    };
    Ok(Shown(Subscription {
        plan: plan.name.clone(),
        status: "active",
        limits,
        period_start: plan.paid.then_some(Time(used.period_start_ms)),
        period_end: plan.paid.then_some(Time(used.period_end_ms)),
        cancel_at_period_end: false,
    }))
}
