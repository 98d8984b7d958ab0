//! Claims about what the log keeps of whole requests.

use http::StatusCode;
use http_body_util::{BodyExt as _, Full};
use windlass_store::id::{BucketId, KeyId, OrgId};
use windlass_store::log::{LogBodyRef, LogOptions, LogQuery};

use super::*;
use crate::body::answer;

const TOKEN: &str = "bkt_0123456789abcdefghijABCDEFGHIJ0123456789-_x";
const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// What is said of a request and of its answer.
struct Said<'a> {
    kind: Kind,
    uri: &'a str,
    headers: &'a [(&'a str, &'a str)],
    body: &'a str,
    status: u16,
    answer: (&'static str, &'a str),
}

impl Default for Said<'_> {
    fn default() -> Self {
        let answer = ("application/json", "");
        Self { kind: Kind::Json, uri: "/v1/keys", headers: &[], body: "", status: 200, answer }
    }
}

/// A request that has passed with its answer.
struct Passed {
    capture: Box<Capture>,
    caller: Caller,
    status: u16,
}

impl Passed {
    fn entry(&mut self) -> LogEntry<'_> {
        self.capture.entry(&self.caller, self.status, Duration::from_millis(7))
    }
}

/// Passes a request and its answer by, as the door does.
async fn captured(said: Said<'_>) -> Option<Passed> {
    let mut request = Request::builder().method("POST").uri(said.uri);
    for (name, value) in said.headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Full::new(said.body.to_owned().into())).unwrap();
    let caller = Caller::default();
    let mut capture = Capture::begin(&mut request, said.kind, IP)?;
    caller.belongs_to(OrgId([1; 16]), Some(KeyId([2; 16])));
    caller.uses(BucketId([3; 16]), OrgId([1; 16]));
    tapped(request).collect().await.unwrap();
    let mut answer = answer(StatusCode::from_u16(said.status).unwrap(), said.answer.0, said.answer.1.to_owned());
    capture.answered(&mut answer, said.kind, "R1");
    capture.pass(said.answer.1.as_bytes());
    Some(Passed { capture, caller, status: said.status })
}

#[tokio::test]
async fn an_s3_request_is_kept_without_signatures_and_bodies() {
    let headers =
        [("user-agent", "t/1"), ("authorization", "AWS4-HMAC-SHA256 x"), ("content-type", "application/json")];
    let said = Said {
        kind: Kind::S3,
        uri: "/b/k%20l?X-Amz-Signature=abc&X-Amz-Credential=AK%2Fd&prefix=a+b&continuation-token=t&x=bkt_0123456789abcdefghijABCDEFGHIJ0123456789-_x",
        headers: &headers,
        body: "{\"a\":1}",
        answer: ("application/json", "{\"b\":2}"),
        ..Said::default()
    };
    let mut capture = captured(said).await.unwrap();
    let entry = capture.entry();
    assert_eq!((entry.method, entry.path, entry.status, entry.duration_ms), ("POST", "/b/k%20l", 200, 7));
    assert_eq!((entry.key, entry.bucket, entry.ip), (Some(KeyId([2; 16])), Some(BucketId([3; 16])), Some(IP)));
    assert_eq!(entry.request_id, "R1");
    let redacted = "[REDACTED]";
    let query = [
        ("X-Amz-Signature", redacted),
        ("X-Amz-Credential", redacted),
        ("prefix", "a b"),
        ("continuation-token", "t"),
        ("x", redacted),
    ]
    .map(|(name, value)| (name.into(), value.into()));
    assert_eq!(entry.query, query);
    assert_eq!(entry.request_headers, [("content-type", "application/json"), ("user-agent", "t/1")]);
    assert_eq!(entry.response_headers, [("content-type", "application/json")]);
    assert_eq!(entry.request_body, Some(LogBodyRef::Binary { bytes: 7 }));
    assert_eq!(entry.response_body, Some(LogBodyRef::Binary { bytes: 7 }));
    assert_eq!(entry.error_message, None);
}

