//! `GET` and `POST /v1/folders`.

use serde_json::{Value, json};
use windlass_tests::json::text;
use windlass_tests::shape::{Kind, has_shape};

use super::house::{Home, Org};

const FOLDER: &[(&str, Kind)] =
    &[("id", Kind::Text), ("name", Kind::Text), ("key", Kind::Text), ("parent_id", Kind::Text)];

async fn make(org: &Org, bucket: &Home, name: &str, parent: Option<&str>) -> Value {
    let mut body = json!({ "name": name });
    if let Some(parent) = parent {
        body["parent_id"] = parent.into();
    }
    let made = org.json.post("/v1/folders", &body).query("bucket", &bucket.name).await.bare(201);
    has_shape(&made, FOLDER);
    made
}

async fn names(org: &Org, bucket: &Home, parent: &str) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut call =
            org.json.get("/v1/folders").query("bucket", &bucket.name).query("parent_id", parent).query("limit", 2);
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let page = call.await.bare(200);
        has_shape(&page, &[("folders", Kind::Any), ("cursor", Kind::Or(&Kind::Text)), ("has_more", Kind::Flag)]);
        for folder in page["folders"].as_array().unwrap() {
            has_shape(folder, FOLDER);
            assert_eq!(text(folder, "parent_id"), parent);
            seen.push(text(folder, "name"));
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return seen,
        }
    }
}

#[tokio::test]
async fn a_folder_is_a_key_that_ends_in_a_slash() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let outer = make(&org, &bucket, "Fotos é", None).await;
    assert_eq!((text(&outer, "key"), text(&outer, "parent_id")), ("Fotos é/".to_owned(), "folder_root".to_owned()));
    let inner = make(&org, &bucket, "2024", Some(&text(&outer, "id"))).await;
    assert_eq!((text(&inner, "key"), text(&inner, "parent_id")), ("Fotos é/2024/".to_owned(), text(&outer, "id")));
    make(&org, &bucket, "top", Some("folder_root")).await;
    org.s3.request("HEAD", &bucket.name, "Fotos é/2024/").await.is(200).has("content-length", "0");
    assert_eq!(names(&org, &bucket, "folder_root").await, ["Fotos é", "top"]);
    assert_eq!(names(&org, &bucket, &text(&outer, "id")).await, ["2024"]);
    assert!(names(&org, &bucket, &text(&inner, "id")).await.is_empty());
}

#[tokio::test]
async fn what_s3_put_makes_folders_too() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for key in ["a/1", "a/2", "b/c/d", "b/e", "plain", "z/", "é/x", "line\nbreak/x"] {
        org.s3.request("PUT", &bucket.name, key).await.is(200);
    }
    assert_eq!(names(&org, &bucket, "folder_root").await, ["a", "b", "line\nbreak", "z", "é"]);
    let page = org.json.get("/v1/folders").query("bucket", &bucket.name).await.bare(200);
    let b = page["folders"].as_array().unwrap().iter().find(|f| f["name"] == "b").map(|f| text(f, "id")).unwrap();
    assert_eq!(names(&org, &bucket, &b).await, ["c"]);
}

#[tokio::test]
async fn a_folder_is_made_once() {
    let org = Org::new();
    let bucket = org.bucket().await;
    make(&org, &bucket, "twice", None).await;
    let again = org.json.post("/v1/folders", &json!({ "name": "twice" })).query("bucket", &bucket.name).await;
    again.bare_told(409, "conflict");
}

#[tokio::test]
async fn what_is_no_folder_is_400() {
    let (org, other) = (Org::new(), Org::new());
    let (bucket, foreign) = (org.bucket().await, other.bucket().await);
    let elsewhere = text(&make(&other, &foreign, "f", None).await, "id");
    let post = |body: Value| org.json.post("/v1/folders", &body).query("bucket", &bucket.name);
    for name in [json!(""), json!("a/b"), json!("a\u{0}"), json!("x".repeat(256)), json!(7), json!(null)] {
        post(json!({ "name": name })).await.bare_told(400, "bad_request");
    }
    post(json!({})).await.bare_told(400, "bad_request");
    let list = |parent: &str| org.json.get("/v1/folders").query("bucket", &bucket.name).query("parent_id", parent);
    for parent in ["x", "folder_", "file_x", "folder_!!"] {
        post(json!({ "name": "n", "parent_id": parent })).await.bare_told(400, "bad_request");
        list(parent).await.bare_told(400, "bad_request");
    }
    post(json!({ "name": "n", "parent_id": 1 })).await.bare_told(400, "bad_request");
    // A folder of another bucket is a folder, and not here.
    post(json!({ "name": "n", "parent_id": elsewhere })).await.bare_told(404, "not_found");
    list(&elsewhere).await.bare_told(404, "not_found");
    for (name, value) in [("limit", "0"), ("limit", "1001"), ("cursor", "x")] {
        let list = org.json.get("/v1/folders").query("bucket", &bucket.name).query(name, value);
        list.await.bare_told(400, "bad_request");
    }
    assert_eq!(bucket.shown().await["objectCount"], 0);
}
