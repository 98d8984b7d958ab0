//! Buckets as websites: documents, and what browsers are shown.

use std::sync::Arc;

use windlass_tests::client::Bucket;
use windlass_tests::request::Request;
use windlass_tests::server::{DataDir, Options, Server};

use crate::home::Home;

const DOMAIN: &str = "web.test";
const INDEX: &str = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";

fn put_site(bucket: &Bucket, inner: &str) -> Request {
    let body = format!("<WebsiteConfiguration>{inner}</WebsiteConfiguration>");
    bucket.on("PUT").flag("website").body(body)
}

#[tokio::test]
async fn a_document_comes_back_as_it_went_and_none_is_404() {
    let home = Home::new().await;
    let get = || home.on("GET").flag("website");
    get().await.is_error(404, "NoSuchWebsiteConfiguration");
    let routes = "<RoutingRules><RoutingRule><Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition><Redirect>\
                  <ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith><HttpRedirectCode>302</HttpRedirectCode></Redirect>\
                  </RoutingRule></RoutingRules>";
    put_site(&home, &format!("{INDEX}<ErrorDocument><Key>error.html</Key></ErrorDocument>{routes}")).await.is(200);
    let xml = get().await.is(200).xml();
    assert_eq!((xml.text("IndexDocument/Suffix"), xml.text("ErrorDocument/Key")), ("index.html", "error.html"));
    assert_eq!(xml.text("RoutingRules/RoutingRule/Condition/KeyPrefixEquals"), "old/");
    assert_eq!(xml.text("RoutingRules/RoutingRule/Redirect/ReplaceKeyPrefixWith"), "new/");
    assert_eq!(xml.text("RoutingRules/RoutingRule/Redirect/HttpRedirectCode"), "302");
    let all = "<RedirectAllRequestsTo><HostName>a.test</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>";
    put_site(&home, all).await.is(200);
    let xml = get().await.is(200).xml();
    assert_eq!(xml.text("RedirectAllRequestsTo/HostName"), "a.test");
    assert_eq!((xml.text("RedirectAllRequestsTo/Protocol"), xml.get("IndexDocument")), ("https", None));
    for _ in 0..2 {
        home.on("DELETE").flag("website").await.is(204);
        get().await.is_error(404, "NoSuchWebsiteConfiguration");
    }
}

#[tokio::test]
async fn what_contradicts_itself_is_refused() {
    let home = Home::new().await;
    let route = |inner: &str| format!("{INDEX}<RoutingRules><RoutingRule>{inner}</RoutingRule></RoutingRules>");
    let index = |suffix: &str| format!("<IndexDocument><Suffix>{suffix}</Suffix></IndexDocument>");
    let refused = [
        (String::new(), "InvalidArgument"),
        (index(""), "InvalidArgument"),
        (index("a/b"), "InvalidArgument"),
        (format!("{INDEX}<RedirectAllRequestsTo><HostName>a</HostName></RedirectAllRequestsTo>"), "InvalidRequest"),
        (route("<Redirect><HttpRedirectCode>404</HttpRedirectCode></Redirect>"), "InvalidRequest"),
        (route("<Redirect/>"), "MalformedXML"),
        (route("<Condition/><Redirect><HostName>a</HostName></Redirect>"), "InvalidRequest"),
        (route("<Redirect><HostName>a/b</HostName></Redirect>"), "InvalidRequest"),
    ];
    for (inner, code) in refused {
        put_site(&home, &inner).await.is_error(400, code);
    }
    home.on("GET").flag("website").await.is_error(404, "NoSuchWebsiteConfiguration");
}

/// A bucket on a server that serves websites, which lets everybody read all of it but what is under `private/`.
struct Site {
    bucket: Bucket,
    _server: Arc<Server>,
}