#[tokio::test]
async fn the_secrets_of_a_new_key_are_not_kept() {
    let body = format!(r#"{{"name":"k","password":"p4ss","note":"{TOKEN}"}}"#);
    let answer = format!(
        r#"{{"data":{{"object":"api_key","id":"key_1","key":"{TOKEN}","accessKeyId":"WLSS1","secretAccessKey":"s3cret"}}}}"#
    );
    let json = [("content-type", "application/json; charset=utf-8")];
    let said =
        Said { headers: &json, body: &body, status: 201, answer: ("application/json", &answer), ..Said::default() };
    let mut capture = captured(said).await.unwrap();
    let entry = capture.entry();
    let expected = r#"{"name":"k","password":"[REDACTED]","note":"[REDACTED]"}"#;
    assert_eq!(entry.request_body, Some(LogBodyRef::Json(expected.into())));
    let expected = r#"{"data":{"object":"api_key","id":"key_1","key":"[REDACTED]","accessKeyId":"WLSS1","secretAccessKey":"[REDACTED]"}}"#;
    assert_eq!(entry.response_body, Some(LogBodyRef::Json(expected.into())));
}

#[tokio::test]
async fn a_long_body_leaves_its_beginning_as_text_and_an_upload_its_length() {
    let long = format!(r#"{{"secret":"s3cret","a":"{}"}}"#, "é".repeat(limit::LOG_BODY_BYTES_MAX));
    let json = [("content-type", "application/json")];
    let mut capture = captured(Said { headers: &json, body: &long, ..Said::default() }).await.unwrap();
    let Some(LogBodyRef::Text(text)) = capture.entry().request_body else { panic!("not cut") };
    assert!(text.starts_with(r#"{"secret":"[REDACTED]","a":"é"#), "{text}");
    assert!((limit::LOG_BODY_BYTES_MAX - 2..=limit::LOG_BODY_BYTES_MAX).contains(&text.len()), "{}", text.len());

    let video = [("content-type", "video/mp4")];
    let mut capture = captured(Said { headers: &video, body: "12345", ..Said::default() }).await.unwrap();
    let entry = capture.entry();
    assert_eq!((entry.request_body, entry.response_body), (Some(LogBodyRef::Binary { bytes: 5 }), None));
}

#[tokio::test]
async fn errors_are_kept_in_the_words_of_either_form() {
    for body in
        [r#"{"data":null,"error":{"message":"no"},"meta":null}"#, r#"{"error":"c","message":"no","status":404}"#]
    {
        let said = Said { status: 404, answer: ("application/json", body), ..Said::default() };
        assert_eq!(captured(said).await.unwrap().entry().error_message.as_deref(), Some("no"), "{body}");
    }
    let said = Said { answer: ("application/json", r#"{"message":"all is well"}"#), ..Said::default() };
    assert_eq!(captured(said).await.unwrap().entry().error_message, None);
}

#[tokio::test]
async fn addresses_lose_their_secrets() {
    let headers = [("referer", "https://e.test/p?access_token=s3cret#f"), ("user-agent", TOKEN)];
    let uri = format!("/v1/keys/{TOKEN}");
    let mut capture = captured(Said { uri: &uri, headers: &headers, ..Said::default() }).await.unwrap();
    let entry = capture.entry();
    assert_eq!(entry.path, "[REDACTED]");
    assert_eq!(entry.request_headers, [("user-agent", "[REDACTED]"), ("referer", "https://e.test/p")]);
    let mut capture = captured(Said { kind: Kind::Site, uri: "/-/s/c0de", ..Said::default() }).await.unwrap();
    assert_eq!(capture.entry().path, "/-/s/[REDACTED]");
}

#[tokio::test]
async fn what_is_nobody_s_is_not_kept_and_neither_are_the_gateway_s_own_pages() {
    let folder = tempfile::tempdir().unwrap();
    let options = LogOptions { folder: folder.path().to_owned(), enabled: true, max_bytes: 1 << 20 };
    let (logs, org) = (Logs::open(&options), OrgId([1; 16]));
    let Passed { capture, caller: owned, .. } = captured(Said::default()).await.unwrap();
    let Passed { capture: nobody_s, .. } = captured(Said { uri: "/v1/other", ..Said::default() }).await.unwrap();
    nobody_s.record(&logs, &Caller::default(), 401, Duration::ZERO, 1_000);
    capture.record(&logs, &owned, 200, Duration::ZERO, 1_000);
    let page = logs.list(org, None, &LogQuery { limit: 9, ..LogQuery::default() }).await.unwrap();
    assert_eq!(page.records.iter().map(|record| record.path.as_str()).collect::<Vec<_>>(), ["/v1/keys"]);
    assert_eq!((logs.counters().recorded, logs.counters().dropped), (1, 0));
    assert!(captured(Said { kind: Kind::Site, uri: "/-/metrics", ..Said::default() }).await.is_none());
    assert!(captured(Said { kind: Kind::Health, uri: "/health", ..Said::default() }).await.is_none());
}
