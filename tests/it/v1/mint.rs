//! `POST /v1/keys`: what a key is minted with, and that it never has more than the one that mints it.

use serde_json::{Value, json};
use windlass_tests::shape::{Kind, has_shape};

use super::house::{Minted, Org, SCOPES};

const MINTED: &[(&str, Kind)] = &[
    ("object", Kind::Is("api_key")),
    ("id", Kind::Id("key_")),
    ("key", Kind::Text),
    ("accessKeyId", Kind::Text),
    ("secretAccessKey", Kind::Text),
];

const DENIED: &str = "Insufficient permissions";

async fn told(org: &Org, body: Value) -> String {
    org.json.post("/v1/keys", &body).await.invalid()
}

#[tokio::test]
async fn a_minted_key_has_its_form_and_works_on_every_door_at_once() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let made = org.json.post("/v1/keys", &json!({ "name": "k", "permissions": SCOPES })).await.data(201);
    has_shape(&made, MINTED);
    let key = Minted::of(&made);
    let secret = key.token.strip_prefix("bkt_").expect("the prefix");
    assert_eq!(key.token.len(), 47);
    assert!(secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{}", key.token);
    org.json.with(&key.token).get(&bucket.path()).await.data(200);
    org.json.with(&key.token).get(&format!("/{}", bucket.name)).await.is(200);
    for (access, secret) in [(&key.access, &key.secret), (&key.token, &key.token)] {
        let s3 = org.s3.with_keys(access, secret);
        s3.request("PUT", &bucket.name, "k").body("x").await.is(200);
        s3.request("GET", &bucket.name, "k").await.is(200).has_body("x");
        s3.request("GET", &bucket.name, "k").region("anywhere-at-all-7").await.is(200);
    }
    let again = Minted::of(&org.json.post("/v1/keys", &json!({ "name": "k", "permissions": SCOPES })).await.data(201));
    assert!(again.id != key.id && again.token != key.token && again.access != key.access && again.secret != key.secret);
}

#[tokio::test]
async fn what_is_said_of_a_key_has_its_rules() {
    let org = Org::new();
    assert_eq!(told(&org, json!({})).await, "name is required");
    assert_eq!(told(&org, json!({ "name": "k" })).await, "permissions is required");
    for bad in [json!(""), json!("x".repeat(101)), json!(null), json!(1)] {
        told(&org, json!({ "name": bad, "permissions": ["files:read"] })).await;
    }
    for bad in [
        json!([]),
        json!("files:read"),
        json!(["files:*"]),
        json!(["*"]),
        json!(["files:read", "x"]),
        json!([1]),
        json!(null),
    ] {
        told(&org, json!({ "name": "k", "permissions": bad })).await;
    }
    for bad in [json!("all"), json!({}), json!([1])] {
        told(&org, json!({ "name": "k", "permissions": ["files:read"], "bucketIds": bad })).await;
    }
    for bad in ["tomorrow", "", "2099-13-01T00:00:00Z", "2099-01-01", "4102444800"] {
        told(&org, json!({ "name": "k", "permissions": ["files:read"], "expiresAt": bad })).await;
    }
    let past = json!({ "name": "k", "permissions": ["files:read"], "expiresAt": "2001-01-01T00:00:00Z" });
    assert_eq!(told(&org, past).await, "expiresAt must be in the future");
    for good in ["2099-01-31T12:00:00Z", "2099-01-31T12:00:00.123Z", "2099-01-31T13:00:00+01:00"] {
        org.key_with(&["files:read"], json!({ "expiresAt": good })).await;
    }
    assert_eq!(org.json.get("/v1/keys").await.page().entries.len(), 4);
}

#[tokio::test]
async fn every_bucket_of_a_list_must_be_one_of_the_organisation() {
    let (org, other) = (Org::new(), Org::new());
    let (bucket, foreign) = (org.bucket().await, other.bucket().await);
    let (a, b) = ("bkt_00000000000000000000000000", "bkt_00000000000000000000000001");
    for (ids, wrong) in [
        (json!([a]), a.to_owned()),
        (json!([a, bucket.id, b]), format!("{a}, {b}")),
        (json!([foreign.id]), foreign.id.clone()),
        (json!(["nonsense"]), "nonsense".to_owned()),
        (json!([bucket.id, "key_x", a]), format!("key_x, {a}")),
    ] {
        let body = json!({ "name": "k", "permissions": ["files:read"], "bucketIds": ids });
        org.json.post("/v1/keys", &body).await.refused(400, &format!("Invalid bucket IDs: {wrong}"));
    }
    org.key_with(&["files:read"], json!({ "bucketIds": [] })).await;
    let twice = org.key_with(&["files:read"], json!({ "bucketIds": [bucket.id, bucket.id] })).await;
    let shown = org.json.get(&format!("/v1/keys/{}", twice.id)).await.data(200);
    assert_eq!(shown["bucketIds"], json!([bucket.id]));
}

#[tokio::test]
async fn no_key_mints_a_scope_that_it_has_not() {
    let org = Org::new();
    let minter = org.caller(&["keys:write", "files:read"]).await;
    let mint = |permissions: Value| minter.post("/v1/keys", &json!({ "name": "k", "permissions": permissions }));
    mint(json!(["files:read"])).await.data(201);
    mint(json!(["keys:write", "files:read"])).await.data(201);
    for scope in SCOPES.iter().filter(|scope| !["keys:write", "files:read"].contains(scope)) {
        mint(json!([scope])).await.refused(403, DENIED);
        mint(json!(["files:read", scope])).await.refused(403, DENIED);
    }
}

#[tokio::test]
async fn no_key_mints_a_wider_list_of_buckets_than_its_own() {
    let org = Org::new();
    let (mine, other) = (org.bucket().await, org.bucket().await);
    let minter = org.key_with(&SCOPES, json!({ "bucketIds": [mine.id] })).await;
    let minter = org.json.with(&minter.token);
    let mint = |more: Value| {
        let mut body = json!({ "name": "k", "permissions": ["files:read"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        minter.post("/v1/keys", &body)
    };
    mint(json!({})).await.refused(403, DENIED);
    mint(json!({ "bucketIds": [other.id] })).await.refused(403, DENIED);
    mint(json!({ "bucketIds": [mine.id, other.id] })).await.refused(403, DENIED);
    let narrow = Minted::of(&mint(json!({ "bucketIds": [mine.id] })).await.data(201));
    mint(json!({ "bucketIds": [] })).await.data(201);
    org.json.with(&narrow.token).get(&mine.files()).await.page();
    org.json.with(&narrow.token).get(&other.files()).await.refused(404, "Bucket not found");
}

#[tokio::test]
async fn no_key_mints_one_that_outlives_it() {
    let org = Org::new();
    let minter = org.key_with(&["keys:write", "keys:read"], json!({ "expiresAt": "2099-01-01T00:00:00.000Z" })).await;
    let minter = org.json.with(&minter.token);
    for (said, ends) in [
        (json!({}), "2099-01-01T00:00:00.000Z"),
        (json!({ "expiresAt": "2199-01-01T00:00:00.000Z" }), "2099-01-01T00:00:00.000Z"),
        (json!({ "expiresAt": "2098-01-01T00:00:00.000Z" }), "2098-01-01T00:00:00.000Z"),
    ] {
        let mut body = json!({ "name": "k", "permissions": ["keys:read"] });
        body.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        let key = Minted::of(&minter.post("/v1/keys", &body).await.data(201));
        assert_eq!(minter.get(&format!("/v1/keys/{}", key.id)).await.data(200)["expiresAt"], ends);
    }
}
