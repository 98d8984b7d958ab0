//! `windlass key`

use serde_json::{Value, json};
use windlass_tests::json::text;

use super::ran::{Cli, cells};
use crate::v1::house::Org;

const NOTE: &str = "windlass: note: keep the secrets now; they are not shown again\n";

#[tokio::test]
async fn a_minted_key_is_shown_once_and_can_do_what_was_said() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    let expires = "2099-01-31T00:00:00.000Z";
    let ran = cli.run(&[
        "key",
        "create",
        "reader",
        "--permission",
        "files:read,files:write",
        "--permission",
        "buckets:read",
        "--bucket",
        &bucket.name,
        "--expires",
        expires,
    ]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), NOTE));
    let printed = String::from_utf8(ran.stdout).unwrap();
    let lines = cells(&printed);
    let names: Vec<&str> = lines.iter().map(|line| line[0]).collect();
    assert_eq!(names, ["id", "token", "access key id", "secret access key"]);
    let (id, token) = (lines[0][1], lines[1][1]);
    let shown = org.json.get(&format!("/v1/keys/{id}")).await.data(200);
    assert_eq!(shown["name"], "reader");
    assert_eq!(shown["bucketIds"], json!([bucket.id]));
    assert_eq!(shown["expiresAt"], expires);
    let mut scopes: Vec<&str> = shown["permissions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    scopes.sort_unstable();
    assert_eq!(scopes, ["buckets:read", "files:read", "files:write"]);
    let minted = cli.with(token);
    assert!(minted.done(&["bucket", "list"]).contains(&bucket.id));
    org.s3.with_keys(lines[2][1], lines[3][1]).request("GET", &bucket.name, "").await.is(200);
    assert_eq!(cli.done(&["key", "delete", id]), format!("{id} revoked\n"));
    minted.run(&["bucket", "list"]).said(5);
}

#[tokio::test]
async fn json_of_a_minted_key_is_the_answer() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let ran = cli.run(&["key", "create", "x", "--permission", "files:read", "--json"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), NOTE));
    let minted: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let members: Vec<&String> = minted["data"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["accessKeyId", "id", "key", "object", "secretAccessKey"]);
    cli.with(&text(&minted["data"], "key")).done(&["usage"]);
}

#[tokio::test]
async fn secrets_that_nobody_saw_are_told() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let create = ["key", "create", "unseen", "--permission", "files:read"];
    let mut gone = cli.command(&create).spawn().unwrap();
    drop(gone.stdout.take());
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let full = cli.command(&create).stdout(full).output().unwrap();
    for output in [gone.wait_with_output().unwrap(), full] {
        let said = cli.ran(output).said(9);
        let id = said.trim_end().rsplit(' ').next().unwrap();
        assert_eq!(org.json.get(&format!("/v1/keys/{id}")).await.data(200)["name"], "unseen", "{said}");
    }
}

#[tokio::test]
async fn keys_are_shown_without_their_secrets() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let key = org.key(&["files:read"]).await;
    let table = cli.done(&["key", "list"]);
    let line = cells(&table).into_iter().find(|line| line[0] == key.id).unwrap();
    assert_eq!(line[1..4], ["A key", &key.token[..8], "never"]);
    let whole = cli.done(&["key", "get", &key.id]);
    for line in [["permissions", "files:read"], ["buckets", "all"], ["expires (UTC)", "never"]] {
        assert!(cells(&whole).contains(&line.to_vec()), "{line:?} is not in\n{whole}");
    }
    assert!(!whole.contains(&key.token) && !whole.contains(&key.secret));
    let answer = org.json.get(&format!("/v1/keys/{}", key.id)).await.json();
    assert_eq!(cli.json(&["key", "get", &key.id]), answer);
    let none = org.key_with(&["files:read"], json!({ "bucketIds": [] })).await;
    assert!(cells(&cli.done(&["key", "get", &none.id])).contains(&vec!["buckets", "none"]));
}

#[tokio::test]
async fn refusals_about_keys_have_their_codes() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let unknown = "key_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    cli.fails(&["key", "get", unknown], 4, "API key not found");
    cli.fails(&["key", "delete", "what ever/?"], 4, "API key not found");
    let mut create = vec!["key", "create", "x", "--permission", "files:read"];
    cli.fails(&[&create[..], &["--expires", "2001-01-01T00:00:00Z"]].concat(), 1, "expiresAt must be in the future");
    let minter = cli.with(&org.key(&["keys:write"]).await.token);
    minter.fails(&create, 5, "Insufficient permissions");
    create[4] = "files:fly";
    let said = cli.run(&create).said(1);
    assert!(said.contains("files:read"), "it does not say what is accepted: {said}");
}

#[tokio::test]
async fn pages_are_followed_to_the_end_or_the_limit() {
    let org = Org::new();
    let cli = Cli::of(&org);
    // With the owner's 105: one page more than the API gives at once.
    futures::future::join_all((0..104).map(|_| org.key(&["files:read"]))).await;
    let mut all = org.json.get("/v1/keys?limit=100").await.page();
    let rest = org.json.get(&format!("/v1/keys?limit=100&cursor={}", all.next.unwrap())).await.page();
    all.entries.extend(rest.entries);
    assert_eq!(all.entries.len(), 105);
    let ids: Vec<String> = all.entries.iter().map(|key| text(key, "id")).collect();
    let listed = |args: &[&str]| {
        let list = cli.json(&[&["key", "list"], args].concat());
        let ids: Vec<String> = list["data"].as_array().unwrap().iter().map(|key| text(key, "id")).collect();
        assert_eq!(list["error"], json!(null));
        (ids, list["data"].clone(), list["meta"]["nextCursor"].is_null())
    };
    let (found, entries, is_whole) = listed(&[]);
    assert_eq!((&found, is_whole), (&ids, true));
    // All but the first, which is the owner's and has been used since.
    assert_eq!(entries.as_array().unwrap()[1..], all.entries[1..]);
    let table = cli.done(&["key", "list"]);
    assert_eq!(table.lines().count(), 106);
    assert_eq!(table.lines().filter(|line| line.starts_with("ID ")).count(), 1);
    for limit in [1, 100, 102, 105, 200] {
        let (found, _, is_whole) = listed(&["--limit", &limit.to_string()]);
        assert_eq!((&found[..], is_whole), (&ids[..limit.min(105)], limit >= 105), "{limit}");
    }
}
