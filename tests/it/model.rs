//! Random sequences of operations against the oracle: after each, the gateway says what the plain map says, and so it does
//! after a kill.

use windlass_tests::client::Bucket;
use windlass_tests::digest::{etag, multipart_etag};
use windlass_tests::oracle::{Model, Page, Stored};
use windlass_tests::server::Server;

use crate::home::{PART, noise, number, seed};

/// Keys of one alphabet, so that prefixes and groups meet.
const KEYS: [&str; 24] = [
    "a",
    "a/",
    "a/b",
    "a/b/c",
    "a/b/d",
    "a//x",
    "a0",
    "a b",
    "a+b",
    "a%2Fb",
    "b",
    "b/1",
    "b/2",
    "b/3",
    "b#",
    "c/ü/1",
    "c/ü/2",
    "c/日",
    "d",
    "d.1",
    "d.2",
    "dir/sub/x",
    "dir/sub/y",
    "z",
];
const PREFIXES: [&str; 9] = ["", "", "a", "a/", "a/b", "b/", "c/ü", "dir/", "nothing"];
const DELIMITERS: [&str; 5] = ["", "/", "/", ".", "b"];
const LENGTHS: [usize; 8] = [0, 1, 100, 4_096, 4_097, 65_536, 65_537, 300_000];

struct Walk {
    rng: fastrand::Rng,
    bucket: Bucket,
    model: Model,
    /// Every version that was ever made by a put, with its ETag.
    versions: Vec<(&'static str, String, String)>,
}

impl Walk {
    fn key(&mut self) -> &'static str {
        KEYS[self.rng.usize(..KEYS.len())]
    }

    async fn step(&mut self) {
        match self.rng.u32(..100) {
            0..30 => self.put().await,
            30..36 => self.put_conditional().await,
            36..48 => self.delete().await,
            48..52 => self.delete_many().await,
            52..64 => self.copy().await,
            64..70 => self.multipart().await,
            70..80 => self.read().await,
            80..86 => self.read_range().await,
            _ => self.list().await,
        }
    }

    fn object(&mut self) -> Stored {
        let body = noise(self.rng.u64(..), LENGTHS[self.rng.usize(..LENGTHS.len())]);
        let note = format!("note {}", self.rng.u32(..1_000));
        Stored { etag: etag(&body), body, content_type: format!("text/{}", self.rng.u32(..9)), note }
    }

    async fn put(&mut self) {
        let (key, object) = (self.key(), self.object());
        let put = self.bucket.put(key, object.body.clone()).header("content-type", &object.content_type);
        let answer = put.header("x-amz-meta-note", &object.note).await.is(200).has("etag", &object.etag);
        if let Some(version) = answer.header("x-amz-version-id") {
            self.versions.push((key, version.to_owned(), object.etag.clone()));
        }
        self.model.put(key, object);
    }

    async fn put_conditional(&mut self) {
        let (key, object) = (self.key(), self.object());
        let present = self.model.get(key).cloned();
        let put = self.bucket.put(key, object.body.clone()).header("content-type", &object.content_type);
        let put = put.header("x-amz-meta-note", &object.note);
        let (answer, status) = match (self.rng.u32(..3), &present) {
            (0, None) => (put.header("if-none-match", "*").await, 200),
            (0, Some(_)) => (put.header("if-none-match", "*").await, 412),
            (1, Some(old)) => (put.header("if-match", &old.etag).await, 200),
            (1, None) => (put.header("if-match", "\"x\"").await, 404),
            (_, Some(_)) => (put.header("if-match", "\"x\"").await, 412),
            (_, None) => (put.header("if-match", "*").await, 404),
        };
        if answer.is(status).status == 200 {
            self.model.put(key, object);
        }
    }

    async fn delete(&mut self) {
        let key = self.key();
        self.bucket.delete(key).await.is(204);
        self.model.delete(key);
    }

    async fn delete_many(&mut self) {
        let keys: Vec<&str> = (0..self.rng.usize(1..6)).map(|_| self.key()).collect();
        let xml = self.bucket.delete_many(&keys, self.rng.bool()).await.is(200).xml();
        assert!(xml.all("Error").is_empty(), "{xml:?}");
        keys.iter().for_each(|key| self.model.delete(key));
    }

    async fn copy(&mut self) {
        let (from, to) = (self.key(), self.key());
        let replace = from == to || self.rng.bool();
        let mut copy = self.bucket.copy(from, to);
        if replace {
            copy = copy.header("x-amz-metadata-directive", "REPLACE").header("content-type", "text/copy");
            copy = copy.header("x-amz-meta-note", "copied");
        }
        let answer = copy.await;
        let Some(mut object) = self.model.get(from).cloned() else {
            answer.is_error(404, "NoSuchKey");
            return;
        };
        assert_eq!(answer.is(200).xml().text("ETag"), object.etag);
        if replace {
            object.content_type = "text/copy".to_owned();
            object.note = "copied".to_owned();
        }
        self.model.put(to, object);
    }

