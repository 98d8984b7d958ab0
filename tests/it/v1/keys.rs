//! `GET /v1/keys`, `GET` and `DELETE /v1/keys/{id}`.

use serde_json::{Value, json};
use windlass_tests::json::text;
use windlass_tests::shape::{Kind, has_shape};

use super::house::{Org, until};

const SUMMARY: [(&str, Kind); 6] = [
    ("object", Kind::Is("api_key")),
    ("id", Kind::Id("key_")),
    ("name", Kind::Text),
    ("prefix", Kind::Text),
    ("lastUsedAt", Kind::Or(&Kind::Time)),
    ("createdAt", Kind::Time),
];

fn whole() -> Vec<(&'static str, Kind)> {
    let more =
        [("permissions", Kind::Texts), ("bucketIds", Kind::Or(&Kind::Texts)), ("expiresAt", Kind::Or(&Kind::Time))];
    SUMMARY.into_iter().chain(more).collect()
}

#[tokio::test]
async fn a_key_is_shown_with_all_but_its_secrets() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let said = json!({ "bucketIds": [bucket.id], "expiresAt": "2099-01-31T12:00:00.000Z" });
    let key = org.key_with(&["files:read", "buckets:read"], said).await;
    let answer = org.json.get(&format!("/v1/keys/{}", key.id)).await;
    for secret in [&key.token, &key.secret] {
        assert!(!answer.text().contains(secret.as_str()));
    }
    let shown = answer.data(200);
    has_shape(&shown, &whole());
    let mut permissions: Vec<&str> =
        shown["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    permissions.sort_unstable();
    assert_eq!(permissions, ["buckets:read", "files:read"]);
    assert_eq!((&shown["name"], &shown["prefix"]), (&"A key".into(), &key.token[..8].into()));
    assert_eq!((&shown["bucketIds"], &shown["expiresAt"]), (&json!([bucket.id]), &"2099-01-31T12:00:00.000Z".into()));
    assert_eq!(shown["lastUsedAt"], json!(null));
    let plain = org.key(&["files:read"]).await;
    let plain = org.json.get(&format!("/v1/keys/{}", plain.id)).await.data(200);
    assert_eq!((&plain["bucketIds"], &plain["expiresAt"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn a_list_has_summaries_by_id() {
    let org = Org::new();
    let mut ids = org.json.get("/v1/keys").await.page().texts("id");
    for _ in 0..5 {
        ids.push(org.key(&["files:read"]).await.id);
    }
    // Two that are made within a millisecond have their ids in any order.
    ids.sort();
    for limit in [1, 2, 6, 100] {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut call = org.json.get("/v1/keys").query("limit", limit);
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let page = call.await.page();
            assert_eq!(page.limit, limit);
            page.entries.iter().for_each(|key| has_shape(key, &SUMMARY));
            seen.extend(page.texts("id"));
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ids, "by {limit}");
    }
}

#[tokio::test]
async fn a_page_has_20_keys_unless_something_else_is_said() {
    let org = Org::new();
    for _ in 0..20 {
        org.key(&["files:read"]).await;
    }
    let page = org.json.get("/v1/keys").await.page();
    assert_eq!((page.entries.len(), page.limit), (20, 20));
    let rest = org.json.get("/v1/keys").query("cursor", page.next.unwrap()).await.page();
    assert_eq!((rest.entries.len(), rest.next), (1, None));
}

#[tokio::test]
async fn a_query_that_is_wrong_is_400() {
    let org = Org::new();
    for (name, values) in
        [("limit", ["0", "101", "x", "", "-1"].as_slice()), ("cursor", &["x", "", "bkt_00000000000000000000000000"])]
    {
        for value in values {
            org.json.get("/v1/keys").query(name, value).await.invalid();
        }
    }
}

#[tokio::test]
async fn the_last_use_is_kept_whatever_the_request_came_to() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let last_use = async |id: &str| org.json.get(&format!("/v1/keys/{id}")).await.data(200)["lastUsedAt"].clone();
    let [v1, denied, s3, bearer] = [(); 4].map(|()| org.key(&["files:read"]));
    let (v1, denied, s3, bearer) = futures::join!(v1, denied, s3, bearer);
    org.json.with(&v1.token).get(&bucket.files()).await.page();
    org.json.with(&denied.token).get("/v1/keys").await.refused(403, "Insufficient permissions");
    org.s3.with_keys(&s3.access, &s3.secret).request("GET", &bucket.name, "").await.is(200);
    org.json.with(&bearer.token).get(&format!("/{}", bucket.name)).await.is(200);
    for (how, key) in [("on /v1", &v1), ("on S3", &s3), ("by a bearer on S3", &bearer), ("in vain", &denied)] {
        let what = format!("the last use {how}");
        let at = until(&what, async || Some(last_use(&key.id).await).filter(|at| !at.is_null())).await;
        assert!(Kind::Time.takes(&at), "{at}");
    }
    let listed = org.json.get("/v1/keys").await.page();
    let is_owner = |key: &&Value| key["name"] == "owner";
    let owner = listed.entries.iter().find(is_owner).expect("the owner's key");
    assert!(Kind::Time.takes(&owner["lastUsedAt"]), "{owner}");
    assert!(text(owner, "lastUsedAt") >= text(owner, "createdAt"));
}

#[tokio::test]
async fn what_is_no_key_is_404() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for id in ["x", "key_", "key_00000000000000000000000000", &bucket.id, &org.token, "%00", "%FF"] {
        org.json.get(&format!("/v1/keys/{id}")).await.refused(404, "API key not found");
        org.json.delete(&format!("/v1/keys/{id}")).await.refused(404, "API key not found");
    }
}

#[tokio::test]
async fn a_key_is_revoked_once() {
    let org = Org::new();
    let key = org.key(&["files:read"]).await;
    let path = format!("/v1/keys/{}", key.id);
    assert_eq!(org.json.delete(&path).await.data(200), json!({ "object": "api_key", "id": key.id }));
    org.json.delete(&path).await.refused(404, "API key not found");
    org.json.get(&path).await.refused(404, "API key not found");
    assert!(!org.json.get("/v1/keys").await.page().texts("id").contains(&key.id));
}

#[tokio::test]
async fn a_key_can_revoke_itself() {
    let org = Org::new();
    let key = org.key(&["keys:write"]).await;
    let caller = org.json.with(&key.token);
    caller.delete(&format!("/v1/keys/{}", key.id)).await.data(200);
    caller.get("/v1/billing/usage").await.refused(401, "Invalid API key");
}
