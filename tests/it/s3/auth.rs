//! Signatures in the header: who is let in, who is not, and what must not disturb them.

use windlass_tests::answer::Answer;
use windlass_tests::digest::{base64, hmac_sha1};
use windlass_tests::request::Payload;
use windlass_tests::server::{ACCESS, SECRET};
use windlass_tests::time::{amz_date, http_date, now};
use windlass_tests::wire::{Wire, exchange};

use crate::home::Home;

/// Claims a refusal of a request that is garbled: the S3 API knows several words for it.
#[track_caller]
fn garbled(answer: Answer) {
    if answer.status == 403 {
        answer.is_error_of(403, &["AccessDenied", "SignatureDoesNotMatch", "RequestTimeTooSkewed"]);
    } else {
        let codes = ["AuthorizationHeaderMalformed", "InvalidArgument", "InvalidRequest", "MissingSecurityHeader"];
        answer.is_error_of(400, &codes);
    }
}

/// Behaviour 62.
#[tokio::test]
async fn nobody_comes_in_without_credentials() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for (method, key) in [("GET", "k"), ("PUT", "k"), ("DELETE", "k"), ("GET", ""), ("PUT", ""), ("DELETE", "")] {
        home.at(method, key).anonymous().await.is_error(403, "AccessDenied");
    }
    for (method, key) in [("HEAD", "k"), ("HEAD", "")] {
        home.at(method, key).anonymous().await.is(403).has_body("");
    }
    home.client.request("GET", "", "").anonymous().await.is_error(403, "AccessDenied");
    home.delete_many(&["k"], false).anonymous().await.is_error(403, "AccessDenied");
    home.create("k").anonymous().await.is_error(403, "AccessDenied");
    home.get("k").await.is(200).has_body("v");
}

/// Behaviour 62.
#[tokio::test]
async fn wrong_keys_are_told_apart() {
    let home = Home::new().await;
    home.get("k").keys("NOSUCHACCESSKEY00001", SECRET).await.is_error(403, "InvalidAccessKeyId");
    home.get("k").keys(ACCESS, "wrong secret").await.is_error(403, "SignatureDoesNotMatch");
    home.head("k").keys(ACCESS, "wrong secret").await.is(403).has_body("");
}

/// Behaviour 62.
#[tokio::test]
async fn a_garbled_authorization_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let good = home.get("k").prepare();
    let text = good.header("authorization");
    let (credential, rest) = text.split_once(",SignedHeaders=").unwrap();
    let (names, signature) = rest.split_once(",Signature=").unwrap();
    for bad in [
        "garbage".to_owned(),
        "AWS4-HMAC-SHA256".to_owned(),
        "AWS4-HMAC-SHA256 ".to_owned(),
        format!("AWS4-HMAC-SHA256 Credential={ACCESS},SignedHeaders={names},Signature={signature}"),
        format!("{credential},SignedHeaders={names}"),
        format!("{credential},Signature={signature}"),
        format!("{credential},SignedHeaders={names},Signature="),
        format!("{credential},SignedHeaders=,Signature={signature}"),
        text.replace("/s3/", "/ec2/"),
        text.replace("aws4_request", "aws5_request"),
        text.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
        text.replace("/us-east-1/", "/"),
    ] {
        garbled(home.client.send(good.clone().with("authorization", &bad)).await);
    }
    home.client.send(good).await.is(200);
}

/// Behaviour 62.
#[tokio::test]
async fn another_signature_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let good = home.get("k").prepare();
    let text = good.header("authorization");
    let other = if text.ends_with('0') { "1" } else { "0" };
    let bad = format!("{}{other}", &text[..text.len() - 1]);
    home.client.send(good.clone().with("authorization", bad)).await.is_error(403, "SignatureDoesNotMatch");
    let mut moved = good.clone();
    moved.target.push('2');
    home.client.send(moved).await.is_error(403, "SignatureDoesNotMatch");
    let mut asked = good.clone();
    asked.target.push_str("?partNumber=1");
    home.client.send(asked).await.is_error(403, "SignatureDoesNotMatch");
    let mut method = good;
    method.method = "DELETE".to_owned();
    home.client.send(method).await.is_error(403, "SignatureDoesNotMatch");
    home.get("k").await.is(200);
}

