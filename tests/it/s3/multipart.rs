//! Multipart uploads: creating, listing, aborting, and what is visible meanwhile.

use windlass_tests::client::Bucket;
use windlass_tests::digest::{Checksum, etag, multipart_etag};
use windlass_tests::time::{iso, now};

use super::neighbours::Neighbours;
use crate::home::{Home, PART, noise, unique};

/// Behaviour 37.
#[tokio::test]
async fn a_finished_upload_is_its_parts_in_order() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, PART + 12_345), noise(3, 7)];
    let xml = home.multipart("dir/k", &parts).await.xml();
    let wanted = multipart_etag(&[&parts[0], &parts[1], &parts[2]]);
    assert_eq!((xml.name.as_str(), xml.text("ETag")), ("CompleteMultipartUploadResult", wanted.as_str()));
    assert_eq!((xml.text("Bucket"), xml.text("Key")), (home.name.as_str(), "dir/k"));
    assert!(xml.text("Location").ends_with("dir/k") || xml.text("Location").ends_with("dir%2Fk"), "{xml:?}");
    home.get("dir/k").await.is(200).has("etag", &wanted).has_body(parts.concat());
    let listed = home.list().await.is(200).xml();
    assert_eq!(listed.text("Contents/ETag"), wanted);
    assert_eq!(listed.text("Contents/Size"), parts.concat().len().to_string());
}

/// Behaviour 37.
#[tokio::test]
async fn part_numbers_may_have_gaps() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    let mut done = Vec::new();
    for (number, body) in [(10_000, noise(3, 10)), (2, noise(1, PART)), (17, noise(2, PART))] {
        done.push((number, home.part("k", &upload, number, body).await.is(200).etag()));
    }
    done.sort();
    home.complete("k", &upload, &done).await.is(200);
    home.get("k").await.is(200).has_body([noise(1, PART), noise(2, PART), noise(3, 10)].concat());
}

/// Behaviour 37.
#[tokio::test]
async fn part_numbers_outside_their_range_are_refused() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    for number in ["0", "10001", "-1", "x"] {
        let part = home.at("PUT", "k").query("partNumber", number).query("uploadId", &upload).body("v");
        part.await.is_error(400, "InvalidArgument");
    }
    assert!(home.parts("k", &upload).await.is(200).xml().all("Part").is_empty());
}

/// Behaviour 41.
#[tokio::test]
async fn nothing_is_visible_before_complete() {
    let home = Home::new().await;
    home.put("old", "old").await.is(200);
    for key in ["new", "old"] {
        let upload = home.upload(key).await;
        let etag = home.part(key, &upload, 1, "part").await.is(200).etag();
        assert_eq!(home.keys().await, ["old"]);
        if key == "new" {
            home.get(key).await.is_error(404, "NoSuchKey");
        } else {
            home.get(key).await.is(200).has_body("old");
        }
        home.abort(key, &upload).await.is(204);
        home.complete(key, &upload, &[(1, etag)]).await.is_error(404, "NoSuchUpload");
    }
    assert_eq!(home.keys().await, ["old"]);
    home.get("old").await.is(200).has_body("old");
}

/// Behaviours 40 and 41.
#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let home = Home::new().await;
    let upload = home.upload("k").await;
    home.part("k", &upload, 1, noise(1, 10_000)).await.is(200);
    home.abort("k", &upload).await.is(204).has_body("");
    home.abort("k", &upload).await.is_error(404, "NoSuchUpload");
    home.parts("k", &upload).await.is_error(404, "NoSuchUpload");
    home.part("k", &upload, 2, "v").await.is_error(404, "NoSuchUpload");
    assert!(home.on("GET").flag("uploads").await.is(200).xml().all("Upload").is_empty());
}

/// Behaviour 40.
#[tokio::test]
async fn an_unknown_upload_is_unknown_to_every_verb() {
    let home = Home::new().await;
    home.put("source", "v").await.is(200);
    let upload = home.upload("k").await;
    let source = format!("/{}/source", home.name);
    for (key, upload) in [("k", "01ARZ3NDEKTSV4RRFFQ69G5FAV"), ("k", "garbage"), ("another", upload.as_str())] {
        home.part(key, upload, 1, "v").await.is_error(404, "NoSuchUpload");
        home.part_copy(key, upload, 1, &source).await.is_error(404, "NoSuchUpload");
        home.parts(key, upload).await.is_error(404, "NoSuchUpload");
        home.abort(key, upload).await.is_error(404, "NoSuchUpload");
        home.complete(key, upload, &[(1, etag(b"v"))]).await.is_error(404, "NoSuchUpload");
    }
    home.parts("k", &upload).await.is(200);
}

/// Behaviour 41.
#[tokio::test]
async fn deleting_the_object_does_not_hurt_an_open_upload() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    let upload = home.upload("k").await;
    let etag = home.part("k", &upload, 1, "new").await.is(200).etag();
    home.delete("k").await.is(204);
    home.complete("k", &upload, &[(1, etag)]).await.is(200);
    home.get("k").await.is(200).has_body("new");
}

/// Behaviour 44.
#[tokio::test]
async fn headers_of_the_object_are_those_given_at_create() {
    let home = Home::new().await;
    let create = home.create("k").header("content-type", "text/x").header("x-amz-meta-a", "1");
    let xml = create.header("cache-control", "no-store").await.is(200).xml();
    assert_eq!((xml.text("Bucket"), xml.text("Key")), (home.name.as_str(), "k"));
    let upload = xml.text("UploadId");
    let etag = home.part("k", upload, 1, "v").await.is(200).etag();
    home.complete("k", upload, &[(1, etag)]).header("x-amz-meta-b", "2").await.is(200);
    let answer = home.get("k").await.is(200).has("content-type", "text/x").has("x-amz-meta-a", "1");
    answer.has("cache-control", "no-store").lacks("x-amz-meta-b");
}

