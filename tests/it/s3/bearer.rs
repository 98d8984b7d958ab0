//! S3 with an API key: as a bearer token, and as an access key id that is its own secret.

use serde_json::json;
use windlass_tests::answer::Answer;
use windlass_tests::client::Client;
use windlass_tests::json::Json;
use windlass_tests::request::Auth;
use windlass_tests::server::{DataDir, Options, Server, TOKEN};
use windlass_tests::wire::Wire;

use crate::home::{Home, PART, shared, unique};

/// A key minted over `/v1`.
struct Minted {
    id: String,
    token: String,
}

/// Claims an error in JSON, in words that no contract fixes.
#[track_caller]
fn told(answer: Answer, status: u16, code: &str) {
    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    assert!(!message.is_empty(), "{}", answer.describe());
    answer.bare_error(status, code, &message);
}

async fn mint(client: &Client, document: serde_json::Value) -> Minted {
    let made = Json::new(client, TOKEN).post("/v1/keys", &document).await.data(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    Minted { id: text("id"), token: text("key") }
}

#[tokio::test]
async fn every_operation_takes_a_token_in_place_of_a_signature() {
    let server = shared();
    let client = server.client();
    let root = Json::new(&client, TOKEN);
    let bucket = format!("/{}", unique("bearer"));
    let at = |key: &str| format!("{bucket}/{key}");
    root.put(&bucket, "").await.is(200);
    root.call("HEAD", &bucket).await.is(200);
    root.put(&at("k"), "value").header("content-type", "text/plain").header("x-amz-meta-a", "1").await.is(200);
    root.get(&at("k")).await.is(200).has_body("value").has("x-amz-meta-a", "1").has("content-type", "text/plain");
    root.get(&at("k")).header("range", "bytes=1-2").await.is(206).has_body("al");
    root.call("HEAD", &at("k")).await.is(200).has("content-length", "5");
    root.put(&at("copy"), "").header("x-amz-copy-source", at("k")).await.is(200);
    let names = root.get("/").await.is(200).xml().texts("Buckets/Bucket/Name");
    assert!(names.contains(&bucket[1..].to_owned()), "{names:?}");
    let listed = root.get(&bucket).query("list-type", 2).await.is(200);
    assert_eq!(listed.xml().texts("Contents/Key"), ["copy", "k"]);
    root.get(&bucket).query("location", "").await.is(200);

    let upload = root.call("POST", &at("parts")).query("uploads", "").await.is(200).xml().text("UploadId").to_owned();
    let part = |number: u32, body: Vec<u8>| {
        root.put(&at("parts"), body).query("partNumber", number).query("uploadId", &upload)
    };
    let etags = [part(1, vec![b'a'; PART]).await.is(200).etag(), part(2, b"b".to_vec()).await.is(200).etag()];
    let parts: String = (1..)
        .zip(&etags)
        .map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"))
        .collect();
    let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    root.call("POST", &at("parts")).query("uploadId", &upload).body(document).await.is(200);
    root.call("HEAD", &at("parts")).await.is(200).has("content-length", &(PART + 1).to_string());

    root.delete(&at("k")).await.is(204);
    let document = "<Delete><Object><Key>copy</Key></Object><Object><Key>parts</Key></Object></Delete>";
    root.call("POST", &bucket).query("delete", "").body(document).await.is(200);
    root.delete(&bucket).await.is(204);
}

#[tokio::test]
async fn a_bearer_is_told_of_errors_in_json() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let root = Json::new(&home.client, TOKEN);
    let bucket = format!("/{}", home.name);
    let missing = root.get(&format!("{bucket}/missing")).await;
    let missing = missing.bare_error(404, "not_found", "The requested object does not exist.");
    missing.need("x-amz-request-id");
    root.get("/no-such-bucket-here/k").await.bare_error(404, "not_found", "The requested bucket does not exist.");
    root.call("HEAD", &format!("{bucket}/missing")).await.is(404).has_body("").lacks("content-type");
    told(root.delete(&bucket).await, 409, "conflict");
    told(root.put("/A", "").await, 400, "bad_request");
    told(root.put(&bucket, "<X/>").query("encryption", "").await, 501, "server_error");
    let too_large = root.put(&format!("{bucket}/big"), "").header("content-length", "5368709121").prepare();
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(too_large.head_with("")).await;
    told(wire.answer().await.unwrap(), 413, "too_large");
}

