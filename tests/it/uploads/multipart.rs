//! `/upload/multipart/…`.

use serde_json::{Value, json};
use windlass_tests::json::text;

use super::home::{Project, announced, document, put, refused, send};
use crate::home::noise;

const MIB: usize = 1 << 20;

async fn begin(project: &Project, size: usize) -> Value {
    document(&project.live.post("/api/v1/upload/multipart/init", &announced(size)).await, 200)
}

/// Uploads some parts and returns what names them.
async fn upload(project: &Project, begun: &Value, body: &[u8], numbers: &[usize]) -> Vec<Value> {
    let size = begun["partSize"].as_u64().unwrap() as usize;
    let mut done = Vec::new();
    for number in numbers {
        let link = text(&begun["parts"][number - 1], "uploadUrl");
        let part = body.chunks(size).nth(number - 1).unwrap();
        let answer = send(&project.live, "PUT", &link, &[], part).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        done.push(json!({ "partNumber": number, "etag": answer.headers["etag"].to_str().unwrap() }));
    }
    done
}

fn named(begun: &Value, more: Value) -> Value {
    let mut said = json!({ "fileId": begun["fileId"], "uploadId": begun["uploadId"] });
    for (name, value) in more.as_object().unwrap() {
        said[name] = value.clone();
    }
    said
}

#[tokio::test]
async fn a_file_is_uploaded_in_parts_and_goes_on_after_a_break() {
    let project = Project::new().await;
    let body = noise(7, 12 * MIB);
    let begun = begin(&project, body.len()).await;
    assert_eq!((&begun["partSize"], begun["parts"].as_array().unwrap().len()), (&json!(5 * MIB), 3));
    let first = upload(&project, &begun, &body, &[2]).await;

    // A client that lost everything but the file's id goes on with the parts that are missing, by fresh links.
    let path = format!("/api/v1/upload/multipart/{}/parts", text(&begun, "fileId"));
    let stored = document(&project.live.get(&path).await, 200);
    assert_eq!((&stored["uploadId"], &stored["partSize"]), (&begun["uploadId"], &begun["partSize"]));
    let etag = first[0]["etag"].as_str().unwrap().trim_matches('"');
    assert_eq!(stored["parts"], json!([{ "partNumber": 2, "etag": etag, "size": 5 * MIB }]));
    let fresh = named(&begun, json!({ "partNumbers": [1, 3] }));
    let fresh = document(&project.live.post("/api/v1/upload/multipart/urls", &fresh).await, 200);
    let mut parts = Vec::new();
    for (at, number) in [1_usize, 3].into_iter().enumerate() {
        assert_eq!(fresh["parts"][at]["partNumber"], number);
        let part = body.chunks(5 * MIB).nth(number - 1).unwrap();
        let answer = send(&project.live, "PUT", &text(&fresh["parts"][at], "uploadUrl"), &[], part).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let etag = answer.headers["etag"].to_str().unwrap().trim_matches('"').to_owned();
        parts.push(json!({ "partNumber": number, "etag": etag }));
    }
    parts.insert(1, first[0].clone());
    let complete = named(&begun, json!({ "parts": parts, "metadata": { "done": true } }));
    let file = document(&project.live.post("/api/v1/upload/multipart/complete", &complete).await, 200);
    assert_eq!(
        (&file["status"], &file["fileSize"], &file["metadata"]),
        (&json!("UPLOADED"), &json!(body.len()), &json!({ "done": true }))
    );
    assert_eq!(send(&project.live, "GET", &text(&file, "url"), &[], b"").await.body, body);
    let again = document(&project.live.post("/api/v1/upload/multipart/complete", &complete).await, 200);
    assert_eq!(again, file);
    let late = send(&project.live, "PUT", &text(&begun["parts"][0], "uploadUrl"), &[], &body[..5 * MIB]).await;
    assert_eq!(late.status, 404, "the upload is over");
    refused(&project.live.get(&path).await, 404, "UPLOAD_NOT_FOUND");
}

#[tokio::test]
async fn parts_have_the_length_that_was_cut() {
    let project = Project::new().await;
    let begun = begin(&project, 11 * MIB).await;
    let part = noise(7, 5 * MIB + 1);
    for (number, length) in [(0, 5 * MIB - 1), (0, 5 * MIB + 1), (2, 5 * MIB)] {
        let link = text(&begun["parts"][number], "uploadUrl");
        assert_eq!(send(&project.live, "PUT", &link, &[], &part[..length]).await.status, 403, "{number} {length}");
    }
    assert_eq!(
        put(&project.live, &text(&begun["parts"][2], "uploadUrl"), "text/plain", &part[..MIB]).await.status,
        200
    );
}

