//! Cross-origin resource sharing: documents, preflights, and what answers to pages carry.

use serde_json::json;
use windlass_tests::answer::Answer;
use windlass_tests::client::Bucket;
use windlass_tests::json::Json;
use windlass_tests::request::Request;
use windlass_tests::server::TOKEN;

use crate::home::{Home, unique};

const ORIGIN: &str = "https://app.example.test";

fn put_rules(bucket: &Bucket, rules: &str) -> Request {
    bucket.on("PUT").flag("cors").body(format!("<CORSConfiguration>{rules}</CORSConfiguration>"))
}

fn rule(origin: &str, methods: &[&str], more: &str) -> String {
    let methods: String = methods.iter().map(|method| format!("<AllowedMethod>{method}</AllowedMethod>")).collect();
    format!("<CORSRule>{methods}<AllowedOrigin>{origin}</AllowedOrigin>{more}</CORSRule>")
}

async fn with_rules(rules: &str) -> Home {
    let home = Home::new().await;
    put_rules(&home, rules).await.is(200);
    home
}

/// What a browser asks before it lets a page do something: without a signature.
fn preflight(bucket: &Bucket, key: &str, origin: &str, method: &str) -> Request {
    bucket.at("OPTIONS", key).anonymous().header("origin", origin).header("access-control-request-method", method)
}

fn allowed(answer: &Answer) -> Option<String> {
    answer.header("access-control-allow-origin").map(str::to_owned)
}

/// Behaviour 56.
#[tokio::test]
async fn a_document_comes_back_as_it_went_and_none_is_404() {
    let home = Home::new().await;
    let get = || home.on("GET").flag("cors");
    get().await.is_error(404, "NoSuchCORSConfiguration");
    let more = "<AllowedHeader>x-amz-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><ID>one</ID>\
                <MaxAgeSeconds>3000</MaxAgeSeconds>";
    let rules = [rule("https://*.example.test", &["GET", "PUT"], more), rule("*", &["HEAD"], "")];
    put_rules(&home, &rules.concat()).await.is(200);
    let xml = get().await.is(200).xml();
    assert_eq!(xml.texts("CORSRule/AllowedOrigin"), ["https://*.example.test", "*"]);
    assert_eq!(xml.texts("CORSRule/AllowedMethod"), ["GET", "PUT", "HEAD"]);
    assert_eq!(xml.texts("CORSRule/AllowedHeader"), ["x-amz-*"]);
    assert_eq!(xml.texts("CORSRule/ExposeHeader"), ["ETag"]);
    assert_eq!(
        (xml.texts("CORSRule/ID"), xml.texts("CORSRule/MaxAgeSeconds")),
        (vec!["one".into()], vec!["3000".into()])
    );
    for _ in 0..2 {
        home.on("DELETE").flag("cors").await.is(204);
        get().await.is_error(404, "NoSuchCORSConfiguration");
    }
}

#[tokio::test]
async fn rules_that_aws_refuses_are_refused() {
    let home = Home::new().await;
    let refused = [
        (rule("*", &["OPTIONS"], ""), "InvalidRequest"),
        (rule("https://*.*", &["GET"], ""), "InvalidRequest"),
        (rule("*", &["GET"], "<AllowedHeader>*-*</AllowedHeader>"), "InvalidRequest"),
        (rule("*", &["GET"], "<ExposeHeader>*</ExposeHeader>"), "InvalidRequest"),
        (rule("*", &[], ""), "MalformedXML"),
        (rule("*", &["GET"], "<Unknown/>"), "MalformedXML"),
        (String::new(), "MalformedXML"),
        (rule("*", &["GET"], "").repeat(101), "MalformedXML"),
    ];
    for (rules, code) in refused {
        put_rules(&home, &rules).await.is_error(400, code);
    }
    home.on("GET").flag("cors").await.is_error(404, "NoSuchCORSConfiguration");
    put_rules(&home, &rule("*", &["GET"], "").repeat(100)).await.is(200);
}

/// Behaviour 56.
#[tokio::test]
async fn a_preflight_is_answered_on_any_path_without_a_signature() {
    let more = "<AllowedHeader>X-Amz-*</AllowedHeader><AllowedHeader>content-type</AllowedHeader>\
                <ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-request-id</ExposeHeader>\
                <MaxAgeSeconds>3000</MaxAgeSeconds>";
    let home = with_rules(&rule(ORIGIN, &["PUT", "GET"], more)).await;
    for key in ["", "k", "a/b?c", "missing"] {
        let ask =
            preflight(&home, key, ORIGIN, "PUT").header("access-control-request-headers", "Content-Type, x-amz-acl");
        let answer = ask.await.is(200).has_body("").has("access-control-allow-origin", ORIGIN);
        let answer = answer.has("access-control-allow-methods", "PUT, GET").has("access-control-max-age", "3000");
        let answer = answer.has("access-control-allow-headers", "content-type, x-amz-acl");
        let answer = answer.has("access-control-expose-headers", "ETag, x-amz-request-id");
        assert!(answer.has("access-control-allow-credentials", "true").need("vary").starts_with("Origin"));
    }
}

