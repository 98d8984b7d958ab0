//! Forms, and what the bucket itself says of who may send them: its policy, its tags, its locks.

use serde_json::json;
use windlass_tests::form::SignedBy;

use super::neighbours::Neighbours;

/// Behaviour 64: a form that nobody signed is stored where everybody may write, and nowhere else.
#[tokio::test]
async fn a_form_of_nobody_s_is_taken_where_anybody_may_write() {
    let home = Neighbours::new().await;
    let form = || home.bucket.form().signed_by(SignedBy::Nobody);
    form().field("key", "in/k").await.is_error(403, "AccessDenied");
    let mut allowed = home.allow("s3:PutObject");
    allowed["Resource"] = json!(home.arn("in/*"));
    home.put_policy(json!([allowed])).await.is(204);
    form().field("key", "in/k").field("Content-Type", "text/x").field("success_action_status", "201").await.is(201);
    home.bucket.get("in/k").await.is(200).has_body("bytes").has("content-type", "text/x");
    form().field("key", "in/${filename}").file("named.txt", "v").await.is(204);
    home.bucket.get("in/named.txt").await.is(200).has_body("v");
    form().field("key", "out/k").await.is_error(403, "AccessDenied");
    let expecting = form().field("key", "in/other").prepare().with("x-amz-expected-bucket-owner", &home.other_id);
    home.bucket.client.send(expecting).await.is_error(403, "AccessDenied");
    assert_eq!(home.bucket.keys().await, ["in/k", "in/named.txt"]);
}

/// Behaviours 57 and 64: conditions of a policy see how a form was signed, and what its fields say.
#[tokio::test]
async fn the_policy_of_the_bucket_sees_a_form_as_it_is() {
    let home = Neighbours::new().await;
    let deny = |name: &str, value: &str| {
        let mut statement = home.allow("s3:PutObject");
        statement["Effect"] = json!("Deny");
        statement["Condition"] = json!({ "StringEquals": { name: value } });
        home.put_policy(json!([statement]))
    };
    let form = |signed_by| home.bucket.form().field("key", "k").signed_by(signed_by);
    deny("s3:authType", "POST").await.is(204);
    for signed_by in [SignedBy::V4, SignedBy::V2] {
        form(signed_by).await.is_error(403, "AccessDenied");
    }
    home.bucket.put("k", "put").await.is(200);
    deny("s3:signatureversion", "AWS").await.is(204);
    form(SignedBy::V2).await.is_error(403, "AccessDenied");
    form(SignedBy::V4).await.is(204);
    deny("s3:x-amz-storage-class", "STANDARD_IA").await.is(204);
    form(SignedBy::V4).field("x-amz-storage-class", "STANDARD_IA").await.is_error(403, "AccessDenied");
    form(SignedBy::V4).field("x-amz-storage-class", "STANDARD").await.is(204);
}

/// Behaviours 54 and 64: tags of a form are a document.
#[tokio::test]
async fn a_form_can_tag_what_it_stores() {
    let home = Neighbours::new().await;
    let tagged = |tags: &str| {
        let document = format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
        home.bucket.form().field("key", "k").field("tagging", &document)
    };
    let two = "<Tag><Key>a b</Key><Value>1+2=3 @é</Value></Tag><Tag><Key>c</Key><Value></Value></Tag>";
    tagged(two).await.is(204);
    let xml = home.bucket.at("GET", "k").flag("tagging").await.is(200).xml();
    assert_eq!(xml.texts("TagSet/Tag/Key"), ["a b", "c"]);
    assert_eq!(xml.texts("TagSet/Tag/Value"), ["1+2=3 @é", ""]);
    home.bucket.delete("k").await.is(204);
    let eleven: String = (0..11).map(|i| format!("<Tag><Key>{i}</Key><Value/></Tag>")).collect();
    let answer = tagged(&eleven).await;
    assert_eq!(answer.status, 400, "{}", answer.describe());
    home.bucket.form().field("key", "k").field("tagging", "a=b").await.is_error(400, "MalformedXML");
    home.bucket.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviours 59 and 64: the field `acl`.
#[tokio::test]
async fn a_form_can_set_who_sees_what_it_stores() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    home.bucket
        .on("PUT")
        .flag("publicAccessBlock")
        .body(
            "<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls></PublicAccessBlockConfiguration>",
        )
        .await
        .is(200);
    home.bucket.form().field("key", "k").field("acl", "public-read").await.is(204);
    home.nobody("GET", "k").await.is(200).has_body("bytes");
    home.bucket.form().field("key", "k").field("acl", "private").await.is(204);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
    home.bucket.form().field("key", "k").field("acl", "nonsense").await.is_error(400, "InvalidArgument");
}

/// Behaviours 49 and 64: a form makes versions as a PUT does.
#[tokio::test]
async fn a_form_makes_versions() {
    let home = Neighbours::new().await;
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    home.bucket.on("PUT").flag("versioning").body(enabled).await.is(200);
    let first = home.bucket.form().field("key", "k").await.is(204).need("x-amz-version-id").to_owned();
    home.bucket.form().field("key", "k").file("b", "second").await.is(204);
    home.bucket.get("k").await.is(200).has_body("second");
    home.bucket.get("k").query("versionId", first).await.is(200).has_body("bytes");
}
