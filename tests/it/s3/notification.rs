//! Who is told of what happens in a bucket: documents, and what comes to a target.

use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use windlass_tests::client::Bucket;
use windlass_tests::digest::{content_md5, hmac_sha256};
use windlass_tests::request::Request;
use windlass_tests::server::{DataDir, Options, Server};

use crate::home::{Home, PART, noise};

const SECRET: &str = "a-secret-of-the-target";

/// What came to a target.
struct Told {
    id: String,
    signature: String,
    body: String,
}

impl Told {
    /// The one record of the message, once its signature was verified.
    fn record(&self) -> Value {
        let (time, made) = self.signature.split_once(",v1=").expect("a time and a signature");
        let signed = format!("{}.{}", time.strip_prefix("t=").unwrap(), self.body);
        let mac = hmac_sha256(SECRET.as_bytes(), signed.as_bytes());
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(made, hex, "the signature is not that of the body");
        let message: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(message["Records"].as_array().unwrap().len(), 1);
        message["Records"][0].clone()
    }

    /// Its name and its key.
    fn what(&self) -> (String, String) {
        let record = self.record();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&record["eventName"]), text(&record["s3"]["object"]["key"]))
    }
}

/// A target that answers each request as it is told to, and then with 200.
struct Target {
    url: String,
    told: mpsc::UnboundedReceiver<Told>,
}

impl Target {
    async fn new<const N: usize>(answers: [u16; N]) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?k=v", listener.local_addr().unwrap());
        let (send, told) = mpsc::unbounded_channel();
        let mut answers = answers.into_iter();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(told) = serve(stream, answers.next().unwrap_or(200)).await
                    && send.send(told).is_err()
                {
                    break;
                }
            }
        });
        Target { url, told }
    }

    fn server(&self, data: DataDir) -> Server {
        let config =
            format!("[[notification_target]]\nname = \"hook\"\nurl = \"{}\"\nsecret = \"{SECRET}\"\n", self.url);
        Server::start_with(Options::default().config(&config), data)
    }

    async fn next(&mut self) -> Told {
        self.told.recv().await.expect("the target is there")
    }
}

/// Reads one request and answers it; the connection is closed behind that.
async fn serve(stream: TcpStream, status: u16) -> Option<Told> {
    let mut stream = BufReader::new(stream);
    let (mut length, mut told) = (0, Told { id: String::new(), signature: String::new(), body: String::new() });
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line == "\r\n" { break } else { continue }
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "x-windlass-event-id" => told.id = value.to_owned(),
            "x-windlass-signature" => told.signature = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    told.body = String::from_utf8(body).ok()?;
    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.get_mut().write_all(answer.as_bytes()).await.ok()?;
    Some(told)
}

fn put_rules(bucket: &Bucket, inner: &str) -> Request {
    let body = format!("<NotificationConfiguration>{inner}</NotificationConfiguration>");
    bucket.on("PUT").flag("notification").body(body)
}

fn queue(id: &str, events: &[&str], filter: &str) -> String {
    let events: String = events.iter().map(|event| format!("<Event>{event}</Event>")).collect();
    format!(
        "<QueueConfiguration><Id>{id}</Id><Queue>arn:windlass:sqs::hook:webhook</Queue>{events}{filter}\
         </QueueConfiguration>"
    )
}

const FILTER: &str = "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule>\
                      <FilterRule><Name>suffix</Name><Value>.jpg</Value></FilterRule></S3Key></Filter>";

