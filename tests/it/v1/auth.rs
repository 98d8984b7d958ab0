//! Who a bearer is, what its scopes let it do, and which buckets it sees.

use serde_json::json;
use windlass_tests::json::Json;
use windlass_tests::server::{DataDir, Options, Server};

use super::house::{Org, SCOPES, token, until};

/// A token of the right form that nobody has.
const UNKNOWN: &str = "bkt_0000000000000000000000000000000000000000000";

#[tokio::test]
async fn every_way_not_to_be_known_has_its_401() {
    let org = Org::new();
    let say = |value: &str| Json::saying(&org.s3, value).get("/v1/billing/usage");
    Json::anonymous(&org.s3).get("/v1/billing/usage").await.refused(401, "Missing API key");
    for value in ["", "Basic YTpi", "Bearer", &org.token, &format!("bearer {}", org.token)] {
        say(value).await.refused(401, "Missing API key");
    }
    for value in ["Bearer x", "Bearer key_0123", "Bearer BKT_x", &format!("Bearer  {}", org.token)] {
        say(value).await.refused(401, "Invalid API key format");
    }
    let cut = &org.token[..org.token.len() - 1];
    for token in [
        UNKNOWN,
        "bkt_",
        "bkt_short",
        cut,
        &format!("{}x", org.token),
        &org.token.to_uppercase().replace("BKT_", "bkt_"),
    ] {
        say(&format!("Bearer {token}")).await.refused(401, "Invalid API key");
    }
    say(&format!("Bearer {}", org.token)).await.data(200);
}

#[tokio::test]
async fn a_bucket_id_is_no_key_though_it_begins_like_one() {
    let org = Org::new();
    let bucket = org.bucket().await;
    org.json.with(&bucket.id).get("/v1/buckets").await.refused(401, "Invalid API key");
}

#[tokio::test]
async fn a_key_that_has_ended_is_401_in_its_own_words() {
    let token = token("ended");
    let config = format!(
        "[[organisation]]\nname = \"o\"\n[[organisation.key]]\nname = \"k\"\naccess_key_id = \"ENDED\"\n\
         secret_access_key = \"secret-0123456789\"\ntoken = \"{token}\"\nexpires_at = 2001-01-01T00:00:00Z\n"
    );
    let server = Server::start_with(Options::default().config(&config), DataDir::new());
    let ended = Json::new(&server.client(), &token);
    ended.get("/v1/buckets").await.refused(401, "API key expired");
    ended.get("/v1/files").await.bare_refused(401, "unauthorized", "API key expired");
    ended.get("/any-bucket").await.bare_error(401, "unauthorized", "API key expired");
}

#[tokio::test]
async fn a_minted_key_ends_when_it_was_said_to() {
    let org = Org::new();
    let at = windlass_tests::time::iso(windlass_tests::time::now() + 5);
    let key = org.key_with(&["keys:read"], json!({ "expiresAt": at })).await;
    let caller = org.json.with(&key.token);
    caller.get("/v1/keys").await.page();
    // It is the passing of time that is waited for.
    let refused = until("the end of the key", async || {
        let answer = caller.get("/v1/keys").await;
        (answer.status != 200).then_some(answer)
    });
    refused.await.refused(401, "API key expired");
    assert!(windlass_tests::time::iso(windlass_tests::time::now()) >= at);
}

#[tokio::test]
async fn two_credentials_are_400() {
    let org = Org::new();
    let call = org.json.get("/v1/buckets").header("authorization", format!("Bearer {}", org.token));
    call.await.is(400);
}

#[tokio::test]
async fn the_end_of_the_token_counts_to_the_last_character() {
    let org = Org::new();
    let key = org.key(&["buckets:read"]).await;
    for at in [4, 20, 46] {
        let mut other = key.token.clone().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        org.json.with(&other).get("/v1/buckets").await.refused(401, "Invalid API key");
    }
    org.json.with(&key.token).get("/v1/buckets").await.page();
}

#[tokio::test]
async fn billing_is_for_any_key_and_for_nobody_without_one() {
    let org = Org::new();
    for scope in SCOPES {
        let caller = org.caller(&[scope]).await;
        caller.get("/v1/billing/usage").await.data(200);
        caller.get("/v1/billing/subscription").await.data(200);
    }
}