/// Behaviour 62.
#[tokio::test]
async fn a_clock_may_be_off_by_a_quarter_of_an_hour() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    for seconds in [-840, 840] {
        home.get("k").skewed(seconds).await.is(200);
    }
    for seconds in [-960, 960, -86_400, 86_400 * 365] {
        home.get("k").skewed(seconds).await.is_error(403, "RequestTimeTooSkewed");
    }
}

/// Behaviour 62.
#[tokio::test]
async fn dates_that_are_none_are_refused() {
    let home = Home::new().await;
    let good = home.get("k").prepare();
    for date in ["", "yesterday", "19500101T000000Z", "20990231T000000Z", "99999999T999999Z", "20130524"] {
        let answer = home.client.send(good.clone().with("x-amz-date", date)).await;
        assert_eq!(answer.status, 403, "{date:?}: {}", answer.describe());
    }
    garbled(home.client.send(good.clone().without("x-amz-date")).await);
    let before_epoch = home.get("k").skewed(-now() - 86_400).await;
    assert_eq!(before_epoch.status, 403, "{}", before_epoch.describe());
}

/// Behaviour 62.
#[tokio::test]
async fn the_scope_and_the_date_must_be_of_one_day() {
    let home = Home::new().await;
    let good = home.get("k").prepare();
    let (today, other) = (&amz_date(now())[..8], &amz_date(now() - 3 * 86_400)[..8]);
    let text = good.header("authorization");
    garbled(home.client.send(good.with("authorization", text.replace(today, other))).await);
}

/// Behaviour 62.
#[tokio::test]
async fn x_amz_date_wins_over_date() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    home.get("k").header("date", http_date(now() - 86_400)).await.is(200);
    home.client.send(home.get("k").prepare().with("date", "nonsense")).await.is(200);
}

/// Behaviour 62.
#[tokio::test]
async fn ordinary_headers_do_not_disturb_the_signature() {
    let home = Home::new().await;
    let put = home.put("k", "v").header("content-type", "").header("x-amz-meta-spaced", "  a   b  ");
    put.header("user-agent", "Odd/1.0 (x; y)").header("cache-control", "a,  b").await.is(200);
    home.head("k").await.is(200);
    let unsigned =
        home.get("k").prepare().with("user-agent", "x").with("accept", "*/*").with("accept-encoding", "gzip");
    home.client.send(unsigned.with("connection", "keep-alive")).await.is(200).has_body("v");
    let put = home.put("k", "v").prepare().with("expect", "100-continue");
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(put.head()).await;
    wire.answer().await.expect("an answer").is(100);
    wire.send(&put.body).await;
    wire.answer().await.expect("an answer").is(200);
    let mut reversed = home.get("k").prepare();
    reversed.headers.reverse();
    exchange(home.server.address(), &reversed).await.unwrap().is(200).has_body("v");
    let mut loud = home.get("k").prepare();
    loud.headers.iter_mut().for_each(|(name, _)| *name = name.to_ascii_uppercase());
    exchange(home.server.address(), &loud).await.unwrap().is(200).has_body("v");
}

#[tokio::test]
async fn any_region_is_accepted() {
    let home = Home::new().await;
    home.put("k", "v").region("eu-central-1").await.is(200);
    home.get("k").region("auto").await.is(200).has_body("v");
}

