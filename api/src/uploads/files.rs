//! `/files`: list, get, describe, delete.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use windlass_store::intent::{FileFilter, FileStatus};
use windlass_store::limit::{FILES_DELETE_MAX, KEY_BYTES_MAX, SLUG_CHARS_MAX};

use super::ask::Ask;
use super::error::{Refusal, Result};
use super::file::FileObject;
use super::kind::{Metadata, Object};
use super::list::{self, List};
use crate::answer::{self, Answer};
use crate::field::{self, OneOf, Optional, Required, Text, inputs};
use crate::page;

const STATUS: OneOf<FileStatus> = OneOf { all: FileStatus::ALL, name: FileStatus::name };

inputs! {
    /// Which files to list.
    FilesQuery {
        /// Those that came by a route.
        route_slug: Option<String> = "routeSlug", Optional(Text(0, SLUG_CHARS_MAX));
        /// Those that have come so far.
        status: Option<FileStatus> = "status", Optional(STATUS);
        /// Where the page before ended.
        cursor: Option<u64> = "cursor", Optional(list::PLACE);
        /// How many.
        limit: u64 = "limit", page::LIMIT;
    }
    /// What is said of a file.
    PatchBody {
        /// Names with what is said under them; `null` takes away what was.
        metadata: Metadata = "metadata", Required(Object);
    }
    /// Files to delete.
    DeleteBody {
        /// Their keys.
        keys: Vec<String> = "keys", Required(field::List(Text(1, KEY_BYTES_MAX), 1..=FILES_DELETE_MAX, "keys: 1 to 100"));
    }
}

/// The page under both of its names.
#[derive(Serialize)]
struct Files<'a> {
    #[serde(flatten)]
    list: Value,
    files: &'a Value,
}

/// `GET /files`
pub(super) async fn list(ask: Ask) -> Result<Answer> {
    let query: FilesQuery = ask.query()?;
    let filter = FileFilter { route_slug: query.route_slug, status: query.status };
    let page = ask.store().list_files(&ask.access, &filter, query.cursor, page::count(query.limit))?;
    let base = ask.base();
    let items: Vec<_> = page.files.iter().map(|file| FileObject::new(file, &base)).collect();
    let next = page.next.map(u64::to_be_bytes);
    let list = List::new(items, next.as_ref().map(<[u8; 8]>::as_slice));
    let list = serde_json::to_value(&list).unwrap_or_default();
    let files = list.get("items").cloned().unwrap_or_default();
    Ok(answer::json(StatusCode::OK, &Files { list, files: &files }))
}

/// `GET /files/{key}`
pub(super) async fn get(ask: Ask) -> Result<Answer> {
    let file = ask.store().get_file(&ask.access, &ask.key()?)?;
    Ok(answer::json(StatusCode::OK, &FileObject::new(&file, &ask.base())))
}

/// `PATCH /files/{key}`
pub(super) async fn update(mut ask: Ask) -> Result<Answer> {
    let body: PatchBody = ask.json().await?;
    let file = ask.store().describe_file(&ask.access, ask.key()?, body.metadata).await?;
    Ok(answer::json(StatusCode::OK, &FileObject::new(&file, &ask.base())))
}

/// `DELETE /files/{key}`
pub(super) async fn delete(ask: Ask) -> Result<Answer> {
    ask.store().delete_file(&ask.access, ask.key()?).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "deleted": true })))
}

/// `DELETE /files`
pub(super) async fn delete_many(mut ask: Ask) -> Result<Answer> {
    let body: DeleteBody = ask.json().await?;
    let done = ask.store().delete_files(&ask.access, body.keys).await?;
    let failed = done.failures.len();
    let failures: Vec<_> = done
        .failures
        .into_iter()
        .map(|(key, error)| {
            let refusal = Refusal::from(error);
            json!({ "key": key, "code": refusal.code().name(), "message": refusal.message() })
        })
        .collect();
    let status = match (done.deleted, failed) {
        (_, 0) => StatusCode::OK,
        (0, _) => StatusCode::NOT_FOUND,
        _ => StatusCode::MULTI_STATUS,
    };
    let told = json!({
        "deleted": done.deleted,
        "failed": failed,
        "failures": failures,
        "reclaimedBytes": done.bytes,
    });
    Ok(answer::json(status, &told))
}
