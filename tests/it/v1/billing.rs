//! `GET /v1/billing/usage` and `GET /v1/billing/subscription`.

use serde_json::{Value, json};
use windlass_tests::shape::{Kind, has_shape};

use super::house::Org;

const USED: &[(&str, Kind)] = &[("usedBytes", Kind::Count), ("limitBytes", Kind::Or(&Kind::Count))];

#[tokio::test]
async fn usage_is_what_there_is_against_what_may_be() {
    for (plan, buckets, storage, bandwidth) in [
        ("free", json!(1), json!(1_u64 << 30), json!(10_u64 << 30)),
        ("pro", json!(10), json!(100_u64 << 30), json!(1_u64 << 40)),
        ("enterprise", json!(null), json!(null), json!(null)),
    ] {
        let org = Org::on(plan);
        let shown = |used: u64, bytes: u64| {
            json!({
                "bucketCount": { "used": used, "limit": buckets },
                "storage": { "usedBytes": bytes, "limitBytes": storage },
                "bandwidth": { "usedBytes": 0, "limitBytes": bandwidth },
            })
        };
        let usage = async || {
            let usage = org.json.get("/v1/billing/usage").await.data(200);
            has_shape(&usage, &[("bucketCount", Kind::Object), ("storage", Kind::Object), ("bandwidth", Kind::Object)]);
            has_shape(&usage["bucketCount"], &[("used", Kind::Count), ("limit", Kind::Or(&Kind::Count))]);
            has_shape(&usage["storage"], USED);
            has_shape(&usage["bandwidth"], USED);
            usage
        };
        assert_eq!(usage().await, shown(0, 0), "{plan}");
        let bucket = org.bucket().await;
        bucket.upload("k", &[0; 12_345]).await;
        assert_eq!(usage().await, shown(1, 12_345), "{plan}");
        bucket.upload("k", &[0; 45]).await;
        assert_eq!(usage().await, shown(1, 45), "{plan}");
        org.json.delete(&bucket.path()).await.data(200);
        assert_eq!(usage().await, shown(0, 0), "{plan}");
    }
}

#[tokio::test]
async fn a_subscription_is_the_plan_and_its_limits() {
    for (plan, limits) in [
        (
            "free",
            json!({ "maxBuckets": 1, "maxStorageBytes": 1_u64 << 30, "maxBandwidthBytesPerMonth": 10_u64 << 30, "maxRequestsPerMinute": 100 }),
        ),
        (
            "pro",
            json!({ "maxBuckets": 10, "maxStorageBytes": 100_u64 << 30, "maxBandwidthBytesPerMonth": 1_u64 << 40, "maxRequestsPerMinute": 1_000 }),
        ),
        (
            "enterprise",
            json!({ "maxBuckets": null, "maxStorageBytes": null, "maxBandwidthBytesPerMonth": null, "maxRequestsPerMinute": 10_000 }),
        ),
    ] {
        let org = Org::on(plan);
        let shown: Value = org.json.get("/v1/billing/subscription").await.data(200);
        let period = if plan == "free" { Kind::Null } else { Kind::Time };
        has_shape(
            &shown,
            &[
                ("plan", Kind::Is(plan)),
                ("status", Kind::Text),
                ("limits", Kind::Object),
                ("periodStart", period),
                ("periodEnd", period),
                ("cancelAtPeriodEnd", Kind::Flag),
            ],
        );
        assert_eq!(shown["limits"], limits, "{plan}");
        if plan != "free" {
            let now = windlass_tests::time::iso(windlass_tests::time::now());
            let within = |from: &str, to: &str| from <= now.as_str() && now.as_str() < to;
            let (start, end) = (shown["periodStart"].as_str().unwrap(), shown["periodEnd"].as_str().unwrap());
            assert!(within(start, end), "{start} {now} {end}");
            assert!(start.ends_with("-01T00:00:00.000Z") && end.ends_with("-01T00:00:00.000Z"), "{start} {end}");
        }
    }
}
