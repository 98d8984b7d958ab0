//! Files as clients see them.

use serde::Serialize;
use serde_json::{Map, Value};
use windlass_store::id::FileId;
use windlass_store::intent::{File, FileRow, Said};
use windlass_store::project::bucket_name;

use crate::id::Shown;
use crate::time::Time;

/// A file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileObject {
    id: Shown<FileId>,
    key: String,
    url: String,
    file_name: String,
    file_size: u64,
    content_type: String,
    status: &'static str,
    metadata: Value,
    created_at: Time,
    updated_at: Time,
}

impl FileObject {
    pub(super) fn new(file: &File, base: &str) -> Self {
        let row = &file.row;
        Self {
            id: Shown(file.id),
            key: row.key.clone(),
            url: url(row, base),
            file_name: row.name.clone(),
            file_size: row.size,
            content_type: row.content_type.clone(),
            status: row.status.name(),
            metadata: metadata(&row.said),
            created_at: Time(row.created_ms),
            updated_at: Time(row.updated_ms),
        }
    }
}

/// Where everybody can read a file. Its key needs no encoding.
pub(super) fn url(row: &FileRow, base: &str) -> String {
    format!("{base}/{}/{}", bucket_name(row.project, row.is_test), row.key)
}

/// What was said of a file, as it was said.
pub(super) fn metadata(said: &Said) -> Value {
    let value = |text: &String| serde_json::from_str(text).unwrap_or_default();
    Value::Object(said.iter().map(|(name, text)| (name.clone(), value(text))).collect::<Map<_, _>>())
}
