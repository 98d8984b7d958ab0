//! Who is let in, how often, and what pages are told.

use std::sync::Arc;

use serde_json::json;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use super::home::{Project, announced, document, put, refused};

const NOBODY: &str = "Invalid or missing API key";

#[tokio::test]
async fn a_key_is_presented_in_one_of_three_ways() {
    let project = Project::new().await;
    let key = project.key(false).await;
    let nobody = Json::anonymous(project.live.client());
    for (name, value) in
        [("x-api-key", key.clone()), ("x-api-key", format!("Bearer {key}")), ("authorization", format!("Bearer {key}"))]
    {
        document(&nobody.get("/api/v1/files").header(name, value).await, 200);
    }
    let wrong = format!("uk_live_{}", "x".repeat(32));
    for call in [
        nobody.get("/api/v1/files"),
        nobody.get("/api/v1/files").query("x-api-key", &key).query("api_key", &key),
        nobody.get("/api/v1/files").header("x-api-key", &wrong),
        nobody.get("/api/v1/files").header("authorization", &key),
        nobody.get("/api/v1/files").header("x-api-key", &key).header("authorization", format!("Bearer {key}")),
        nobody.get("/api/v1/files").header("authorization", format!("Bearer {}", project.org.token)),
        nobody.get("/api/v1/projects"),
        nobody
            .get("/api/v1/projects")
            .header("authorization", format!("Bearer {}", project.org.token.replace("bkt_", "bkt_x"))),
    ] {
        assert_eq!(refused(&call.await, 401, "UNAUTHORIZED"), NOBODY);
    }
}

#[tokio::test]
async fn a_revoked_key_is_nobody_s_at_once_and_with_the_last_one_links_end() {
    let project = Project::new().await;
    let keys = format!("/api/v1/projects/{}/keys", project.id);
    let requested = project.request(&project.live, 5).await;
    let listed = document(&project.org.json.get(&keys).await, 200);
    let all: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|key| (text(key, "id"), key["isTest"].clone())).collect();
    assert_eq!(all.len(), 2);
    let (test, live): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, is_test)| *is_test == json!(true));
    let revoke = |id: &str| project.org.json.delete(&format!("/api/v1/keys/{id}"));
    assert_eq!(document(&revoke(&live[0].0).await, 200), json!({ "deleted": true }));
    refused(&project.live.get("/api/v1/files").await, 401, "UNAUTHORIZED");
    refused(&revoke(&live[0].0).await, 404, "NOT_FOUND");
    let link = text(&requested, "uploadUrl");
    assert_eq!(put(&project.test, &link, "text/plain", b"hello").await.status, 200, "the project still has a key");
    document(&revoke(&test[0].0).await, 200);
    put(&project.test, &link, "text/plain", b"hello").await.is_error(403, "InvalidAccessKeyId");
}

#[tokio::test]
async fn what_signs_links_is_told_to_nobody() {
    let project = Project::new().await;
    let requested = project.request(&project.live, 5).await;
    let link = text(&requested, "uploadUrl");
    let (_, rest) = link.split_once("X-Amz-Credential=").unwrap();
    let access = rest.split("%2F").next().unwrap();
    let keys = project.org.json.get("/v1/keys").query("limit", 100).await.page();
    assert!(keys.texts("prefix").iter().all(|prefix| !access.starts_with(prefix.as_str())), "it is listed");
    assert!(keys.texts("name").iter().all(|name| !name.contains("project")), "it is listed");
}

