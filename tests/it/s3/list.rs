//! Listings: what an entry says, prefixes, delimiters, parameters, refusals.

use windlass_tests::xml::Xml;

use crate::home::{Home, unique};

fn keys(xml: &Xml) -> Vec<String> {
    xml.texts("Contents/Key")
}

fn groups(xml: &Xml) -> Vec<String> {
    xml.texts("CommonPrefixes/Prefix")
}

/// Behaviour 11.
#[tokio::test]
async fn a_missing_bucket_and_a_stranger_are_refused() {
    let home = Home::new().await;
    let missing = unique("missing");
    for list in
        [home.client.request("GET", &missing, ""), home.client.request("GET", &missing, "").query("list-type", 2)]
    {
        list.await.is_error(404, "NoSuchBucket");
    }
    home.list().anonymous().await.is_error(403, "AccessDenied");
    home.list_v1().anonymous().await.is_error(403, "AccessDenied");
}

/// Behaviours 6 and 11.
#[tokio::test]
async fn an_entry_says_what_head_says() {
    let home = Home::new().await;
    home.put("k", "body").await.is(200);
    let head = home.head("k").await.is(200);
    let owner = home.client.request("GET", "", "").await.xml().text("Owner/ID").to_owned();
    for list in [home.list_v1(), home.list().query("fetch-owner", "true")] {
        let xml = list.await.is(200).xml();
        assert_eq!((xml.name.as_str(), xml.text("Name")), ("ListBucketResult", home.name.as_str()));
        let entry = xml.all("Contents")[0];
        assert_eq!(entry.text("ETag"), head.etag());
        assert_eq!((entry.text("Size"), entry.text("StorageClass")), ("4", "STANDARD"));
        assert_eq!(entry.text("Owner/ID"), owner);
        let modified = head.need("last-modified");
        assert_eq!(entry.text("LastModified")[17..19], modified[23..25], "seconds of {modified}");
    }
}

/// Behaviour 6.
#[tokio::test]
async fn the_owner_is_told_by_v2_only_when_asked() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    assert_eq!(home.list().await.is(200).xml().get("Contents/Owner/ID"), None);
    assert_eq!(home.list().query("fetch-owner", "false").await.is(200).xml().get("Contents/Owner/ID"), None);
}

#[tokio::test]
async fn an_acknowledged_write_is_listed_and_a_deleted_key_is_not() {
    let home = Home::new().await;
    for round in 0..20 {
        let key = format!("k{round}");
        home.put(&key, "v").await.is(200);
        assert_eq!(home.keys().await, [key.as_str()]);
        home.delete(&key).await.is(204);
        assert_eq!(home.keys().await, [""; 0]);
    }
}

/// Behaviour 1.
#[tokio::test]
async fn keys_are_ordered_by_their_bytes() {
    let home = Home::new().await;
    // In UTF-16 order U+1F600 would come before U+FFFD.
    let keys = ["A", "B", "_", "a", "a ", "a!", "a/", "a/b", "a0", "aa", "b", "~", "é", "日", "\u{fffd}", "\u{1f600}"];
    let mut shuffled = keys;
    fastrand::Rng::with_seed(1).shuffle(&mut shuffled);
    home.fill(&shuffled).await;
    assert_eq!(home.keys().await, keys);
}

/// Behaviour 8.
#[tokio::test]
async fn a_delimiter_may_be_any_string() {
    let home = Home::new().await;
    home.fill(&["a b c", "a%b", "a.b", "a\nb", "axyzb", "axyzc", "plain"]).await;
    let cases: [(&str, &[&str]); 7] = [
        (" ", &["a "]),
        ("%", &["a%"]),
        (".", &["a."]),
        ("\n", &["a\n"]),
        ("xyz", &["axyz"]),
        ("nowhere", &[]),
        ("a", &["a", "pla"]),
    ];
    for (delimiter, wanted) in cases {
        for list in [home.list(), home.list_v1()] {
            let xml = list.query("delimiter", delimiter).await.is(200).xml();
            assert_eq!(groups(&xml), wanted, "{delimiter:?}");
            assert_eq!(xml.text("Delimiter"), delimiter);
            let kept: Vec<String> = home.keys().await.into_iter().filter(|k| !k.contains(delimiter)).collect();
            assert_eq!(keys(&xml), kept, "{delimiter:?}");
        }
    }
}

