//! Bucket policies: the conditions that statements have.

use serde_json::json;
use windlass_tests::request::Auth;

use super::neighbours::Neighbours;

/// Behaviour 57: conditions on the prefix of a listing.
#[tokio::test]
async fn a_listing_is_allowed_by_its_prefix() {
    let home = Neighbours::new().await;
    home.bucket.put("home/a", "v").await.is(200);
    let mut statement = home.allow("s3:ListBucket");
    statement["Resource"] = json!(home.arn(""));
    statement["Condition"] =
        json!({ "StringLike": { "s3:prefix": "home/*" }, "NumericLessThanEquals": { "s3:max-keys": 10 } });
    home.put_policy(json!([statement, home.allow("s3:PutObject")])).await.is(204);
    let list = |prefix: &str, max: u32| home.nobody("GET", "").query("prefix", prefix).query("max-keys", max);
    assert_eq!(list("home/", 10).await.is(200).xml().texts("Contents/Key"), ["home/a"]);
    list("home/", 11).await.is_error(403, "AccessDenied");
    list("", 10).await.is_error(403, "AccessDenied");
    list("house/", 10).await.is_error(403, "AccessDenied");
    list("home/", 10).query("list-type", 2).await.is(200);
    list("home/", 10).flag("versions").await.is_error(403, "AccessDenied");
    // What the action of a request does not use says nothing, however often it is said.
    let mut statement = home.allow_if("s3:*", json!({ "StringLike": { "s3:prefix": "home/*" } }));
    statement["Resource"] = json!([home.arn(""), home.arn("*")]);
    home.put_policy(json!([statement])).await.is(204);
    list("home/", 10).await.is(200);
    home.nobody("GET", "home/a").query("prefix", "home/").await.is_error(403, "AccessDenied");
    home.nobody("DELETE", "home/a").query("prefix", "home/").await.is_error(403, "AccessDenied");
}

/// Behaviour 57: conditions on the tags that an object has.
#[tokio::test]
async fn an_object_is_read_by_its_tags() {
    let home = Neighbours::new().await;
    home.bucket.put("public", "v").header("x-amz-tagging", "security=public&x=y").await.is(200);
    home.bucket.put("private", "v").header("x-amz-tagging", "security=private").await.is(200);
    home.bucket.put("plain", "v").await.is(200);
    let condition = json!({ "StringEquals": { "s3:ExistingObjectTag/security": "public" } });
    home.put_policy(json!([home.allow_if("s3:GetObject*", condition)])).await.is(204);
    home.nobody("GET", "public").await.is(200);
    home.nobody("GET", "public").flag("tagging").await.is(200);
    for key in ["private", "plain", "missing"] {
        home.nobody("GET", key).await.is_error(403, "AccessDenied");
    }
    let tags = "<Tagging><TagSet><Tag><Key>security</Key><Value>public</Value></Tag></TagSet></Tagging>";
    home.bucket.at("PUT", "plain").flag("tagging").body(tags).await.is(200);
    home.nobody("GET", "plain").await.is(200);
}

/// Behaviour 57: conditions on the tags that an object is given.
#[tokio::test]
async fn an_object_is_written_by_the_tags_it_is_given() {
    let home = Neighbours::new().await;
    let condition = json!({
        "StringEquals": { "s3:RequestObjectTag/team": "red" },
        "ForAllValues:StringEquals": { "s3:RequestObjectTagKeys": ["team", "note"] }
    });
    let mut statement = home.allow_if("s3:PutObject", condition);
    statement["Action"] = json!(["s3:PutObject", "s3:PutObjectTagging"]);
    home.put_policy(json!([statement])).await.is(204);
    let put = |tags: &str| home.nobody("PUT", "k").header("x-amz-tagging", tags).body("v");
    put("team=red").await.is(200);
    put("team=red&note=x").await.is(200);
    put("team=blue").await.is_error(403, "AccessDenied");
    put("team=red&other=x").await.is_error(403, "AccessDenied");
    home.nobody("PUT", "k").body("v").await.is_error(403, "AccessDenied");
    let tagging = |value: &str| {
        let tags = format!("<Tagging><TagSet><Tag><Key>team</Key><Value>{value}</Value></Tag></TagSet></Tagging>");
        home.nobody("PUT", "k").flag("tagging").body(tags)
    };
    tagging("red").await.is(200);
    tagging("blue").await.is_error(403, "AccessDenied");
}

/// Behaviour 57: conditions on `x-amz-acl`.
#[tokio::test]
async fn a_write_is_denied_by_the_list_it_asks_for() {
    let home = Neighbours::with_lists("BucketOwnerPreferred").await;
    let handed_over = json!({ "StringEquals": { "s3:x-amz-acl": "bucket-owner-full-control" } });
    let statement = home.allow_if("s3:PutObject", handed_over);
    home.put_policy(json!([statement])).await.is(204);
    let other = home.seen_by(&home.other);
    other.put("k", "v").await.is_error(403, "AccessDenied");
    other.put("k", "v").header("x-amz-acl", "public-read").await.is_error(403, "AccessDenied");
    other.put("k", "v").header("x-amz-acl", "bucket-owner-full-control").await.is(200);
    home.bucket.get("k").await.is(200).has_body("v");
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:PutObjectAcl", "Resource": home.arn("*") });
    home.put_policy(json!([statement, deny])).await.is(204);
    other.put("k", "v").header("x-amz-acl", "bucket-owner-full-control").await.is_error(403, "AccessDenied");
    home.bucket.put("k", "v").header("x-amz-acl", "private").await.is_error(403, "AccessDenied");
    home.bucket.put("k", "v").await.is(200);
}

