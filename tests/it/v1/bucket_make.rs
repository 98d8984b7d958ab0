//! `POST /v1/buckets`.

use serde_json::{Value, json};
use windlass_tests::json::text;
use windlass_tests::shape::{Kind, has_shape};

use super::house::Org;
use crate::home::unique;

pub(super) const STATES: &[&str] = &["pending", "provisioning", "active", "failed", "deleting"];
const PRESETS: &[&str] = &["no-cache", "short", "standard", "aggressive", "immutable"];
const MODES: &[&str] = &["none", "light", "balanced", "maximum"];
const REGIONS: [&str; 18] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "sa-east-1",
    "me-south-1",
    "af-south-1",
];

/// Every field of a bucket.
pub(super) const BUCKET: &[(&str, Kind)] = &[
    ("object", Kind::Is("bucket")),
    ("id", Kind::Id("bkt_")),
    ("name", Kind::Text),
    ("s3Name", Kind::Text),
    ("customDomain", Kind::Or(&Kind::Text)),
    ("region", Kind::Text),
    ("status", Kind::Word(STATES)),
    ("cachePreset", Kind::Word(PRESETS)),
    ("cacheControlOverride", Kind::Or(&Kind::Text)),
    ("corsOrigins", Kind::Texts),
    ("lifecycleTtlDays", Kind::Or(&Kind::Count)),
    ("maxFileSizeBytes", Kind::Or(&Kind::Count)),
    ("allowedMimeTypes", Kind::Or(&Kind::Texts)),
    ("optimizationMode", Kind::Word(MODES)),
    ("domainConnectProvider", Kind::Or(&Kind::Text)),
    ("awsAccountId", Kind::Or(&Kind::Text)),
    ("isImported", Kind::Flag),
    ("isManagedDomain", Kind::Flag),
    ("managedSettings", Kind::Object),
    ("visibility", Kind::Word(&["public", "private"])),
    ("storageUsedBytes", Kind::Count),
    ("bandwidthUsedBytes", Kind::Count),
    ("objectCount", Kind::Count),
    ("dnsRecords", Kind::Null),
    ("createdAt", Kind::Time),
    ("updatedAt", Kind::Time),
];

/// What a write of one thing answers.
pub(super) const WRITTEN: &[(&str, Kind)] = &[("object", Kind::Is("bucket")), ("id", Kind::Id("bkt_"))];

async fn make(org: &Org, body: Value) -> Value {
    let made = org.json.post("/v1/buckets", &body).await.data(201);
    has_shape(&made, WRITTEN);
    org.json.get(&format!("/v1/buckets/{}", text(&made, "id"))).await.data(200)
}

async fn told(org: &Org, body: Value) -> String {
    org.json.post("/v1/buckets", &body).await.invalid()
}

#[tokio::test]
async fn a_bucket_of_a_name_alone_has_every_default() {
    let org = Org::new();
    let shown = make(&org, json!({ "name": "My Photos (2024)!" })).await;
    has_shape(&shown, BUCKET);
    let s3_name = text(&shown, "s3Name");
    let end = s3_name.strip_prefix("my-photos-2024-").expect("the name as a slug");
    assert!(end.len() == 6 && end.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{s3_name}");
    for (field, value) in [
        ("name", json!("My Photos (2024)!")),
        ("customDomain", json!(null)),
        ("region", json!("us-east-1")),
        ("status", json!("active")),
        ("cachePreset", json!("standard")),
        ("cacheControlOverride", json!(null)),
        ("corsOrigins", json!([])),
        ("lifecycleTtlDays", json!(null)),
        ("maxFileSizeBytes", json!(null)),
        ("allowedMimeTypes", json!(null)),
        ("optimizationMode", json!("none")),
        ("domainConnectProvider", json!(null)),
        ("awsAccountId", json!(null)),
        ("isImported", json!(false)),
        ("isManagedDomain", json!(false)),
        ("managedSettings", json!({})),
        ("visibility", json!("private")),
        ("storageUsedBytes", json!(0)),
        ("bandwidthUsedBytes", json!(0)),
        ("objectCount", json!(0)),
        ("dnsRecords", json!(null)),
        ("updatedAt", shown["createdAt"].clone()),
    ] {
        assert_eq!(shown[field], value, "{field}");
    }
}

#[tokio::test]
async fn a_bucket_is_made_with_everything_that_is_said() {
    let org = Org::new();
    let said = json!({
        "name": "é ✓",
        "s3Name": unique("said"),
        "isManagedDomain": false,
        "region": "eu-central-1",
        "cachePreset": "aggressive",
        "corsOrigins": ["https://a.test", "http://localhost:3000"],
        "lifecycleTtlDays": 30,
        "maxFileSizeBytes": 123_456_789_012_u64,
        "allowedMimeTypes": ["image/*", "application/pdf"],
        "optimizationMode": "none",
        "visibility": "public",
    });
    let shown = make(&org, said.clone()).await;
    has_shape(&shown, BUCKET);
    for (field, value) in said.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field}");
    }
    let nulls = json!({ "name": "n", "lifecycleTtlDays": null, "maxFileSizeBytes": null, "allowedMimeTypes": null });
    make(&org, nulls).await;
}

