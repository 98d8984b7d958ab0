//! Listings page by page: markers, tokens, groups at the edge of a page, and the page's size.

use windlass_tests::xml::Xml;

use crate::home::Home;

fn entries(xml: &Xml) -> Vec<String> {
    let mut all = xml.texts("Contents/Key");
    all.extend(xml.texts("CommonPrefixes/Prefix"));
    all.sort();
    all
}

/// All pages of a v2 listing with `max` entries each: the entries of each page.
async fn pages(home: &Home, delimiter: &str, max: usize) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut list = home.list().query("delimiter", delimiter).query("max-keys", max);
        if let Some(token) = &token {
            list = list.query("continuation-token", token);
        }
        let xml = list.await.is(200).xml();
        assert_eq!(xml.get("ContinuationToken"), token.as_deref());
        let page = entries(&xml);
        assert_eq!(xml.text("KeyCount"), page.len().to_string());
        pages.push(page);
        assert!(pages.len() < 20, "the listing does not end: {pages:?}");
        token = xml.get("NextContinuationToken").map(str::to_owned);
        assert_eq!(xml.text("IsTruncated"), token.is_some().to_string());
        if token.is_none() {
            return pages;
        }
    }
}

/// Behaviours 1, 2 and 5.
#[tokio::test]
async fn pages_hold_keys_and_groups_together_each_group_once() {
    let home = Home::new().await;
    home.fill(&["a", "b/1", "b/2", "b/3", "c", "d/1", "e"]).await;
    for (max, wanted) in [
        (1, vec![vec!["a"], vec!["b/"], vec!["c"], vec!["d/"], vec!["e"]]),
        (2, vec![vec!["a", "b/"], vec!["c", "d/"], vec!["e"]]),
        (4, vec![vec!["a", "b/", "c", "d/"], vec!["e"]]),
        (5, vec![vec!["a", "b/", "c", "d/", "e"]]),
        (6, vec![vec!["a", "b/", "c", "d/", "e"]]),
    ] {
        assert_eq!(pages(&home, "/", max).await, wanted, "max-keys {max}");
    }
    for max in 1..8 {
        let all = ["a", "b/1", "b/2", "b/3", "c", "d/1", "e"];
        let wanted: Vec<Vec<&str>> = all.chunks(max).map(<[&str]>::to_vec).collect();
        assert_eq!(pages(&home, "", max).await, wanted, "max-keys {max}");
    }
}

/// Behaviour 2.
#[tokio::test]
async fn a_page_that_ends_with_the_last_group_is_not_truncated() {
    let home = Home::new().await;
    home.fill(&["a", "z/1", "z/2", "z/3"]).await;
    assert_eq!(pages(&home, "/", 2).await, [["a", "z/"]]);
    let xml = home.list_v1().query("delimiter", "/").query("max-keys", 2).await.is(200).xml();
    assert_eq!((xml.text("IsTruncated"), xml.get("NextMarker")), ("false", None));
}

/// Behaviours 2 and 4.
#[tokio::test]
async fn v1_tells_the_next_marker_only_with_a_delimiter() {
    let home = Home::new().await;
    home.fill(&["a/1", "b", "c"]).await;
    let xml = home.list_v1().query("max-keys", 1).await.is(200).xml();
    assert_eq!((xml.text("IsTruncated"), xml.get("NextMarker"), xml.text("Marker")), ("true", None, ""));
    let xml = home.list_v1().query("max-keys", 1).query("delimiter", "/").await.is(200).xml();
    assert_eq!((xml.text("NextMarker"), entries(&xml)), ("a/", vec!["a/".into()]));
    let next = home.list_v1().query("max-keys", 1).query("delimiter", "/").query("marker", "a/");
    let xml = next.await.is(200).xml();
    assert_eq!((xml.text("Marker"), xml.text("NextMarker"), entries(&xml)), ("a/", "b", vec!["b".into()]));
}

/// Behaviour 4.
#[tokio::test]
async fn a_v1_marker_is_exclusive_and_need_not_exist() {
    let home = Home::new().await;
    home.fill(&["a", "b", "c"]).await;
    for (marker, wanted) in
        [("", vec!["a", "b", "c"]), ("a", vec!["b", "c"]), ("aa", vec!["b", "c"]), ("c", vec![]), ("zzz", vec![])]
    {
        let xml = home.list_v1().query("marker", marker).await.is(200).xml();
        assert_eq!((entries(&xml), xml.text("Marker")), (wanted.iter().map(|k| k.to_string()).collect(), marker));
        assert_eq!(xml.text("IsTruncated"), "false");
    }
}

