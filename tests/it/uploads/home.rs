//! Where a test of the uploads API lives: a project of its own with a route and keys, on the server that the JSON doors share.

use bytes::Bytes;
use serde_json::{Value, json};
use windlass_tests::answer::Answer;
use windlass_tests::json::{Json, text};
use windlass_tests::request::Prepared;

use crate::v1::house::Org;

/// A project with a route `files` that takes everything.
pub(crate) struct Project {
    pub(crate) org: Org,
    pub(crate) id: String,
    /// With a live key.
    pub(crate) live: Json,
    /// With a test key.
    pub(crate) test: Json,
}

/// The document of an answer of that status.
#[track_caller]
pub(crate) fn document(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    serde_json::from_slice(&answer.body).expect("a JSON document")
}

/// Claims that an answer is a refusal of that status and code, and returns its message.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) -> String {
    let told = document(answer, status);
    assert_eq!(told["error"]["code"], code, "{told}");
    text(&told["error"], "message")
}

impl Project {
    pub(crate) async fn new() -> Project {
        Project::on("enterprise").await
    }

    pub(crate) async fn on(plan: &str) -> Project {
        let org = Org::on(plan);
        let made = document(&org.json.post("/api/v1/projects", &json!({ "name": "App" })).await, 201);
        let id = text(&made, "id");
        let project = Project { live: org.json.clone(), test: org.json.clone(), id, org };
        project.route(json!({ "slug": "files", "maxFileSize": 1_u64 << 30 })).await;
        let live = project.key(false).await;
        let test = project.key(true).await;
        Project { live: project.org.json.with(&live), test: project.org.json.with(&test), ..project }
    }

    /// Makes a route, and returns it.
    pub(crate) async fn route(&self, said: Value) -> Value {
        document(&self.org.json.post(&format!("/api/v1/projects/{}/routers", self.id), &said).await, 201)
    }

    /// What the holder of a new key presents.
    pub(crate) async fn key(&self, is_test: bool) -> String {
        let made =
            self.org.json.post(&format!("/api/v1/projects/{}/keys", self.id), &json!({ "isTest": is_test })).await;
        text(&document(&made, 201), "key")
    }

    /// Announces a file of so many bytes.
    pub(crate) async fn request(&self, by: &Json, size: usize) -> Value {
        document(&by.post("/api/v1/upload/request", &announced(size)).await, 200)
    }

    /// Uploads a file as a whole and confirms it.
    pub(crate) async fn upload(&self, by: &Json, body: &[u8]) -> Value {
        self.upload_said(by, &announced(body.len()), body).await
    }

    /// The same of a file that was announced like this.
    pub(crate) async fn upload_said(&self, by: &Json, said: &Value, body: &[u8]) -> Value {
        let requested = document(&by.post("/api/v1/upload/request", said).await, 200);
        assert_eq!(put(by, &text(&requested, "uploadUrl"), "text/plain", body).await.status, 200);
        document(&by.post("/api/v1/upload/complete", &json!({ "fileId": requested["fileId"] })).await, 200)
    }
}

/// What announces a file of so many bytes.
pub(crate) fn announced(size: usize) -> Value {
    json!({ "fileName": "notes.txt", "fileSize": size, "contentType": "text/plain", "routeSlug": "files" })
}

/// Sends a request to a link, as a browser does: with nothing to show but the link.
pub(crate) async fn send(by: &Json, method: &str, link: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    by.client().send(prepared(by, method, link, headers, body)).await
}

/// A request to a link.
pub(crate) fn prepared(by: &Json, method: &str, link: &str, headers: &[(&str, &str)], body: &[u8]) -> Prepared {
    let target = link.strip_prefix(&format!("http://{}", by.client().address())).expect("a link to this gateway");
    let host = ("host".to_owned(), by.client().address().to_string().into_bytes());
    let more = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    Prepared {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: [host].into_iter().chain(more).collect(),
        body: Bytes::copy_from_slice(body),
    }
}

/// PUT to a link.
pub(crate) async fn put(by: &Json, link: &str, content_type: &str, body: &[u8]) -> Answer {
    send(by, "PUT", link, &[("content-type", content_type)], body).await
}
