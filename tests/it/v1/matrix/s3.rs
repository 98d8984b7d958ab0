//! The lines of S3: each operation with the scopes that the contract says.

use super::thing::{KEY, Thing};
use super::{Ask, Line, On};

fn bucket(method: &'static str, thing: &Thing) -> Ask {
    Ask::new(method, format!("/{}", thing.bucket))
}

fn object(method: &'static str, thing: &Thing) -> Ask {
    Ask::new(method, format!("/{}/{KEY}", thing.bucket))
}

fn upload(method: &'static str, thing: &Thing) -> Ask {
    object(method, thing).query("uploadId", &thing.upload)
}

fn source(thing: &Thing) -> String {
    format!("/{}/{KEY}", thing.bucket)
}

fn line(
    name: &'static str,
    scopes: &'static [&'static str],
    on: On,
    done: &'static str,
    ask: fn(&Thing) -> Ask,
) -> Line {
    Line { name, scopes, on, done, ask }
}

const READ: &[&str] = &["files:read"];
const WRITE: &[&str] = &["files:write"];
const DELETE: &[&str] = &["files:delete"];
/// A copy reads its source.
const COPY: &[&str] = &["files:write", "files:read"];
const LOOK: &[&str] = &["buckets:read"];

/// All operations.
pub(super) fn lines() -> Vec<Line> {
    let mut lines = buckets();
    lines.extend(objects());
    lines.extend(uploads());
    lines
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
