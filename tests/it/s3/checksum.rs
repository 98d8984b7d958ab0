//! Flexible checksums (S3 API: "Checking object integrity").

use windlass_tests::digest::Checksum;
use windlass_tests::xml::Xml;

use crate::home::{Home, PART, noise};

const WRONG: [&str; 2] = ["BadDigest", "XAmzContentChecksumMismatch"];

/// Behaviours 45 and 46.
#[tokio::test]
async fn a_checksum_is_verified_kept_and_told_when_asked() {
    let home = Home::new().await;
    for kind in Checksum::ALL {
        for len in [0, 10, 200_000] {
            let body = noise(len as u64, len);
            let value = kind.of(&body);
            home.put("k", body.clone()).header(kind.header(), &value).await.is(200).has(kind.header(), &value);
            for method in ["GET", "HEAD"] {
                let answer = home.at(method, "k").header("x-amz-checksum-mode", "ENABLED").await.is(200);
                answer.has(kind.header(), &value).has("x-amz-checksum-type", "FULL_OBJECT");
                home.at(method, "k").await.is(200).lacks(kind.header()).lacks("x-amz-checksum-type");
            }
        }
    }
}

/// Behaviour 45.
#[tokio::test]
async fn a_wrong_checksum_stores_nothing() {
    let home = Home::new().await;
    home.put("k", "old").await.is(200);
    for kind in Checksum::ALL {
        for len in [10, 200_000] {
            let put = home.put("k", noise(1, len)).header(kind.header(), kind.of(b"other"));
            put.await.is_error_of(400, &WRONG);
        }
    }
    home.get("k").await.is(200).has_body("old");
}

/// Behaviour 45.
#[tokio::test]
async fn malformed_or_contradicting_checksums_are_refused() {
    let home = Home::new().await;
    for kind in Checksum::ALL {
        for value in ["", "garbage", "YWI="] {
            home.put("k", "v").header(kind.header(), value).await.is_error(400, "InvalidRequest");
        }
    }
    let two = home.put("k", "v").header("x-amz-checksum-crc32", Checksum::Crc32.of(b"v"));
    two.header("x-amz-checksum-sha256", Checksum::Sha256.of(b"v")).await.is_error(400, "InvalidRequest");
    home.get("k").await.is_error(404, "NoSuchKey");
}

/// Behaviour 46.
#[tokio::test]
async fn a_range_does_not_carry_the_checksum_of_the_whole() {
    let home = Home::new().await;
    let value = Checksum::Sha256.of(b"0123456789");
    home.put("k", "0123456789").header("x-amz-checksum-sha256", &value).await.is(200);
    let get = home.get("k").header("range", "bytes=0-4").header("x-amz-checksum-mode", "ENABLED");
    get.await.is(206).lacks("x-amz-checksum-sha256");
}

/// Behaviour 46.
#[tokio::test]
async fn a_copy_keeps_the_checksum_or_takes_another() {
    let home = Home::new().await;
    let body = noise(1, 100_000);
    let crc = Checksum::Crc32.of(&body);
    home.put("k", body.clone()).header("x-amz-checksum-crc32", &crc).await.is(200);
    let xml = home.copy("k", "copy").await.is(200).xml();
    assert_eq!(xml.get("ChecksumCRC32"), Some(crc.as_str()));
    home.head("copy").header("x-amz-checksum-mode", "ENABLED").await.is(200).has("x-amz-checksum-crc32", &crc);
    let other = home.copy("k", "other").header("x-amz-checksum-algorithm", "SHA256").await.is(200).xml();
    let sha = Checksum::Sha256.of(&body);
    assert_eq!(other.get("ChecksumSHA256"), Some(sha.as_str()));
    home.head("other").header("x-amz-checksum-mode", "ENABLED").await.is(200).has("x-amz-checksum-sha256", &sha);
}

/// Completes with the parts' checksums in the body: the XML of a list of parts.
fn parts_xml(kind: Checksum, parts: &[(String, String)]) -> String {
    let element = kind.element();
    let part = |(number, (etag, sum)): (usize, &(String, String))| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><{element}>{sum}</{element}></Part>")
    };
    let parts: String = (1..).zip(parts).map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

