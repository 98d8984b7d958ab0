//! The authorisation matrix: every operation of every door, asked by everybody. What each may is written down here from the
//! contracts; what differs is printed cell by cell, and an operation without a line fails.

mod documents;
mod json;
mod s3;
mod thing;
mod versions;
mod who;

use std::collections::BTreeSet;
use std::path::Path;

use windlass_tests::json::Json;

use super::document::{document, operations};
use thing::Thing;
use who::{Cast, Who};

/// A request, whoever sends it.
#[derive(Debug, Clone, Default)]
struct Ask {
    method: &'static str,
    path: String,
    query: Vec<(&'static str, Option<String>)>,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Ask {
    fn new(method: &'static str, path: impl Into<String>) -> Ask {
        Ask { method, path: path.into(), ..Ask::default() }
    }

    fn query(mut self, name: &'static str, value: impl ToString) -> Ask {
        self.query.push((name, Some(value.to_string())));
        self
    }

    fn flag(mut self, name: &'static str) -> Ask {
        self.query.push((name, None));
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Ask {
        self.body = body.into();
        self
    }
}

/// Which door answers, and so how it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// The management API.
    V1,
    /// The files face.
    Face,
    /// S3 by a signature.
    Signed,
    /// S3 by a signature with an API key as access key id and secret at once.
    Paired,
    /// S3 by a bearer token.
    Borne,
    /// S3 by a form.
    Form,
}

/// What an operation is about, which decides what those see who may not see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// A bucket and what is in it.
    Bucket,
    /// Whatever the caller's own organisation has, as far as its key sees it.
    Own,
    /// A bucket that is yet to be.
    NewBucket,
    /// A key that is yet to be, for all buckets.
    NewKey,
    /// A key.
    Key,
    /// A connected account.
    Account,
    /// A logged request about a bucket.
    Log,
}

/// A line of the matrix.
struct Line {
    /// As the document or the S3 API calls it.
    name: &'static str,
    scopes: &'static [&'static str],
    on: On,
    /// What it answers to those who may.
    done: &'static str,
    ask: fn(&Thing) -> Ask,
}

/// What the contracts say.
fn expected(door: Door, line: &Line, who: Who) -> String {
    let words = |v1: &str, face: &str, s3: &str| match door {
        Door::V1 => v1.to_owned(),
        Door::Face | Door::Borne => face.to_owned(),
        Door::Signed | Door::Paired | Door::Form => s3.to_owned(),
    };
    let denied = || words("403 Insufficient permissions", "403 forbidden", "403 AccessDenied");
    let hidden = || words("404 Bucket not found", "404 not_found", "404 NoSuchBucket");
    let is_s3 = matches!(door, Door::Signed | Door::Paired | Door::Borne | Door::Form);
    let told = match (who, line.on) {
        // Those who do not speak S3 are told no codes of it.
        (Who::Right, _) if door == Door::Borne && line.done.starts_with("404 ") => "404 not_found".to_owned(),
        (Who::Right, _) => line.done.to_owned(),
        (Who::Anonymous, _) => words("401 Missing API key", "401 unauthorized", "403 AccessDenied"),
        (Who::Malformed, _) if door == Door::Paired => "403 SignatureDoesNotMatch".to_owned(),
        (Who::Malformed, _) if door == Door::Form => "400 InvalidArgument".to_owned(),
        (Who::Malformed, _) => {
            words("401 Invalid API key format", "401 unauthorized", "400 AuthorizationHeaderMalformed")
        }
        (Who::Expired, _) => words("401 API key expired", "401 unauthorized", "403 InvalidAccessKeyId"),
        (Who::Revoked, _) => words("401 Invalid API key", "401 unauthorized", "403 InvalidAccessKeyId"),
        (Who::Without(_), _) => denied(),
        (Who::OtherBucket, On::NewBucket | On::NewKey) => denied(),
        (Who::OtherBucket, On::Own | On::Key | On::Account) => line.done.to_owned(),
        (Who::OtherOrg, On::Own | On::NewBucket | On::NewKey) => line.done.to_owned(),
        (Who::OtherOrg, On::Account) => "404 AWS account not found".to_owned(),
        (Who::OtherOrg, On::Key) => "404 API key not found".to_owned(),
        (_, On::Log) => "404 Log not found".to_owned(),
        // There another owner's bucket is there, and closed.
        (Who::OtherOrg, On::Bucket) if is_s3 => denied(),
        (Who::OtherBucket | Who::OtherOrg, On::Bucket) => hidden(),
    };
    // An answer to HEAD has no body to tell more.
    let head = line.name.starts_with("Head");
    if head { told[..3].to_owned() } else { told }
}