#[tokio::test]
async fn documents_come_back_as_they_went_and_an_empty_one_ends_it() {
    let target = Target::new([]).await;
    let server = target.server(DataDir::new());
    let bucket = server.client().make("bucket").await;
    let get = async || bucket.on("GET").flag("notification").await.is(200).xml();
    assert_eq!(get().await.children.len(), 0);
    let other = |element: &str, name: &str| {
        format!(
            "<{element}><{name}>arn:aws:sns:us-east-1:hook:webhook</{name}><Event>s3:ObjectRemoved:Delete</Event></{element}>"
        )
    };
    let rules = [
        queue("q", &["s3:ObjectCreated:*", "s3:ObjectTagging:*"], FILTER),
        other("TopicConfiguration", "Topic"),
        other("CloudFunctionConfiguration", "CloudFunction"),
    ];
    put_rules(&bucket, &rules.concat()).await.is(200);
    let xml = get().await;
    assert_eq!(xml.text("QueueConfiguration/Queue"), "arn:windlass:sqs::hook:webhook");
    assert_eq!(xml.texts("QueueConfiguration/Event"), ["s3:ObjectCreated:*", "s3:ObjectTagging:*"]);
    assert_eq!(xml.texts("QueueConfiguration/Filter/S3Key/FilterRule/Value"), ["in/", ".jpg"]);
    assert_eq!(xml.text("TopicConfiguration/Topic"), "arn:aws:sns:us-east-1:hook:webhook");
    assert_eq!(xml.text("CloudFunctionConfiguration/CloudFunction"), "arn:aws:sns:us-east-1:hook:webhook");
    assert!(!xml.text("TopicConfiguration/Id").is_empty());
    put_rules(&bucket, "").await.is(200);
    assert_eq!(get().await.children.len(), 0);
}

#[tokio::test]
async fn what_would_never_be_told_is_refused() {
    let target = Target::new([]).await;
    let server = target.server(DataDir::new());
    let bucket = server.client().make("bucket").await;
    let named = |arn: &str| queue("q", &["s3:ObjectCreated:*"], "").replace("arn:windlass:sqs::hook:webhook", arn);
    for arn in ["arn:windlass:sqs::other:webhook", "arn:aws:sqs:us-east-1:123456789012:queue", "hook"] {
        put_rules(&bucket, &named(arn)).await.is_error(400, "InvalidArgument");
    }
    for event in ["s3:ObjectRestore:*", "s3:Nothing", "s3:*"] {
        put_rules(&bucket, &queue("q", &["s3:ObjectCreated:*", event], "")).await.is_error(400, "InvalidArgument");
    }
    let twice = queue("q", &["s3:ObjectCreated:*"], "").repeat(2);
    put_rules(&bucket, &twice).await.is_error(400, "InvalidArgument");
    put_rules(&bucket, "<EventBridgeConfiguration/>").await.is_error(501, "NotImplemented");
    let home = Home::new().await;
    put_rules(&home, &queue("q", &["s3:ObjectCreated:*"], "")).await.is_error(400, "InvalidArgument");
}