#[tokio::test]
async fn amz_headers_that_are_not_signed_are_refused() {
    let home = Home::new().await;
    home.put("secret", "v").await.is(200);
    home.put("k", "old").await.is(200);
    let put = home.put("k", "new").prepare();
    for (name, value) in [
        ("x-amz-meta-a", "1".to_owned()),
        ("x-amz-copy-source", format!("/{}/secret", home.name)),
        ("x-amz-metadata-directive", "REPLACE".to_owned()),
        ("X-Amz-Acl", "public-read".to_owned()),
    ] {
        home.client.send(put.clone().with(name, value)).await.is_error(403, "AccessDenied");
    }
    home.get("k").await.is(200).has_body("old");
}

#[tokio::test]
async fn a_signed_header_must_be_there_as_it_was_signed() {
    let home = Home::new().await;
    let put = home.put("k", "v").header("x-amz-meta-a", "1").header("content-type", "text/plain").prepare();
    for bad in [put.clone().without("x-amz-meta-a"), put.clone().without("content-type")] {
        garbled(home.client.send(bad).await);
    }
    home.client.send(put.clone().with("x-amz-meta-a", "2")).await.is_error(403, "SignatureDoesNotMatch");
    home.client.send(put.with("content-type", "text/html")).await.is_error(403, "SignatureDoesNotMatch");
    home.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn headers_that_decide_must_come_once() {
    let home = Home::new().await;
    let put = home.put("k", "v").prepare();
    for name in ["authorization", "host"] {
        let mut twice = put.clone();
        twice.headers.push((name.to_owned(), put.header(name).into_bytes()));
        let mut wire = Wire::connect(home.server.address()).await;
        wire.send(twice.head()).await;
        wire.send(b"v").await;
        wire.answer().await.expect("an answer").is(400);
    }
    let mut wire = Wire::connect(home.server.address()).await;
    wire.send(put.head_with("content-length: 1\r\ncontent-length: 2\r\n")).await;
    wire.send(b"v").await;
    wire.answer().await.expect("an answer").is(400);
    home.get("k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn credentials_in_header_and_query_at_once_are_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let header = home.get("k").prepare().header("authorization");
    for auth in [windlass_tests::request::Auth::PresignedV4(60), windlass_tests::request::Auth::PresignedV2(60)] {
        let both = home.get("k").auth(auth).prepare().with("authorization", &header);
        home.client.send(both).await.is_error_of(400, &["InvalidArgument", "InvalidRequest"]);
    }
}

/// Behaviour 65.
#[tokio::test]
async fn signature_v2_in_the_header_is_refused() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    let date = http_date(now());
    let text = format!("GET\n\n\n{date}\n/{}/k", home.name);
    let signature = base64(&hmac_sha1(SECRET.as_bytes(), text.as_bytes()));
    let v2 = home.get("k").anonymous().prepare().with("date", &date);
    let answer = home.client.send(v2.with("authorization", format!("AWS {ACCESS}:{signature}"))).await;
    if answer.status == 403 {
        answer.is_error(403, "AccessDenied");
    } else {
        answer.is_error_of(400, &["InvalidRequest", "InvalidArgument", "AuthorizationHeaderMalformed"]);
    }
}

/// Behaviour 63.
#[tokio::test]
async fn the_body_must_have_the_hash_that_was_signed() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    for len in [10, 200_000] {
        let mut other = home.put("k", vec![b'a'; len]).prepare();
        other.body = vec![b'b'; len].into();
        home.client.send(other).await.is_error(400, "XAmzContentSHA256Mismatch");
    }
    home.get("k").await.is(200).has_body("old");
}

#[tokio::test]
async fn a_payload_hash_that_is_none_is_refused() {
    let home = Home::new().await;
    for said in ["", "abc", "unsigned-payload", &"g".repeat(64)] {
        let answer = home.put("k", "v").payload(Payload::Said(said.to_owned())).await;
        answer.is_error_of(400, &["InvalidArgument", "InvalidRequest", "XAmzContentSHA256Mismatch"]);
    }
    home.get("k").await.is_error(404, "NoSuchKey");
}
