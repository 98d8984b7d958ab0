//! The public access block, and which policies are public.

use serde_json::json;
use windlass_tests::client::Bucket;
use windlass_tests::request::Request;

use super::neighbours::Neighbours;

fn block(bucket: &Bucket, switches: &[&str]) -> Request {
    let switches: String = switches.iter().map(|name| format!("<{name}>true</{name}>")).collect();
    let document = format!("<PublicAccessBlockConfiguration>{switches}</PublicAccessBlockConfiguration>");
    bucket.on("PUT").flag("publicAccessBlock").body(document)
}

/// Behaviour 58: absent → 404 NoSuchPublicAccessBlockConfiguration.
#[tokio::test]
async fn a_bucket_has_no_block_until_it_is_given_one() {
    let home = Neighbours::new().await;
    let get = || home.bucket.on("GET").flag("publicAccessBlock");
    get().await.is_error(404, "NoSuchPublicAccessBlockConfiguration");
    block(&home.bucket, &["BlockPublicAcls", "RestrictPublicBuckets"]).await.is(200);
    let told = get().await.is(200).xml();
    let switches = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
    assert_eq!(switches.map(|name| told.text(name).to_owned()), ["true", "false", "false", "true"]);
    home.seen_by(&home.other).on("GET").flag("publicAccessBlock").await.is_error(403, "AccessDenied");
    home.bucket.on("DELETE").flag("publicAccessBlock").await.is(204);
    get().await.is_error(404, "NoSuchPublicAccessBlockConfiguration");
    home.bucket.on("DELETE").flag("publicAccessBlock").await.is(204);
}

/// Behaviour 58: `BlockPublicAcls` refuses public canned lists with 403.
#[tokio::test]
async fn a_public_list_is_refused_where_those_are_blocked() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    home.bucket.put("k", "v").await.is(200);
    block(&home.bucket, &["BlockPublicAcls"]).await.is(200);
    for name in ["public-read", "public-read-write", "authenticated-read"] {
        home.bucket.on("PUT").flag("acl").header("x-amz-acl", name).await.is_error(403, "AccessDenied");
        home.bucket.at("PUT", "k").flag("acl").header("x-amz-acl", name).await.is_error(403, "AccessDenied");
        home.bucket.put("new", "v").header("x-amz-acl", name).await.is_error(403, "AccessDenied");
        home.bucket.create("new").header("x-amz-acl", name).await.is_error(403, "AccessDenied");
        home.bucket.copy("k", "new").header("x-amz-acl", name).await.is_error(403, "AccessDenied");
    }
    let uri = "uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"";
    home.bucket.put("new", "v").header("x-amz-grant-read", uri).await.is_error(403, "AccessDenied");
    home.bucket.head("new").await.is(404);
    home.bucket.put("new", "v").header("x-amz-acl", "private").await.is(200);
    home.bucket.put("new", "v").header("x-amz-grant-read", format!("id={}", home.other_id)).await.is(200);
    // What is public already stays so.
    home.bucket.on("DELETE").flag("publicAccessBlock").await.is(204);
    home.bucket.put("old", "v").header("x-amz-acl", "public-read").await.is(200);
    block(&home.bucket, &["BlockPublicAcls"]).await.is(200);
    home.nobody("GET", "old").await.is(200);
}

/// Behaviour 58: `IgnorePublicAcls` works at once.
#[tokio::test]
async fn public_lines_of_lists_count_for_nothing_where_they_are_ignored() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    home.bucket.put("k", "v").header("x-amz-acl", "public-read").await.is(200);
    home.bucket.put("given", "v").header("x-amz-grant-read", format!("id={}", home.other_id)).await.is(200);
    home.bucket.on("PUT").flag("acl").header("x-amz-acl", "public-read").await.is(200);
    home.nobody("GET", "k").await.is(200);
    home.nobody("GET", "").await.is(200);
    block(&home.bucket, &["IgnorePublicAcls"]).await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
    home.nobody("GET", "").await.is_error(403, "AccessDenied");
    home.seen_by(&home.other).get("k").await.is_error(403, "AccessDenied");
    home.seen_by(&home.other).get("given").await.is(200);
    home.bucket.get("k").await.is(200);
    let groups = home.bucket.on("GET").flag("acl").await.is(200).xml();
    assert_eq!(groups.texts("AccessControlList/Grant/Permission"), ["FULL_CONTROL", "READ"], "the list itself stays");
    home.bucket.on("DELETE").flag("publicAccessBlock").await.is(204);
    home.nobody("GET", "k").await.is(200);
}

#[tokio::test]
async fn a_public_policy_is_refused_where_those_are_blocked() {
    let home = Neighbours::new().await;
    block(&home.bucket, &["BlockPublicPolicy"]).await.is(200);
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is_error(403, "AccessDenied");
    home.bucket.on("GET").flag("policy").await.is_error(404, "NoSuchBucketPolicy");
    let narrow = home.allow_if("s3:GetObject", json!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/16" } }));
    home.put_policy(json!([narrow])).await.is(204);
    let mut named = home.allow("s3:GetObject");
    named["Principal"] = json!({ "AWS": home.other_id });
    home.put_policy(json!([named])).await.is(204);
    home.bucket.on("DELETE").flag("publicAccessBlock").await.is(204);
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is(204);
}

/// Behaviour 58: `RestrictPublicBuckets` works at once.
#[tokio::test]
async fn a_public_policy_lets_in_only_the_owner_where_buckets_are_restricted() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    let mut named = home.allow("s3:GetObject");
    named["Principal"] = json!({ "AWS": home.other_id });
    home.put_policy(json!([home.allow("s3:GetObject"), named])).await.is(204);
    home.nobody("GET", "k").await.is(200);
    block(&home.bucket, &["RestrictPublicBuckets"]).await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
    // Nor are those let in who are named beside the public.
    home.seen_by(&home.other).get("k").await.is_error(403, "AccessDenied");
    home.bucket.get("k").await.is(200);
    home.put_policy(json!([named])).await.is(204);
    home.seen_by(&home.other).get("k").await.is(200);
}

/// Behaviour 58: `IsPublic` is computed from the policy; wildcards narrowed by conditions are not public.
#[tokio::test]
async fn a_policy_s_status_says_whether_it_is_public() {
    let home = Neighbours::new().await;
    let status = async |statement: serde_json::Value| {
        home.put_policy(json!([statement])).await.is(204);
        home.bucket.on("GET").flag("policyStatus").await.is(200).xml().text("IsPublic").to_owned()
    };
    let with = |condition| home.allow_if("s3:GetObject", condition);
    assert_eq!(status(home.allow("s3:GetObject")).await, "true");
    assert_eq!(status(with(json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/32" } }))).await, "false");
    assert_eq!(status(with(json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }))).await, "true");
    assert_eq!(status(with(json!({ "StringEquals": { "aws:SourceVpc": "vpc-1" } }))).await, "false");
    assert_eq!(status(with(json!({ "StringLike": { "aws:SourceVpc": "vpc-*" } }))).await, "true");
    let mut named = home.allow("s3:GetObject");
    named["Principal"] = json!({ "AWS": home.other_id });
    assert_eq!(status(named).await, "false");
    let mut denied = home.allow("s3:GetObject");
    denied["Effect"] = json!("Deny");
    assert_eq!(status(denied).await, "false");
}
