//! `windlass log`

use windlass_tests::json::text;

use super::ran::{Cli, cells};
use crate::v1::house::Org;

#[tokio::test]
async fn requests_are_listed_as_they_are_asked_for() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    cli.write("x.png", [1; 300]);
    cli.done(&["file", "put", &bucket.id, "x.png", "pictures/x.png"]);
    cli.run(&["file", "info", &bucket.id, "missing"]).said(4);
    let table = cli.done(&["log", "list", "--bucket", &bucket.name]);
    let lines = cells(&table);
    assert_eq!(lines[0], ["ID", "TIME (UTC)", "STATUS", "MS", "METHOD", "PATH", "ERROR"]);
    let (missing, put) = (bucket.file("missing"), bucket.file("pictures/x.png"));
    assert_eq!((lines[1][2], &lines[1][4..]), ("404", &["GET", &missing, "File not found"][..]));
    assert_eq!((lines[2][2], &lines[2][4..]), ("200", &["PUT", &put][..]));
    let filtered = |args: &[&str]| -> Vec<String> {
        let listed = cli.json(&[&["log", "list", "--bucket", &bucket.id], args].concat());
        listed["data"].as_array().unwrap().iter().map(|log| text(log, "path")).collect()
    };
    assert_eq!(filtered(&["--status", "4xx"]), [missing.as_str()]);
    assert_eq!(filtered(&["--method", "PUT", "--limit", "1"]), [put.as_str()]);
    assert_eq!(filtered(&["--path", &put]), [put.as_str()]);
    assert_eq!(filtered(&["--to", "2001-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(filtered(&["--key", "key_01ARZ3NDEKTSV4RRFFQ69G5FAV"]), [""; 0]);
}

#[tokio::test]
async fn one_request_is_shown_whole() {
    let org = Org::new();
    let cli = Cli::of(&org);
    let bucket = org.bucket().await;
    cli.write("x.png", [1; 300]);
    cli.done(&["file", "put", &bucket.id, "x.png"]);
    let listed = cli.json(&["log", "list", "--method", "PUT", "--bucket", &bucket.id]);
    let id = text(&listed["data"][0], "id");
    let answer = org.json.get(&format!("/v1/logs/{id}")).await.json();
    assert_eq!(cli.json(&["log", "get", &id]), answer);
    // The length was declared, so that a file that is too large is refused before it is sent.
    assert_eq!(answer["data"]["requestHeaders"]["content-length"], "300");
    let whole = cli.done(&["log", "get", &id]);
    for line in [["method", "PUT"], ["status", "200"], ["bucket", &bucket.id], ["error", "none"]] {
        assert!(cells(&whole).contains(&line.to_vec()), "{line:?} is not in\n{whole}");
    }
    assert!(whole.contains("\"content-length\":\"300\""), "{whole}");
    cli.fails(&["log", "get", "log_01ARZ3NDEKTSV4RRFFQ69G5FAV"], 4, "Log not found");
    let said = cli.run(&["log", "list", "--status", "lost"]).said(1);
    assert_eq!(said, "windlass: status must be three digits, or 2xx, 3xx, 4xx or 5xx\n");
}
