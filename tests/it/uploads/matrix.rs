//! Every operation against those who may not ask for it: nobody, another organisation, and the other mode of a project.

use serde_json::{Value, json};
use windlass_tests::json::{Call, Json, text};

use super::home::{Project, announced, document, refused};

/// What belongs to a project, by its identifiers.
struct Things {
    project: String,
    route: String,
    key: String,
    file: String,
    file_key: String,
    delivery: String,
    /// A file that comes in parts, and its upload.
    parts: String,
    upload: String,
}

impl Things {
    async fn of(project: &Project) -> Things {
        let told = json!({ "slug": "told", "maxFileSize": 1 << 30, "webhookUrl": "https://127.0.0.1:1/" });
        let route = text(&project.route(told).await, "id");
        let mut said = announced(5);
        said["routeSlug"] = json!("told");
        let file = project.upload_said(&project.live, &said, b"hello").await;
        said["fileSize"] = json!(11 << 20);
        let begun = document(&project.live.post("/api/v1/upload/multipart/init", &said).await, 200);
        let deliveries = document(&project.live.get("/api/v1/webhooks/deliveries").await, 200);
        let keys = document(&project.live.get(&format!("/api/v1/projects/{}/keys", project.id)).await, 200);
        Things {
            project: project.id.clone(),
            route,
            key: text(&keys["items"][0], "id"),
            file: text(&file, "id"),
            file_key: text(&file, "key"),
            delivery: text(&deliveries["items"][0], "id"),
            parts: text(&begun, "fileId"),
            upload: text(&begun, "uploadId"),
        }
    }

    /// Such as nobody has.
    fn made_up() -> Things {
        let ulid = format!("01J{}", "Z".repeat(23));
        let id = |prefix: &str| format!("{prefix}_{ulid}");
        Things {
            project: id("proj"),
            route: id("route"),
            key: id("key"),
            file: id("file"),
            file_key: "proj_x/told/x/notes.txt".to_owned(),
            delivery: id("dlv"),
            parts: id("file"),
            upload: ulid.clone(),
        }
    }
}

