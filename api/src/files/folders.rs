//! Folders: prefixes that end in `/`, whether or not an object stands for them.

use bytes::Bytes;
use futures::stream;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use windlass_store::limit::PAGE_MAX;
use windlass_store::name::ObjectKey;
use windlass_store::object::{ETagMatch, Entry, ListObjects, Position, WriteCondition};
use windlass_store::{Error as StoreError, ErrorKind as Stored};

use crate::answer::{Plain, PlainCreated};
use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::field::{Nullable, Optional, Parsed, Required, inputs};
use crate::id::{self, Folder};
use crate::input::{Json, Query};
use crate::v1::files::new_object;
use crate::{limit, page};

const NAME: Parsed<String> = Parsed {
    parse: read_name,
    message: "name must be 1 to 255 characters without / or NUL",
    schema: || json!({ "pattern": "^[^/\\u0000]+$", "minLength": 1, "maxLength": limit::FOLDER_NAME_CHARS_MAX }),
};

inputs! {
    /// Which folders a page shows.
    FoldersQuery {
        /// The folder that they are in; the root without it.
        parent: Option<Folder> = "parent_id", Optional(id::FOLDER);
        /// Where the page before ended.
        cursor: Option<Position> = "cursor", Optional(page::FILES_CURSOR);
        /// How many.
        limit: u64 = "limit", page::FILES_LIMIT;
    }
    /// What a folder is made with.
    NewFolder {
        /// Its name.
        name: String = "name", Required(NAME);
        /// The folder that it is in; the root without it.
        parent: Option<Folder> = "parent_id", Nullable(id::FOLDER);
    }
}

/// A folder.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Folder")]
pub(crate) struct FolderObject {
    #[schemars(regex(pattern = id::FOLDER_PATTERN))]
    id: String,
    name: String,
    /// The prefix of all that is in it.
    key: String,
    #[schemars(regex(pattern = id::FOLDER_PATTERN))]
    parent_id: String,
}

/// A page of folders.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FolderPage")]
pub(crate) struct FolderPage {
    folders: Vec<FolderObject>,
    cursor: Option<String>,
    has_more: bool,
}

/// `GET /v1/folders`
pub(crate) async fn list(call: Call, Query(query): Query<FoldersQuery>) -> Result<Plain<FolderPage>> {
    let parent = prefix(&call, query.parent)?;
    let asked = ListObjects {
        prefix: parent.clone(),
        delimiter: Some("/".to_owned()),
        after: query.cursor.unwrap_or(Position::Start),
        max: PAGE_MAX,
    };
    // Files stand between folders and are passed over, as many as one listing has.
    let found = call.store().list_objects(&call.grant, &asked).await?;
    let (mut folders, mut last, mut has_more) = (Vec::new(), found.last, found.truncated);
    let mut groups = found.entries.into_iter().filter_map(|entry| match entry {
        Entry::Group(key) => Some(key),
        Entry::Object { .. } => None,
    });
    for key in groups.by_ref().take(page::count(query.limit)) {
        folders.push(shown(&call, &parent, key)?);
    }
    if groups.next().is_some()
        && let Some(folder) = folders.last()
    {
        (last, has_more) = (Position::AfterGroup(folder.key.clone()), true);
    }
    let cursor = page::position(&last).filter(|_| has_more);
    Ok(Plain(FolderPage { folders, cursor, has_more }))
}

/// `POST /v1/folders`
pub(crate) async fn create(call: Call, Json(body): Json<NewFolder>) -> Result<PlainCreated<FolderObject>> {
    let parent = prefix(&call, body.parent)?;
    let key = format!("{parent}{}/", body.name);
    let mut put = new_object(ObjectKey::parse(&key)?, "application/x-directory".to_owned(), Some(0));
    put.condition = WriteCondition { if_match: None, if_none_match: Some(ETagMatch::Any) };
    let nothing = Box::pin(stream::empty::<Result<Bytes, StoreError>>());
    match call.store().put_object(&call.grant, put, nothing).await {
        Err(error) if error.kind() == Stored::PreconditionFailed => {
            Err(Error::new(ErrorKind::Conflict, "The folder exists already"))
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(PlainCreated(shown(&call, &parent, key)?)),
    }
}

/// The prefix of what is in a folder, which must be in the call's bucket.
fn prefix(call: &Call, folder: Option<Folder>) -> Result<String> {
    match folder.unwrap_or(Folder::Root) {
        Folder::Root => Ok(String::new()),
        Folder::In(place) if place.bucket == call.bucket()?.row.name => Ok(place.key),
        Folder::In(_) | Folder::Nowhere => Err(Error::new(ErrorKind::NotFound, "The requested folder does not exist.")),
    }
}

fn shown(call: &Call, parent: &str, key: String) -> Result<FolderObject> {
    let bucket = &call.bucket()?.row.name;
    let name = key.strip_prefix(parent).unwrap_or(&key).trim_end_matches('/').to_owned();
    Ok(FolderObject { id: id::folder(bucket, &key), name, parent_id: id::folder(bucket, parent), key })
}

fn read_name(text: &str) -> Option<String> {
    let sound = (1..=limit::FOLDER_NAME_CHARS_MAX).contains(&text.chars().count()) && !text.contains(['/', '\0']);
    sound.then(|| text.to_owned())
}
