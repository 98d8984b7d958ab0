//! `windlass account`, and the buckets of one

use serde_json::json;
use windlass_tests::client::Bucket;
use windlass_tests::json::text;
use windlass_tests::server::{ACCESS, SECRET, Server};

use super::ran::{Cli, cells};
use crate::home::unique;
use crate::v1::house::Org;

#[tokio::test]
async fn an_account_is_connected_validated_and_its_buckets_are_used() {
    let (org, upstream) = (Org::new(), Server::start());
    let cli = Cli::of(&org);
    let (one, two) = (unique("one"), unique("two"));
    for name in [&one, &two] {
        upstream.client().make(name).await;
    }
    cli.write("secret", format!("{SECRET}\n"));
    let provider = format!("http://{}", upstream.address());
    let ran = cli.run(&[
        "account",
        "connect",
        "--label",
        "theirs",
        "--provider",
        &provider,
        "--access-key",
        ACCESS,
        "--secret-file",
        "secret",
        "--buckets-in",
        "path",
    ]);
    let id = String::from_utf8(ran.stdout).unwrap().strip_suffix(" connected\n").unwrap().to_owned();
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.stderr, format!("windlass: note: ask whether it works: windlass account validate {id}\n"));
    assert_eq!(cli.done(&["account", "validate", "theirs"]), format!("{id} works\n"));
    let shown = cli.done(&["account", "get", &id]);
    let shown: Vec<_> = cells(&shown).into_iter().map(|line| (line[0], line[1])).collect();
    assert!(shown.contains(&("status", "active")) && shown.contains(&("provider", provider.as_str())), "{shown:?}");
    let listed = cli.done(&["account", "buckets", "theirs"]);
    assert!(listed.contains(&one) && listed.contains(&two), "{listed}");

    let imported = cli.done(&["bucket", "import", "theirs", &one, &two]);
    let lines: Vec<_> = imported.lines().collect();
    assert!(lines[0].starts_with("bkt_") && lines[0].ends_with(&format!(" imported: {one}")), "{imported}");
    assert_eq!(lines.len(), 2);
    let bucket = cli.json(&["bucket", "get", &one])["data"].take();
    assert_eq!((&bucket["awsAccountId"], &bucket["isImported"]), (&id.as_str().into(), &true.into()));
    cli.run(&["bucket", "update", &one, "--ttl-days", "3"]).said(5);
    cli.done(&["bucket", "update", &one, "--manage", "lifecycle", "--manage", "cors", "--ttl-days", "3"]);
    cli.done(&["bucket", "update", &one, "--leave", "cors"]);
    let bucket = cli.json(&["bucket", "get", &one])["data"].take();
    assert_eq!(
        (&bucket["managedSettings"]["lifecycle"], &bucket["managedSettings"]["cors"]),
        (&true.into(), &false.into())
    );
    let made = unique("made");
    cli.done(&["bucket", "create", "Made", "--s3-name", &made, "--account", "theirs"]);
    Bucket { client: upstream.client(), name: made }.get("nothing").await.is_error(404, "NoSuchKey");

    cli.done(&["account", "update", "theirs", "--label", "none"]);
    assert_eq!(org.json.get(&format!("/v1/aws-accounts/{id}")).await.data(200)["label"], json!(null));
    cli.run(&["account", "get", "theirs"]).said(4);
    assert_eq!(cli.done(&["account", "disconnect", &id]), format!("{id} disconnected\n"));
    cli.run(&["account", "get", &id]).said(4);
}

#[tokio::test]
async fn a_role_is_said_of_an_account_once_it_has_its_external_id() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let role = "arn:aws:iam::123456789012:role/windlass";
    let ran = cli.run(&["account", "connect", "--role", role]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let accounts = org.json.get("/v1/aws-accounts").await.is(200).json()["data"].take();
    assert_eq!((&accounts[0]["roleArn"], &accounts[0]["endpoint"]), (&role.into(), &json!(null)));
    assert!(String::from_utf8(ran.stdout).unwrap().starts_with(&text(&accounts[0], "id")));
    cli.run(&["account", "connect", "--role", "nonsense"]).said(1);
    cli.run(&["account", "connect", "--access-key", "AKID"]).said(2);
}
