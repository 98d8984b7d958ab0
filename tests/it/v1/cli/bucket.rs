//! `windlass bucket`

use serde_json::json;
use windlass_tests::json::text;

use super::ran::{Cli, cells};
use crate::home::unique;
use crate::v1::house::Org;

const UNKNOWN: &str = "bkt_01ARZ3NDEKTSV4RRFFQ69G5FAV";

#[tokio::test]
async fn a_bucket_is_made_as_it_was_said_and_changed() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let name = unique("cli");
    let printed = cli.done(&[
        "bucket",
        "create",
        "Holiday photos",
        "--s3-name",
        &name,
        "--region",
        "eu-west-1",
        "--cache-preset",
        "short",
        "--cors-origin",
        "https://a.example",
        "--cors-origin",
        "https://b.example",
        "--ttl-days",
        "30",
        "--max-file-size",
        "10MiB",
        "--mime-type",
        "image/*",
        "--visibility",
        "public",
    ]);
    let id = printed.strip_suffix(" created\n").unwrap();
    let shown = org.json.get(&format!("/v1/buckets/{id}")).await.data(200);
    for (field, expected) in [
        ("name", json!("Holiday photos")),
        ("s3Name", json!(name)),
        ("region", json!("eu-west-1")),
        ("cachePreset", json!("short")),
        ("corsOrigins", json!(["https://a.example", "https://b.example"])),
        ("lifecycleTtlDays", json!(30)),
        ("maxFileSizeBytes", json!(10 << 20)),
        ("allowedMimeTypes", json!(["image/*"])),
        ("visibility", json!("public")),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    let none = ["--cors-origin", "none", "--ttl-days", "none", "--max-file-size", "none", "--mime-type", "none"];
    let change = ["bucket", "update", &name, "--name", "Photos", "--cache-control", "max-age=5"];
    assert_eq!(cli.done(&[&change[..], &none[..]].concat()), format!("{id} updated\n"));
    let shown = org.json.get(&format!("/v1/buckets/{id}")).await.data(200);
    for (field, expected) in [
        ("name", json!("Photos")),
        ("cachePreset", json!("short")),
        ("cacheControlOverride", json!("max-age=5")),
        ("corsOrigins", json!([])),
        ("lifecycleTtlDays", json!(null)),
        ("maxFileSizeBytes", json!(null)),
        ("allowedMimeTypes", json!(null)),
        ("visibility", json!("public")),
    ] {
        assert_eq!(shown[field], expected, "{field}");
    }
    cli.done(&["bucket", "update", id, "--cache-control", "none"]);
    assert_eq!(org.json.get(&format!("/v1/buckets/{id}")).await.data(200)["cacheControlOverride"], json!(null));
}

#[tokio::test]
async fn tables_hold_what_the_api_answers_and_json_is_its_answer() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket_with(json!({ "maxFileSizeBytes": 5 << 20 })).await;
    bucket.upload("k", &[7; 1536]).await;
    let table = cli.done(&["bucket", "list"]);
    let shown = bucket.shown().await;
    let created = text(&shown, "createdAt")[..19].replace('T', " ");
    let expected = [
        vec!["ID", "NAME", "S3 NAME", "STATUS", "FILES", "STORED", "CREATED (UTC)"],
        vec![&bucket.id, "A bucket", &bucket.name, "active", "1", "1.5 KiB", &created],
    ];
    assert_eq!(cells(&table), expected);
    let whole = cli.done(&["bucket", "get", &bucket.name]);
    for line in
        [["S3 name", &bucket.name], ["stored", "1.5 KiB"], ["largest file", "5.0 MiB"], ["content types", "all"]]
    {
        assert!(cells(&whole).contains(&line.to_vec()), "{line:?} is not in\n{whole}");
    }
    let answer = org.json.get(&bucket.path()).await;
    assert_eq!(cli.done(&["bucket", "get", &bucket.id, "--json"]).trim_end().as_bytes(), &answer.body[..]);
    let query = org.json.get("/v1/buckets?limit=100").await;
    assert_eq!(cli.json(&["bucket", "list"]), query.json());
    let made = cli.json(&["bucket", "create", "another"]);
    assert_eq!(
        (&made["data"]["object"], &made["error"], &made["meta"]),
        (&"bucket".into(), &json!(null), &json!(null))
    );
}