    async fn multipart(&mut self) {
        let key = self.key();
        let create = self.bucket.create(key).header("content-type", "text/parts").header("x-amz-meta-note", "parts");
        let upload = create.await.is(200).xml().text("UploadId").to_owned();
        let mut lens = if self.rng.u32(..4) == 0 { vec![PART] } else { Vec::new() };
        lens.push(self.rng.usize(..100_000));
        let parts: Vec<_> = lens.into_iter().map(|len| noise(self.rng.u64(..), len)).collect();
        let mut done = Vec::new();
        for (number, part) in (1..).zip(&parts) {
            done.push((number, self.bucket.part(key, &upload, number, part.clone()).await.is(200).etag()));
        }
        self.read().await;
        if self.rng.u32(..4) == 0 {
            self.bucket.abort(key, &upload).await.is(204);
            return;
        }
        let views: Vec<&[u8]> = parts.iter().map(|p| &p[..]).collect();
        let etag = multipart_etag(&views);
        assert_eq!(self.bucket.complete(key, &upload, &done).await.is(200).xml().text("ETag"), etag);
        let object = Stored {
            body: parts.concat().into(),
            etag,
            content_type: "text/parts".to_owned(),
            note: "parts".to_owned(),
        };
        self.model.put(key, object);
    }

    async fn read(&mut self) {
        let key = self.key();
        self.agrees(key).await;
    }

    async fn agrees(&self, key: &str) {
        let answer = self.bucket.get(key).await;
        match self.model.get(key) {
            None => drop(answer.is_error(404, "NoSuchKey")),
            Some(object) => {
                let answer = answer.is(200).has_body(&object.body).has("etag", &object.etag);
                answer.has("content-type", &object.content_type).has("x-amz-meta-note", &object.note);
            }
        }
    }

    async fn read_range(&mut self) {
        let key = self.key();
        let Some(object) = self.model.get(key).filter(|o| !o.body.is_empty()).cloned() else { return };
        let from = self.rng.usize(..object.body.len());
        let to = self.rng.usize(from..object.body.len());
        let answer = self.bucket.get(key).header("range", format!("bytes={from}-{to}")).await.is(206);
        answer.has_body(&object.body[from..=to]).has("etag", &object.etag);
    }

    async fn list(&mut self) {
        let prefix = PREFIXES[self.rng.usize(..PREFIXES.len())];
        let delimiter = DELIMITERS[self.rng.usize(..DELIMITERS.len())];
        // With a delimiter S3 leaves open what a start inside a group means.
        let after = if delimiter.is_empty() && self.rng.bool() { self.key() } else { "" };
        let max = self.rng.usize(1..12);
        let list = if self.rng.bool() {
            self.bucket.list().query("start-after", after)
        } else {
            self.bucket.list_v1().query("marker", after)
        };
        let list = list.query("prefix", prefix).query("delimiter", delimiter).query("max-keys", max);
        let xml = list.await.is(200).xml();
        let got = Page {
            keys: xml.texts("Contents/Key"),
            prefixes: xml.texts("CommonPrefixes/Prefix"),
            truncated: xml.text("IsTruncated") == "true",
        };
        let wanted = self.model.list(prefix, delimiter, after, max);
        assert_eq!(got, wanted, "prefix {prefix:?} delimiter {delimiter:?} after {after:?} max {max}");
        for entry in xml.all("Contents") {
            let object = self.model.get(entry.text("Key")).unwrap();
            assert_eq!((entry.text("ETag"), entry.text("Size")), (&*object.etag, &*object.body.len().to_string()));
        }
    }

    async fn agrees_everywhere(&self) {
        for key in KEYS {
            self.agrees(key).await;
        }
        let wanted: Vec<String> = self.model.objects().map(|(key, _)| key.clone()).collect();
        assert_eq!(self.bucket.keys().await, wanted);
        for (key, version, etag) in &self.versions {
            self.bucket.head(key).query("versionId", version).await.is(200).has("etag", etag);
        }
    }
}

#[tokio::test]
async fn random_operations_agree_with_a_plain_map_across_kills() {
    assert!(walk(false).await.is_empty());
}

#[tokio::test]
async fn a_versioned_bucket_agrees_with_a_plain_map_too_and_forgets_no_version() {
    assert!(walk(true).await.len() > 20);
}

async fn walk(versioned: bool) -> Vec<(&'static str, String, String)> {
    let rng = fastrand::Rng::with_seed(seed());
    let mut server = Server::start();
    let bucket = server.client().make("model").await;
    if versioned {
        bucket.keep_versions().await;
    }
    let mut walk = Walk { rng, bucket, model: Model::default(), versions: Vec::new() };
    let steps = number("WINDLASS_MODEL_STEPS", 600);
    for _ in 0..3 {
        for _ in 0..steps / 3 {
            walk.step().await;
        }
        walk.agrees_everywhere().await;
        server = server.restart();
        walk.bucket = Bucket { client: server.client(), name: walk.bucket.name };
        walk.agrees_everywhere().await;
    }
    walk.versions
}
