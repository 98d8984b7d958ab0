//! Files of a bucket: upload, list, metadata, delete. Bytes go in as they come, and never out.

use axum::body::Body;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use windlass_store::ErrorKind as Stored;
use windlass_store::blob::{ByteStream, Expect};
use windlass_store::bucket::OptimizationMode;
use windlass_store::notification::EventKind;
use windlass_store::object::{
    DeleteObject, Entry, Extras, Found, GetObject, ListObjects, Metadata, Position, PutObject, StorageClass,
    SystemHeaders, WriteCondition,
};

use super::buckets::check_optimization;
use crate::answer::{Page, Shown};
use crate::call::Call;
use crate::content::{content_type, guessed};
use crate::error::{Error, Result};
use crate::field::{FieldDoc, Optional, Or, Text, inputs};
use crate::input::{Input, InputDoc, Place, Query, pieces};
use crate::time::Time;
use crate::{limit, page, path};

/// The header that names an optimisation mode for one upload.
const OPTIMIZATION: &str = "x-buckt-optimization";
/// What is told of one that is none.
const BAD_OPTIMIZATION: &str = "Invalid X-Buckt-Optimization value. Must be: none, light, balanced, or maximum";

inputs! {
    /// Which files a page shows.
    FileQuery {
        /// Only keys that begin with it.
        prefix: String = "prefix", Or(Text(0, limit::PARAMETER_CHARS_MAX), String::new());
        /// Where the page before ended.
        cursor: Option<Position> = "cursor", Optional(page::FILES_CURSOR);
        /// How many.
        limit: u64 = "limit", page::FILES_LIMIT;
    }
}

/// A file as a list shows it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FileSummary")]
pub(crate) struct FileSummary {
    #[schemars(extend("const" = "file"))]
    object: &'static str,
    id: String,
    key: String,
    size: u64,
    last_modified: Time,
}

/// A file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "File")]
pub(crate) struct FileObject {
    #[serde(flatten)]
    summary: FileSummary,
    content_type: String,
    /// Where it is delivered: nowhere, as long as its bucket has no host.
    url: Option<String>,
}

/// What a deletion answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeletedFile")]
pub(crate) struct DeletedFile {
    #[schemars(extend("const" = "file"))]
    object: &'static str,
    id: String,
}

impl FileSummary {
    fn new(key: &str, size: u64, modified_ms: u64) -> Self {
        Self { object: "file", id: key.to_owned(), key: key.to_owned(), size, last_modified: Time(modified_ms) }
    }
}

impl FileObject {
    fn new(key: &str, size: u64, modified_ms: u64, content_type: String) -> Self {
        Self { summary: FileSummary::new(key, size, modified_ms), content_type, url: None }
    }
}

/// The body of an upload, as it comes.
pub(crate) struct Upload(ByteStream);

impl Input for Upload {
    const STREAMS: bool = true;

    async fn take(_: &Call, body: Body) -> Result<Self> {
        Ok(Self(pieces(body)))
    }

    fn describe() -> InputDoc {
        let mode = FieldDoc {
            name: "X-Buckt-Optimization",
            about: "How the image is made smaller. Only `none` is available yet.".to_owned(),
            schema: json!({ "type": "string", "enum": ["none"] }),
            required: false,
        };
        let bytes = json!({ "type": "string", "format": "binary" });
        InputDoc { parameters: vec![(Place::Header, mode)], body: Some(("application/octet-stream", bytes, false)) }
    }
}

/// `PUT /v1/buckets/{bucketId}/files/{path}`. Nothing of the body is read before everything else is known to be right.
pub(crate) async fn put(call: Call, Upload(body): Upload) -> Result<Shown<FileObject>> {
    let key = path::key(call.sent("path"))?;
    if let Some(mode) = call.headers().get(OPTIMIZATION) {
        let mode = mode.to_str().ok().and_then(OptimizationMode::parse);
        check_optimization(&call, mode.ok_or_else(|| Error::bad_request(BAD_OPTIMIZATION))?)?;
    }
    let content_type = match call.headers().get(CONTENT_TYPE) {
        Some(given) => String::from_utf8_lossy(given.as_bytes()).into_owned(),
        None => guessed(key.as_str()).to_owned(),
    };
    // The protocol has checked it already.
    let length = call.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let put = new_object(key.clone(), content_type.clone(), length);
    let stored = call.store().put_object(&call.grant, put, body).await?;
    Ok(Shown(FileObject::new(key.as_str(), stored.size, stored.modified_ms, content_type)))
}

/// An object that has a content type and nothing else beside its bytes.
pub(crate) fn new_object(key: windlass_store::name::ObjectKey, content_type: String, length: Option<u64>) -> PutObject {
    let system = SystemHeaders { content_type: Some(content_type), ..SystemHeaders::default() };
    PutObject {
        key,
        metadata: Metadata { system, user: Vec::new() },
        class: StorageClass::default(),
        extras: Extras::default(),
        condition: WriteCondition::default(),
        expect: Expect { length, ..Expect::default() },
        event: EventKind::CreatedPut,
    }
}

/// `GET /v1/buckets/{bucketId}/files`
pub(crate) async fn list(call: Call, Query(query): Query<FileQuery>) -> Result<Page<FileSummary>> {
    let FileQuery { prefix, cursor, limit } = query;
    let after = cursor.unwrap_or(Position::Start);
    let asked = ListObjects { prefix, delimiter: None, after, max: page::count(limit) };
    let found = call.store().list_objects(&call.grant, &asked).await?;
    let shown = |entry: &Entry| match entry {
        Entry::Object { key, head } => Some(FileSummary::new(key, head.size, head.modified_ms)),
        Entry::Group(_) => None,
    };
    let next = page::position(&found.last).filter(|_| found.truncated);
    Ok(Page { entries: found.entries.iter().filter_map(shown).collect(), next, limit })
}

/// `GET /v1/buckets/{bucketId}/files/{path}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Shown<FileObject>> {
    let key = path::key(call.sent("path"))?;
    let get = GetObject::whole(key.clone());
    let Found { size, modified_ms, metadata, .. } = call.store().head_object(&call.grant, &get).await?;
    Ok(Shown(FileObject::new(key.as_str(), size, modified_ms, content_type(&metadata))))
}

/// `DELETE /v1/buckets/{bucketId}/files/{path}`
pub(crate) async fn delete(call: Call, (): ()) -> Result<Shown<DeletedFile>> {
    let key = path::key(call.sent("path"))?;
    let id = key.as_str().to_owned();
    if !call.store().delete_object(&call.grant, DeleteObject::current(key)).await?.existed {
        return Err(missing());
    }
    Ok(Shown(DeletedFile { object: "file", id }))
}

/// There is no such file.
pub(crate) fn missing() -> Error {
    windlass_store::Error::new(Stored::NoSuchKey, "The specified key does not exist.").into()
}