#[tokio::test]
async fn uploads_into_a_missing_bucket_are_refused() {
    let home = Home::new().await;
    let missing = unique("missing");
    home.client.request("POST", &missing, "k").flag("uploads").await.is_error(404, "NoSuchBucket");
    home.client.request("GET", &missing, "").flag("uploads").await.is_error(404, "NoSuchBucket");
}

/// Behaviour 42.
#[tokio::test]
async fn open_uploads_are_listed_page_by_page() {
    let home = Home::new().await;
    let mut wanted = Vec::new();
    for key in ["a", "b/1", "b/1", "b/2", "c"] {
        wanted.push((key.to_owned(), home.upload(key).await));
    }
    let mut found = Vec::new();
    let (mut key_marker, mut id_marker) = (String::new(), String::new());
    for size in [2, 2, 1] {
        let list = home.on("GET").flag("uploads").query("max-uploads", 2).query("key-marker", &key_marker);
        let xml = list.query("upload-id-marker", &id_marker).await.is(200).xml();
        assert_eq!(xml.all("Upload").len(), size, "{xml:?}");
        for upload in xml.all("Upload") {
            assert_eq!(upload.text("StorageClass"), "STANDARD");
            assert!(!upload.text("Owner/ID").is_empty() && !upload.text("Initiator/ID").is_empty());
            assert!(upload.text("Initiated").ends_with('Z'));
            found.push((upload.text("Key").to_owned(), upload.text("UploadId").to_owned()));
        }
        assert_eq!(xml.text("IsTruncated"), (found.len() < wanted.len()).to_string());
        key_marker = xml.get("NextKeyMarker").unwrap_or_default().to_owned();
        id_marker = xml.get("NextUploadIdMarker").unwrap_or_default().to_owned();
    }
    let keys: Vec<&String> = found.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "b/1", "b/1", "b/2", "c"]);
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

/// Behaviour 42.
#[tokio::test]
async fn open_uploads_are_grouped_and_narrowed() {
    let home = Home::new().await;
    for key in ["a", "b/1", "b/2", "c/1"] {
        home.upload(key).await;
    }
    let xml = home.on("GET").flag("uploads").query("delimiter", "/").await.is(200).xml();
    assert_eq!(xml.texts("Upload/Key"), ["a"]);
    assert_eq!(xml.texts("CommonPrefixes/Prefix"), ["b/", "c/"]);
    let xml = home.on("GET").flag("uploads").query("prefix", "b/").await.is(200).xml();
    assert_eq!((xml.texts("Upload/Key"), xml.text("Prefix")), (vec!["b/1".into(), "b/2".into()], "b/"));
}

/// Behaviour 42.
#[tokio::test]
async fn open_uploads_and_their_parts_tell_the_checksum_they_are_made_with() {
    let home = Home::new().await;
    let plain = home.upload("a").await;
    home.part("a", &plain, 1, "v").await.is(200);
    let create = home.create("b").header("x-amz-checksum-algorithm", "SHA256").await.is(200).xml();
    let upload = create.text("UploadId");
    let sum = Checksum::Sha256.of(b"v");
    home.part("b", upload, 1, "v").header("x-amz-checksum-sha256", &sum).await.is(200);
    let listed = home.on("GET").flag("uploads").await.is(200).xml();
    let told: Vec<_> =
        listed.all("Upload").iter().map(|upload| upload.get("ChecksumAlgorithm").map(str::to_owned)).collect();
    assert_eq!(told, [None, Some("SHA256".to_owned())]);
    let parts = home.parts("b", upload).await.is(200).xml();
    assert_eq!((parts.text("ChecksumAlgorithm"), parts.text("ChecksumType")), ("SHA256", "COMPOSITE"));
    assert_eq!(parts.text("Part/ChecksumSHA256"), sum);
    assert_eq!(home.parts("a", &plain).await.is(200).xml().get("ChecksumAlgorithm"), None);
}

/// Behaviour 44.
#[tokio::test]
async fn the_list_of_who_may_is_that_given_at_create() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    for (at_create, at_complete, status) in [("public-read", "private", 200), ("private", "public-read", 403)] {
        let create = home.bucket.create("k").header("x-amz-acl", at_create).await.is(200).xml();
        let upload = create.text("UploadId");
        let parts = [(1, home.bucket.part("k", upload, 1, "v").await.is(200).etag())];
        home.bucket.complete("k", upload, &parts).header("x-amz-acl", at_complete).await.is(200);
        home.nobody("GET", "k").await.is(status);
    }
}

/// Behaviour 44.
#[tokio::test]
async fn the_lock_is_that_given_at_create() {
    let home = Home::new().await;
    let name = unique("locked");
    home.client.request("PUT", &name, "").header("x-amz-bucket-object-lock-enabled", "true").await.is(200);
    let bucket = Bucket { client: home.client.clone(), name };
    let until = iso(now() + 86_400);
    let create = bucket.create("k").header("x-amz-object-lock-mode", "GOVERNANCE");
    let create = create.header("x-amz-object-lock-retain-until-date", &until);
    let create = create.header("x-amz-object-lock-legal-hold", "ON").await.is(200).xml();
    let upload = create.text("UploadId");
    let parts = [(1, bucket.part("k", upload, 1, "v").await.is(200).etag())];
    bucket.complete("k", upload, &parts).await.is(200);
    let head = bucket.head("k").await.is(200).has("x-amz-object-lock-mode", "GOVERNANCE");
    head.has("x-amz-object-lock-retain-until-date", &until).has("x-amz-object-lock-legal-hold", "ON");
}
