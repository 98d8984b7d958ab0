//! Uploads by forms of browsers (POST object), signed by version 4 and 2.

use serde_json::json;
use windlass_tests::digest::{Checksum, content_md5, etag};
use windlass_tests::form::SignedBy;
use windlass_tests::server::{ACCESS, DataDir, Options, SECRET, Server, TOKEN};
use windlass_tests::wire::Wire;

use crate::faults::metric;
use crate::home::{Home, noise};

const BOTH: [SignedBy; 2] = [SignedBy::V4, SignedBy::V2];

/// Behaviours 64 and 65.
#[tokio::test]
async fn a_signed_form_stores_its_file() {
    let home = Home::new().await;
    for signed_by in BOTH {
        let body = noise(7, 300_000);
        let form = home.form().field("key", "dir/ä b+c%.txt").file("a.txt", body.clone()).signed_by(signed_by);
        form.await.is(204).has_body("").has("etag", &etag(&body));
        home.get("dir/ä b+c%.txt").await.is(200).has_body(&body).has("etag", &etag(&body));
        home.delete("dir/ä b+c%.txt").await.is(204);
    }
    home.form().field("key", "empty").file("", "").await.is(204);
    home.get("empty").await.is(200).has_body("");
}

/// Behaviour 64: a form is signed for as long as its policy lasts, not for the fifteen minutes of a request.
#[tokio::test]
async fn a_form_is_valid_as_long_as_its_policy() {
    let home = Home::new().await;
    for signed_by in BOTH {
        let form = |expires| home.form().field("key", "k").signed_by(signed_by).skewed(-7_200).expires_in(expires);
        form(10_000).await.is(204);
        home.delete("k").await.is(204);
        form(3_600).await.is_error(403, "AccessDenied");
        home.get("k").await.is_error(404, "NoSuchKey");
    }
}

/// Behaviour 64: the file is last.
#[tokio::test]
async fn what_stands_behind_the_file_is_no_part_of_the_form() {
    let home = Home::new().await;
    home.form().field("key", "k").behind("x-amz-meta-late", "1").behind("key", "other").await.is(204);
    home.get("k").await.is(200).has_body("bytes").lacks("x-amz-meta-late");
    home.get("other").await.is_error(404, "NoSuchKey");
    home.form().behind("key", "k2").await.is_error(400, "InvalidArgument");
    home.form().field("key", "k2").without_file().await.is_error(400, "InvalidArgument");
    home.form().field("key", "").await.is_error(400, "InvalidArgument");
    assert_eq!(home.keys().await, ["k"]);
}

/// Behaviour 64: `${filename}`.
#[tokio::test]
async fn the_name_of_the_file_can_be_part_of_fields() {
    let home = Home::new().await;
    for (name, key) in [("a b.txt", "up/a b.txt"), ("C:\\\\folder\\\\c.txt", "up/c.txt"), ("x/y/d.txt", "up/d.txt")] {
        let form = home.form().condition(json!(["starts-with", "$key", "up/"])).bare("key", "up/${filename}");
        form.field("x-amz-meta-name", &key[3..]).file(name, "v").await.is(204);
        home.get(key).await.is(200).has("x-amz-meta-name", &key[3..]);
    }
    // Conditions are about what the fields come to.
    let form = home.form().condition(json!(["starts-with", "$key", "up/a"])).bare("key", "up/${filename}");
    form.file("b.txt", "v").await.is_error(403, "AccessDenied");
}

/// Behaviour 64: conditions as lists and as objects.
#[tokio::test]
async fn conditions_hold_or_nothing_is_stored() {
    let home = Home::new().await;
    for (condition, key) in [
        (json!(["eq", "$key", "a/k"]), "a/k"),
        (json!({ "key": "a/k" }), "a/k"),
        (json!(["starts-with", "$key", "a/"]), "a/k"),
        (json!(["starts-with", "$key", ""]), "anything"),
        (json!(["StArTs-WiTh", "$KeY", "a/"]), "a/k"),
    ] {
        home.form().condition(condition.clone()).bare("key", key).await.is(204);
        home.delete(key).await.is(204);
    }
    for (condition, key) in [
        (json!(["eq", "$key", "a/k"]), "a/K"),
        (json!({ "key": "a/k" }), "a/kk"),
        (json!(["starts-with", "$key", "a/"]), "b/a/"),
        // A condition about what the form does not say fails, whatever it may be.
        (json!(["starts-with", "$content-type", ""]), "k"),
    ] {
        home.form()
            .condition(json!(["starts-with", "$key", ""]))
            .condition(condition.clone())
            .bare("key", key)
            .await
            .is_error(403, "AccessDenied");
    }
    assert!(home.keys().await.is_empty());
}

