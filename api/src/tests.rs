//! The doors as a whole, without a gateway around them.

use std::time::Duration;

use futures::stream;
use http::StatusCode;
use serde_json::{Value, json};
use windlass_store::bootstrap::{Bootstrap, DeclaredKey, NewOrganisation};
use windlass_store::clock::ManualClock;
use windlass_store::key::{Credentials, Scope, Scopes};
use windlass_store::log::{LogOptions, Logs};
use windlass_store::plan::{Plan, Plans};
use windlass_store::{Store, StoreOptions};

use super::*;
use crate::answer::tests::body_of;

const NOW: u64 = 1_700_000_000_500;

/// Doors to a store of its own, with a key that has all scopes and one that has none.
struct Doors {
    api: Api,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

fn token(fill: &str) -> String {
    format!("bkt_{}", fill.repeat(43))
}

fn declared(fill: &str, scopes: Scopes) -> DeclaredKey {
    let credentials = Credentials {
        access_key_id: format!("key-{fill}"),
        secret_access_key: "secret-enough".to_owned(),
        token: Some(token(fill)),
    };
    DeclaredKey { name: fill.to_owned(), credentials, scopes, buckets: None, expires_ms: None }
}

/// Carries nothing to anybody.
struct Nobody;

impl uploads::Carrier for Nobody {
    fn carry(
        &self,
        _: uploads::Message,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<u16, &'static str>> + Send + '_>> {
        Box::pin(std::future::ready(Err("nobody is there")))
    }
}

/// The key `a` may do everything, `n` nothing, `r` read buckets; together they may ask `limit` times a minute.
async fn doors(limit: u32) -> Doors {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let mut plans = Plans::default();
    plans.set(Plan { max_requests_per_minute: Some(limit), ..Plan::unlimited("test") });
    let options = StoreOptions {
        ephemeral: true,
        clock: Arc::clone(&clock) as _,
        plans: Arc::new(plans),
        ..StoreOptions::new(folder.path())
    };
    let store = Store::open(options).unwrap();
    let keys = vec![
        declared("a", Scopes::ALL),
        declared("n", Scopes::of(&[])),
        declared("r", Scopes::of(&[Scope::BucketsRead])),
    ];
    let organisation = NewOrganisation {
        name: "acme".to_owned(),
        plan: "test".to_owned(),
        buckets: vec![],
        default_bucket: None,
        keys,
    };
    store.bootstrap(Bootstrap { root: None, organisations: vec![organisation] }).await.unwrap();
    let logs = Logs::open(&LogOptions { folder: folder.path().to_owned(), enabled: false, max_bytes: 1 << 20 });
    let settings = Settings {
        timeout: Duration::from_secs(10),
        region: "eu-test-1".to_owned(),
        public_url: None,
        uploads: UploadSettings {
            url_ttl_ms: 3_600_000,
            allow_http: false,
            size_suggestion: String::new(),
            tier_suggestion: String::new(),
        },
    };
    let state = State { store, logs: Arc::new(logs), rates: Arc::default(), carrier: Arc::new(Nobody), settings };
    Doors { api: Api::new(Arc::new(state)), clock, _folder: folder }
}

impl Doors {
    async fn ask(&self, method: &Method, path: &str, key: Option<&str>, body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(fill) = key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token(fill)));
        }
        self.api.handle(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str, key: &str) -> Answer {
        self.ask(&Method::GET, path, Some(key), Body::empty()).await
    }
}

fn message(answer: Answer) -> Value {
    let body = body_of(answer);
    body.pointer("/error/message").or(body.get("message")).cloned().unwrap_or_default()
}

/// A path that a template takes.
fn sample(template: &str) -> String {
    template
        .replace("{bucketId}", "bkt_00000000000000000000000000")
        .replace("{keyId}", "key_00000000000000000000000000")
        .replace("{kvId}", "0000000000000000000000")
        .replace("{logId}", "log_00000000000000000000000000")
        .replace("{fileId}", "file_cGhvdG9zAGE")
        .replace("{shareId}", "share_cGhvdG9zADAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw")
        .replace("{*path}", "a/b")
}

