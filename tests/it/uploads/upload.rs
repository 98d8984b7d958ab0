//! `/upload/request` and `/upload/complete`.

use serde_json::{Value, json};
use windlass_tests::json::text;
use windlass_tests::wire::Wire;

use super::home::{Project, announced, document, prepared, put, refused, send};

#[tokio::test]
async fn a_file_is_announced_uploaded_by_its_link_and_confirmed() {
    let project = Project::new().await;
    let mut said = announced(5);
    said["metadata"] = json!({ "user": 7, "kept": null });
    let requested = document(&project.live.post("/api/v1/upload/request", &said).await, 200);
    let key = text(&requested, "key");
    let parts: Vec<&str> = key.split('/').collect();
    assert_eq!((parts[0], parts[1], parts[2].len(), parts[3]), (project.id.as_str(), "files", 21, "notes.txt"));
    assert_eq!(requested["cdnUrl"].as_str().unwrap().split_once(&key).map(|(_, end)| end), Some(""));

    let link = text(&requested, "uploadUrl");
    assert_eq!(put(&project.live, &link, "text/plain", b"hello").await.status, 200);
    let complete = json!({ "fileId": requested["fileId"], "metadata": { "more": [1] } });
    let file = document(&project.live.post("/api/v1/upload/complete", &complete).await, 200);
    assert_eq!(file["id"], requested["fileId"]);
    assert_eq!(file["status"], "UPLOADED");
    assert_eq!(
        (&file["fileSize"], &file["contentType"], &file["fileName"]),
        (&json!(5), &json!("text/plain"), &json!("notes.txt"))
    );
    assert_eq!(file["metadata"], json!({ "user": 7, "more": [1] }));
    assert_eq!(file["url"], requested["cdnUrl"]);
    let read = send(&project.live, "GET", &text(&file, "url"), &[], b"").await;
    assert_eq!((read.status, &read.body[..]), (200, &b"hello"[..]), "everybody can read it");
    let again = document(&project.live.post("/api/v1/upload/complete", &complete).await, 200);
    assert_eq!(again, file, "once more changes nothing");
}

#[tokio::test]
async fn a_link_takes_its_type_and_its_length_and_nothing_else() {
    let project = Project::new().await;
    let requested = project.request(&project.live, 5).await;
    let link = text(&requested, "uploadUrl");
    for (content_type, body) in [
        ("text/html", &b"hello"[..]),
        ("text/plain", b"hell"),
        ("text/plain", b"hello!"),
        ("text/plain; a=b", b"hello"),
    ] {
        let answer = put(&project.live, &link, content_type, body).await;
        assert_eq!(answer.status, 403, "{content_type} {}", body.len());
    }
    assert_eq!(send(&project.live, "PUT", &link, &[], b"hello").await.status, 403, "no type at all");
    for method in ["GET", "DELETE", "HEAD"] {
        assert_eq!(
            send(&project.live, method, &link, &[("content-type", "text/plain")], b"").await.status,
            403,
            "{method}"
        );
    }
    let other = link.replace("notes.txt", "other.txt");
    assert_eq!(put(&project.live, &other, "text/plain", b"hello").await.status, 403, "another key");
    assert_eq!(put(&project.live, &link, "text/plain", b"hello").await.status, 200);
}

#[tokio::test]
async fn a_type_is_taken_as_it_comes_back_in_a_header() {
    let project = Project::new().await;
    let mut said = announced(5);
    said["contentType"] = json!(" text/plain;  charset=utf-8 ");
    let requested = document(&project.live.post("/api/v1/upload/request", &said).await, 200);
    put(&project.live, &text(&requested, "uploadUrl"), "text/plain;  charset=utf-8", b"hello").await.is(200);
    let complete = json!({ "fileId": requested["fileId"] });
    let file = document(&project.live.post("/api/v1/upload/complete", &complete).await, 200);
    assert_eq!(file["contentType"], "text/plain;  charset=utf-8");
    said["contentType"] = json!("  ");
    let blank = project.live.post("/api/v1/upload/request", &said).await;
    assert_eq!(refused(&blank, 400, "VALIDATION_ERROR"), "contentType must be 1 to 100 characters");
}

