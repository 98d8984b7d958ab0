//! Keys: mint, list, get, revoke.

use schemars::JsonSchema;
use serde::Serialize;
use windlass_store::ErrorKind as Stored;
use windlass_store::clock::Millis;
use windlass_store::id::{BucketId, KeyId};
use windlass_store::key::{ApiKey, NewApiKey, Scope, Scopes};
use windlass_store::limit::{KEY_BUCKETS_MAX, NAME_CHARS_MAX};

use super::Written;
use crate::answer::{Created, Page, Shown};
use crate::call::Call;
use crate::error::{Error, Result};
use crate::field::{List, OneOf, Optional, Parsed, Required, Text, inputs};
use crate::id::{self, Id as _};
use crate::input::{Json, Query};
use crate::page;
use crate::time::Time;

const SCOPE: OneOf<Scope> = OneOf { all: Scope::ALL, name: Scope::name };

inputs! {
    /// What a key is minted with.
    NewKeyBody {
        /// Its name for people.
        name: String = "name", Required(Text(1, NAME_CHARS_MAX));
        /// What it may do: at least one scope, and none that the minting key has not.
        permissions: Vec<Scope> = "permissions", Required(PERMISSIONS);
        /// The buckets that it sees; all without it.
        bucket_ids: Option<Vec<String>> = "bucketIds", Optional(BUCKET_IDS);
        /// When it ends to be valid; never without it.
        expires_ms: Option<Millis> = "expiresAt", Optional(crate::field::Time);
    }
    /// Which keys a page shows.
    KeyQuery {
        /// The last key of the page before.
        cursor: Option<KeyId> = "cursor", Optional(id::field::<KeyId>(page::BAD_CURSOR));
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
}

const PERMISSIONS: List<OneOf<Scope>> = List(SCOPE, 1..=100, "permissions must hold at least one scope");
/// Those that are no identifiers are told by the handler, together with those that stand for nothing.
const BUCKET_ID: Parsed<String> =
    Parsed { parse: |text| Some(text.to_owned()), message: "Invalid bucket IDs", schema: id::schema::<BucketId> };
const BUCKET_IDS: List<Parsed<String>> = List(BUCKET_ID, 0..=KEY_BUCKETS_MAX, "A key names at most 1000 buckets");

/// A key as a list shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "KeySummary")]
pub(crate) struct KeySummary {
    #[schemars(extend("const" = "api_key"))]
    object: &'static str,
    id: id::Shown<KeyId>,
    name: String,
    prefix: String,
    last_used_at: Option<Time>,
    created_at: Time,
}

/// A key.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Key")]
pub(crate) struct KeyObject {
    #[serde(flatten)]
    summary: KeySummary,
    permissions: Vec<&'static str>,
    bucket_ids: Option<Vec<id::Shown<BucketId>>>,
    expires_at: Option<Time>,
}

/// A key that was just minted, with all its secrets: they are shown here and nowhere else.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MintedKey")]
pub(crate) struct MintedKey {
    #[serde(flatten)]
    written: Written<KeyId>,
    /// The bearer token.
    key: Option<String>,
    /// What S3 clients sign with.
    access_key_id: String,
    /// And the secret to it.
    secret_access_key: String,
}

impl KeySummary {
    fn new(key: &ApiKey) -> Self {
        Self {
            object: "api_key",
            id: id::Shown(key.id),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            last_used_at: key.last_used_ms.map(Time),
            created_at: Time(key.created_ms),
        }
    }
}

impl KeyObject {
    fn new(key: &ApiKey) -> Self {
        Self {
            summary: KeySummary::new(key),
            permissions: key.scopes.iter().map(Scope::name).collect(),
            bucket_ids: key.buckets.as_ref().map(|list| list.iter().copied().map(id::Shown).collect()),
            expires_at: key.expires_ms.map(Time),
        }
    }
}

/// `POST /v1/keys`
pub(crate) async fn create(call: Call, Json(body): Json<NewKeyBody>) -> Result<Created<MintedKey>> {
    let scopes = Scopes::of(&body.permissions);
    let buckets = body.bucket_ids.map(|texts| bucket_ids(&call, &texts)).transpose()?;
    let new = NewApiKey { name: body.name, scopes, buckets, expires_ms: body.expires_ms };
    let (id, credentials) = call.store().create_key(&call.grant, new).await?;
    Ok(Created(MintedKey {
        written: Written::new("api_key", id),
        key: credentials.token,
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
    }))
}

/// Buckets by their identifiers. If there are some that are none, they are told in their order among those that stand for no
/// bucket; else that is left to the store.
fn bucket_ids(call: &Call, texts: &[String]) -> Result<Vec<BucketId>> {
    let read: Vec<Option<BucketId>> = texts.iter().map(|text| BucketId::read(text)).collect();
    let known: Vec<BucketId> = read.iter().flatten().copied().collect();
    if known.len() == texts.len() {
        return Ok(known);
    }
    let unknown = call.store().unknown_buckets(&call.grant, &known)?;
    let is_wrong = |id: &Option<BucketId>| id.is_none_or(|id| unknown.contains(&id));
    let wrong = texts.iter().zip(&read).filter(|(_, id)| is_wrong(id)).map(|(text, _)| text.as_str());
    Err(Error::bad_request(format!("Invalid bucket IDs: {}", wrong.collect::<Vec<_>>().join(", "))))
}

/// `GET /v1/keys`
pub(crate) async fn list(call: Call, Query(query): Query<KeyQuery>) -> Result<Page<KeySummary>> {
    let (keys, next) = call.store().list_keys(&call.grant, query.cursor, page::count(query.limit))?;
    let next = next.map(|id| id::Shown(id).to_string());
    Ok(Page { entries: keys.iter().map(KeySummary::new).collect(), next, limit: query.limit })
}

/// `GET /v1/keys/{keyId}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<KeyObject>> {
    Ok(Shown(KeyObject::new(&call.store().get_key(&call.grant, asked(&call)?)?)))
}

/// `DELETE /v1/keys/{keyId}`
pub(crate) async fn delete(call: Call, (): ()) -> Result<Shown<Written<KeyId>>> {
    let id = asked(&call)?;
    call.store().delete_key(&call.grant, id).await?;
    Ok(Shown(Written::new("api_key", id)))
}

fn asked(call: &Call) -> Result<KeyId> {
    let missing = || windlass_store::Error::new(Stored::NoSuchKeyId, "API key not found").into();
    call.id("keyId").ok_or_else(missing)
}
