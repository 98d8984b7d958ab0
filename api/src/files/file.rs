//! Files: list, upload, metadata, bytes, delete.

use schemars::JsonSchema;
use serde::Serialize;
use windlass_store::blob::ByteStream;
use windlass_store::name::{BucketName, ObjectKey};
use windlass_store::object::{DeleteObject, Entry, GetObject, ListObjects, Position};

use super::form::FormUpload;
use crate::answer::{Gone, Plain, PlainCreated};
use crate::call::Call;
use crate::content::{self, Content, content_type};
use crate::error::Result;
use crate::field::{Optional, Or, Text, inputs};
use crate::input::Query;
use crate::time::Time;
use crate::v1::files::{missing, new_object};
use crate::{id, limit, page, path};

inputs! {
    /// Which files a page shows.
    FilesQuery {
        /// Only keys that begin with it.
        prefix: String = "prefix", Or(Text(0, limit::PARAMETER_CHARS_MAX), String::new());
        /// Where the page before ended.
        cursor: Option<Position> = "cursor", Optional(page::FILES_CURSOR);
        /// How many.
        limit: u64 = "limit", page::FILES_LIMIT;
    }
}

/// A file.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FaceFile")]
pub(crate) struct FaceFile {
    #[schemars(regex(pattern = id::FILE_PATTERN))]
    id: String,
    key: String,
    size: u64,
    content_type: String,
    created_at: Time,
    /// Its ETag: the MD5 of its bytes, or of its parts' MD5s with their number.
    checksum: String,
}

/// A page of files.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FacePage")]
pub(crate) struct FacePage {
    files: Vec<FaceFile>,
    cursor: Option<String>,
    has_more: bool,
}

/// `GET /v1/files`
pub(crate) async fn list(call: Call, Query(query): Query<FilesQuery>) -> Result<Plain<FacePage>> {
    let FilesQuery { prefix, cursor, limit } = query;
    let bucket = &call.bucket()?.row.name;
    let after = cursor.unwrap_or(Position::Start);
    let asked = ListObjects { prefix, delimiter: None, after, max: page::count(limit) };
    let (found, types) = call.store().list_objects_with_types(&call.grant, &asked).await?;
    let shown = |(entry, kind): (&Entry, Option<String>)| match entry {
        Entry::Object { key, head } => Some(FaceFile {
            id: id::file(bucket, key),
            key: key.clone(),
            size: head.size,
            content_type: kind.unwrap_or_else(|| content::TYPE_OF_NONE.to_owned()),
            created_at: Time(head.modified_ms),
            checksum: head.etag.to_string(),
        }),
        Entry::Group(_) => None,
    };
    let files = found.entries.iter().zip(types).filter_map(shown).collect();
    let cursor = page::position(&found.last).filter(|_| found.truncated);
    Ok(Plain(FacePage { files, cursor, has_more: found.truncated }))
}

/// `POST /v1/files/upload`
pub(crate) async fn upload(call: Call, form: FormUpload) -> Result<PlainCreated<FaceFile>> {
    let (file, body) = form.open().await?;
    let key = file.key;
    let stored = store(&call, key.clone(), file.content_type.clone(), file.length, body).await?;
    Ok(PlainCreated(FaceFile {
        id: id::file(&call.bucket()?.row.name, key.as_str()),
        key: key.as_str().to_owned(),
        size: stored.size,
        content_type: file.content_type,
        created_at: Time(stored.modified_ms),
        checksum: stored.etag.to_string(),
    }))
}

async fn store(
    call: &Call,
    key: ObjectKey,
    content_type: String,
    length: Option<u64>,
    body: ByteStream,
) -> Result<windlass_store::object::PutOutcome> {
    Ok(call.store().put_object(&call.grant, new_object(key, content_type, length), body).await?)
}

/// `GET /v1/files/{fileId}`
pub(crate) async fn get(call: Call, (): ()) -> Result<Plain<FaceFile>> {
    let (bucket, key) = asked(&call)?;
    let get = GetObject::whole(key.clone());
    let found = call.store().head_object(&call.grant, &get).await?;
    Ok(Plain(FaceFile {
        id: id::file(&bucket, key.as_str()),
        key: key.as_str().to_owned(),
        size: found.size,
        content_type: content_type(&found.metadata),
        created_at: Time(found.modified_ms),
        checksum: found.etag.to_string(),
    }))
}

/// `GET /v1/files/{fileId}/content`
pub(crate) async fn content(call: Call, (): ()) -> Result<Content> {
    let (_, key) = asked(&call)?;
    let content = content::read(call.store(), &call.grant, key, call.headers()).await?;
    call.delivers();
    Ok(content)
}

/// `DELETE /v1/files/{fileId}`
pub(crate) async fn delete(call: Call, (): ()) -> Result<Gone> {
    let (_, key) = asked(&call)?;
    if !call.store().delete_object(&call.grant, DeleteObject::current(key)).await?.existed {
        return Err(missing());
    }
    Ok(Gone)
}

/// What the identifier of the path stands for. The bucket has been decided on.
fn asked(call: &Call) -> Result<(BucketName, ObjectKey)> {
    let place = path::decode(call.sent("fileId")).and_then(|id| id::read_file(&id)).ok_or_else(missing)?;
    let key = ObjectKey::parse(&place.key).map_err(|_| missing())?;
    Ok((place.bucket, key))
}
