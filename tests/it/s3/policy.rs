//! Bucket policies: what is one, and what it allows and denies whom.

use bytes::Bytes;
use serde_json::json;
use windlass_tests::client::Bucket;
use windlass_tests::request::{Auth, Payload};

use super::neighbours::Neighbours;
use crate::home::{PART, noise};
use crate::v1::house::until;

/// Behaviour 57: none → 404 NoSuchBucketPolicy.
#[tokio::test]
async fn a_bucket_has_no_policy_until_it_is_given_one() {
    let home = Neighbours::new().await;
    home.bucket.on("GET").flag("policy").await.is_error(404, "NoSuchBucketPolicy");
    home.bucket.on("GET").flag("policyStatus").await.is_error(404, "NoSuchBucketPolicy");
    home.bucket.on("DELETE").flag("policy").await.is(204);
    let text = format!(
        "{{ \"Version\":\"2012-10-17\",\n \"Statement\": {{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"s3:PutObject\",\
         \"Resource\":\"{}\",\"Sid\":\"é\"}} }}",
        home.arn("x/*")
    );
    home.bucket.on("PUT").flag("policy").body(text.clone()).await.is(204);
    home.bucket.on("GET").flag("policy").await.is(200).has_body(text).has("content-type", "application/json");
    home.bucket.on("DELETE").flag("policy").await.is(204);
    home.bucket.on("GET").flag("policy").await.is_error(404, "NoSuchBucketPolicy");
}

/// Behaviour 57: not JSON, or another bucket named → 400 MalformedPolicy.
#[tokio::test]
async fn what_is_no_policy_of_the_bucket_is_refused_and_changes_nothing() {
    let home = Neighbours::new().await;
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is(204);
    for text in ["", "policy", "{}", r#"{"Statement": []}"#, "[1]"] {
        home.bucket.on("PUT").flag("policy").body(text).await.is_error(400, "MalformedPolicy");
    }
    let mut elsewhere = home.allow("s3:GetObject");
    elsewhere["Resource"] = json!("arn:aws:s3:::another-bucket/*");
    let mut stranger = home.allow("s3:GetObject");
    stranger["Principal"] = json!({ "AWS": "arn:aws:iam::123456789012:root" });
    let mut unknown = stranger.clone();
    unknown["Principal"] = json!({ "AWS": "01ARZ3NDEKTSV4RRFFQ69G5FAV" });
    let mut long = home.allow("s3:GetObject");
    long["Sid"] = json!("x".repeat(20 << 10));
    for statement in [
        elsewhere,
        stranger,
        unknown,
        long,
        home.allow("s3:Dance"),
        home.allow_if("s3:GetObject", json!({ "StringResembles": { "aws:Referer": "x" } })),
        home.allow_if("s3:GetObject", json!({ "StringEquals": { "aws:Mood": "good" } })),
        home.allow_if("s3:GetObject", json!({ "IpAddress": { "aws:SourceIp": "here" } })),
    ] {
        home.put_policy(json!([statement])).await.is_error(400, "MalformedPolicy");
    }
    let kept = home.bucket.on("GET").flag("policy").await.is(200);
    assert!(kept.text().contains("s3:GetObject"), "{}", kept.describe());
}

#[tokio::test]
async fn a_policy_opens_what_it_names_and_no_more() {
    let home = Neighbours::new().await;
    for key in ["open/k", "k"] {
        home.bucket.put(key, key).await.is(200);
    }
    home.nobody("GET", "open/k").await.is_error(403, "AccessDenied");
    let mut statement = home.allow("s3:GetObject");
    statement["Resource"] = json!(home.arn("open/*"));
    home.put_policy(json!([statement])).await.is(204);
    home.nobody("GET", "open/k").await.is(200).has_body("open/k");
    home.nobody("HEAD", "open/k").await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
    home.nobody("PUT", "open/k").body("mine").await.is_error(403, "AccessDenied");
    home.nobody("DELETE", "open/k").await.is_error(403, "AccessDenied");
    home.nobody("GET", "").await.is_error(403, "AccessDenied");
    home.nobody("GET", "").flag("policy").await.is_error(403, "AccessDenied");
    home.seen_by(&home.other).get("open/k").await.is(200).has_body("open/k");
    home.bucket.on("DELETE").flag("policy").await.is(204);
    home.nobody("GET", "open/k").await.is_error(403, "AccessDenied");
}

