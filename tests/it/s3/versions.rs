//! Versioning: which version is current, what a delete does, and the listing of versions.

use bytes::Bytes;
use windlass_tests::answer::Answer;
use windlass_tests::xml::Xml;

use crate::home::{Home, PART, noise};

async fn set(home: &Home, status: &str) {
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    home.on("PUT").flag("versioning").body(body).await.is(200);
}

async fn versioned() -> Home {
    let home = Home::new().await;
    set(&home, "Enabled").await;
    home
}

fn id(answer: &Answer) -> String {
    answer.header("x-amz-version-id").expect("a version id").to_owned()
}

async fn put(home: &Home, key: &str, body: &str) -> String {
    id(&home.put(key, body.to_owned()).await.is(200))
}

/// Key, version id, whether latest, and `marker` or the ETag-less `version` of each entry, in the order of the document.
fn entries(xml: &Xml) -> Vec<(String, String, bool, String)> {
    let entries = xml.children.iter().filter(|child| ["Version", "DeleteMarker"].contains(&child.name.as_str()));
    let text = |child: &Xml, name: &str| child.text(name).to_owned();
    entries
        .map(|child| {
            (text(child, "Key"), text(child, "VersionId"), child.text("IsLatest") == "true", child.name.clone())
        })
        .collect()
}

async fn all(home: &Home) -> Vec<(String, String, bool, String)> {
    entries(&home.on("GET").flag("versions").await.is(200).xml())
}

#[tokio::test]
async fn a_bucket_says_whether_it_keeps_versions() {
    let home = Home::new().await;
    assert_eq!(home.on("GET").flag("versioning").await.is(200).xml().get("Status"), None);
    for status in ["Enabled", "Suspended", "Enabled"] {
        set(&home, status).await;
        assert_eq!(home.on("GET").flag("versioning").await.is(200).xml().text("Status"), status);
    }
    let put = |body: &'static str| home.on("PUT").flag("versioning").body(body);
    put("<VersioningConfiguration><Status>On</Status></VersioningConfiguration>").await.is_error(400, "MalformedXML");
    put("<VersioningConfiguration/>").await.is_error(400, "IllegalVersioningConfigurationException");
    let mfa =
        "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>";
    put(mfa).await.is_error(501, "NotImplemented");
}

/// Behaviour 49.
#[tokio::test]
async fn every_write_of_a_versioned_bucket_answers_its_version_id() {
    let home = Home::new().await;
    home.put("k", "0").await.is(200).lacks("x-amz-version-id");
    set(&home, "Enabled").await;
    let one = put(&home, "k", "1").await;
    let copied = home.copy("k", "copy").await.is(200);
    assert_eq!(copied.header("x-amz-copy-source-version-id"), Some(one.as_str()));
    let two = id(&copied);
    let upload = home.upload("k").await;
    let etag = home.part("k", &upload, 1, "2").await.is(200).etag();
    let three = id(&home.complete("k", &upload, &[(1, etag)]).await.is(200));
    assert!(one != two && two != three && three != "null");
    home.get("k").await.is(200).has("x-amz-version-id", &three).has_body("2");
    home.head("k").query("versionId", &one).await.is(200).has("x-amz-version-id", &one);
    home.get("k").query("versionId", &one).await.is(200).has_body("1");
    home.get("k").query("versionId", "null").await.is(200).has_body("0").has("x-amz-version-id", "null");
}

/// Behaviour 49.
#[tokio::test]
async fn a_put_while_suspended_replaces_the_null_version_alone() {
    let home = Home::new().await;
    home.put("k", "before").await.is(200);
    set(&home, "Enabled").await;
    let kept = put(&home, "k", "kept").await;
    set(&home, "Suspended").await;
    assert_eq!(put(&home, "k", "first").await, "null");
    assert_eq!(put(&home, "k", "second").await, "null");
    home.get("k").await.is(200).has_body("second").has("x-amz-version-id", "null");
    home.get("k").query("versionId", &kept).await.is(200).has_body("kept");
    assert_eq!(all(&home).await.len(), 2);
    set(&home, "Enabled").await;
    let last = put(&home, "k", "last").await;
    home.get("k").query("versionId", "null").await.is(200).has_body("second");
    let ids: Vec<String> = all(&home).await.into_iter().map(|entry| entry.1).collect();
    assert_eq!(ids, [last, "null".to_owned(), kept]);
}

