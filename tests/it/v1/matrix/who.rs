//! Everybody who asks, and how what they are told becomes a cell.

use serde_json::json;
use windlass_tests::answer::Answer;
use windlass_tests::client::{Bucket, Client};
use windlass_tests::form::{PostForm, SignedBy};
use windlass_tests::json::{Json, text};
use windlass_tests::request::{Prepared, Request};
use windlass_tests::server::{DataDir, Options, Server};
use windlass_tests::sign::query_string;
use windlass_tests::xml::Xml;

use super::super::house::{Minted, SCOPES, token, until};
use super::thing::KEY;
use super::{Ask, Door};

/// Two organisations without limits; the first has a key that has ended as well.
fn config() -> String {
    let mut config = "[[plan]]\nname = \"boundless\"\n".to_owned();
    for (organisation, keys) in [("mine", ["owner", "ended"].as_slice()), ("other", &["other"])] {
        config += &format!("[[organisation]]\nname = \"{organisation}\"\nplan = \"boundless\"\n");
        for name in keys {
            let Minted { token, access, secret, .. } = given(name);
            config += &format!("[[organisation.key]]\nname = \"{name}\"\naccess_key_id = \"{access}\"\n");
            config += &format!("secret_access_key = \"{secret}\"\ntoken = \"{token}\"\n");
            if *name == "ended" {
                config += "expires_at = 2001-01-01T00:00:00Z\n";
            }
        }
    }
    config
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody.
    Anonymous,
    /// Somebody whose credential is none.
    Malformed,
    /// A key that has ended.
    Expired,
    /// A key that was revoked.
    Revoked,
    /// A key with all scopes but this one.
    Without(&'static str),
    /// A key with all scopes, for another bucket of the same organisation.
    OtherBucket,
    /// Another organisation's owner.
    OtherOrg,
    /// A key of the organisation with exactly the scopes that are needed.
    Right,
}

impl Who {
    /// Everybody, for an operation that needs these scopes.
    pub(super) fn all(scopes: &[&'static str]) -> Vec<Who> {
        let mut all = vec![Who::Anonymous, Who::Malformed, Who::Expired, Who::Revoked];
        all.extend(scopes.iter().map(|scope| Who::Without(scope)));
        all.extend([Who::OtherBucket, Who::OtherOrg, Who::Right]);
        all
    }
}

/// A server, and everybody with their keys.
pub(super) struct Cast {
    server: Server,
    pub(super) owner: Json,
    pub(super) s3: Client,
    ended: Minted,
    revoked: Minted,
    without: Vec<(&'static str, Minted)>,
    other_bucket: Minted,
    other_org: Minted,
    right: Vec<(&'static [&'static str], Minted)>,
    /// A logged request about a bucket.
    pub(super) log: String,
}

fn given(name: &str) -> Minted {
    Minted {
        id: String::new(),
        token: token(&format!("matrix-{name}")),
        access: format!("MATRIX.{}", name.to_uppercase()),
        secret: "matrix-secret-0123456789".to_owned(),
    }
}

async fn mint(owner: &Json, permissions: &[&str], buckets: Option<&str>) -> Minted {
    let mut body = json!({ "name": "k", "permissions": permissions });
    if let Some(bucket) = buckets {
        body["bucketIds"] = json!([bucket]);
    }
    Minted::of(&owner.post("/v1/keys", &body).await.is(201).json()["data"])
}

impl Cast {
    /// `needed` are the scopes of the operations that will be asked for.
    pub(super) async fn new(needed: &[&'static [&'static str]]) -> Cast {
        let server = Server::start_with(Options::default().config(&config()), DataDir::new());
        let mine = given("owner");
        let s3 = server.client().with_keys(&mine.access, &mine.secret);
        let owner = Json::new(&s3, &mine.token);
        let made = owner.post("/v1/buckets", &json!({ "name": "another" })).await.is(201).json();
        let another = text(&made["data"], "id");
        let revoked = mint(&owner, &SCOPES, None).await;
        owner.delete(&format!("/v1/keys/{}", revoked.id)).await.is(200);
        let mut without = Vec::new();
        for scope in SCOPES {
            let others: Vec<&str> = SCOPES.into_iter().filter(|other| *other != scope).collect();
            without.push((scope, mint(&owner, &others, None).await));
        }
        let other_bucket = mint(&owner, &SCOPES, Some(&another)).await;
        let mut right = Vec::new();
        for scopes in needed {
            // Any key may do what needs no scope.
            let permissions = if scopes.is_empty() { &["aws-accounts:read"] } else { *scopes };
            right.push((*scopes, mint(&owner, permissions, None).await));
        }
        let log = logged(&owner).await;
        let (ended, other_org) = (given("ended"), given("other"));
        Cast { server, owner, s3, ended, revoked, without, other_bucket, other_org, right, log }
    }

    pub(super) fn client(&self) -> Client {
        self.server.client()
    }

    /// The key of somebody who has one.
    fn key(&self, who: Who, scopes: &[&str]) -> &Minted {
        match who {
            Who::Expired => &self.ended,
            Who::Revoked => &self.revoked,
            Who::Without(scope) => {
                let found = self.without.iter().find(|(without, _)| *without == scope);
                &found.unwrap_or_else(|| panic!("there is no scope {scope}")).1
            }
            Who::OtherBucket => &self.other_bucket,
            Who::OtherOrg => &self.other_org,
            Who::Anonymous | Who::Malformed | Who::Right => {
                let found = self.right.iter().find(|(right, _)| *right == scopes);
                &found.unwrap_or_else(|| panic!("no key was minted for {scopes:?}")).1
            }
        }
    }

    /// Sends a request as somebody.
    pub(super) async fn send(&self, door: Door, who: Who, scopes: &[&str], ask: &Ask) -> Answer {
        let key = self.key(who, scopes);
        match (door, who) {
            (Door::Form, Who::Anonymous) => self.form(ask, key).signed_by(SignedBy::Nobody).await,
            (Door::Form, Who::Malformed) => self.form(ask, key).keys("non/sense", &key.secret).await,
            (Door::Form, _) => self.form(ask, key).await,
            // Who would bear a token wants JSON, and says so as long as there is none to tell it.
            (Door::Borne, Who::Anonymous) => self.bare(&ask.clone().header("accept", "application/json"), None).await,
            (_, Who::Anonymous) => self.bare(ask, None).await,
            (Door::Signed, Who::Malformed) => self.bare(ask, Some("AWS4-HMAC-SHA256 nonsense")).await,
            (Door::Paired, Who::Malformed) => self.signed(ask, &key.token, &key.secret).await,
            (_, Who::Malformed) => self.bare(ask, Some("Bearer nonsense")).await,
            (Door::Signed, _) => self.signed(ask, &key.access, &key.secret).await,
            (Door::Paired, _) => self.signed(ask, &key.token, &key.token).await,
            (_, _) => self.bare(ask, Some(&format!("Bearer {}", key.token))).await,
        }
    }

    /// A form with the body as its file.
    fn form(&self, ask: &Ask, key: &Minted) -> PostForm {
        let bucket = Bucket { client: self.s3.clone(), name: ask.path.trim_start_matches('/').to_owned() };
        bucket.form().field("key", KEY).file("file", ask.body.clone()).keys(&key.access, &key.secret)
    }

    fn signed(&self, ask: &Ask, access: &str, secret: &str) -> Request {
        let mut request = Request::new(&self.s3, ask.method, "", "").path(&ask.path).keys(access, secret);
        for (name, value) in &ask.query {
            request = match value {
                Some(value) => request.query(name, value),
                None => request.flag(name),
            };
        }
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        request.body(ask.body.clone())
    }

    /// Sends it as it is, with that in `Authorization`.
    async fn bare(&self, ask: &Ask, authorization: Option<&str>) -> Answer {
        let mut headers = vec![("host".to_owned(), self.server.address().to_string().into_bytes())];
        headers.extend(ask.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())));
        headers.extend(authorization.map(|value| ("authorization".to_owned(), value.as_bytes().to_vec())));
        let query: Vec<_> = ask.query.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let query = query_string(&query);
        let target = if query.is_empty() { ask.path.clone() } else { format!("{}?{query}", ask.path) };
        self.s3.send(Prepared { method: ask.method.into(), target, headers, body: ask.body.clone().into() }).await
    }
}