/// Creates an upload with an algorithm and sends two parts with their checksums: its id and the body of Complete.
async fn upload(home: &Home, kind: Checksum, full: bool, parts: &[bytes::Bytes]) -> (String, String) {
    let mut create = home.create("k").header("x-amz-checksum-algorithm", kind.name());
    if full {
        create = create.header("x-amz-checksum-type", "FULL_OBJECT");
    }
    let answer = create.await.is(200).has("x-amz-checksum-algorithm", kind.name());
    let id = answer.xml().text("UploadId").to_owned();
    let mut sent = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let sum = kind.of(part);
        let put = home.part("k", &id, number, part.clone()).header(kind.header(), &sum);
        let answer = put.await.is(200).has(kind.header(), &sum);
        sent.push((answer.etag(), sum));
    }
    (id, parts_xml(kind, &sent))
}

/// Behaviour 47.
#[tokio::test]
async fn a_composite_checksum_is_that_of_the_parts_checksums() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, 1_000)];
    for kind in [Checksum::Crc32, Checksum::Crc32c, Checksum::Sha1, Checksum::Sha256] {
        let (id, body) = upload(&home, kind, false, &parts).await;
        let xml = home.complete_with("k", &id, body).await.is(200).xml();
        let wanted = kind.composite(&[&parts[0], &parts[1]]);
        assert_eq!((xml.text(&kind.element()), xml.text("ChecksumType")), (wanted.as_str(), "COMPOSITE"));
        let head = home.head("k").header("x-amz-checksum-mode", "ENABLED").await.is(200);
        head.has(kind.header(), &wanted).has("x-amz-checksum-type", "COMPOSITE");
    }
}

/// Behaviour 47.
#[tokio::test]
async fn a_full_object_checksum_is_that_of_all_bytes() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, 1_000)];
    for (kind, asked) in [(Checksum::Crc64Nvme, false), (Checksum::Crc32, true), (Checksum::Crc32c, true)] {
        let (id, body) = upload(&home, kind, asked, &parts).await;
        let wrong = home.complete_with("k", &id, body.clone()).header(kind.header(), kind.of(b"other"));
        wrong.await.is_error_of(400, &WRONG);
        let wanted = kind.of(&parts.concat());
        let right = home.complete_with("k", &id, body).header(kind.header(), &wanted);
        let xml = right.await.is(200).xml();
        assert_eq!((xml.text(&kind.element()), xml.text("ChecksumType")), (wanted.as_str(), "FULL_OBJECT"));
        let head = home.head("k").header("x-amz-checksum-mode", "ENABLED").await.is(200);
        head.has(kind.header(), &wanted).has("x-amz-checksum-type", "FULL_OBJECT");
        home.delete("k").await.is(204);
    }
}

/// Behaviour 47.
#[tokio::test]
async fn a_complete_with_a_wrong_composite_is_refused() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, 1_000)];
    for kind in [Checksum::Crc32, Checksum::Sha256] {
        let (id, body) = upload(&home, kind, false, &parts).await;
        let complete = |value: &str| home.complete_with("k", &id, body.clone()).header(kind.header(), value);
        complete(&kind.composite(&[&parts[1], &parts[0]])).await.is_error_of(400, &WRONG);
        complete(&kind.composite(&[&parts[0], &parts[1]])).await.is(200);
    }
}

/// Behaviour 46.
#[tokio::test]
async fn a_part_read_by_its_number_carries_its_own_checksum() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, 1_000)];
    for (kind, asked) in [(Checksum::Sha256, false), (Checksum::Crc64Nvme, false), (Checksum::Crc32, true)] {
        let (id, body) = upload(&home, kind, asked, &parts).await;
        home.complete_with("k", &id, body).await.is(200);
        for method in ["GET", "HEAD"] {
            let read = || home.at(method, "k").query("partNumber", 2);
            let answer = read().header("x-amz-checksum-mode", "ENABLED").await.is(206);
            answer.has(kind.header(), &kind.of(&parts[1]));
            read().await.is(206).lacks(kind.header());
        }
    }
}

