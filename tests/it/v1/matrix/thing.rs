//! What is asked about: a bucket with an object, an open upload and a link, and what is beside it.

use serde_json::{Value, json};
use windlass_tests::client::Bucket;
use windlass_tests::json::text;

use super::super::face::file_id;
use super::who::Cast;
use super::{documents, s3, versions};
use crate::home::unique;

/// The key of the object.
pub(super) const KEY: &str = "k";

/// What is asked about. It belongs to the organisation, and no scoped key's list names its buckets.
pub(super) struct Thing {
    /// The bucket's identifier and its name on S3.
    pub(super) id: String,
    pub(super) bucket: String,
    /// A bucket that holds nothing.
    pub(super) empty: String,
    /// A name that no bucket has.
    pub(super) free: String,
    /// The file's identifier on the files face.
    pub(super) file: String,
    /// An open upload of the key, and the ETag of its first part.
    pub(super) upload: String,
    pub(super) etag: String,
    /// A key of the organisation.
    pub(super) key: String,
    /// A key-value bucket of the organisation.
    pub(super) kv: String,
    /// A connected account of the organisation.
    pub(super) account: String,
    /// A link to the object.
    pub(super) share: String,
    /// A logged request.
    pub(super) log: String,
}

impl Thing {
    /// Whether a text names the buckets.
    pub(super) fn is_named_in(&self, text: &str) -> bool {
        [&self.id, &self.bucket, &self.empty].iter().any(|name| text.contains(name.as_str()))
    }
}

impl Cast {
    /// Makes what an operation can be asked about.
    pub(super) async fn furnish(&self, operation: &str) -> Thing {
        let (name, empty) = (unique("matrix"), unique("matrix-empty"));
        let made = self.owner.post("/v1/buckets", &json!({ "name": "b", "s3Name": name })).await.is(201).json();
        let bucket = Bucket { client: self.s3.clone(), name: name.clone() };
        bucket.put(KEY, "some bytes").await.is(200);
        let (mut upload, mut etag) = (String::new(), String::new());
        if operation.contains("Upload") || operation.contains("Part") {
            upload = bucket.upload(KEY).await;
            etag = bucket.part(KEY, &upload, 1, "a part").await.is(200).etag();
        }
        if let Some((flag, document)) = documents::read_by(operation) {
            let put = bucket.on("PUT").flag(flag).body(document).await;
            assert!(put.status < 300, "{}", put.describe());
        }
        if operation == "DeleteBucket" {
            self.s3.make(&empty).await;
        }
        if operation.contains("BucketPolicy") {
            bucket.on("PUT").flag("policy").body(s3::harmless_policy(&name)).await.is(204);
        }
        if operation.contains("PublicAccessBlock") {
            bucket.on("PUT").flag("publicAccessBlock").body(s3::BLOCK).await.is(200);
        }
        if operation.ends_with("Acl") {
            bucket.on("PUT").flag("ownershipControls").body(s3::WRITERS_OWN).await.is(200);
        }
        versions::prepare(operation, &bucket).await;
        let mut key = String::new();
        if operation.contains("/v1/keys/") {
            let body = json!({ "name": "k", "permissions": ["files:read"] });
            key = text(&self.owner.post("/v1/keys", &body).await.is(201).json()["data"], "id");
        }
        let mut kv = String::new();
        if operation.contains("/v1/kv/") {
            let body = json!({ "name": "kv" });
            kv = text(&self.owner.post("/v1/kv", &body).await.is(201).json()["data"], "id");
            let script = self.owner.call("PUT", &format!("/v1/kv/{kv}/scripts/s"));
            script.json(&json!({ "source": "kvdb.print(1)" })).await.is(200);
        }
        let mut account = String::new();
        if operation.contains("/v1/aws-accounts/") {
            account = text(&self.owner.post("/v1/aws-accounts", &json!({})).await.is(201).json()["data"], "id");
        }
        let mut share = String::new();
        if operation.contains("/v1/share/") {
            let body = json!({ "resource_id": file_id(&name, KEY), "expires_in": 600 });
            share = text(&self.owner.post("/v1/share", &body).await.is(201).json(), "id");
        }
        let id = text(&made["data"], "id");
        let (file, free, log) = (file_id(&name, KEY), unique("matrix-free"), self.log.clone());
        Thing { id, bucket: name, empty, free, file, upload, etag, key, account, kv, share, log }
    }

    /// All of a thing that a request could change, and what the organisation has beside it.
    pub(super) async fn fingerprint(&self, thing: &Thing) -> Value {
        let data = async |path: String| self.owner.get(&path).query("limit", 100).await.is(200).json()["data"].take();
        let mut bucket = data(format!("/v1/buckets/{}", thing.id)).await;
        // What was sent to others counts for it as well.
        bucket["bandwidthUsedBytes"].take();
        let key = match thing.key.as_str() {
            "" => Value::Null,
            key => data(format!("/v1/keys/{key}")).await,
        };
        let kv = match thing.kv.as_str() {
            "" => Value::Null,
            id => json!([data(format!("/v1/kv/{id}")).await, data(format!("/v1/kv/{id}/scripts")).await]),
        };
        let account = match thing.account.as_str() {
            "" => Value::Null,
            account => data(format!("/v1/aws-accounts/{account}")).await,
        };
        let accounts = self.owner.get("/v1/aws-accounts").await.is(200).json()["meta"]["total"].take();
        let links = self.owner.get("/v1/share").query("bucket", &thing.bucket).await.is(200).json();
        let usage = data("/v1/billing/usage".to_owned()).await;
        let keys = self.owner.get("/v1/keys").query("limit", 100).await.is(200).json()["data"].as_array().map(Vec::len);
        json!([bucket, key, kv, account, accounts, links, usage["bucketCount"], usage["storage"], keys])
    }
}
