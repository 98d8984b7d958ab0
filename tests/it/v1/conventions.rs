//! What holds for every request: the envelope, request ids, what is nowhere, methods, bodies, the order of the stages.

use serde_json::json;
use windlass_tests::json::Json;

use super::house::Org;

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[tokio::test]
async fn a_request_id_is_echoed_on_every_kind_of_answer() {
    let org = Org::new();
    let nobody = Json::anonymous(&org.s3);
    for call in [
        org.json.get("/v1/buckets"),
        org.json.get("/v1/buckets/nowhere"),
        org.json.get("/v1/nowhere"),
        org.json.put("/v1/buckets", "x"),
        org.json.post("/v1/buckets", &json!({})),
        org.json.get("/v1/folders"),
        nobody.get("/v1/buckets"),
        nobody.get("/v1/files"),
        nobody.get("/v1/openapi.json"),
        nobody.get("/health"),
    ] {
        let call = call.header("x-request-id", "of the-client's/own:making".replace(' ', "_"));
        call.await.has("x-request-id", "of_the-client's/own:making");
    }
}

#[tokio::test]
async fn without_a_sound_request_id_each_answer_has_a_uuid_of_its_own() {
    let org = Org::new();
    let mut seen = Vec::new();
    for given in [None, None, Some(""), Some("two words")] {
        let mut call = org.json.get("/v1/keys");
        if let Some(given) = given {
            call = call.header("x-request-id", given);
        }
        seen.push(call.await.is(200).need("x-request-id").to_owned());
    }
    seen.push(Json::anonymous(&org.s3).get("/v1/keys").await.is(401).need("x-request-id").to_owned());
    assert!(seen.iter().all(|id| is_uuid(id)), "{seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn health_needs_no_key_and_has_no_envelope() {
    let org = Org::new();
    let answer = Json::anonymous(&org.s3).get("/health").await.is(200);
    assert_eq!(answer.json(), json!({ "status": "ok" }));
}

#[tokio::test]
async fn what_is_nowhere_is_told_in_the_form_of_its_door() {
    let org = Org::new();
    for path in ["/v1", "/v1/", "/v1/nowhere", "/v1/buckets/", "/v1/billing", "/v1/buckets/a/nowhere", "/v1//buckets"] {
        org.json.get(path).await.tells(404, "Not found");
    }
    for path in ["/v1/share/a/b", "/v1/folders/x", "/v1/files/a/b"] {
        org.json.get(path).await.bare_error(404, "not_found", "Not found");
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_405_with_those_it_takes() {
    let org = Org::new();
    for (path, allowed) in [
        ("/v1/buckets", "GET,HEAD,POST"),
        ("/v1/buckets/x", "DELETE,GET,HEAD,PATCH"),
        ("/v1/buckets/x/retry", "POST"),
        ("/v1/buckets/x/files", "GET,HEAD"),
        ("/v1/buckets/x/files/y", "DELETE,GET,HEAD,PUT"),
        ("/v1/keys", "GET,HEAD,POST"),
        ("/v1/keys/x", "DELETE,GET,HEAD"),
        ("/v1/logs", "GET,HEAD"),
        ("/v1/logs/x", "GET,HEAD"),
        ("/v1/billing/usage", "GET,HEAD"),
        ("/v1/billing/subscription", "GET,HEAD"),
    ] {
        for method in ["OPTIONS", "TRACE", "UNHEARD"] {
            let answer = org.json.call(method, path).await.tells(405, "Method not allowed");
            let mut told: Vec<&str> = answer.need("allow").split(',').map(str::trim).collect();
            told.sort_unstable();
            assert_eq!(told.join(","), allowed, "{method} {path}");
        }
    }
    let answer = org.json.put("/v1/files", "x").await;
    answer.bare_error(405, "method_not_allowed", "Method not allowed").has("allow", "GET,HEAD");
}

#[tokio::test]
async fn head_is_answered_as_get_without_its_body() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("k", b"x").await;
    for path in
        ["/v1/buckets".to_owned(), bucket.path(), bucket.files(), bucket.file("k"), "/v1/billing/usage".to_owned()]
    {
        let length = org.json.get(&path).await.is(200).body.len().to_string();
        let head = org.json.call("HEAD", &path).await.is(200).has_body("").has("content-length", &length);
        head.tells_limits();
    }
    org.json.call("HEAD", "/v1/buckets/nowhere").await.is(404).has_body("");
    Json::anonymous(&org.s3).call("HEAD", "/v1/buckets").await.is(401).has_body("");
}

#[tokio::test]
async fn a_body_that_is_no_object_is_400() {
    let org = Org::new();
    for (method, path) in [("POST", "/v1/buckets"), ("POST", "/v1/keys")] {
        for body in ["{", "[]", "null", "1", "\"x\"", "name=x", "{}{}", "\u{0}", "{\"name\":\"\u{1}\"}"] {
            org.json.call(method, path).header("content-type", "application/json").body(body).await.invalid();
        }
        // Nothing at all is an object without fields.
        assert_eq!(org.json.call(method, path).await.invalid(), "name is required");
    }
}

#[tokio::test]
async fn a_body_counts_as_json_whatever_its_type_is_said_to_be() {
    let org = Org::new();
    for kind in ["text/plain", "application/json; charset=utf-8", "nonsense"] {
        let call = org.json.call("POST", "/v1/buckets").header("content-type", kind).body("{\"name\":\"x\"}");
        call.await.data(201);
    }
}

#[tokio::test]
async fn an_endless_json_body_is_413() {
    let org = Org::new();
    let body = format!("{{\"name\":\"x\",\"more\":\"{}\"}}", "x".repeat(2 << 20));
    for path in ["/v1/buckets", "/v1/keys"] {
        org.json.call("POST", path).body(body.clone()).await.refused(413, "Request body is too large");
    }
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    org.json.call("POST", "/v1/buckets").body(deep).await.invalid();
}

#[tokio::test]
async fn unknown_fields_of_a_body_or_a_query_are_ignored() {
    let org = Org::new();
    let bucket = json!({ "name": "n", "objectCount": 7, "id": "bkt_x", "nonsense": { "deep": [1, null] } });
    let made = org.json.post("/v1/buckets", &bucket).await.data(201);
    let path = format!("/v1/buckets/{}", made["id"].as_str().unwrap());
    org.json.patch(&path, &json!({ "nonsense": 1 })).await.data(200);
    org.json.get(&path).query("nonsense", "1").await.data(200);
    assert_eq!(org.json.get("/v1/buckets").query("nonsense", "1").await.page().entries.len(), 1);
    let key = json!({ "name": "k", "permissions": ["files:read"], "nonsense": true, "scopes": ["keys:write"] });
    org.json.post("/v1/keys", &key).await.data(201);
}

#[tokio::test]
async fn only_the_first_rule_that_is_broken_is_told() {
    let org = Org::new();
    let post = |body| async move { Org::new().json.post("/v1/buckets", &body).await.invalid() };
    let all = json!({ "name": "", "corsOrigins": vec!["x"; 11], "lifecycleTtlDays": 0, "cachePreset": "x" });
    assert_eq!(post(all).await, "name must be 1 to 100 characters");
    let two = json!({ "name": "n", "corsOrigins": vec!["https://a.test"; 11], "lifecycleTtlDays": 0 });
    assert_eq!(post(two).await, "Maximum 10 CORS origins");
    let told = org.json.get("/v1/buckets").query("limit", "0").query("status", "x").await.invalid();
    assert!(told.contains("limit") && !told.contains("status"), "{told}");
}

#[tokio::test]
async fn the_key_is_asked_for_before_its_scopes_and_these_before_everything_else() {
    let org = Org::new();
    let (nobody, reader) = (Json::anonymous(&org.s3), org.caller(&["files:read"]).await);
    for (method, path) in [
        ("POST", "/v1/buckets"),
        ("GET", "/v1/buckets/nowhere"),
        ("PATCH", "/v1/buckets/nowhere"),
        ("DELETE", "/v1/buckets/nowhere"),
        ("POST", "/v1/buckets/nowhere/retry"),
        ("PUT", "/v1/buckets/nowhere/files/x"),
        ("POST", "/v1/keys"),
        ("DELETE", "/v1/keys/nowhere"),
        ("GET", "/v1/logs/nowhere"),
    ] {
        let bad = |json: &Json| json.call(method, path).query("limit", "x").body("{");
        bad(&nobody).await.refused(401, "Missing API key");
        bad(&reader).await.refused(403, "Insufficient permissions");
    }
    // A bucket that is not there comes before a body or a query that is wrong.
    org.json.patch("/v1/buckets/nowhere", &json!([])).await.refused(404, "Bucket not found");
    org.json.get("/v1/buckets/nowhere/files").query("limit", "x").await.refused(404, "Bucket not found");
}