#[tokio::test]
async fn outside_its_list_a_bucket_does_not_exist_for_a_key() {
    let org = Org::new();
    let (mine, other) = (org.bucket().await, org.bucket().await);
    other.upload("k", b"secret").await;
    let key = org.key_with(&SCOPES, json!({ "bucketIds": [mine.id] })).await;
    let caller = org.json.with(&key.token);
    caller.get(&mine.path()).await.data(200);
    let calls = [
        caller.get(&other.path()),
        caller.patch(&other.path(), &json!({ "name": "taken" })),
        caller.delete(&other.path()),
        caller.call("POST", &format!("{}/retry", other.path())),
        caller.get(&other.files()),
        caller.get(&other.file("k")),
        caller.put(&other.file("k"), "x"),
        caller.delete(&other.file("k")),
    ];
    for call in calls {
        call.await.refused(404, "Bucket not found");
    }
    let face = caller.get("/v1/files").query("bucket", &other.name).await;
    face.bare_refused(404, "not_found", "The requested bucket does not exist.");
    assert_eq!(caller.get("/v1/buckets").await.page().texts("id"), [mine.id.as_str()]);
    assert_eq!(other.shown().await["name"], "A bucket");
}

#[tokio::test]
async fn a_key_for_no_bucket_sees_none_and_still_its_keys_and_billing() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let caller = org.json.with(&org.key_with(&SCOPES, json!({ "bucketIds": [] })).await.token);
    let page = caller.get("/v1/buckets").await.page();
    assert!(page.entries.is_empty() && page.next.is_none());
    caller.get(&bucket.path()).await.refused(404, "Bucket not found");
    assert_eq!(caller.get("/v1/keys").await.page().entries.len(), 2);
    caller.get("/v1/billing/usage").await.data(200);
    let denied = caller.post("/v1/buckets", &json!({ "name": "mine" })).await;
    denied.refused(403, "Insufficient permissions");
}

#[tokio::test]
async fn a_bucket_that_is_gone_leaves_every_list_and_an_empty_list_does_not_widen() {
    let org = Org::new();
    let (doomed, kept) = (org.bucket().await, org.bucket().await);
    let both = org.key_with(&SCOPES, json!({ "bucketIds": [doomed.id, kept.id] })).await;
    let one = org.key_with(&SCOPES, json!({ "bucketIds": [doomed.id] })).await;
    org.json.delete(&doomed.path()).await.data(200);
    let list = async |id: &str| org.json.get(&format!("/v1/keys/{id}")).await.data(200)["bucketIds"].clone();
    until("the bucket leaves the lists", async || {
        (list(&one.id).await == json!([]) && list(&both.id).await == json!([kept.id])).then_some(())
    })
    .await;
    let one = org.json.with(&one.token);
    assert!(one.get("/v1/buckets").await.page().entries.is_empty());
    one.get(&kept.path()).await.refused(404, "Bucket not found");
    org.json.with(&both.token).get(&kept.path()).await.data(200);
}

#[tokio::test]
async fn another_organisation_s_things_do_not_exist() {
    let (org, other) = (Org::new(), Org::new());
    let (bucket, key) = (org.bucket().await, org.key(&["files:read"]).await);
    bucket.upload("k", b"secret").await;
    for call in [
        other.json.get(&bucket.path()),
        other.json.patch(&bucket.path(), &json!({ "name": "x" })),
        other.json.delete(&bucket.path()),
        other.json.get(&bucket.file("k")),
        other.json.put(&bucket.file("k"), "x"),
        other.json.delete(&bucket.file("k")),
    ] {
        call.await.refused(404, "Bucket not found");
    }
    let key = format!("/v1/keys/{}", key.id);
    other.json.get(&key).await.refused(404, "API key not found");
    other.json.delete(&key).await.refused(404, "API key not found");
    org.json.get(&key).await.data(200);
    assert_eq!(org.json.get(&bucket.file("k")).await.data(200)["size"], 6);
}
