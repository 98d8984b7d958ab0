//! The lines of S3: each operation with the scopes that the contract says.

use super::thing::{KEY, Thing};
use super::{Ask, Line, On};

pub(super) fn bucket(method: &'static str, thing: &Thing) -> Ask {
    Ask::new(method, format!("/{}", thing.bucket))
}

pub(super) fn object(method: &'static str, thing: &Thing) -> Ask {
    Ask::new(method, format!("/{}/{KEY}", thing.bucket))
}

fn upload(method: &'static str, thing: &Thing) -> Ask {
    object(method, thing).query("uploadId", &thing.upload)
}

fn source(thing: &Thing) -> String {
    format!("/{}/{KEY}", thing.bucket)
}

pub(super) fn line(
    name: &'static str,
    scopes: &'static [&'static str],
    on: On,
    done: &'static str,
    ask: fn(&Thing) -> Ask,
) -> Line {
    Line { name, scopes, on, done, ask }
}

pub(super) const READ: &[&str] = &["files:read"];
pub(super) const WRITE: &[&str] = &["files:write"];
const DELETE: &[&str] = &["files:delete"];
/// A copy reads its source.
const COPY: &[&str] = &["files:write", "files:read"];
pub(super) const LOOK: &[&str] = &["buckets:read"];

/// All operations.
pub(super) fn lines() -> Vec<Line> {
    let mut lines = buckets();
    lines.extend(objects());
    lines.extend(uploads());
    lines.extend(super::documents::lines());
    lines.extend(super::versions::lines());
    lines.extend(access());
    lines
}

/// What is done by forms.
pub(super) fn forms() -> Vec<Line> {
    vec![line("PostObject", WRITE, On::Bucket, "204", |t| bucket("POST", t).body("other bytes"))]
}

fn buckets() -> Vec<Line> {
    vec![
        line("ListBuckets", LOOK, On::Own, "200", |_| Ask::new("GET", "/")),
        line("CreateBucket", &["buckets:write"], On::NewBucket, "200", |t| Ask::new("PUT", format!("/{}", t.free))),
        line("HeadBucket", LOOK, On::Bucket, "200", |t| bucket("HEAD", t)),
        line("GetBucketLocation", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("location")),
        line("DeleteBucket", &["buckets:delete"], On::Bucket, "204", |t| Ask::new("DELETE", format!("/{}", t.empty))),
        line("ListObjects", READ, On::Bucket, "200", |t| bucket("GET", t)),
        line("ListObjectsV2", READ, On::Bucket, "200", |t| bucket("GET", t).query("list-type", 2)),
        line("ListMultipartUploads", READ, On::Bucket, "200", |t| bucket("GET", t).flag("uploads")),
    ]
}

fn objects() -> Vec<Line> {
    vec![
        line("PutObject", WRITE, On::Bucket, "200", |t| object("PUT", t).body("other bytes")),
        line("GetObject", READ, On::Bucket, "200", |t| object("GET", t)),
        line("HeadObject", READ, On::Bucket, "200", |t| object("HEAD", t)),
        line("GetObjectAttributes", READ, On::Bucket, "200", |t| {
            object("GET", t).flag("attributes").header("x-amz-object-attributes", "ETag")
        }),
        line("CopyObject", COPY, On::Bucket, "200", |t| {
            Ask::new("PUT", format!("/{}/copy", t.bucket)).header("x-amz-copy-source", source(t))
        }),
        line("DeleteObject", DELETE, On::Bucket, "204", |t| object("DELETE", t)),
        line("DeleteObjects", DELETE, On::Bucket, "200", |t| {
            let body = format!("<Delete><Object><Key>{KEY}</Key></Object></Delete>");
            let md5 = windlass_tests::digest::content_md5(body.as_bytes());
            bucket("POST", t).flag("delete").header("content-md5", md5).body(body)
        }),
    ]
}

fn uploads() -> Vec<Line> {
    vec![
        line("CreateMultipartUpload", WRITE, On::Bucket, "200", |t| object("POST", t).flag("uploads")),
        line("UploadPart", WRITE, On::Bucket, "200", |t| upload("PUT", t).query("partNumber", 2).body("another part")),
        line("UploadPartCopy", COPY, On::Bucket, "200", |t| {
            upload("PUT", t).query("partNumber", 2).header("x-amz-copy-source", source(t))
        }),
        line("ListParts", READ, On::Bucket, "200", |t| upload("GET", t)),
        line("CompleteMultipartUpload", WRITE, On::Bucket, "200", |t| {
            let part = format!("<Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part>", t.etag);
            upload("POST", t).body(format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>"))
        }),
        line("AbortMultipartUpload", DELETE, On::Bucket, "204", |t| upload("DELETE", t)),
    ]
}

const CHANGE: &[&str] = &["buckets:write"];

/// Who may do what with a bucket.
fn access() -> Vec<Line> {
    vec![
        line("GetBucketPolicy", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("policy")),
        line("GetBucketPolicyStatus", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("policyStatus")),
        line("PutBucketPolicy", CHANGE, On::Bucket, "204", |t| {
            bucket("PUT", t).flag("policy").body(harmless_policy(&t.bucket))
        }),
        line("DeleteBucketPolicy", CHANGE, On::Bucket, "204", |t| bucket("DELETE", t).flag("policy")),
        line("GetPublicAccessBlock", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("publicAccessBlock")),
        line("PutPublicAccessBlock", CHANGE, On::Bucket, "200", |t| {
            bucket("PUT", t).flag("publicAccessBlock").body(BLOCK)
        }),
        line("DeletePublicAccessBlock", CHANGE, On::Bucket, "204", |t| bucket("DELETE", t).flag("publicAccessBlock")),
        line("GetBucketOwnershipControls", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("ownershipControls")),
        line("PutBucketOwnershipControls", CHANGE, On::Bucket, "200", |t| {
            bucket("PUT", t).flag("ownershipControls").body(WRITERS_OWN)
        }),
        line("DeleteBucketOwnershipControls", CHANGE, On::Bucket, "204", |t| {
            bucket("DELETE", t).flag("ownershipControls")
        }),
        line("GetBucketAcl", LOOK, On::Bucket, "200", |t| bucket("GET", t).flag("acl")),
        line("PutBucketAcl", CHANGE, On::Bucket, "200", |t| {
            bucket("PUT", t).flag("acl").header("x-amz-acl", "public-read")
        }),
        line("GetObjectAcl", READ, On::Bucket, "200", |t| object("GET", t).flag("acl")),
        line("PutObjectAcl", WRITE, On::Bucket, "200", |t| {
            object("PUT", t).flag("acl").header("x-amz-acl", "public-read")
        }),
    ]
}

/// A public access block that blocks nothing.
pub(super) const BLOCK: &str = "<PublicAccessBlockConfiguration></PublicAccessBlockConfiguration>";
/// Ownership controls with which access control lists count.
pub(super) const WRITERS_OWN: &str =
    "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";

/// A policy that neither allows nor denies anything that is asked for.
pub(super) fn harmless_policy(bucket: &str) -> String {
    format!(
        r#"{{"Statement": {{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{bucket}/never"}}}}"#
    )
}
