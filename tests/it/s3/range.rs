//! Range reads (RFC 9110, section 14; S3 API: GetObject).

use crate::home::{Home, noise};

/// Behaviour 26.
#[tokio::test]
async fn one_range_gives_exactly_its_bytes() {
    let home = Home::new().await;
    for len in [1_000, 300_000] {
        let body = noise(3, len);
        home.put("k", body.clone()).await.is(200);
        let last = len - 1;
        let cases = [
            ("bytes=0-0".to_owned(), 0, 0),
            ("bytes=0-".to_owned(), 0, last),
            (format!("bytes={last}-"), last, last),
            (format!("bytes=10-{}", len * 2), 10, last),
            ("bytes=-1".to_owned(), last, last),
            (format!("bytes=-{}", len * 2), 0, last),
            (format!("bytes={}-{}", len / 3, len / 2), len / 3, len / 2),
            (format!("bytes=0-{}", u64::MAX), 0, last),
        ];
        for (range, from, to) in cases {
            let answer = home.get("k").header("range", &range).await.is(206).has_body(&body[from..=to]);
            let answer = answer.has("content-range", &format!("bytes {from}-{to}/{len}"));
            answer.has("content-length", &(to - from + 1).to_string()).has("accept-ranges", "bytes");
            let head = home.head("k").header("range", &range).await.is(206).has_body("");
            head.has("content-length", &(to - from + 1).to_string());
        }
    }
}

#[tokio::test]
async fn ranges_across_checksum_blocks_are_exact() {
    let home = Home::new().await;
    let body = noise(4, 1_000_000);
    home.put("k", body.clone()).await.is(200);
    for edge in [65_536, 131_072, 262_144, 524_288, 983_040] {
        for (from, to) in [(edge - 1, edge), (edge, edge), (edge - 1, edge - 1), (edge - 65_000, edge + 16_000)] {
            let answer = home.get("k").header("range", format!("bytes={from}-{to}")).await.is(206);
            answer.has_body(&body[from..=to]);
        }
    }
}

/// Behaviour 26.
#[tokio::test]
async fn a_range_outside_the_object_is_416() {
    let home = Home::new().await;
    home.put("k", "0123456789").await.is(200);
    for range in ["bytes=10-", "bytes=10-20", "bytes=99-100", "bytes=-0"] {
        home.get("k").header("range", range).await.is_error(416, "InvalidRange");
    }
    home.head("k").header("range", "bytes=10-").await.is(416).has_body("");
}

/// Behaviour 26.
#[tokio::test]
async fn any_range_of_an_empty_object_is_416() {
    let home = Home::new().await;
    home.put("empty", "").await.is(200);
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
        home.get("empty").header("range", range).await.is_error(416, "InvalidRange");
    }
}

/// Behaviour 26.
#[tokio::test]
async fn a_range_that_does_not_parse_is_ignored() {
    let home = Home::new().await;
    home.put("k", "0123456789").await.is(200);
    let ranges = [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5-2",
        "lines=0-1",
        "0-1",
        "bytes=1",
        "bytes=+1-2",
        "bytes=0x1-2",
    ];
    for range in ranges {
        home.get("k").header("range", range).await.is(200).has_body("0123456789").lacks("content-range");
    }
}

#[tokio::test]
async fn several_ranges_give_the_whole_object() {
    let home = Home::new().await;
    home.put("k", "0123456789").await.is(200);
    home.get("k").header("range", "bytes=0-1,3-4").await.is(200).has_body("0123456789");
}

#[tokio::test]
async fn a_range_read_keeps_the_etag_and_metadata_of_the_object() {
    let home = Home::new().await;
    let etag = home.put("k", "0123456789").header("x-amz-meta-a", "1").await.is(200).etag();
    home.get("k").header("range", "bytes=2-3").await.is(206).has("etag", &etag).has("x-amz-meta-a", "1");
}

#[tokio::test]
async fn a_range_of_a_multipart_object_crosses_its_parts() {
    let home = Home::new().await;
    let parts = [noise(5, crate::home::PART), noise(6, 1_000)];
    home.multipart("k", &parts).await;
    let whole = parts.concat();
    let edge = crate::home::PART;
    for (from, to) in [(edge - 2, edge + 1), (edge, edge), (0, edge), (edge - 100_000, whole.len() - 1)] {
        let answer = home.get("k").header("range", format!("bytes={from}-{to}")).await.is(206);
        answer.has_body(&whole[from..=to]).has("content-range", &format!("bytes {from}-{to}/{}", whole.len()));
    }
    home.get("k").header("range", "bytes=-1001").await.is(206).has_body(&whole[edge - 1..]);
}
