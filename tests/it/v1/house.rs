//! Where a test of the JSON doors lives: an organisation of its own, on one of the plans, on a server that they share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use windlass_tests::client::Client;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{DataDir, Options, Server};

use crate::home::unique;

/// Plans, how many organisations each has for tests to take, and what is said of it beside its name.
const PLANS: [(&str, usize, &str); 8] = [
    ("free", 16, ""),
    ("pro", 8, ""),
    ("enterprise", 260, ""),
    // No limit on requests.
    ("boundless", 4, ""),
    // Few requests.
    ("brisk", 16, "max_requests_per_minute = 5\ns3_requests_per_minute = 3"),
    // Little of everything.
    (
        "tight",
        24,
        "max_requests_per_minute = 10000\nmax_buckets = 2\nmax_storage_bytes = 10000\nmax_file_size_bytes = 8000",
    ),
    // Little, and more is let through.
    ("over", 8, "max_requests_per_minute = 10000\nmax_storage_bytes = 1000\noverage = true"),
    // Little to be sent.
    ("capped", 8, "max_requests_per_minute = 10000\nmax_bandwidth_bytes_per_month = 1000\nenforce_bandwidth = true"),
];

/// How long something that happens by itself may take before the test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
static TAKEN: [AtomicUsize; PLANS.len()] = [const { AtomicUsize::new(0) }; PLANS.len()];

/// A token of a test's own choice.
pub(crate) fn token(stem: &str) -> String {
    format!("bkt_{stem:_<43}")
}

/// The name, the access key id, the secret and the token of the owner of an organisation.
fn owner(plan: &str, number: usize) -> [String; 4] {
    let name = format!("{plan}-{number:02}");
    let access = format!("OWNER.{}", name.to_uppercase());
    [name.clone(), access, format!("{name}-secret-0123456789"), token(&format!("Owner-of-{name}-"))]
}

/// The configuration of the shared server.
fn config() -> String {
    let mut config = String::new();
    for (plan, count, said) in PLANS {
        config += &format!("[[plan]]\nname = \"{plan}\"\n{said}\n");
        for number in 0..count {
            let [name, access, secret, token] = owner(plan, number);
            config += &format!("[[organisation]]\nname = \"{name}\"\nplan = \"{plan}\"\n[[organisation.key]]\n");
            config += &format!("name = \"owner\"\naccess_key_id = \"{access}\"\nsecret_access_key = \"{secret}\"\n");
            config += &format!("token = \"{token}\"\n");
        }
    }
    config
}

/// It lives as long as a test holds it, as that of `home` does.
fn shared() -> Arc<Server> {
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::start_with(Options::default().config(&config()), DataDir::new()));
        *shared = Arc::downgrade(&server);
        server
    })
}

/// An organisation of one's own, seen by its owner, who may do everything.
pub(crate) struct Org {
    _server: Arc<Server>,
    /// Over the JSON doors.
    pub(crate) json: Json,
    /// Over S3.
    pub(crate) s3: Client,
    /// The owner's token.
    pub(crate) token: String,
}

/// A key that was minted.
#[derive(Debug, Clone)]
pub(crate) struct Minted {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) access: String,
    pub(crate) secret: String,
}

impl Minted {
    /// From the answer that shows it.
    pub(crate) fn of(data: &Value) -> Minted {
        let text = |field| text(data, field);
        Minted { id: text("id"), token: text("key"), access: text("accessKeyId"), secret: text("secretAccessKey") }
    }
}

impl Org {
    /// One on that plan that no other test has.
    pub(crate) fn on(plan: &str) -> Org {
        let at = PLANS.iter().position(|(name, ..)| *name == plan).expect("a known plan");
        let number = TAKEN[at].fetch_add(1, Ordering::Relaxed);
        assert!(number < PLANS[at].1, "more tests than organisations on {plan}: raise its number in PLANS");
        let server = shared();
        let [_, access, secret, token] = owner(plan, number);
        let s3 = server.client().with_keys(&access, &secret);
        Org { json: Json::new(&s3, &token), s3, token, _server: server }
    }

    /// One that nothing limits but `/v1` at 10,000 requests a minute.
    pub(crate) fn new() -> Org {
        Org::on("enterprise")
    }

    /// A bucket of its own.
    pub(crate) async fn bucket(&self) -> Home {
        self.bucket_with(json!({})).await
    }

    /// A bucket of its own with settings beside its names.
    pub(crate) async fn bucket_with(&self, mut settings: Value) -> Home {
        let name = unique("v1");
        settings["name"] = "A bucket".into();
        settings["s3Name"] = name.clone().into();
        let made = self.json.post("/v1/buckets", &settings).await.data(201);
        Home { id: text(&made, "id"), name, json: self.json.clone() }
    }

    /// A key of the organisation.
    pub(crate) async fn key(&self, permissions: &[&str]) -> Minted {
        self.key_with(permissions, json!({})).await
    }

    /// The same with more said of it.
    pub(crate) async fn key_with(&self, permissions: &[&str], mut said: Value) -> Minted {
        said["name"] = "A key".into();
        said["permissions"] = permissions.into();
        Minted::of(&self.json.post("/v1/keys", &said).await.data(201))
    }

    /// A caller with the rights of a new key.
    pub(crate) async fn caller(&self, permissions: &[&str]) -> Json {
        self.json.with(&self.key(permissions).await.token)
    }
}

/// All scopes there are.
pub(crate) const SCOPES: [&str; 12] = [
    "buckets:read",
    "buckets:write",
    "buckets:delete",
    "files:read",
    "files:write",
    "files:delete",
    "keys:read",
    "keys:write",
    "aws-accounts:read",
    "aws-accounts:write",
    "aws-accounts:delete",
    "logs:read",
];

/// A bucket, seen by its owner.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// Its identifier.
    pub(crate) id: String,
    /// Its name on S3.
    pub(crate) name: String,
    json: Json,
}

impl Home {
    /// Its path.
    pub(crate) fn path(&self) -> String {
        format!("/v1/buckets/{}", self.id)
    }

    /// The path of its files.
    pub(crate) fn files(&self) -> String {
        format!("{}/files", self.path())
    }

    /// The path of a file whose key needs no encoding.
    pub(crate) fn file(&self, key: &str) -> String {
        format!("{}/files/{key}", self.path())
    }

    /// What is shown of it.
    pub(crate) async fn shown(&self) -> Value {
        self.json.get(&self.path()).await.data(200)
    }

    /// Uploads a file.
    pub(crate) async fn upload(&self, key: &str, body: &[u8]) -> Value {
        self.json.put(&self.file(key), body.to_vec()).await.data(200)
    }
}

/// Asks until the answer is the one waited for: for what happens by itself, such as a job.
pub(crate) async fn until<F: Future<Output = Option<T>>, T>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never came: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
