//! Key-value buckets as the management API has them.

use serde_json::{Value, json};
use windlass_tests::json::{Json, text};

use super::house::Org;

async fn make(org: &Org, body: Value) -> String {
    let made = org.json.post("/v1/kv", &body).await.data(201);
    assert_eq!(made["object"], "kv_bucket");
    text(&made, "id")
}

#[tokio::test]
async fn a_bucket_is_shown_with_the_keys_that_it_has_and_never_their_values() {
    let org = Org::new();
    let body = json!({ "name": "Flags", "defaultTtlSeconds": 60, "secretKey": "kvSecret", "readKey": "kvRead",
        "signingKey": null });
    let id = make(&org, body).await;
    let kv = Json::anonymous(&org.s3);
    kv.call("PUT", &format!("/kv/{id}/key")).body("value").await.is(200);
    kv.get(&format!("/kv/{id}/key")).await.is(403);
    kv.get(&format!("/kv/{id}/key")).query("key", "kvRead").await.is(200).has_body("value");

    let answer = org.json.get(&format!("/v1/kv/{id}")).await;
    assert!(!answer.text().contains("kvSecret") && !answer.text().contains("kvRead"), "{}", answer.describe());
    let mut shown = answer.data(200);
    for time in ["createdAt", "updatedAt"] {
        assert!(text(&shown, time).ends_with('Z'));
        shown[time].take();
    }
    let expected = json!({ "object": "kv_bucket", "id": id, "name": "Flags", "defaultTtlSeconds": 60, "hasSecretKey": true,
        "hasReadKey": true, "hasWriteKey": false, "hasSigningKey": false, "keyCount": 1, "bytes": 8,
        "createdAt": null, "updatedAt": null });
    assert_eq!(shown, expected);
    let usage = org.json.get("/v1/billing/usage").await.data(200);
    assert_eq!((&usage["storage"]["usedBytes"], &usage["bucketCount"]["used"]), (&json!(8), &json!(0)));
}

#[tokio::test]
async fn a_change_says_what_changes_and_null_takes_a_key_away() {
    let org = Org::new();
    let id = make(&org, json!({ "name": "n", "secretKey": "sec", "readKey": "rea" })).await;
    let path = format!("/v1/kv/{id}");
    let written = json!({ "object": "kv_bucket", "id": id });
    let change = json!({ "readKey": null, "writeKey": "wri", "name": "m" });
    assert_eq!(org.json.patch(&path, &change).await.data(200), written);
    let shown = org.json.get(&path).await.data(200);
    let keys = ["hasSecretKey", "hasReadKey", "hasWriteKey"].map(|name| shown[name].clone());
    assert_eq!((keys, &shown["name"]), ([json!(true), json!(false), json!(true)], &json!("m")));
    org.json.patch(&path, &json!({})).await.data(200);
    let told = org.json.patch(&path, &json!({ "defaultTtlSeconds": -1 })).await.invalid();
    assert_eq!(told, "defaultTtlSeconds must be between 0 and 3155760000");
    let bare = make(&org, json!({ "name": "n" })).await;
    let refused = org.json.patch(&format!("/v1/kv/{bare}"), &json!({ "secretKey": "late" })).await;
    refused.refused(400, "The secret key cannot be added to a bucket that was made without one");
    assert_eq!(org.json.post("/v1/kv", &json!({})).await.invalid(), "name is required");
}

#[tokio::test]
async fn buckets_are_listed_in_pages_of_their_organisation() {
    let org = Org::new();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(make(&org, json!({ "name": format!("b{n}") })).await);
    }
    ids.sort();
    let first = org.json.get("/v1/kv").query("limit", 3).await.page();
    let rest = org.json.get("/v1/kv").query("cursor", first.next.clone().unwrap()).await.page();
    assert_eq!((first.limit, rest.limit, rest.next.clone()), (3, 20, None));
    assert_eq!([first.texts("id"), rest.texts("id")].concat(), ids);
    org.json.get("/v1/kv").query("cursor", "x").await.refused(400, "Invalid cursor");
    let other = Org::new();
    assert_eq!(other.json.get("/v1/kv").await.page().entries, [Value::Null; 0]);
    other.json.get(&format!("/v1/kv/{}", ids[0])).await.refused(404, "Bucket not found");
    other.json.delete(&format!("/v1/kv/{}", ids[0])).await.refused(404, "Bucket not found");
}