/// Behaviour 64: the policy names the bucket.
#[tokio::test]
async fn a_policy_is_for_the_bucket_that_it_names() {
    let home = Home::new().await;
    let other = home.another().await;
    let key = || json!(["starts-with", "$key", ""]);
    for signed_by in BOTH {
        let form = home.form().field("key", "k").signed_by(signed_by).path(&format!("/{}", other.name));
        form.await.is_error(403, "AccessDenied");
        let form = home.form().without_conditions().condition(key()).bare("key", "k").signed_by(signed_by);
        form.await.is_error(403, "AccessDenied");
    }
    home.form().field("key", "k").bare("bucket", &other.name).await.is_error(403, "AccessDenied");
    home.form().field("key", "k").bare("bucket", &home.name).await.is(204);
    assert!(other.keys().await.is_empty());
}

/// Behaviour 64: every field is covered.
#[tokio::test]
async fn every_field_must_be_in_the_policy() {
    let home = Home::new().await;
    for signed_by in BOTH {
        for covered in ["x-amz-meta-a", "Content-Type", "acl", "success_action_status", "submit", "other"] {
            let form = home.form().field("key", "k").signed_by(signed_by);
            form.bare(covered, "private").await.is_error(403, "AccessDenied");
        }
        home.form()
            .field("key", "k")
            .signed_by(signed_by)
            .bare("x-ignore-a", "x")
            .bare("X-Ignore-B", "x")
            .await
            .is(204);
    }
    home.form().bare("key", "k2").await.is_error(403, "AccessDenied");
    assert_eq!(home.keys().await, ["k"]);
}

/// Behaviour 64: expired policies.
#[tokio::test]
async fn an_expired_policy_is_refused() {
    let home = Home::new().await;
    for signed_by in BOTH {
        home.form().field("key", "k").signed_by(signed_by).expires_in(-1).await.is_error(403, "AccessDenied");
    }
    assert!(home.keys().await.is_empty());
}

/// Behaviour 64: malformed policies.
#[tokio::test]
async fn what_is_no_policy_is_refused_as_such() {
    let home = Home::new().await;
    let bucket = json!({ "bucket": home.name }).to_string();
    let until = "\"expiration\": \"2100-01-01T00:00:00Z\"";
    let whole = |conditions: &str| format!("{{{until}, \"conditions\": [{bucket}, {conditions}]}}");
    for bad in [
        "nonsense".to_owned(),
        String::new(),
        "{".to_owned(),
        format!("{{{until}}}"),
        format!("{{\"conditions\": [{bucket}]}}"),
        format!("{{\"EXPIRATION\": \"2100-01-01T00:00:00Z\", \"conditions\": [{bucket}]}}"),
        format!("{{{until}, \"CONDITIONS\": [{bucket}]}}"),
        format!("{{\"expiration\": \"4102444800\", \"conditions\": [{bucket}]}}"),
        whole("{}"),
        whole("[\"eq\", \"$key\"]"),
        whole("[\"like\", \"$key\", \"k\"]"),
        whole("[\"content-length-range\", 0]"),
        whole("[\"content-length-range\", -1, 0]"),
    ] {
        for signed_by in BOTH {
            let answer = home.form().bare("key", "k").policy(&bad).signed_by(signed_by).await;
            let code = if bad.is_empty() { "InvalidArgument" } else { "InvalidPolicyDocument" };
            answer.is_error(400, code);
        }
    }
    let names = "[\"starts-with\", \"$x-amz-algorithm\", \"\"], [\"starts-with\", \"$x-amz-credential\", \"\"], \
                 [\"starts-with\", \"$x-amz-date\", \"\"]";
    let good = whole(&format!("[\"eq\", \"$key\", \"a\\$b\"], {names}"));
    home.form().bare("key", "a$b").policy(&good).await.is(204);
    assert_eq!(home.keys().await, ["a$b"]);
}

