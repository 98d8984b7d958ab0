//! Access control lists where they count.

use windlass_tests::answer::Answer;
use windlass_tests::client::Bucket;
use windlass_tests::request::{Auth, Request};
use windlass_tests::xml::Xml;

use super::neighbours::Neighbours;
use crate::home::PART;

const ALL: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOGS: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// The lines of a list: whom, and what.
fn lines(answer: Answer) -> Vec<(String, String)> {
    let xml = answer.is(200).xml();
    let line = |grant: &Xml| {
        let grantee = grant.get("Grantee/ID").or_else(|| grant.get("Grantee/URI")).unwrap().to_owned();
        (grantee, grant.text("Permission").to_owned())
    };
    xml.all("AccessControlList/Grant").into_iter().map(line).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(whom, what)| ((*whom).to_owned(), (*what).to_owned())).collect()
}

fn canned(request: Request, name: &str) -> Request {
    request.header("x-amz-acl", name)
}

/// A list as XML.
fn document(owner: &str, grants: &[(&str, &str)]) -> String {
    let grant = |(grantee, permission): &(&str, &str)| {
        let (kind, name) = if grantee.contains("://") { ("Group", "URI") } else { ("CanonicalUser", "ID") };
        format!(
            "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">\
             <{name}>{grantee}</{name}></Grantee><Permission>{permission}</Permission></Grant>"
        )
    };
    let grants: String = grants.iter().map(grant).collect();
    format!(
        "<AccessControlPolicy><Owner><ID>{owner}</ID></Owner><AccessControlList>{grants}</AccessControlList>\
         </AccessControlPolicy>"
    )
}

/// Behaviour 59: canned lists give the exact grantees, the owner's FULL_CONTROL first.
#[tokio::test]
async fn canned_lists_grant_exactly_what_their_names_say() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    home.bucket.put("k", "v").await.is(200);
    let mine = home.mine_id.as_str();
    let owner = (mine, "FULL_CONTROL");
    for (name, others) in [
        ("private", vec![]),
        ("public-read", vec![(ALL, "READ")]),
        ("public-read-write", vec![(ALL, "READ"), (ALL, "WRITE")]),
        ("authenticated-read", vec![(AUTHENTICATED, "READ")]),
        ("bucket-owner-read", vec![]),
        ("bucket-owner-full-control", vec![]),
        ("aws-exec-read", vec![]),
    ] {
        let expected = pairs(&[vec![owner], others].concat());
        canned(home.bucket.on("PUT").flag("acl"), name).await.is(200);
        assert_eq!(lines(home.bucket.on("GET").flag("acl").await), expected, "{name} on the bucket");
        canned(home.bucket.at("PUT", "k").flag("acl"), name).await.is(200);
        assert_eq!(lines(home.bucket.get("k").flag("acl").await), expected, "{name} on the object");
        canned(home.bucket.put("new", "v"), name).await.is(200);
        assert_eq!(lines(home.bucket.get("new").flag("acl").await), expected, "{name} on a new object");
    }
    canned(home.bucket.on("PUT").flag("acl"), "log-delivery-write").await.is(200);
    let expected = pairs(&[owner, (LOGS, "WRITE"), (LOGS, "READ_ACP")]);
    assert_eq!(lines(home.bucket.on("GET").flag("acl").await), expected);
    canned(home.bucket.on("PUT").flag("acl"), "everything").await.is_error(400, "InvalidArgument");
    home.bucket.on("PUT").flag("acl").await.is_error(400, "MissingSecurityHeader");
}