#[tokio::test]
async fn both_doors_see_the_same_buckets() {
    let org = Org::new();
    let bucket = org.bucket().await;
    org.s3.request("HEAD", &bucket.name, "").await.is(200);
    let made = unique("over-s3");
    org.s3.make(&made).await;
    let page = org.json.get("/v1/buckets").await.page();
    assert_eq!(page.entries.len(), 2);
    let shown = page.entries.iter().find(|bucket| bucket["s3Name"] == made.as_str()).expect("the bucket made over S3");
    has_shape(shown, BUCKET);
    assert_eq!(
        (&shown["name"], &shown["status"], &shown["visibility"]),
        (&made.as_str().into(), &"active".into(), &"private".into())
    );
    let listed = org.s3.request("GET", "", "").await.is(200).xml().texts("Buckets/Bucket/Name");
    assert_eq!(listed, [made.as_str(), bucket.name.as_str()]);
}

#[tokio::test]
async fn names_have_1_to_100_characters_of_any_kind() {
    let org = Org::new();
    for name in ["x".to_owned(), "日".repeat(100), " ".to_owned(), "../\u{0}\n".to_owned()] {
        assert_eq!(make(&org, json!({ "name": name })).await["name"], name);
    }
    assert_eq!(told(&org, json!({})).await, "name is required");
    for name in [json!(""), json!("x".repeat(101)), json!(null), json!(7), json!(["x"])] {
        told(&org, json!({ "name": name })).await;
    }
}

#[tokio::test]
async fn names_on_s3_follow_s3_and_are_taken_once() {
    let (org, other) = (Org::new(), Org::new());
    let name = unique("taken");
    make(&org, json!({ "name": "n", "s3Name": name })).await;
    let over_s3 = unique("taken-s3");
    other.s3.make(&over_s3).await;
    for org in [&org, &other] {
        for name in [&name, &over_s3] {
            let body = json!({ "name": "n", "s3Name": name });
            org.json.post("/v1/buckets", &body).await.refused(409, "Bucket name already in use");
        }
    }
    for bad in ["ab", "Upper", "a_b", "a..b", "-ab", "ab-", "192.168.0.1", "a/b", &"a".repeat(64), "api", "health"] {
        told(&org, json!({ "name": "n", "s3Name": bad })).await;
    }
}

#[tokio::test]
async fn every_region_of_the_list_is_taken_and_no_other() {
    let org = Org::new();
    for region in REGIONS {
        assert_eq!(make(&org, json!({ "name": region, "region": region })).await["region"], region);
    }
    for bad in [json!("mars-1"), json!(""), json!("US-EAST-1"), json!(1)] {
        told(&org, json!({ "name": "n", "region": bad })).await;
    }
}

#[tokio::test]
async fn every_setting_has_its_bounds() {
    let org = Org::new();
    for preset in PRESETS {
        assert_eq!(make(&org, json!({ "name": "n", "cachePreset": preset })).await["cachePreset"], *preset);
    }
    for days in [1, 3650] {
        assert_eq!(make(&org, json!({ "name": "n", "lifecycleTtlDays": days })).await["lifecycleTtlDays"], days);
    }
    let most =
        json!({ "name": "n", "corsOrigins": vec!["https://a.test"; 10], "allowedMimeTypes": vec!["image/*"; 50] });
    make(&org, most).await;
    for (field, bad) in [
        ("cachePreset", json!("long")),
        ("lifecycleTtlDays", json!(0)),
        ("lifecycleTtlDays", json!(3651)),
        ("lifecycleTtlDays", json!(1.5)),
        ("lifecycleTtlDays", json!("7")),
        ("lifecycleTtlDays", json!(-1)),
        ("maxFileSizeBytes", json!(-1)),
        ("maxFileSizeBytes", json!("1")),
        ("allowedMimeTypes", json!(vec!["image/*"; 51])),
        ("allowedMimeTypes", json!(["image"])),
        ("allowedMimeTypes", json!("image/*")),
        ("allowedMimeTypes", json!([7])),
        ("corsOrigins", json!("https://a.test")),
        ("optimizationMode", json!("strong")),
        ("isManagedDomain", json!("true")),
        ("visibility", json!("secret")),
    ] {
        let mut body = json!({ "name": "n" });
        body[field] = bad.clone();
        let told = told(&org, body).await;
        assert!(!told.is_empty(), "{field} {bad}");
    }
    let origins = |list: Value| json!({ "name": "n", "corsOrigins": list });
    assert_eq!(told(&org, origins(json!(vec!["https://a.test"; 11]))).await, "Maximum 10 CORS origins");
    for bad in ["a.test", "*", "ftp://a.test", "https://", ""] {
        assert_eq!(told(&org, origins(json!([bad]))).await, "Invalid origin URL", "{bad}");
    }
}