type Row = (&'static str, String, Value);

/// What is asked of the files of a key's own mode, each with the code for who has no such thing.
fn on_files(of: &Things) -> Vec<(Row, &'static str)> {
    let Things { file, file_key, delivery, parts, upload, .. } = of;
    let open = json!({ "fileId": parts, "uploadId": upload });
    let with = |name: &str, value: Value| {
        let mut said = open.clone();
        said[name] = value;
        said
    };
    let upload_rows = [
        ("POST", "upload/complete".to_owned(), json!({ "fileId": file })),
        (
            "POST",
            "upload/multipart/complete".to_owned(),
            with("parts", json!([{ "partNumber": 1, "etag": "0".repeat(32) }])),
        ),
        ("POST", "upload/multipart/abort".to_owned(), open.clone()),
        ("POST", "upload/multipart/urls".to_owned(), with("partNumbers", json!([1]))),
        ("GET", format!("upload/multipart/{parts}/parts"), Value::Null),
    ];
    let file_rows = [
        ("GET", format!("files/{file_key}"), Value::Null),
        ("PATCH", format!("files/{file_key}"), json!({ "metadata": { "a": 1 } })),
        ("DELETE", format!("files/{file_key}"), Value::Null),
        ("GET", format!("webhooks/deliveries/{delivery}"), Value::Null),
        ("POST", format!("webhooks/deliveries/{delivery}/redeliver"), json!({})),
        ("DELETE", format!("webhooks/deliveries/{delivery}"), Value::Null),
    ];
    let missing = |code| move |row| (row, code);
    upload_rows.map(missing("UPLOAD_NOT_FOUND")).into_iter().chain(file_rows.map(missing("NOT_FOUND"))).collect()
}

/// What is asked of a project as a whole.
fn on_projects(of: &Things) -> Vec<(Row, &'static str)> {
    let Things { project, route, key, .. } = of;
    [
        ("GET", format!("projects/{project}"), Value::Null),
        ("PATCH", format!("projects/{project}"), json!({ "name": "x" })),
        ("DELETE", format!("projects/{project}"), Value::Null),
        ("GET", format!("projects/{project}/routers"), Value::Null),
        ("POST", format!("projects/{project}/routers"), json!({ "slug": "x" })),
        ("GET", format!("projects/{project}/keys"), Value::Null),
        ("POST", format!("projects/{project}/keys"), json!({})),
        ("GET", format!("projects/{project}/signing-keys"), Value::Null),
        ("POST", format!("projects/{project}/signing-keys/rotate"), json!({})),
        ("PATCH", format!("routers/{route}"), json!({ "maxFileSize": 1 })),
        ("DELETE", format!("routers/{route}"), Value::Null),
        ("POST", format!("routers/{route}/webhook/test"), json!({})),
        ("DELETE", format!("keys/{key}"), Value::Null),
    ]
    .map(|row| (row, "NOT_FOUND"))
    .into()
}

/// What names nothing.
fn on_nothing() -> [Row; 10] {
    [
        ("POST", "upload/request", announced(5)),
        ("POST", "upload/multipart/init", announced(11 << 20)),
        ("GET", "files", Value::Null),
        ("DELETE", "files", json!({ "keys": ["x"] })),
        ("GET", "projects", Value::Null),
        ("POST", "projects", json!({ "name": "x" })),
        ("GET", "usage", Value::Null),
        ("GET", "usage/history", Value::Null),
        ("GET", "logs", Value::Null),
        ("GET", "webhooks/deliveries", Value::Null),
    ]
    .map(|(method, path, said)| (method, path.to_owned(), said))
}

fn call(by: &Json, (method, path, said): &Row) -> Call {
    let call = by.call(method, &format!("/api/v1/{path}"));
    if said.is_null() { call } else { call.json(said) }
}

#[tokio::test]
async fn every_operation_asks_for_a_key_and_holds_it_against_the_table() {
    let project = Project::new().await;
    let of = Things::of(&project).await;
    let nobody = Json::anonymous(project.live.client());
    let named = on_files(&of).into_iter().chain(on_projects(&of)).map(|(row, _)| row);
    let all: Vec<Row> = named.chain(on_nothing()).collect();
    assert_eq!(all.len(), 34, "all there are");
    for row in &all {
        let told = refused(&call(&nobody, row).await, 401, "UNAUTHORIZED");
        assert_eq!(told, "Invalid or missing API key", "{row:?}");
        // A key of the organisation is good for projects, routes and keys alone.
        let is_management = ["projects", "routers", "keys"].iter().any(|of| row.1.starts_with(of));
        if !is_management {
            refused(&call(&project.org.json, row).await, 401, "UNAUTHORIZED");
        }
    }
}

/// And whether there is such a thing elsewhere cannot be told from the answer.
#[tokio::test]
async fn what_others_have_does_not_exist() {
    let (project, stranger) = (Project::new().await, Project::new().await);
    let (of, made_up) = (Things::of(&project).await, Things::made_up());
    let on_project: Vec<_> = on_projects(&of).into_iter().zip(on_projects(&made_up)).collect();
    for (by, who) in [(&stranger.live, "another's live key"), (&stranger.org.json, "another organisation")] {
        for ((row, code), (nothing, _)) in &on_project {
            let answer = call(by, row).await;
            refused(&answer, 404, code);
            assert_eq!(answer.text(), call(by, nothing).await.text(), "{who}: {row:?}");
        }
    }
    for (by, who) in [(&stranger.live, "another's live key"), (&project.test, "the project's own test key")] {
        for ((row, code), (nothing, _)) in on_files(&of).into_iter().zip(on_files(&made_up)) {
            let answer = call(by, &row).await;
            refused(&answer, 404, code);
            assert_eq!(answer.text(), call(by, &nothing).await.text(), "{who}: {row:?}");
        }
        let several = call(by, &("DELETE", "files".to_owned(), json!({ "keys": [of.file_key] }))).await;
        assert_eq!(document(&several, 404)["failures"][0]["code"], "NOT_FOUND", "{who}");
    }
    // Whose it is has it still.
    for ((method, path, said), _) in on_files(&of).into_iter().chain(on_projects(&of)) {
        if method == "GET" {
            document(&call(&project.live, &(method, path, said)).await, 200);
        }
    }
}
