//! Many uploads at a quota's edge, over every door at once, never pass it together; and what is counted is what is there.

use serde_json::{Value, json};
use windlass_tests::answer::Answer;
use windlass_tests::client::{Bucket, Client};
use windlass_tests::json::{Json, text};
use windlass_tests::server::{self, DataDir, Options, Server};

use super::house::token;
use crate::home::noise;

const UPLOADS: usize = 64;
const MOST: u64 = 4 << 20;

fn config() -> String {
    format!(
        "[[plan]]\nname = \"edge\"\nmax_requests_per_minute = 10000\nmax_buckets = 5\nmax_storage_bytes = {MOST}\n\
         [[organisation]]\nname = \"edge\"\nplan = \"edge\"\nbuckets = [\"edge-one\", \"edge-two\"]\n\
         [[organisation.key]]\nname = \"k\"\naccess_key_id = \"EDGE\"\nsecret_access_key = \"edge-secret-0123456789\"\n\
         token = \"{}\"\n",
        token("edge")
    )
}

struct Edge {
    server: Server,
    json: Json,
    s3: Client,
    /// The path of the first bucket's files.
    files: String,
}

async fn edge() -> Edge {
    let server = Server::start_with(Options::default().config(&config()), DataDir::new());
    let s3 = server.client().with_keys("EDGE", "edge-secret-0123456789");
    let json = Json::new(&s3, &token("edge"));
    let page = json.get("/v1/buckets").await.page();
    let first = page.entries.iter().find(|bucket| bucket["s3Name"] == "edge-one").unwrap();
    let files = format!("/v1/buckets/{}/files", text(first, "id"));
    Edge { server, json, s3, files }
}

impl Edge {
    fn bucket(&self, name: &str) -> Bucket {
        Bucket { client: self.s3.clone(), name: name.to_owned() }
    }

    async fn used(&self) -> u64 {
        self.json.get("/v1/billing/usage").await.data(200)["storage"]["usedBytes"].as_u64().unwrap()
    }

    /// The bytes of everything that can be read: objects, and parts of open uploads.
    async fn there(&self) -> u64 {
        let mut sum = 0;
        for name in ["edge-one", "edge-two"] {
            let bucket = self.bucket(name);
            let xml = bucket.list().await.is(200).xml();
            sum += xml.texts("Contents/Size").iter().map(|size| size.parse::<u64>().unwrap()).sum::<u64>();
            let uploads = bucket.on("GET").flag("uploads").await.is(200).xml();
            for upload in uploads.all("Upload") {
                let parts = bucket.parts(upload.text("Key"), upload.text("UploadId")).await.is(200).xml();
                sum += parts.texts("Part/Size").iter().map(|size| size.parse::<u64>().unwrap()).sum::<u64>();
            }
        }
        sum
    }

    /// One of the uploads, by one of the ways there are.
    async fn upload(&self, n: usize, open: &str) -> Answer {
        let body = noise(n as u64, 100_000 + n * 1_000);
        let (one, two, key) = (self.bucket("edge-one"), self.bucket("edge-two"), format!("k{n}"));
        match n % 6 {
            0 => self.json.put(&format!("{}/{key}", self.files), body).await,
            1 => two.put(&key, body).await,
            2 => two.put(&key, body).chunked().await,
            3 => one.part("open", open, n as u32 + 1, body).await,
            4 => self.json.put(&format!("/edge-two/{key}"), body).await,
            _ => {
                let call = self.json.call("POST", "/v1/files/upload").query("bucket", "edge-one");
                call.form(&[("key", &key)], Some((&key, "text/plain", &body))).await
            }
        }
    }
}

/// What an upload that found no room hears.
fn is_full(n: usize, answer: Answer) {
    let message = "Storage limit exceeded. Upgrade your plan.";
    match n % 6 {
        0 => drop(answer.refused(402, message)),
        1..=3 => drop(answer.is_error(402, "QuotaExceeded")),
        _ => drop(answer.bare_error(402, "payment_required", message)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_uploads_at_once_over_every_door_only_as_many_succeed_as_there_is_room_for() {
    let edge = std::sync::Arc::new(edge().await);
    let open = edge.bucket("edge-one").upload("open").await;
    for round in 0..3 {
        let tasks = (0..UPLOADS).map(|n| {
            let (edge, open) = (std::sync::Arc::clone(&edge), open.clone());
            tokio::spawn(async move { edge.upload(n, &open).await })
        });
        let mut taken = 0;
        for (n, answer) in futures::future::join_all(tasks).await.into_iter().enumerate() {
            let answer = answer.unwrap();
            match answer.status {
                200 | 201 => taken += 1,
                _ => is_full(n, answer),
            }
        }
        let used = edge.used().await;
        println!("round {round}: {taken} of {UPLOADS} taken, {used} of {MOST} bytes used");
        assert!(taken > 0 && taken < UPLOADS);
        assert!(used <= MOST, "{used} bytes on a plan of {MOST}");
        assert_eq!(used, edge.there().await, "what is counted is not what is there");
        if round < 2 {
            // Most goes again, so that the next round finds another edge.
            let keys: Vec<String> = (0..UPLOADS).filter(|n| n % 4 != round).map(|n| format!("k{n}")).collect();
            for name in ["edge-one", "edge-two"] {
                edge.bucket(name).delete_many(&keys, true).await.is(200);
            }
        }
    }
    // What was refused took nothing with it: the rest can be filled to the last byte.
    let rest = MOST - edge.used().await;
    edge.bucket("edge-two").put("rest", noise(1, rest as usize)).await.is(200);
    assert_eq!(edge.used().await, MOST);
    edge.bucket("edge-two").put("one more", "x").await.is_error(402, "QuotaExceeded");
    let mut edge = std::sync::Arc::into_inner(edge).expect("all tasks have ended");
    is_sound(&mut edge.server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_buckets_made_at_once_only_as_many_are_as_the_plan_has() {
    let edge = edge().await;
    let make = |n: usize| {
        let name = format!("edge-more-{n}");
        let call = edge.json.post("/v1/buckets", &json!({ "name": "n", "s3Name": name }));
        let put = edge.s3.request("PUT", &name, "");
        tokio::spawn(async move { if n.is_multiple_of(2) { call.await.status } else { put.await.status } })
    };
    let statuses = futures::future::join_all((0..32).map(make)).await;
    let made = statuses.into_iter().filter(|status| [200, 201].contains(status.as_ref().unwrap())).count();
    assert_eq!(made, 3);
    let usage: Value = edge.json.get("/v1/billing/usage").await.data(200);
    assert_eq!(usage["bucketCount"], json!({ "used": 5, "limit": 5 }));
    assert_eq!(edge.json.get("/v1/buckets").await.page().entries.len(), 5);
}

/// Ends the server and has its data recounted.
fn is_sound(server: &mut Server) {
    assert!(server.stop().success());
    let checked = server::run(&server::binary(), "check", &server.data().path(), &[]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}
