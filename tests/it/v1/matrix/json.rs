//! The lines of the JSON doors: each operation with the scopes that its contract says.

use serde_json::{Value, json};

use super::thing::{KEY, Thing};
use super::{Ask, Line, On};

fn of(ask: Ask, document: &Value) -> Ask {
    ask.header("content-type", "application/json").body(document.to_string())
}

fn bucket(method: &'static str, thing: &Thing, rest: &str) -> Ask {
    Ask::new(method, format!("/v1/buckets/{}{rest}", thing.id))
}

fn script(method: &'static str, thing: &Thing) -> Ask {
    Ask::new(method, format!("/v1/kv/{}/scripts/s", thing.kv))
}

const BUCKETS_READ: &[&str] = &["buckets:read"];
const BUCKETS_WRITE: &[&str] = &["buckets:write"];
const FILES_READ: &[&str] = &["files:read"];
const FILES_WRITE: &[&str] = &["files:write"];
const FILES_DELETE: &[&str] = &["files:delete"];
const KEYS_READ: &[&str] = &["keys:read"];
const KEYS_WRITE: &[&str] = &["keys:write"];
const ACCOUNTS_READ: &[&str] = &["aws-accounts:read"];
const ACCOUNTS_WRITE: &[&str] = &["aws-accounts:write"];
const LOGS_READ: &[&str] = &["logs:read"];

fn line(
    name: &'static str,
    scopes: &'static [&'static str],
    on: On,
    done: &'static str,
    ask: fn(&Thing) -> Ask,
) -> Line {
    Line { name, scopes, on, done, ask }
}

/// The management API.
pub(super) fn management() -> Vec<Line> {
    let mut lines = buckets_and_files();
    lines.extend(accounts());
    lines.extend([
        line("POST /v1/keys", KEYS_WRITE, On::NewKey, "201", |_| {
            of(Ask::new("POST", "/v1/keys"), &json!({ "name": "k", "permissions": ["keys:write"] }))
        }),
        line("GET /v1/keys", KEYS_READ, On::Own, "200", |_| Ask::new("GET", "/v1/keys")),
        line("GET /v1/keys/{keyId}", KEYS_READ, On::Key, "200", |t| Ask::new("GET", format!("/v1/keys/{}", t.key))),
        line("DELETE /v1/keys/{keyId}", KEYS_WRITE, On::Key, "200", |t| {
            Ask::new("DELETE", format!("/v1/keys/{}", t.key))
        }),
        line("POST /v1/kv", BUCKETS_WRITE, On::NewBucket, "201", |_| {
            of(Ask::new("POST", "/v1/kv"), &json!({ "name": "k" }))
        }),
        line("GET /v1/kv", BUCKETS_READ, On::Own, "200", |_| Ask::new("GET", "/v1/kv")),
        line("GET /v1/kv/{kvId}", BUCKETS_READ, On::Bucket, "200", |t| Ask::new("GET", format!("/v1/kv/{}", t.kv))),
        line("PATCH /v1/kv/{kvId}", BUCKETS_WRITE, On::Bucket, "200", |t| {
            of(Ask::new("PATCH", format!("/v1/kv/{}", t.kv)), &json!({ "name": "l" }))
        }),
        line("DELETE /v1/kv/{kvId}", &["buckets:delete"], On::Bucket, "200", |t| {
            Ask::new("DELETE", format!("/v1/kv/{}", t.kv))
        }),
        line("GET /v1/kv/{kvId}/scripts", BUCKETS_WRITE, On::Bucket, "200", |t| {
            Ask::new("GET", format!("/v1/kv/{}/scripts", t.kv))
        }),
        line("GET /v1/kv/{kvId}/scripts/{name}", BUCKETS_WRITE, On::Bucket, "200", |t| script("GET", t)),
        line("PUT /v1/kv/{kvId}/scripts/{name}", BUCKETS_WRITE, On::Bucket, "200", |t| {
            of(script("PUT", t), &json!({ "source": "kvdb.print(2)" }))
        }),
        line("DELETE /v1/kv/{kvId}/scripts/{name}", BUCKETS_WRITE, On::Bucket, "200", |t| script("DELETE", t)),
        line("GET /v1/logs", LOGS_READ, On::Own, "200", |_| Ask::new("GET", "/v1/logs")),
        line("GET /v1/logs/{logId}", LOGS_READ, On::Log, "200", |t| Ask::new("GET", format!("/v1/logs/{}", t.log))),
        line("GET /v1/billing/usage", &[], On::Own, "200", |_| Ask::new("GET", "/v1/billing/usage")),
        line("GET /v1/billing/subscription", &[], On::Own, "200", |_| Ask::new("GET", "/v1/billing/subscription")),
    ]);
    lines
}