/// Behaviour 64: content-length-range.
#[tokio::test]
async fn the_file_is_as_long_as_the_policy_allows() {
    let home = Home::new().await;
    let form = |least: u64, most: u64, length: usize| {
        let range = json!(["content-length-range", least, most]);
        home.form().field("key", "k").condition(range).file("a", vec![b'x'; length])
    };
    for length in [0, 5, 10] {
        form(0, 10, length).await.is(204);
        home.delete("k").await.is(204);
    }
    form(10, 10, 10).await.is(204);
    home.delete("k").await.is(204);
    form(0, 10, 11).await.is_error(400, "EntityTooLarge");
    form(0, 10, 3_000_000).await.is_error(400, "EntityTooLarge");
    form(10, 20, 9).await.is_error(400, "EntityTooSmall");
    form(1, 20, 0).await.is_error(400, "EntityTooSmall");
    let both = form(0, 100, 50).condition(json!(["content-length-range", 0, 40]));
    both.await.is_error(400, "EntityTooLarge");
    home.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviour 64: success_action_status.
#[tokio::test]
async fn the_form_chooses_the_status_of_success() {
    let home = Home::new().await;
    for (asked, status) in [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204), ("302", 204)] {
        let answer = home.form().field("key", "a b").field("success_action_status", asked).await.is(status);
        assert_eq!(answer.etag(), etag(b"bytes"));
        let address = format!("http://{}/{}/a%20b", home.server.address(), home.name);
        let answer = answer.has("location", &address);
        if status == 201 {
            let xml = answer.has("content-type", "application/xml").xml();
            assert_eq!(xml.name, "PostResponse");
            let told = ["Location", "Bucket", "Key", "ETag"].map(|name| xml.text(name).to_owned());
            assert_eq!(told, [address, home.name.clone(), "a b".to_owned(), etag(b"bytes")]);
        } else {
            answer.has_body("");
        }
    }
}

/// Behaviour 64: success_action_redirect and its older name.
#[tokio::test]
async fn the_form_can_send_the_browser_on() {
    let home = Home::new().await;
    let told = format!("bucket={}&key=dir%2Fa+b&etag=%22{}%22", home.name, etag(b"bytes").trim_matches('"'));
    for name in ["success_action_redirect", "redirect"] {
        for (to, location) in
            [("https://app.test/done", format!("?{told}")), ("http://app.test/?step=2", format!("&{told}"))]
        {
            let form = home.form().field("key", "dir/a b").field(name, to).field("success_action_status", "201");
            form.await.is(303).has("location", &format!("{to}{location}"));
        }
    }
    home.form().field("key", "k").field("success_action_redirect", "no address").await.is(204);
    // Errors are told where they happen.
    let form = home.form().field("key", "k").field("redirect", "https://app.test/").expires_in(-1);
    form.await.is_error(403, "AccessDenied").lacks("location");
}

/// Behaviour 64: what the fields say of the object.
#[tokio::test]
async fn fields_say_of_an_object_what_headers_say() {
    let home = Home::new().await;
    let headers = [
        ("Content-Type", "text/x-own"),
        ("Cache-Control", "max-age=5"),
        ("Content-Disposition", "attachment; filename=\"ä\""),
        ("Content-Encoding", "gzip"),
        ("Content-Language", "de"),
        ("Expires", "Thu, 01 Dec 2094 16:00:00 GMT"),
        ("x-amz-meta-Some", "thing"),
        ("x-amz-storage-class", "STANDARD"),
        ("acl", "private"),
    ];
    for signed_by in BOTH {
        let form = home.form().field("key", "k").signed_by(signed_by);
        headers.iter().fold(form, |form, (name, value)| form.field(name, value)).await.is(204);
        let answer = home.get("k").await.is(200).has_body("bytes");
        for (name, value) in headers.iter().take(7) {
            let found = answer.headers.get(name.to_ascii_lowercase()).map(|value| value.as_bytes());
            assert_eq!(found, Some(value.as_bytes()), "{name}");
        }
        home.delete("k").await.is(204);
    }
    home.form().field("key", "plain").await.is(204);
    home.get("plain").await.is(200).has("content-type", "binary/octet-stream");
    home.form().field("key", "k").field("x-amz-storage-class", "NONE").await.is_error(400, "InvalidStorageClass");
    // A header's meaning that no field has stays without one.
    home.put("secret", "secret").await.is(200);
    let source = format!("/{}/secret", home.name);
    home.form().field("key", "copy").field("x-amz-copy-source", &source).await.is(204);
    home.get("copy").await.is(200).has_body("bytes");
}

