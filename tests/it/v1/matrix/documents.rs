//! The lines of S3 about tags and about what is configured on buckets.

use super::s3::{LOOK, READ, WRITE, bucket, line, object};
use super::{Ask, Line, On};
use crate::v1::matrix::thing::Thing;

const CHANGE: &[&str] = &["buckets:write"];

const TAGS: &str = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
const CORS: &str = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>\
                    </CORSRule></CORSConfiguration>";
const LIFECYCLE: &str = "<LifecycleConfiguration><Rule><Status>Enabled</Status><Prefix/><Expiration><Days>1</Days>\
                         </Expiration></Rule></LifecycleConfiguration>";
const WEBSITE: &str = "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument></WebsiteConfiguration>";

/// The parameter and the document that an operation reads, so that there is one to read.
pub(super) fn read_by(operation: &str) -> Option<(&'static str, &'static str)> {
    match operation {
        "GetBucketTagging" => Some(("tagging", TAGS)),
        "GetBucketCors" => Some(("cors", CORS)),
        "GetBucketLifecycleConfiguration" => Some(("lifecycle", LIFECYCLE)),
        "GetBucketWebsite" => Some(("website", WEBSITE)),
        _ => None,
    }
}

fn get(thing: &Thing, flag: &'static str) -> Ask {
    bucket("GET", thing).flag(flag)
}

fn put(thing: &Thing, flag: &'static str, body: &'static str) -> Ask {
    bucket("PUT", thing).flag(flag).body(body)
}

fn delete(thing: &Thing, flag: &'static str) -> Ask {
    bucket("DELETE", thing).flag(flag)
}

/// All of them.
pub(super) fn lines() -> Vec<Line> {
    let mut lines = configured();
    lines.extend(unconfigured());
    lines.extend(notification());
    lines.extend(lists());
    lines
}

fn configured() -> Vec<Line> {
    vec![
        line("GetObjectTagging", READ, On::Bucket, "200", |t| object("GET", t).flag("tagging")),
        line("PutObjectTagging", WRITE, On::Bucket, "200", |t| object("PUT", t).flag("tagging").body(TAGS)),
        line("DeleteObjectTagging", WRITE, On::Bucket, "204", |t| object("DELETE", t).flag("tagging")),
        line("GetBucketTagging", LOOK, On::Bucket, "200", |t| get(t, "tagging")),
        line("PutBucketTagging", CHANGE, On::Bucket, "204", |t| put(t, "tagging", TAGS)),
        line("DeleteBucketTagging", CHANGE, On::Bucket, "204", |t| delete(t, "tagging")),
        line("GetBucketCors", LOOK, On::Bucket, "200", |t| get(t, "cors")),
        line("PutBucketCors", CHANGE, On::Bucket, "200", |t| put(t, "cors", CORS)),
        line("DeleteBucketCors", CHANGE, On::Bucket, "204", |t| delete(t, "cors")),
        line("GetBucketLifecycleConfiguration", LOOK, On::Bucket, "200", |t| get(t, "lifecycle")),
        line("PutBucketLifecycleConfiguration", CHANGE, On::Bucket, "200", |t| put(t, "lifecycle", LIFECYCLE)),
        line("DeleteBucketLifecycle", CHANGE, On::Bucket, "204", |t| delete(t, "lifecycle")),
        line("GetBucketWebsite", LOOK, On::Bucket, "200", |t| get(t, "website")),
        line("PutBucketWebsite", CHANGE, On::Bucket, "200", |t| put(t, "website", WEBSITE)),
        line("DeleteBucketWebsite", CHANGE, On::Bucket, "204", |t| delete(t, "website")),
    ]
}

fn unconfigured() -> Vec<Line> {
    const PAYMENT: &str = "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>";
    const ACCELERATE: &str = "<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>";
    const NONE: &str = "404 ReplicationConfigurationNotFoundError";
    const PLAIN: &str = "404 ServerSideEncryptionConfigurationNotFoundError";
    vec![
        line("GetBucketRequestPayment", LOOK, On::Bucket, "200", |t| get(t, "requestPayment")),
        line("PutBucketRequestPayment", CHANGE, On::Bucket, "200", |t| put(t, "requestPayment", PAYMENT)),
        line("GetBucketAccelerateConfiguration", LOOK, On::Bucket, "200", |t| get(t, "accelerate")),
        line("PutBucketAccelerateConfiguration", CHANGE, On::Bucket, "200", |t| put(t, "accelerate", ACCELERATE)),
        line("GetBucketLogging", LOOK, On::Bucket, "200", |t| get(t, "logging")),
        line("PutBucketLogging", CHANGE, On::Bucket, "200", |t| put(t, "logging", "<BucketLoggingStatus/>")),
        line("GetBucketReplication", LOOK, On::Bucket, NONE, |t| get(t, "replication")),
        line("DeleteBucketReplication", CHANGE, On::Bucket, "204", |t| delete(t, "replication")),
        line("GetBucketEncryption", LOOK, On::Bucket, PLAIN, |t| get(t, "encryption")),
        line("DeleteBucketEncryption", CHANGE, On::Bucket, "204", |t| delete(t, "encryption")),
    ]
}

fn notification() -> Vec<Line> {
    // Nobody is told, which takes no target.
    const NOBODY: &str = "<NotificationConfiguration/>";
    vec![
        line("GetBucketNotificationConfiguration", LOOK, On::Bucket, "200", |t| get(t, "notification")),
        line("PutBucketNotificationConfiguration", CHANGE, On::Bucket, "200", |t| put(t, "notification", NOBODY)),
    ]
}

fn lists() -> Vec<Line> {
    const NONE: &str = "404 NoSuchConfiguration";
    vec![
        line("GetBucketAnalyticsConfiguration", LOOK, On::Bucket, NONE, |t| get(t, "analytics").query("id", 1)),
        line("GetBucketIntelligentTieringConfiguration", LOOK, On::Bucket, NONE, |t| {
            get(t, "intelligent-tiering").query("id", 1)
        }),
        line("GetBucketInventoryConfiguration", LOOK, On::Bucket, NONE, |t| get(t, "inventory").query("id", 1)),
        line("GetBucketMetricsConfiguration", LOOK, On::Bucket, NONE, |t| get(t, "metrics").query("id", 1)),
        line("ListBucketAnalyticsConfigurations", LOOK, On::Bucket, "200", |t| get(t, "analytics")),
        line("ListBucketIntelligentTieringConfigurations", LOOK, On::Bucket, "200", |t| get(t, "intelligent-tiering")),
        line("ListBucketInventoryConfigurations", LOOK, On::Bucket, "200", |t| get(t, "inventory")),
        line("ListBucketMetricsConfigurations", LOOK, On::Bucket, "200", |t| get(t, "metrics")),
    ]
}
