//! Gateways that cannot be reached, break off, fail, or are none.

use std::net::TcpListener;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::pretender::{Pretender, answer, authority, document};
use super::ran::Cli;

const TOKEN: &str = "bkt_a-token-that-nobody-may-see";
/// What the files face answers when a file is looked for.
const FOUND: &str = r#"{"files":[{"id":"file_x","key":"k","size":10}],"cursor":null,"has_more":false}"#;

fn envelope(message: &str) -> String {
    json!({ "data": null, "error": { "message": message }, "meta": null }).to_string()
}

/// A download of `0123456789` that is answered so, after the file was found; returns the requests behind the first.
fn downloads(answers: &[String], check: impl FnOnce(&Cli, super::ran::Ran)) -> Vec<String> {
    let pretender = Pretender::new([&[document(FOUND)], answers].concat());
    let cli = Cli::at(pretender.address(), TOKEN);
    let ran = cli.run(&["file", "get", "b", "k"]);
    check(&cli, ran);
    pretender.heads().split_off(1)
}

const TAG: &str = "ETag: \"e\"\r\n";

#[test]
fn a_download_that_breaks_off_is_taken_up_where_it_did() {
    let rest = answer("206 Partial Content", "Content-Range: bytes 4-9/10\r\nETag: \"e\"\r\n", 6, "45");
    let end = answer("206 Partial Content", "Content-Range: bytes 6-9/10\r\nETag: \"e\"\r\n", 4, "6789");
    let heads = downloads(&[answer("200 OK", TAG, 10, "0123"), rest, end], |cli, ran| {
        assert_eq!(ran.done(), "k downloaded, 10 B\n");
        assert_eq!(cli.read("k"), b"0123456789");
    });
    let has = |at: usize, header: &str| heads[at].to_lowercase().contains(&format!("\r\n{header}\r\n"));
    assert!(!heads[0].to_lowercase().contains("\r\nrange:"), "{}", heads[0]);
    assert!(has(1, "range: bytes=4-") && has(1, "if-match: \"e\""), "{}", heads[1]);
    assert!(has(2, "range: bytes=6-") && has(2, "if-match: \"e\""), "{}", heads[2]);
}

#[test]
fn a_file_that_changes_meanwhile_is_not_mixed() {
    let changed = r#"{"error":"precondition_failed","message":"It is another.","status":412}"#;
    let changed = answer("412 Precondition Failed", "", changed.len(), changed);
    downloads(&[answer("200 OK", TAG, 10, "0123"), changed], |cli, ran| {
        ran.failed(7, "It is another.; the file was replaced while it was read");
        assert!(cli.names().is_empty());
    });
    downloads(&[answer("200 OK", TAG, 10, "0123"), answer("200 OK", TAG, 10, "0123456789")], |cli, ran| {
        ran.failed(1, "the connection broke, and the gateway does not go on where it did");
        assert!(cli.names().is_empty());
    });
    // Nothing says that it would be the same.
    downloads(&[answer("200 OK", "", 10, "0123")], |cli, ran| {
        assert!(ran.said(3).contains(" broke off: "));
        assert!(cli.names().is_empty());
    });
}

#[test]
fn a_download_that_gets_no_further_is_given_up() {
    let nothing = || answer("206 Partial Content", "Content-Range: bytes 4-9/10\r\nETag: \"e\"\r\n", 6, "");
    let heads = downloads(&[answer("200 OK", TAG, 10, "0123"), nothing(), nothing(), nothing()], |cli, ran| {
        assert!(ran.said(3).contains(" broke off: "));
        assert!(cli.names().is_empty());
    });
    assert_eq!(heads.len(), 4);
}

#[test]
fn an_interrupted_download_leaves_nothing() {
    let pretender = Pretender::holding(vec![document(FOUND), answer("200 OK", TAG, 10, "0123")]);
    let cli = Cli::at(pretender.address(), TOKEN);
    let child = cli.command(&["file", "get", "b", "k"]).spawn().unwrap();
    pretender.wait();
    pretender.wait();
    assert!(cli.names()[0].starts_with(".windlass-"), "{:?}", cli.names());
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    cli.ran(child.wait_with_output().unwrap()).failed(130, "interrupted");
    assert!(cli.names().is_empty());
    pretender.heads();
}

#[test]
fn a_gateway_that_is_not_there_is_told() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cli = Cli::at(address, TOKEN);
    cli.fails(
        &["bucket", "list"],
        3,
        &format!(
            "http://{address} cannot be reached: Connection refused (os error 111); \
             see that the gateway runs and the endpoint is right"
        ),
    );
    cli.write("x", "x");
    cli.run(&["file", "put", "bkt_x", "x"]).said(3);
}

