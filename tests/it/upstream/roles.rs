//! Accounts of which a role is assumed.

use serde_json::json;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{ACCESS, DataDir, Options, SECRET, Server, TOKEN};

use super::accounts::{at, connect, import};
use super::sts::FakeSts;

const ROLE: &str = "arn:aws:iam::123456789012:role/windlass";

/// A gateway with keys of its own for a service.
fn assuming(sts: &FakeSts) -> Options {
    Options::default()
        .env("WINDLASS_UPSTREAM_ACCESS_KEY", "GATEWAY-ID")
        .env("WINDLASS_UPSTREAM_SECRET_KEY", "gateway-secret")
        .env("WINDLASS_UPSTREAM_STS_ENDPOINT", &sts.endpoint())
}

#[tokio::test]
async fn a_role_is_assumed_with_the_external_id_of_its_account() {
    let upstream = Server::start();
    upstream.client().make("theirs").await;
    let sts = FakeSts::start(ACCESS, SECRET, 3_600).await;
    let gateway = Server::start_with(assuming(&sts), DataDir::new());
    let json = Json::new(&gateway.client(), TOKEN);
    let path = format!("/v1/aws-accounts/{}", connect(&json, &json!({ "endpoint": at(&upstream) })).await);
    json.patch(&path, &json!({ "roleArn": ROLE })).await.data(200);
    json.call("POST", &format!("{path}/validate")).await.data(200);
    let shown = json.get(&path).await.data(200);
    assert_eq!((&shown["status"], &shown["awsAccountId"]), (&"active".into(), &"123456789012".into()));
    let asked = sts.asked();
    assert!(asked[0].contains(&format!("ExternalId={}", text(&shown, "externalId"))), "{asked:?}");
    assert!(
        asked[0].contains("Credential=GATEWAY-ID/") && asked[0].contains("/us-east-1/sts/aws4_request"),
        "{asked:?}"
    );
    // The credentials are kept: what follows does not ask again.
    import(&json, &path, &["theirs"]).await;
    assert_eq!(json.get(&format!("{path}/s3-buckets")).await.is(200).json()["meta"]["total"], 1);
    assert_eq!(sts.asked().len(), 1);
    sts.refuse();
    json.patch(&path, &json!({ "region": "eu-west-1" })).await.data(200);
    let told = json.call("POST", &format!("{path}/validate")).await.invalid();
    assert!(told.contains("AccessDenied") && told.contains("Validation failed"), "{told}");
}

#[tokio::test]
async fn credentials_about_to_end_are_asked_for_anew_and_used_to_their_end_without_others() {
    let upstream = Server::start();
    // Less than what must be left of them.
    let sts = FakeSts::start(ACCESS, SECRET, 200).await;
    let gateway = Server::start_with(assuming(&sts), DataDir::new());
    let json = Json::new(&gateway.client(), TOKEN);
    let path = format!("/v1/aws-accounts/{}", connect(&json, &json!({ "endpoint": at(&upstream) })).await);
    json.patch(&path, &json!({ "roleArn": ROLE })).await.data(200);
    json.call("POST", &format!("{path}/validate")).await.data(200);
    let before = sts.asked().len();
    json.get(&format!("{path}/s3-buckets")).await.is(200);
    assert_eq!(sts.asked().len(), before + 1);
    sts.refuse();
    json.get(&format!("{path}/s3-buckets")).await.is(200);
    assert_eq!(sts.asked().len(), before + 2);
}

#[tokio::test]
async fn an_account_s_own_keys_assume_its_role_at_its_own_provider() {
    // It is both the provider and its service.
    let sts = FakeSts::start(ACCESS, SECRET, 3_600).await;
    let gateway = Server::start();
    let json = Json::new(&gateway.client(), TOKEN);
    let about = json!({ "endpoint": sts.endpoint(), "accessKeyId": "OWN-ID", "secretAccessKey": "own-secret" });
    let path = format!("/v1/aws-accounts/{}", connect(&json, &about).await);
    json.patch(&path, &json!({ "roleArn": ROLE })).await.data(200);
    json.call("POST", &format!("{path}/validate")).await.data(200);
    let asked = sts.asked();
    assert!(asked[0].contains("Credential=OWN-ID/") && asked[0].contains("Action=AssumeRole"), "{asked:?}");
    assert!(
        asked[1].starts_with("GET /?max-buckets=") && asked[1].contains(&format!("Credential={ACCESS}/")),
        "{asked:?}"
    );
}
