//! Who may do what in a bucket, by the keys that it has.

use windlass_tests::answer::Answer;

use super::home::{Home, Says, make, root};

/// What each operation is answered with, by whoever presents this: get, set, incr, delete, list, policy.
async fn row(home: &Home, credential: Option<&str>) -> [u16; 6] {
    let call = |method: &str, key: &str| match credential {
        Some(credential) => home.by(credential, method, key),
        None => home.call(method, key),
    };
    let statuses = |answers: Vec<Answer>| answers.iter().map(|answer| answer.status).collect::<Vec<_>>();
    let answers = vec![
        call("GET", "there").await,
        call("PUT", "k").body("1").await,
        call("PATCH", "n").body("+1").await,
        call("DELETE", "k").await,
        call("GET", "").await,
        call("PATCH", "").body("default_ttl=60").await,
    ];
    statuses(answers).try_into().unwrap()
}

/// A bucket with a value.
async fn filled(form: &str, writer: Option<&str>) -> Home {
    let home = Home::new(form).await;
    let set = writer.map_or_else(|| home.call("PUT", "there"), |key| home.by(key, "PUT", "there"));
    set.body("v").await.is(200);
    home
}

#[tokio::test]
async fn a_bucket_without_keys_is_everybody_s_but_its_policy() {
    let home = filled("", None).await;
    assert_eq!(row(&home, None).await, [200, 200, 200, 200, 200, 403]);
    assert_eq!(row(&home, Some("wrong")).await, [401; 6]);
    home.call("DELETE", "").await.says(403, "The bucket's policy does not allow it");
}

#[tokio::test]
async fn a_secret_key_keeps_the_list_and_the_policy() {
    let home = filled("email=a%40b.c&secret_key=sec", None).await;
    assert_eq!(row(&home, None).await, [200, 200, 200, 200, 403, 403]);
    assert_eq!(row(&home, Some("sec")).await, [200; 6]);
}

#[tokio::test]
async fn a_write_key_keeps_writes() {
    let home = filled("secret_key=sec&write_key=wri", Some("wri")).await;
    assert_eq!(row(&home, None).await, [200, 403, 403, 403, 403, 403]);
    assert_eq!(row(&home, Some("wri")).await, [200, 200, 200, 200, 403, 403]);
    assert_eq!(row(&home, Some("sec")).await, [200; 6]);
}

#[tokio::test]
async fn a_read_key_keeps_reads_too() {
    let home = filled("secret_key=sec&write_key=wri&read_key=rea", Some("wri")).await;
    assert_eq!(row(&home, None).await, [403; 6]);
    assert_eq!(row(&home, Some("rea")).await, [200, 403, 403, 403, 403, 403]);
    assert_eq!(row(&home, Some("wri")).await, [403, 200, 200, 200, 403, 403]);
    assert_eq!(row(&home, Some("sec")).await, [200; 6]);
    assert_eq!(row(&home, Some("se")).await, [401; 6]);
}

#[tokio::test]
async fn an_empty_key_is_taken_away_but_the_secret_one() {
    let home = filled("secret_key=sec&write_key=wri&read_key=rea", Some("wri")).await;
    home.by("sec", "PATCH", "").body("read_key=&write_key=").await.is(200).has_body("");
    assert_eq!(row(&home, None).await, [200, 200, 200, 200, 403, 403]);
    home.by("sec", "PATCH", "")
        .body("secret_key=")
        .await
        .says(400, "The secret key cannot be taken away, only changed");
    home.by("sec", "PATCH", "").body("secret_key=new").await.is(200);
    home.by("sec", "GET", "").await.says(401, "Wrong key");
    home.by("new", "GET", "").await.is(200);
    home.by("new", "PATCH", "").body("default_ttl=week").await.says(400, "default_ttl must be a whole number");
}

#[tokio::test]
async fn an_organisation_s_key_does_what_its_scopes_say() {
    let home = filled("secret_key=sec&write_key=wri&read_key=rea", Some("wri")).await;
    let root = root(&home.server);
    let minted = |permissions: &'static [&'static str]| {
        let root = root.clone();
        async move {
            let said = serde_json::json!({ "name": "kv", "permissions": permissions });
            windlass_tests::json::text(&root.post("/v1/keys", &said).await.data(201), "key")
        }
    };
    let rows: [(&[&str], [u16; 6]); 4] = [
        (&["files:read"], [200, 403, 403, 403, 200, 403]),
        (&["files:write"], [403, 200, 200, 403, 403, 403]),
        (&["files:delete"], [403, 403, 403, 200, 403, 403]),
        (&["buckets:write"], [403, 403, 403, 403, 403, 200]),
    ];
    for (permissions, expected) in rows {
        assert_eq!(row(&home, Some(&minted(permissions).await)).await, expected, "{permissions:?}");
    }
    make(&root, "").await.is(200);
    make(&root.with(&minted(&["files:write"]).await), "").await.is(403);
    home.by(&minted(&["buckets:write"]).await, "DELETE", "").await.is(403);
    home.by(&minted(&["buckets:delete"]).await, "DELETE", "").await.is(200);
}

#[tokio::test]
async fn a_bucket_s_name_is_22_letters_and_digits() {
    let home = Home::new("").await;
    assert!(home.id.len() == 22 && home.id.bytes().all(|b| b.is_ascii_alphanumeric()), "{}", home.id);
    home.set("k", "v").await;
    for path in [format!("/kv/{}", home.id), format!("/kv/{}/", home.id)] {
        home.anybody.get(&path).await.is(200).has_body("k\n");
    }
    home.anybody.get("/kv/0000000000000000000000/k").await.says(404, "There is no such bucket");
    home.anybody.get("/kv/nothing").await.says(404, "There is nothing here");
}

#[tokio::test]
async fn a_deleted_bucket_is_gone() {
    let home = filled("secret_key=sec", None).await;
    home.by("sec", "DELETE", "").await.is(200).has_body("");
    for credential in ["sec", "wrong"] {
        home.by(credential, "GET", "there").await.says(410, "The bucket has been deleted");
    }
    home.call("GET", "there").await.says(410, "The bucket has been deleted");
    home.call("PUT", "there").body("v").await.says(410, "The bucket has been deleted");
}
