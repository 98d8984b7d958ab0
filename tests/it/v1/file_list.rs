//! `GET /v1/buckets/{bucketId}/files`.

use windlass_tests::json::text;
use windlass_tests::shape::{Kind, has_shape};

use super::house::{Home, Org};

const SUMMARY: &[(&str, Kind)] = &[
    ("object", Kind::Is("file")),
    ("id", Kind::Text),
    ("key", Kind::Text),
    ("size", Kind::Count),
    ("lastModified", Kind::Time),
];

async fn fill(org: &Org, bucket: &Home, keys: &[&str]) {
    for key in keys {
        org.s3.request("PUT", &bucket.name, key).body(key.to_string()).await.is(200);
    }
}

#[tokio::test]
async fn pages_go_through_all_files_in_the_order_of_their_bytes() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let mut keys = vec!["a", "a/", "a/b", "a//b", "A", "z", "é", "b c", "b+c", "b%20c", "日本", "line\nbreak"];
    fill(&org, &bucket, &keys).await;
    keys.sort_unstable();
    for limit in [1, 2, 5, 12, 1_000] {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut call = org.json.get(&bucket.files()).query("limit", limit);
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let page = call.await.page();
            assert_eq!(page.limit, limit);
            assert!(page.entries.len() as u64 <= limit && !page.entries.is_empty());
            for file in &page.entries {
                has_shape(file, SUMMARY);
                assert_eq!((&file["id"], file["size"].as_u64()), (&file["key"], Some(text(file, "key").len() as u64)));
            }
            seen.extend(page.texts("key"));
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, keys, "by {limit}");
    }
}

#[tokio::test]
async fn a_page_has_100_files_unless_something_else_is_said() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let keys: Vec<String> = (0..101).map(|n| format!("{n:03}")).collect();
    fill(&org, &bucket, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let page = org.json.get(&bucket.files()).await.page();
    assert_eq!((page.entries.len(), page.limit), (100, 100));
    let rest = org.json.get(&bucket.files()).query("cursor", page.next.unwrap()).await.page();
    assert_eq!((rest.texts("key"), rest.next), (vec!["100".to_owned()], None));
}

#[tokio::test]
async fn a_prefix_is_plain_text_and_nothing_is_grouped() {
    let org = Org::new();
    let bucket = org.bucket().await;
    fill(&org, &bucket, &["dir/a", "dir/sub/b", "dirty", "é/x", "other"]).await;
    let keys = async |prefix: &str| {
        let call = org.json.get(&bucket.files()).query("prefix", prefix).query("delimiter", "/");
        call.await.page().texts("key")
    };
    assert_eq!(keys("").await.len(), 5);
    assert_eq!(keys("dir").await, ["dir/a", "dir/sub/b", "dirty"]);
    assert_eq!(keys("dir/").await, ["dir/a", "dir/sub/b"]);
    assert_eq!(keys("é").await, ["é/x"]);
    assert!(keys("nowhere").await.is_empty() && keys("*").await.is_empty());
    let page = org.json.get(&bucket.files()).query("prefix", "dir").query("limit", 2).await.page();
    let next = page.next.expect("one more");
    let rest = org.json.get(&bucket.files()).query("prefix", "dir").query("cursor", next).await.page();
    assert_eq!(rest.texts("key"), ["dirty"]);
}

#[tokio::test]
async fn a_list_changes_between_its_pages_without_losing_what_was_there() {
    let org = Org::new();
    let bucket = org.bucket().await;
    fill(&org, &bucket, &["a", "b", "c", "d"]).await;
    let first = org.json.get(&bucket.files()).query("limit", 2).await.page();
    org.json.delete(&bucket.file("b")).await.data(200);
    fill(&org, &bucket, &["0", "bb"]).await;
    let rest = org.json.get(&bucket.files()).query("cursor", first.next.unwrap()).await.page();
    assert_eq!((rest.texts("key"), rest.next), (["bb", "c", "d"].map(str::to_owned).into(), None));
}

#[tokio::test]
async fn a_query_that_is_wrong_is_400() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for (name, values) in [
        ("limit", ["0", "1001", "x", "", "-1", "1.0"].as_slice()),
        ("cursor", &["x", "", "k!", "bkt_00000000000000000000000000"]),
    ] {
        for value in values {
            org.json.get(&bucket.files()).query(name, value).await.invalid();
        }
    }
}

#[tokio::test]
async fn an_empty_bucket_has_one_empty_page() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let page = org.json.get(&bucket.files()).await.page();
    assert!(page.entries.is_empty() && page.next.is_none());
}