#[tokio::test]
async fn every_answer_lets_every_page_read_it() {
    let project = Project::new().await;
    let nobody = Json::anonymous(project.live.client());
    let preflight = nobody.call("OPTIONS", "/api/v1/upload/request").header("origin", "https://a.test").await.is(204);
    assert!(preflight.body.is_empty());
    for answer in [
        preflight,
        project.live.get("/api/v1/files").await.is(200),
        nobody.get("/api/v1/files").await.is(401),
        nobody.get("/api/v1/nowhere").await.is(404),
        project.live.put("/api/v1/files", "").await.is(405).has("allow", "DELETE,GET,HEAD"),
    ] {
        answer
            .has("access-control-allow-origin", "*")
            .has("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
            .has("access-control-allow-headers", "Content-Type, Authorization, x-api-key, x-uploadkit-version")
            .has("access-control-max-age", "86400");
    }
    refused(&nobody.get("/api/v1/nowhere").await, 404, "NOT_FOUND");
}

#[tokio::test]
async fn a_browser_may_put_to_a_link_and_read_the_tag() {
    let project = Project::new().await;
    let requested = project.request(&project.live, 5).await;
    let link = text(&requested, "uploadUrl");
    let asks = [
        ("origin", "https://a.test"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "content-type"),
    ];
    let answer = super::home::send(&project.live, "OPTIONS", &link, &asks, b"").await.is(200);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let headers = [("origin", "https://a.test"), ("content-type", "text/plain")];
    let answer = super::home::send(&project.live, "PUT", &link, &headers, b"hello").await.is(200);
    assert_eq!(answer.header("access-control-expose-headers"), Some("ETag"));
}

#[tokio::test]
async fn each_key_has_a_window_of_its_own() {
    let project = Project::on("free").await;
    let first = project.live.get("/api/v1/files").await.is(200);
    assert_eq!((first.need("x-ratelimit-limit"), first.need("x-ratelimit-remaining")), ("60", "59"));
    for _ in 0..59 {
        project.live.get("/api/v1/files").await.is(200);
    }
    let answer = project.live.get("/api/v1/files").await;
    let message = refused(&answer, 429, "RATE_LIMITED");
    let seconds = answer.need("retry-after");
    assert_eq!(message, format!("Rate limit exceeded. Retry after {seconds} seconds"));
    assert_eq!(answer.need("x-ratelimit-remaining"), "0");
    answer.need("x-ratelimit-reset");
    project.test.get("/api/v1/files").await.is(200);
}

#[tokio::test]
async fn over_plain_http_only_those_are_answered_whom_nobody_can_hear() {
    let config = |more: &str| format!("[proxy]\ntrusted = [\"127.0.0.1\"]\n{more}");
    let start = |more: &str| Arc::new(Server::start_with(Options::default().config(&config(more)), DataDir::new()));
    let server = start("");
    let root = Json::new(&server.client(), TOKEN);
    let from = |root: &Json, scheme: &str| {
        root.get("/api/v1/projects").header("x-forwarded-for", "203.0.113.9").header("x-forwarded-proto", scheme)
    };
    document(&root.get("/api/v1/projects").await, 200);
    document(&from(&root, "https").await, 200);
    assert_eq!(refused(&from(&root, "http").await, 403, "INSECURE_URL"), "This API is spoken over HTTPS only");
    let allowed = start("[uploads]\nallow_http = true");
    document(&from(&Json::new(&allowed.client(), TOKEN), "http").await, 200);
}

#[tokio::test]
async fn what_a_test_key_uploads_is_apart_and_counts_for_nothing() {
    let project = Project::new().await;
    let (live, test) = (project.upload(&project.live, b"live").await, project.upload(&project.test, b"test").await);
    for (mine, by, other) in [(&live, &project.live, &project.test), (&test, &project.test, &project.live)] {
        let path = format!("/api/v1/files/{}", text(mine, "key"));
        document(&by.get(&path).await, 200);
        for call in [other.get(&path), other.patch(&path, &json!({ "metadata": {} })), other.delete(&path)] {
            refused(&call.await, 404, "NOT_FOUND");
        }
        refused(
            &other.post("/api/v1/upload/complete", &json!({ "fileId": mine["id"] })).await,
            404,
            "UPLOAD_NOT_FOUND",
        );
        let listed = document(&by.get("/api/v1/files").await, 200);
        assert_eq!(listed["items"], json!([mine]));
    }
    // Who owns the buckets reads both, and puts nothing where it would count for nothing.
    for (file, status) in [(&test, 403), (&live, 200)] {
        let bucket = text(file, "url").split('/').nth(3).unwrap().to_owned();
        project.org.s3.request("GET", &bucket, &text(file, "key")).await.is(200);
        project.org.s3.request("PUT", &bucket, "more").body("more").await.is(status);
        project.org.s3.request("DELETE", &bucket, "more").await.is(204);
    }
    let usage = document(&project.live.get("/api/v1/usage").await, 200);
    assert_eq!((&usage["storageUsed"], &usage["uploads"]), (&json!(4), &json!(1)));
    let billed = crate::v1::house::until("what was sent is counted", async || {
        let billed = project.org.json.get("/v1/billing/usage").await.data(200);
        (billed["bandwidth"]["usedBytes"] != 0).then_some(billed)
    })
    .await;
    assert_eq!((&billed["storage"]["usedBytes"], &billed["bandwidth"]["usedBytes"]), (&json!(4), &json!(4)));
}

#[tokio::test]
async fn a_test_key_changes_nothing_but_what_it_uploads() {
    let project = Project::new().await;
    let path = format!("/api/v1/projects/{}", project.id);
    document(&project.test.get(&path).await, 200);
    let route = text(&document(&project.test.get(&format!("{path}/routers")).await, 200)["items"][0], "id");
    for call in [
        project.test.patch(&path, &json!({ "name": "x" })),
        project.test.delete(&path),
        project.test.post(&format!("{path}/routers"), &json!({ "slug": "x" })),
        project.test.patch(&format!("/api/v1/routers/{route}"), &json!({})),
        project.test.delete(&format!("/api/v1/routers/{route}")),
        project.test.post(&format!("{path}/keys"), &json!({})),
        project.test.get(&format!("{path}/signing-keys")),
        project.test.post("/api/v1/projects", &json!({ "name": "x" })),
        project.live.post("/api/v1/projects", &json!({ "name": "x" })),
    ] {
        refused(&call.await, 403, "FORBIDDEN");
    }
    let made = document(&project.test.post(&format!("{path}/keys"), &json!({ "isTest": true })).await, 201);
    document(&project.test.delete(&format!("/api/v1/keys/{}", text(&made, "id"))).await, 200);
    project.request(&project.test, 5).await;
    document(&project.test.post("/api/v1/upload/request", &announced(5)).await, 200);
}

#[tokio::test]
async fn keys_of_the_organisation_need_the_scope_of_what_they_ask() {
    let project = Project::new().await;
    let path = format!("/api/v1/projects/{}", project.id);
    let reader = project.org.caller(&["buckets:read"]).await;
    let writer = project.org.caller(&["buckets:write"]).await;
    document(&reader.get(&path).await, 200);
    let denied = reader.post("/api/v1/projects", &json!({ "name": "x" })).await;
    refused(&denied, 403, "FORBIDDEN");
    for header in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        denied.need(header);
    }
    refused(&reader.get(&format!("{path}/signing-keys")).await, 403, "FORBIDDEN");
    refused(&writer.get(&path).await, 403, "FORBIDDEN");
    refused(&writer.delete(&path).await, 403, "FORBIDDEN");
    document(&writer.post("/api/v1/projects", &json!({ "name": "x" })).await, 201);
    let scoped = project.org.key_with(&["buckets:read", "buckets:write"], json!({ "bucketIds": [] })).await;
    let scoped = project.org.json.with(&scoped.token);
    refused(&scoped.get(&path).await, 404, "NOT_FOUND");
    refused(&scoped.post("/api/v1/projects", &json!({ "name": "x" })).await, 403, "FORBIDDEN");
    assert_eq!(document(&scoped.get("/api/v1/projects").await, 200)["items"], json!([]));
}

