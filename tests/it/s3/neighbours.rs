//! Two organisations on one gateway, and nobody in particular.

use std::sync::{Arc, Mutex, Weak};

use serde_json::{Value, json};
use windlass_tests::client::{Bucket, Client};
use windlass_tests::json::Json;
use windlass_tests::request::{Auth, Request};
use windlass_tests::server::{DataDir, Options, Server};

use crate::home::unique;

const CONFIG: &str = r#"
[[organisation]]
name = "mine"
[[organisation.key]]
name = "everything"
access_key_id = "MINEACCESSKEY0000001"
secret_access_key = "mine-secret-0123456789"
token = "bkt_NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN"
[[organisation.key]]
name = "files"
access_key_id = "MINEACCESSKEY0000002"
secret_access_key = "mine-secret-0123456789"
scopes = ["buckets:read", "buckets:write", "files:read", "files:write", "files:delete"]
[[organisation]]
name = "other"
[[organisation.key]]
name = "everything"
access_key_id = "OTHERACCESSKEY000001"
secret_access_key = "other-secret-0123456789"
[[organisation.key]]
name = "reader"
access_key_id = "OTHERACCESSKEY000002"
secret_access_key = "other-secret-0123456789"
scopes = ["buckets:read", "files:read"]
"#;

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// The server with both, which lives as long as a test holds it.
fn shared() -> Arc<Server> {
    // A start that failed panicked; the next test may try again.
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start_with(Options::default().config(CONFIG), DataDir::new()));
        *shared = Arc::downgrade(&server);
        server
    })
}

/// A bucket of one organisation, and those who ask about it.
pub(super) struct Neighbours {
    _server: Arc<Server>,
    /// The bucket, by its owner's key with all scopes.
    pub(super) bucket: Bucket,
    /// Another key of the owner, with the scopes for buckets and files alone.
    pub(super) files: Client,
    /// The other organisation's key with all scopes, and its key that may only read.
    pub(super) other: Client,
    pub(super) reader: Client,
    /// The identifiers of both organisations.
    pub(super) mine_id: String,
    pub(super) other_id: String,
}

impl Neighbours {
    pub(super) async fn new() -> Neighbours {
        Neighbours::with(&[]).await
    }

    /// The same with headers for the bucket.
    pub(super) async fn with(headers: &[(&str, &str)]) -> Neighbours {
        let server = shared();
        let client = server.client();
        let mine = client.with_keys("MINEACCESSKEY0000001", "mine-secret-0123456789");
        let files = client.with_keys("MINEACCESSKEY0000002", "mine-secret-0123456789");
        let other = client.with_keys("OTHERACCESSKEY000001", "other-secret-0123456789");
        let reader = client.with_keys("OTHERACCESSKEY000002", "other-secret-0123456789");
        let bucket = Bucket { client: mine, name: unique("shared") };
        let mut made = bucket.on("PUT");
        for (name, value) in headers {
            made = made.header(name, value);
        }
        made.await.is(200);
        let (mine_id, other_id) = (id_of(&bucket.client).await, id_of(&other).await);
        Neighbours { _server: server, bucket, files, other, reader, mine_id, other_id }
    }

    /// A bucket whose access control lists count.
    pub(super) async fn with_lists(ownership: &str) -> Neighbours {
        Neighbours::with(&[("x-amz-object-ownership", ownership)]).await
    }

    /// The bucket as somebody else sees it.
    pub(super) fn seen_by(&self, client: &Client) -> Bucket {
        Bucket { client: client.clone(), name: self.bucket.name.clone() }
    }

    /// The owner on the JSON doors.
    pub(super) fn json(&self) -> Json {
        Json::new(&self.bucket.client, &format!("bkt_{}", "N".repeat(43)))
    }

    /// What the owner asks for, asked by nobody in particular.
    pub(super) fn nobody(&self, method: &str, key: &str) -> Request {
        self.bucket.at(method, key).auth(Auth::Anonymous)
    }

    /// Gives the bucket a policy of these statements.
    pub(super) fn put_policy(&self, statements: Value) -> Request {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        self.bucket.on("PUT").flag("policy").body(policy.to_string())
    }

    /// The bucket as policies name it, and what is in it.
    pub(super) fn arn(&self, key: &str) -> String {
        match key {
            "" => format!("arn:aws:s3:::{}", self.bucket.name),
            key => format!("arn:aws:s3:::{}/{key}", self.bucket.name),
        }
    }

    /// A statement that allows everybody an action on all objects.
    pub(super) fn allow(&self, action: &str) -> Value {
        json!({ "Effect": "Allow", "Principal": "*", "Action": action, "Resource": self.arn("*") })
    }

    /// The same with a condition.
    pub(super) fn allow_if(&self, action: &str, condition: Value) -> Value {
        let mut statement = self.allow(action);
        statement["Condition"] = condition;
        statement
    }
}

/// The canonical user of a key's organisation.
pub(super) async fn id_of(client: &Client) -> String {
    client.request("GET", "", "").await.is(200).xml().text("Owner/ID").to_owned()
}
