//! The request log: what is kept, for whom, and what never is.

use serde_json::{Value, json};
use windlass_tests::json::Json;
use windlass_tests::request::Auth;
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

fn start(options: Options) -> (Server, Json) {
    let server = Server::start_with(options, DataDir::new());
    let root = Json::new(&server.client(), TOKEN);
    (server, root)
}

/// All logged requests that a query finds, page by page, newest first.
async fn logs(who: &Json, query: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (vec![], String::new());
    loop {
        let page = who.get(&format!("/v1/logs?{query}{cursor}")).await.is(200).json();
        all.extend(page["data"].as_array().unwrap().iter().cloned());
        match page["meta"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn lines(logs: &[Value]) -> Vec<String> {
    let line = |log: &Value| {
        format!("{} {} {}", log["method"].as_str().unwrap(), log["path"].as_str().unwrap(), log["statusCode"])
    };
    logs.iter().map(line).collect()
}

async fn detail(who: &Json, log: &Value) -> Value {
    who.get(&format!("/v1/logs/{}", log["id"].as_str().unwrap())).await.is(200).json()["data"].clone()
}

#[tokio::test]
async fn requests_of_every_door_are_listed_newest_first() {
    let (server, root) = start(Options::default());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "value").await.is(200);
    bucket.get("k").await.is(200).has_body("value");
    bucket.get("missing").await.is(404);
    let listed = root.get("/v1/buckets").await.is(200).json();
    let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
    root.get(&format!("/v1/buckets/{id}")).await.is(200);
    root.get("/v1/buckets/bkt_01ARZ3NDEKTSV4RRFFQ69G5FAV").await.is(404);

    let found = logs(&root, "").await;
    let expected = [
        "GET /v1/buckets/bkt_01ARZ3NDEKTSV4RRFFQ69G5FAV 404".to_owned(),
        format!("GET /v1/buckets/{id} 200"),
        "GET /v1/buckets 200".to_owned(),
        "GET /bucket/missing 404".to_owned(),
        "GET /bucket/k 200".to_owned(),
        "PUT /bucket/k 200".to_owned(),
        "PUT /bucket 200".to_owned(),
    ];
    assert_eq!(lines(&found), expected);
    let about: Vec<_> = found.iter().map(|log| log["bucketId"].as_str().unwrap_or("-")).collect();
    assert_eq!(about, ["-", &id, "-", &id, &id, &id, "-"]);
    assert_eq!(found[0]["errorMessage"], "Bucket not found");
    assert_eq!(found[3]["errorMessage"], "The specified key does not exist.");
    assert_eq!(found[4]["errorMessage"], Value::Null);
    for log in &found {
        let mut names: Vec<_> = log.as_object().unwrap().keys().cloned().collect();
        names.sort();
        let summary = [
            "apiKeyId",
            "bucketId",
            "createdAt",
            "durationMs",
            "errorMessage",
            "id",
            "method",
            "object",
            "path",
            "statusCode",
        ];
        assert_eq!(names, summary);
        assert_eq!(log["object"], "log");
        assert!(log["id"].as_str().unwrap().starts_with("log_"), "{log}");
        assert!(log["apiKeyId"].as_str().unwrap().starts_with("key_"), "{log}");
    }
    assert!(found.windows(2).all(|pair| pair[0]["createdAt"].as_str() >= pair[1]["createdAt"].as_str()));
}

#[tokio::test]
async fn a_request_is_shown_whole_but_for_its_secrets() {
    let (server, root) = start(Options::default());
    let bucket = server.client().make("bucket").await;
    let put = bucket.put("k", "value").header("user-agent", "tester/1").header("x-amz-meta-a", "1");
    let request_id = put.await.is(200).need("x-amz-request-id").to_owned();
    let presigned = bucket.get("k").query("response-cache-control", "no-store").auth(Auth::PresignedV4(60)).prepare();
    let signature = presigned.target.rsplit_once("X-Amz-Signature=").unwrap().1.to_owned();
    bucket.client.send(presigned).await.is(200);

    let found = logs(&root, "path=/bucket/k").await;
    let [get, put] = &found[..] else { panic!("{found:?}") };
    let put = detail(&root, put).await;
    assert_eq!(put["requestId"], Value::from(request_id));
    assert_eq!(put["ip"], "127.0.0.1");
    assert_eq!(put["query"], json!({}));
    assert_eq!(put["requestBody"], json!({ "object": "binary", "bytes": 5 }));
    assert_eq!(put["requestHeaders"], json!({ "content-length": "5", "user-agent": "tester/1" }));
    assert_eq!(put["responseBody"], Value::Null);
    assert_eq!(put["responseHeaders"]["etag"], "\"2063c1608d6e0baf80249c42e2be5804\"");
    let get = detail(&root, get).await;
    assert_eq!(get["query"]["X-Amz-Signature"], "[REDACTED]");
    assert_eq!(get["query"]["X-Amz-Credential"], "[REDACTED]");
    assert_eq!(get["query"]["response-cache-control"], "no-store");
    assert_eq!(get["requestBody"], Value::Null);
    assert_eq!(get["responseBody"], json!({ "object": "binary", "bytes": 5 }));
    assert!(!get.to_string().contains(&signature));
    root.get("/v1/logs/log_01ARZ3NDEKTSV4RRFFQ69G5FAV").await.is(404);
}

#[tokio::test]
async fn the_secrets_of_new_keys_reach_no_log() {
    let (mut server, root) = start(Options::default());
    let new = json!({ "name": "n", "permissions": ["files:read"], "password": "hunter2hunter2" });
    let made = root.post("/v1/keys", &new).await.is(201).json();
    let secrets = ["key", "secretAccessKey"].map(|name| made["data"][name].as_str().unwrap().to_owned());
    // Presented where it does not belong.
    root.get(&format!("/v1/keys/{}?key={}&x={}", secrets[0], secrets[0], secrets[0])).await.is(404);

    let found = logs(&root, "method=POST").await;
    let log = detail(&root, &found[0]).await;
    assert_eq!(log["requestBody"], json!({ "name": "n", "permissions": ["files:read"], "password": "[REDACTED]" }));
    let shown = &log["responseBody"]["data"];
    assert_eq!((&shown["key"], &shown["secretAccessKey"]), (&json!("[REDACTED]"), &json!("[REDACTED]")));
    assert_eq!(shown["id"], made["data"]["id"]);
    // The file is compressed; what is in it is what it tells.
    let mut kept = String::new();
    for log in logs(&root, "limit=100").await {
        kept += &detail(&root, &log).await.to_string();
    }
    for path in ["/v1/keys", "[REDACTED]"] {
        assert!(kept.contains(&format!("\"path\":\"{path}\"")), "{kept}");
    }
    assert!(server.stop().success());
    for secret in secrets.iter().map(String::as_str).chain(["hunter2", TOKEN]) {
        assert!(!kept.contains(secret), "{secret} is in the request log");
        assert!(!server.log().contains(secret), "{secret} is in the access log");
    }
}

#[tokio::test]
async fn filters_and_pages_find_what_they_say() {
    let (server, root) = start(Options::default());
    let (one, two) = (server.client().make("one").await, server.client().make("two").await);
    for n in 0..3 {
        one.put(&format!("a/{n}"), "v").await.is(200);
        two.get(&format!("b/{n}")).await.is(404);
    }
    let listed = root.get("/v1/buckets").await.is(200).json();
    let id = |name: &str| {
        let buckets = listed["data"].as_array().unwrap();
        buckets.iter().find(|bucket| bucket["s3Name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let puts = ["PUT /one/a/2 200", "PUT /one/a/1 200", "PUT /one/a/0 200"];
    let gets = ["GET /two/b/2 404", "GET /two/b/1 404", "GET /two/b/0 404"];
    for limit in [1, 2, 100] {
        let found = async |query: &str| lines(&logs(&root, &format!("limit={limit}&{query}")).await);
        assert_eq!(found("path=/one/a").await, puts);
        assert_eq!(found("status=404&path=/two").await, gets);
        assert_eq!(found("status=4xx&path=/two").await, gets);
        assert_eq!(found("status=5xx").await, Vec::<String>::new());
        assert_eq!(found(&format!("bucketId={}&method=PUT", id("one"))).await, puts);
        assert_eq!(found(&format!("bucketId={}", id("two"))).await, gets);
        assert_eq!(found("from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z").await, Vec::<String>::new());
        assert_eq!(found("path=/one/a&apiKeyId=key_01ARZ3NDEKTSV4RRFFQ69G5FAV").await, Vec::<String>::new());
    }
    let all = logs(&root, "path=/one/a").await;
    let key = all[0]["apiKeyId"].as_str().unwrap();
    assert_eq!(logs(&root, &format!("path=/one/a&apiKeyId={key}")).await.len(), 3);
    let (first, last) = (all[2]["createdAt"].as_str().unwrap(), all[0]["createdAt"].as_str().unwrap());
    assert_eq!(lines(&logs(&root, &format!("path=/one/a&from={first}&to={last}")).await), puts);
}

#[tokio::test]
async fn a_key_for_some_buckets_sees_what_was_about_them_alone() {
    let (server, root) = start(Options::default());
    let (one, two) = (server.client().make("one").await, server.client().make("two").await);
    let listed = root.get("/v1/buckets").await.is(200).json();
    let mine =
        listed["data"].as_array().unwrap().iter().find(|bucket| bucket["s3Name"] == "one").unwrap()["id"].clone();
    one.put("k", "v").await.is(200);
    two.put("k", "v").await.is(200);
    let new = json!({ "name": "n", "permissions": ["logs:read"], "bucketIds": [mine] });
    let made = root.post("/v1/keys", &new).await.is(201).json();
    let scoped = Json::new(&server.client(), made["data"]["key"].as_str().unwrap());
    assert_eq!(lines(&logs(&scoped, "").await), ["PUT /one/k 200"]);
    let found = logs(&root, "path=/two/k").await;
    let other = found[0]["id"].as_str().unwrap();
    root.get(&format!("/v1/logs/{other}")).await.is(200);
    scoped.get(&format!("/v1/logs/{other}")).await.is(404);
}

const HOUSES: &str = r#"
[[organisation]]
name = "acme"
buckets = ["acme-photos"]
[[organisation.key]]
name = "everything"
access_key_id = "ACMEACCESSKEY0000001"
secret_access_key = "acme-secret-0123456789"
token = "bkt_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
"#;

#[tokio::test]
async fn each_organisation_sees_its_own_and_nobody_s_requests_are_not_kept() {
    let (server, root) = start(Options::default().config(HOUSES));
    let acme = Json::new(&server.client(), "bkt_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB");
    let theirs = server.client().with_keys("ACMEACCESSKEY0000001", "acme-secret-0123456789");
    theirs.request("PUT", "acme-photos", "k").body("v").await.is(200);
    // Refused, but it is known who asked.
    server.client().request("GET", "acme-photos", "k").await.is(403);
    server.client().request("GET", "acme-photos", "k").anonymous().await.is(403);
    server.client().request("GET", "acme-photos", "k").keys("ACMEACCESSKEY0000001", "wrong").await.is(403);
    Json::anonymous(&server.client()).get("/v1/buckets").await.is(401);
    assert_eq!(lines(&logs(&acme, "").await), ["PUT /acme-photos/k 200"]);
    let found = logs(&root, "").await;
    assert_eq!(lines(&found), ["GET /acme-photos/k 403"]);
    acme.get(&format!("/v1/logs/{}", found[0]["id"].as_str().unwrap())).await.is(404);
}

#[tokio::test]
async fn the_log_outlives_an_orderly_stop() {
    let (mut server, root) = start(Options::default());
    root.get("/v1/buckets").await.is(200);
    assert!(server.stop().success());
    let server = server.restart();
    let root = Json::new(&server.client(), TOKEN);
    assert_eq!(lines(&logs(&root, "").await), ["GET /v1/buckets 200"]);
}

#[tokio::test]
async fn a_log_that_is_damaged_or_cannot_be_opened_stops_nothing_else() {
    let (mut server, root) = start(Options::default());
    root.get("/v1/buckets").await.is(200);
    assert!(server.stop().success());
    let file = server.data().path().join("logs.redb");
    std::fs::write(&file, "no file of the gateway's ".repeat(1_000)).unwrap();
    let mut server = server.restart();
    server.client().make("bucket").await.put("k", "v").await.is(200);
    let root = Json::new(&server.client(), TOKEN);
    assert_eq!(lines(&logs(&root, "").await), ["PUT /bucket/k 200", "PUT /bucket 200"]);
    assert!(server.stop().success());
    assert!(server.log().contains("damaged"), "{}", server.log_tail());

    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let server = server.restart();
    let bucket = server.client().make("other").await;
    bucket.put("k", "v").await.is(200);
    bucket.get("k").await.is(200).has_body("v");
    Json::new(&server.client(), TOKEN).get("/v1/logs").await.is(503);
    let metrics = server.client().plain("/-/metrics").await.is(200);
    assert!(metrics.text().contains("windlass_request_log_failures_total 1\n"), "{}", metrics.text());
}

#[tokio::test]
async fn a_log_that_is_switched_off_is_empty() {
    let (server, root) = start(Options::default().env("WINDLASS_REQUEST_LOG_ENABLED", "false"));
    root.get("/v1/buckets").await.is(200);
    assert_eq!(logs(&root, "").await, Vec::<Value>::new());
    assert!(!server.data().path().join("logs.redb").exists());
}