#[tokio::test]
async fn tokens_that_are_none_are_told_apart() {
    let server = Server::start_with(Options::default().config(GONE), DataDir::new());
    let client = server.client();
    client.make("bucket").await.put("k", "v").await.is(200);
    let unknown = format!("bkt_{}", "C".repeat(43));
    for (authorization, message) in [
        (format!("Bearer {unknown}"), "Invalid API key"),
        ("Bearer bkt_short".to_owned(), "Invalid API key"),
        ("Bearer xyz".to_owned(), "Invalid API key format"),
        ("Bearer".to_owned(), "Missing API key"),
        (format!("Bearer bkt_{}", "B".repeat(43)), "API key expired"),
    ] {
        let refused = Json::saying(&client, &authorization).get("/bucket/k").await;
        refused.bare_error(401, "unauthorized", message).has("www-authenticate", "Bearer");
    }
    let nobody = Json::anonymous(&client);
    let refused = nobody.get("/bucket/k").header("accept", "application/json").await;
    refused.bare_error(401, "unauthorized", "Missing API key").has("www-authenticate", "Bearer");
    nobody.get("/bucket/k").await.is_error(403, "AccessDenied");
    nobody.get("/bucket/k").header("accept", "*/*").await.is_error(403, "AccessDenied");
    // Whoever signs speaks S3, whatever it accepts.
    let signed = client.request("GET", "bucket", "missing").header("accept", "application/json");
    signed.await.is_error(404, "NoSuchKey");
    // Two credentials at once are none.
    let both = client.request("GET", "bucket", "k").auth(Auth::PresignedV4(60)).prepare();
    let both = both.with("authorization", format!("Bearer {TOKEN}"));
    told(client.send(both).await, 400, "bad_request");
}

const GONE: &str = r#"
[[organisation]]
name = "acme"
[[organisation.key]]
name = "gone"
access_key_id = "ACMEACCESSKEY0000003"
secret_access_key = "acme-secret-0123456789"
token = "bkt_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
expires_at = 2001-01-01T00:00:00Z
"#;

#[tokio::test]
async fn a_minted_key_bears_signs_and_ends_at_once() {
    let home = Home::new().await;
    let other = home.another().await;
    home.put("k", "v").await.is(200);
    other.put("k", "v").await.is(200);
    let root = Json::new(&home.client, TOKEN);
    let buckets = root.get("/v1/buckets").query("limit", 100).await.page();
    let mine = buckets.entries.iter().find(|bucket| bucket["s3Name"] == home.name.as_str()).unwrap()["id"].clone();
    let document = json!({ "name": "n", "permissions": ["files:read"], "bucketIds": [mine] });
    let key = mint(&home.client, document).await;
    let bearer = Json::new(&home.client, &key.token);
    let path = format!("/{}/k", home.name);
    bearer.get(&path).await.is(200).has_body("v");
    bearer.put(&path, "w").await.bare_error(403, "forbidden", "Access Denied");
    told(bearer.get(&format!("/{}/k", other.name)).await, 404, "not_found");
    // The key as a pair: its own access key id and its own secret.
    home.get("k").keys(&key.token, &key.token).await.is(200).has_body("v");
    home.put("k", "w").keys(&key.token, &key.token).await.is_error(403, "AccessDenied");
    home.get("k").keys(&key.token, "another secret").await.is_error(403, "SignatureDoesNotMatch");
    let unknown = format!("bkt_{}", "C".repeat(43));
    home.get("k").keys(&unknown, &unknown).await.is_error(403, "InvalidAccessKeyId");

    root.delete(&format!("/v1/keys/{}", key.id)).await.data(200);
    bearer.get(&path).await.bare_error(401, "unauthorized", "Invalid API key");
    home.get("k").keys(&key.token, &key.token).await.is_error(403, "InvalidAccessKeyId");
}