/// Behaviour 59: `x-amz-grant-*` headers give the exact grantees.
#[tokio::test]
async fn headers_grant_exactly_what_they_say() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    let (mine, other) = (home.mine_id.as_str(), home.other_id.as_str());
    let granted = |request: Request| {
        request
            .header("x-amz-grant-full-control", format!("id=\"{mine}\""))
            .header("x-amz-grant-read", format!("id=\"{other}\", uri=\"{AUTHENTICATED}\""))
            .header("x-amz-grant-write-acp", format!("id={other}"))
    };
    let expected = pairs(&[(other, "READ"), (AUTHENTICATED, "READ"), (other, "WRITE_ACP"), (mine, "FULL_CONTROL")]);
    granted(home.bucket.put("k", "v")).await.is(200);
    assert_eq!(lines(home.bucket.get("k").flag("acl").await), expected);
    granted(home.bucket.on("PUT").flag("acl")).await.is(200);
    assert_eq!(lines(home.bucket.on("GET").flag("acl").await), expected);
    granted(home.bucket.at("PUT", "k").flag("acl")).await.is(200);
    let upload = granted(home.bucket.create("parts")).await.is(200).xml().text("UploadId").to_owned();
    let part = home.bucket.part("parts", &upload, 1, vec![b'x'; PART]).await.is(200).etag();
    home.bucket.complete("parts", &upload, &[(1, part)]).await.is(200);
    assert_eq!(lines(home.bucket.get("parts").flag("acl").await), expected, "of an upload, those of its beginning");
    let both = canned(granted(home.bucket.put("k", "v")), "private");
    both.await.is_error(400, "InvalidRequest");
    let by_mail = home.bucket.put("k", "v").header("x-amz-grant-read", "emailAddress=\"a@example.com\"");
    by_mail.await.is_error(400, "UnresolvableGrantByEmailAddress");
}

/// Behaviour 59: an unknown user → 400 InvalidArgument.
#[tokio::test]
async fn a_list_as_xml_is_taken_whole_or_not_at_all() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    home.bucket.put("k", "v").await.is(200);
    let (mine, other) = (home.mine_id.as_str(), home.other_id.as_str());
    let put = |document: String| home.bucket.at("PUT", "k").flag("acl").body(document);
    let given = [(mine, "FULL_CONTROL"), (other, "READ"), (ALL, "READ_ACP"), (LOGS, "WRITE")];
    put(document(mine, &given)).await.is(200);
    assert_eq!(lines(home.bucket.get("k").flag("acl").await), pairs(&given));
    let unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    put(document(mine, &[(unknown, "READ")])).await.is_error(400, "InvalidArgument");
    put(document(mine, &[("nobody", "READ")])).await.is_error(400, "InvalidArgument");
    put(document(mine, &[("http://example.com/x", "READ")])).await.is_error(400, "InvalidArgument");
    put(document(mine, &[(other, "DANCE")])).await.is_error(400, "MalformedACLError");
    put(document(other, &[(other, "FULL_CONTROL")])).await.is_error(403, "AccessDenied");
    put("<AccessControlPolicy></AccessControlPolicy>".to_owned()).await.is_error(400, "MalformedACLError");
    put("<Nonsense/>".to_owned()).await.is_error(400, "MalformedXML");
    canned(put(document(mine, &given)), "private").await.is_error(400, "UnexpectedContent");
    let many = vec![(other, "READ"); 101];
    put(document(mine, &many)).await.is_error(400, "InvalidArgument");
    assert_eq!(lines(home.bucket.get("k").flag("acl").await), pairs(&given));
    // An empty list leaves its owner the right to mend it.
    put(document(mine, &[])).await.is(200);
    assert_eq!(lines(home.bucket.get("k").flag("acl").await), vec![]);
    home.bucket.get("missing").flag("acl").await.is_error(404, "NoSuchKey");
    home.bucket.at("PUT", "missing").flag("acl").header("x-amz-acl", "private").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn an_object_s_list_lets_in_whom_it_names() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    let other = home.seen_by(&home.other);
    for (name, nobody, strangers) in
        [("private", 403, 403), ("authenticated-read", 403, 200), ("public-read", 200, 200)]
    {
        canned(home.bucket.put("k", "v"), name).await.is(200);
        home.nobody("GET", "k").await.is(nobody);
        home.nobody("HEAD", "k").await.is(nobody);
        other.get("k").await.is(strangers);
        home.seen_by(&home.reader).get("k").await.is(strangers);
        home.nobody("PUT", "k").body("w").await.is_error(403, "AccessDenied");
        other.get("k").flag("acl").await.is_error(403, "AccessDenied");
        other.delete("k").await.is_error(403, "AccessDenied");
        other.get("k").flag("tagging").await.is_error(403, "AccessDenied");
    }
    let acp = document(&home.mine_id, &[(&home.other_id, "READ_ACP"), (&home.other_id, "WRITE_ACP")]);
    home.bucket.at("PUT", "k").flag("acl").body(acp).await.is(200);
    other.get("k").await.is_error(403, "AccessDenied");
    other.get("k").flag("acl").await.is(200);
    let all = document(&home.mine_id, &[(&home.other_id, "FULL_CONTROL")]);
    other.at("PUT", "k").flag("acl").body(all).await.is(200);
    other.get("k").await.is(200).has_body("v");
    home.bucket.get("k").await.is(200);
    // A new object at the key is as private as any.
    home.bucket.put("k", "w").await.is(200);
    other.get("k").await.is_error(403, "AccessDenied");
}

