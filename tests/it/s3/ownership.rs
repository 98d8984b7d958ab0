//! Ownership controls: who owns what others write, and whether lists count.

use serde_json::json;
use windlass_tests::client::Bucket;
use windlass_tests::request::Request;
use windlass_tests::server::{DataDir, Options, Server};

use super::neighbours::Neighbours;
use crate::home::unique;

fn put(bucket: &Bucket, ownership: &str) -> Request {
    let rule = format!("<Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>");
    bucket.on("PUT").flag("ownershipControls").body(format!("<OwnershipControls>{rule}</OwnershipControls>"))
}

async fn told(bucket: &Bucket) -> String {
    let controls = bucket.on("GET").flag("ownershipControls").await.is(200).xml();
    controls.text("Rule/ObjectOwnership").to_owned()
}

#[tokio::test]
async fn a_new_bucket_s_owner_owns_everything_until_it_says_otherwise() {
    let home = Neighbours::new().await;
    assert_eq!(told(&home.bucket).await, "BucketOwnerEnforced");
    for ownership in ["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"] {
        put(&home.bucket, ownership).await.is(200);
        assert_eq!(told(&home.bucket).await, ownership);
        let made = Neighbours::with_lists(ownership).await;
        assert_eq!(told(&made.bucket).await, ownership);
    }
    put(&home.bucket, "Nobody").await.is_error(400, "MalformedXML");
    let none = home.bucket.on("PUT").flag("ownershipControls").body("<OwnershipControls></OwnershipControls>");
    none.await.is_error(400, "MalformedXML");
    home.seen_by(&home.other).on("GET").flag("ownershipControls").await.is_error(403, "AccessDenied");
    home.bucket.on("DELETE").flag("ownershipControls").await.is(204);
    home.bucket.on("GET").flag("ownershipControls").await.is_error(404, "OwnershipControlsNotFoundError");
    let wrong = home.bucket.client.request("PUT", &unique("wrong"), "").header("x-amz-object-ownership", "Mine");
    wrong.await.is_error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_gateway_can_let_lists_count_in_the_buckets_that_say_nothing() {
    let config = "[s3]\nobject_ownership = \"ObjectWriter\"\n";
    let server = Server::start_with(Options::default().config(config), DataDir::new());
    let bucket = server.client().make("lists-count").await;
    assert_eq!(told(&bucket).await, "ObjectWriter");
    bucket.put("k", "v").header("x-amz-acl", "public-read").await.is(200);
    bucket.get("k").anonymous().await.is(200).has_body("v");
    let enforced = server.client().request("PUT", "they-do-not", "");
    enforced.header("x-amz-object-ownership", "BucketOwnerEnforced").await.is(200);
    assert_eq!(told(&Bucket { client: server.client(), name: "they-do-not".to_owned() }).await, "BucketOwnerEnforced");
}

/// Behaviour 59: BucketOwnerEnforced makes writes of lists fail with 400 AccessControlListNotSupported.
#[tokio::test]
async fn lists_are_refused_where_they_do_not_count() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    let no_lists = "AccessControlListNotSupported";
    for name in ["public-read", "authenticated-read", "bucket-owner-read", "private"] {
        home.bucket.on("PUT").flag("acl").header("x-amz-acl", name).await.is_error(400, no_lists);
        home.bucket.at("PUT", "k").flag("acl").header("x-amz-acl", name).await.is_error(400, no_lists);
    }
    let grant = ("x-amz-grant-read", format!("id={}", home.other_id));
    for (name, value) in [("x-amz-acl", "public-read".to_owned()), grant] {
        home.bucket.put("new", "v").header(name, &value).await.is_error(400, no_lists);
        home.bucket.create("new").header(name, &value).await.is_error(400, no_lists);
        home.bucket.copy("k", "new").header(name, &value).await.is_error(400, no_lists);
    }
    home.bucket.head("new").await.is(404);
    // Two names say no more than what holds anyway.
    for name in ["private", "bucket-owner-full-control"] {
        home.bucket.put("new", "v").header("x-amz-acl", name).await.is(200);
    }
    for list in [home.bucket.on("GET"), home.bucket.get("k")] {
        let xml = list.flag("acl").await.is(200).xml();
        assert_eq!(xml.text("Owner/ID"), home.mine_id);
        assert_eq!(xml.texts("AccessControlList/Grant/Grantee/ID"), [home.mine_id.as_str()]);
        assert_eq!(xml.texts("AccessControlList/Grant/Permission"), ["FULL_CONTROL"]);
    }
    // What was read can be written back, as s3cmd does after each copy.
    for (read, write) in
        [(home.bucket.on("GET"), home.bucket.on("PUT")), (home.bucket.get("k"), home.bucket.at("PUT", "k"))]
    {
        let list = read.flag("acl").await.is(200).text().to_owned();
        write.clone().flag("acl").body(list.clone()).await.is(200);
        let other = list.replace("FULL_CONTROL", "READ");
        assert_ne!(other, list);
        write.flag("acl").body(other).await.is_error(400, no_lists);
    }
}