#[test]
fn the_doors_take_their_paths_and_no_bucket_s() {
    for ours in ["/v1", "/v1/", "/v1/buckets", "/api/v1/uploads"] {
        assert!(serves(ours), "{ours}");
    }
    for other in ["/", "/v1x", "/kv", "/kv/key", "/api", "/api/v10", "/api/v1", "/bucket/v1/x"] {
        assert!(!serves(other), "{other}");
    }
}

#[tokio::test]
async fn no_operation_is_reached_without_a_key_or_its_scopes() {
    let doors = doors(10_000).await;
    for route in table::routes() {
        let (method, path) = (&route.method, sample(route.path));
        let answer = doors.ask(method, &path, None, Body::empty()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert!(!answer.headers().contains_key("x-ratelimit-limit"), "a 401 costs nothing");
        assert_eq!(message(answer), "Missing API key", "{method} {path}");
        let answer = doors.ask(method, &path, Some("z"), Body::empty()).await;
        assert_eq!(message(answer), "Invalid API key", "{method} {path}");
        let answer = doors.ask(method, &path, Some("n"), Body::empty()).await;
        assert!(answer.headers().contains_key("x-ratelimit-limit"), "{method} {path}");
        if route.action().scopes() == Scopes::of(&[]) {
            assert_eq!(answer.status(), StatusCode::OK, "{method} {path}");
        } else {
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} {path}");
            assert_eq!(message(answer), "Insufficient permissions", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_operation_is_reached_with_all_scopes() {
    let doors = doors(10_000).await;
    for route in table::routes() {
        let (method, path) = (&route.method, sample(route.path));
        let answer = doors.ask(method, &path, Some("a"), Body::empty()).await;
        let status = answer.status();
        assert!(![401, 403, 405, 500].contains(&status.as_u16()), "{method} {path}: {status}");
        // What is there to be found is not, and the words say so.
        if status == StatusCode::NOT_FOUND {
            assert_ne!(message(answer), "Not found", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn known_keys_are_told_their_window_and_stopped_at_its_end() {
    let doors = doors(3).await;
    let told = |answer: &Answer, name: &str| {
        answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let answer = doors.get("/v1/buckets", "r").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(told(&answer, "x-ratelimit-limit"), "3");
    assert_eq!(told(&answer, "x-ratelimit-remaining"), "2");
    assert_eq!(told(&answer, "x-ratelimit-reset"), "1700000061");
    doors.clock.set(NOW + 20_000);
    let answer = doors.get("/v1/keys", "n").await;
    assert_eq!((answer.status(), told(&answer, "x-ratelimit-remaining")), (StatusCode::FORBIDDEN, "1".to_owned()));
    let answer = doors.get("/v1/buckets/none", "a").await;
    assert_eq!((answer.status(), told(&answer, "x-ratelimit-remaining")), (StatusCode::NOT_FOUND, "0".to_owned()));
    let answer = doors.get("/v1/buckets", "r").await;
    assert_eq!((answer.status(), told(&answer, "retry-after")), (StatusCode::TOO_MANY_REQUESTS, "40".to_owned()));
    assert_eq!(message(answer), "Rate limit exceeded");
    assert_eq!(doors.get("/v1/keys", "n").await.status(), StatusCode::FORBIDDEN, "scopes are asked first");
    doors.clock.set(NOW + 60_000);
    assert_eq!(doors.get("/v1/buckets", "r").await.status(), StatusCode::OK, "the first has left the window");
    assert_eq!(doors.get("/v1/buckets", "r").await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_done_are_told_apart() {
    let doors = doors(10_000).await;
    for (path, form) in
        [("/v1/nothing", Form::Envelope), ("/v1/buckets/", Form::Envelope), ("/v1/files/a/b", Form::Bare)]
    {
        let answer = doors.get(path, "a").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(body_of(answer).get("data").is_some(), form == Form::Envelope, "{path}");
    }
    for (path, allowed) in [
        ("/v1/buckets", "GET,HEAD,POST"),
        ("/v1/openapi.json", "GET,HEAD"),
        ("/v1/files/upload", "POST"),
        ("/v1/buckets/x/files/y", "DELETE,GET,HEAD,PUT"),
    ] {
        let answer = doors.ask(&Method::OPTIONS, path, Some("a"), Body::empty()).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.headers()[header::ALLOW], allowed, "{path}");
        assert_eq!(message(answer), "Method not allowed");
    }
}

#[tokio::test]
async fn an_empty_path_is_no_file_and_no_list() {
    let doors = doors(10_000).await;
    let body = Body::from(json!({ "name": "b" }).to_string());
    let made = body_of(doors.ask(&Method::POST, "/v1/buckets", Some("a"), body).await);
    let id = made["data"]["id"].as_str().unwrap();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answer = doors.ask(&method, &format!("/v1/buckets/{id}/files/"), Some("a"), Body::empty()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{method}");
        assert_eq!(message(answer), "File path is required", "{method}");
    }
    assert_eq!(doors.get(&format!("/v1/buckets/{id}/files"), "a").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn places_that_this_gateway_has_not_are_refused() {
    let doors = doors(10_000).await;
    for (body, told) in [
        (json!({ "isManagedDomain": true }), "Managed domains are not configured on this gateway"),
        (
            json!({ "isManagedDomain": true, "customDomain": "a.example.com" }),
            "customDomain is assigned by the server for managed domains",
        ),
        (json!({ "customDomain": "Example" }), "Invalid domain format"),
        (json!({ "customDomain": "a.example.com" }), "Custom domains are not available on this gateway"),
        (json!({ "awsAccountId": "acc_1", "isManagedDomain": true }), "BYOA requires a custom domain"),
        (json!({ "region": "moon-1" }), "Invalid region"),
        (json!({ "optimizationMode": "light" }), "Image optimization is not available on this gateway"),
        (json!({ "optimizationMode": "heavy" }), "optimizationMode must be one of: none, light, balanced, maximum"),
        (json!({ "corsOrigins": ["nowhere"] }), "Invalid origin URL"),
    ] {
        let mut body = body;
        body["name"] = "b".into();
        let answer = doors.ask(&Method::POST, "/v1/buckets", Some("a"), Body::from(body.to_string())).await;
        assert_eq!((answer.status(), message(answer)), (StatusCode::BAD_REQUEST, told.into()), "{body}");
    }
    for good in [json!({ "region": "eu-test-1" }), json!({ "region": "sa-east-1", "customDomain": null })] {
        let mut body = good;
        body["name"] = "b".into();
        let answer = doors.ask(&Method::POST, "/v1/buckets", Some("a"), Body::from(body.to_string())).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_does_not_come_is_given_up() {
    let doors = doors(10_000).await;
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = doors.ask(&Method::POST, "/v1/buckets", Some("a"), never).await;
    assert_eq!((answer.status(), message(answer)), (StatusCode::REQUEST_TIMEOUT, "Request timeout".into()));
}

/// The file is rewritten with `WINDLASS_WRITE_OPENAPI=1 cargo test -p windlass-api openapi`.
#[test]
fn the_openapi_document_is_the_one_in_the_repository() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let document = serde_json::to_string_pretty(&openapi::document(&table::routes())).unwrap() + "\n";
    if std::env::var_os("WINDLASS_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == document, "api/openapi.json is not what the routes say; look at the change and write it anew");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document = openapi::document(&table::routes());
    let mut references = Vec::new();
    let mut values = vec![&document];
    while let Some(value) = values.pop() {
        match value {
            Value::Object(members) => {
                references.extend(members.get("$ref").and_then(Value::as_str));
                values.extend(members.values());
            }
            Value::Array(items) => values.extend(items),
            _ => {}
        }
    }
    assert!(references.len() > 100);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut ids: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count), (count, table::routes().len()));
}