#[tokio::test]
async fn a_bucket_with_files_is_deleted_only_when_that_is_said() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let (full, empty) = (org.bucket().await, org.bucket().await);
    full.upload("k", b"x").await;
    let advice = "Bucket is not empty; give --with-files to delete its files too";
    cli.fails(&["bucket", "delete", &full.name], 7, advice);
    assert_eq!(full.shown().await["status"], "active");
    for args in [&["bucket", "delete", &empty.name][..], &["bucket", "delete", &full.name, "--with-files"]] {
        assert!(cli.done(args).ends_with(" is being deleted\n"));
    }
    for bucket in [full, empty] {
        let gone = org.json.get(&bucket.path()).await;
        assert!(gone.status == 404 || gone.json()["data"]["status"] == "deleting", "{}", gone.describe());
    }
}

#[tokio::test]
async fn what_the_gateway_refuses_is_told_in_its_words_with_a_code() {
    let org = Org::on("tight");
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    cli.fails(&["bucket", "get", UNKNOWN], 4, "Bucket not found");
    cli.fails(&["bucket", "get", "no-such-name"], 4, "Bucket not found: no bucket has the S3 name \"no-such-name\"");
    cli.fails(&["bucket", "retry", &bucket.id], 1, "Only failed buckets can be retried");
    cli.fails(&["bucket", "update", &bucket.id, "--name", ""], 1, "name must be 1 to 100 characters");
    cli.fails(&["bucket", "create", "x", "--s3-name", &bucket.name], 7, "Bucket name already in use");
    org.bucket().await;
    cli.fails(&["bucket", "create", "x"], 6, "Plan limit reached: maximum 2 bucket(s)");
    let unknown =
        "Invalid API key; the token that was given is not one, or no longer: make one with `windlass key create`";
    cli.with(&format!("bkt_{}", "x".repeat(43))).fails(&["bucket", "list"], 5, unknown);
    let reader = cli.with(&org.key(&["files:read"]).await.token);
    reader.fails(&["bucket", "get", &bucket.id], 5, "Insufficient permissions");
    let advice = "Insufficient permissions; a token without buckets:read names buckets by their identifiers, bkt_…";
    reader.fails(&["file", "list", &bucket.name], 5, advice);
    assert_eq!(reader.done(&["file", "list", &bucket.id]).lines().count(), 1);
}

#[tokio::test]
async fn too_many_requests_are_told_with_the_time_to_wait() {
    let org = Org::on("brisk");
    let cli = Cli::of(&org);
    for _ in 0..5 {
        cli.done(&["bucket", "list"]);
    }
    let said = cli.run(&["bucket", "list"]).said(6);
    let seconds =
        said.strip_prefix("windlass: Rate limit exceeded; try again in ").and_then(|s| s.strip_suffix(" s\n"));
    assert!(seconds.is_some_and(|seconds| (1..=60).contains(&seconds.parse().unwrap())), "{said}");
}

#[tokio::test]
async fn a_wrong_command_line_is_told_before_anything_is_asked() {
    let cli = Cli::at("127.0.0.1:9".parse().unwrap(), "bkt_x");
    for args in [
        &["bucket"][..],
        &["bucket", "list", "--status", "lost"],
        &["bucket", "list", "--limit", "0"],
        &["bucket", "update", "x"],
        &["bucket", "create", "x", "--max-file-size", "10 MB"],
        &["bucket", "create", "x", "--ttl-days", "-1"],
        &["bucket", "get", "..", "more"],
        &["key", "create", "x"],
        &["file", "put", "b", "-"],
        &["file", "get", "b", "folder/"],
        &["file", "get", "b", "k", "-", "--json"],
        &["file", "info", "bkt_x", ".."],
        &["key", "get", ".."],
    ] {
        cli.run(args).said(2);
    }
}