#[tokio::test]
async fn what_is_missing_or_wrong_leaves_the_upload_open() {
    let project = Project::new().await;
    let body = noise(7, 11 * MIB);
    let begun = begin(&project, body.len()).await;
    let parts = upload(&project, &begun, &body, &[1, 2]).await;
    let complete = |parts: Value| {
        project.live.post("/api/v1/upload/multipart/complete", &named(&begun, json!({ "parts": parts })))
    };
    let three = json!([parts[0], parts[1], { "partNumber": 3, "etag": "0" }]);
    assert_eq!(refused(&complete(three).await, 422, "UPLOAD_NOT_VERIFIED"), "Part 3 was not uploaded");
    refused(&complete(json!([parts[1], parts[0]])).await, 400, "VALIDATION_ERROR");
    refused(&complete(json!([])).await, 400, "VALIDATION_ERROR");
    refused(&complete(json!([{ "partNumber": 0, "etag": "a" }])).await, 400, "VALIDATION_ERROR");
    let third = upload(&project, &begun, &body, &[3]).await;
    let mut wrong = parts.clone();
    wrong.push(json!({ "partNumber": 3, "etag": "0".repeat(32) }));
    refused(&complete(json!(wrong)).await, 422, "UPLOAD_NOT_VERIFIED");
    let all = json!([parts[0], parts[1], third[0]]);
    document(&complete(all).await, 200);
}

#[tokio::test]
async fn parts_that_do_not_come_to_the_file_fail_it() {
    let project = Project::new().await;
    let body = noise(7, 11 * MIB);
    let begun = begin(&project, body.len()).await;
    let parts = upload(&project, &begun, &body, &[1, 2]).await;
    let short = named(&begun, json!({ "parts": parts }));
    refused(&project.live.post("/api/v1/upload/multipart/complete", &short).await, 422, "UPLOAD_NOT_VERIFIED");
    let file = document(&project.live.get(&format!("/api/v1/files/{}", text(&begun, "key"))).await, 200);
    assert_eq!(file["status"], "FAILED");
}

#[tokio::test]
async fn small_files_and_other_uploads_are_refused() {
    let project = Project::new().await;
    let small = project.live.post("/api/v1/upload/multipart/init", &announced(10 * MIB)).await;
    refused(&small, 400, "FILE_TOO_SMALL_FOR_MULTIPART");
    assert_eq!(document(&small, 400)["error"]["suggestion"], "Use /upload/request");
    let begun = begin(&project, 10 * MIB + 1).await;
    let other = json!({ "fileId": begun["fileId"], "uploadId": "00000000000000000000000000" });
    refused(&project.live.post("/api/v1/upload/multipart/abort", &other).await, 404, "UPLOAD_NOT_FOUND");
    let made_up = json!({ "fileId": begun["fileId"], "uploadId": "x" });
    refused(&project.live.post("/api/v1/upload/multipart/abort", &made_up).await, 404, "UPLOAD_NOT_FOUND");
    let beyond = named(&begun, json!({ "partNumbers": [4] }));
    let told = refused(&project.live.post("/api/v1/upload/multipart/urls", &beyond).await, 400, "VALIDATION_ERROR");
    assert_eq!(told, "partNumbers: the upload has 3 parts");
    refused(
        &project.test.post("/api/v1/upload/multipart/abort", &named(&begun, json!({}))).await,
        404,
        "UPLOAD_NOT_FOUND",
    );
    let aborted = project.live.post("/api/v1/upload/multipart/abort", &named(&begun, json!({}))).await;
    assert_eq!(document(&aborted, 200), json!({ "aborted": true }));
    refused(
        &project.live.post("/api/v1/upload/multipart/abort", &named(&begun, json!({}))).await,
        404,
        "UPLOAD_NOT_FOUND",
    );
    let link = text(&begun["parts"][0], "uploadUrl");
    assert_eq!(send(&project.live, "PUT", &link, &[], &noise(7, 5 * MIB)).await.status, 404);
    let large = announced(11 * MIB);
    project.route(json!({ "slug": "small", "maxFileSize": 10 * MIB })).await;
    let mut large = large;
    large["routeSlug"] = json!("small");
    refused(&project.live.post("/api/v1/upload/multipart/init", &large).await, 413, "FILE_TOO_LARGE");
}
