//! UploadPart, UploadPartCopy and ListParts.

use windlass_tests::digest::{content_md5, etag};

use crate::home::{Home, PART, noise, unique};

/// Behaviour 42.
#[tokio::test]
async fn parts_are_listed_page_by_page() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    for number in [1, 2, 3, 9, 10_000] {
        let body = noise(number.into(), number as usize);
        home.part("k", &upload, number, body.clone()).await.is(200).has("etag", &etag(&body));
    }
    let mut found = Vec::new();
    let mut marker = "0".to_owned();
    for size in [2, 2, 1] {
        let list = home.parts("k", &upload).query("max-parts", 2).query("part-number-marker", &marker);
        let xml = list.await.is(200).xml();
        assert_eq!((xml.all("Part").len(), xml.text("MaxParts")), (size, "2"));
        assert_eq!((xml.text("PartNumberMarker"), xml.text("StorageClass")), (marker.as_str(), "STANDARD"));
        assert_eq!((xml.text("Bucket"), xml.text("Key"), xml.text("UploadId")), (&*home.name, "k", &*upload));
        assert!(!xml.text("Owner/ID").is_empty() && !xml.text("Initiator/ID").is_empty());
        for part in xml.all("Part") {
            let number: usize = part.text("PartNumber").parse().unwrap();
            assert_eq!(part.text("Size"), number.to_string());
            assert_eq!(part.text("ETag"), etag(&noise(number as u64, number)));
            assert!(part.text("LastModified").ends_with('Z'));
            found.push(number);
        }
        assert_eq!(xml.text("IsTruncated"), (found.len() < 5).to_string());
        marker = xml.get("NextPartNumberMarker").unwrap_or_default().to_owned();
    }
    assert_eq!(found, [1, 2, 3, 9, 10_000]);
}

#[tokio::test]
async fn a_part_with_a_wrong_digest_is_not_kept() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    home.part("k", &upload, 1, "good").await.is(200);
    home.part("k", &upload, 1, "bad").header("content-md5", content_md5(b"x")).await.is_error(400, "BadDigest");
    assert_eq!(home.parts("k", &upload).await.is(200).xml().texts("Part/ETag"), [etag(b"good")]);
}

/// Behaviour 36.
#[tokio::test]
async fn a_part_is_copied_whole_or_by_range() {
    let home = Home::new().await;
    let body = noise(1, PART + 500);
    home.put("source", body.clone()).await.is(200);
    let source = format!("/{}/source", home.name);
    let upload = home.upload("k").await;
    let whole = home.part_copy("k", &upload, 1, &source).await.is(200).xml();
    assert_eq!((whole.name.as_str(), whole.text("ETag")), ("CopyPartResult", &*etag(&body)));
    let range = home.part_copy("k", &upload, 2, &source).header("x-amz-copy-source-range", "bytes=7-106");
    let range = range.await.is(200).xml();
    assert_eq!(range.text("ETag"), etag(&body[7..107]));
    let parts = [(1, whole.text("ETag").to_owned()), (2, range.text("ETag").to_owned())];
    home.complete("k", &upload, &parts).await.is(200);
    home.delete("source").await.is(204);
    home.get("k").await.is(200).has_body([&body[..], &body[7..107]].concat());
}

/// Behaviour 36.
#[tokio::test]
async fn a_part_is_copied_from_a_multipart_object_across_its_parts() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, 1_000)];
    home.multipart("source", &parts).await;
    let all = parts.concat();
    let upload = home.upload("k").await;
    let copy = home.part_copy("k", &upload, 1, &format!("{}/source", home.name));
    let range = format!("bytes={}-{}", PART - 10, PART + 9);
    let xml = copy.header("x-amz-copy-source-range", range).await.is(200).xml();
    assert_eq!(xml.text("ETag"), etag(&all[PART - 10..PART + 10]));
    home.complete("k", &upload, &[(1, xml.text("ETag").to_owned())]).await.is(200);
    home.get("k").await.is(200).has_body(&all[PART - 10..PART + 10]);
}

/// Behaviour 36.
#[tokio::test]
async fn a_copy_range_has_exactly_one_form() {
    let home = Home::new().await;
    home.put("source", "0123456789").await.is(200);
    let source = format!("/{}/source", home.name);
    let upload = home.upload("k").await;
    let copy = |range: &str| home.part_copy("k", &upload, 1, &source).header("x-amz-copy-source-range", range);
    for range in ["", "0-1", "bytes=", "bytes=0-", "bytes=-2", "bytes=0-1,3-4", "bytes=5-2", "bytes=a-b", "bytes 0-1"] {
        copy(range).await.is_error(400, "InvalidArgument");
    }
    for range in ["bytes=0-10", "bytes=10-11", "bytes=99-100"] {
        let answer = copy(range).await;
        let status = if answer.status == 416 { 416 } else { 400 };
        answer.is_error_of(status, &["InvalidRange", "InvalidArgument"]);
    }
    assert!(home.parts("k", &upload).await.is(200).xml().all("Part").is_empty());
    copy("bytes=0-9").await.is(200);
}

#[tokio::test]
async fn a_part_copy_names_what_is_missing() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    home.part_copy("k", &upload, 1, &format!("/{}/missing", home.name)).await.is_error(404, "NoSuchKey");
    home.part_copy("k", &upload, 1, &format!("/{}/k", unique("missing"))).await.is_error(404, "NoSuchBucket");
}

#[tokio::test]
async fn a_part_copy_keeps_the_conditions_on_its_source() {
    let home = Home::new().await;
    let etag = home.put("source", "v").await.is(200).etag();
    let upload = home.upload("k").await;
    let copy = || home.part_copy("k", &upload, 1, &format!("/{}/source", home.name));
    copy().header("x-amz-copy-source-if-match", "\"x\"").await.is_error(412, "PreconditionFailed");
    copy().header("x-amz-copy-source-if-none-match", &etag).await.is_error(412, "PreconditionFailed");
    copy().header("x-amz-copy-source-if-match", &etag).await.is(200);
}

#[tokio::test]
async fn max_parts_is_a_number_up_to_a_thousand() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    for bad in ["-1", "x"] {
        home.parts("k", &upload).query("max-parts", bad).await.is_error(400, "InvalidArgument");
        home.on("GET").flag("uploads").query("max-uploads", bad).await.is_error(400, "InvalidArgument");
    }
    assert_eq!(home.parts("k", &upload).query("max-parts", 5_000).await.is(200).xml().text("MaxParts"), "1000");
}
