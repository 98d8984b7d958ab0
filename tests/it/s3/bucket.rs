//! Buckets: names, making, deleting, listing, owner.

use windlass_tests::xml::Xml;

use crate::home::{Home, client, unique};

/// Behaviour 12.
#[tokio::test]
async fn bucket_names_outside_the_rules_are_refused() {
    let (_server, client) = client();
    let long = "a".repeat(64);
    for name in ["ab", &long, "Abc", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b", "192.168.0.1", "a%20b", "api"] {
        client.request("PUT", name, "").await.is_error(400, "InvalidBucketName");
    }
}

/// Behaviour 12.
#[tokio::test]
async fn bucket_names_at_the_edge_of_the_rules_are_taken() {
    let (_server, client) = client();
    let stem = unique("a.b-c");
    let long = format!("{stem}{}", "9".repeat(63 - stem.len()));
    for name in [stem.as_str(), &long] {
        client.request("PUT", name, "").await.is(200).has("location", &format!("/{name}"));
        client.request("HEAD", name, "").await.is(200);
    }
}

/// Behaviour 13.
#[tokio::test]
async fn making_ones_own_bucket_again_changes_nothing() {
    let home = Home::new().await;
    home.put("kept", "body").await.is(200);
    let again = home.on("PUT").await;
    if again.status != 200 {
        again.is_error(409, "BucketAlreadyOwnedByYou");
    }
    home.get("kept").await.is(200).has_body("body");
}

/// Behaviour 13.
#[tokio::test]
async fn a_location_that_is_not_ours_makes_no_bucket() {
    let (_server, client) = client();
    let name = unique("elsewhere");
    let body =
        "<CreateBucketConfiguration><LocationConstraint>nowhere-9</LocationConstraint></CreateBucketConfiguration>";
    let codes = ["IllegalLocationConstraintException", "InvalidLocationConstraint"];
    client.request("PUT", &name, "").body(body).await.is_error_of(400, &codes);
    client.request("HEAD", &name, "").await.is(404);
}

#[tokio::test]
async fn a_malformed_configuration_makes_no_bucket() {
    let (_server, client) = client();
    let name = unique("malformed");
    client.request("PUT", &name, "").body("<CreateBucketConf").await.is_error(400, "MalformedXML");
    client.request("HEAD", &name, "").await.is(404);
}

/// Behaviour 14.
#[tokio::test]
async fn only_an_empty_bucket_can_be_deleted() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    home.on("DELETE").await.is_error(409, "BucketNotEmpty");
    home.get("k").await.is(200).has_body("v");
    home.delete("k").await.is(204);
    home.on("DELETE").await.is(204).has_body("");
    home.on("HEAD").await.is(404);
    home.on("DELETE").await.is_error(404, "NoSuchBucket");
}

#[tokio::test]
async fn a_deleted_bucket_comes_back_empty() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    home.delete("k").await.is(204);
    home.on("DELETE").await.is(204);
    home.on("PUT").await.is(200);
    assert_eq!(home.keys().await, [""; 0]);
    home.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviour 17.
#[tokio::test]
async fn head_of_a_bucket_tells_whether_it_is_there() {
    let home = Home::new().await;
    home.on("HEAD").await.is(200).has("x-amz-bucket-region", "us-east-1").has_body("");
    home.client.request("HEAD", &unique("missing"), "").await.is(404).has_body("");
}

/// Behaviour 15.
#[tokio::test]
async fn the_location_of_us_east_1_is_empty() {
    let home = Home::new().await;
    let xml = home.on("GET").flag("location").await.is(200).xml();
    assert_eq!((xml.name.as_str(), xml.text.trim()), ("LocationConstraint", ""));
    home.client.request("GET", &unique("missing"), "").flag("location").await.is_error(404, "NoSuchBucket");
}

/// Behaviour 15.
#[tokio::test]
async fn buckets_are_listed_in_order_page_by_page() {
    let (_server, client) = client();
    let stem = unique("page");
    let wanted: Vec<String> = (0..5).map(|n| format!("{stem}-{n}")).collect();
    for name in wanted.iter().rev() {
        client.make(name).await;
    }
    let mut found = Vec::new();
    let mut token: Option<String> = None;
    for size in [2, 2, 1] {
        let mut request = client.request("GET", "", "").query("max-buckets", 2).query("prefix", format!("{stem}-"));
        if let Some(token) = &token {
            request = request.query("continuation-token", token);
        }
        let xml = request.await.is(200).xml();
        assert_eq!(xml.all("Buckets/Bucket").len(), size, "{xml:?}");
        assert_eq!(xml.text("Prefix"), format!("{stem}-"));
        found.extend(xml.texts("Buckets/Bucket/Name"));
        token = xml.get("ContinuationToken").map(str::to_owned);
    }
    assert_eq!((found, token), (wanted, None));
}

/// Behaviour 15.
#[tokio::test]
async fn max_buckets_outside_its_range_is_refused() {
    let (_server, client) = client();
    for max in ["0", "-1", "10001", "many"] {
        client.request("GET", "", "").query("max-buckets", max).await.is_error(400, "InvalidArgument");
    }
}

/// Behaviour 15.
#[tokio::test]
async fn the_creation_date_of_a_bucket_stays() {
    let home = Home::new().await;
    let date = |xml: Xml| {
        let mine = xml.all("Buckets/Bucket").into_iter().find(|b| b.get("Name") == Some(&home.name)).cloned();
        mine.expect("the bucket is listed").text("CreationDate").to_owned()
    };
    let before = date(home.client.request("GET", "", "").await.is(200).xml());
    home.put("k", "v").await.is(200);
    let after = date(home.client.request("GET", "", "").await.is(200).xml());
    assert_eq!(before, after);
    assert!(before.len() == 24 && before.ends_with('Z'), "{before}");
}

/// Behaviour 16.
#[tokio::test]
async fn another_account_as_expected_owner_is_refused_to_everyone() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let other = "111122223333";
    let wrong = |method: &str, key: &str| home.at(method, key).header("x-amz-expected-bucket-owner", other);
    for (method, key) in [("GET", "k"), ("PUT", "k"), ("DELETE", "k"), ("GET", ""), ("DELETE", "")] {
        wrong(method, key).await.is_error(403, "AccessDenied");
    }
    wrong("HEAD", "k").await.is(403).has_body("");
    wrong("GET", "k").anonymous().await.is_error(403, "AccessDenied");
    home.get("k").await.is(200).has_body("v");
}

/// Behaviour 16.
#[tokio::test]
async fn the_true_owner_as_expected_owner_is_accepted() {
    let home = Home::new().await;
    let owner = home.client.request("GET", "", "").await.is(200).xml().text("Owner/ID").to_owned();
    assert!(!owner.is_empty());
    home.put("k", "v").header("x-amz-expected-bucket-owner", &owner).await.is(200);
    home.get("k").header("x-amz-expected-bucket-owner", &owner).await.is(200).has_body("v");
}
