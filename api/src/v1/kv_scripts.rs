//! Scripts of key-value buckets: list, get, put, delete. They are run at the key-value door.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;
use windlass_store::kv::{KvGrant, KvScript};
use windlass_store::limit::{KV_SCRIPT_BYTES_MAX, KV_SCRIPTS_PER_BUCKET_MAX};

use super::kv::asked;
use crate::answer::{Page, Shown};
use crate::call::Call;
use crate::error::{Error, Result};
use crate::field::{Required, Text, inputs};
use crate::input::Json;
use crate::path;
use crate::time::Time;

const OBJECT: &str = "kv_script";

inputs! {
    /// A script.
    KvScriptBody {
        /// Its text, in Lua.
        source: String = "source", Required(Text(0, KV_SCRIPT_BYTES_MAX));
    }
}

/// A script as a list shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "KvScriptSummary")]
pub(crate) struct KvScriptSummary {
    #[schemars(extend("const" = "kv_script"))]
    object: &'static str,
    /// Its name.
    id: String,
    /// Of its text.
    bytes: u64,
    updated_at: Time,
}

/// A script.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "KvScript")]
pub(crate) struct KvScriptObject {
    #[serde(flatten)]
    summary: KvScriptSummary,
    source: String,
}

/// What a write answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "KvScriptWritten")]
pub(crate) struct KvScriptWritten {
    #[schemars(extend("const" = "kv_script"))]
    object: &'static str,
    id: String,
}

impl KvScriptSummary {
    fn new(KvScript { name, changed_ms, bytes }: KvScript) -> Self {
        Self { object: OBJECT, id: name, bytes, updated_at: Time(changed_ms) }
    }
}

/// `GET /v1/kv/{kvId}/scripts`: all of them, since there are few.
pub(crate) async fn list(call: Call, (): ()) -> Result<Page<KvScriptSummary>> {
    let scripts = call.store().kv_list_scripts(&bucket(&call)?)?;
    let entries = scripts.into_iter().map(KvScriptSummary::new).collect();
    Ok(Page { entries, next: None, limit: KV_SCRIPTS_PER_BUCKET_MAX as u64 })
}

/// `GET /v1/kv/{kvId}/scripts/{name}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<KvScriptObject>> {
    let name = name(&call)?;
    let row = call.store().kv_get_script(&bucket(&call)?, &name)?;
    let summary = KvScriptSummary::new(KvScript { name, changed_ms: row.changed_ms, bytes: row.bytes });
    Ok(Shown(KvScriptObject { summary, source: row.source }))
}

/// `PUT /v1/kv/{kvId}/scripts/{name}`
pub(crate) async fn put(call: Call, Json(body): Json<KvScriptBody>) -> Result<Shown<KvScriptWritten>> {
    let name = name(&call)?;
    call.store().kv_put_script(&bucket(&call)?, name.clone(), body.source).await?;
    Ok(Shown(KvScriptWritten { object: OBJECT, id: name }))
}

/// `DELETE /v1/kv/{kvId}/scripts/{name}`
pub(crate) async fn delete(call: Call, (): ()) -> Result<Shown<KvScriptWritten>> {
    let name = name(&call)?;
    call.store().kv_delete_script(&bucket(&call)?, name.clone()).await?;
    Ok(Shown(KvScriptWritten { object: OBJECT, id: name }))
}

fn bucket(call: &Call) -> Result<KvGrant> {
    Ok(call.store().kv_scripts_of(&call.grant, asked(call)?)?)
}

fn name(call: &Call) -> Result<String> {
    path::decode(call.sent("name"))
        .map(Cow::into_owned)
        .ok_or_else(|| Error::bad_request("The name of a script is text"))
}
