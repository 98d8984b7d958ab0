//! Connected accounts over `/v1`: every row of the contract, asked of a real provider.

use serde_json::{Value, json};
use windlass_tests::client::Bucket;
use windlass_tests::json::{Call, Json, text};
use windlass_tests::proxy::{Fault, Proxy, Seen};
use windlass_tests::server::{ACCESS, SECRET, Server, TOKEN, binary, run};

use crate::home::unique;
use crate::ops::rotate::rotate;
use crate::v1::house::{Org, until};

/// A provider that nobody is at.
const NOWHERE: &str = "http://127.0.0.1:1";

/// What connects an account of that provider.
pub(super) fn theirs(endpoint: &str) -> Value {
    json!({ "endpoint": endpoint, "accessKeyId": ACCESS, "secretAccessKey": SECRET, "label": "theirs" })
}

pub(super) fn at(server: &Server) -> String {
    format!("http://{}", server.address())
}

/// A bucket where it is.
pub(super) fn of(server: &Server, name: &str) -> Bucket {
    Bucket { client: server.client(), name: name.to_owned() }
}

pub(super) async fn connect(json: &Json, about: &Value) -> String {
    text(&json.post("/v1/aws-accounts", about).await.data(201), "id")
}

/// The path of an account that works.
pub(super) async fn connected(json: &Json, upstream: &Server) -> String {
    let path = format!("/v1/aws-accounts/{}", connect(json, &theirs(&at(upstream))).await);
    json.call("POST", &format!("{path}/validate")).await.data(200);
    path
}

pub(super) async fn import(json: &Json, account: &str, names: &[&str]) -> Vec<String> {
    let made = json.post(&format!("{account}/import"), &json!({ "bucketNames": names })).await.data(201);
    made.as_array().unwrap().iter().map(|bucket| text(bucket, "id")).collect()
}

#[tokio::test]
async fn an_account_is_shown_whole_but_for_its_secret() {
    let org = Org::new();
    let about = json!({
        "endpoint": "https://s3.example.test", "region": "eu-1", "accessKeyId": "AKID.OF-THEIRS",
        "secretAccessKey": "a-secret-to-hide", "forcePathStyle": true, "label": "theirs",
    });
    let made = org.json.post("/v1/aws-accounts", &about).await.data(201);
    assert_eq!(made["object"], "aws_account");
    assert_eq!(made.as_object().unwrap().len(), 2, "{made}");
    let path = format!("/v1/aws-accounts/{}", text(&made, "id"));
    let mut shown = org.json.get(&path).await.data(200);
    let (external, number) = (text(&shown, "externalId"), text(&shown, "awsAccountId"));
    let parts: Vec<usize> = external.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{external}");
    assert!(number.strip_prefix("pending-").is_some_and(|hex| hex.len() == 8), "{number}");
    for time in ["createdAt", "updatedAt"] {
        assert!(shown[time].take().is_string());
    }
    let expected = json!({
        "object": "aws_account", "id": made["id"], "awsAccountId": number, "externalId": external, "roleArn": null,
        "stackId": null, "label": "theirs", "status": "pending", "endpoint": "https://s3.example.test", "region": "eu-1",
        "accessKeyId": "AKID.OF-THEIRS", "forcePathStyle": true, "lastValidatedAt": null, "createdAt": null,
        "updatedAt": null,
    });
    assert_eq!(shown, expected);
    let logged = until("the requests are logged", async || {
        let logs = org.json.get("/v1/logs").await.is(200).json();
        logs["data"].as_array().unwrap().iter().find(|log| log["method"] == "POST").map(|log| text(log, "id"))
    });
    let logged = org.json.get(&format!("/v1/logs/{}", logged.await)).await.is(200).text().to_owned();
    assert!(logged.contains("AKID.OF-THEIRS") && !logged.contains("a-secret-to-hide"), "{logged}");
}

#[tokio::test]
async fn accounts_are_listed_in_pages_with_their_number() {
    let org = Org::new();
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(connect(&org.json, &json!({})).await);
    }
    let first = org.json.get("/v1/aws-accounts").query("limit", 2).await.is(200).json();
    assert_eq!(first["meta"], json!({ "nextCursor": made[1], "limit": 2, "total": 3 }));
    let second = org.json.get("/v1/aws-accounts").query("limit", 2).query("cursor", &made[1]).await.is(200).json();
    assert_eq!(second["meta"], json!({ "nextCursor": null, "limit": 2, "total": 3 }));
    let entries = [&first, &second].map(|page| page["data"].as_array().unwrap().clone()).concat();
    assert_eq!(entries.iter().map(|entry| text(entry, "id")).collect::<Vec<_>>(), made);
    org.json.get("/v1/aws-accounts").query("limit", 101).await.refused(400, "limit must be between 1 and 100");
}

