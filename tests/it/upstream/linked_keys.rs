//! Keys that some layer somewhere would change: here and upstream they are the same bytes, in linked buckets and in our own.

use windlass_tests::client::Bucket;
use windlass_tests::sign::encode;

use super::pair::Linked;

/// Keys that URL libraries, proxies and file systems fold, decode or cut.
const HARD: [&str; 24] = [
    "a//b",
    "//a",
    "/",
    "x/",
    "x//",
    "./y",
    "../y",
    "..",
    ".",
    "a/../b",
    "a/./b",
    "a/..",
    "%2F",
    "%2f%252F",
    "a%20b",
    "a b+c",
    "+",
    "q?x=1&y=2#f",
    "é/✓",
    "e\u{301}",
    "\u{1F600}",
    "tab\tline\nreturn\r",
    "<&>\"'",
    "~!@$^()[]{}|`,:;=*\\",
];

fn long() -> String {
    format!("{}é", "k/".repeat(511))
}

/// The keys that a listing tells, decoded; with them what S3's own listing cannot carry.
async fn listed(bucket: &Bucket) -> Vec<String> {
    let page = bucket.list().query("encoding-type", "url").await.is(200).xml();
    page.texts("Contents/Key")
}

async fn round_trip(asked: &Bucket, looked_at: &Bucket) {
    let long = long();
    assert_eq!(long.len(), 1024);
    let keys: Vec<&str> = HARD.iter().copied().chain([long.as_str()]).collect();
    for key in &keys {
        asked.put(key, key.to_string()).await.is(200);
    }
    for key in &keys {
        for bucket in [asked, looked_at] {
            bucket.get(key).await.is(200).has_body(key.as_bytes());
        }
    }
    let mut sorted: Vec<String> = keys.iter().map(|key| encode(key, true)).collect();
    sorted.sort_by_key(|key| keys.iter().find(|own| encode(own, true) == *key).map(|own| own.as_bytes().to_vec()));
    assert_eq!(listed(looked_at).await, sorted);
    assert_eq!(listed(asked).await, sorted);
    for key in &keys {
        asked.delete(key).await.is(204);
        looked_at.get(key).await.is_error(404, "NoSuchKey");
    }
    assert!(listed(looked_at).await.is_empty());
}

#[tokio::test]
async fn hard_keys_are_the_same_bytes_upstream() {
    let linked = Linked::new().await;
    round_trip(&linked.here, &linked.there).await;
}

#[tokio::test]
async fn hard_keys_that_are_made_upstream_are_found_here() {
    let linked = Linked::new().await;
    round_trip(&linked.there, &linked.here).await;
}

#[tokio::test]
async fn hard_keys_are_the_same_bytes_in_a_bucket_of_our_own() {
    let linked = Linked::new().await;
    let ours = linked.ours().await;
    round_trip(&ours, &ours).await;
}

#[tokio::test]
async fn hard_keys_are_uploaded_in_parts_copied_and_deleted_by_name() {
    let linked = Linked::new().await;
    let ours = linked.ours().await;
    for key in ["a//b", "x/", "../y", "%2F", "q?x=1&y=2#f", "é/✓"] {
        linked.here.multipart(key, &[b"part".as_slice().into()]).await.is(200);
        linked.there.get(key).await.is(200).has_body("part");
        let source = format!("{}/{}", linked.here.name, encode(key, true));
        let copied = format!("copy of {key}");
        linked.here.at("PUT", &copied).header("x-amz-copy-source", &source).await.is(200);
        linked.there.get(&copied).await.is(200).has_body("part");
        ours.at("PUT", key).header("x-amz-copy-source", &source).await.is(200);
        ours.get(key).await.is(200).has_body("part");
        let told = linked.here.delete_many(&[key, &copied], false).await.is(200).xml();
        assert_eq!(told.texts("Deleted/Key"), [key, &copied]);
    }
    assert!(linked.there.keys().await.is_empty());
}