/// Behaviour 50.
#[tokio::test]
async fn a_delete_makes_a_marker_and_deleting_the_marker_brings_the_object_back() {
    let home = versioned().await;
    let one = put(&home, "k", "1").await;
    let gone = home.delete("k").await.is(204).has("x-amz-delete-marker", "true");
    let marker = id(&gone);
    home.get("k").await.is_error(404, "NoSuchKey");
    assert_eq!(home.keys().await, [""; 0]);
    let undone = home.delete("k").query("versionId", &marker).await.is(204);
    undone.has("x-amz-delete-marker", "true").has("x-amz-version-id", &marker);
    home.get("k").await.is(200).has_body("1").has("x-amz-version-id", &one);
    assert_eq!(home.keys().await, ["k"]);
    let never = home.delete("never").await.is(204).has("x-amz-delete-marker", "true");
    assert_ne!(id(&never), marker);
}

/// Behaviour 50.
#[tokio::test]
async fn a_delete_while_suspended_makes_a_null_marker_in_place_of_the_null_version() {
    let home = versioned().await;
    let kept = put(&home, "k", "kept").await;
    set(&home, "Suspended").await;
    put(&home, "k", "null one").await;
    for _ in 0..2 {
        home.delete("k").await.is(204).has("x-amz-delete-marker", "true").has("x-amz-version-id", "null");
    }
    let expected = [("k", "null", true, "DeleteMarker"), ("k", kept.as_str(), false, "Version")];
    assert_eq!(all(&home).await, expected.map(|(k, v, latest, name)| (k.into(), v.into(), latest, name.into())));
    home.delete("k").query("versionId", "null").await.is(204).has("x-amz-delete-marker", "true");
    home.get("k").await.is(200).has_body("kept");
}

/// Behaviour 51.
#[tokio::test]
async fn a_marker_is_told_from_what_never_was() {
    let home = versioned().await;
    let one = put(&home, "k", "1").await;
    let marker = id(&home.delete("k").await.is(204));
    for method in ["GET", "HEAD"] {
        let current = home.at(method, "k").await.is(404);
        current.has("x-amz-delete-marker", "true").has("x-amz-version-id", &marker);
        let itself = home.at(method, "k").query("versionId", &marker).await.is(405);
        assert!(itself.has("x-amz-delete-marker", "true").has("allow", "DELETE").header("last-modified").is_some());
        home.at(method, "never").await.is(404).lacks("x-amz-delete-marker");
    }
    home.get("k").query("versionId", &marker).await.is_error(405, "MethodNotAllowed");
    let unknown = format!("{}{}", &one[..31], if one.ends_with('f') { '0' } else { 'f' });
    home.get("k").query("versionId", &unknown).await.is_error(404, "NoSuchVersion");
    for malformed in ["x", "", "NULL"] {
        home.get("k").query("versionId", malformed).await.is_error(400, "InvalidArgument");
    }
    home.get("k").query("versionId", "null").await.is_error(404, "NoSuchVersion");
    home.delete("k").query("versionId", &unknown).await.is(204);
    assert_eq!(all(&home).await.len(), 2);
}

/// Behaviour 52.
#[tokio::test]
async fn versions_and_markers_are_listed_newest_first_in_the_order_of_keys() {
    let home = versioned().await;
    let a1 = put(&home, "a", "1").await;
    let b1 = put(&home, "b", "1").await;
    let a2 = put(&home, "a", "22").await;
    let b2 = id(&home.delete("b").await.is(204));
    let c1 = put(&home, "a/c", "1").await;
    let expected = [
        ("a", &a2, true, "Version"),
        ("a", &a1, false, "Version"),
        ("a/c", &c1, true, "Version"),
        ("b", &b2, true, "DeleteMarker"),
        ("b", &b1, false, "Version"),
    ];
    let expected: Vec<_> =
        expected.into_iter().map(|(k, v, latest, name)| (k.to_owned(), v.clone(), latest, name.to_owned())).collect();
    assert_eq!(all(&home).await, expected);
    let xml = home.on("GET").flag("versions").await.is(200).xml();
    let sizes: Vec<String> = xml.texts("Version/Size");
    assert_eq!((xml.name.as_str(), sizes), ("ListVersionsResult", ["2", "1", "1", "1"].map(String::from).to_vec()));
    assert!(xml.texts("Version/ETag").iter().all(|etag| etag.starts_with('"')));
    assert_eq!(xml.texts("Version/Owner/ID").len(), 4);
    for size in 1..=6 {
        assert_eq!(pages(&home, size, &[]).await, expected, "pages of {size}");
    }
    home.delete("a").query("versionId", &a2).await.is(204);
    assert_eq!(all(&home).await[0], ("a".to_owned(), a1.clone(), true, "Version".to_owned()));
    home.get("a").await.is(200).has_body("1").has("x-amz-version-id", &a1);
}

