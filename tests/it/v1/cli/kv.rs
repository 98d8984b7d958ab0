//! `windlass kv`

use serde_json::Value;
use windlass_tests::json::Json;

use super::ran::Cli;
use crate::v1::house::Org;

#[tokio::test]
async fn values_are_set_counted_listed_and_deleted() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let made = cli.done(&["kv", "create", "Flags", "--default-ttl", "0"]);
    let id = made.trim_end();
    assert_eq!(id.len(), 22, "{made:?}");
    assert_eq!(cli.done(&["kv", "set", id, "hello", "world"]), "");
    assert_eq!(cli.done(&["kv", "get", id, "hello"]), "world");
    assert_eq!(cli.done(&["kv", "incr", id, "n"]), "1\n");
    assert_eq!(cli.done(&["kv", "incr", id, "n", "-5", "--ttl", "60"]), "-4\n");
    cli.done(&["kv", "set", id, "a/../b c", "x"]);
    Json::anonymous(&org.s3).get(&format!("/kv/{id}/a%2F..%2Fb%20c")).await.is(200).has_body("x");
    cli.done(&["kv", "set", id, "odd\u{1b}[2J", "x"]);
    assert_eq!(cli.done(&["kv", "list", id]), "a/../b c\nhello\nn\nodd\\u{1b}[2J\n");
    assert_eq!(cli.done(&["kv", "list", id, "--prefix", "h", "--values"]), "hello=world\n");
    assert_eq!(cli.done(&["kv", "list", id, "--reverse", "--after", "n", "--limit", "1"]), "hello\n");
    let listed: Value =
        serde_json::from_str(&cli.done(&["kv", "list", id, "--values", "--after", "b", "--limit", "2", "--json"]))
            .unwrap();
    assert_eq!(listed, serde_json::json!([["hello", "world"], ["n", -4]]));
    assert!(cli.done(&["kv", "show", id]).contains("Flags"));
    assert!(cli.done(&["kv", "buckets"]).contains(id));
    assert_eq!(cli.done(&["kv", "delete", id, "hello"]), "");
    assert!(cli.run(&["kv", "get", id, "hello"]).said(4).contains("There is no such key"));
    assert_eq!(cli.done(&["kv", "drop", id]), format!("{id} deleted\n"));
    assert!(cli.run(&["kv", "get", id, "n"]).said(1).contains("The bucket has been deleted"));
    cli.run(&["kv", "show", id]).said(4);
}

#[tokio::test]
async fn scripts_are_put_listed_shown_and_deleted() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let made = cli.done(&["kv", "create", "Scripts"]);
    let id = made.trim_end();
    let source = "kvdb.print('hello')\n";
    cli.write("hello.lua", source);
    assert_eq!(cli.done(&["kv", "script", "put", id, "hello", "hello.lua"]), "hello put\n");
    Json::anonymous(&org.s3).get(&format!("/kv/{id}/scripts/hello")).await.is(200).has_body("hello");
    assert_eq!(cli.done(&["kv", "script", "get", id, "hello"]), source);
    let listed = cli.done(&["kv", "script", "list", id]);
    assert!(listed.contains("hello") && listed.contains("20 B"), "{listed}");
    cli.write("long.lua", "-".repeat(70_000));
    cli.run(&["kv", "script", "put", id, "long", "long.lua"]).said(1);
    assert!(cli.run(&["kv", "script", "put", id, "gone", "gone.lua"]).said(9).contains("gone.lua"));
    assert_eq!(cli.done(&["kv", "script", "delete", id, "hello"]), "hello deleted\n");
    assert!(cli.run(&["kv", "script", "get", id, "hello"]).said(4).contains("Script not found"));
}
