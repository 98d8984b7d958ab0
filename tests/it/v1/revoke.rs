//! A revoked key opens nothing from the answer on, and a key for one bucket finds no other, on every door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use windlass_tests::answer::Answer;
use windlass_tests::json::Json;
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use super::house::{Home, Minted, Org, SCOPES};
use crate::home::unique;

/// The same key in each of its forms: on `/v1`, on the files face, borne on S3, signing, and signing as its own secret.
struct Forms {
    json: Json,
    key: Minted,
    bucket: String,
    files: String,
}

impl Forms {
    fn new(json: &Json, key: Minted, bucket: &str, files: &str) -> Forms {
        Forms { json: json.with(&key.token), key, bucket: bucket.to_owned(), files: files.to_owned() }
    }

    fn of(org: &Org, key: Minted, home: &Home) -> Forms {
        Forms::new(&org.json, key, &home.name, &home.files())
    }

    async fn ask(&self) -> [Answer; 5] {
        let signs =
            |access: &str, secret: &str| self.json.client().with_keys(access, secret).request("GET", &self.bucket, "");
        [
            self.json.get(&self.files).await,
            self.json.get("/v1/files").query("bucket", &self.bucket).await,
            self.json.get(&format!("/{}", self.bucket)).await,
            signs(&self.key.access, &self.key.secret).await,
            signs(&self.key.token, &self.key.token).await,
        ]
    }

    async fn all_work(&self) {
        for answer in self.ask().await {
            answer.is(200);
        }
    }

    async fn none_works(&self) {
        let [v1, face, borne, signed, paired] = self.ask().await;
        v1.refused(401, "Invalid API key");
        face.bare_refused(401, "unauthorized", "Invalid API key");
        borne.bare_error(401, "unauthorized", "Invalid API key");
        signed.is_error(403, "InvalidAccessKeyId");
        paired.is_error(403, "InvalidAccessKeyId");
    }
}

#[tokio::test]
async fn the_very_next_request_with_a_revoked_key_is_refused_on_every_door() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for _ in 0..10 {
        let forms = Forms::of(&org, org.key(&["files:read"]).await, &bucket);
        forms.all_work().await;
        org.json.delete(&format!("/v1/keys/{}", forms.key.id)).await.data(200);
        forms.none_works().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_that_begins_after_the_revocation_is_let_in_however_many_run() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let key = org.key(&["files:read"]).await;
    let revoked = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let (json, s3) = (org.json.with(&key.token), org.s3.with_keys(&key.access, &key.secret));
            let (files, name, revoked) = (bucket.files(), bucket.name.clone(), Arc::clone(&revoked));
            tokio::spawn(async move {
                let mut let_in = 0;
                loop {
                    // Read before the request begins.
                    let late = revoked.load(Ordering::SeqCst);
                    let status =
                        if n % 2 == 0 { json.get(&files).await } else { s3.request("GET", &name, "").await }.status;
                    match (late, status) {
                        (false, 200) => let_in += 1,
                        (true, 200) => panic!("let in after the key was revoked"),
                        (true, _) => return let_in,
                        (false, _) => {}
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    org.json.delete(&format!("/v1/keys/{}", key.id)).await.data(200);
    revoked.store(true, Ordering::SeqCst);
    let mut let_in = 0;
    for task in tasks {
        let_in += task.await.unwrap();
    }
    assert!(let_in > 0, "the key was never used");
}

#[tokio::test]
async fn a_revoked_key_stays_revoked_and_a_minted_one_minted_through_a_kill() {
    let mut server = Server::start_with(Options::default(), DataDir::new());
    let json = Json::new(&server.client(), TOKEN);
    let name = unique("kill");
    let made = json.post("/v1/buckets", &json!({ "name": "n", "s3Name": name })).await.data(201);
    let files = format!("/v1/buckets/{}/files", made["id"].as_str().unwrap());
    let mint = async || {
        let body = json!({ "name": "k", "permissions": ["files:read"] });
        Minted::of(&json.post("/v1/keys", &body).await.data(201))
    };
    let (kept, revoked) = (mint().await, mint().await);
    json.delete(&format!("/v1/keys/{}", revoked.id)).await.data(200);
    server.kill();
    let server = server.restart();
    let json = Json::new(&server.client(), TOKEN);
    Forms::new(&json, kept, &name, &files).all_work().await;
    Forms::new(&json, revoked, &name, &files).none_works().await;
}

#[tokio::test]
async fn a_key_for_one_bucket_finds_no_other_on_any_door() {
    let org = Org::new();
    let (mine, other) = (org.bucket().await, org.bucket().await);
    other.upload("k", b"secret").await;
    let key = org.key_with(&SCOPES, json!({ "bucketIds": [mine.id] })).await;
    Forms::of(&org, key.clone(), &mine).all_work().await;
    let [v1, face, borne, signed, paired] = Forms::of(&org, key.clone(), &other).ask().await;
    v1.refused(404, "Bucket not found");
    face.bare_refused(404, "not_found", "The requested bucket does not exist.");
    borne.bare_error(404, "not_found", "The requested bucket does not exist.");
    signed.is_error(404, "NoSuchBucket");
    paired.is_error(404, "NoSuchBucket");
    // Nor by way of its own: as the source of a copy.
    let s3 = org.s3.with_keys(&key.access, &key.secret);
    let copy = s3.request("PUT", &mine.name, "copy").header("x-amz-copy-source", format!("/{}/k", other.name));
    copy.await.is_error(404, "NoSuchBucket");
    let listed = s3.request("GET", "", "").await.is(200).xml().texts("Buckets/Bucket/Name");
    assert_eq!(listed, [mine.name.as_str()]);
}

#[tokio::test]
async fn an_api_key_as_its_own_secret_is_never_part_of_an_address() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("k", b"x").await;
    let s3 = org.s3.with_keys(&org.token, &org.token);
    s3.request("GET", &bucket.name, "k").await.is(200).has_body("x");
    for auth in [windlass_tests::request::Auth::PresignedV4(60), windlass_tests::request::Auth::PresignedV2(60)] {
        s3.request("GET", &bucket.name, "k").auth(auth).await.is_error(403, "AccessDenied");
        org.s3.request("GET", &bucket.name, "k").auth(auth).await.is(200);
    }
}
