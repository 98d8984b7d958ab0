//! What a page of a listing costs, in rows read from the metadata: the same wherever it lies in the bucket, and a few for
//! a group, however many keys the group holds.

use std::future::IntoFuture;

use futures::StreamExt;
use windlass_tests::answer::Answer;
use windlass_tests::client::{Bucket, Client};
use windlass_tests::server::Server;

use crate::home::number;

/// Rows that one request reads.
pub(crate) async fn rows(client: &Client, request: impl IntoFuture<Output = Answer>) -> u64 {
    let counter = || async {
        let text = client.plain("/-/metrics").await.is(200).text().to_owned();
        let line = text.lines().find_map(|l| l.strip_prefix("windlass_meta_rows_read_total ")).unwrap().to_owned();
        line.parse::<f64>().unwrap() as u64
    };
    // The metrics page itself reads rows: its own cost is taken off.
    let (idle, before) = (counter().await, counter().await);
    request.await.is(200);
    counter().await - before - (before - idle)
}

/// Puts so many empty objects into a bucket.
pub(crate) async fn fill(bucket: &Bucket, keys: u64) {
    let puts =
        futures::stream::iter(0..keys).map(|n| tokio::spawn(bucket.put(&format!("all/{n:08}"), "").into_future()));
    puts.buffer_unordered(256).for_each(|answer| async { drop(answer.unwrap().is(200)) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_reads_as_many_rows_at_the_end_as_at_the_start_and_a_group_a_few() {
    let server = Server::start();
    let client = server.client();
    let bucket = client.make("rows").await;
    let keys = number("WINDLASS_LIST_KEYS", 5_000) as u64;
    fill(&bucket, keys).await;

    let start = rows(&client, bucket.list()).await;
    let end = rows(&client, bucket.list().query("start-after", format!("all/{:08}", keys - 1_001))).await;
    let group = rows(&client, bucket.list().query("delimiter", "/")).await;
    println!("of {keys} keys: a page of 1000 at the start reads {start} rows, at the end {end}, the one group {group}");
    // One more than the page tells whether it is the last; the grant reads a handful.
    assert!((1_000..1_020).contains(&start), "{start} rows for the first page");
    assert!((1_000..1_020).contains(&end), "{end} rows for the last page");
    assert!(group < 20, "{group} rows for one group");

    bucket.put("zzz", "").await.is(200);
    let last = bucket.list().query("delimiter", "/").await.is(200);
    assert_eq!(last.xml().texts("CommonPrefixes/Prefix"), ["all/"]);
    assert_eq!(last.xml().texts("Contents/Key"), ["zzz"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_with_many_versions_lists_its_current_keys_from_as_many_rows_as_one_without() {
    let server = Server::start();
    let client = server.client();
    let (plain, versioned) = (client.make("plain").await, client.make("versioned").await);
    versioned.keep_versions().await;
    let keys = number("WINDLASS_VERSION_KEYS", 1_500) as u64;
    let versions = number("WINDLASS_VERSIONS", 4);
    fill(&plain, keys).await;
    for _ in 0..versions {
        fill(&versioned, keys).await;
    }
    // Deleted keys behind which only versions are left.
    for n in 0..50 {
        versioned.delete(&format!("all/{n:08}")).await.is(204);
        plain.delete(&format!("all/{n:08}")).await.is(204);
    }
    for request in [|bucket: &Bucket| bucket.list(), |bucket: &Bucket| bucket.list().query("delimiter", "/")] {
        let (one, other) = (rows(&client, request(&plain)).await, rows(&client, request(&versioned)).await);
        println!("{keys} keys of {versions} versions: {other} rows, {one} without versions");
        assert!(other <= one, "{other} rows with versions, {one} without");
    }
}
