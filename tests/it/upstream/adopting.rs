//! Two gateways, one of which has a bucket of the other's to adopt, and a proxy between them.

use std::future::IntoFuture;
use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use windlass_tests::client::Bucket;
use windlass_tests::json::{Json, text};
use windlass_tests::proxy::{Fault, Proxy, Seen};
use windlass_tests::server::{ACCESS, DataDir, Options, SECRET, Server, TOKEN, binary, run};

/// How long an adoption may take before a test gives up on it; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(120);

/// The bucket's name, there and here.
pub(super) const NAME: &str = "adopted";

/// Keys that are not what they seem.
pub(super) const HARD_KEYS: [&str; 14] = [
    "a//b",
    "x/",
    "./y",
    "..",
    "../z",
    "%2F",
    "a%20b",
    "a b+c",
    "plus+",
    "é/✓",
    "q?x=1&y=2#f",
    "tab\there",
    "/lead",
    "Ω'\"<>&",
];

/// A linked bucket on its way to become one of our own.
pub(super) struct Adopting {
    _upstream: Server,
    pub(super) gateway: Option<Server>,
    pub(super) proxy: Proxy,
    /// The bucket there.
    pub(super) there: Bucket,
    pub(super) account: String,
    pub(super) id: String,
}

impl Adopting {
    /// A bucket that is linked, of which nothing has been adopted yet. `fill` is given it before.
    pub(super) async fn linked(options: Options, fill: impl AsyncFnOnce(&Bucket)) -> Adopting {
        let upstream = Server::start();
        let there = upstream.client().make(NAME).await;
        fill(&there).await;
        let proxy = Proxy::before(upstream.address()).await;
        let gateway = Server::start_with(options, DataDir::new());
        let json = Json::new(&gateway.client(), TOKEN);
        let connect = json!({
            "label": "theirs",
            "endpoint": format!("http://{}", proxy.address()),
            "region": "us-east-1",
            "accessKeyId": ACCESS,
            "secretAccessKey": SECRET,
            "forcePathStyle": true,
        });
        let account = text(&json.post("/v1/aws-accounts", &connect).await.data(201), "id");
        let path = format!("/v1/aws-accounts/{account}");
        json.call("POST", &format!("{path}/validate")).await.data(200);
        let names = json!({ "bucketNames": [NAME] });
        let imported = json.post(&format!("{path}/import"), &names).await.data(201);
        let id = text(&imported[0], "id");
        Adopting { _upstream: upstream, gateway: Some(gateway), proxy, there, account, id }
    }

    /// The same, with its adoption begun, which gets nowhere until `let_go`.
    pub(super) async fn held(options: Options, fill: impl AsyncFnOnce(&Bucket)) -> Adopting {
        let adopting = Adopting::linked(options, fill).await;
        adopting.hold();
        adopting.begin().await;
        adopting
    }

    pub(super) fn server(&self) -> &Server {
        self.gateway.as_ref().expect("the gateway runs")
    }

    pub(super) fn json(&self) -> Json {
        Json::new(&self.server().client(), TOKEN)
    }

    /// The bucket here.
    pub(super) fn here(&self) -> Bucket {
        Bucket { client: self.server().client(), name: NAME.to_owned() }
    }

    /// Keeps the job from seeing what there is.
    pub(super) fn hold(&self) {
        self.proxy.always(is_of_the_job, Fault::Answered(503, "SlowDown"));
    }

    /// Lets the job go on.
    pub(super) fn let_go(&self) {
        self.proxy.heal();
    }

    pub(super) async fn begin(&self) -> Value {
        self.json().call("POST", &self.path()).await.data(200)
    }

    pub(super) async fn progress(&self) -> Value {
        self.json().get(&self.path()).await.data(200)
    }

    fn path(&self) -> String {
        format!("/v1/buckets/{}/adopt", self.id)
    }

    /// Waits until what is told of the adoption is as wanted; returns it.
    pub(super) async fn until(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let told = self.progress().await;
            if wanted(&told) {
                return told;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not come to that: {told}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(super) async fn until_done(&self) -> Value {
        self.until(|told| told["status"] == "done").await
    }

    /// Kills the gateway at once, and starts it again on what it has left.
    pub(super) fn kill_and_restart(&mut self) {
        let mut gateway = self.gateway.take().expect("the gateway runs");
        gateway.kill();
        self.gateway = Some(gateway.restart());
    }

    /// Stops the gateway and claims that its data is sound.
    pub(super) fn ends_sound(mut self) {
        let mut gateway = self.gateway.take().expect("the gateway runs");
        assert!(gateway.stop().success());
        let checked = run(&binary(), "check", &gateway.data().path(), &[]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
}

/// Whether a request lists all there is, as only the job does.
fn is_of_the_job(seen: &Seen) -> bool {
    seen.line.contains("list-type=2")
        && seen.line.contains("max-keys=256")
        && !seen.line.contains("prefix=")
        && !seen.line.contains("delimiter=")
}

/// So many keys.
pub(super) fn numbered(stem: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{stem}{number:04}")).collect()
}

/// Puts many small objects, each with its key as the body.
pub(super) async fn fill(bucket: &Bucket, keys: &[String]) {
    let puts = futures::stream::iter(keys).map(|key| bucket.put(key, key.clone()).into_future());
    puts.buffer_unordered(16).for_each(|answer| async { drop(answer.is(200)) }).await;
}

/// Key, size, entity tag and time of everything that a bucket lists.
pub(super) async fn listed(bucket: &Bucket) -> Vec<[String; 4]> {
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut list = bucket.list().query("encoding-type", "url").query("max-keys", 100);
        if let Some(token) = &token {
            list = list.query("continuation-token", token);
        }
        let xml = list.await.is(200).xml();
        let entry = |object: &windlass_tests::xml::Xml| {
            ["Key", "Size", "ETag", "LastModified"].map(|name| object.text(name).to_owned())
        };
        found.extend(xml.all("Contents").into_iter().map(entry));
        match xml.get("NextContinuationToken") {
            Some(next) => token = Some(next.to_owned()),
            None => return found,
        }
    }
}