#[tokio::test]
async fn connecting_is_paid_for_and_its_words_are_checked() {
    let free = Org::on("free");
    let paid = "BYOA requires a paid plan. Upgrade to enable.";
    free.json.post("/v1/aws-accounts", &json!({})).await.refused(402, paid);
    let bucket = json!({ "name": "b", "awsAccountId": "acc_00000000000000000000000000" });
    free.json.post("/v1/buckets", &bucket).await.refused(402, paid);
    let org = Org::new();
    let together = "accessKeyId and secretAccessKey must be given together";
    let endpoint = "The endpoint must be http:// or https:// and a host, with neither path nor credentials.";
    for (about, told) in [
        (json!({ "label": "x".repeat(101) }), "label must be at most 100 characters"),
        (json!({ "accessKeyId": "AKID" }), together),
        (json!({ "secretAccessKey": "a-secret-to-hide" }), together),
        (json!({ "endpoint": "https://h/path" }), endpoint),
        (json!({ "endpoint": "ftp://h" }), endpoint),
        (json!({ "region": "EU" }), "Invalid region"),
        (json!({ "forcePathStyle": "yes" }), "forcePathStyle must be a boolean"),
    ] {
        org.json.post("/v1/aws-accounts", &about).await.refused(400, told);
    }
    let path = format!("/v1/aws-accounts/{}", connect(&org.json, &json!({})).await);
    let arn = "Must be a valid IAM role ARN (arn:aws:iam::<account-id>:role/<role-name>)";
    org.json.patch(&path, &json!({ "roleArn": "arn:aws:iam::1:role/x" })).await.refused(400, arn);
    org.json.call("POST", &format!("{path}/validate")).await.refused(400, "Role ARN is required before validation");
    let change = json!({ "roleArn": "arn:aws:iam::123456789012:role/windlass", "stackId": "s", "label": null });
    org.json.patch(&path, &change).await.data(200);
    let shown = org.json.get(&path).await.data(200);
    assert_eq!(
        (&shown["roleArn"], &shown["stackId"], &shown["label"]),
        (&change["roleArn"], &"s".into(), &Value::Null)
    );
    // The gateway of these tests has nothing to assume a role with.
    let refused = org.json.call("POST", &format!("{path}/validate")).await.invalid();
    assert!(refused.contains("Validation failed: This gateway has no identity to assume a role with"), "{refused}");
    assert_eq!(org.json.get(&path).await.data(200)["status"], "failed");
}

#[tokio::test]
async fn another_organisation_s_account_does_not_exist() {
    let (org, other) = (Org::new(), Org::new());
    let missing = "AWS account not found";
    for id in [connect(&org.json, &json!({})).await, "acc_00000000000000000000000000".into(), "nonsense".into()] {
        let path = format!("/v1/aws-accounts/{id}");
        other.json.get(&path).await.refused(404, missing);
        other.json.patch(&path, &json!({ "label": "x" })).await.refused(404, missing);
        other.json.delete(&path).await.refused(404, missing);
        other.json.call("POST", &format!("{path}/validate")).await.refused(404, missing);
        other.json.get(&format!("{path}/s3-buckets")).await.refused(404, missing);
        let names = json!({ "bucketNames": ["b"] });
        other.json.post(&format!("{path}/import"), &names).await.refused(404, "Active AWS account not found");
        let bucket = json!({ "name": "b", "awsAccountId": id });
        other.json.post("/v1/buckets", &bucket).await.refused(404, missing);
    }
}

