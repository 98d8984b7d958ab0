//! What Windlass does not have, it says so: nothing is silently taken for something else.

use crate::home::Home;

#[tokio::test]
async fn bucket_operations_that_are_absent_answer_501() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for name in ["analytics", "encryption", "intelligent-tiering", "inventory", "metrics", "replication"] {
        home.on("PUT").flag(name).body("<X/>").await.is_error(501, "NotImplemented");
    }
    for name in ["analytics", "intelligent-tiering", "inventory", "metrics"] {
        home.on("DELETE").flag(name).query("id", 1).await.is_error(501, "NotImplemented");
    }
    home.on("GET").flag("session").await.is_error(501, "NotImplemented");
    home.get("k").await.is(200).has_body("v");
}

#[tokio::test]
async fn object_operations_that_are_absent_answer_501() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    home.get("k").flag("torrent").await.is_error(501, "NotImplemented");
    home.at("POST", "k").flag("restore").body("<X/>").await.is_error(501, "NotImplemented");
    let select = home.at("POST", "k").flag("select").query("select-type", 2);
    select.body("<X/>").await.is_error(501, "NotImplemented");
    home.get("k").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_promise_in_a_header_that_cannot_be_kept_is_refused() {
    let home = Home::new().await;
    for (name, value) in [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption", "aws:kms"),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-acl", "public-read"),
        ("x-amz-grant-read", "uri=http://acs.amazonaws.com/groups/global/AllUsers"),
    ] {
        let answer = home.put("k", "v").header(name, value).await;
        assert!([400, 403, 501].contains(&answer.status), "{name}: {}", answer.describe());
        home.get("k").await.is_error(404, "NoSuchKey");
    }
}