fn buckets_and_files() -> Vec<Line> {
    vec![
        line("POST /v1/buckets", BUCKETS_WRITE, On::NewBucket, "201", |t| {
            of(Ask::new("POST", "/v1/buckets"), &json!({ "name": "n", "s3Name": t.free }))
        }),
        line("GET /v1/buckets", BUCKETS_READ, On::Own, "200", |_| Ask::new("GET", "/v1/buckets").query("limit", 100)),
        line("GET /v1/buckets/{bucketId}", BUCKETS_READ, On::Bucket, "200", |t| bucket("GET", t, "")),
        line("PATCH /v1/buckets/{bucketId}", BUCKETS_WRITE, On::Bucket, "200", |t| {
            of(bucket("PATCH", t, ""), &json!({ "name": "changed" }))
        }),
        line("DELETE /v1/buckets/{bucketId}", &["buckets:delete"], On::Bucket, "200", |t| bucket("DELETE", t, "")),
        line(
            "POST /v1/buckets/{bucketId}/retry",
            BUCKETS_WRITE,
            On::Bucket,
            "400 Only failed buckets can be retried",
            |t| bucket("POST", t, "/retry"),
        ),
        line(
            "POST /v1/buckets/{bucketId}/adopt",
            BUCKETS_WRITE,
            On::Bucket,
            "409 The bucket is not linked with an account",
            |t| bucket("POST", t, "/adopt"),
        ),
        line("GET /v1/buckets/{bucketId}/adopt", BUCKETS_READ, On::Bucket, "404 Bucket was never adopted", |t| {
            bucket("GET", t, "/adopt")
        }),
        line("PUT /v1/buckets/{bucketId}/files/{path}", FILES_WRITE, On::Bucket, "200", |t| {
            bucket("PUT", t, "/files/new").body("new")
        }),
        line("GET /v1/buckets/{bucketId}/files", FILES_READ, On::Bucket, "200", |t| bucket("GET", t, "/files")),
        line("GET /v1/buckets/{bucketId}/files/{path}", FILES_READ, On::Bucket, "200", |t| {
            bucket("GET", t, "/files/k")
        }),
        line("DELETE /v1/buckets/{bucketId}/files/{path}", FILES_DELETE, On::Bucket, "200", |t| {
            bucket("DELETE", t, &format!("/files/{KEY}"))
        }),
    ]
}

fn account(method: &'static str, thing: &Thing, rest: &str) -> Ask {
    Ask::new(method, format!("/v1/aws-accounts/{}{rest}", thing.account))
}

/// About an account that was never validated: no provider is asked.
fn accounts() -> Vec<Line> {
    const UNTRIED: &str = "400 Role ARN is required before validation";
    const INACTIVE: &str = "400 AWS account is not active";
    vec![
        line("POST /v1/aws-accounts", ACCOUNTS_WRITE, On::Own, "201", |_| {
            of(Ask::new("POST", "/v1/aws-accounts"), &json!({}))
        }),
        line("GET /v1/aws-accounts", ACCOUNTS_READ, On::Own, "200", |_| Ask::new("GET", "/v1/aws-accounts")),
        line("GET /v1/aws-accounts/{accountId}", ACCOUNTS_READ, On::Account, "200", |t| account("GET", t, "")),
        line("PATCH /v1/aws-accounts/{accountId}", ACCOUNTS_WRITE, On::Account, "200", |t| {
            of(account("PATCH", t, ""), &json!({ "label": "changed" }))
        }),
        line("DELETE /v1/aws-accounts/{accountId}", &["aws-accounts:delete"], On::Account, "200", |t| {
            account("DELETE", t, "")
        }),
        line("POST /v1/aws-accounts/{accountId}/validate", ACCOUNTS_WRITE, On::Account, UNTRIED, |t| {
            account("POST", t, "/validate")
        }),
        line("GET /v1/aws-accounts/{accountId}/s3-buckets", ACCOUNTS_READ, On::Account, INACTIVE, |t| {
            account("GET", t, "/s3-buckets")
        }),
        line(
            "POST /v1/aws-accounts/{accountId}/import",
            BUCKETS_WRITE,
            On::NewBucket,
            "404 Active AWS account not found",
            |t| of(account("POST", t, "/import"), &json!({ "bucketNames": ["b"] })),
        ),
    ]
}

fn in_bucket(method: &'static str, path: &str, thing: &Thing) -> Ask {
    Ask::new(method, path).query("bucket", &thing.bucket)
}

fn file(method: &'static str, thing: &Thing, rest: &str) -> Ask {
    Ask::new(method, format!("/v1/files/{}{rest}", thing.file))
}

/// The files face.
pub(super) fn face() -> Vec<Line> {
    const FORM: &str = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nnew\r\n--x\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nnew\r\n--x--\r\n";
    vec![
        line("GET /v1/files", FILES_READ, On::Bucket, "200", |t| in_bucket("GET", "/v1/files", t)),
        line("POST /v1/files/upload", FILES_WRITE, On::Bucket, "201", |t| {
            let ask = in_bucket("POST", "/v1/files/upload", t);
            ask.header("content-type", "multipart/form-data; boundary=x").body(FORM)
        }),
        line("GET /v1/files/{fileId}", FILES_READ, On::Bucket, "200", |t| file("GET", t, "")),
        line("GET /v1/files/{fileId}/content", FILES_READ, On::Bucket, "200", |t| file("GET", t, "/content")),
        line("DELETE /v1/files/{fileId}", FILES_DELETE, On::Bucket, "204", |t| file("DELETE", t, "")),
        line("GET /v1/folders", FILES_READ, On::Bucket, "200", |t| in_bucket("GET", "/v1/folders", t)),
        line("POST /v1/folders", FILES_WRITE, On::Bucket, "201", |t| {
            of(in_bucket("POST", "/v1/folders", t), &json!({ "name": "new" }))
        }),
        line("POST /v1/share", FILES_READ, On::Bucket, "201", |t| {
            of(Ask::new("POST", "/v1/share"), &json!({ "resource_id": t.file, "expires_in": 600 }))
        }),
        line("GET /v1/share", FILES_READ, On::Bucket, "200", |t| in_bucket("GET", "/v1/share", t)),
        // The link is another key's, which takes more than the right to read what it leads to.
        line("DELETE /v1/share/{shareId}", &["files:read", "files:write"], On::Bucket, "204", |t| {
            Ask::new("DELETE", format!("/v1/share/{}", t.share))
        }),
    ]
}