#[tokio::test]
async fn validation_asks_the_provider_and_says_why_it_failed() {
    let (org, upstream) = (Org::new(), Server::start());
    let mut wrong = theirs(&at(&upstream));
    wrong["secretAccessKey"] = "not-the-right-secret".into();
    let path = format!("/v1/aws-accounts/{}", connect(&org.json, &wrong).await);
    let validate = format!("{path}/validate");
    let told = org.json.call("POST", &validate).await.invalid();
    assert!(told.contains("Validation failed: ") && told.contains("SignatureDoesNotMatch"), "{told}");
    assert!(told.contains(&upstream.address().to_string()) && !told.contains("not-the-right-secret"), "{told}");
    let failed = org.json.get(&path).await.data(200);
    assert_eq!((&failed["status"], &failed["lastValidatedAt"]), (&"failed".into(), &Value::Null));
    org.json.get(&format!("{path}/s3-buckets")).await.refused(400, "AWS account is not active");
    let bucket = json!({ "name": "b", "awsAccountId": failed["id"] });
    org.json.post("/v1/buckets", &bucket).await.refused(400, "AWS account is not active");
    let names = json!({ "bucketNames": ["b"] });
    org.json.post(&format!("{path}/import"), &names).await.refused(404, "Active AWS account not found");

    org.json.patch(&path, &json!({ "accessKeyId": ACCESS, "secretAccessKey": SECRET })).await.data(200);
    assert_eq!(org.json.get(&path).await.data(200)["status"], "pending");
    org.json.call("POST", &validate).await.data(200);
    let active = org.json.get(&path).await.data(200);
    assert!(active["status"] == "active" && active["lastValidatedAt"].is_string(), "{active}");

    org.json.patch(&path, &json!({ "endpoint": NOWHERE })).await.data(200);
    let told = org.json.call("POST", &validate).await.invalid();
    assert!(told.contains("The upstream 127.0.0.1:1 cannot be reached"), "{told}");
}

#[tokio::test]
async fn buckets_of_an_account_are_listed_in_pages() {
    let (org, upstream) = (Org::new(), Server::start());
    for name in ["one", "three", "two"] {
        upstream.client().make(name).await;
    }
    let path = format!("{}/s3-buckets", connected(&org.json, &upstream).await);
    let first = org.json.get(&path).query("limit", 2).await.is(200).json();
    assert_eq!(first["meta"], json!({ "nextCursor": "three", "limit": 2, "total": 3 }));
    assert_eq!(text(&first["data"][0], "name"), "one");
    assert!(first["data"][0]["creationDate"].is_string());
    let rest = org.json.get(&path).query("cursor", "three").await.is(200).json();
    assert_eq!(rest["meta"], json!({ "nextCursor": null, "limit": 20, "total": 3 }));
    assert_eq!(text(&rest["data"][0], "name"), "two");
}