/// The identifier of a logged request about a bucket that is neither the other bucket nor anybody else's.
async fn logged(owner: &Json) -> String {
    let made = owner.post("/v1/buckets", &json!({ "name": "logged" })).await.is(201).json();
    let bucket = text(&made["data"], "id");
    owner.get(&format!("/v1/buckets/{bucket}")).await.is(200);
    let found = until("a logged request", async || {
        let listed = owner.get("/v1/logs").query("bucketId", &bucket).await.is(200).json();
        listed["data"][0]["id"].as_str().map(str::to_owned)
    });
    found.await
}

/// What an answer tells, in a few words: its status, and of an error the one thing that says which.
pub(super) fn cell(door: Door, answer: &Answer) -> String {
    let status = answer.status;
    if status < 400 || answer.body.is_empty() {
        return status.to_string();
    }
    let document = || serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    let word = match door {
        Door::V1 => document()["error"]["message"].as_str().map(str::to_owned),
        Door::Face | Door::Borne => document()["error"].as_str().map(str::to_owned),
        Door::Signed | Door::Paired | Door::Form => {
            Xml::parse(&String::from_utf8_lossy(&answer.body)).ok().and_then(|xml| xml.get("Code").map(str::to_owned))
        }
    };
    format!("{status} {}", word.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned()))
}
