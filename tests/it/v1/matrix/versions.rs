//! The lines of S3 about versions and their locks.

use windlass_tests::client::Bucket;

use super::s3::{LOOK, READ, WRITE, bucket, line, object};
use super::thing::{KEY, Thing};
use super::{Ask, Line, On};

const CHANGE: &[&str] = &["buckets:write"];

const ENABLED: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const LOCKABLE: &str =
    "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
const KEPT: &str =
    "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>";
const LONGER: &str =
    "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2100-01-01T00:00:00Z</RetainUntilDate></Retention>";
const HELD: &str = "<LegalHold><Status>ON</Status></LegalHold>";

/// Makes versions that can be locked, and locks the object, as far as an operation needs it.
pub(super) async fn prepare(operation: &str, bucket: &Bucket) {
    let lock = operation.contains("ObjectLock");
    if !lock && !operation.ends_with("Retention") && !operation.ends_with("LegalHold") {
        return;
    }
    bucket.on("PUT").flag("versioning").body(ENABLED).await.is(200);
    if operation != "PutObjectLockConfiguration" {
        bucket.on("PUT").flag("object-lock").body(LOCKABLE).await.is(200);
    }
    if !lock {
        bucket.at("PUT", KEY).flag("retention").body(KEPT).await.is(200);
        bucket.at("PUT", KEY).flag("legal-hold").body(HELD).await.is(200);
    }
}

fn change(thing: &Thing, flag: &'static str, body: &'static str) -> Ask {
    bucket("PUT", thing).flag(flag).body(body)
}

/// All of them.
pub(super) fn lines() -> Vec<Line> {
    vec![
        line("GetBucketVersioning", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("versioning")),
        line("PutBucketVersioning", CHANGE, On::Bucket, "200", |t| change(t, "versioning", ENABLED)),
        line("ListObjectVersions", READ, On::Bucket, "200", |t| bucket("GET", t).flag("versions")),
        line("GetObjectLockConfiguration", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("object-lock")),
        line("PutObjectLockConfiguration", CHANGE, On::Bucket, "200", |t| change(t, "object-lock", LOCKABLE)),
        line("GetObjectRetention", READ, On::Bucket, "200", |t| object("GET", t).flag("retention")),
        line("PutObjectRetention", WRITE, On::Bucket, "200", |t| object("PUT", t).flag("retention").body(LONGER)),
        line("GetObjectLegalHold", READ, On::Bucket, "200", |t| object("GET", t).flag("legal-hold")),
        line("PutObjectLegalHold", WRITE, On::Bucket, "200", |t| object("PUT", t).flag("legal-hold").body(HELD)),
    ]
}