/// Behaviour 56.
#[tokio::test]
async fn a_preflight_that_no_rule_allows_is_403() {
    let home = with_rules(&rule(ORIGIN, &["PUT"], "<AllowedHeader>x-amz-*</AllowedHeader>")).await;
    let refused = async |ask: Request| {
        let answer = ask.await.is_error(403, "AccessForbidden");
        assert!(answer.xml().text("Message").starts_with("CORSResponse"), "{}", answer.describe());
        answer.lacks("access-control-allow-origin");
    };
    refused(preflight(&home, "k", "https://other.test", "PUT")).await;
    refused(preflight(&home, "k", ORIGIN, "GET")).await;
    let headers = |list: &str| preflight(&home, "k", ORIGIN, "PUT").header("access-control-request-headers", list);
    refused(headers("x-amz-acl, content-type")).await;
    headers("x-amz-acl").await.is(200);
    refused(headers(&vec!["x-amz-a"; 129].join(","))).await;
    headers(&vec!["x-amz-a"; 128].join(",")).await.is(200);

    let without = home.another().await;
    refused(preflight(&without, "k", ORIGIN, "PUT")).await;
    let missing = Bucket { name: unique("missing"), ..without };
    refused(preflight(&missing, "k", ORIGIN, "PUT")).await;
}

#[tokio::test]
async fn a_preflight_says_who_asks_for_what() {
    let home = with_rules(&rule("*", &["GET"], "")).await;
    home.at("OPTIONS", "k").anonymous().await.is_error(400, "BadRequest");
    home.at("OPTIONS", "k").anonymous().header("origin", ORIGIN).await.is_error(400, "BadRequest");
}

/// Behaviour 56.
#[tokio::test]
async fn one_wildcard_stands_anywhere_in_an_origin() {
    let rules = ["*suffix", "start*end", "prefix*"].map(|origin| rule(origin, &["GET"], ""));
    let home = with_rules(&rules.concat()).await;
    home.put("k", "v").await.is(200);
    for origin in ["suffix", "foo.suffix", "startend", "start.x.end", "prefix", "prefix.bar"] {
        let answer = home.get("k").header("origin", origin).await.is(200);
        assert_eq!(allowed(&answer).as_deref(), Some(origin));
    }
    for origin in ["suffix.x", "startx", "xend", "x.prefix", "SUFFIX"] {
        assert_eq!(allowed(&home.get("k").header("origin", origin).await.is(200)), None, "{origin}");
    }
}

/// Behaviour 56.
#[tokio::test]
async fn the_wildcard_alone_is_answered_as_such_and_without_credentials() {
    let home = with_rules(&rule("*", &["GET"], "")).await;
    let answer = preflight(&home, "k", ORIGIN, "GET").await.is(200);
    answer.has("access-control-allow-origin", "*").lacks("access-control-allow-credentials");
}

/// Behaviour 56.
#[tokio::test]
async fn simple_requests_get_the_headers_also_on_errors() {
    let home = with_rules(&rule(ORIGIN, &["GET", "PUT"], "<ExposeHeader>ETag</ExposeHeader>")).await;
    home.put("k", "v").await.is(200);
    let page = |ask: Request| ask.header("origin", ORIGIN);
    let answers = [
        page(home.get("k")).await.is(200).has_body("v"),
        page(home.put("k", "w")).await.is(200),
        page(home.get("missing")).await.is_error(404, "NoSuchKey"),
        page(home.get("k").anonymous()).await.is_error(403, "AccessDenied"),
        page(home.get("k").keys("nobody", "wrong")).await.is_error(403, "InvalidAccessKeyId"),
        page(home.put("k", "v").header("content-md5", "junk")).await.is_error(400, "InvalidDigest"),
    ];
    for answer in answers {
        let answer = answer.has("access-control-allow-origin", ORIGIN).has("access-control-expose-headers", "ETag");
        assert!(answer.need("vary").starts_with("Origin"), "{}", answer.describe());
    }
    for answer in [page(home.head("k")).await.is(200), home.get("k").header("origin", "https://x").await.is(200)] {
        assert_eq!(allowed(&answer), None, "no rule is about it: {}", answer.describe());
        assert!(answer.need("vary").starts_with("Origin"), "a cache must tell pages apart: {}", answer.describe());
    }
    home.get("k").await.is(200).lacks("vary").lacks("access-control-allow-origin");
}

#[tokio::test]
async fn a_bucket_without_rules_tells_pages_nothing() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    home.get("k").header("origin", ORIGIN).await.is(200).lacks("access-control-allow-origin").lacks("vary");
}

#[tokio::test]
async fn the_origins_that_are_set_over_v1_are_a_rule_of_their_own() {
    let home = Home::new().await;
    let json = Json::new(&home.client, TOKEN);
    let body = json!({ "name": "n", "s3Name": unique("origins"), "corsOrigins": [format!("{ORIGIN}/page")] });
    let made = json.post("/v1/buckets", &body).await.data(201);
    let bucket = Bucket { name: body["s3Name"].as_str().unwrap().to_owned(), client: home.client.clone() };
    for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
        let ask = preflight(&bucket, "k", ORIGIN, method).header("access-control-request-headers", "x-anything");
        ask.await.is(200).has("access-control-allow-origin", ORIGIN).has("access-control-expose-headers", "ETag");
    }
    preflight(&bucket, "k", "https://other.test", "GET").await.is_error(403, "AccessForbidden");

    put_rules(&bucket, &rule(ORIGIN, &["GET"], "<MaxAgeSeconds>7</MaxAgeSeconds>")).await.is(200);
    preflight(&bucket, "k", ORIGIN, "GET").await.is(200).has("access-control-max-age", "7");
    preflight(&bucket, "k", ORIGIN, "DELETE").await.is(200).lacks("access-control-max-age");

    bucket.on("DELETE").flag("cors").await.is(204);
    let path = format!("/v1/buckets/{}", made["id"].as_str().unwrap());
    json.patch(&path, &json!({ "corsOrigins": [] })).await.data(200);
    preflight(&bucket, "k", ORIGIN, "GET").await.is_error(403, "AccessForbidden");
}
