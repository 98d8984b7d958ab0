//! Keys: what is a key, and that it is the same key everywhere.

use windlass_tests::sign::encode;

use crate::home::Home;

/// Keys that some layer somewhere would change.
const ODD: [&str; 33] = [
    "a",
    "dir/",
    "dir/a",
    "dir//a",
    "/lead",
    "//lead",
    "trail//",
    ".",
    "..",
    "./a",
    "../a",
    "a/../b",
    "a/./b",
    "a+b",
    "a%b",
    "a%2Fb",
    "a%252Fb",
    "a&b",
    "a?b",
    "a#b",
    "a<b>",
    "a\"b",
    "a'b",
    "a\\b",
    "a b",
    " a ",
    "a;b=c",
    "a*b",
    "ü",
    "u\u{308}",
    "日本/語",
    "😀",
    "~!@$^()[]{}|`,:",
];

/// Behaviour 24.
#[tokio::test]
async fn odd_keys_round_trip_and_are_distinct() {
    let home = Home::new().await;
    for key in ODD {
        home.put(key, key.to_owned()).await.is(200);
    }
    for key in ODD {
        home.get(key).await.is(200).has_body(key);
        home.head(key).await.is(200).has("content-length", &key.len().to_string());
    }
    let mut sorted = ODD.map(str::to_owned);
    sorted.sort();
    assert_eq!(home.keys().await, sorted);
    for key in ODD {
        home.delete(key).await.is(204);
        home.get(key).await.is_error(404, "NoSuchKey");
    }
    assert_eq!(home.keys().await, [""; 0]);
}

/// Behaviours 7 and 69.
#[tokio::test]
async fn odd_keys_are_listed_encoded_when_asked() {
    let home = Home::new().await;
    home.fill(&ODD).await;
    let mut sorted = ODD;
    sorted.sort_unstable();
    for list in [home.list(), home.list_v1()] {
        let xml = list.query("encoding-type", "url").await.is(200).xml();
        assert_eq!(xml.text("EncodingType"), "url");
        assert_eq!(xml.texts("Contents/Key"), sorted.map(|key| encode(key, true)));
    }
}

/// Behaviour 10.
#[tokio::test]
async fn control_characters_in_keys_break_neither_request_nor_listing() {
    let home = Home::new().await;
    let keys = ["a\nb", "a\tb", "a\rb", "\u{1}", "a\u{1f}b/c", "\u{7f}", "\u{85}", "\u{fffe}"];
    home.fill(&keys).await;
    let mut sorted = keys;
    sorted.sort_unstable();
    let xml = home.list().query("encoding-type", "url").await.is(200).xml();
    assert_eq!(xml.texts("Contents/Key"), sorted.map(|key| encode(key, true)));
    for key in keys {
        home.get(key).await.is(200).has_body(key);
        let xml = home.list().query("prefix", key).query("encoding-type", "url").await.is(200).xml();
        assert_eq!((xml.text("Contents/Key"), xml.text("Prefix")), (&*encode(key, true), &*encode(key, true)));
        home.list_v1().query("marker", key).query("encoding-type", "url").await.is(200).xml();
        home.list().query("delimiter", key).query("encoding-type", "url").await.is(200).xml();
    }
    // These three XML carries, if they are written as references.
    for key in ["a\nb", "a\tb", "a\rb"] {
        let xml = home.list().query("prefix", key).await.is(200).xml();
        assert_eq!((xml.text("Contents/Key"), xml.text("Prefix")), (key, key));
    }
}

/// Behaviours 24 and 74.
#[tokio::test]
async fn a_key_of_1024_bytes_is_the_longest() {
    let home = Home::new().await;
    let longest = format!("{}é", "k".repeat(1022));
    home.put(&longest, "v").await.is(200);
    home.get(&longest).await.is(200).has_body("v");
    assert_eq!(home.keys().await, [longest.as_str()]);
    let over = "k".repeat(1025);
    home.put(&over, "v").await.is_error(400, "KeyTooLongError");
    home.create(&over).await.is_error(400, "KeyTooLongError");
}

/// Behaviour 74.
#[tokio::test]
async fn keys_that_are_not_utf8_or_hold_nul_are_refused() {
    let home = Home::new().await;
    let put = |raw: &str| home.put("", "v").path(&format!("/{}/{raw}", home.name));
    for nul in ["a%00b", "%00"] {
        put(nul).await.is_error(400, "InvalidArgument");
    }
    for raw in ["a%FFb", "%C3%28"] {
        put(raw).await.is_error_of(400, &["InvalidArgument", "InvalidURI"]);
    }
    assert_eq!(home.keys().await, [""; 0]);
}

/// Behaviours 68 and 69.
#[tokio::test]
async fn a_key_ending_in_a_slash_keeps_its_content() {
    let home = Home::new().await;
    home.put("dir/", "content").header("content-type", "application/x-directory").await.is(200);
    home.put("dir/file", "x").await.is(200);
    home.get("dir/").await.is(200).has_body("content").has("content-type", "application/x-directory");
    home.delete("dir/").await.is(204);
    home.get("dir/file").await.is(200).has_body("x");
}