#[tokio::test]
async fn a_deleted_bucket_is_not_there_any_more() {
    let org = Org::new();
    let id = make(&org, json!({ "name": "n" })).await;
    let path = format!("/v1/kv/{id}");
    let kv = Json::anonymous(&org.s3);
    kv.call("PUT", &format!("/kv/{id}/key")).body("value").await.is(200);
    assert_eq!(org.json.delete(&path).await.data(200), json!({ "object": "kv_bucket", "id": id }));
    for call in [org.json.get(&path), org.json.delete(&path), org.json.patch(&path, &json!({}))] {
        call.await.refused(404, "Bucket not found");
    }
    assert_eq!(org.json.get("/v1/kv").await.page().entries, [Value::Null; 0]);
    kv.get(&format!("/kv/{id}/key")).await.is(410);
    let usage = org.json.get("/v1/billing/usage").await.data(200);
    assert_eq!(usage["storage"]["usedBytes"], 0);
}

#[tokio::test]
async fn scripts_are_put_shown_listed_and_deleted() {
    let (org, other) = (Org::new(), Org::new());
    let id = make(&org, json!({ "name": "n", "secretKey": "sec" })).await;
    let path = |name: &str| format!("/v1/kv/{id}/scripts/{name}");
    let put = |name: &str, source: &str| org.json.call("PUT", &path(name)).json(&json!({ "source": source }));
    assert_eq!(put("b", "kvdb.print(1)").await.data(200), json!({ "object": "kv_script", "id": "b" }));
    put("a", "").await.data(200);
    put("b", "kvdb.print(23)").await.data(200);
    Json::anonymous(&org.s3).get(&format!("/kv/{id}/scripts/b")).await.is(200).has_body("23");
    let mut shown = org.json.get(&path("b")).await.data(200);
    assert!(text(&shown, "updatedAt").ends_with('Z'));
    shown["updatedAt"].take();
    let expected =
        json!({ "object": "kv_script", "id": "b", "bytes": 14, "updatedAt": null, "source": "kvdb.print(23)" });
    assert_eq!(shown, expected);
    let listed = org.json.get(&format!("/v1/kv/{id}/scripts")).await.page();
    let rows: Vec<_> = listed.entries.iter().map(|row| (row["id"].clone(), row["bytes"].clone())).collect();
    assert_eq!(rows, [(json!("a"), json!(0)), (json!("b"), json!(14))]);
    assert!(listed.next.is_none() && listed.entries.iter().all(|row| row.get("source").is_none()));
    assert_eq!(org.json.get(&format!("/v1/kv/{id}")).await.data(200)["bytes"], 16, "they count, their names too");

    put("a%2Fb", "")
        .await
        .refused(400, "The name of a script is 1 to 64 letters, digits, dots, hyphens and underscores");
    assert_eq!(org.json.call("PUT", &path("a")).json(&json!({})).await.invalid(), "source is required");
    put("a", &"x".repeat(65_537)).await.is(400);
    other.json.get(&path("b")).await.refused(404, "Bucket not found");
    other.json.call("PUT", &path("b")).json(&json!({ "source": "" })).await.refused(404, "Bucket not found");
    other.json.get(&format!("/v1/kv/{id}/scripts")).await.refused(404, "Bucket not found");

    assert_eq!(org.json.delete(&path("b")).await.data(200), json!({ "object": "kv_script", "id": "b" }));
    org.json.get(&path("b")).await.refused(404, "Script not found");
    org.json.delete(&path("b")).await.refused(404, "Script not found");
    assert_eq!(org.json.get(&format!("/v1/kv/{id}")).await.data(200)["bytes"], 1);
}