/// All pages of a size, one after the other.
async fn pages(home: &Home, size: usize, more: &[(&str, &str)]) -> Vec<(String, String, bool, String)> {
    let (mut found, mut after) = (Vec::new(), None::<(String, String)>);
    loop {
        let mut request = home.on("GET").flag("versions").query("max-keys", size);
        for (name, value) in more {
            request = request.query(name, value);
        }
        if let Some((key, version)) = &after {
            request = request.query("key-marker", key).query("version-id-marker", version);
        }
        let xml = request.await.is(200).xml();
        let page = entries(&xml);
        assert!(page.len() + xml.all("CommonPrefixes").len() <= size);
        found.extend(page);
        if xml.text("IsTruncated") == "false" {
            return found;
        }
        let version = xml.get("NextVersionIdMarker").unwrap_or_default().to_owned();
        after = Some((xml.text("NextKeyMarker").to_owned(), version));
    }
}

/// Behaviour 52.
#[tokio::test]
async fn groups_and_prefixes_hold_for_versions_too() {
    let home = versioned().await;
    for key in ["a/1", "a/2", "b", "c/1", "d"] {
        put(&home, key, "x").await;
        put(&home, key, "y").await;
    }
    home.delete("c/1").await.is(204);
    let xml = home.on("GET").flag("versions").query("delimiter", "/").await.is(200).xml();
    assert_eq!(xml.texts("CommonPrefixes/Prefix"), ["a/", "c/"]);
    let keys: Vec<String> = entries(&xml).into_iter().map(|entry| entry.0).collect();
    assert_eq!(keys, ["b", "b", "d", "d"]);
    for size in 1..=4 {
        let keys: Vec<String> =
            pages(&home, size, &[("delimiter", "/")]).await.into_iter().map(|entry| entry.0).collect();
        assert_eq!(keys, ["b", "b", "d", "d"], "pages of {size}");
    }
    let xml = home.on("GET").flag("versions").query("prefix", "c/").await.is(200).xml();
    assert_eq!(entries(&xml).len(), 3);
    let xml = home.on("GET").flag("versions").query("key-marker", "b").await.is(200).xml();
    assert_eq!(entries(&xml).len(), 5);
    let none = home.on("GET").flag("versions").query("version-id-marker", "null");
    none.await.is_error(400, "InvalidArgument");
    let nothing = home.on("GET").flag("versions").query("max-keys", 0).await.is(200).xml();
    assert_eq!((entries(&nothing).len(), nothing.text("IsTruncated")), (0, "false"));
}

/// Behaviour 53.
#[tokio::test]
async fn many_versions_are_deleted_at_once_each_by_its_id() {
    let home = versioned().await;
    let one = put(&home, "k", "1").await;
    put(&home, "k", "2").await;
    put(&home, "other", "3").await;
    let body = format!(
        "<Delete><Object><Key>k</Key><VersionId>{one}</VersionId></Object><Object><Key>other</Key></Object>\
         <Object><Key>k</Key><VersionId>nonsense</VersionId></Object></Delete>"
    );
    let md5 = windlass_tests::digest::content_md5(body.as_bytes());
    let xml = home.on("POST").flag("delete").header("content-md5", md5).body(body).await.is(200).xml();
    let deleted = xml.all("Deleted");
    assert_eq!(deleted.len(), 2);
    assert_eq!((deleted[0].text("VersionId"), deleted[0].get("DeleteMarker")), (one.as_str(), None));
    assert_eq!((deleted[1].text("Key"), deleted[1].text("DeleteMarker")), ("other", "true"));
    assert_eq!(xml.text("Error/Code"), "InvalidArgument");
    let marker = deleted[1].text("DeleteMarkerVersionId").to_owned();
    assert!(all(&home).await.contains(&("other".to_owned(), marker, true, "DeleteMarker".to_owned())));
    home.get("k").await.is(200).has_body("2");
    home.get("k").query("versionId", &one).await.is_error(404, "NoSuchVersion");
}

/// Behaviour 53.
#[tokio::test]
async fn racing_writes_and_deletes_lose_and_double_no_version() {
    let home = versioned().await;
    let writes = (0..40).map(|n| {
        let home = &home;
        async move {
            match n % 4 {
                3 => id(&home.delete("k").await.is(204)),
                _ => id(&home.put("k", n.to_string()).await.is(200)),
            }
        }
    });
    let mut made = futures::future::join_all(writes).await;
    let mut listed: Vec<String> = all(&home).await.into_iter().map(|entry| entry.1).collect();
    made.sort();
    listed.sort();
    assert_eq!(listed, made);
    assert_eq!(all(&home).await.iter().filter(|entry| entry.2).count(), 1);
}

