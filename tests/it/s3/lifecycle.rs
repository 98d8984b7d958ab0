//! The life cycle of what a bucket holds: documents, what answers tell, and what is gone when its time has come.

use std::sync::Arc;

use serde_json::json;
use windlass_tests::client::Bucket;
use windlass_tests::json::Json;
use windlass_tests::request::Request;
use windlass_tests::server::{DataDir, Options, Server, TOKEN};
use windlass_tests::time::{http_date, now};

use crate::home::{Home, PART, noise, unique};
use crate::v1::house::until;

const DAY: i64 = 86_400;

fn put_rules(bucket: &Bucket, rules: &str) -> Request {
    let body = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    bucket.on("PUT").flag("lifecycle").body(body)
}

fn rule(id: &str, more: &str) -> String {
    format!("<Rule><ID>{id}</ID><Status>Enabled</Status>{more}</Rule>")
}

const DAYS: &str = "<Expiration><Days>1</Days></Expiration>";

/// Behaviour 55.
#[tokio::test]
async fn a_bucket_without_rules_says_so() {
    let home = Home::new().await;
    let get = || home.on("GET").flag("lifecycle");
    get().await.is_error(404, "NoSuchLifecycleConfiguration");
    put_rules(&home, &rule("r", &format!("<Prefix/>{DAYS}"))).await.is(200);
    get().await.is(200);
    for _ in 0..2 {
        home.on("DELETE").flag("lifecycle").await.is(204);
        get().await.is_error(404, "NoSuchLifecycleConfiguration");
    }
}

/// Behaviour 55.
#[tokio::test]
async fn both_forms_come_back_as_they_went() {
    let home = Home::new().await;
    let and = "<Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>l</Key><Value/></Tag>\
               <ObjectSizeGreaterThan>5</ObjectSizeGreaterThan><ObjectSizeLessThan>50</ObjectSizeLessThan></And></Filter>";
    let rules = [
        rule("old", &format!("<Prefix>logs/</Prefix>{DAYS}")),
        rule("empty", &format!("<Filter/>{DAYS}")),
        rule("prefix", &format!("<Filter><Prefix>b/</Prefix></Filter>{DAYS}")),
        rule("tag", &format!("<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>{DAYS}")),
        rule("and", &format!("{and}<Expiration><Date>2035-01-01T00:00:00.000Z</Date></Expiration>")),
        "<Rule><ID>off</ID><Status>Disabled</Status><Filter><ObjectSizeLessThan>9</ObjectSizeLessThan></Filter>\
         <NoncurrentVersionExpiration><NoncurrentDays>3</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions>\
         </NoncurrentVersionExpiration></Rule>"
            .to_owned(),
        rule("abort", "<Filter/><AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>"),
        rule("marker", "<Filter/><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"),
    ];
    put_rules(&home, &rules.concat()).await.is(200);
    let xml = home.on("GET").flag("lifecycle").await.is(200).xml();
    assert_eq!(xml.texts("Rule/ID"), ["old", "empty", "prefix", "tag", "and", "off", "abort", "marker"]);
    let rule = |id: &str| xml.all("Rule").into_iter().find(|rule| rule.text("ID") == id).unwrap().clone();
    assert_eq!((rule("old").text("Prefix"), rule("old").get("Filter")), ("logs/", None));
    assert_eq!((rule("empty").text("Filter"), rule("empty").all("Filter")[0].children.len()), ("", 0));
    assert_eq!((rule("prefix").text("Filter/Prefix"), rule("prefix").get("Prefix")), ("b/", None));
    assert_eq!(rule("tag").text("Filter/Tag/Value"), "v");
    let and = rule("and");
    assert_eq!((and.text("Filter/And/Prefix"), and.texts("Filter/And/Tag/Key")), ("a/", vec!["k".into(), "l".into()]));
    assert_eq!(and.text("Filter/And/ObjectSizeGreaterThan"), "5");
    assert_eq!(and.text("Filter/And/ObjectSizeLessThan"), "50");
    assert_eq!(and.text("Expiration/Date"), "2035-01-01T00:00:00.000Z");
    assert_eq!((rule("off").text("Status"), rule("off").text("Filter/ObjectSizeLessThan")), ("Disabled", "9"));
    assert_eq!(rule("off").text("NoncurrentVersionExpiration/NoncurrentDays"), "3");
    assert_eq!(rule("off").text("NoncurrentVersionExpiration/NewerNoncurrentVersions"), "2");
    assert_eq!(rule("abort").text("AbortIncompleteMultipartUpload/DaysAfterInitiation"), "7");
    assert_eq!(rule("marker").text("Expiration/ExpiredObjectDeleteMarker"), "true");
}

