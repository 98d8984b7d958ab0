//! `/files`, `/usage`, `/logs`.

use serde_json::{Value, json};
use windlass_tests::json::text;
use windlass_tests::server::{DataDir, Options, Server};

use super::home::{Project, announced, document, put, refused, send};
use crate::v1::house::until;

fn keys(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| text(item, "key")).collect()
}

#[tokio::test]
async fn files_are_listed_newest_first_by_pages_and_filters() {
    let project = Project::new().await;
    project.route(json!({ "slug": "other" })).await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(text(&project.upload(&project.live, b"x").await, "key"));
    }
    let mut said = announced(5);
    said["routeSlug"] = json!("other");
    all.push(text(&document(&project.live.post("/api/v1/upload/request", &said).await, 200), "key"));
    all.reverse();
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut call = project.live.get("/api/v1/files").query("limit", 3);
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let page = document(&call.await, 200);
        assert_eq!(page["files"], page["items"]);
        seen.extend(keys(&page));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
        assert_eq!(page["hasMore"], true);
    }
    assert_eq!(seen, all);
    let filtered = async |name: &str, value: &str| {
        keys(&document(&project.live.get("/api/v1/files").query(name, value).await, 200))
    };
    assert_eq!(filtered("routeSlug", "other").await, all[..1]);
    assert_eq!(filtered("status", "UPLOADED").await, all[1..]);
    assert_eq!(filtered("status", "UPLOADING").await, all[..1]);
    assert!(filtered("status", "FAILED").await.is_empty());
    refused(&project.live.get("/api/v1/files").query("status", "GONE").await, 400, "VALIDATION_ERROR");
    refused(&project.live.get("/api/v1/files").query("cursor", "x").await, 400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_file_is_found_by_its_key_with_slashes_and_encoded() {
    let project = Project::new().await;
    let file = project.upload(&project.live, b"x").await;
    let key = text(&file, "key");
    assert_eq!(document(&project.live.get(&format!("/api/v1/files/{key}")).await, 200), file);
    let encoded = key.replace('/', "%2F");
    assert_eq!(document(&project.live.get(&format!("/api/v1/files/{encoded}")).await, 200), file);
    for bad in ["nothing", "a/b", "%ff"] {
        refused(&project.live.get(&format!("/api/v1/files/{bad}")).await, 404, "NOT_FOUND");
    }
}

#[tokio::test]
async fn what_is_said_of_a_file_is_merged_and_null_takes_away() {
    let project = Project::new().await;
    let file = project.upload(&project.live, b"x").await;
    let path = format!("/api/v1/files/{}", text(&file, "key"));
    let patch = async |metadata: Value| {
        document(&project.live.patch(&path, &json!({ "metadata": metadata })).await, 200)["metadata"].clone()
    };
    assert_eq!(patch(json!({ "a": 1, "b": { "c": [true] } })).await, json!({ "a": 1, "b": { "c": [true] } }));
    assert_eq!(patch(json!({ "a": null, "d": "e" })).await, json!({ "b": { "c": [true] }, "d": "e" }));
    refused(&project.live.patch(&path, &json!({})).await, 400, "VALIDATION_ERROR");
    refused(&project.live.patch("/api/v1/files/x", &json!({ "metadata": {} })).await, 404, "NOT_FOUND");
}

#[tokio::test]
async fn a_file_is_deleted_once_and_its_address_ends_at_once() {
    let project = Project::new().await;
    let file = project.upload(&project.live, b"hello").await;
    let path = format!("/api/v1/files/{}", text(&file, "key"));
    assert_eq!(document(&project.live.delete(&path).await, 200), json!({ "deleted": true }));
    // S3 tells nobody in particular that a key is missing.
    send(&project.live, "GET", &text(&file, "url"), &[], b"").await.is_error(403, "AccessDenied");
    refused(&project.live.delete(&path).await, 404, "NOT_FOUND");
    refused(&project.live.get(&path).await, 404, "NOT_FOUND");
    assert_eq!(document(&project.live.get("/api/v1/files").await, 200)["items"], json!([]));
    assert_eq!(document(&project.live.get("/api/v1/usage").await, 200)["storageUsed"], 0);
    refused(
        &project.live.post("/api/v1/upload/complete", &json!({ "fileId": file["id"] })).await,
        404,
        "UPLOAD_NOT_FOUND",
    );
}

#[tokio::test]
async fn several_files_are_deleted_as_far_as_they_are_there() {
    let project = Project::new().await;
    let mut keys = Vec::new();
    for body in [&b"a"[..], b"bb", b"ccc"] {
        keys.push(text(&project.upload(&project.live, body).await, "key"));
    }
    let delete = |keys: Value| project.live.call("DELETE", "/api/v1/files").json(&json!({ "keys": keys }));
    let both = document(&delete(json!([keys[0], keys[1]])).await, 200);
    assert_eq!(both, json!({ "deleted": 2, "failed": 0, "failures": [], "reclaimedBytes": 3 }));
    let partly = document(&delete(json!([keys[0], keys[2]])).await, 207);
    let failure = json!({ "key": keys[0], "code": "NOT_FOUND", "message": "File not found" });
    assert_eq!(partly, json!({ "deleted": 1, "failed": 1, "failures": [failure], "reclaimedBytes": 3 }));
    assert_eq!(document(&delete(json!(keys)).await, 404)["failed"], 3);
    refused(&delete(json!([])).await, 400, "VALIDATION_ERROR");
    refused(&delete(json!(vec!["x"; 101])).await, 400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_file_that_is_deleted_over_s3_or_v1_is_deleted_here_at_once() {
    let project = Project::new().await;
    let (first, second) = (project.upload(&project.live, b"one").await, project.upload(&project.live, b"two").await);
    let bucket = text(&first, "url").split('/').nth(3).unwrap().to_owned();
    project.org.s3.request("GET", &bucket, &text(&first, "key")).await.is(200).has_body("one");
    project.org.s3.request("DELETE", &bucket, &text(&first, "key")).await.is(204);
    let buckets = project.org.json.get("/v1/buckets").query("limit", 100).await.page();
    let id =
        buckets.entries.iter().find(|entry| entry["s3Name"] == json!(bucket)).map(|entry| text(entry, "id")).unwrap();
    project.org.json.delete(&format!("/v1/buckets/{id}/files/{}", text(&second, "key"))).await.data(200);
    for file in [&first, &second] {
        refused(&project.live.get(&format!("/api/v1/files/{}", text(file, "key"))).await, 404, "NOT_FOUND");
    }
    let events = document(&project.live.get("/api/v1/logs").await, 200);
    let told: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (text(event, "type"), event["fileId"].clone()))
        .collect();
    let of = |kind: &str, file: &Value| (kind.to_owned(), file["id"].clone());
    let expected = [
        of("file.uploaded", &first),
        of("file.uploaded", &second),
        of("file.deleted", &first),
        of("file.deleted", &second),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn events_are_polled_from_where_one_was() {
    let project = Project::new().await;
    for _ in 0..3 {
        project.upload(&project.live, b"x").await;
    }
    let first = document(&project.live.get("/api/v1/logs").query("limit", 2).await, 200);
    assert_eq!((first["items"].as_array().unwrap().len(), &first["hasMore"]), (2, &json!(true)));
    let rest = document(&project.live.get("/api/v1/logs").query("since", text(&first, "nextCursor")).await, 200);
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["hasMore"]), (1, &json!(false)));
    let last = &rest["items"][0];
    let since = document(&project.live.get("/api/v1/logs").query("since", text(last, "createdAt")).await, 200);
    assert!(since["items"].as_array().unwrap().contains(last));
    let later = document(&project.live.get("/api/v1/logs").query("since", text(last, "id")).await, 200);
    assert_eq!(later["items"], json!([]));
    refused(&project.live.get("/api/v1/logs").query("since", "yesterday").await, 400, "VALIDATION_ERROR");
    assert_eq!(document(&project.test.get("/api/v1/logs").await, 200)["items"], json!([]));
}

#[tokio::test]
async fn usage_counts_bytes_and_uploads_and_tells_the_plan() {
    let project = Project::on("free").await;
    project.upload(&project.live, b"hello").await;
    project.request(&project.live, 5).await;
    let usage = document(&project.live.get("/api/v1/usage").await, 200);
    assert_eq!((&usage["storageUsed"], &usage["uploads"]), (&json!(5), &json!(1)));
    assert_eq!(usage["limits"]["uploads"], 1_000);
    assert_eq!(usage["limits"]["maxFileSize"], 4 << 20);
    let history = document(&project.live.get("/api/v1/usage/history").await, 200);
    let months = history["items"].as_array().unwrap();
    assert_eq!((months.len(), &months[0]["period"], &months[0]["uploads"]), (12, &usage["period"], &json!(1)));
    assert!(months[0]["period"].as_str() > months[1]["period"].as_str());
    assert_eq!(months[11]["uploads"], 0);
}

#[tokio::test]
async fn a_free_plan_ends_with_its_storage_its_uploads_and_its_bandwidth() {
    let config = "[[plan]]\nname = \"free\"\nmax_storage_bytes = 20\nuploads_per_month = 2\n\
                  max_bandwidth_bytes_per_month = 12\n[[organisation]]\nname = \"small\"\n\
                  plan = \"free\"\n[[organisation.key]]\nname = \"owner\"\naccess_key_id = \"SMALLSMALL\"\n\
                  secret_access_key = \"small-secret-0123\"\ntoken = \"bkt_SMALLAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"\n";
    let server = Server::start_with(Options::default().config(config), DataDir::new());
    let root = windlass_tests::json::Json::new(&server.client(), "bkt_SMALLAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let id = text(&document(&root.post("/api/v1/projects", &json!({ "name": "App" })).await, 201), "id");
    document(&root.post(&format!("/api/v1/projects/{id}/routers"), &json!({ "slug": "files" })).await, 201);
    let key = document(&root.post(&format!("/api/v1/projects/{id}/keys"), &json!({})).await, 201);
    let live = root.with(&text(&key, "key"));
    let request = |size: usize| live.post("/api/v1/upload/request", &announced(size));
    assert_eq!(refused(&request(21).await, 403, "TIER_LIMIT_EXCEEDED"), "Storage limit reached");
    // Three are announced side by side where two are allowed.
    let mut requested = Vec::new();
    for _ in 0..3 {
        requested.push(document(&request(5).await, 200));
        put(&live, &text(requested.last().unwrap(), "uploadUrl"), "text/plain", b"hello").await.is(200);
    }
    let complete = |file: &Value| live.post("/api/v1/upload/complete", &json!({ "fileId": file["fileId"] }));
    let file = document(&complete(&requested[0]).await, 200);
    document(&complete(&requested[1]).await, 200);
    for call in [complete(&requested[2]), request(5)] {
        assert_eq!(refused(&call.await, 403, "TIER_LIMIT_EXCEEDED"), "Monthly upload limit reached");
    }
    document(&complete(&requested[1]).await, 200);
    until("what was sent is counted", async || {
        send(&live, "GET", &text(&file, "url"), &[], b"").await.is(200);
        let told = refused(&request(5).await, 403, "TIER_LIMIT_EXCEEDED");
        (told == "Monthly bandwidth limit reached").then_some(())
    })
    .await;
}
