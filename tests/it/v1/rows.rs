//! What a page of files costs, in rows read from the metadata: the same in a large bucket as in a small one.

use windlass_tests::json::{Json, text};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

use crate::home::{number, unique};
use crate::list_rows::{fill, rows};

const PAGE: usize = 1_000;

/// The rows that a page takes which begins at a cursor: the least of a few tries, as jobs read rows of their own.
async fn page(json: &Json, files: &str, cursor: Option<&str>) -> u64 {
    let mut least = u64::MAX;
    for _ in 0..5 {
        let mut call = json.get(files).query("limit", PAGE);
        if let Some(cursor) = cursor {
            call = call.query("cursor", cursor);
        }
        least = least.min(rows(json.client(), call).await);
    }
    least
}

/// The rows of the first page, of one in the middle and of the last full one.
async fn three_pages(json: &Json, files: &str, keys: usize) -> [u64; 3] {
    let mut cursors = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..keys.div_ceil(PAGE) {
        cursors.push(cursor.clone());
        let mut call = json.get(files).query("limit", PAGE);
        if let Some(cursor) = &cursor {
            call = call.query("cursor", cursor);
        }
        let listed = call.await.page();
        assert_eq!(listed.entries.len(), PAGE);
        cursor = listed.next;
    }
    assert_eq!(cursor, None, "there are more than {keys}");
    let at = |n: usize| cursors[n].as_deref();
    // The last page has nothing behind it to look at; the one before is as full as any.
    let last = cursors.len() - 2;
    [page(json, files, at(0)).await, page(json, files, at(last / 2)).await, page(json, files, at(last)).await]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_files_reads_as_many_rows_in_a_large_bucket_as_in_a_small_one() {
    let server = Server::start_with(Options::default().env("WINDLASS_REQUEST_LOG_ENABLED", "false"), DataDir::new());
    let client = server.client();
    let json = Json::new(&client, TOKEN);
    // 1,000,000 and 10,000 in the long run; whole pages in either.
    let sizes = [number("WINDLASS_FILES_KEYS", 12_000), number("WINDLASS_FILES_KEYS_FEW", 3_000)];
    let mut seen = Vec::new();
    for keys in sizes {
        assert!(keys.is_multiple_of(PAGE) && keys > PAGE);
        let bucket = client.make(&unique("rows")).await;
        fill(&bucket, keys as u64).await;
        let listed = json.get("/v1/buckets").query("limit", 100).await.page();
        let found = listed.entries.iter().find(|b| b["s3Name"] == bucket.name.as_str()).unwrap();
        let files = format!("/v1/buckets/{}/files", text(found, "id"));
        seen.push(three_pages(&json, &files, keys).await);
    }
    println!("rows of a page of {PAGE} files at the start, in the middle, at the end: of {sizes:?} files {seen:?}");
    assert_eq!(seen[0], seen[1], "of {sizes:?} files");
    for rows in seen.concat() {
        assert!((1_000..1_030).contains(&rows), "{rows} rows for a page of {PAGE} files");
    }
}