#[tokio::test]
async fn confirmed_content_cannot_be_swapped() {
    let project = Project::new().await;
    let requested = project.request(&project.live, 5).await;
    let link = text(&requested, "uploadUrl");
    for body in [b"first", b"again"] {
        assert_eq!(put(&project.live, &link, "text/plain", body).await.status, 200);
    }
    let complete = json!({ "fileId": requested["fileId"] });
    let file = document(&project.live.post("/api/v1/upload/complete", &complete).await, 200);
    put(&project.live, &link, "text/plain", b"evil!").await.is_error(403, "AccessDenied");
    assert_eq!(&send(&project.live, "GET", &text(&file, "url"), &[], b"").await.body[..], b"again");
    project.live.delete(&format!("/api/v1/files/{}", text(&file, "key"))).await;
    assert_eq!(put(&project.live, &link, "text/plain", b"ghost").await.status, 403, "deleted");
}

#[tokio::test]
async fn a_put_that_is_under_way_when_its_file_is_confirmed_changes_nothing() {
    let project = Project::new().await;
    let requested = project.request(&project.live, 5).await;
    let complete = json!({ "fileId": requested["fileId"] });
    let put =
        prepared(&project.live, "PUT", &text(&requested, "uploadUrl"), &[("content-type", "text/plain")], b"first");
    let mut first = Wire::connect(project.live.client().address()).await;
    first.send(put.head()).await;
    first.send(&put.body[..2]).await;
    let early = project.live.post("/api/v1/upload/complete", &complete).await;
    assert_eq!(refused(&early, 422, "UPLOAD_NOT_VERIFIED"), "The file has not been uploaded yet");
    first.send(&put.body[2..]).await;
    first.answer().await.unwrap().is(200);

    let mut second = Wire::connect(project.live.client().address()).await;
    second.send(put.head()).await;
    second.send(b"evi").await;
    let file = document(&project.live.post("/api/v1/upload/complete", &complete).await, 200);
    second.send(b"l!").await;
    second.answer().await.unwrap().is_error(403, "AccessDenied");
    assert_eq!(&send(&project.live, "GET", &text(&file, "url"), &[], b"").await.body[..], b"first");
}

#[tokio::test]
async fn however_many_confirm_a_file_at_once_it_is_confirmed_once() {
    let project = Project::new().await;
    let requested = project.request(&project.live, 5).await;
    put(&project.live, &text(&requested, "uploadUrl"), "text/plain", b"hello").await.is(200);
    let complete = project.live.post("/api/v1/upload/complete", &json!({ "fileId": requested["fileId"] }));
    let confirm = async || document(&complete.clone().await, 200);
    let (first, second, third, fourth) = tokio::join!(confirm(), confirm(), confirm(), confirm());
    assert_eq!([&second, &third, &fourth], [&first; 3]);
    let usage = document(&project.live.get("/api/v1/usage").await, 200);
    assert_eq!((&usage["uploads"], &usage["storageUsed"]), (&json!(1), &json!(5)));
    let events = document(&project.live.get("/api/v1/logs").await, 200);
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "{events}");
}

#[tokio::test]
async fn what_is_not_there_or_not_what_was_announced_is_not_confirmed() {
    let project = Project::new().await;
    let requested = project.request(&project.live, 5).await;
    let complete = json!({ "fileId": requested["fileId"] });
    let early = project.live.post("/api/v1/upload/complete", &complete).await;
    assert_eq!(refused(&early, 422, "UPLOAD_NOT_VERIFIED"), "The file has not been uploaded yet");
    // Who owns the bucket puts something else there.
    let bucket = text(&requested, "cdnUrl").split('/').nth(3).unwrap().to_owned();
    let key = text(&requested, "key");
    project.org.s3.request("PUT", &bucket, &key).header("content-type", "text/plain").body("longer").await.is(200);
    let wrong = project.live.post("/api/v1/upload/complete", &complete).await;
    assert_eq!(refused(&wrong, 422, "UPLOAD_NOT_VERIFIED"), "What was uploaded is not the file that was announced");
    let shown = document(&project.live.get(&format!("/api/v1/files/{key}")).await, 200);
    assert_eq!(shown["status"], "FAILED");
    project.org.s3.request("HEAD", &bucket, &key).await.is(404);
    assert_eq!(put(&project.live, &text(&requested, "uploadUrl"), "text/plain", b"hello").await.status, 403);
    refused(&project.live.post("/api/v1/upload/complete", &complete).await, 422, "UPLOAD_NOT_VERIFIED");
}

