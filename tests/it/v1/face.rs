//! The files face: `/v1/files`, in the organisation's default bucket or `?bucket=`.

use serde_json::{Value, json};
use windlass_tests::digest::etag;
use windlass_tests::json::{Json, text};
use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::shape::{Kind, has_shape};

use super::house::{Home, Org, token};

const FILE: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("key", Kind::Text),
    ("size", Kind::Count),
    ("content_type", Kind::Text),
    ("created_at", Kind::Time),
    ("checksum", Kind::Text),
];
const PAGE: &[(&str, Kind)] = &[("files", Kind::Any), ("cursor", Kind::Or(&Kind::Text)), ("has_more", Kind::Flag)];
const NO_FILE: &str = "The requested object does not exist.";
const NO_BUCKET: &str = "The requested bucket does not exist.";

/// The identifier of a file: base64url of the bucket's name, a NUL and the key, behind `file_`.
pub(crate) fn file_id(bucket: &str, key: &str) -> String {
    use base64::Engine as _;
    let place = [bucket.as_bytes(), b"\0", key.as_bytes()].concat();
    format!("file_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(place))
}

async fn upload(org: &Org, bucket: &Home, key: &str, body: &[u8]) -> Value {
    let call = org.json.call("POST", "/v1/files/upload").query("bucket", &bucket.name);
    call.form(&[("key", key), ("content_type", "text/css")], Some(("x", "image/png", body))).await.bare(201)
}

#[tokio::test]
async fn an_upload_by_a_form_is_the_object_that_s3_sees() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for (key, size) in [("a", 0), ("dir/b c+é", 10), ("large", 3_000_000)] {
        let body = crate::home::noise(7, size);
        let file = upload(&org, &bucket, key, &body).await;
        has_shape(&file, FILE);
        assert_eq!(file["id"], file_id(&bucket.name, key).as_str());
        assert_eq!(
            (&file["key"], &file["size"], &file["content_type"]),
            (&key.into(), &size.into(), &"text/css".into())
        );
        assert_eq!(format!("\"{}\"", text(&file, "checksum")), etag(&body));
        let answer = org.s3.request("GET", &bucket.name, key).await.is(200).has_body(&body);
        answer.has("content-type", "text/css");
        let path = format!("/v1/files/{}", text(&file, "id"));
        assert_eq!(org.json.get(&path).await.bare(200), file);
        org.json.get(&format!("{path}/content")).await.is(200).has_body(&body).tells_limits();
    }
}

#[tokio::test]
async fn what_a_form_does_not_say_is_taken_from_its_file() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let form = |fields: &[(&str, &str)], file| {
        org.json.call("POST", "/v1/files/upload").query("bucket", &bucket.name).form(fields, file)
    };
    let file = form(&[], Some(("photo.png", "image/webp", b"x"))).await.bare(201);
    assert_eq!((&file["key"], &file["content_type"]), (&"photo.png".into(), &"image/webp".into()));
    let file = form(&[("key", "k"), ("unknown", "x")], Some(("photo.png", "image/webp", b"x"))).await.bare(201);
    assert_eq!((&file["key"], &file["content_type"]), (&"k".into(), &"image/webp".into()));
}

#[tokio::test]
async fn what_is_no_form_with_a_file_is_400() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let post = || org.json.call("POST", "/v1/files/upload").query("bucket", &bucket.name);
    post().form(&[("key", "k")], None).await.bare_told(400, "bad_request");
    post().form(&[("key", &"k".repeat(1025))], Some(("x", "text/plain", b"x"))).await.bare_told(400, "bad_request");
    post().json(&json!({ "key": "k" })).await.bare_told(400, "bad_request");
    post().body("nonsense").await.bare_told(400, "bad_request");
    let cut = post().header("content-type", "multipart/form-data; boundary=x").body("--x\r\nContent-Disposition: form");
    cut.await.bare_told(400, "bad_request");
    post().header("content-type", "multipart/form-data").body("x").await.bare_told(400, "bad_request");
    assert_eq!(bucket.shown().await["objectCount"], 0);
}