/// Behaviour 8.
#[tokio::test]
async fn empty_parameters_are_as_if_absent() {
    let home = Home::new().await;
    home.fill(&["a/b", "c"]).await;
    for list in [home.list(), home.list_v1()] {
        let xml = list.query("delimiter", "").query("prefix", "").query("encoding-type", "url").await.is(200).xml();
        assert_eq!(keys(&xml), ["a/b", "c"]);
        assert_eq!((xml.get("Delimiter"), xml.text("Prefix")), (None, ""));
    }
}

/// Behaviour 5.
#[tokio::test]
async fn a_prefix_narrows_and_a_group_ends_at_its_delimiter() {
    let home = Home::new().await;
    home.fill(&["a", "a/", "a/b", "a/b/c", "a/d/e", "a/d/f", "ab", "b/c"]).await;
    let listing = |prefix: &str| home.list().query("prefix", prefix).query("delimiter", "/");
    let xml = listing("a/").await.is(200).xml();
    assert_eq!((keys(&xml), groups(&xml)), (vec!["a/".into(), "a/b".into()], vec!["a/b/".into(), "a/d/".into()]));
    assert_eq!((xml.text("KeyCount"), xml.text("Prefix")), ("4", "a/"));
    let xml = listing("a").await.is(200).xml();
    assert_eq!((keys(&xml), groups(&xml)), (vec!["a".into(), "ab".into()], vec!["a/".into()]));
    let xml = listing("a/d").await.is(200).xml();
    assert_eq!((keys(&xml), groups(&xml)), (vec![], vec!["a/d/".into()]));
    let xml = listing("nothing").await.is(200).xml();
    assert_eq!((keys(&xml), groups(&xml), xml.text("KeyCount")), (vec![], vec![], "0"));
}

/// Behaviour 3.
#[tokio::test]
async fn max_keys_is_a_number_up_to_a_thousand() {
    let home = Home::new().await;
    home.fill(&["a", "b"]).await;
    for list in [home.list(), home.list_v1()] {
        let xml = list.clone().query("max-keys", 0).await.is(200).xml();
        assert_eq!((xml.text("MaxKeys"), xml.text("IsTruncated"), keys(&xml).len()), ("0", "false", 0));
        let xml = list.clone().query("max-keys", 5_000).await.is(200).xml();
        assert_eq!((xml.text("MaxKeys"), keys(&xml).len()), ("1000", 2));
        let xml = list.clone().await.is(200).xml();
        assert_eq!((xml.text("MaxKeys"), xml.text("IsTruncated")), ("1000", "false"));
        for bad in ["-1", "x", "1.5", "99999999999999999999"] {
            list.clone().query("max-keys", bad).await.is_error(400, "InvalidArgument");
        }
    }
}

#[tokio::test]
async fn an_encoding_type_that_is_not_url_is_refused() {
    let home = Home::new().await;
    home.list().query("encoding-type", "base64").await.is_error(400, "InvalidArgument");
    home.list_v1().query("encoding-type", "base64").await.is_error(400, "InvalidArgument");
}

/// Behaviour 7.
#[tokio::test]
async fn encoding_type_encodes_everything_it_should() {
    let home = Home::new().await;
    home.fill(&["p+ /a&1", "p+ /b%/x", "p+ /c", "p+ /d"]).await;
    let common = |list: windlass_tests::request::Request| {
        list.query("encoding-type", "url").query("prefix", "p+ /").query("delimiter", "%/").query("max-keys", 2)
    };
    let xml = common(home.list()).query("start-after", "p+ /").await.is(200).xml();
    assert_eq!((xml.text("EncodingType"), xml.text("StartAfter")), ("url", "p%2B%20/"));
    assert_eq!((xml.text("Prefix"), xml.text("Delimiter")), ("p%2B%20/", "%25/"));
    assert_eq!((keys(&xml), groups(&xml)), (vec!["p%2B%20/a%261".into()], vec!["p%2B%20/b%25/".into()]));
    let xml = common(home.list_v1()).query("marker", "p+ /").await.is(200).xml();
    assert_eq!((xml.text("Marker"), xml.text("NextMarker")), ("p%2B%20/", "p%2B%20/b%25/"));
    assert_eq!(groups(&xml), ["p%2B%20/b%25/"]);
}