#[test]
fn what_is_no_gateway_is_told() {
    let page = answer("404 Not Found", "Content-Type: text/html\r\n", 6, "<html>");
    let elsewhere = answer("301 Moved Permanently", "Location: https://other.example/\r\n", 0, "");
    let cut = answer("200 OK", "", 10, "{");
    for (answer, what) in [
        (page, "does not answer as a gateway: status 404 without a message"),
        (elsewhere, "does not answer as a gateway: it leads elsewhere to https://other.example/"),
        (document("<html>"), "does not answer as a gateway: what it answers is no JSON"),
        (document("{}"), "does not answer as a gateway: what it answers is no page of a list"),
        (document(r#"{"data":[1],"error":null,"meta":7}"#), "what it answers is no page of a list"),
        (cut, "broke off: "),
        ("nonsense\r\n\r\n".to_owned(), "broke off: "),
        (String::new(), "broke off: "),
    ] {
        let pretender = Pretender::new(vec![answer]);
        let said = Cli::at(pretender.address(), TOKEN).run(&["bucket", "list"]).said(3);
        assert!(said.contains(what), "{said}");
    }
}

#[test]
fn a_list_without_end_is_given_up() {
    let page = document(r#"{"data":[{"id":"a"}],"error":null,"meta":{"nextCursor":"same","limit":100}}"#);
    let pretender = Pretender::new(vec![page.clone(), page]);
    let ran = Cli::at(pretender.address(), TOKEN).run(&["bucket", "list"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("its pages have no end"), "{ran:?}");
}

#[test]
fn a_gateway_that_fails_is_told_with_what_to_look_for() {
    let failed = envelope("Internal server error");
    let busy = envelope("Please reduce your request rate.");
    for (answer, message) in [
        (
            answer("500 Internal Server Error", "X-Request-ID: r-1\r\n", failed.len(), &failed),
            "Internal server error; the gateway's log has more about request r-1",
        ),
        (
            answer("503 Service Unavailable", "Retry-After: 7\r\nX-Request-ID: r-1\r\n", busy.len(), &busy),
            "Please reduce your request rate.; try again in 7 s",
        ),
    ] {
        let pretender = Pretender::new(vec![answer]);
        Cli::at(pretender.address(), TOKEN).fails(&["usage"], 8, message);
    }
}

#[test]
fn what_others_wrote_moves_nothing_on_the_terminal() {
    let risky = "\u{1b}[2J\r\n\u{202e}x";
    let shown = "\\u{1b}[2J\\r\\n\\u{202e}x";
    let refused = envelope(risky);
    let pretender = Pretender::new(vec![answer("400 Bad Request", "", refused.len(), &refused)]);
    Cli::at(pretender.address(), TOKEN).fails(&["usage"], 1, shown);
    let page = json!({ "data": [{ "id": "a", "name": risky }], "error": null, "meta": { "nextCursor": null } });
    let pretender = Pretender::new(vec![document(&page.to_string())]);
    let table = Cli::at(pretender.address(), TOKEN).done(&["bucket", "list"]);
    assert!(table.contains(shown) && !table.contains('\u{1b}') && !table.contains('\u{202e}'), "{table}");
}

#[test]
fn a_token_goes_only_to_a_gateway_that_proves_its_name() {
    let ask = |host: &str| {
        let pretender = Pretender::secure(vec![document(r#"{"data":{},"error":null,"meta":null}"#)]);
        let cli = Cli::at(pretender.address(), TOKEN);
        let endpoint = format!("https://{host}:{}", pretender.address().port());
        let output =
            cli.command(&["usage"]).env("WINDLASS_ENDPOINT", endpoint).env("SSL_CERT_FILE", authority()).output();
        (cli.ran(output.unwrap()), pretender.heads())
    };
    let (ran, heads) = ask("127.0.0.1");
    assert!(ran.done().contains("storage"));
    assert!(heads[0].contains(TOKEN));
    let (ran, heads) = ask("localhost");
    let said = ran.said(3);
    assert!(said.contains("not valid for name") && said.contains("SSL_CERT_FILE"), "{said}");
    assert_eq!(heads, [""]);
}

#[test]
fn the_token_goes_out_in_one_header_and_to_the_path_below_the_endpoint() {
    let usage = document(r#"{"data":{},"error":null,"meta":null}"#);
    let pretender = Pretender::new(vec![usage]);
    let cli = Cli::at(pretender.address(), TOKEN);
    let below = format!("{}/under/here/", cli.endpoint());
    let command = cli.bare(&["usage"]).env("WINDLASS_ENDPOINT", below).env("WINDLASS_TOKEN", TOKEN).output();
    cli.ran(command.unwrap()).done();
    let heads = pretender.heads();
    assert!(heads[0].starts_with("GET /under/here/v1/billing/usage HTTP/1.1\r\n"), "{}", heads[0]);
    assert_eq!(heads[0].matches(TOKEN).count(), 1);
    assert!(heads[0].to_lowercase().contains(&format!("\r\nauthorization: bearer {}\r\n", TOKEN.to_lowercase())));
}
