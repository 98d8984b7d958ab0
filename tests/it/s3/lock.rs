//! Object lock: default retention, retention and legal hold of versions, and that nothing passes over them.

use windlass_tests::answer::Answer;
use windlass_tests::client::Bucket;
use windlass_tests::time::{iso, now};

use crate::home::{Home, unique};

const DAY: i64 = 86_400;

/// A bucket made with locks.
async fn locked() -> (Home, Bucket) {
    let home = Home::new().await;
    let name = unique("locked");
    let make = home.client.request("PUT", &name, "").header("x-amz-bucket-object-lock-enabled", "true");
    make.await.is(200);
    let bucket = Bucket { client: home.client.clone(), name };
    (home, bucket)
}

fn id(answer: &Answer) -> String {
    answer.header("x-amz-version-id").expect("a version id").to_owned()
}

fn retention(mode: &str, days: i64) -> String {
    let until = iso(now() + days * DAY);
    format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
}

fn default_of(rule: &str) -> String {
    format!("<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>")
}

fn rule(inner: &str) -> String {
    default_of(&format!("<Rule><DefaultRetention>{inner}</DefaultRetention></Rule>"))
}

/// Behaviour 60.
#[tokio::test]
async fn locks_are_for_buckets_that_keep_versions() {
    let home = Home::new().await;
    home.on("GET").flag("object-lock").await.is_error(404, "ObjectLockConfigurationNotFoundError");
    home.on("PUT").flag("object-lock").body(default_of("")).await.is_error(409, "InvalidBucketState");
    home.put("k", "v").await.is(200);
    home.at("PUT", "k").flag("retention").body(retention("GOVERNANCE", 1)).await.is_error(400, "InvalidRequest");
    home.at("GET", "k").flag("retention").await.is_error(400, "InvalidRequest");
    home.at("GET", "k").flag("legal-hold").await.is_error(400, "InvalidRequest");
    let held = home.put("k", "v").header("x-amz-object-lock-legal-hold", "ON");
    held.await.is_error(400, "InvalidRequest");
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    home.on("PUT").flag("versioning").body(enabled).await.is(200);
    home.on("PUT").flag("object-lock").body(default_of("")).await.is(200);
    let xml = home.on("GET").flag("object-lock").await.is(200).xml();
    assert_eq!((xml.text("ObjectLockEnabled"), xml.get("Rule/DefaultRetention/Mode")), ("Enabled", None));
}

/// Behaviour 60.
#[tokio::test]
async fn a_bucket_with_locks_always_keeps_versions() {
    let (_home, bucket) = locked().await;
    assert_eq!(bucket.on("GET").flag("versioning").await.is(200).xml().text("Status"), "Enabled");
    let suspended = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    bucket.on("PUT").flag("versioning").body(suspended).await.is_error(409, "InvalidBucketState");
}

/// Behaviour 60.
#[tokio::test]
async fn a_default_retention_has_one_period_in_its_bounds() {
    let (_home, bucket) = locked().await;
    let put = |body: String| bucket.on("PUT").flag("object-lock").body(body);
    for malformed in [
        rule("<Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years>"),
        rule("<Mode>GOVERNANCE</Mode>"),
        rule("<Mode>governance</Mode><Days>1</Days>"),
        rule("<Days>1</Days>"),
        "<ObjectLockConfiguration><ObjectLockEnabled>Disabled</ObjectLockEnabled></ObjectLockConfiguration>".to_owned(),
    ] {
        put(malformed).await.is_error(400, "MalformedXML");
    }
    for outside in ["<Days>0</Days>", "<Days>-1</Days>", "<Years>0</Years>", "<Days>36501</Days>", "<Years>101</Years>"]
    {
        put(rule(&format!("<Mode>GOVERNANCE</Mode>{outside}"))).await.is_error(400, "InvalidRetentionPeriod");
    }
    put(rule("<Mode>COMPLIANCE</Mode><Years>2</Years>")).await.is(200);
    let xml = bucket.on("GET").flag("object-lock").await.is(200).xml();
    let shown = ["Mode", "Years"].map(|name| xml.text(&format!("Rule/DefaultRetention/{name}")).to_owned());
    assert_eq!(shown, ["COMPLIANCE", "2"]);
}

/// Behaviour 61.
#[tokio::test]
async fn new_versions_take_the_bucket_s_default_unless_they_say_otherwise() {
    let (_home, bucket) = locked().await;
    bucket.put("before", "v").await.is(200);
    bucket.on("PUT").flag("object-lock").body(rule("<Mode>GOVERNANCE</Mode><Days>3</Days>")).await.is(200);
    bucket.head("before").await.is(200).lacks("x-amz-object-lock-mode");
    bucket.put("put", "v").await.is(200);
    bucket.copy("before", "copied").await.is(200);
    bucket.multipart("parts", &["p".into()]).await;
    for key in ["put", "copied", "parts"] {
        bucket.head(key).await.is(200).has("x-amz-object-lock-mode", "GOVERNANCE");
        let until = bucket.at("GET", key).flag("retention").await.is(200).xml().text("RetainUntilDate").to_owned();
        let (low, high) = (iso(now() + 3 * DAY - 60), iso(now() + 3 * DAY + 60));
        assert!(low <= until && until <= high, "{until}");
    }
    let said = bucket.put("said", "v").header("x-amz-object-lock-mode", "COMPLIANCE");
    let until = iso(now() + DAY);
    said.header("x-amz-object-lock-retain-until-date", &until).await.is(200);
    let said = bucket.get("said").await.is(200).has("x-amz-object-lock-mode", "COMPLIANCE");
    said.has("x-amz-object-lock-retain-until-date", &until);
}