/// Asks for one line by everybody, on each of its doors; what differs.
async fn differing(cast: &Cast, door: Door, line: &Line) -> Vec<String> {
    let mut found = Vec::new();
    let mut thing = cast.furnish(line.name).await;
    for who in Who::all(line.scopes) {
        let before = cast.fingerprint(&thing).await;
        let answer = cast.send(door, who, line.scopes, &(line.ask)(&thing)).await;
        let (seen, wanted) = (who::cell(door, &answer), expected(door, line, who));
        let place = format!("{:<45} {door:?} by {who:?}", line.name);
        if seen != wanted {
            found.push(format!("{place}: {seen}, expected {wanted}"));
        }
        let stranger = matches!(who, Who::OtherBucket | Who::OtherOrg);
        let shows = answer.status < 300 && thing.is_named_in(&String::from_utf8_lossy(&answer.body));
        if stranger && shows && !line.name.ends_with("/v1/logs") {
            found.push(format!("{place}: it tells of the bucket: {}", answer.describe()));
        }
        if answer.status < 300 {
            thing = cast.furnish(line.name).await;
        } else if cast.fingerprint(&thing).await != before {
            found.push(format!("{place}: it was refused with {seen}, and changed something"));
        }
    }
    found
}

/// Asks for all lines on a door.
async fn walk(cast: &Cast, door: Door, lines: &[Line]) -> Vec<String> {
    let mut found = Vec::new();
    for line in lines {
        found.extend(differing(cast, door, line).await);
    }
    found
}

fn named(lines: &[Line]) -> BTreeSet<String> {
    let names: BTreeSet<String> = lines.iter().map(|line| line.name.to_owned()).collect();
    assert_eq!(names.len(), lines.len(), "a line stands twice");
    names
}

/// All sets of scopes that the lines need.
fn needed<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<&'static [&'static str]> {
    let sets: BTreeSet<_> = lines.map(|line| line.scopes).collect();
    sets.into_iter().collect()
}

#[track_caller]
fn none(found: Vec<String>) {
    assert!(found.is_empty(), "{} cells differ:\n{}", found.len(), found.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_json_doors_everybody_may_exactly_what_the_contract_says() {
    let (v1, face) = (json::management(), json::face());
    let cast = Cast::new(&needed(v1.iter().chain(&face))).await;
    let served = operations(&document(&Json::anonymous(&cast.client())).await);
    let mut listed = named(&v1);
    listed.extend(named(&face));
    assert_eq!(listed, served, "the matrix and the served operations differ");
    let mut found = walk(&cast, Door::V1, &v1).await;
    found.extend(walk(&cast, Door::Face, &face).await);
    none(found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_s3_everybody_may_exactly_what_the_contract_says_by_whatever_proof() {
    let lines = s3::lines();
    let mut listed = named(&lines);
    listed.extend(named(&s3::forms()));
    assert_eq!(listed, served_on_s3(), "the matrix and the table of S3 operations differ");
    let cast = Cast::new(&needed(lines.iter())).await;
    let mut found = Vec::new();
    for door in [Door::Signed, Door::Paired, Door::Borne] {
        found.extend(walk(&cast, door, &lines).await);
    }
    none(found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_forms_everybody_may_exactly_what_the_contract_says() {
    let lines = s3::forms();
    let cast = Cast::new(&needed(lines.iter())).await;
    none(walk(&cast, Door::Form, &lines).await);
}

/// The operations in the table of the S3 door, from its source.
fn served_on_s3() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/src/s3/ops.rs");
    let source = std::fs::read_to_string(path).unwrap();
    let (_, rest) = source.split_once("const TABLE: [Operation; ").expect("the table");
    let (count, rest) = rest.split_once("] = [").expect("the table's length");
    let (table, _) = rest.split_once("\n];").expect("the table's end");
    let lines = table.lines().filter_map(|line| line.trim().strip_prefix("op(\""));
    let names: BTreeSet<String> = lines.filter_map(|line| line.split('"').next()).map(str::to_owned).collect();
    assert_eq!(names.len().to_string(), count, "the table could not be read");
    names
}