/// Behaviour 64: digests in fields.
#[tokio::test]
async fn digests_in_fields_are_held_against_the_file() {
    let home = Home::new().await;
    let right = Checksum::Sha256.of(b"bytes");
    let form = |name: &str, value: &str| home.form().field("key", "k").field(name, value);
    form("Content-MD5", &content_md5(b"bytes")).await.is(204);
    form("x-amz-checksum-sha256", &right).await.is(204).has("x-amz-checksum-sha256", &right);
    home.head("k").header("x-amz-checksum-mode", "ENABLED").await.is(200).has("x-amz-checksum-sha256", &right);
    home.delete("k").await.is(204);
    form("Content-MD5", &content_md5(b"other")).await.is_error(400, "BadDigest");
    form("Content-MD5", "nonsense").await.is_error(400, "InvalidDigest");
    let codes = ["BadDigest", "XAmzContentChecksumMismatch"];
    form("x-amz-checksum-sha256", &Checksum::Sha256.of(b"other")).await.is_error_of(400, &codes);
    form("x-amz-checksum-sha256", "AAAA").await.is_error(400, "InvalidRequest");
    home.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviour 64: a form that nobody signed, or another than it says.
#[tokio::test]
async fn a_form_of_a_stranger_is_refused() {
    let home = Home::new().await;
    for signed_by in BOTH {
        let form = || home.form().field("key", "k").signed_by(signed_by);
        form().keys(ACCESS, "not the secret").await.is_error(403, "SignatureDoesNotMatch");
        form().keys("NOSUCHACCESSKEY00001", SECRET).await.is_error(403, "InvalidAccessKeyId");
        form().keys(TOKEN, TOKEN).await.is_error(403, "AccessDenied");
    }
    let anonymous = home.form().field("key", "k").signed_by(SignedBy::Nobody);
    anonymous.clone().await.is_error(403, "AccessDenied");
    anonymous.clone().bare("policy", "e30=").await.is_error(400, "InvalidArgument");
    anonymous.clone().bare("signature", "AAAA").await.is_error(400, "InvalidArgument");
    anonymous.bare("AWSAccessKeyId", ACCESS).bare("x-amz-signature", "00").await.is_error(400, "InvalidRequest");
    let mut changed = home.form().field("key", "k").signed_by(SignedBy::V2).prepare();
    let text = String::from_utf8(changed.body.to_vec()).unwrap();
    changed.body = text.replacen("\r\n\r\nk\r\n", "\r\n\r\nk2\r\n", 1).into();
    home.client.send(changed).await.is_error(403, "AccessDenied");
    assert!(home.keys().await.is_empty());
}

/// Behaviour 64: a form may no more than its signer.
#[tokio::test]
async fn a_form_may_do_what_its_signer_may() {
    const CONFIG: &str = r#"
        [[organisation]]
        name = "acme"
        buckets = ["photos", "private"]
        [[organisation.key]]
        name = "reader"
        access_key_id = "READER"
        secret_access_key = "reader-secret"
        scopes = ["files:read"]
        [[organisation.key]]
        name = "writer"
        access_key_id = "WRITER"
        secret_access_key = "writer-secret"
        buckets = ["photos"]
    "#;
    let server = Server::start_with(Options::default().config(CONFIG), DataDir::new());
    let bucket = |key: &str, name: &str| {
        let client = server.client().with_keys(key, &format!("{}-secret", key.to_ascii_lowercase()));
        windlass_tests::client::Bucket { client, name: name.to_owned() }
    };
    for signed_by in BOTH {
        let form = |key: &str, name: &str| bucket(key, name).form().field("key", "k").signed_by(signed_by);
        form("WRITER", "photos").await.is(204);
        form("READER", "photos").await.is_error(403, "AccessDenied");
        let answer = form("WRITER", "private").await;
        assert!([403, 404].contains(&answer.status), "{}", answer.describe());
        let root = windlass_tests::client::Bucket { client: server.client(), name: "photos".to_owned() };
        root.form().field("key", "k").signed_by(signed_by).await.is_error(403, "AccessDenied");
    }
}

/// Behaviours 64 and 65: version 2 is a setting.
#[tokio::test]
async fn version_2_can_be_switched_off() {
    let options = Options::default().env("WINDLASS_AUTH_SIGV2_PRESIGNED", "false");
    let server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.form().field("key", "k").signed_by(SignedBy::V2).await.is_error(400, "InvalidRequest");
    bucket.form().field("key", "k").signed_by(SignedBy::V4).await.is(204);
    assert_eq!(bucket.keys().await, ["k"]);
}

#[tokio::test]
async fn forms_go_to_buckets_only() {
    let home = Home::new().await;
    for path in ["/", &format!("/{}/k", home.name)] {
        home.form().field("key", "k").path(path).await.is_error(405, "MethodNotAllowed");
    }
    home.form().field("key", "k").path(&format!("/{}?delete", home.name)).await.is_error(501, "NotImplemented");
    home.form().field("key", "k").path("/no-such-bucket-at-all").await.is_error(403, "AccessDenied");
    home.form().field("key", "k").path(&format!("/{}/", home.name)).await.is(204);
    assert_eq!(home.keys().await, ["k"]);
    let signed = home.on("POST").header("content-type", "multipart/form-data; boundary=x").body("--x--\r\n");
    signed.await.is_error(400, "InvalidRequest");
}

#[tokio::test]
async fn a_form_can_go_to_a_bucket_as_a_host() {
    let options = Options::default().env("WINDLASS_S3_BASE_DOMAIN", "s3.test");
    let server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("photos").await;
    for signed_by in BOTH {
        let form = bucket.form().field("key", "/dir//k").signed_by(signed_by).virtual_host("s3.test");
        let address = format!("http://photos.s3.test:{}//dir//k", server.address().port());
        form.await.is(204).has("location", &address);
        bucket.get("/dir//k").await.is(200).has_body("bytes");
        bucket.delete("/dir//k").await.is(204);
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused_and_its_fields_are_bounded() {
    let home = Home::new().await;
    let form = home.form().field("key", "k");
    let mut cut = form.prepare();
    cut.body = cut.body.slice(..cut.body.len() - 40);
    let answer = home.client.send(cut).await;
    assert_eq!(answer.status, 400, "{}", answer.describe());
    let unbounded = form.prepare().with("content-type", "multipart/form-data");
    home.client.send(unbounded).await.is_error_of(412, &["PreconditionFailed"]);
    let mut nonsense = form.prepare();
    nonsense.body = "nonsense".into();
    home.client.send(nonsense).await.is_error(400, "MalformedPOSTRequest");
    let large = "x".repeat(21 << 10);
    form.clone().field("x-amz-meta-a", &large).await.is_error(400, "MaxPostPreDataLengthExceeded");
    form.clone().field("key", "k2").await.is_error(400, "InvalidArgument");
    form.clone().field("x-amz-meta-a", "a\r\nb").await.is_error(400, "InvalidArgument");
    home.form().field("key", &"k".repeat(1_025)).await.is_error(400, "KeyTooLongError");
    assert!(home.keys().await.is_empty());
}

/// Behaviour 64: the body streams.
#[tokio::test]
async fn a_large_file_is_never_held_in_memory() {
    const LENGTH: usize = 128 << 20;
    let server = Server::start();
    let bucket = server.client().make("bucket").await;
    bucket.form().field("key", "first").file("a", noise(1, 8 << 20)).await.is(204);
    let form = bucket.form().field("key", "large").file("a", noise(2, LENGTH)).prepare();
    let before = metric(&server.client(), "windlass_process_resident_bytes").await;
    let mut wire = Wire::connect(server.address()).await;
    wire.send(form.head()).await;
    let (most, rest) = form.body.split_at(form.body.len() - 100_000);
    wire.send(most).await;
    // What was sent was taken from the socket, but for what the kernel holds, and the form is not whole yet.
    let grown = metric(&server.client(), "windlass_process_resident_bytes").await - before;
    wire.send(rest).await;
    wire.answer().await.expect("an answer").is(204);
    bucket.head("large").await.is(200).has("content-length", &LENGTH.to_string());
    assert!(grown < 48e6, "{grown} bytes more while a form of {LENGTH} was taken in");
}

#[tokio::test]
async fn signatures_and_policies_stay_out_of_the_log() {
    let mut server = Server::start_with(Options::default().env("WINDLASS_LOG_LEVEL", "trace"), DataDir::new());
    let bucket = server.client().make("bucket").await;
    let form = bucket.form().field("key", "k").prepare();
    server.client().send(form.clone()).await.is(204);
    let bad = bucket.form().field("key", "k").keys(ACCESS, "some other secret").prepare();
    server.client().send(bad.clone()).await.is_error(403, "SignatureDoesNotMatch");
    assert!(server.stop().success());
    let log = server.log();
    assert!(log.contains("answered"), "the log is empty");
    for sent in [form, bad] {
        let text = String::from_utf8_lossy(&sent.body).into_owned();
        for name in ["policy", "x-amz-signature"] {
            let value = text.split_once(&format!("name=\"{name}\"\r\n\r\n")).unwrap().1.split("\r\n").next().unwrap();
            assert!(value.len() > 60 && !log.contains(value), "{name} is in the log");
        }
    }
}