#[tokio::test]
async fn requests_that_break_a_rule_are_told_which() {
    let project = Project::new().await;
    project
        .route(json!({ "slug": "images", "maxFileSize": 100, "allowedTypes": ["image/*", "application/pdf"] }))
        .await;
    let ask = |change: Value| {
        let mut said = announced(5);
        for (name, value) in change.as_object().unwrap() {
            said[name] = value.clone();
        }
        project.live.post("/api/v1/upload/request", &said)
    };
    for (change, message) in [
        (json!({ "fileName": "" }), "fileName must be 1 to 255 characters"),
        (json!({ "fileName": "x".repeat(256) }), "fileName must be 1 to 255 characters"),
        (json!({ "fileName": 7 }), "fileName must be a string"),
        (json!({ "fileSize": 0 }), "fileSize must be between 1 and 9007199254740991"),
        (json!({ "fileSize": 1.5 }), "fileSize must be an integer"),
        (json!({ "contentType": "" }), "contentType must be 1 to 100 characters"),
        (json!({ "contentType": "a\nb" }), "contentType must be 1 to 100 characters"),
        (json!({ "routeSlug": "" }), "routeSlug must be 1 to 100 characters"),
        (json!({ "metadata": [] }), "metadata must be an object"),
        (json!({ "metadata": { "a": "x".repeat(9_000) } }), "metadata: at most 64 entries and 8192 bytes"),
    ] {
        assert_eq!(refused(&ask(change).await, 400, "VALIDATION_ERROR"), message);
    }
    assert_eq!(refused(&ask(json!({ "routeSlug": "nowhere" })).await, 404, "NOT_FOUND"), "Route not found");
    let large = ask(json!({ "routeSlug": "images", "fileSize": 101, "contentType": "image/png" })).await;
    assert_eq!(refused(&large, 413, "FILE_TOO_LARGE"), "File size 101 bytes exceeds the 100 byte limit");
    assert_eq!(document(&large, 413)["error"]["suggestion"], "Compress the file or use a route with a higher limit.");
    let wrong = ask(json!({ "routeSlug": "images", "contentType": "text/html" })).await;
    assert_eq!(refused(&wrong, 415, "FILE_TYPE_NOT_ALLOWED"), "File type text/html is not allowed");
    for good in ["image/png", "application/pdf"] {
        document(&ask(json!({ "routeSlug": "images", "contentType": good })).await, 200);
    }
    let unknown = json!({ "fileId": "file_00000000000000000000000000" });
    refused(&project.live.post("/api/v1/upload/complete", &unknown).await, 404, "UPLOAD_NOT_FOUND");
    let broken = project.live.call("POST", "/api/v1/upload/request").body("{").await;
    assert_eq!(refused(&broken, 400, "VALIDATION_ERROR"), "Request body is not valid JSON");
}

#[tokio::test]
async fn announcing_a_file_costs_one_operation_of_the_metadata() {
    use windlass_tests::server::Server;
    let server = Server::start();
    let root = windlass_tests::json::Json::new(&server.client(), windlass_tests::server::TOKEN);
    let id = text(&document(&root.post("/api/v1/projects", &json!({ "name": "App" })).await, 201), "id");
    document(&root.post(&format!("/api/v1/projects/{id}/routers"), &json!({ "slug": "files" })).await, 201);
    let key = document(&root.post(&format!("/api/v1/projects/{id}/keys"), &json!({})).await, 201);
    let live = root.with(&text(&key, "key"));
    let operations = async || {
        let page = server.client().plain("/-/metrics").await.text().to_owned();
        let line =
            page.lines().find_map(|line| line.strip_prefix("windlass_meta_operations_total ")).unwrap().to_owned();
        line.parse::<u64>().unwrap()
    };
    // Jobs write too, but seldom: of several rounds one is undisturbed.
    let mut least = u64::MAX;
    for _ in 0..5 {
        let before = operations().await;
        for _ in 0..10 {
            document(&live.post("/api/v1/upload/request", &announced(5)).await, 200);
        }
        least = least.min(operations().await - before);
    }
    assert_eq!(least, 10);
}