#[tokio::test]
async fn an_api_key_is_no_part_of_an_address_and_of_no_log() {
    let mut server = Server::start_with(Options::default().env("WINDLASS_LOG_LEVEL", "trace"), DataDir::new());
    let client = server.client();
    let bucket = client.make("bucket").await;
    bucket.put("k", "v").await.is(200);
    bucket.get("k").keys(TOKEN, TOKEN).await.is(200);
    for auth in [Auth::PresignedV4(60), Auth::PresignedV2(60)] {
        bucket.get("k").keys(TOKEN, TOKEN).auth(auth).await.is_error(403, "AccessDenied");
    }
    Json::new(&client, TOKEN).get("/bucket/k").await.is(200);
    // Garbled in all ways that come to mind.
    for authorization in [
        format!("AWS4-HMAC-SHA256 {TOKEN}"),
        format!("AWS4-HMAC-SHA256 Credential={TOKEN}"),
        format!("AWS4-HMAC-SHA256 Credential={TOKEN}/x, SignedHeaders=host, Signature={TOKEN}"),
        format!("AWS {TOKEN}:x"),
        format!("Bearer  {TOKEN}"),
        format!("Basic {TOKEN}"),
        TOKEN.to_owned(),
    ] {
        let refused = Json::saying(&client, &authorization).get("/bucket/k").await;
        assert!((400..404).contains(&refused.status), "{authorization}: {}", refused.describe());
    }
    assert!(server.stop().success());
    let log = server.log();
    assert!(log.contains("/bucket/k") && !log.contains(TOKEN), "{log}");
}

const TINY: &str = r#"
[[plan]]
name = "tiny"
s3_requests_per_minute = 3
[[plan]]
name = "metered"
max_requests_per_minute = 1000
max_bandwidth_bytes_per_month = 10
enforce_bandwidth = true
[[organisation]]
name = "tiny"
plan = "tiny"
buckets = ["tiny-things"]
[[organisation.key]]
name = "key"
access_key_id = "TINYACCESSKEY0000001"
secret_access_key = "tiny-secret-0123456789"
token = "bkt_TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT"
[[organisation]]
name = "metered"
plan = "metered"
buckets = ["metered-things"]
[[organisation.key]]
name = "key"
access_key_id = "METEREDACCESSKEY0001"
secret_access_key = "metered-secret-0123456789"
token = "bkt_MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM"
"#;

#[tokio::test]
async fn a_plan_s_requests_are_counted_over_all_its_credentials() {
    let server = Server::start_with(Options::default().config(TINY), DataDir::new());
    let signer = server.client().with_keys("TINYACCESSKEY0000001", "tiny-secret-0123456789");
    let bearer = Json::new(&signer, &format!("bkt_{}", "T".repeat(43)));
    // What is not authenticated costs nobody anything.
    for _ in 0..5 {
        signer.request("GET", "tiny-things", "k").keys("TINYACCESSKEY0000001", "wrong").await.is(403);
        Json::anonymous(&signer).get("/tiny-things/k").await.is(403);
    }
    signer.request("PUT", "tiny-things", "k").body("v").await.is(200);
    bearer.get("/tiny-things/k").await.is(200);
    signer.request("GET", "tiny-things", "missing").await.is(404);
    let seconds = |text: &str| (1..=60).contains(&text.parse::<u64>().unwrap());
    let refused = signer.request("PUT", "tiny-things", "k").body("w").await.is_error(429, "SlowDown");
    assert!(seconds(refused.need("retry-after")), "{}", refused.describe());
    let refused = bearer.get("/tiny-things/k").await;
    let refused = refused.bare_error(429, "rate_limited", "Please reduce your request rate.");
    assert!(seconds(refused.need("retry-after")), "{}", refused.describe());
    // The JSON doors have a number of their own, and other organisations theirs.
    bearer.get("/v1/buckets").await.is(200);
    server.client().request("GET", "", "").await.is(200);
}