/// Behaviour 4.
#[tokio::test]
async fn a_v1_marker_that_is_a_group_skips_the_group() {
    let home = Home::new().await;
    home.fill(&["a", "b/1", "b/2", "c"]).await;
    let xml = home.list_v1().query("delimiter", "/").query("marker", "b/").await.is(200).xml();
    assert_eq!(entries(&xml), ["c"]);
}

/// Behaviour 5.
#[tokio::test]
async fn start_after_is_exclusive_and_echoed() {
    let home = Home::new().await;
    home.fill(&["a", "b", "c"]).await;
    for (after, wanted) in [("a", vec!["b", "c"]), ("aa", vec!["b", "c"]), ("zzz", vec![])] {
        let xml = home.list().query("start-after", after).await.is(200).xml();
        assert_eq!((entries(&xml), xml.text("StartAfter")), (wanted.iter().map(|k| k.to_string()).collect(), after));
    }
    assert_eq!(home.list().await.is(200).xml().get("StartAfter"), None);
}

/// Behaviour 5.
#[tokio::test]
async fn a_token_wins_over_start_after_and_both_are_echoed() {
    let home = Home::new().await;
    home.fill(&["a", "b", "c", "d"]).await;
    let first = home.list().query("max-keys", 2).await.is(200).xml();
    let token = first.text("NextContinuationToken").to_owned();
    for after in ["a", "d"] {
        let list = home.list().query("continuation-token", &token).query("start-after", after);
        let xml = list.await.is(200).xml();
        assert_eq!(entries(&xml), ["c", "d"]);
        assert_eq!((xml.text("ContinuationToken"), xml.text("StartAfter")), (token.as_str(), after));
    }
}

/// Behaviour 5.
#[tokio::test]
async fn an_empty_token_is_accepted_and_echoed() {
    let home = Home::new().await;
    home.fill(&["a"]).await;
    let xml = home.list().query("continuation-token", "").await.is(200).xml();
    assert_eq!((entries(&xml), xml.get("ContinuationToken")), (vec!["a".into()], Some("")));
}

/// Behaviour 5.
#[tokio::test]
async fn a_token_that_is_not_ours_is_refused() {
    let home = Home::new().await;
    home.fill(&["a"]).await;
    home.list().query("continuation-token", "%%% not a token").await.is_error(400, "InvalidArgument");
}

/// Behaviour 5.
#[tokio::test]
async fn a_token_stays_good_while_keys_come_and_go() {
    let home = Home::new().await;
    home.fill(&["a", "b", "c", "d"]).await;
    let token = home.list().query("max-keys", 2).await.xml().text("NextContinuationToken").to_owned();
    home.delete("b").await.is(204);
    home.delete("c").await.is(204);
    home.fill(&["bb", "e"]).await;
    for _ in 0..2 {
        let xml = home.list().query("continuation-token", &token).await.is(200).xml();
        assert_eq!(entries(&xml), ["bb", "d", "e"]);
    }
}

/// Behaviours 1 and 9.
#[tokio::test]
async fn keys_after_a_group_of_more_than_a_thousand_are_not_skipped() {
    let home = Home::new().await;
    // Sorted around the delimiter: '#' and '+' come before '/', '0' after it.
    let mut keys: Vec<String> = (0..1_010).map(|n| format!("0/{n:04}")).collect();
    keys.extend(["0", "0#", "0+", "00", "1999", "1999#", "1999+", "1999/a", "2"].map(str::to_owned));
    home.fill_many(&keys).await;
    let mut wanted = vec!["0", "0#", "0+", "0/", "00", "1999", "1999#", "1999+", "1999/", "2"];
    wanted.sort_unstable();
    for max in [1, 2, 3, 4, 1_000] {
        assert_eq!(pages(&home, "/", max).await.concat(), wanted, "max-keys {max}");
    }
    keys.sort();
    assert_eq!(home.keys().await, keys);
    let first = home.list().await.is(200).xml();
    assert_eq!((first.text("KeyCount"), first.text("IsTruncated")), ("1000", "true"));
}

/// Behaviour 9.
#[tokio::test]
async fn keys_that_are_prefixes_of_a_group_stand_beside_it() {
    let home = Home::new().await;
    home.fill(&["a", "a/", "a//", "a//b", "a/b", "b"]).await;
    for max in [1, 2, 10] {
        assert_eq!(pages(&home, "/", max).await.concat(), ["a", "a/", "b"]);
    }
    let xml = home.list().query("prefix", "a/").query("delimiter", "/").await.is(200).xml();
    assert_eq!(xml.texts("Contents/Key"), ["a/", "a/b"]);
    assert_eq!(xml.texts("CommonPrefixes/Prefix"), ["a//"]);
}
