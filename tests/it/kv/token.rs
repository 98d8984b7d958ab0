//! Access tokens.

use windlass_tests::json::text;

use super::home::{Home, Says};

async fn token(home: &Home, form: &str) -> String {
    text(&home.by("sec", "POST", "tokens/").body(form.to_owned()).await.is(200).json(), "access_token")
}

#[tokio::test]
async fn a_token_allows_what_it_says_under_its_prefix() {
    let home = Home::new("secret_key=sec&signing_key=sig").await;
    for key in ["users:1:a", "users:1:b", "users:2:a"] {
        home.set(key, "v").await;
    }
    let row = |token: String| {
        let home = &home;
        async move {
            let mut statuses = Vec::new();
            for (method, key) in [("GET", "users:1:a"), ("PUT", "users:1:c"), ("PATCH", "users:1:n"), ("GET", "")] {
                statuses.push(home.by(&token, method, key).body(if method == "GET" { "" } else { "1" }).await.status);
            }
            statuses.push(home.by(&token, "DELETE", "users:1:c").await.status);
            statuses.push(home.by(&token, "GET", "users:2:a").await.status);
            statuses.push(home.by(&token, "PATCH", "").body("default_ttl=0").await.status);
            statuses
        }
    };
    let form = |permissions: &str| format!("prefix=users:1:&permissions={permissions}&ttl=60");
    assert_eq!(row(token(&home, &form("read")).await).await, [200, 403, 403, 403, 403, 403, 403]);
    assert_eq!(row(token(&home, &form("write")).await).await, [403, 200, 200, 403, 403, 403, 403]);
    assert_eq!(row(token(&home, &form("enumerate")).await).await, [403, 403, 403, 200, 403, 403, 403]);
    assert_eq!(row(token(&home, &form("delete")).await).await, [403, 403, 403, 403, 200, 403, 403]);
    assert_eq!(row(token(&home, &form("read,write")).await).await, [200, 200, 200, 403, 403, 403, 403]);
}

#[tokio::test]
async fn a_token_lists_its_own_prefix_and_no_other() {
    let home = Home::new("secret_key=sec&signing_key=sig").await;
    for key in ["a", "users:1:a", "users:1:b", "users:2:a"] {
        home.set(key, "v").await;
    }
    let token = token(&home, "prefix=users:1:&permissions=enumerate").await;
    home.by(&token, "GET", "").await.is(200).has_body("users:1:a\nusers:1:b\n");
    home.by(&token, "GET", "").query("prefix", "users:1:b").await.is(200).has_body("users:1:b\n");
    for prefix in ["", "users:", "users:2:"] {
        let answer = home.by(&token, "GET", "").query("prefix", prefix).await;
        answer.says(403, "The access token is for other keys");
    }
}

#[tokio::test]
async fn tokens_are_made_with_the_secret_key_where_there_is_one_to_sign() {
    let home = Home::new("secret_key=sec").await;
    let make = |key: &str, form: &str| home.by(key, "POST", "tokens/").body(form.to_owned());
    make("sec", "permissions=read").await.says(403, "The bucket has no signing_key");
    home.by("sec", "PATCH", "").body("signing_key=sig&read_key=rea").await.is(200);
    make("rea", "permissions=read").await.says(403, "The bucket's policy does not allow it");
    make("sig", "permissions=read").await.says(401, "Wrong key");
    make("sec", "").await.says(400, "permissions is required: read, write, enumerate, delete");
    make("sec", "permissions=own").await.says(400, "permissions must be of read, write, enumerate, delete");
    make("sec", "permissions=read&ttl=0").await.says(400, "ttl must be from 1 second to 10 years");
    let made = make("sec", "permissions=read").await.is(200).has("content-type", "application/json");
    let token = text(&made.json(), "access_token");
    assert!(token.starts_with("v1.") && token.split('.').count() == 3, "{token}");
    make(&token, "permissions=read").await.is(403);
    home.by(&token, "GET", "k").await.is(404);
    home.by("sec", "PATCH", "").body("signing_key=sig").await.is(200);
    home.by(&token, "GET", "k").await.says(401, "Wrong key");
}