#[tokio::test]
async fn a_crowd_has_as_many_requests_as_the_owner_and_takes_none_of_the_owner_s() {
    let server = Server::start_with(Options::default().config(TINY), DataDir::new());
    let signer = server.client().with_keys("TINYACCESSKEY0000001", "tiny-secret-0123456789");
    let nobody = Json::anonymous(&signer);
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::tiny-things/k"
    }] });
    signer.request("PUT", "tiny-things", "k").body("v").await.is(200);
    signer.request("PUT", "tiny-things", "").flag("policy").body(policy.to_string()).await.is(204);
    for _ in 0..3 {
        nobody.get("/tiny-things/other").await.is(403);
        nobody.get("/tiny-things/k").await.is(200).has_body("v");
    }
    nobody.get("/tiny-things/k").await.is_error(429, "SlowDown").need("retry-after");
    signer.request("GET", "tiny-things", "k").await.is(200);
}

#[tokio::test]
async fn a_month_s_bandwidth_ends_downloads_and_nothing_else() {
    let server = Server::start_with(Options::default().config(TINY), DataDir::new());
    let signer = server.client().with_keys("METEREDACCESSKEY0001", "metered-secret-0123456789");
    let bearer = Json::new(&signer, &format!("bkt_{}", "M".repeat(43)));
    let object = |method: &str| signer.request(method, "metered-things", "k");
    object("PUT").body("12345678").await.is(200);
    let used = async || {
        let usage = bearer.get("/v1/billing/usage").await.data(200);
        usage["bandwidth"]["usedBytes"].as_u64().unwrap()
    };
    // Neither heads nor listings nor refusals are the bytes of objects.
    object("HEAD").await.is(200);
    signer.request("GET", "metered-things", "").await.is(200);
    signer.request("GET", "metered-things", "missing").await.is(404);
    assert_eq!(used().await, 0);
    object("GET").header("range", "bytes=0-2").await.is(206).has_body("123");
    assert_eq!(used().await, 3);
    object("GET").await.is(200).has_body("12345678");
    assert_eq!(used().await, 11);
    object("GET").await.is_error(402, "QuotaExceeded");
    let message = "Bandwidth limit exceeded. Upgrade your plan.";
    bearer.get("/metered-things/k").await.bare_error(402, "payment_required", message);
    object("HEAD").await.is(200);
    object("PUT").body("more").await.is(200);
    assert_eq!(used().await, 11);
}

#[tokio::test]
async fn a_bucket_s_limits_are_told_before_the_body_is_sent() {
    let home = Home::new().await;
    let root = Json::new(&home.client, TOKEN);
    let buckets = root.get("/v1/buckets").query("limit", 100).await.page();
    let id = buckets.entries.iter().find(|bucket| bucket["s3Name"] == home.name.as_str()).unwrap()["id"].clone();
    let settings = json!({ "maxFileSizeBytes": 10, "allowedMimeTypes": ["text/*"] });
    root.patch(&format!("/v1/buckets/{}", id.as_str().unwrap()), &settings).await.data(200);
    let put = |body: &'static str, kind: &str| home.put("k", body).header("content-type", kind);
    put("0123456789", "text/plain").await.is(200);
    put("0123456789a", "text/plain").await.is_error(400, "EntityTooLarge");
    put("0123456789", "image/png").await.is_error(403, "AccessDenied");
    // A client that waits to be told to go on is not told so.
    for (prepared, code) in [
        (put("0123456789a", "text/plain").prepare(), "EntityTooLarge"),
        (put("0123456789", "image/png").prepare(), "AccessDenied"),
    ] {
        let mut wire = Wire::connect(home.server.address()).await;
        wire.send(prepared.with("expect", "100-continue").head()).await;
        let refused = wire.answer().await.unwrap();
        assert_eq!(refused.xml().text("Code"), code, "{}", refused.describe());
    }
    let bearer =
        |body: &'static str, kind: &str| root.put(&format!("/{}/k", home.name), body).header("content-type", kind);
    told(bearer("0123456789a", "text/plain").await, 413, "too_large");
    told(bearer("0123456789", "image/png").await, 403, "forbidden");
    home.get("k").await.is(200).has_body("0123456789");
}
