//! Key-value buckets: make, list, get, change, delete. What is in them is the key-value door's.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use windlass_store::kv::{KvBucket, KvId, KvPolicy};
use windlass_store::limit::{KV_SECRET_BYTES_MAX, KV_TTL_S_MAX, NAME_CHARS_MAX};
use windlass_store::{Error as StoreError, ErrorKind as Stored};

use super::Written;
use crate::answer::{Created, Page, Shown};
use crate::call::Call;
use crate::error::Result;
use crate::field::{Nullable, Optional, Parsed, Required, Text, Whole, inputs};
use crate::id;
use crate::input::{Json, Query};
use crate::page;
use crate::time::Time;

const OBJECT: &str = "kv_bucket";
const NAME: Text = Text(1, NAME_CHARS_MAX);
/// However many bytes a character takes, the store has room for them.
const KEY: Text = Text(1, KV_SECRET_BYTES_MAX / 4);
const TTL: Whole = Whole(0..=KV_TTL_S_MAX);

/// Where a page begins: any text that looks like an identifier will do, whether or not it can be one.
const CURSOR: Parsed<KvId> = Parsed {
    parse: |text| {
        let plain = text.len() == 22 && text.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then(|| KvId::parse(text).unwrap_or(KvId([0xFF; 16])))
    },
    message: page::BAD_CURSOR,
    schema: || json!({ "pattern": "^[0-9A-Za-z]{22}$" }),
};

inputs! {
    /// What a key-value bucket is made with.
    NewKvBucketBody {
        /// Its name for people.
        name: String = "name", Required(NAME);
        /// Seconds that a value lasts from its last update; 0 is for ever, and a week is meant without it.
        default_ttl_seconds: Option<u64> = "defaultTtlSeconds", Optional(TTL);
        /// The key that may do everything. It cannot be added later.
        secret_key: Option<String> = "secretKey", Nullable(KEY);
        /// The key that reads; without it everybody does.
        read_key: Option<String> = "readKey", Nullable(KEY);
        /// The key that writes; without it everybody does.
        write_key: Option<String> = "writeKey", Nullable(KEY);
        /// What access tokens are signed with; without it there are none.
        signing_key: Option<String> = "signingKey", Nullable(KEY);
    }
    /// What is changed on a key-value bucket; what is not given stays, and a key that is null is taken away.
    KvBucketChange {
        /// Its name for people.
        name: Option<String> = "name", Optional(NAME);
        /// Seconds that a value lasts from its last update; 0 is for ever.
        default_ttl_seconds: Option<u64> = "defaultTtlSeconds", Optional(TTL);
        /// The key that may do everything: it can be changed, but neither added nor taken away.
        secret_key: Option<String> = "secretKey", Optional(KEY);
        /// The key that reads.
        read_key: Option<Option<String>> = "readKey", Optional(Nullable(KEY));
        /// The key that writes.
        write_key: Option<Option<String>> = "writeKey", Optional(Nullable(KEY));
        /// What access tokens are signed with. Every change voids those that there are.
        signing_key: Option<Option<String>> = "signingKey", Optional(Nullable(KEY));
    }
    /// Which buckets a page shows.
    KvBucketQuery {
        /// The last bucket of the page before.
        cursor: Option<KvId> = "cursor", Optional(CURSOR);
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
}

/// A key-value bucket as it is shown.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "KvBucket")]
pub(crate) struct KvBucketObject {
    #[schemars(extend("const" = "kv_bucket"))]
    object: &'static str,
    id: id::Shown<KvId>,
    name: String,
    default_ttl_seconds: u64,
    has_secret_key: bool,
    has_read_key: bool,
    has_write_key: bool,
    has_signing_key: bool,
    /// Those that have expired lately may be among them.
    key_count: u64,
    /// Of keys and values.
    bytes: u64,
    created_at: Time,
    updated_at: Time,
}

impl KvBucketObject {
    fn new(KvBucket { id, row, usage }: KvBucket) -> Self {
        Self {
            object: OBJECT,
            id: id::Shown(id),
            has_secret_key: row.secret_key.is_some(),
            has_read_key: row.read_key.is_some(),
            has_write_key: row.write_key.is_some(),
            has_signing_key: row.signing_key.is_some(),
            name: row.name,
            default_ttl_seconds: row.default_ttl_s,
            key_count: usage.keys,
            bytes: usage.bytes,
            created_at: Time(row.created_ms),
            updated_at: Time(row.updated_ms),
        }
    }
}

/// `POST /v1/kv`
pub(crate) async fn create(call: Call, Json(body): Json<NewKvBucketBody>) -> Result<Created<Written<KvId>>> {
    let policy = KvPolicy {
        name: Some(body.name),
        secret_key: body.secret_key,
        read_key: body.read_key,
        write_key: body.write_key,
        signing_key: body.signing_key,
        default_ttl_s: body.default_ttl_seconds,
    };
    let id = call.store().kv_create(Some(&call.grant), &policy).await?;
    Ok(Created(Written::new(OBJECT, id)))
}

/// `GET /v1/kv`
pub(crate) async fn list(call: Call, Query(query): Query<KvBucketQuery>) -> Result<Page<KvBucketObject>> {
    let (buckets, next) = call.store().list_kv_buckets(&call.grant, query.cursor, page::count(query.limit))?;
    let next = next.map(|id| id.to_string());
    Ok(Page { entries: buckets.into_iter().map(KvBucketObject::new).collect(), next, limit: query.limit })
}

/// `GET /v1/kv/{kvId}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<KvBucketObject>> {
    Ok(Shown(KvBucketObject::new(call.store().get_kv_bucket(&call.grant, asked(&call)?)?)))
}

/// `PATCH /v1/kv/{kvId}`
pub(crate) async fn update(call: Call, Json(body): Json<KvBucketChange>) -> Result<Shown<Written<KvId>>> {
    let id = asked(&call)?;
    let key = |key: Option<Option<String>>| key.map(Option::unwrap_or_default);
    let policy = KvPolicy {
        name: body.name,
        secret_key: body.secret_key,
        read_key: key(body.read_key),
        write_key: key(body.write_key),
        signing_key: key(body.signing_key),
        default_ttl_s: body.default_ttl_seconds,
    };
    call.store().update_kv_bucket(&call.grant, id, &policy).await?;
    Ok(Shown(Written::new(OBJECT, id)))
}

/// `DELETE /v1/kv/{kvId}`
pub(crate) async fn delete(call: Call, (): ()) -> Result<Shown<Written<KvId>>> {
    let id = asked(&call)?;
    call.store().delete_kv_bucket(&call.grant, id).await?;
    Ok(Shown(Written::new(OBJECT, id)))
}

pub(super) fn asked(call: &Call) -> Result<KvId> {
    let missing = || StoreError::new(Stored::NoSuchBucket, "There is no such bucket").into();
    call.id("kvId").ok_or_else(missing)
}