/// Behaviour 57: conditions on the source of a copy.
#[tokio::test]
async fn a_copy_is_allowed_by_its_source() {
    let home = Neighbours::new().await;
    let name = &home.bucket.name;
    for key in ["open/a b", "closed/k"] {
        home.bucket.put(key, key).await.is(200);
    }
    let condition = json!({ "StringLike": { "s3:x-amz-copy-source": format!("{name}/open/*") } });
    home.put_policy(json!([home.allow("s3:GetObject"), home.allow_if("s3:PutObject", condition)])).await.is(204);
    let copy = |source: String| home.nobody("PUT", "copy").header("x-amz-copy-source", source);
    copy(format!("/{name}/open/a%20b")).await.is(200);
    copy(format!("{name}%2Fopen/a%20b")).await.is(200);
    copy(format!("{name}/closed/k")).await.is_error(403, "AccessDenied");
    home.nobody("PUT", "copy").body("v").await.is_error(403, "AccessDenied");
    home.bucket.get("copy").await.is(200).has_body("open/a b");
}

/// Behaviour 57: conditions on encryption.
#[tokio::test]
async fn a_write_is_denied_for_want_of_encryption() {
    let home = Neighbours::new().await;
    let deny = json!({
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": home.arn("*"),
        "Condition": { "Null": { "s3:x-amz-server-side-encryption": "true" } }
    });
    home.put_policy(json!([deny])).await.is(204);
    home.bucket.put("k", "v").await.is_error(403, "AccessDenied");
    // What is not denied is not done either, since nothing is encrypted here.
    home.bucket.put("k", "v").header("x-amz-server-side-encryption", "AES256").await.is_error(501, "NotImplemented");
}

#[tokio::test]
async fn the_client_and_its_words_decide() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    let read = async |condition: serde_json::Value, status: u16| {
        home.put_policy(json!([home.allow_if("s3:GetObject", condition)])).await.is(204);
        let asked = home.nobody("GET", "k").header("user-agent", "tester/1").header("referer", "https://example.com/a");
        asked.await.is(status);
    };
    read(json!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), 200).await;
    read(json!({ "NotIpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), 403).await;
    read(json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"] } }), 403).await;
    read(json!({ "Bool": { "aws:SecureTransport": "false" } }), 200).await;
    read(json!({ "Bool": { "aws:SecureTransport": "true" } }), 403).await;
    read(json!({ "StringLike": { "aws:UserAgent": "tester/*", "aws:Referer": "https://example.com/*" } }), 200).await;
    read(json!({ "StringLike": { "aws:UserAgent": "other/*" } }), 403).await;
    read(json!({ "StringEquals": { "aws:PrincipalType": "Anonymous" } }), 200).await;
    read(json!({ "Null": { "s3:authType": "true" } }), 200).await;
    read(json!({ "DateGreaterThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }), 200).await;
    read(json!({ "DateLessThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }), 403).await;
    read(json!({ "NumericLessThan": { "aws:EpochTime": 1_577_836_800 } }), 403).await;
    read(json!({ "StringEquals": { "aws:SourceVpc": "vpc-1" } }), 403).await;
}

#[tokio::test]
async fn signatures_decide_by_their_kind_and_age() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    let deny = |condition: serde_json::Value| json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": home.arn("*"), "Condition": condition });
    home.put_policy(json!([deny(json!({ "StringEquals": { "s3:authType": "REST-QUERY-STRING" } }))])).await.is(204);
    home.bucket.get("k").await.is(200);
    home.bucket.get("k").auth(Auth::PresignedV4(60)).await.is_error(403, "AccessDenied");
    home.put_policy(json!([deny(json!({ "StringNotEquals": { "s3:signatureversion": "AWS4-HMAC-SHA256" } }))]))
        .await
        .is(204);
    home.bucket.get("k").auth(Auth::PresignedV4(60)).await.is(200);
    home.bucket.get("k").auth(Auth::PresignedV2(60)).await.is_error(403, "AccessDenied");
    home.put_policy(json!([deny(json!({ "NumericGreaterThan": { "s3:signatureAge": 600_000 } }))])).await.is(204);
    home.bucket.get("k").auth(Auth::PresignedV4(3_600)).await.is(200);
    let old = home.bucket.get("k").auth(Auth::PresignedV4(3_600)).skewed(-700);
    old.await.is_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_variable_stands_for_the_caller() {
    let home = Neighbours::new().await;
    let id = &home.other_id;
    let mut statement = home.allow("s3:PutObject");
    statement["Resource"] = json!(home.arn("${aws:PrincipalAccount}/*"));
    home.put_policy(json!([statement])).await.is(204);
    let other = home.seen_by(&home.other);
    other.put(&format!("{id}/k"), "v").await.is(200);
    other.put(&format!("{}/k", home.mine_id), "v").await.is_error(403, "AccessDenied");
    home.nobody("PUT", "/k").body("v").await.is_error(403, "AccessDenied");
}