/// Behaviour 57: an explicit denial wins.
#[tokio::test]
async fn a_denial_holds_for_the_owner_and_against_every_permission() {
    let home = Neighbours::new().await;
    for key in ["k", "secret/k"] {
        home.bucket.put(key, "v").await.is(200);
    }
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": home.arn("secret/*") });
    home.put_policy(json!([deny, home.allow("s3:*")])).await.is(204);
    home.nobody("GET", "k").await.is(200).has_body("v");
    home.nobody("GET", "secret/k").await.is_error(403, "AccessDenied");
    home.bucket.get("secret/k").await.is_error(403, "AccessDenied");
    home.bucket.put("secret/k", "w").await.is_error(403, "AccessDenied");
    home.bucket.copy("secret/k", "stolen").await.is_error(403, "AccessDenied");
    home.bucket.get("k").await.is(200);
}

#[tokio::test]
async fn another_organisation_has_what_it_is_given_by_id_or_arn_within_its_key_s_scopes() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    let (other, reader) = (home.seen_by(&home.other), home.seen_by(&home.reader));
    let id = &home.other_id;
    for named in
        [json!({ "AWS": id }), json!({ "AWS": [format!("arn:aws:iam::{id}:root")] }), json!({ "CanonicalUser": id })]
    {
        let statement = json!({
            "Effect": "Allow", "Principal": named, "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
            "Resource": [home.arn(""), home.arn("*")]
        });
        home.put_policy(json!([statement])).await.is(204);
        other.get("k").await.is(200).has_body("v");
        other.put("theirs", "w").await.is(200);
        assert_eq!(other.list().await.is(200).xml().texts("Contents/Key"), ["k", "theirs"]);
        other.delete("k").await.is_error(403, "AccessDenied");
        reader.get("k").await.is(200);
        reader.put("theirs", "x").await.is_error(403, "AccessDenied");
        home.nobody("GET", "k").await.is_error(403, "AccessDenied");
        home.bucket.get("theirs").await.is(200).has_body("w");
        home.bucket.delete("theirs").await.is(204);
        home.bucket.on("DELETE").flag("policy").await.is(204);
        other.get("k").await.is_error(403, "AccessDenied");
    }
}

#[tokio::test]
async fn all_but_those_named_are_denied() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    let deny = json!({
        "Effect": "Deny", "NotPrincipal": { "AWS": [home.mine_id, home.other_id] }, "Action": "s3:*", "Resource": home.arn("*")
    });
    home.put_policy(json!([deny, home.allow("s3:GetObject")])).await.is(204);
    home.seen_by(&home.other).get("k").await.is(200);
    home.bucket.get("k").await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
}

/// Behaviour 57: without s3:ListBucket a missing key is 403, with it 404.
#[tokio::test]
async fn a_missing_key_is_told_to_those_who_may_list() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is(204);
    home.nobody("GET", "missing").await.is_error(403, "AccessDenied");
    home.nobody("HEAD", "missing").await.is(403).has_body("");
    home.seen_by(&home.other).get("missing").await.is_error(403, "AccessDenied");
    home.bucket.get("missing").await.is_error(404, "NoSuchKey");
    let mut list = home.allow("s3:ListBucket");
    list["Resource"] = json!(home.arn(""));
    home.put_policy(json!([home.allow("s3:GetObject"), list])).await.is(204);
    home.nobody("GET", "missing").await.is_error(404, "NoSuchKey");
    home.nobody("HEAD", "missing").await.is(404).has_body("");
    home.nobody("GET", "k").await.is(200);
    // The owner is told no more than its policy lets it see.
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": home.arn("") });
    home.put_policy(json!([deny])).await.is(204);
    home.bucket.get("missing").await.is_error(403, "AccessDenied");
    home.bucket.get("k").await.is(200);
}

#[tokio::test]
async fn each_key_of_a_batch_is_decided_on() {
    let home = Neighbours::new().await;
    for key in ["a/1", "a/2", "b/1"] {
        home.bucket.put(key, "v").await.is(200);
    }
    let keys = ["a/1", "b/1", "a/missing"];
    home.bucket.delete_many(&keys, false).auth(Auth::Anonymous).await.is_error(403, "AccessDenied");
    let mut statement = home.allow("s3:DeleteObject");
    statement["Resource"] = json!(home.arn("a/*"));
    home.put_policy(json!([statement])).await.is(204);
    let answer = home.bucket.delete_many(&keys, false).auth(Auth::Anonymous).await.is(200).xml();
    assert_eq!(answer.texts("Deleted/Key"), ["a/1", "a/missing"]);
    assert_eq!(answer.texts("Error/Key"), ["b/1"]);
    assert_eq!(answer.texts("Error/Code"), ["AccessDenied"]);
    assert_eq!(home.bucket.keys().await, ["a/2", "b/1"]);
    let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": home.arn("b/*") });
    home.put_policy(json!([deny])).await.is(204);
    let answer = home.bucket.delete_many(&["a/2", "b/1"], true).await.is(200).xml();
    assert_eq!((answer.texts("Deleted/Key"), answer.texts("Error/Key")), (vec![], vec!["b/1".to_owned()]));
    assert_eq!(home.bucket.keys().await, ["b/1"]);
}

#[tokio::test]
async fn an_owner_with_all_scopes_is_never_locked_out_of_the_policy() {
    let home = Neighbours::new().await;
    let deny =
        json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [home.arn(""), home.arn("*")] });
    home.put_policy(json!([deny])).await.is(204);
    let files = home.seen_by(&home.files);
    files.on("GET").flag("policy").await.is_error(403, "AccessDenied");
    files.on("DELETE").flag("policy").await.is_error(403, "AccessDenied");
    home.bucket.put("k", "v").await.is_error(403, "AccessDenied");
    home.bucket.on("GET").flag("policy").await.is(200);
    home.bucket.on("DELETE").flag("policy").await.is(204);
    files.put("k", "v").await.is(200);
}

/// Behaviour 35: an unreadable source → 403.
#[tokio::test]
async fn a_copy_reads_its_source_by_the_source_s_policy() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    let theirs = home.other.make(&crate::home::unique("theirs")).await;
    let source = format!("/{}/k", home.bucket.name);
    let copy = || theirs.at("PUT", "copy").header("x-amz-copy-source", source.as_str());
    let upload = theirs.upload("parts").await;
    copy().await.is_error(403, "AccessDenied");
    theirs.part_copy("parts", &upload, 1, &source).await.is_error(403, "AccessDenied");
    let mut statement = home.allow("s3:GetObject");
    statement["Principal"] = json!({ "AWS": home.other_id });
    home.put_policy(json!([statement])).await.is(204);
    copy().await.is(200);
    theirs.part_copy("parts", &upload, 1, &source).await.is(200);
    theirs.get("copy").await.is(200).has_body("v");
    let missing = format!("/{}/missing", home.bucket.name);
    theirs.at("PUT", "copy").header("x-amz-copy-source", missing).await.is_error(403, "AccessDenied");
    home.bucket
        .at("PUT", "copy")
        .header("x-amz-copy-source", format!("/{}/copy", theirs.name))
        .await
        .is_error(403, "AccessDenied");
}

/// Behaviour 16: a wrong `x-amz-expected-bucket-owner` → 403, for anonymous callers too.
#[tokio::test]
async fn a_wrong_expected_owner_is_refused_whoever_asks() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    home.put_policy(json!([home.allow("s3:GetObject"), home.allow("s3:PutObject")])).await.is(204);
    let expecting =
        |request: windlass_tests::request::Request, id: &str| request.header("x-amz-expected-bucket-owner", id);
    let (mine, other) = (home.mine_id.as_str(), home.other_id.as_str());
    expecting(home.nobody("GET", "k"), mine).await.is(200);
    expecting(home.nobody("GET", "k"), other).await.is_error(403, "AccessDenied");
    expecting(home.nobody("PUT", "k").body("w"), other).await.is_error(403, "AccessDenied");
    expecting(home.seen_by(&home.other).get("k"), other).await.is_error(403, "AccessDenied");
    expecting(home.bucket.get("k"), other).await.is_error(403, "AccessDenied");
    expecting(home.bucket.get("k"), mine).await.is(200).has_body("v");
    let copy = home.bucket.copy("k", "copy").header("x-amz-source-expected-bucket-owner", other);
    copy.await.is_error(403, "AccessDenied");
}

/// Behaviour 28: overriding headers is for signed requests; anonymous → 400.
#[tokio::test]
async fn nobody_in_particular_chooses_the_headers_of_an_answer() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is(204);
    for name in ["type", "disposition", "encoding", "language"] {
        home.nobody("GET", "k").query(&format!("response-content-{name}"), "x").await.is_error(400, "InvalidRequest");
    }
    for (name, value) in [("expires", "Thu, 01 Jan 2037 00:00:00 GMT"), ("cache-control", "no-store")] {
        let parameter = format!("response-{name}");
        home.nobody("GET", "k").query(&parameter, value).await.is_error(400, "InvalidRequest");
        home.bucket.get("k").query(&parameter, value).await.is(200).has(name, value);
    }
    home.bucket.get("k").query("response-content-type", "text/x").await.is(200).has("content-type", "text/x");
}

/// Behaviour 73: an anonymous upload framed as `aws-chunked` is never stored with its framing.
#[tokio::test]
async fn a_framed_body_of_nobody_s_is_refused() {
    let home = Neighbours::new().await;
    home.put_policy(json!([home.allow("s3:PutObject")])).await.is(204);
    let framed = Payload::Chunked { signed: false, trailer: None };
    let signed = home.bucket.put("k", "hello").payload(framed).prepare();
    home.bucket.client.send(signed.clone().without("authorization")).await.is_error(501, "NotImplemented");
    let named = home.nobody("PUT", "k").header("content-encoding", "aws-chunked").body("5\r\nhello\r\n0\r\n\r\n");
    named.await.is_error(501, "NotImplemented");
    home.bucket.get("k").await.is_error(404, "NoSuchKey");
    home.nobody("PUT", "k").body("plain").await.is(200);
    home.bucket.get("k").await.is(200).has_body("plain");
}

#[tokio::test]
async fn uploads_in_parts_are_open_as_writes_are_and_end_with_who_began_them() {
    let home = Neighbours::new().await;
    home.put_policy(json!([home.allow("s3:PutObject")])).await.is(204);
    let other: Bucket = home.seen_by(&home.other);
    let bytes = noise(7, PART);
    other.multipart("k", &[bytes.clone(), Bytes::from_static(b"end")]).await;
    let whole = [bytes.as_ref(), b"end"].concat();
    home.bucket.get("k").await.is(200).has_body(whole);
    let upload = other.upload("k").await;
    other.parts("k", &upload).await.is(200);
    home.nobody("GET", "k").query("uploadId", &upload).await.is_error(403, "AccessDenied");
    home.nobody("DELETE", "k").query("uploadId", &upload).await.is_error(403, "AccessDenied");
    other.on("GET").flag("uploads").await.is_error(403, "AccessDenied");
    other.abort("k", &upload).await.is(204);
    let upload = other.upload("k").await;
    home.bucket.abort("k", &upload).await.is(204);
    let open = home.nobody("POST", "n").flag("uploads").await.is(200).xml().text("UploadId").to_owned();
    let part = home.nobody("PUT", "n").query("partNumber", 1).query("uploadId", &open).body("part").await.is(200);
    home.bucket.complete("n", &open, &[(1, part.etag())]).auth(Auth::Anonymous).await.is(200);
    home.bucket.get("n").await.is(200).has_body("part");
}

#[tokio::test]
async fn a_version_is_read_by_a_permission_of_its_own() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "v").await.is(200);
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is(204);
    home.nobody("GET", "k").await.is(200);
    home.nobody("GET", "k").query("versionId", "null").await.is_error(403, "AccessDenied");
    home.put_policy(json!([home.allow("s3:GetObjectVersion")])).await.is(204);
    home.nobody("GET", "k").query("versionId", "null").await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
    let attributes = || home.nobody("GET", "k").flag("attributes").header("x-amz-object-attributes", "ETag");
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is(204);
    attributes().await.is_error(403, "AccessDenied");
    home.put_policy(json!([home.allow("s3:GetObject"), home.allow("s3:GetObjectAttributes")])).await.is(204);
    attributes().await.is(200);
}

#[tokio::test]
async fn other_organisations_manage_what_a_policy_lets_them_manage() {
    let home = Neighbours::new().await;
    let other = home.seen_by(&home.other);
    let mut statement = home.allow("s3:GetBucketPolicy");
    statement["Resource"] = json!(home.arn(""));
    statement["Principal"] = json!({ "AWS": home.other_id });
    statement["Action"] = json!(["s3:GetBucketPolicy", "s3:GetBucketVersioning", "s3:PutBucketVersioning"]);
    home.put_policy(json!([statement])).await.is(204);
    other.on("GET").flag("policy").await.is(200);
    other.on("GET").flag("versioning").await.is(200);
    other.on("PUT").flag("policy").body("{}").await.is_error(403, "AccessDenied");
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    home.seen_by(&home.reader).on("PUT").flag("versioning").body(enabled).await.is_error(403, "AccessDenied");
    other.on("PUT").flag("versioning").body(enabled).await.is(200);
    assert_eq!(home.bucket.on("GET").flag("versioning").await.is(200).xml().text("Status"), "Enabled");
}

#[tokio::test]
async fn what_others_download_counts_for_the_bucket_and_what_nobody_does_is_logged_for_its_owner() {
    let home = Neighbours::new().await;
    home.bucket.put("k", "12345678").await.is(200);
    home.put_policy(json!([home.allow("s3:GetObject")])).await.is(204);
    let buckets = home.json().get("/v1/buckets").query("limit", 100).await.page();
    let named = buckets.entries.iter().find(|bucket| bucket["s3Name"] == home.bucket.name.as_str()).unwrap();
    let id = named["id"].as_str().unwrap().to_owned();
    let used = async || {
        let bucket = home.json().get(&format!("/v1/buckets/{id}")).await.data(200);
        bucket["bandwidthUsedBytes"].as_u64().unwrap()
    };
    assert_eq!(used().await, 0);
    home.nobody("GET", "k").await.is(200).has_body("12345678");
    assert_eq!(used().await, 8);
    home.seen_by(&home.other).get("k").header("range", "bytes=0-2").await.is(206);
    assert_eq!(used().await, 11);
    home.nobody("GET", "missing").await.is(403);
    assert_eq!(used().await, 11);
    let logged = until("the request of nobody in particular", async || {
        let listed = home.json().get("/v1/logs").query("bucketId", &id).await.is(200).json();
        let entries = listed["data"].as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["method"] == "GET" && entry["path"].as_str().unwrap().ends_with("/k"))
    });
    assert_eq!(logged.await["statusCode"], 200);
}