#[tokio::test]
async fn the_module_for_pages_is_there_and_the_page_to_try_it_with_only_where_it_is_asked_for() {
    let project = Project::new().await;
    let nobody = Json::anonymous(project.live.client());
    let module = nobody.get("/-/upload.js").await.is(200);
    let module = module.has("content-type", "text/javascript; charset=utf-8").has("access-control-allow-origin", "*");
    assert!(module.text().contains("export function upload("));
    nobody.get("/-/upload.d.ts").await.is(200);
    for path in ["/-/demo", "/-/demo/demo.js", "/-/demo/demo.css"] {
        nobody.get(path).await.is(404);
    }
    let server = Server::start_with(Options::default().config("[uploads]\ndemo = true\n"), DataDir::new());
    let page = Json::anonymous(&server.client()).get("/-/demo").await.is(200);
    assert!(page.need("content-security-policy").starts_with("default-src 'none'; script-src 'self';"));
}

#[tokio::test]
async fn no_log_holds_a_key_or_a_link() {
    let project = Project::new().await;
    let key = project.key(false).await;
    let requested = project.request(&project.live, 5).await;
    let path = format!("/api/v1/projects/{}/signing-keys", project.id);
    let secrets = document(&project.live.get(&path).await, 200);
    let signature = text(&requested, "uploadUrl").rsplit('=').next().unwrap().to_owned();
    let logged = crate::v1::house::until("the requests are logged", async || {
        let page = project.org.json.get("/v1/logs").query("limit", 100).await.page();
        page.entries.iter().any(|entry| entry.to_string().contains("signing-keys")).then_some(page)
    })
    .await;
    let mut whole = String::new();
    for id in logged.texts("id") {
        whole.push_str(project.org.json.get(&format!("/v1/logs/{id}")).await.is(200).text());
    }
    assert!(whole.contains("/api/v1/upload/request") && whole.contains(&text(&requested, "fileId")), "{whole}");
    for secret in [key, signature, text(&secrets, "currentSigningKey"), text(&secrets, "nextSigningKey")] {
        assert!(!whole.contains(&secret), "{secret} is in the log");
    }
}
