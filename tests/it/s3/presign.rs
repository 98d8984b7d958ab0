//! Presigned URLs, V4 and V2.

use windlass_tests::digest::{Checksum, sha256_hex};
use windlass_tests::request::Auth;
use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::wire::{Wire, exchange};

use crate::home::Home;

const BOTH: [Auth; 2] = [Auth::PresignedV4(60), Auth::PresignedV2(60)];

/// Behaviours 63 and 65.
#[tokio::test]
async fn presigned_urls_read_and_write_and_nothing_else() {
    let home = Home::new().await;
    for auth in BOTH {
        home.put("dir/a b+c%", "v").auth(auth).await.is(200);
        home.get("dir/a b+c%").auth(auth).await.is(200).has_body("v");
        home.head("dir/a b+c%").auth(auth).await.is(200).has_body("");
        let mut turned = home.get("dir/a b+c%").auth(auth).prepare();
        turned.method = "DELETE".to_owned();
        home.client.send(turned).await.is_error(403, "SignatureDoesNotMatch");
        home.list().auth(auth).await.is(200);
        home.delete("dir/a b+c%").auth(auth).await.is(204);
        home.get("dir/a b+c%").auth(auth).await.is_error(404, "NoSuchKey");
    }
}

/// Behaviour 65.
#[tokio::test]
async fn urls_of_version_2_are_a_setting() {
    let options = Options::default().env("WINDLASS_AUTH_SIGV2_PRESIGNED", "false");
    let server = Server::start_with(options, DataDir::new());
    let bucket = server.client().make("bucket").await;
    bucket.put("k", "new").auth(Auth::PresignedV2(60)).await.is_error(400, "InvalidRequest");
    assert_eq!(bucket.keys().await, [""; 0]);
    bucket.put("k", "v").auth(Auth::PresignedV4(60)).await.is(200);
    bucket.get("k").auth(Auth::PresignedV2(60)).await.is_error(400, "InvalidRequest");
    bucket.get("k").auth(Auth::PresignedV4(60)).await.is(200).has_body("v");
}

#[tokio::test]
async fn presigned_parts_make_an_object() {
    let home = Home::new().await;
    for auth in BOTH {
        let upload = home.create("k").auth(auth).await.is(200).xml().text("UploadId").to_owned();
        let etag = home.part("k", &upload, 1, "v").auth(auth).await.is(200).etag();
        home.complete("k", &upload, &[(1, etag)]).auth(auth).await.is(200);
        home.get("k").await.is(200).has_body("v");
    }
}

/// Behaviour 63.
#[tokio::test]
async fn an_expired_url_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for auth in BOTH {
        home.get("k").auth(auth).skewed(-30).await.is(200);
        home.get("k").auth(auth).skewed(-3_600).await.is_error(403, "AccessDenied");
        home.put("k", "new").auth(auth).skewed(-3_600).await.is_error(403, "AccessDenied");
    }
    home.get("k").auth(Auth::PresignedV4(604_800)).skewed(-604_000).await.is(200);
    home.get("k").await.is(200).has_body("v");
}

#[tokio::test]
async fn a_url_from_the_future_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let codes = ["AccessDenied", "RequestTimeTooSkewed"];
    home.get("k").auth(Auth::PresignedV4(60)).skewed(3_600).await.is_error_of(403, &codes);
}

/// Behaviour 63.
#[tokio::test]
async fn a_url_lives_for_a_second_to_seven_days() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for seconds in [0, -1, 604_801, i64::MAX] {
        let answer = home.get("k").auth(Auth::PresignedV4(seconds)).await;
        assert!([400, 403].contains(&answer.status), "{seconds}: {}", answer.describe());
        let status = answer.status;
        answer.is_error_of(status, &["AuthorizationQueryParametersError", "AccessDenied"]);
    }
    home.get("k").auth(Auth::PresignedV4(604_800)).await.is(200);
    let mut worded = home.get("k").auth(Auth::PresignedV4(60)).prepare();
    worded.target = worded.target.replace("X-Amz-Expires=60", "X-Amz-Expires=soon");
    let answer = home.client.send(worded).await;
    let status = if answer.status == 403 { 403 } else { 400 };
    answer.is_error_of(status, &["AuthorizationQueryParametersError", "AccessDenied"]);
}

#[tokio::test]
async fn a_url_with_a_part_missing_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let good = home.get("k").auth(Auth::PresignedV4(60)).prepare();
    for name in ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"] {
        let mut bad = good.clone();
        let kept = |pair: &&str| !pair.starts_with(&format!("X-Amz-{name}="));
        let (path, query) = good.target.split_once('?').unwrap();
        bad.target = format!("{path}?{}", query.split('&').filter(kept).collect::<Vec<_>>().join("&"));
        let answer = home.client.send(bad).await;
        assert!([400, 403].contains(&answer.status), "{name}: {}", answer.describe());
    }
    let v2 = home.get("k").auth(Auth::PresignedV2(60)).prepare();
    for name in ["Signature", "Expires"] {
        let mut bad = v2.clone();
        bad.target = v2.target.replace(&format!("{name}="), "x-other=");
        let answer = home.client.send(bad).await;
        assert!([400, 403].contains(&answer.status), "{name}: {}", answer.describe());
    }
}

