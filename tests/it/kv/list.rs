//! Listings: three formats, and where they begin and end.

use super::home::{Home, Says};

async fn filled() -> Home {
    let home = Home::new("").await;
    home.set("b", "x=1\ny").await;
    home.call("PUT", "j").header("content-type", "application/json").body("{\"a\": [1, null]}").await.is(200);
    home.call("PATCH", "n").body("+5").await.is(200);
    home.call("PUT", "z%FF").body(&b"\xFE"[..]).await.is(200);
    home.set("a%0Ab", "v").await;
    home
}

fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn formats_tell_keys_and_values() {
    let home = filled().await;
    let list = |format: &str, values: bool| home.call("GET", "").query("format", format).query("values", values);
    let text = list("text", false).await.is(200).has("content-type", "text/plain; charset=utf-8");
    text.has_body(lines(&["a\\nb", "b", "j", "n", "z\u{FFFD}"]));
    let text = lines(&["a\\nb=v", "b=x=1\\ny", "j={\"a\": [1, null]}", "n=5", "z\u{FFFD}=\u{FFFD}"]);
    list("text", true).await.is(200).has_body(text);
    let json = list("json", false).await.is(200).has("content-type", "application/json");
    json.has_body("[\"a\\nb\",\"b\",\"j\",\"n\",\"z\u{FFFD}\"]");
    let values = [
        r#"["a\nb","v"]"#,
        r#"["b","x=1\ny"]"#,
        r#"["j",{"a": [1, null]}]"#,
        r#"["n",5]"#,
        "[\"z\u{FFFD}\",\"\u{FFFD}\"]",
    ];
    list("json", true).await.is(200).has_body(format!("[{}]", values.join(",")));
    list("jsonl", true).await.is(200).has("content-type", "application/jsonl").has_body(lines(&values));
    let base64 = list("json", true).query("binary", "base64").query("after", "n").await;
    base64.is(200).has_body(r#"[["ev8=","/g=="]]"#);
    list("xml", false).await.says(406, "format must be text, json or jsonl");
    home.call("GET", "").query("binary", "hex").await.says(400, "binary must be base64");
}

#[tokio::test]
async fn the_format_can_be_asked_for_by_accept() {
    let home = Home::new("").await;
    home.set("k", "v").await;
    let list = |accept: &str| home.call("GET", "").header("accept", accept);
    list("application/json").await.is(200).has_body("[\"k\"]");
    list("text/html, */*;q=0.1").await.is(200).has_body("k\n");
    list("application/json").query("format", "text").await.is(200).has_body("k\n");
    list("image/png").await.is(406);
    home.call("GET", "").await.is(200).has_body("k\n");
}

type Query<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn listings_begin_and_end_where_they_are_told_to() {
    let home = Home::new("").await;
    for key in ["a1", "a2", "a3", "b1", "B1"] {
        home.set(key, "v").await;
    }
    let list = |query: Query<'_>| query.iter().fold(home.call("GET", ""), |call, (n, v)| call.query(n, v));
    let rows: [(Query<'_>, &[&str]); 10] = [
        (&[], &["B1", "a1", "a2", "a3", "b1"]),
        (&[("reverse", "true")], &["b1", "a3", "a2", "a1", "B1"]),
        (&[("prefix", "a")], &["a1", "a2", "a3"]),
        (&[("prefix", "a"), ("skip", "1"), ("limit", "1")], &["a2"]),
        (&[("prefix", "a"), ("reverse", "true"), ("skip", "1")], &["a2", "a1"]),
        (&[("after", "a2")], &["a3", "b1"]),
        (&[("after", "a2"), ("reverse", "1")], &["a1", "B1"]),
        (&[("prefix", "a"), ("after", "a3")], &[]),
        (&[("prefix", "c")], &[]),
        (&[("limit", "0")], &[]),
    ];
    for (query, keys) in rows {
        list(query).await.is(200).has_body(lines(keys));
    }
    list(&[("limit", "-1")]).await.says(400, "limit must be a whole number");
    list(&[("skip", "x")]).await.says(400, "skip must be a whole number");
    list(&[("reverse", "maybe")]).await.says(400, "reverse must be true or false");
}

#[tokio::test]
async fn ten_thousand_keys_are_listed_where_no_number_is_said() {
    let home = Home::new("").await;
    for page in 0..11 {
        let entries: Vec<String> =
            (0..1_000).map(|n| format!("{{\"set\":\"k{:05}\",\"value\":\"v\"}}", page * 1_000 + n)).collect();
        home.call("POST", "").body(format!("{{\"txn\":[{}]}}", entries.join(","))).await.is(200);
    }
    let keys = |from: usize, to: usize| (from..to).map(|n| format!("k{n:05}\n")).collect::<String>();
    home.call("GET", "").await.is(200).has_body(keys(0, 10_000));
    home.call("GET", "").query("limit", 20_000).await.is(200).has_body(keys(0, 11_000));
    home.call("GET", "").query("skip", 10_990).await.is(200).has_body(keys(10_990, 11_000));
    let json = home.call("GET", "").query("format", "json").query("limit", 11_000).await.is(200).json();
    assert_eq!(json.as_array().unwrap().len(), 11_000);
}
