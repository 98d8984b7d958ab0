//! `/projects`, `/routers`, `/keys`.

use serde_json::json;
use windlass_tests::json::text;
use windlass_tests::shape::{Kind, has_shape};

use super::home::{Project, document, put, refused, send};
use crate::v1::house::{Org, until};

#[tokio::test]
async fn a_project_is_made_named_anew_and_listed() {
    let org = Org::new();
    let made = document(&org.json.post("/api/v1/projects", &json!({ "name": "My App (2)!" })).await, 201);
    let shape = [
        ("id", Kind::Id("proj_")),
        ("name", Kind::Text),
        ("slug", Kind::Text),
        ("createdAt", Kind::Time),
        ("updatedAt", Kind::Time),
    ];
    has_shape(&made, &shape);
    let slug = text(&made, "slug");
    assert!(slug.starts_with("my-app-2-") && slug.len() == "my-app-2-".len() + 6, "{slug}");
    let path = format!("/api/v1/projects/{}", text(&made, "id"));
    let renamed = document(&org.json.patch(&path, &json!({ "name": "Other" })).await, 200);
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Other"), &json!(slug)));
    assert_eq!(document(&org.json.get(&path).await, 200), renamed);
    for _ in 0..3 {
        document(&org.json.post("/api/v1/projects", &json!({ "name": "x" })).await, 201);
    }
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut call = org.json.get("/api/v1/projects").query("limit", 3);
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let page = document(&call.await, 200);
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| text(item, "id")));
        assert_eq!(page["hasMore"], json!(page["nextCursor"].is_string()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen.len(), 4);
    for name in [json!(""), json!("x".repeat(101)), json!(7), json!(null)] {
        refused(&org.json.post("/api/v1/projects", &json!({ "name": name })).await, 400, "VALIDATION_ERROR");
    }
    for bad in ["proj_x", "proj_00000000000000000000000000", "x"] {
        refused(&org.json.get(&format!("/api/v1/projects/{bad}")).await, 404, "NOT_FOUND");
    }
    refused(&org.json.get("/api/v1/projects").query("cursor", "!").await, 400, "VALIDATION_ERROR");
    refused(&org.json.get("/api/v1/projects").query("limit", 101).await, 400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_plan_bounds_projects_and_keys_and_not_its_buckets_by_them() {
    let project = Project::on("free").await;
    let org = &project.org;
    document(&org.json.post("/api/v1/projects", &json!({ "name": "two" })).await, 201);
    let third = org.json.post("/api/v1/projects", &json!({ "name": "three" })).await;
    assert_eq!(refused(&third, 403, "TIER_LIMIT_EXCEEDED"), "Project limit of 2 reached");
    assert_eq!(document(&third, 403)["error"]["suggestion"], "Upgrade your plan.");
    let keys = org.json.post(&format!("/api/v1/projects/{}/keys", project.id), &json!({})).await;
    assert_eq!(refused(&keys, 403, "TIER_LIMIT_EXCEEDED"), "API key limit of 2 per project reached");
    // The plan has one bucket, and projects' buckets are not counted.
    org.json.post("/v1/buckets", &json!({ "name": "mine" })).await.data(201);
    let large =
        json!({ "fileName": "a", "fileSize": (4 << 20) + 1, "contentType": "text/plain", "routeSlug": "files" });
    let told = refused(&project.live.post("/api/v1/upload/request", &large).await, 413, "FILE_TOO_LARGE");
    assert_eq!(told, "File size 4194305 bytes exceeds the 4194304 byte limit");
}

#[tokio::test]
async fn routes_have_a_slug_of_their_own_and_defaults() {
    let project = Project::new().await;
    let made = project.route(json!({ "slug": "avatars" })).await;
    assert_eq!(
        (&made["maxFileSize"], &made["maxFileCount"], &made["allowedTypes"], &made["webhookUrl"]),
        (&json!(4 << 20), &json!(1), &json!([]), &json!(null))
    );
    let path = format!("/api/v1/projects/{}/routers", project.id);
    refused(&project.live.post(&path, &json!({ "slug": "avatars" })).await, 409, "DUPLICATE_SLUG");
    for (bad, what) in [
        (json!({}), "no slug"),
        (json!({ "slug": "1a" }), "a digit first"),
        (json!({ "slug": "a-b" }), "a hyphen"),
        (json!({ "slug": "x", "maxFileSize": 0 }), "no bytes"),
        (json!({ "slug": "x", "allowedTypes": ["image"] }), "no type"),
        (json!({ "slug": "x", "webhookUrl": "ftp://a" }), "no URL"),
    ] {
        assert_eq!(project.live.post(&path, &bad).await.status, 400, "{what}");
    }
    let one = format!("/api/v1/routers/{}", text(&made, "id"));
    let change = json!({ "maxFileSize": 9, "allowedTypes": ["image/*"], "webhookUrl": "https://a.test/x" });
    let changed = document(&project.live.patch(&one, &change).await, 200);
    assert_eq!(
        (&changed["maxFileSize"], &changed["webhookUrl"], &changed["slug"]),
        (&json!(9), &json!("https://a.test/x"), &json!("avatars"))
    );
    let changed = document(&project.live.patch(&one, &json!({ "webhookUrl": null })).await, 200);
    assert_eq!((&changed["maxFileSize"], &changed["webhookUrl"]), (&json!(9), &json!(null)));
    assert_eq!(document(&project.live.get(&path).await, 200)["items"].as_array().unwrap().len(), 2);
    assert_eq!(document(&project.live.delete(&one).await, 200), json!({ "deleted": true }));
    refused(&project.live.patch(&one, &json!({})).await, 404, "NOT_FOUND");
    refused(&project.live.delete(&one).await, 404, "NOT_FOUND");
}

#[tokio::test]
async fn a_key_is_shown_once() {
    let project = Project::new().await;
    let path = format!("/api/v1/projects/{}/keys", project.id);
    let made = document(&project.live.post(&path, &json!({ "name": "web", "isTest": true })).await, 201);
    let key = text(&made, "key");
    assert!(key.starts_with("uk_test_") && key.len() == 40, "{key}");
    assert_eq!((&made["keyPrefix"], &made["name"], &made["isTest"]), (&json!(key[..12]), &json!("web"), &json!(true)));
    let answer = project.live.get(&path).await;
    assert!(!answer.text().contains(&key));
    let listed = document(&answer, 200);
    let shown = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == made["id"]).unwrap();
    assert_eq!((&shown["keyPrefix"], shown.get("key")), (&made["keyPrefix"], None));
}

#[tokio::test]
async fn with_a_project_go_its_keys_routes_files_and_buckets() {
    let project = Project::new().await;
    let file = project.upload(&project.live, b"hello").await;
    let requested = project.request(&project.live, 5).await;
    let url = text(&file, "url");
    let bucket = url.split('/').nth(3).unwrap().to_owned();
    let buckets = project.org.json.get("/v1/buckets").query("limit", 100).await.page();
    assert!(buckets.texts("s3Name").contains(&bucket));
    let id =
        buckets.entries.iter().find(|entry| entry["s3Name"] == json!(bucket)).map(|entry| text(entry, "id")).unwrap();
    project
        .org
        .json
        .delete(&format!("/v1/buckets/{id}"))
        .await
        .tells(409, "Bucket belongs to a project, and is deleted with it");
    let path = format!("/api/v1/projects/{}", project.id);
    assert_eq!(document(&project.live.delete(&path).await, 200), json!({ "deleted": true }));
    refused(&project.live.get("/api/v1/files").await, 401, "UNAUTHORIZED");
    refused(&project.org.json.get(&path).await, 404, "NOT_FOUND");
    assert_eq!(send(&project.live, "GET", &url, &[], b"").await.status, 404);
    assert_ne!(put(&project.live, &text(&requested, "uploadUrl"), "text/plain", b"hello").await.status, 200);
    until("the buckets are gone", async || {
        let left = project.org.json.get("/v1/buckets").query("limit", 100).await.page();
        left.entries.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn signing_keys_rotate_without_a_gap() {
    let project = Project::new().await;
    let path = format!("/api/v1/projects/{}/signing-keys", project.id);
    let before = document(&project.live.get(&path).await, 200);
    assert_ne!(before["currentSigningKey"], before["nextSigningKey"]);
    let after = document(&project.live.post(&format!("{path}/rotate"), &json!({})).await, 200);
    assert_eq!(after["currentSigningKey"], before["nextSigningKey"]);
    assert_ne!(after["nextSigningKey"], before["currentSigningKey"]);
    assert_eq!(document(&project.live.get(&path).await, 200), after);
}