#[tokio::test]
async fn a_bucket_is_not_made_with_a_list_that_does_not_count() {
    let home = Neighbours::new().await;
    let make = |ownership: Option<&str>, acl: &str| {
        let name = unique("listed");
        let mut made = home.bucket.client.request("PUT", &name, "").header("x-amz-acl", acl);
        if let Some(ownership) = ownership {
            made = made.header("x-amz-object-ownership", ownership);
        }
        (made, Bucket { client: home.bucket.client.clone(), name })
    };
    for ownership in [None, Some("BucketOwnerEnforced")] {
        let (made, bucket) = make(ownership, "public-read");
        made.await.is_error(400, "InvalidBucketAclWithObjectOwnership");
        bucket.on("HEAD").await.is(404);
        make(ownership, "private").0.await.is(200);
    }
    let (made, bucket) = make(Some("ObjectWriter"), "public-read");
    made.await.is(200);
    let list = bucket.on("GET").flag("acl").await.is(200).xml();
    assert_eq!(list.texts("AccessControlList/Grant/Permission"), ["FULL_CONTROL", "READ"]);
    // Before lists cease to count, what they grant to others is taken back.
    put(&bucket, "BucketOwnerEnforced").await.is_error(400, "InvalidBucketAclWithObjectOwnership");
    bucket.on("PUT").flag("acl").header("x-amz-acl", "private").await.is(200);
    put(&bucket, "BucketOwnerEnforced").await.is(200);
}

/// A bucket that everybody may write into, with what the other organisation wrote.
async fn written(ownership: &str, acl: Option<&str>) -> (Neighbours, String) {
    let home = Neighbours::with_lists(ownership).await;
    home.put_policy(json!([home.allow("s3:PutObject")])).await.is(204);
    let mut put = home.seen_by(&home.other).put("k", "theirs");
    if let Some(acl) = acl {
        put = put.header("x-amz-acl", acl);
    }
    put.await.is(200);
    let list = match ownership {
        // Its owner alone may look at the list of what it owns.
        "ObjectWriter" => home.seen_by(&home.other).get("k").flag("acl").await.is(200).xml(),
        _ if acl.is_none() => home.seen_by(&home.other).get("k").flag("acl").await.is(200).xml(),
        _ => home.bucket.get("k").flag("acl").await.is(200).xml(),
    };
    let owner = list.text("Owner/ID").to_owned();
    (home, owner)
}

#[tokio::test]
async fn who_writes_owns_where_writers_do() {
    let (home, owner) = written("ObjectWriter", None).await;
    assert_eq!(owner, home.other_id);
    let other = home.seen_by(&home.other);
    other.get("k").await.is(200).has_body("theirs");
    home.bucket.get("k").await.is_error(403, "AccessDenied");
    home.bucket.head("k").await.is(403);
    home.bucket.get("k").flag("acl").await.is_error(403, "AccessDenied");
    home.bucket.copy("k", "stolen").await.is_error(403, "AccessDenied");
    home.bucket.put("mine", "v").await.is(200);
    let owners = [home.other_id.as_str(), home.mine_id.as_str()];
    assert_eq!(home.bucket.list_v1().await.is(200).xml().texts("Contents/Owner/ID"), owners);
    assert_eq!(home.bucket.list().query("fetch-owner", true).await.is(200).xml().texts("Contents/Owner/ID"), owners);
    assert_eq!(home.bucket.on("GET").flag("versions").await.is(200).xml().texts("Version/Owner/ID"), owners);
    // The other shares it, and takes it back.
    other.at("PUT", "k").flag("acl").header("x-amz-acl", "bucket-owner-read").await.is(200);
    home.bucket.get("k").await.is(200).has_body("theirs");
    home.bucket.at("PUT", "k").flag("acl").header("x-amz-acl", "public-read").await.is_error(403, "AccessDenied");
    other.at("PUT", "k").flag("acl").header("x-amz-acl", "private").await.is(200);
    home.bucket.get("k").await.is_error(403, "AccessDenied");
    // The bucket's owner pays for it, and may throw it out.
    home.bucket.delete("k").await.is(204);
    home.bucket.put("k", "mine").await.is(200);
    other.get("k").await.is_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_full_control_given_hands_over_only_where_the_bucket_s_owner_is_preferred() {
    let (home, owner) = written("BucketOwnerPreferred", Some("bucket-owner-full-control")).await;
    assert_eq!(owner, home.mine_id);
    home.bucket.get("k").await.is(200);
    home.seen_by(&home.other).get("k").await.is_error(403, "AccessDenied");
    let (home, owner) = written("BucketOwnerPreferred", None).await;
    assert_eq!(owner, home.other_id);
    home.bucket.get("k").await.is_error(403, "AccessDenied");
    let (home, owner) = written("ObjectWriter", Some("bucket-owner-full-control")).await;
    assert_eq!(owner, home.other_id);
    home.bucket.get("k").await.is(200);
}

#[tokio::test]
async fn everything_is_the_bucket_owner_s_once_it_is_enforced() {
    let (home, _) = written("ObjectWriter", Some("public-read")).await;
    home.bucket.put("mine", "v").header("x-amz-acl", "public-read").await.is(200);
    home.nobody("GET", "k").await.is(200);
    put(&home.bucket, "BucketOwnerEnforced").await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
    home.nobody("GET", "mine").await.is_error(403, "AccessDenied");
    home.seen_by(&home.other).get("k").await.is_error(403, "AccessDenied");
    home.bucket.get("k").await.is(200).has_body("theirs");
    assert_eq!(home.bucket.get("k").flag("acl").await.is(200).xml().text("Owner/ID"), home.mine_id);
    put(&home.bucket, "ObjectWriter").await.is(200);
    home.nobody("GET", "k").await.is(200);
}