impl Site {
    async fn new(inner: &str) -> Site {
        let server = Arc::new(Server::start_with(
            Options::default().env("WINDLASS_S3_WEBSITE_DOMAIN", DOMAIN).env("WINDLASS_S3_BASE_DOMAIN", "s3.test"),
            DataDir::new(),
        ));
        let bucket = server.client().make("site").await;
        let block = "<PublicAccessBlockConfiguration><BlockPublicPolicy>false</BlockPublicPolicy>\
                     <RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
        bucket.on("PUT").flag("publicAccessBlock").body(block).await.is(200);
        let policy = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::site/*"},
            {"Effect":"Allow","Principal":"*","Action":["s3:ListBucket"],"Resource":"arn:aws:s3:::site"},
            {"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/private/*"}]}"#;
        bucket.on("PUT").flag("policy").body(policy).await.is(204);
        put_site(&bucket, inner).await.is(200);
        for (key, body) in [("index.html", "home"), ("docs/index.html", "docs"), ("page.html", "page")] {
            bucket.put(key, body).header("content-type", "text/html").await.is(200);
        }
        bucket.put("private/k", "secret").await.is(200);
        Site { bucket, _server: server }
    }

    fn ask(&self, method: &str, path: &str) -> Request {
        self.bucket.on(method).anonymous().host(&format!("site.{DOMAIN}")).path(path)
    }

    fn get(&self, path: &str) -> Request {
        self.ask("GET", path)
    }
}

#[tokio::test]
async fn documents_are_shown_to_everybody_and_folders_by_their_index() {
    let site = Site::new(INDEX).await;
    for (path, body) in [("/", "home"), ("/index.html", "home"), ("/docs/", "docs"), ("/page.html", "page")] {
        let answer = site.get(path).await.is(200).has_body(body).has("content-type", "text/html");
        let length = body.len().to_string();
        site.ask("HEAD", path).await.is(200).has_body("").has("content-length", &length).has("etag", &answer.etag());
    }
    site.get("/page.html").header("range", "bytes=1-2").await.is(206).has_body("ag");
    let etag = site.get("/page.html").await.is(200).etag();
    site.get("/page.html").header("if-none-match", etag).await.is(304).has_body("");
    site.get("/docs").await.is(302).has("location", "/docs/").has_body("");
    // Paths that are other doors on other hosts.
    for path in ["/health", "/v1/buckets", "/-/metrics"] {
        site.get(path).await.is(404).has("content-type", "text/html; charset=utf-8");
    }
}

#[tokio::test]
async fn errors_are_pages_for_people_and_nothing_private_is_shown() {
    let site = Site::new(INDEX).await;
    let page = site.get("/missing").await.is(404).has("content-type", "text/html; charset=utf-8");
    assert!(
        page.text().contains("<title>404 Not Found</title>") && page.text().contains("NoSuchKey"),
        "{}",
        page.text()
    );
    site.ask("HEAD", "/missing").await.is(404).has_body("");
    let denied = site.get("/private/k").await.is(403);
    assert!(denied.text().contains("AccessDenied") && !denied.text().contains("secret"));
    for method in ["PUT", "POST", "DELETE"] {
        site.ask(method, "/page.html").await.is(405).has("allow", "GET, HEAD");
    }
    site.bucket.get("page.html").await.is(200).has_body("page");
    let none = site.bucket.client.make("none").await;
    let other = |host: &str| none.on("GET").anonymous().host(&format!("{host}.{DOMAIN}")).path("/");
    assert!(other("none").await.is(404).text().contains("NoSuchWebsiteConfiguration"));
    assert!(other("missing").await.is(404).text().contains("NoSuchBucket"));
}

#[tokio::test]
async fn the_error_document_comes_with_the_status_of_the_error() {
    let site = Site::new(&format!("{INDEX}<ErrorDocument><Key>error.html</Key></ErrorDocument>")).await;
    assert!(site.get("/missing").await.is(404).text().contains("NoSuchKey"), "there is no error document yet");
    site.bucket.put("error.html", "sorry").header("content-type", "text/html").await.is(200);
    site.get("/missing").await.is(404).has_body("sorry").has("content-type", "text/html");
    site.get("/missing").header("range", "bytes=0-0").await.is(404).has_body("sorry");
    site.get("/private/k").await.is(403).has_body("sorry");
}

#[tokio::test]
async fn routes_and_objects_send_browsers_elsewhere() {
    let route = |condition: &str, redirect: &str| {
        format!("<RoutingRule><Condition>{condition}</Condition><Redirect>{redirect}</Redirect></RoutingRule>")
    };
    let routes = [
        route("<KeyPrefixEquals>old/</KeyPrefixEquals>", "<ReplaceKeyPrefixWith>docs/</ReplaceKeyPrefixWith>"),
        route(
            "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals><KeyPrefixEquals>gone/</KeyPrefixEquals>",
            "<HostName>archive.test</HostName><Protocol>https</Protocol><HttpRedirectCode>307</HttpRedirectCode>",
        ),
    ];
    let site = Site::new(&format!("{INDEX}<RoutingRules>{}</RoutingRules>", routes.concat())).await;
    site.get("/old/a%20b").await.is(301).has("location", "/docs/a%20b");
    site.get("/gone/x").await.is(307).has("location", "https://archive.test/gone/x");
    site.bucket.put("gone/there", "still").await.is(200);
    site.get("/gone/there").await.is(200).has_body("still");
    let redirect = site.bucket.put("moved", "").header("x-amz-website-redirect-location", "https://x.test/y");
    redirect.await.is(200);
    site.get("/moved").await.is(301).has("location", "https://x.test/y").lacks("x-amz-website-redirect-location");
    site.bucket.get("moved").await.is(200).has("x-amz-website-redirect-location", "https://x.test/y");
}

#[tokio::test]
async fn a_whole_site_can_be_elsewhere() {
    let site = Site::new("<RedirectAllRequestsTo><HostName>x.test</HostName></RedirectAllRequestsTo>").await;
    site.get("/page.html").await.is(301).has("location", "http://x.test/page.html");
    site.get("/private/k").await.is(301).has("location", "http://x.test/private/k");
}

#[tokio::test]
async fn without_a_website_domain_its_hosts_are_like_any_other() {
    let home = Home::new().await;
    put_site(&home, INDEX).await.is(200);
    home.put("index.html", "home").await.is(200);
    let host = format!("{}.{DOMAIN}", home.name);
    home.on("GET").anonymous().host(&host).path("/").await.is_error(403, "AccessDenied");
}