#[tokio::test]
async fn a_list_has_whole_files_and_says_whether_there_are_more() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let keys = ["a", "b/c", "b/d", "z", "é"];
    for key in keys {
        upload(&org, &bucket, key, key.as_bytes()).await;
    }
    let list = || org.json.get("/v1/files").query("bucket", &bucket.name);
    for limit in [1, 2, 5, 1_000] {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut call = list().query("limit", limit);
            if let Some(cursor) = &cursor {
                call = call.query("cursor", cursor);
            }
            let page = call.await.bare(200);
            has_shape(&page, PAGE);
            for file in page["files"].as_array().unwrap() {
                has_shape(file, FILE);
                assert_eq!(file["content_type"], "text/css");
                seen.push(text(file, "key"));
            }
            assert_eq!(page["has_more"].as_bool().unwrap(), page["cursor"].is_string());
            match page["cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(seen, keys, "by {limit}");
    }
    let prefixed = list().query("prefix", "b/").await.bare(200);
    assert_eq!(prefixed["files"].as_array().unwrap().len(), 2);
    for (name, value) in [("limit", "0"), ("limit", "1001"), ("limit", "x"), ("cursor", "x")] {
        list().query(name, value).await.bare_told(400, "bad_request");
    }
}

#[tokio::test]
async fn a_page_has_100_files_unless_something_else_is_said() {
    let org = Org::new();
    let bucket = org.bucket().await;
    for n in 0..101 {
        org.s3.request("PUT", &bucket.name, &format!("{n:03}")).await.is(200);
    }
    let page = org.json.get("/v1/files").query("bucket", &bucket.name).await.bare(200);
    assert_eq!((page["files"].as_array().unwrap().len(), &page["has_more"]), (100, &true.into()));
}

#[tokio::test]
async fn without_a_name_the_default_bucket_is_meant() {
    let org = Org::new();
    org.json.get("/v1/files").await.bare_refused(404, "not_found", NO_BUCKET);
    let mut both = [org.bucket().await, org.bucket().await];
    both.sort_by_key(|bucket| bucket.id.clone());
    let [first, second] = both;
    upload(&org, &second, "in the second", b"x").await;
    org.json.call("POST", "/v1/files/upload").form(&[("key", "k")], Some(("x", "text/plain", b"x"))).await.bare(201);
    assert_eq!(first.shown().await["objectCount"], 1);
    let page = org.json.get("/v1/files").await.bare(200);
    assert_eq!(page["files"][0]["id"], file_id(&first.name, "k").as_str());
    // By its name on S3 and by its identifier.
    for bucket in [&second.name, &second.id] {
        let page = org.json.get("/v1/files").query("bucket", bucket).await.bare(200);
        assert_eq!(page["files"][0]["key"], "in the second");
    }
    org.json.get("/v1/files").query("bucket", "nowhere-at-all").await.bare_refused(404, "not_found", NO_BUCKET);
}

#[tokio::test]
async fn a_default_bucket_can_be_chosen() {
    let token = token("face");
    let config = format!(
        "[[organisation]]\nname = \"o\"\nbuckets = [\"face-first\", \"face-chosen\"]\n\
         default_bucket = \"face-chosen\"\n[[organisation.key]]\nname = \"k\"\naccess_key_id = \"FACE\"\n\
         secret_access_key = \"secret-0123456789\"\ntoken = \"{token}\"\n"
    );
    let server = Server::start_with(Options::default().config(&config), DataDir::new());
    let json = Json::new(&server.client(), &token);
    let form = json.call("POST", "/v1/files/upload").form(&[("key", "k")], Some(("x", "text/plain", b"x")));
    assert_eq!(form.await.bare(201)["id"], file_id("face-chosen", "k").as_str());
}

#[tokio::test]
async fn a_file_is_deleted_once_and_permanently() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let file = upload(&org, &bucket, "k", b"x").await;
    let path = format!("/v1/files/{}", text(&file, "id"));
    let gone = org.json.delete(&path).await.is(204).has_body("");
    gone.tells_limits();
    for call in [org.json.delete(&path), org.json.get(&path), org.json.get(&format!("{path}/content"))] {
        call.await.bare_refused(404, "not_found", NO_FILE);
    }
    org.s3.request("GET", &bucket.name, "k").await.is_error(404, "NoSuchKey");
}

