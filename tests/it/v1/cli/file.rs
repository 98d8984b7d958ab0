//! `windlass file list`, `info` and `delete`; keys of every kind.

use serde_json::json;

use super::ran::{Cli, cells};
use crate::v1::house::Org;

#[tokio::test]
async fn files_are_listed_by_their_prefix() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    for (key, size) in [("a", 0), ("pictures/1.png", 1536), ("pictures/2.png", 5 << 20)] {
        bucket.upload(key, &vec![1; size]).await;
    }
    let table = cli.done(&["file", "list", &bucket.name, "--prefix", "pictures/"]);
    let lines = cells(&table);
    assert_eq!(lines[0], ["SIZE", "MODIFIED (UTC)", "KEY"]);
    let shown: Vec<_> = lines[1..].iter().map(|line| (line[0], line[2])).collect();
    assert_eq!(shown, [("1.5 KiB", "pictures/1.png"), ("5.0 MiB", "pictures/2.png")]);
    let answer = org.json.get(&bucket.files()).query("limit", 1000).await.json();
    assert_eq!(cli.json(&["file", "list", &bucket.id]), answer);
    let limited = cli.json(&["file", "list", &bucket.id, "--limit", "2"]);
    assert_eq!(limited, org.json.get(&bucket.files()).query("limit", 2).await.json());
}

#[tokio::test]
async fn a_file_is_shown_and_deleted() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    bucket.upload("a/b.png", &[1; 1536]).await;
    let whole = cli.done(&["file", "info", &bucket.name, "a/b.png"]);
    for line in [["key", "a/b.png"], ["size", "1.5 KiB"], ["content type", "image/png"], ["address", "none"]] {
        assert!(cells(&whole).contains(&line.to_vec()), "{line:?} is not in\n{whole}");
    }
    let answer = org.json.get(&bucket.file("a/b.png")).await.json();
    assert_eq!(cli.json(&["file", "info", &bucket.name, "a/b.png"]), answer);
    assert_eq!(cli.done(&["file", "delete", &bucket.name, "a/b.png"]), "a/b.png deleted\n");
    for verb in ["delete", "info", "get"] {
        cli.fails(&["file", verb, &bucket.name, "a/b.png"], 4, "File not found");
    }
    cli.fails(&["file", "info", "bkt_01ARZ3NDEKTSV4RRFFQ69G5FAV", "k"], 4, "Bucket not found");
    cli.fails(&["file", "get", "no-such-bucket", "k"], 4, "The requested bucket does not exist.");
    assert!(cli.names().is_empty());
}

#[tokio::test]
async fn a_key_of_any_kind_is_the_same_at_both_ends() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    for key in
        ["plain", "a b/é ✓", "100%?x=1#y&z", "a%2Fb", "a/../b", "./x", "a//b", "/a", "a/", "+", "-", "\u{1b}[2J\n"]
    {
        let put = cli.feed(&["file", "put", &bucket.id, "-", "--json", "--", key], key.as_bytes()).done();
        let put: serde_json::Value = serde_json::from_str(&put).unwrap();
        assert_eq!(put["data"]["key"], json!(key));
        org.s3.request("GET", &bucket.name, key).await.is(200).has_body(key);
        let got = cli.run(&["file", "get", &bucket.id, "--", key, "-"]);
        assert_eq!((got.code, got.stdout.as_slice()), (Some(0), key.as_bytes()), "{key:?}");
        let listed = cli.done(&["file", "list", &bucket.id, "--prefix", key]);
        assert!(listed.bytes().all(|b| b == b'\n' || !b.is_ascii_control()), "{listed:?}");
        cli.done(&["file", "delete", "--json", &bucket.id, "--", key]);
        cli.fails(&["file", "get", &bucket.id, "--", key, "-"], 4, "File not found");
    }
}
