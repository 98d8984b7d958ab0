//! Transactions.

use super::home::{Home, Says};

#[tokio::test]
async fn all_entries_are_done_or_none() {
    let home = Home::new("").await;
    home.set("old", "v").await;
    let txn = |body: &str| home.call("POST", "").body(format!("{{\"txn\":[{body}]}}"));
    txn(r#"{"set":"a","value":"1"},{"set":"n","value":2},{"set":"j","value":{"k":1}},{"delete":"old"}"#)
        .await
        .is(200)
        .has_body("");
    home.holds("a", "1").await;
    home.holds("n", "2").await;
    home.get("j").await.is(200).has_body("{\"k\":1}").has("content-type", "application/json");
    home.lacks("old").await;
    for bad in [r#"{"set":"x"}"#, r#"{"get":"x"}"#, r#"{"set":"","value":1}"#, r#"{"set":"tokens/","value":1}"#] {
        txn(&format!(r#"{{"set":"a","value":"2"}},{bad}"#)).await.is(400);
        home.holds("a", "1").await;
    }
    txn("{}").await.says(400, "Entry 0 of the transaction must set a value, delete or check one");
    home.call("POST", "").body("a=b").await.is(400);
    let many = vec![r#"{"delete":"x"}"#; 1_001].join(",");
    txn(&many).await.says(400, "A transaction has at most 1000 entries");
    let large = format!(r#"{{"set":"a","value":"{}"}}"#, "v".repeat(16_385));
    txn(&large).await.says(400, "A value is at most 16384 bytes");
}

#[tokio::test]
async fn checks_make_it_compare_and_set() {
    let home = Home::new("").await;
    let txn = |body: &str| home.call("POST", "").body(format!("{{\"txn\":[{body}]}}"));
    txn(r#"{"check":"a","value":null},{"set":"a","value":"1"}"#).await.is(200);
    let other = "Entry 0 of the transaction: the value is another one";
    txn(r#"{"check":"a","value":null},{"set":"a","value":"2"}"#).await.says(409, other);
    txn(r#"{"check":"a","value":"0"},{"set":"a","value":"2"}"#).await.says(409, other);
    home.holds("a", "1").await;
    txn(r#"{"check":"a","value":"1"},{"set":"a","value":"2"},{"check":"a","value":"2"}"#).await.is(200);
    home.holds("a", "2").await;
    let later = "Entry 1 of the transaction: the value is another one";
    txn(r#"{"set":"b","value":"1"},{"check":"a","value":null}"#).await.says(409, later);
    home.lacks("b").await;
}

#[tokio::test]
async fn each_entry_needs_its_own_right() {
    let home = Home::new("secret_key=sec&read_key=rea&write_key=wri&signing_key=sig").await;
    let txn = |key: &str, body: &str| home.by(key, "POST", "").body(format!("{{\"txn\":[{body}]}}"));
    let (set, check) = (r#"{"set":"a","value":"1"}"#, r#"{"check":"a","value":"1"}"#);
    txn("wri", set).await.is(200);
    txn("wri", check).await.says(403, "The bucket's policy does not allow it");
    txn("rea", check).await.is(200);
    txn("rea", set).await.is(403);
    txn("sec", &format!("{check},{set}")).await.is(200);
    home.call("POST", "").body(format!("{{\"txn\":[{set}]}}")).await.is(403);
    let form = "prefix=b&permissions=write";
    let token = home.by("sec", "POST", "tokens/").body(form).await.is(200).json()["access_token"].to_string();
    let token = token.trim_matches('"');
    txn(token, r#"{"set":"b1","value":"1"}"#).await.is(200);
    txn(token, r#"{"set":"b1","value":"2"},{"set":"a","value":"2"}"#).await.is(403);
    txn(token, r#"{"delete":"b1"}"#).await.is(403);
    home.by("rea", "GET", "b1").await.is(200).has_body("1");
}