/// Behaviour 55.
#[tokio::test]
async fn ids_are_unique_bounded_and_made_where_they_are_missing() {
    let home = Home::new().await;
    let one = |id: &str| rule(id, &format!("<Prefix/>{DAYS}"));
    put_rules(&home, &[one("a"), one("a")].concat()).await.is_error(400, "InvalidArgument");
    put_rules(&home, &one(&"i".repeat(256))).await.is_error(400, "InvalidArgument");
    home.on("GET").flag("lifecycle").await.is_error(404, "NoSuchLifecycleConfiguration");
    let nameless = format!("<Rule><Status>Enabled</Status><Prefix>x</Prefix>{DAYS}</Rule>");
    put_rules(&home, &[one(&"i".repeat(255)), nameless.clone(), nameless].concat()).await.is(200);
    let ids = home.on("GET").flag("lifecycle").await.is(200).xml().texts("Rule/ID");
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| !id.is_empty()) && ids[1] != ids[2], "{ids:?}");
}

/// Behaviour 55.
#[tokio::test]
async fn what_breaks_a_rule_of_rules_is_refused() {
    let home = Home::new().await;
    let prefixed = |action: &str| rule("r", &format!("<Prefix/>{action}"));
    let refused = [
        (format!("<Rule><ID>r</ID><Status>enabled</Status><Prefix/>{DAYS}</Rule>"), 400, "MalformedXML"),
        (format!("<Rule><ID>r</ID><Prefix/>{DAYS}</Rule>"), 400, "MalformedXML"),
        (rule("r", DAYS), 400, "MalformedXML"),
        (rule("r", &format!("<Prefix/><Filter/>{DAYS}")), 400, "MalformedXML"),
        (String::new(), 400, "MalformedXML"),
        (prefixed("<Expiration><Days>0</Days></Expiration>"), 400, "InvalidArgument"),
        (prefixed("<Expiration><Days>-1</Days></Expiration>"), 400, "InvalidArgument"),
        (prefixed("<Expiration><Date>2035-01-01T12:00:00Z</Date></Expiration>"), 400, "InvalidArgument"),
        (prefixed("<Expiration><Date>20350101</Date></Expiration>"), 400, "MalformedXML"),
        (prefixed(""), 400, "InvalidRequest"),
        (
            prefixed("<Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition>"),
            501,
            "NotImplemented",
        ),
    ];
    for (rules, status, code) in refused {
        put_rules(&home, &rules).await.is_error(status, code);
    }
    home.on("GET").flag("lifecycle").await.is_error(404, "NoSuchLifecycleConfiguration");
}

/// When something of that moment is due after so many days: at the next midnight.
fn due(seconds: i64, days: i64) -> i64 {
    (seconds + days * DAY + DAY - 1) / DAY * DAY
}

/// Behaviour 55.
#[tokio::test]
async fn answers_about_objects_that_match_tell_when_they_expire() {
    let home = Home::new().await;
    let rules = [
        rule("rule one", &format!("<Filter><Prefix>logs/</Prefix></Filter>{DAYS}")),
        rule(
            "tagged",
            "<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter><Expiration><Days>3</Days></Expiration>",
        ),
    ];
    put_rules(&home, &rules.concat()).await.is(200);
    let told = |days: i64, rule: &str, before: i64| {
        let line = |at: i64| format!("expiry-date=\"{}\", rule-id=\"{rule}\"", http_date(due(at, days)));
        [line(before), line(now() + 1)]
    };
    for (key, tags, days, rule) in
        [("logs/a", "", 1, "rule%20one"), ("b", "k=v", 3, "tagged"), ("logs/c", "k=v", 1, "rule%20one")]
    {
        let before = now();
        let answers = [
            home.put(key, "v").header("x-amz-tagging", tags).await.is(200),
            home.get(key).await.is(200),
            home.head(key).await.is(200),
        ];
        for answer in answers {
            let header = answer.need("x-amz-expiration").to_owned();
            assert!(told(days, rule, before).contains(&header), "{key}: {header}");
        }
    }
    home.put("logs", "v").await.is(200).lacks("x-amz-expiration");
    home.get("logs").await.is(200).lacks("x-amz-expiration");
    home.on("DELETE").flag("lifecycle").await.is(204);
    home.get("logs/a").await.is(200).lacks("x-amz-expiration");
}