#[tokio::test]
async fn an_import_reads_what_is_there_and_leaves_it_to_the_provider() {
    let (org, upstream) = (Org::new(), Server::start());
    let name = unique("theirs");
    let there = upstream.client().make(&name).await;
    let cors = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
                <AllowedOrigin>https://a.test</AllowedOrigin></CORSRule></CORSConfiguration>";
    there.on("PUT").flag("cors").body(cors).await.is(200);
    let lifecycle = "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter/>\
                     <Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>";
    there.on("PUT").flag("lifecycle").body(lifecycle).await.is(200);
    let account = connected(&org.json, &upstream).await;
    let ids = import(&org.json, &account, &[&name]).await;
    let path = format!("/v1/buckets/{}", ids[0]);
    let shown = org.json.get(&path).await.data(200);
    let off = json!({ "visibility": false, "cache": false, "cors": false, "lifecycle": false, "optimization": false });
    for (field, expected) in [
        ("name", name.as_str().into()),
        ("s3Name", name.as_str().into()),
        ("status", "active".into()),
        ("region", "us-east-1".into()),
        ("isImported", true.into()),
        ("managedSettings", off),
        ("corsOrigins", json!(["https://a.test"])),
        ("lifecycleTtlDays", 30.into()),
        ("customDomain", Value::Null),
        ("awsAccountId", account.rsplit('/').next().unwrap().into()),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    for (change, toggle) in [
        (json!({ "cachePreset": "short" }), "cache"),
        (json!({ "cacheControlOverride": null }), "cache"),
        (json!({ "corsOrigins": [] }), "cors"),
        (json!({ "lifecycleTtlDays": 5 }), "lifecycle"),
        (json!({ "optimizationMode": "none" }), "optimization"),
        (json!({ "visibility": "public" }), "visibility"),
    ] {
        let told =
            format!("This setting is not managed by Windlass for this bucket. Enable {toggle} management first.");
        org.json.patch(&path, &change).await.refused(403, &told);
    }
    // What is ours alone is always ours to set.
    org.json.patch(&path, &json!({ "name": "Theirs", "maxFileSizeBytes": 1000 })).await.data(200);
    let managed = json!({ "managedSettings": { "cors": true, "lifecycle": true }, "corsOrigins": ["https://b.test"] });
    org.json.patch(&path, &managed).await.data(200);
    org.json.patch(&path, &json!({ "lifecycleTtlDays": 7 })).await.data(200);
    let cors = there.on("GET").flag("cors").await.is(200).text().to_owned();
    assert!(cors.contains("https://b.test") && !cors.contains("https://a.test"), "{cors}");
    let lifecycle = there.on("GET").flag("lifecycle").await.is(200).text().to_owned();
    assert!(lifecycle.contains("<Days>7</Days>"), "{lifecycle}");
    org.json.patch(&path, &json!({ "corsOrigins": [], "lifecycleTtlDays": null })).await.data(200);
    there.on("GET").flag("cors").await.is_error(404, "NoSuchCORSConfiguration");
    there.on("GET").flag("lifecycle").await.is_error(404, "NoSuchLifecycleConfiguration");
    let ours = org.bucket().await;
    let told = "managedSettings is for buckets in a connected account";
    org.json.patch(&ours.path(), &json!({ "managedSettings": { "cors": true } })).await.refused(400, told);
}

#[tokio::test]
async fn an_import_is_of_all_buckets_or_of_none() {
    let (org, upstream) = (Org::on("tight"), Server::start());
    for name in ["one", "three", "two"] {
        upstream.client().make(name).await;
    }
    let account = connected(&org.json, &upstream).await;
    let refused = async |names: Value, status: u16, told: &str| {
        org.json.post(&format!("{account}/import"), &json!({ "bucketNames": names })).await.refused(status, told);
        assert_eq!(org.json.get("/v1/buckets").await.is(200).json()["data"], json!([]), "{told}");
    };
    refused(json!(["one", "missing"]), 400, "S3 bucket not found: missing").await;
    refused(json!(["one", "one"]), 400, "S3 bucket named twice: one").await;
    refused(json!([]), 400, "bucketNames must hold 1 to 50 names").await;
    refused(json!(vec!["x"; 51]), 400, "bucketNames must hold 1 to 50 names").await;
    refused(json!(["one", "two", "three"]), 402, "Importing would exceed plan limit of 2 bucket(s)").await;
    let ids = import(&org.json, &account, &["two", "one"]).await;
    let names = [
        text(&org.json.get(&format!("/v1/buckets/{}", ids[0])).await.data(200), "name"),
        text(&org.json.get(&format!("/v1/buckets/{}", ids[1])).await.data(200), "name"),
    ];
    assert_eq!(names, ["two", "one"]);
    org.json.delete(&format!("/v1/buckets/{}", ids[0])).await.data(200);
    let again = json!({ "bucketNames": ["one"] });
    let told = "S3 bucket is imported already: one";
    until("there is room again", async || {
        let answer = org.json.post(&format!("{account}/import"), &again).await;
        (answer.status != 402).then(|| answer.refused(409, told))
    })
    .await;
    of(&upstream, "two").get("nothing").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_bucket_is_made_in_an_account() {
    let (org, upstream) = (Org::new(), Server::start());
    let account = connected(&org.json, &upstream).await;
    let id = account.rsplit('/').next().unwrap();
    let name = unique("made");
    let body = json!({ "name": "Made", "s3Name": name, "awsAccountId": id, "lifecycleTtlDays": 3 });
    let made = text(&org.json.post("/v1/buckets", &body).await.data(201), "id");
    let there = of(&upstream, &name);
    assert!(there.on("GET").flag("lifecycle").await.is(200).text().contains("<Days>3</Days>"));
    let shown = org.json.get(&format!("/v1/buckets/{made}")).await.data(200);
    assert_eq!((&shown["isImported"], &shown["awsAccountId"]), (&false.into(), &id.into()));
    let on = json!({ "visibility": true, "cache": true, "cors": true, "lifecycle": true, "optimization": true });
    assert_eq!(shown["managedSettings"], on);
    let there_only = unique("there");
    upstream.client().make(&there_only).await;
    for taken in [&name, &there_only] {
        let again = json!({ "name": "Again", "s3Name": taken, "awsAccountId": id });
        org.json.post("/v1/buckets", &again).await.refused(409, "Bucket name already in use");
    }
    let domain = json!({ "name": "b", "awsAccountId": id, "customDomain": "files.example.test" });
    org.json.post("/v1/buckets", &domain).await.refused(400, "Custom domains are not available on this gateway");
    let managed = json!({ "name": "b", "awsAccountId": id, "isManagedDomain": true });
    org.json.post("/v1/buckets", &managed).await.refused(400, "BYOA requires a custom domain");
}

#[tokio::test]
async fn disconnecting_forgets_the_buckets_and_leaves_the_provider_alone() {
    let (org, upstream) = (Org::new(), Server::start());
    upstream.client().make("kept").await.put("k", "bytes").await.is(200);
    let account = connected(&org.json, &upstream).await;
    let bucket = import(&org.json, &account, &["kept"]).await.remove(0);
    let key = org.key_with(&["files:read"], json!({ "bucketIds": [bucket] })).await;
    org.json.delete(&account).await.data(200);
    org.json.get(&account).await.refused(404, "AWS account not found");
    let path = format!("/v1/buckets/{bucket}");
    until("the bucket is forgotten", async || (org.json.get(&path).await.status == 404).then_some(())).await;
    let shown = org.json.get(&format!("/v1/keys/{}", key.id)).await.data(200);
    assert_eq!(shown["bucketIds"], json!([]), "a key sees no more than before");
    of(&upstream, "kept").get("k").await.is(200).has_body("bytes");
}

#[tokio::test]
async fn a_name_that_is_taken_here_gives_way() {
    let (org, upstream) = (Org::new(), Server::start());
    let ours = org.bucket().await;
    upstream.client().make(&ours.name).await.put("k", "theirs").await.is(200);
    let account = connected(&org.json, &upstream).await;
    let id = import(&org.json, &account, &[&ours.name]).await.remove(0);
    let shown = org.json.get(&format!("/v1/buckets/{id}")).await.data(200);
    let name = text(&shown, "s3Name");
    assert!(shown["name"] == ours.name.as_str() && name.starts_with(&format!("{}-", ours.name)), "{shown}");
    let here = Bucket { client: org.s3.clone(), name };
    here.get("k").await.is(200).has_body("theirs");
    Bucket { client: org.s3.clone(), name: ours.name }.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_an_import_or_of_a_validation_leaves_nothing_half_done() {
    let upstream = Server::start();
    for name in ["one", "two"] {
        upstream.client().make(name).await;
    }
    let proxy = Proxy::before(upstream.address()).await;
    let mut gateway = Server::start();
    let json = Json::new(&gateway.client(), TOKEN);
    let account = format!("/v1/aws-accounts/{}", connect(&json, &theirs(&format!("http://{}", proxy.address()))).await);
    json.call("POST", &format!("{account}/validate")).await.data(200);
    let killed = async |gateway: &mut Server, call: Call, stalls: fn(&Seen) -> bool| {
        proxy.take_seen();
        proxy.always(stalls, Fault::Stalled);
        let asked = tokio::spawn(async move { call.attempt().await.is_err() });
        until("the provider is asked", async || proxy.take_seen().iter().any(stalls).then_some(())).await;
        gateway.kill();
        assert!(asked.await.unwrap(), "it was answered");
        proxy.heal();
    };
    let names = json!({ "bucketNames": ["one", "two"] });
    let call = json.post(&format!("{account}/import"), &names);
    killed(&mut gateway, call, |seen| seen.line.contains("/two?lifecycle")).await;
    let mut gateway = gateway.restart();
    let json = Json::new(&gateway.client(), TOKEN);
    assert_eq!(json.get("/v1/buckets").await.is(200).json()["data"], json!([]));
    let call = json.call("POST", &format!("{account}/validate"));
    killed(&mut gateway, call, |seen| seen.line.contains("max-buckets")).await;
    let mut gateway = gateway.restart();
    let json = Json::new(&gateway.client(), TOKEN);
    assert_eq!(json.get(&account).await.data(200)["status"], "validating");
    json.call("POST", &format!("{account}/validate")).await.data(200);
    assert_eq!(import(&json, &account, &["one", "two"]).await.len(), 2);
    gateway.stop();
    let checked = run(&binary(), "check", &gateway.data().path(), &[]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[tokio::test]
async fn secrets_of_accounts_survive_another_master_key_and_are_nowhere_in_clear() {
    let upstream = Server::start();
    let mut gateway = Server::start();
    let path = connected(&Json::new(&gateway.client(), TOKEN), &upstream).await;
    gateway.stop();
    let data = gateway.data().path();
    let meta = std::fs::read(data.join("meta.redb")).unwrap();
    assert!(!meta.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes()), "the secret is on the disk");
    let rotated = rotate(gateway.data(), &[]);
    assert!(rotated.status.success(), "{rotated:?}");
    let gateway = gateway.restart();
    let json = Json::new(&gateway.client(), TOKEN);
    json.call("POST", &format!("{path}/validate")).await.data(200);
    assert!(!gateway.log().contains(SECRET));
}
