//! `/v1/openapi.json` and the pages that need no key.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use windlass_tests::json::Json;

use super::house::Org;

/// Every operation of the contracts, and those beside them that say so.
pub(super) const OPERATIONS: [&str; 47] = [
    "POST /v1/buckets",
    "GET /v1/buckets",
    "GET /v1/buckets/{bucketId}",
    "PATCH /v1/buckets/{bucketId}",
    "DELETE /v1/buckets/{bucketId}",
    "POST /v1/buckets/{bucketId}/retry",
    "POST /v1/buckets/{bucketId}/adopt",
    "GET /v1/buckets/{bucketId}/adopt",
    "PUT /v1/buckets/{bucketId}/files/{path}",
    "GET /v1/buckets/{bucketId}/files",
    "GET /v1/buckets/{bucketId}/files/{path}",
    "DELETE /v1/buckets/{bucketId}/files/{path}",
    "POST /v1/aws-accounts",
    "GET /v1/aws-accounts",
    "GET /v1/aws-accounts/{accountId}",
    "PATCH /v1/aws-accounts/{accountId}",
    "DELETE /v1/aws-accounts/{accountId}",
    "POST /v1/aws-accounts/{accountId}/validate",
    "GET /v1/aws-accounts/{accountId}/s3-buckets",
    "POST /v1/aws-accounts/{accountId}/import",
    "POST /v1/keys",
    "GET /v1/keys",
    "GET /v1/keys/{keyId}",
    "DELETE /v1/keys/{keyId}",
    "POST /v1/kv",
    "GET /v1/kv",
    "GET /v1/kv/{kvId}",
    "PATCH /v1/kv/{kvId}",
    "DELETE /v1/kv/{kvId}",
    "GET /v1/kv/{kvId}/scripts",
    "GET /v1/kv/{kvId}/scripts/{name}",
    "PUT /v1/kv/{kvId}/scripts/{name}",
    "DELETE /v1/kv/{kvId}/scripts/{name}",
    "GET /v1/logs",
    "GET /v1/logs/{logId}",
    "GET /v1/billing/usage",
    "GET /v1/billing/subscription",
    "GET /v1/files",
    "POST /v1/files/upload",
    "GET /v1/files/{fileId}",
    "GET /v1/files/{fileId}/content",
    "DELETE /v1/files/{fileId}",
    "GET /v1/folders",
    "POST /v1/folders",
    "POST /v1/share",
    "GET /v1/share",
    "DELETE /v1/share/{shareId}",
];

/// The document, as anybody is given it.
pub(super) async fn document(json: &Json) -> Value {
    json.get("/v1/openapi.json").await.is(200).json()
}

/// Method and path of every operation of a document.
pub(super) fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, item): (&String, &Value)| {
        let methods: Vec<String> = item.as_object().expect("an item").keys().map(|m| m.to_uppercase()).collect();
        methods.into_iter().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn the_document_has_exactly_the_operations_of_the_contracts() {
    let org = Org::new();
    let document = document(&Json::anonymous(&org.s3)).await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    let wanted: BTreeSet<String> = OPERATIONS.map(str::to_owned).into();
    assert_eq!(operations(&document), wanted);
}

#[tokio::test]
async fn every_operation_tells_what_it_is_and_every_way_it_can_end() {
    let org = Org::new();
    let document = document(&org.json).await;
    let mut ids = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let told = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{told} has no id"));
            assert_eq!(ids.insert(id.to_owned(), told.clone()), None, "two operations are {id}");
            assert!(operation["summary"].is_string(), "{told}");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["400", "401", "429", "500"] {
                assert!(responses.contains_key(status), "{told} does not tell of {status}");
            }
            let scoped = !path.starts_with("/v1/billing");
            assert_eq!(responses.contains_key("403"), scoped, "{told}");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{told}");
        }
    }
}

#[tokio::test]
async fn these_pages_and_no_others_are_open_to_everybody() {
    let org = Org::new();
    let nobody = Json::anonymous(&org.s3);
    for path in ["/health", "/-/health", "/-/ready", "/-/metrics", "/-/docs", "/v1/openapi.json"] {
        let answer = nobody.get(path).await;
        assert!([200, 301, 302, 303, 307, 308].contains(&answer.status), "{path}: {}", answer.describe());
        assert!(!answer.text().contains(&org.token), "{path}");
    }
    for operation in OPERATIONS {
        let (method, path) = operation.split_once(' ').unwrap();
        let path = path.replace(['{', '}'], "");
        assert_eq!(nobody.call(method, &path).await.status, 401, "{operation}");
    }
}

#[tokio::test]
async fn the_page_for_people_comes_from_the_gateway_alone() {
    let org = Org::new();
    let mut path = "/-/docs".to_owned();
    let mut answer = org.json.get(&path).await;
    if let Some(to) = answer.header("location") {
        path = to.to_owned();
        answer = org.json.get(&path).await;
    }
    let page = answer.is(200);
    assert!(page.need("content-type").starts_with("text/html"), "{path}");
    for outside in ["src=\"http", "src='http", "href=\"http", "src=\"//", "href=\"//", "@import"] {
        assert!(!page.text().contains(outside), "{outside} in {path}");
    }
}
