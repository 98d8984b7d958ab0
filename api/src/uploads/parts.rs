//! Files that are uploaded in parts: `/upload/multipart/…`.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use windlass_store::id::{FileId, UploadId};
use windlass_store::intent::{FileParts, Requested};
use windlass_store::limit::FILE_PARTS_MAX;
use windlass_store::upload::PartRef;

use super::ask::Ask;
use super::error::{Code, Refusal, Result};
use super::kind::{Metadata, Object, Part};
use super::upload::{self, FILE_ID, RequestBody, link};
use crate::answer::{self, Answer};
use crate::field::{List, Nullable, Parsed, Required, Whole, inputs};
use crate::id::{self, Shown};

/// A number above any that there can be.
const PARTS_MAX: usize = 1_000;

/// An upload: any other text is that of none.
const UPLOAD_ID: Parsed<Option<UploadId>> =
    Parsed { parse: |text| Some(UploadId::parse(text)), message: "", schema: || json!({}) };

inputs! {
    /// An upload whose parts have come.
    CompleteBody {
        /// The file.
        file: FileId = "fileId", Required(id::field::<FileId>(FILE_ID));
        /// The upload.
        upload: Option<UploadId> = "uploadId", Required(UPLOAD_ID);
        /// Its parts, ascending.
        parts: Vec<PartRef> = "parts", Required(List(Part, 1..=PARTS_MAX, "parts: 1 to 1000"));
        /// What the client says of the file beside what it said before.
        metadata: Option<Metadata> = "metadata", Nullable(Object);
    }
    /// An upload that is given up.
    AbortBody {
        /// The file.
        file: FileId = "fileId", Required(id::field::<FileId>(FILE_ID));
        /// The upload.
        upload: Option<UploadId> = "uploadId", Required(UPLOAD_ID);
    }
    /// Parts to make fresh links for.
    UrlsBody {
        /// The file.
        file: FileId = "fileId", Required(id::field::<FileId>(FILE_ID));
        /// The upload.
        upload: Option<UploadId> = "uploadId", Required(UPLOAD_ID);
        /// The numbers of the parts.
        numbers: Vec<u64> = "partNumbers", Required(List(Whole(1..=FILE_PARTS_MAX), 1..=PARTS_MAX, "partNumbers: 1 to 1000"));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PartLink {
    part_number: u16,
    upload_url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    file_id: Shown<FileId>,
    upload_id: String,
    key: String,
    parts: Vec<PartLink>,
    part_size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    part_number: u16,
    etag: String,
    size: u64,
}

/// `POST /upload/multipart/init`
pub(super) async fn init(mut ask: Ask) -> Result<Answer> {
    let body: RequestBody = ask.json().await?;
    let requested = ask.store().request_file_in_parts(&ask.access, body.into_file(&ask)).await?;
    let cut = cut(&requested)?;
    let begun = Begun {
        file_id: Shown(requested.file.id),
        upload_id: cut.upload.to_string(),
        key: requested.file.row.key.clone(),
        parts: (1..=cut.count).filter_map(|number| part_link(&ask, &requested, &cut, number)).collect(),
        part_size: cut.part_bytes,
    };
    Ok(answer::json(StatusCode::OK, &begun))
}

fn cut(requested: &Requested) -> Result<FileParts> {
    requested.file.cut().ok_or_else(not_found)
}

fn part_link(ask: &Ask, requested: &Requested, cut: &FileParts, number: u16) -> Option<PartLink> {
    let length = cut.bytes_of(number)?;
    let upload_url = link(ask, requested, length, Some((&cut.upload.to_string(), number)));
    Some(PartLink { part_number: number, upload_url })
}

/// `POST /upload/multipart/complete`
pub(super) async fn complete(mut ask: Ask) -> Result<Answer> {
    let body: CompleteBody = ask.json().await?;
    let upload = body.upload.ok_or_else(not_found)?;
    let said = body.metadata.unwrap_or_default();
    let confirmed = ask.store().confirm_parts(&ask.access, (body.file, upload), body.parts, said).await?;
    upload::answer(&ask, confirmed)
}

/// `POST /upload/multipart/abort`
pub(super) async fn abort(mut ask: Ask) -> Result<Answer> {
    let body: AbortBody = ask.json().await?;
    ask.store().abort_file_upload(&ask.access, body.file, body.upload.ok_or_else(not_found)?).await?;
    Ok(answer::json(StatusCode::OK, &json!({ "aborted": true })))
}

/// `POST /upload/multipart/urls`
pub(super) async fn urls(mut ask: Ask) -> Result<Answer> {
    let body: UrlsBody = ask.json().await?;
    let requested = ask.store().open_file_upload(&ask.access, body.file, body.upload.ok_or_else(not_found)?)?;
    let cut = cut(&requested)?;
    let mut parts = Vec::with_capacity(body.numbers.len());
    for number in body.numbers {
        let part = u16::try_from(number).ok().and_then(|number| part_link(&ask, &requested, &cut, number));
        let beyond = || Refusal::invalid(format!("partNumbers: the upload has {} parts", cut.count));
        parts.push(part.ok_or_else(beyond)?);
    }
    Ok(answer::json(StatusCode::OK, &json!({ "parts": parts })))
}

/// `GET /upload/multipart/{fileId}/parts`
pub(super) async fn stored(ask: Ask) -> Result<Answer> {
    let stored = ask.store().file_parts(&ask.access, ask.id::<FileId>("id", "Upload").map_err(|_| not_found())?)?;
    let cut = stored.file.cut().ok_or_else(not_found)?;
    let part = |part: &windlass_store::upload::PartEntry| Stored {
        part_number: part.number,
        etag: part.etag.to_string(),
        size: part.size,
    };
    let parts: Vec<_> = stored.parts.iter().map(part).collect();
    let told = json!({
        "fileId": Shown(stored.file.id),
        "uploadId": cut.upload.to_string(),
        "partSize": cut.part_bytes,
        "partCount": cut.count,
        "parts": parts,
    });
    Ok(answer::json(StatusCode::OK, &told))
}

fn not_found() -> Refusal {
    Refusal::new(Code::UploadNotFound, "Upload not found")
}