/// Behaviour 47.
#[tokio::test]
async fn algorithms_and_types_that_do_not_go_together_are_refused() {
    let home = Home::new().await;
    for (algorithm, kind) in [("SHA256", "FULL_OBJECT"), ("SHA1", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")] {
        let create = home.create("k").header("x-amz-checksum-algorithm", algorithm);
        create.header("x-amz-checksum-type", kind).await.is_error(400, "InvalidRequest");
    }
    home.create("k").header("x-amz-checksum-algorithm", "MD4").await.is(400);
}

/// Behaviour 47.
#[tokio::test]
async fn an_upload_with_an_algorithm_demands_it_of_every_part() {
    let home = Home::new().await;
    let create = home.create("k").header("x-amz-checksum-algorithm", "SHA256").await.is(200).xml();
    let id = create.text("UploadId");
    home.part("k", id, 1, "v").await.is_error(400, "InvalidRequest");
    let other = home.part("k", id, 1, "v").header("x-amz-checksum-crc32", Checksum::Crc32.of(b"v"));
    other.await.is_error(400, "InvalidRequest");
    assert!(home.parts("k", id).await.is(200).xml().all("Part").is_empty());
}

/// Behaviour 47.
#[tokio::test]
async fn a_wrong_part_checksum_in_complete_is_refused() {
    let home = Home::new().await;
    let parts = [noise(1, 100)];
    let (id, body) = upload(&home, Checksum::Sha256, false, &parts).await;
    let wrong = body.replace(&Checksum::Sha256.of(&parts[0]), &Checksum::Sha256.of(b"other"));
    let codes = ["InvalidPart", "BadDigest", "InvalidRequest"];
    home.complete_with("k", &id, wrong).await.is_error_of(400, &codes);
    home.complete_with("k", &id, body).await.is(200);
}

async fn attributes(home: &Home, names: &str) -> Xml {
    home.get("k").flag("attributes").header("x-amz-object-attributes", names).await.is(200).xml()
}

/// Behaviour 48.
#[tokio::test]
async fn attributes_of_a_plain_object() {
    let home = Home::new().await;
    let sum = Checksum::Crc32c.of(b"body");
    let etag = home.put("k", "body").header("x-amz-checksum-crc32c", &sum).await.is(200).etag();
    let xml = attributes(&home, "ETag,ObjectSize,StorageClass,Checksum,ObjectParts").await;
    assert_eq!((xml.name.as_str(), xml.text("ETag")), ("GetObjectAttributesResponse", etag.trim_matches('"')));
    assert_eq!((xml.text("ObjectSize"), xml.text("StorageClass")), ("4", "STANDARD"));
    assert_eq!(xml.text("Checksum/ChecksumCRC32C"), sum);
    assert!(xml.all("ObjectParts").is_empty(), "{xml:?}");
    let xml = attributes(&home, "ObjectSize").await;
    assert_eq!((xml.children.len(), xml.text("ObjectSize")), (1, "4"));
}

/// Behaviour 48.
#[tokio::test]
async fn attributes_of_a_multipart_object_list_parts_that_have_checksums() {
    let home = Home::new().await;
    let parts = [noise(1, PART), noise(2, 1_000)];
    home.multipart("k", &parts).await;
    let xml = attributes(&home, "ObjectParts").await;
    assert_eq!((xml.text("ObjectParts/PartsCount"), xml.all("ObjectParts/Part").len()), ("2", 0));
    let (id, body) = upload(&home, Checksum::Sha256, false, &parts).await;
    home.complete_with("k", &id, body).await.is(200);
    let xml = attributes(&home, "ObjectParts").await;
    assert_eq!(xml.texts("ObjectParts/Part/PartNumber"), ["1", "2"]);
    assert_eq!(xml.texts("ObjectParts/Part/Size"), [PART.to_string(), "1000".to_owned()]);
    assert_eq!(xml.texts("ObjectParts/Part/ChecksumSHA256"), parts.map(|p| Checksum::Sha256.of(&p)));
    let page = home.get("k").flag("attributes").header("x-amz-object-attributes", "ObjectParts");
    let page = page.header("x-amz-max-parts", "1").header("x-amz-part-number-marker", "1").await.is(200).xml();
    assert_eq!(
        (page.texts("ObjectParts/Part/PartNumber"), page.text("ObjectParts/IsTruncated")),
        (vec!["2".into()], "false")
    );
}

/// Behaviour 48.
#[tokio::test]
async fn attributes_must_be_named_and_known() {
    let home = Home::new().await;
    home.put("k", "v").await.is(200);
    home.get("k").flag("attributes").await.is(400);
    home.get("k").flag("attributes").header("x-amz-object-attributes", "").await.is(400);
    home.get("k").flag("attributes").header("x-amz-object-attributes", "ETag,Colour").await.is(400);
    let missing = home.get("missing").flag("attributes").header("x-amz-object-attributes", "ETag");
    missing.await.is_error(404, "NoSuchKey");
}
