//! Two gateways, of which one has buckets of the other's: where a test of linked buckets lives.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde_json::{Value, json};
use windlass_tests::client::Bucket;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{ACCESS, SECRET, Server, TOKEN};

use crate::home::unique;

static SHARED: Mutex<Weak<Pair>> = Mutex::new(Weak::new());

/// The gateway that is asked, and the one that it asks.
pub(super) struct Pair {
    pub(super) upstream: Server,
    pub(super) gateway: Server,
}

impl Pair {
    /// Two gateways of one's own.
    pub(super) fn start() -> Pair {
        Pair { upstream: Server::start(), gateway: Server::start() }
    }

    /// The two that tests share. They live as long as a test holds them.
    pub(super) fn shared() -> Arc<Pair> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let pair = Arc::new(Pair::start());
            *shared = Arc::downgrade(&pair);
            pair
        })
    }

    pub(super) fn json(&self) -> Json {
        Json::new(&self.gateway.client(), TOKEN)
    }

    /// Connects an account at that address of the upstream; returns its id.
    pub(super) async fn connect(&self, address: std::net::SocketAddr) -> String {
        let json = self.json();
        let connect = json!({
            "label": "theirs",
            "endpoint": format!("http://{address}"),
            "region": "us-east-1",
            "accessKeyId": ACCESS,
            "secretAccessKey": SECRET,
            "forcePathStyle": true,
        });
        let account = text(&json.post("/v1/aws-accounts", &connect).await.data(201), "id");
        json.call("POST", &format!("/v1/aws-accounts/{account}/validate")).await.data(200);
        account
    }

    /// Links a bucket of an account; returns its id here.
    pub(super) async fn import(&self, account: &str, name: &str) -> String {
        let names = json!({ "bucketNames": [name] });
        let imported = self.json().post(&format!("/v1/aws-accounts/{account}/import"), &names).await.data(201);
        text(&imported[0], "id")
    }
}

/// A linked bucket of a test's own.
pub(super) struct Linked {
    pub(super) pair: Arc<Pair>,
    pub(super) account: String,
    pub(super) id: String,
    /// The bucket as it is asked here.
    pub(super) here: Bucket,
    /// The same where it is.
    pub(super) there: Bucket,
}

impl Linked {
    /// On the gateways that tests share.
    pub(super) async fn new() -> Linked {
        let pair = Pair::shared();
        let address = pair.upstream.address();
        Linked::at(pair, address).await
    }

    /// On these gateways, with an account at that address of the upstream.
    pub(super) async fn at(pair: Arc<Pair>, address: std::net::SocketAddr) -> Linked {
        let account = pair.connect(address).await;
        Linked::of(pair, account).await
    }

    /// On the same gateways, with an account that asks the upstream itself.
    pub(super) async fn new_at_upstream(other: &Linked) -> Linked {
        let address = other.pair.upstream.address();
        Linked::at(Arc::clone(&other.pair), address).await
    }

    /// Another bucket of the same account.
    pub(super) async fn another(&self) -> Linked {
        Linked::of(Arc::clone(&self.pair), self.account.clone()).await
    }

    async fn of(pair: Arc<Pair>, account: String) -> Linked {
        let there = pair.upstream.client().make(&unique("linked")).await;
        let id = pair.import(&account, &there.name).await;
        let here = Bucket { client: pair.gateway.client(), name: there.name.clone() };
        Linked { pair, account, id, here, there }
    }

    /// Changes settings of the bucket here.
    pub(super) async fn set(&self, settings: Value) {
        self.pair.json().patch(&format!("/v1/buckets/{}", self.id), &settings).await.data(200);
    }

    /// A bucket of our own beside it.
    pub(super) async fn ours(&self) -> Bucket {
        self.pair.gateway.client().make(&unique("ours")).await
    }
}