/// Behaviour 61.
#[tokio::test]
async fn a_locked_version_stays_and_a_marker_may_cover_it() {
    let (_home, bucket) = locked().await;
    for mode in ["GOVERNANCE", "COMPLIANCE"] {
        let version = id(&bucket.put("k", mode).await.is(200));
        bucket.at("PUT", "k").flag("retention").body(retention(mode, 1)).await.is(200);
        let refused = bucket.delete("k").query("versionId", &version).await;
        refused.is_error(403, "AccessDenied");
        let marker = id(&bucket.delete("k").await.is(204).has("x-amz-delete-marker", "true"));
        bucket.get("k").query("versionId", &version).await.is(200).has_body(mode);
        bucket.delete("k").query("versionId", &marker).await.is(204);
        let over = bucket.delete("k").query("versionId", &version).header("x-amz-bypass-governance-retention", "true");
        match mode {
            "GOVERNANCE" => over.await.is(204),
            _ => over.await.is_error(403, "AccessDenied"),
        };
    }
}

/// Behaviour 61.
#[tokio::test]
async fn retentions_are_made_longer_and_governance_alone_is_made_shorter() {
    let (_home, bucket) = locked().await;
    bucket.put("k", "v").await.is(200);
    let put = |mode, days| bucket.at("PUT", "k").flag("retention").body(retention(mode, days));
    bucket.at("GET", "k").flag("retention").await.is_error(404, "NoSuchObjectLockConfiguration");
    put("GOVERNANCE", 5).await.is(200);
    put("GOVERNANCE", 6).await.is(200);
    put("GOVERNANCE", 4).await.is_error(403, "AccessDenied");
    put("GOVERNANCE", 4).header("x-amz-bypass-governance-retention", "true").await.is(200);
    put("COMPLIANCE", 5).await.is(200);
    for (mode, days) in [("COMPLIANCE", 4), ("GOVERNANCE", 9)] {
        put(mode, days).header("x-amz-bypass-governance-retention", "true").await.is_error(403, "AccessDenied");
    }
    put("COMPLIANCE", 6).await.is(200);
    put("COMPLIANCE", -1).await.is_error(400, "InvalidArgument");
    for malformed in ["<Retention><Mode>GOVERNANCE</Mode></Retention>".to_owned(), retention("NEVER", 1)] {
        bucket.at("PUT", "k").flag("retention").body(malformed).await.is_error(400, "MalformedXML");
    }
}

/// Behaviour 61.
#[tokio::test]
async fn a_legal_hold_keeps_a_version_on_its_own() {
    let (_home, bucket) = locked().await;
    let version = id(&bucket.put("k", "v").header("x-amz-object-lock-legal-hold", "ON").await.is(200));
    bucket.head("k").await.is(200).has("x-amz-object-lock-legal-hold", "ON");
    let delete = || bucket.delete("k").query("versionId", &version).header("x-amz-bypass-governance-retention", "true");
    delete().await.is_error(403, "AccessDenied");
    let put = |status: &str| {
        let body = format!("<LegalHold><Status>{status}</Status></LegalHold>");
        bucket.at("PUT", "k").flag("legal-hold").query("versionId", &version).body(body)
    };
    put("on").await.is_error(400, "MalformedXML");
    put("OFF").await.is(200);
    assert_eq!(bucket.at("GET", "k").flag("legal-hold").await.is(200).xml().text("Status"), "OFF");
    delete().await.is(204);
}

/// Behaviour 61.
#[tokio::test]
async fn of_many_deletes_the_locked_ones_fail_alone() {
    let (_home, bucket) = locked().await;
    let kept = id(&bucket.put("kept", "v").header("x-amz-object-lock-legal-hold", "ON").await.is(200));
    let free = id(&bucket.put("free", "v").await.is(200));
    let object = |key: &str, id: &str| format!("<Object><Key>{key}</Key><VersionId>{id}</VersionId></Object>");
    let body = format!("<Delete>{}{}</Delete>", object("kept", &kept), object("free", &free));
    let md5 = windlass_tests::digest::content_md5(body.as_bytes());
    let xml = bucket.on("POST").flag("delete").header("content-md5", md5).body(body).await.is(200).xml();
    assert_eq!((xml.text("Deleted/Key"), xml.text("Error/Key")), ("free", "kept"));
    assert_eq!(xml.text("Error/Code"), "AccessDenied");
    bucket.get("kept").query("versionId", &kept).await.is(200);
    bucket.get("free").query("versionId", &free).await.is_error(404, "NoSuchVersion");
    bucket.on("DELETE").await.is_error(409, "BucketNotEmpty");
}

#[tokio::test]
async fn headers_of_a_lock_are_checked() {
    let (_home, bucket) = locked().await;
    let mode = |mode: &str| bucket.put("k", "v").header("x-amz-object-lock-mode", mode);
    let until = "x-amz-object-lock-retain-until-date";
    mode("GOVERNANCE").await.is_error(400, "InvalidArgument");
    mode("OTHER").header(until, iso(now() + DAY)).await.is_error(400, "InvalidArgument");
    mode("GOVERNANCE").header(until, "tomorrow").await.is_error(400, "InvalidArgument");
    mode("GOVERNANCE").header(until, iso(now() - DAY)).await.is_error(400, "InvalidArgument");
    bucket.put("k", "v").header("x-amz-object-lock-legal-hold", "YES").await.is_error(400, "InvalidArgument");
    bucket.get("k").await.is_error(404, "NoSuchKey");
}