#[tokio::test]
async fn a_target_is_told_what_it_asked_for_in_the_words_of_s3() {
    let mut target = Target::new([]).await;
    let server = target.server(DataDir::new());
    let bucket = server.client().make("bucket").await;
    let events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"];
    put_rules(&bucket, &queue("mine", &events, FILTER)).await.is(200);
    bucket.put("out/a.jpg", "not asked for").await.is(200);
    bucket.put("in/a.png", "nor this").await.is(200);
    bucket.put("in/no.jpg", "v").header("content-md5", content_md5(b"other")).await.is_error(400, "BadDigest");
    let etag = bucket.put("in/a +é.jpg", "12345").await.is(200).etag();
    let record = target.next().await.record();
    assert_eq!((&record["eventName"], &record["eventSource"]), (&"ObjectCreated:Put".into(), &"aws:s3".into()));
    assert_eq!(record["awsRegion"], "us-east-1");
    let s3 = &record["s3"];
    assert_eq!((&s3["configurationId"], &s3["bucket"]["name"]), (&"mine".into(), &"bucket".into()));
    assert_eq!(s3["bucket"]["arn"], "arn:aws:s3:::bucket");
    assert_eq!((&s3["object"]["key"], &s3["object"]["size"]), (&"in%2Fa+%2B%C3%A9.jpg".into(), &5.into()));
    assert_eq!(format!("\"{}\"", s3["object"]["eTag"].as_str().unwrap()), etag);
    assert_eq!(s3["object"].get("versionId"), None);

    bucket.copy("in/a +é.jpg", "in/b.jpg").await.is(200);
    bucket.form().field("key", "in/f.jpg").file("f.jpg", "by a form").await.is(204);
    bucket.multipart("in/c.jpg", &[noise(1, PART)]).await;
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    bucket.put("in/c.jpg", tags).flag("tagging").await.is(200);
    bucket.delete("in/c.jpg").flag("tagging").await.is(204);
    bucket.delete("in/c.jpg").await.is(204);
    bucket.delete("in/c.jpg").await.is(204);
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket.on("PUT").flag("versioning").body(on).await.is(200);
    bucket.delete_many(&["in/b.jpg"], true).await.is(200);
    let mut told = Vec::new();
    for _ in 0..7 {
        told.push(target.next().await);
    }
    let expected = [
        ("ObjectCreated:Copy", "in%2Fb.jpg"),
        ("ObjectCreated:Post", "in%2Ff.jpg"),
        ("ObjectCreated:CompleteMultipartUpload", "in%2Fc.jpg"),
        ("ObjectTagging:Put", "in%2Fc.jpg"),
        ("ObjectTagging:Delete", "in%2Fc.jpg"),
        ("ObjectRemoved:Delete", "in%2Fc.jpg"),
        ("ObjectRemoved:DeleteMarkerCreated", "in%2Fb.jpg"),
    ];
    let what: Vec<_> = told.iter().map(Told::what).collect();
    assert_eq!(what, expected.map(|(name, key)| (name.to_owned(), key.to_owned())));
    assert!(told[6].record()["s3"]["object"]["versionId"].is_string());
    let sequencers: Vec<_> = told.iter().map(|told| told.record()["s3"]["object"]["sequencer"].to_string()).collect();
    assert!(sequencers.is_sorted(), "{sequencers:?}");
}

#[tokio::test]
async fn an_event_is_told_again_until_it_is_taken_and_survives_a_kill() {
    let mut target = Target::new([500, 503]).await;
    let mut server = target.server(DataDir::new());
    let bucket = server.client().make("bucket").await;
    put_rules(&bucket, &queue("q", &["s3:ObjectCreated:*"], "")).await.is(200);
    bucket.put("k", "v").await.is(200);
    let first = target.next().await;
    server.kill();
    let server = Arc::new(server.restart());
    let (second, third) = (target.next().await, target.next().await);
    assert_eq!((&first.id, &first.what()), (&second.id, &third.what()));
    assert_eq!(second.id, third.id);
    let client = server.client();
    crate::v1::house::until("nothing waits any more", async || {
        let page = client.plain("/-/metrics").await.is(200).text().to_owned();
        page.contains("windlass_notifications_waiting 0\n").then_some(())
    })
    .await;
    let page = client.plain("/-/metrics").await.is(200);
    assert!(page.text().contains("windlass_notifications_delivered_total 1\n"), "{}", page.text());
    assert!(!server.log().contains(SECRET), "the secret is in the log");
}

#[tokio::test]
async fn what_expires_is_told_as_such() {
    let mut target = Target::new([]).await;
    let config = format!(
        "[lifecycle]\ninterval_ms = 100\nday_ms = 50\n[[notification_target]]\nname = \"hook\"\nurl = \"{}\"\n\
         secret = \"{SECRET}\"\n",
        target.url
    );
    let server = Server::start_with(Options::default().config(&config), DataDir::new());
    let bucket = server.client().make("bucket").await;
    put_rules(&bucket, &queue("q", &["s3:LifecycleExpiration:*", "s3:ObjectRemoved:*"], "")).await.is(200);
    bucket.put("k", "v").await.is(200);
    let rule = "<LifecycleConfiguration><Rule><Status>Enabled</Status><Filter/><Expiration><Days>1</Days></Expiration>\
                </Rule></LifecycleConfiguration>";
    bucket.on("PUT").flag("lifecycle").body(rule).await.is(200);
    assert_eq!(target.next().await.what(), ("LifecycleExpiration:Delete".to_owned(), "k".to_owned()));
}