/// Behaviours 18 and 33: the list of what was there before, or of a copy's source, does not survive.
#[tokio::test]
async fn a_list_is_neither_inherited_nor_copied() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    canned(home.bucket.put("k", "v"), "public-read").await.is(200);
    home.bucket.copy("k", "copy").await.is(200);
    home.nobody("GET", "copy").await.is_error(403, "AccessDenied");
    canned(home.bucket.copy("k", "copy"), "public-read").await.is(200);
    home.nobody("GET", "copy").await.is(200);
    home.bucket.put("k", "w").await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
}

#[tokio::test]
async fn a_bucket_s_list_opens_the_bucket_and_not_its_objects() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    let other: Bucket = home.seen_by(&home.other);
    home.bucket.put("k", "v").await.is(200);
    canned(home.bucket.on("PUT").flag("acl"), "public-read").await.is(200);
    assert_eq!(home.nobody("GET", "").await.is(200).xml().texts("Contents/Key"), ["k"]);
    home.nobody("GET", "").flag("versions").await.is(200);
    home.nobody("HEAD", "").await.is(200);
    home.nobody("GET", "k").await.is_error(403, "AccessDenied");
    home.nobody("GET", "missing").await.is_error(404, "NoSuchKey");
    home.nobody("GET", "").flag("acl").await.is_error(403, "AccessDenied");
    home.nobody("PUT", "new").body("v").await.is_error(403, "AccessDenied");
    canned(home.bucket.on("PUT").flag("acl"), "authenticated-read").await.is(200);
    home.nobody("GET", "").await.is_error(403, "AccessDenied");
    other.on("GET").await.is(200);
    let write = document(&home.mine_id, &[(&home.mine_id, "FULL_CONTROL"), (&home.other_id, "WRITE")]);
    home.bucket.on("PUT").flag("acl").body(write).await.is(200);
    other.on("GET").await.is_error(403, "AccessDenied");
    other.put("theirs", "w").await.is(200);
    canned(other.put("handed", "w"), "bucket-owner-full-control").await.is(200);
    other.put("tagged", "w").header("x-amz-tagging", "a=b").await.is_error(403, "AccessDenied");
    other.get("theirs").await.is(200).has_body("w");
    home.bucket.get("theirs").await.is_error(403, "AccessDenied");
    home.bucket.get("handed").await.is(200);
    home.seen_by(&home.reader).put("theirs", "x").await.is_error(403, "AccessDenied");
    other.delete("theirs").await.is(204);
    home.nobody("PUT", "new").body("v").await.is_error(403, "AccessDenied");
    canned(home.bucket.on("PUT").flag("acl"), "public-read-write").await.is(200);
    home.nobody("PUT", "new").body("v").await.is(200);
    let batch = home.bucket.delete_many(&["handed", "new"], false).auth(Auth::Anonymous).await.is(200).xml();
    assert_eq!(batch.texts("Deleted/Key"), ["handed", "new"]);
    home.nobody("DELETE", "k").query("versionId", "null").await.is_error(403, "AccessDenied");
}

#[tokio::test]
async fn reading_and_writing_a_bucket_s_list_are_rights_of_their_own() {
    let home = Neighbours::with_lists("ObjectWriter").await;
    let other = home.seen_by(&home.other);
    let (mine, id) = (home.mine_id.as_str(), home.other_id.as_str());
    let give = async |permission: &str| {
        let list = document(mine, &[(mine, "FULL_CONTROL"), (id, permission)]);
        home.bucket.on("PUT").flag("acl").body(list).await.is(200);
        let read = other.on("GET").flag("acl").await.status;
        let list = document(mine, &[(mine, "FULL_CONTROL")]);
        (read, other.on("PUT").flag("acl").body(list).await.status)
    };
    assert_eq!(give("READ").await, (403, 403));
    assert_eq!(give("READ_ACP").await, (200, 403));
    assert_eq!(give("WRITE_ACP").await, (403, 200));
    assert_eq!(give("FULL_CONTROL").await, (200, 200));
    home.seen_by(&home.reader).on("PUT").flag("acl").header("x-amz-acl", "private").await.is_error(403, "AccessDenied");
}
