//! DeleteObject and DeleteObjects.

use windlass_tests::digest::{Checksum, content_md5};

use crate::home::{Home, unique};

/// Behaviour 25.
#[tokio::test]
async fn deleting_what_is_not_there_succeeds() {
    let home = Home::new().await;
    home.delete("k").await.is(204).has_body("");
    home.put("k", "v").await.is(200);
    home.delete("k").await.is(204);
    home.delete("k").await.is(204);
    home.get("k").await.is_error(404, "NoSuchKey");
    home.client.request("DELETE", &unique("missing"), "k").await.is_error(404, "NoSuchBucket");
}

/// Behaviour 25.
#[tokio::test]
async fn many_keys_are_deleted_and_reported_absent_ones_too() {
    let home = Home::new().await;
    home.fill(&["a", "b", "kept"]).await;
    let xml = home.delete_many(&["a", "absent", "b"], false).await.is(200).xml();
    let mut deleted = xml.texts("Deleted/Key");
    deleted.sort();
    assert_eq!((xml.name.as_str(), deleted), ("DeleteResult", vec!["a".into(), "absent".into(), "b".into()]));
    assert!(xml.all("Error").is_empty());
    assert_eq!(home.keys().await, ["kept"]);
}

/// Behaviour 25.
#[tokio::test]
async fn quiet_deletion_reports_nothing_that_went_well() {
    let home = Home::new().await;
    home.fill(&["a", "b"]).await;
    let xml = home.delete_many(&["a", "b"], true).await.is(200).xml();
    assert!(xml.children.is_empty(), "{xml:?}");
    assert_eq!(home.keys().await, [""; 0]);
}

/// Behaviour 25.
#[tokio::test]
async fn a_thousand_keys_are_the_most() {
    let home = Home::new().await;
    let keys: Vec<String> = (0..1_001).map(|n| format!("k{n:04}")).collect();
    home.put(&keys[0], "v").await.is(200);
    home.delete_many(&keys, false).await.is_error(400, "MalformedXML");
    home.get(&keys[0]).await.is(200);
    let xml = home.delete_many(&keys[..1_000], false).await.is(200).xml();
    assert_eq!(xml.all("Deleted").len(), 1_000);
    home.get(&keys[0]).await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_body_that_names_no_keys_is_malformed() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for body in ["", "<Delete></Delete>", "<Delete><Object></Object></Delete>", "<Delete><Object><Key>k</Key>", "{}"] {
        let request = home.on("POST").flag("delete").header("content-md5", content_md5(body.as_bytes())).body(body);
        request.await.is_error_of(400, &["MalformedXML", "MissingRequestBodyError"]);
    }
    home.get("k").await.is(200);
}

/// Behaviours 25 and 68.
#[tokio::test]
async fn odd_names_are_deleted_exactly() {
    let home = Home::new().await;
    let odd = [
        "a&b",
        "a<b>",
        "\"q\"",
        "a b",
        "a+b",
        "a%2Fb",
        "dir/",
        "dir//x",
        "ü",
        "new\nline",
        "carriage\rreturn",
        "tab\t",
    ];
    home.fill(&odd).await;
    home.fill(&["a", "a/b", "dir", "dir/x"]).await;
    let deleted = home.delete_many(&odd, false).await.is(200).xml().texts("Deleted/Key");
    assert_eq!(deleted, odd);
    assert_eq!(home.keys().await, ["a", "a/b", "dir", "dir/x"]);
}

/// Behaviour 25.
#[tokio::test]
async fn a_wrong_digest_of_the_list_deletes_nothing() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let body = "<Delete><Object><Key>k</Key></Object></Delete>";
    let request = || home.on("POST").flag("delete").body(body);
    request().header("content-md5", content_md5(b"other")).await.is_error(400, "BadDigest");
    request().header("content-md5", "garbage").await.is_error(400, "InvalidDigest");
    for kind in Checksum::ALL {
        let codes = ["BadDigest", "XAmzContentChecksumMismatch"];
        request().header(kind.header(), kind.of(b"other")).await.is_error_of(400, &codes);
    }
    home.get("k").await.is(200).has_body("v");
    request().header(Checksum::Crc32.header(), Checksum::Crc32.of(body.as_bytes())).await.is(200);
    home.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn one_bad_name_does_not_keep_the_others() {
    let home = Home::new().await;
    home.fill(&["a", "b"]).await;
    let over = "k".repeat(1_025);
    let xml = home.delete_many(&["a", &over, "b"], false).await.is(200).xml();
    assert_eq!((xml.texts("Error/Key"), xml.text("Error/Code")), (vec![over], "KeyTooLongError"));
    assert_eq!(xml.texts("Deleted/Key"), ["a", "b"]);
    assert_eq!(home.keys().await, [""; 0]);
}

/// Behaviour 25.
#[tokio::test]
async fn quiet_deletion_still_reports_what_went_wrong() {
    let home = Home::new().await;
    home.fill(&["a"]).await;
    let over = "k".repeat(1_025);
    let xml = home.delete_many(&["a", &over], true).await.is(200).xml();
    assert_eq!((xml.texts("Error/Key"), xml.text("Error/Code")), (vec![over], "KeyTooLongError"));
    assert_eq!(xml.children.len(), 1, "{xml:?}");
    assert_eq!(home.keys().await, [""; 0]);
}
