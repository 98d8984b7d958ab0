//! Another organisation's buckets and keys with less than everything.

use windlass_tests::client::Client;
use windlass_tests::server::{DataDir, Options, Server};

const CONFIG: &str = r#"
[[organisation]]
name = "acme"
buckets = ["acme-photos", "acme-private"]
[[organisation.key]]
name = "everything"
access_key_id = "ACMEACCESSKEY0000001"
secret_access_key = "acme-secret-0123456789"
[[organisation.key]]
name = "reader"
access_key_id = "ACMEACCESSKEY0000002"
secret_access_key = "acme-secret-0123456789"
scopes = ["buckets:read", "files:read"]
buckets = ["acme-photos"]
[[organisation.key]]
name = "gone"
access_key_id = "ACMEACCESSKEY0000003"
secret_access_key = "acme-secret-0123456789"
expires_at = 2001-01-01T00:00:00Z

[[organisation]]
name = "other"
[[organisation.key]]
name = "everything"
access_key_id = "OTHERACCESSKEY000001"
secret_access_key = "other-secret-0123456789"
"#;

struct Houses {
    _server: Server,
    acme: Client,
    reader: Client,
    gone: Client,
    other: Client,
}

fn houses() -> Houses {
    let server = Server::start_with(Options::default().config(CONFIG), DataDir::new());
    let client = server.client();
    let acme = |number: u8| client.with_keys(&format!("ACMEACCESSKEY000000{number}"), "acme-secret-0123456789");
    let other = client.with_keys("OTHERACCESSKEY000001", "other-secret-0123456789");
    Houses { acme: acme(1), reader: acme(2), gone: acme(3), other, _server: server }
}

#[tokio::test]
async fn a_bucket_of_another_organisation_is_closed() {
    let houses = houses();
    houses.acme.request("PUT", "acme-photos", "k").body("v").await.is(200);
    let other = |method: &str, key: &str| houses.other.request(method, "acme-photos", key);
    for (method, key) in [("GET", "k"), ("PUT", "k"), ("DELETE", "k"), ("GET", ""), ("DELETE", ""), ("GET", "missing")]
    {
        other(method, key).await.is_error(403, "AccessDenied");
    }
    other("HEAD", "k").await.is(403).has_body("");
    other("POST", "k").flag("uploads").await.is_error(403, "AccessDenied");
    houses.acme.request("GET", "acme-photos", "k").await.is(200).has_body("v");
}

/// Behaviour 13.
#[tokio::test]
async fn a_name_taken_by_another_organisation_is_taken() {
    let houses = houses();
    houses.other.request("PUT", "acme-photos", "").await.is_error(409, "BucketAlreadyExists");
}

/// Behaviour 15.
#[tokio::test]
async fn each_organisation_lists_its_own_buckets() {
    let houses = houses();
    houses.other.make("other-things").await;
    let names = async |client: &Client| client.request("GET", "", "").await.is(200).xml().texts("Buckets/Bucket/Name");
    assert_eq!(names(&houses.acme).await, ["acme-photos", "acme-private"]);
    assert_eq!(names(&houses.other).await, ["other-things"]);
    assert_eq!(names(&houses.reader).await, ["acme-photos"]);
}

/// Behaviour 35.
#[tokio::test]
async fn an_unreadable_source_cannot_be_copied() {
    let houses = houses();
    houses.acme.request("PUT", "acme-photos", "k").body("secret").await.is(200);
    let mine = houses.other.make("other-things").await;
    mine.at("PUT", "k").header("x-amz-copy-source", "/acme-photos/k").await.is_error(403, "AccessDenied");
    let upload = mine.upload("k").await;
    mine.part_copy("k", &upload, 1, "/acme-photos/k").await.is_error(403, "AccessDenied");
    mine.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn a_key_that_may_only_read_only_reads() {
    let houses = houses();
    houses.acme.request("PUT", "acme-photos", "k").body("v").await.is(200);
    let reader = |method: &str, key: &str| houses.reader.request(method, "acme-photos", key);
    reader("GET", "k").await.is(200).has_body("v");
    reader("GET", "").await.is(200);
    for (method, key) in [("PUT", "k"), ("DELETE", "k"), ("DELETE", "")] {
        reader(method, key).await.is_error(403, "AccessDenied");
    }
    reader("PUT", "copy").header("x-amz-copy-source", "/acme-photos/k").await.is_error(403, "AccessDenied");
    reader("POST", "k").flag("uploads").await.is_error(403, "AccessDenied");
    houses.reader.request("PUT", "acme-more", "").await.is_error(403, "AccessDenied");
    houses.acme.request("GET", "acme-photos", "k").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_bucket_outside_the_keys_list_does_not_exist_for_it() {
    let houses = houses();
    houses.acme.request("PUT", "acme-private", "k").body("v").await.is(200);
    let answer = houses.reader.request("GET", "acme-private", "k").await;
    if answer.status == 403 {
        answer.is_error(403, "AccessDenied");
    } else {
        answer.is_error(404, "NoSuchBucket");
    }
}

#[tokio::test]
async fn an_expired_key_opens_nothing() {
    let houses = houses();
    houses
        .gone
        .request("GET", "acme-photos", "")
        .await
        .is_error_of(403, &["AccessDenied", "InvalidAccessKeyId", "ExpiredToken"]);
}

/// Behaviour 11: a missing bucket → 404 NoSuchBucket, whoever asks; a private one → 403 for nobody in particular.
#[tokio::test]
async fn a_missing_bucket_is_missing_for_everybody() {
    let houses = houses();
    for client in [&houses.acme, &houses.other] {
        client.request("GET", "no-such-bucket", "").await.is_error(404, "NoSuchBucket");
        client.request("GET", "no-such-bucket", "k").await.is_error(404, "NoSuchBucket");
    }
    let nobody = |method: &str, bucket: &str, key: &str| houses.acme.request(method, bucket, key).anonymous();
    nobody("GET", "no-such-bucket", "").await.is_error(404, "NoSuchBucket");
    nobody("PUT", "no-such-bucket", "k").body("v").await.is_error(404, "NoSuchBucket");
    nobody("GET", "acme-photos", "").await.is_error(403, "AccessDenied");
    nobody("GET", "acme-photos", "").query("list-type", 2).await.is_error(403, "AccessDenied");
    nobody("GET", "", "").await.is_error(403, "AccessDenied");
    nobody("PUT", "nobodys-bucket", "").await.is_error(403, "AccessDenied");
}

/// Organisations are the canonical users of S3: each is told of by its one identifier.
#[tokio::test]
async fn an_organisation_is_one_canonical_user_for_all_its_keys() {
    let houses = houses();
    let id = async |client: &Client| {
        let listed = client.request("GET", "", "").await.is(200).xml();
        assert_eq!(listed.text("Owner/DisplayName"), listed.text("Owner/ID"));
        listed.text("Owner/ID").to_owned()
    };
    let (acme, reader, other) = (id(&houses.acme).await, id(&houses.reader).await, id(&houses.other).await);
    assert_eq!(acme, reader);
    assert_ne!(acme, other);
    let owner = houses.reader.request("GET", "acme-photos", "").flag("acl").await.is(200).xml();
    assert_eq!(owner.text("Owner/ID"), acme);
}