#[tokio::test]
async fn a_url_changed_or_signed_by_a_stranger_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    home.put("k2", "v").await.is(200);
    for auth in BOTH {
        let mut moved = home.get("k").auth(auth).prepare();
        moved.target = moved.target.replacen("/k?", "/k2?", 1);
        home.client.send(moved).await.is_error(403, "SignatureDoesNotMatch");
        let secret = "not the secret";
        let access = &home.client.keys().access;
        home.get("k").auth(auth).keys(access, secret).await.is_error(403, "SignatureDoesNotMatch");
        home.get("k").auth(auth).keys("NOSUCHACCESSKEY00001", secret).await.is_error(403, "InvalidAccessKeyId");
    }
    let mut asked = home.get("k").auth(Auth::PresignedV4(60)).prepare();
    asked.target.push_str("&response-content-type=text/html");
    home.client.send(asked).await.is_error(403, "SignatureDoesNotMatch");
    let mut later = home.get("k").auth(Auth::PresignedV2(60)).skewed(-3_600).prepare();
    let expires = later.target.rsplit_once("Expires=").unwrap().1.to_owned();
    later.target = later.target.replace(&expires, &(expires.parse::<i64>().unwrap() + 7_200).to_string());
    home.client.send(later).await.is_error(403, "SignatureDoesNotMatch");
}

/// Behaviour 63.
#[tokio::test]
async fn signed_headers_must_come_as_signed() {
    let home = Home::new().await;
    let put = home.put("k", "v").header("content-type", "text/plain").header("x-amz-meta-a", "1");
    let put = put.auth(Auth::PresignedV4(60)).prepare();
    for bad in [
        put.clone().without("content-type"),
        put.clone().with("content-type", "text/html"),
        put.clone().without("x-amz-meta-a"),
    ] {
        let answer = home.client.send(bad).await;
        assert!([400, 403].contains(&answer.status), "{}", answer.describe());
    }
    home.get("k").await.is_error(404, "NoSuchKey");
    home.client.send(put).await.is(200);
    home.get("k").await.is(200).has("content-type", "text/plain").has("x-amz-meta-a", "1");
}

#[tokio::test]
async fn a_presigned_put_cannot_be_turned_into_a_copy() {
    let home = Home::new().await;
    home.put("secret", "secret").await.is(200);
    for auth in BOTH {
        let put = home.put("k", "").auth(auth).prepare();
        let answer = home.client.send(put.with("x-amz-copy-source", format!("/{}/secret", home.name))).await;
        assert_eq!(answer.status, 403, "{auth:?}: {}", answer.describe());
        home.get("k").await.is_error(404, "NoSuchKey");
    }
}

/// Behaviour 63.
#[tokio::test]
async fn a_payload_hash_that_was_signed_is_checked() {
    let home = Home::new().await;
    let put = |body: &'static str| {
        home.put("k", body).header("x-amz-content-sha256", sha256_hex(b"right")).auth(Auth::PresignedV4(60))
    };
    put("wrong").await.is_error(400, "XAmzContentSHA256Mismatch");
    home.get("k").await.is_error(404, "NoSuchKey");
    put("right").await.is(200);
}

/// Behaviour 67.
#[tokio::test]
async fn a_checksum_in_the_query_is_not_held_against_the_body() {
    let home = Home::new().await;
    let put =
        home.put("k", "body").query("x-amz-checksum-crc32", "AAAAAA==").query("x-amz-sdk-checksum-algorithm", "CRC32");
    put.query("x-id", "PutObject").auth(Auth::PresignedV4(60)).await.is(200);
    home.get("k").await.is(200).has_body("body");
    let wrong = home.put("k", "new").header("x-amz-checksum-crc32", Checksum::Crc32.of(b"other"));
    let codes = ["BadDigest", "XAmzContentChecksumMismatch"];
    wrong.auth(Auth::PresignedV4(60)).await.is_error_of(400, &codes);
    home.get("k").await.is(200).has_body("body");
}

/// Behaviour 63.
#[tokio::test]
async fn a_refusal_comes_before_the_body_is_asked_for() {
    let home = Home::new().await;
    let expired = home.put("k", vec![b'x'; 1 << 20]).auth(Auth::PresignedV4(60)).skewed(-3_600).prepare();
    let expired = expired.with("expect", "100-continue");
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(expired.head()).await;
    wire.answer().await.expect("an answer").is_error(403, "AccessDenied");
}

/// Behaviour 63.
#[tokio::test]
async fn a_good_request_is_asked_for_its_body() {
    let home = Home::new().await;
    let put = home.put("k", "body").auth(Auth::PresignedV4(60)).prepare().with("expect", "100-continue");
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(put.head()).await;
    wire.answer().await.expect("an answer").is(100);
    wire.send(&put.body).await;
    wire.answer().await.expect("an answer").is(200);
    home.get("k").await.is(200).has_body("body");
}

#[tokio::test]
async fn a_presigned_url_works_byte_for_byte() {
    let home = Home::new().await;
    home.put("ü/日本 +%", "v").await.is(200);
    for auth in BOTH {
        let get = home.get("ü/日本 +%").auth(auth).prepare();
        exchange(home.server.address(), &get).await.expect("an answer").is(200).has_body("v");
    }
}
