//! `/v1/share`, and the links that it makes.

use serde_json::{Value, json};
use windlass_tests::answer::Answer;
use windlass_tests::json::{Call, Json, text};
use windlass_tests::shape::{Kind, has_shape};

use super::face::file_id;
use super::house::{Home, Org, SCOPES, until};

const MADE: &[(&str, Kind)] = &[("id", Kind::Text), ("url", Kind::Text), ("expires_at", Kind::Time)];
const SHARE: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("resource_id", Kind::Text),
    ("created_at", Kind::Time),
    ("expires_at", Kind::Time),
    ("has_password", Kind::Flag),
];

async fn share(json: &Json, bucket: &Home, key: &str, more: Value) -> Value {
    let mut body = json!({ "resource_id": file_id(&bucket.name, key), "expires_in": 3_600 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = json.post("/v1/share", &body).await.bare(201);
    has_shape(&made, MADE);
    made
}

/// The path of a link.
fn path(made: &Value) -> String {
    let url = text(made, "url");
    let code = url.split_once("/-/s/").unwrap_or_else(|| panic!("no link: {url}")).1.to_owned();
    assert!(code.len() >= 20 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{url}");
    format!("/-/s/{code}")
}

/// A form with a password, as a browser sends it.
fn password(org: &Org, path: &str, password: &str) -> Call {
    let form = format!("password={}", windlass_tests::sign::encode(password, false));
    let call = Json::anonymous(&org.s3).call("POST", path);
    call.header("content-type", "application/x-www-form-urlencoded").body(form)
}

async fn follow(org: &Org, made: &Value) -> Answer {
    org.s3.plain(&path(made)).await
}

#[tokio::test]
async fn a_link_gives_the_file_to_whoever_has_it() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("dir/photo.png", b"pixels").await;
    let made = share(&org.json, &bucket, "dir/photo.png", json!({})).await;
    let base = format!("http://{}/-/s/", org.s3.address());
    assert!(text(&made, "url").starts_with(&base), "{made}");
    let in_an_hour = windlass_tests::time::iso(windlass_tests::time::now() + 3_600);
    assert_eq!(text(&made, "expires_at")[..16], in_an_hour[..16]);
    let answer = follow(&org, &made).await.is(200).has_body("pixels").has("content-type", "image/png");
    let answer = answer.has("cache-control", "private, no-store").has("referrer-policy", "no-referrer");
    answer.has("x-content-type-options", "nosniff").lacks("x-ratelimit-limit");
    let nobody = Json::anonymous(&org.s3);
    nobody.get(&path(&made)).header("range", "bytes=1-2").await.is(206).has_body("ix");
    nobody.call("HEAD", &path(&made)).await.is(200).has_body("").has("content-length", "6");
}

#[tokio::test]
async fn a_link_with_a_password_opens_by_it_alone() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("k", b"secret").await;
    let made = share(&org.json, &bucket, "k", json!({ "password": "pässword &+1" })).await;
    let asked = follow(&org, &made).await.is(401);
    assert!(
        asked.need("content-type").starts_with("text/html") && asked.text().contains("<form"),
        "{}",
        asked.describe()
    );
    for wrong in ["", "x", "pässword &+2", "P\u{e4}ssword &+1"] {
        let answer = password(&org, &path(&made), wrong).await;
        assert!([401, 403].contains(&answer.status) && !answer.text().contains("secret"), "{}", answer.describe());
    }
    password(&org, &path(&made), "pässword &+1").await.is(200).has_body("secret");
    // Neither in the address nor by a key: only by the form.
    let query = format!("{}?password=p%C3%A4ssword%20%26%2B1", path(&made));
    org.s3.plain(&query).await.is(401);
    org.json.get(&path(&made)).await.is(401);
}

#[tokio::test]
async fn links_are_listed_and_revoked_at_once() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("k", b"x").await;
    let mut made = Vec::new();
    for n in 0..3 {
        let more = if n == 1 { json!({ "password": "p" }) } else { json!({}) };
        made.push(share(&org.json, &bucket, "k", more).await);
    }
    let list = || org.json.get("/v1/share").query("bucket", &bucket.name);
    let page = list().await.bare(200);
    has_shape(&page, &[("shares", Kind::Any), ("cursor", Kind::Null), ("has_more", Kind::Flag)]);
    let shares = page["shares"].as_array().unwrap();
    assert_eq!(shares.len(), 3);
    for (n, made) in made.iter().enumerate() {
        let share = shares.iter().find(|share| share["id"] == made["id"]).expect("every link is listed");
        has_shape(share, SHARE);
        assert_eq!((&share["expires_at"], &share["has_password"]), (&made["expires_at"], &(n == 1).into()));
        assert_eq!(share["resource_id"], file_id(&bucket.name, "k").as_str());
    }
    let first = list().query("limit", 2).await.bare(200);
    let rest = list().query("cursor", first["cursor"].as_str().unwrap()).await.bare(200);
    assert_eq!((&first["has_more"], &rest["shares"]), (&true.into(), &json!([shares[2]])));
    let revoked = format!("/v1/share/{}", text(&made[0], "id"));
    org.json.delete(&revoked).await.is(204).has_body("");
    follow(&org, &made[0]).await.is(404);
    org.json.delete(&revoked).await.bare_told(404, "not_found");
    follow(&org, &made[2]).await.is(200);
    assert_eq!(list().await.bare(200)["shares"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_link_ends_when_it_was_said_to() {
    let org = Org::new();
    let bucket = org.bucket().await;
    bucket.upload("k", b"x").await;
    let made = share(&org.json, &bucket, "k", json!({ "expires_in": 2 })).await;
    follow(&org, &made).await.is(200);
    until("the end of the link", async || (follow(&org, &made).await.status == 404).then_some(())).await;
    assert!(windlass_tests::time::iso(windlass_tests::time::now() + 1) >= text(&made, "expires_at"));
}

#[tokio::test]
async fn a_link_ends_with_its_file_its_key_and_its_bucket() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for key in ["file", "key", "bucket"] {
        bucket.upload(key, b"x").await;
    }
    let by_file = share(&org.json, &bucket, "file", json!({})).await;
    org.json.delete(&bucket.file("file")).await.data(200);
    follow(&org, &by_file).await.is(404);

    let minted = org.key(&SCOPES).await;
    let by_key = share(&org.json.with(&minted.token), &bucket, "key", json!({})).await;
    follow(&org, &by_key).await.is(200);
    org.json.delete(&format!("/v1/keys/{}", minted.id)).await.data(200);
    follow(&org, &by_key).await.is(404);

    let by_bucket = share(&org.json, &bucket, "bucket", json!({})).await;
    org.json.delete(&bucket.path()).await.data(200);
    follow(&org, &by_bucket).await.is(404);
}

#[tokio::test]
async fn what_cannot_be_shared_is_refused() {
    let (org, other) = (Org::new(), Org::new());
    let (bucket, foreign) = (org.bucket().await, other.bucket().await);
    bucket.upload("k", b"x").await;
    foreign.upload("k", b"x").await;
    let post = |body: Value| org.json.post("/v1/share", &body);
    let id = file_id(&bucket.name, "k");
    for body in [
        json!({}),
        json!({ "resource_id": id }),
        json!({ "expires_in": 60 }),
        json!({ "resource_id": "x", "expires_in": 60 }),
        json!({ "resource_id": id, "expires_in": 0 }),
        json!({ "resource_id": id, "expires_in": -1 }),
        json!({ "resource_id": id, "expires_in": "60" }),
        json!({ "resource_id": id, "expires_in": 99_999_999_999_u64 }),
        json!({ "resource_id": id, "expires_in": 60, "password": "" }),
        json!({ "resource_id": id, "expires_in": 60, "password": 1 }),
        json!({ "resource_id": id, "expires_in": 60, "password": "x".repeat(1_000) }),
    ] {
        post(body).await.bare_told(400, "bad_request");
    }
    for (bucket, key) in [(&bucket.name, "missing"), (&foreign.name, "k"), (&"nowhere-at-all".to_owned(), "k")] {
        let body = json!({ "resource_id": file_id(bucket, key), "expires_in": 60 });
        post(body).await.bare_told(404, "not_found");
    }
}

#[tokio::test]
async fn a_code_that_is_none_leads_nowhere_and_links_take_no_other_method() {
    let org = Org::new();
    for code in ["x", "", "%00", "%FF", "..", &"a".repeat(24), &"a".repeat(5_000)] {
        let answer = org.s3.plain(&format!("/-/s/{code}")).await.is(404);
        assert!(answer.need("content-type").starts_with("text/html"));
    }
    let answer = Json::anonymous(&org.s3).call("PUT", "/-/s/x").await.is(405);
    assert!(answer.need("allow").contains("GET"));
}