#[tokio::test]
async fn answers_about_uploads_that_match_tell_when_they_are_aborted() {
    let home = Home::new().await;
    let abort =
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    put_rules(&home, &rule("sweep", &format!("<Filter><Prefix>up/</Prefix></Filter>{abort}"))).await.is(200);
    let before = now();
    let created = home.create("up/k").await.is(200).has("x-amz-abort-rule-id", "sweep");
    let listed = home.parts("up/k", created.xml().text("UploadId")).await.is(200).has("x-amz-abort-rule-id", "sweep");
    for answer in [created, listed] {
        let date = answer.need("x-amz-abort-date").to_owned();
        assert!([before, now() + 1].map(|at| http_date(due(at, 2))).contains(&date), "{date}");
    }
    home.create("other").await.is(200).lacks("x-amz-abort-date");
}

/// A server whose days are a fraction of a second.
fn hasty() -> Arc<Server> {
    let settings = "[lifecycle]\ninterval_ms = 100\nday_ms = 50\n";
    Arc::new(Server::start_with(Options::default().config(settings), DataDir::new()))
}

/// Behaviour 55.
#[tokio::test]
async fn what_is_due_goes_by_itself_and_the_rest_stays() {
    let server = hasty();
    let bucket = server.client().make("hasty").await;
    for key in ["kept", "logs/a", "logs/b", "logs/c"] {
        bucket.put(key, key.to_owned()).await.is(200);
    }
    let upload = bucket.upload("logs/up").await;
    bucket.part("logs/up", &upload, 1, noise(1, 1000)).await.is(200);
    let abort =
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>";
    put_rules(&bucket, &rule("r", &format!("<Filter><Prefix>logs/</Prefix></Filter>{DAYS}{abort}"))).await.is(200);
    until("the objects expire", async || (bucket.keys().await == ["kept"]).then_some(())).await;
    until("the upload is aborted", async || (bucket.parts("logs/up", &upload).await.status == 404).then_some(())).await;
    bucket.get("kept").await.is(200).has_body("kept");
}

#[tokio::test]
async fn in_a_versioned_bucket_what_expires_leaves_a_marker_and_then_nothing() {
    let server = hasty();
    let bucket = server.client().make("hasty").await;
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket.on("PUT").flag("versioning").body(on).await.is(200);
    let version = bucket.put("k", "v").await.is(200).need("x-amz-version-id").to_owned();
    put_rules(&bucket, &rule("r", &format!("<Filter/>{DAYS}"))).await.is(200);
    until("the object expires", async || (bucket.get("k").await.status == 404).then_some(())).await;
    bucket.get("k").await.is_error(404, "NoSuchKey").has("x-amz-delete-marker", "true");
    bucket.get("k").query("versionId", &version).await.is(200).has_body("v");

    let noncurrent = "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>";
    put_rules(&bucket, &rule("r", &format!("<Filter/>{noncurrent}{DAYS}"))).await.is(200);
    until("all of it is gone", async || {
        let xml = bucket.on("GET").flag("versions").await.is(200).xml();
        (xml.all("Version").is_empty() && xml.all("DeleteMarker").is_empty()).then_some(())
    })
    .await;
    bucket.on("DELETE").await.is(204);
}

#[tokio::test]
async fn the_days_that_are_set_over_v1_are_a_rule_of_their_own() {
    let home = Home::new().await;
    let json = Json::new(&home.client, TOKEN);
    let body = json!({ "name": "n", "s3Name": unique("ttl"), "lifecycleTtlDays": 5 });
    json.post("/v1/buckets", &body).await.data(201);
    let bucket = Bucket { name: body["s3Name"].as_str().unwrap().to_owned(), client: home.client.clone() };
    let before = now();
    let header = bucket.put("k", "v").await.is(200).need("x-amz-expiration").to_owned();
    let expected = [before, now() + 1]
        .map(|at| format!("expiry-date=\"{}\", rule-id=\"lifecycleTtlDays\"", http_date(due(at, 5))));
    assert!(expected.contains(&header), "{header}");
    bucket.on("GET").flag("lifecycle").await.is_error(404, "NoSuchLifecycleConfiguration");
    bucket.multipart("m", &[noise(1, PART)]).await;
    assert!(bucket.head("m").await.is(200).need("x-amz-expiration").contains("lifecycleTtlDays"));
}