#[tokio::test]
async fn what_is_no_file_is_404() {
    let (org, other) = (Org::new(), Org::new());
    let (bucket, foreign) = (org.bucket().await, other.bucket().await);
    upload(&other, &foreign, "k", b"secret").await;
    for id in ["x", "file_", "file_!!", "folder_root", &bucket.id, "%00", "%FF", &file_id(&bucket.name, "missing")] {
        let path = format!("/v1/files/{id}");
        for call in [org.json.get(&path), org.json.delete(&path), org.json.get(&format!("{path}/content"))] {
            call.await.bare_refused(404, "not_found", NO_FILE);
        }
    }
    for (bucket, key) in [(foreign.name.as_str(), "k"), ("nowhere-at-all", "k")] {
        let answer = org.json.get(&format!("/v1/files/{}", file_id(bucket, key))).await;
        answer.bare_refused(404, "not_found", NO_BUCKET);
    }
}

#[tokio::test]
async fn bytes_are_read_in_ranges_and_under_conditions() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let file = upload(&org, &bucket, "dir/n a.txt", b"0123456789").await;
    let path = format!("/v1/files/{}/content", text(&file, "id"));
    let tag = format!("\"{}\"", text(&file, "checksum"));
    let get = |name: &str, value: &str| org.json.get(&path).header(name, value);
    let whole =
        org.json.get(&path).await.is(200).has_body("0123456789").has("etag", &tag).has("accept-ranges", "bytes");
    whole.has("content-type", "text/css").has("x-content-type-options", "nosniff").tells_limits();
    for (range, status, bytes) in [("0-3", 206, "0123"), ("8-", 206, "89"), ("-3", 206, "789"), ("5-99", 206, "56789")]
    {
        get("range", &format!("bytes={range}")).await.is(status).has_body(bytes);
    }
    let answer = get("range", "bytes=2-4").await.is(206);
    answer.has("content-range", "bytes 2-4/10").has("content-length", "3").tells_limits();
    let beyond = get("range", "bytes=10-").await.has("content-range", "bytes */10");
    beyond.bare_told(416, "range_not_satisfiable");
    get("range", "nonsense").await.is(200).has_body("0123456789");
    get("if-none-match", &tag).await.is(304).has_body("").has("etag", &tag);
    get("if-none-match", "\"other\"").await.is(200);
    get("if-match", "\"other\"").await.bare_told(412, "precondition_failed");
    get("if-range", &tag).header("range", "bytes=0-0").await.is(206).has_body("0");
    get("if-range", "\"other\"").header("range", "bytes=0-0").await.is(200).has_body("0123456789");
    org.json.call("HEAD", &path).await.is(200).has_body("").has("content-length", "10");
}

#[tokio::test]
async fn errors_of_a_bearer_on_s3_are_json_and_those_of_a_signer_xml() {
    let org = Org::new();
    let bucket = org.bucket().await;
    let path = format!("/{}/missing", bucket.name);
    org.json.get(&path).await.bare_error(404, "not_found", NO_FILE);
    org.json.get("/nowhere-at-all/k").await.bare_error(404, "not_found", NO_BUCKET);
    org.s3.request("GET", &bucket.name, "missing").await.is_error(404, "NoSuchKey");
    let accepts = org.s3.request("GET", &bucket.name, "missing").header("accept", "application/json");
    accepts.await.is_error(404, "NoSuchKey");
    let nobody = Json::anonymous(&org.s3);
    nobody.get(&path).header("accept", "application/json").await.bare_error(401, "unauthorized", "Missing API key");
    nobody.get(&path).await.is_error(403, "AccessDenied");
    org.json.with("bkt_x").get(&path).await.bare_error(401, "unauthorized", "Invalid API key");
    org.json.with("x").get(&path).await.bare_error(401, "unauthorized", "Invalid API key format");
}