#[tokio::test]
async fn what_is_not_there_yet_is_refused_and_never_taken_silently() {
    let org = Org::new();
    let body = |more: Value| {
        let mut body = json!({ "name": "n" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let both = body(json!({ "isManagedDomain": true, "customDomain": "files.example.com" }));
    assert_eq!(told(&org, both).await, "customDomain is assigned by the server for managed domains");
    let managed = body(json!({ "isManagedDomain": true }));
    assert_eq!(told(&org, managed).await, "Managed domains are not configured on this gateway");
    let account = body(json!({ "awsAccountId": "acc_00000000000000000000000000", "isManagedDomain": true }));
    assert_eq!(told(&org, account).await, "BYOA requires a custom domain");
    for bad in ["x", "a.b", "-a.com", "Files.example.com", "https://a.com", "a b.com", "a.c0m"] {
        assert_eq!(told(&org, body(json!({ "customDomain": bad }))).await, "Invalid domain format", "{bad}");
    }
    let domain = told(&org, body(json!({ "customDomain": "files.example.com" }))).await;
    assert!(domain.contains("ustom domain"), "{domain}");
    for mode in ["light", "balanced", "maximum"] {
        let told = told(&org, body(json!({ "optimizationMode": mode }))).await;
        assert!(told.contains("ptimization"), "{told}");
    }
    assert!(org.json.get("/v1/buckets").await.page().entries.is_empty(), "something was made all the same");
}

#[tokio::test]
async fn on_a_plan_that_is_not_paid_for_optimisation_is_402() {
    let org = Org::on("free");
    let body = json!({ "name": "n", "optimizationMode": "light" });
    let message = "Optimization requires a paid plan. Upgrade to enable.";
    org.json.post("/v1/buckets", &body).await.refused(402, message);
    let bucket = org.bucket().await;
    org.json.patch(&bucket.path(), &json!({ "optimizationMode": "maximum" })).await.refused(402, message);
    org.json.patch(&bucket.path(), &json!({ "optimizationMode": "none" })).await.data(200);
}

#[tokio::test]
async fn one_bucket_more_than_the_plan_s_number_is_402_on_v1_and_an_error_on_s3() {
    for (plan, most) in [("free", 1), ("tight", 2), ("pro", 10)] {
        let org = Org::on(plan);
        for _ in 1..most {
            org.bucket().await;
        }
        let last = unique("last");
        org.s3.make(&last).await;
        let message = format!("Plan limit reached: maximum {most} bucket(s)");
        org.json.post("/v1/buckets", &json!({ "name": "n" })).await.refused(402, &message);
        org.s3.request("PUT", &unique("more"), "").await.is_error(400, "TooManyBuckets");
        assert_eq!(
            org.json.get("/v1/billing/usage").await.data(200)["bucketCount"],
            json!({ "used": most, "limit": most })
        );
        // One that is being deleted counts no more, from the answer on.
        let page = org.json.get("/v1/buckets").await.page();
        org.json.delete(&format!("/v1/buckets/{}", page.texts("id")[0])).await.data(200);
        org.bucket().await;
    }
}

#[tokio::test]
async fn the_body_is_checked_before_the_number_of_buckets_and_that_before_domain_and_optimisation() {
    let org = Org::on("free");
    org.bucket().await;
    let full = "Plan limit reached: maximum 1 bucket(s)";
    assert_eq!(told(&org, json!({ "name": "" })).await, "name must be 1 to 100 characters");
    assert_eq!(told(&org, json!({ "name": "n", "customDomain": "x" })).await, "Invalid domain format");
    for more in [json!({ "optimizationMode": "light" }), json!({ "isManagedDomain": true })] {
        let mut body = json!({ "name": "n" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        org.json.post("/v1/buckets", &body).await.refused(402, full);
    }
}