/// Behaviour 30.
#[tokio::test]
async fn conditions_are_about_the_current_version_alone() {
    let home = versioned().await;
    let old = home.put("k", "1").await.is(200).etag();
    let new = home.put("k", "2").await.is(200).etag();
    home.put("k", "3").header("if-match", &old).await.is_error(412, "PreconditionFailed");
    home.put("k", "3").header("if-match", &new).await.is(200);
    home.delete("k").await.is(204);
    home.put("k", "4").header("if-match", "*").await.is_error(404, "NoSuchKey");
    home.put("k", "4").header("if-none-match", "*").await.is(200);
    home.put("k", "5").header("if-none-match", "*").await.is_error(412, "PreconditionFailed");
}

/// Behaviour 14.
#[tokio::test]
async fn a_bucket_with_versions_or_markers_is_not_empty() {
    let home = versioned().await;
    let version = put(&home, "k", "1").await;
    let marker = id(&home.delete("k").await.is(204));
    home.on("DELETE").await.is_error(409, "BucketNotEmpty");
    home.delete("k").query("versionId", &version).await.is(204);
    home.on("DELETE").await.is_error(409, "BucketNotEmpty");
    home.delete("k").query("versionId", &marker).await.is(204);
    home.on("DELETE").await.is(204);
}

/// Behaviours 34 to 36.
#[tokio::test]
async fn a_copy_can_be_of_any_version() {
    let home = versioned().await;
    let old = noise(1, 300_000);
    let one = id(&home.put("k", old.clone()).await.is(200));
    put(&home, "k", "new").await;
    let marker = id(&home.delete("k").await.is(204));
    let source = |version: &str| format!("/{}/k?versionId={version}", home.name);
    let copied = home.at("PUT", "copy").header("x-amz-copy-source", source(&one)).await.is(200);
    copied.has("x-amz-copy-source-version-id", &one);
    home.get("copy").await.is(200).has_body(&old);
    // Onto itself, which is how an old version is made current again.
    home.at("PUT", "k").header("x-amz-copy-source", source(&one)).await.is(200);
    home.get("k").await.is(200).has_body(&old);
    home.at("PUT", "copy").header("x-amz-copy-source", source(&marker)).await.is_error(400, "InvalidRequest");
    home.at("PUT", "copy").header("x-amz-copy-source", source("x")).await.is_error(400, "InvalidArgument");
    let unknown = "0".repeat(32);
    home.at("PUT", "copy").header("x-amz-copy-source", source(&unknown)).await.is_error(404, "NoSuchVersion");
    let upload = home.upload("parts").await;
    let part = home.part_copy("parts", &upload, 1, &source(&one)).await.is(200);
    let etag = part.has("x-amz-copy-source-version-id", &one).xml().text("ETag").to_owned();
    home.complete("parts", &upload, &[(1, etag)]).await.is(200);
    home.get("parts").await.is(200).has_body(&old);
}

#[tokio::test]
async fn old_versions_of_every_size_keep_their_bytes_and_headers() {
    let home = versioned().await;
    let bodies: Vec<Bytes> = vec![Bytes::new(), noise(1, 100), noise(2, 100_000)];
    let mut made = Vec::new();
    for (n, body) in bodies.iter().enumerate() {
        let put = home.put("k", body.clone()).header("x-amz-meta-n", n.to_string()).await.is(200);
        made.push((id(&put), body.clone()));
    }
    let parts = [noise(3, PART), noise(4, 10)];
    made.push((id(&home.multipart("k", &parts).await), Bytes::from(parts.concat())));
    home.delete("k").await.is(204);
    for (version, body) in &made {
        home.get("k").query("versionId", version).await.is(200).has_body(body);
    }
    let (multipart, _) = &made[3];
    let part = home.get("k").query("versionId", multipart).query("partNumber", 2).await.is(206);
    part.has_body(&parts[1]);
    let attributes = home.get("k").flag("attributes").query("versionId", multipart);
    let attributes = attributes.header("x-amz-object-attributes", "ObjectSize").await.is(200);
    attributes.has("x-amz-version-id", multipart);
    for (version, _) in &made {
        home.delete("k").query("versionId", version).await.is(204);
    }
    assert_eq!(all(&home).await.len(), 1);
}
