//! Files that are uploaded as a whole: `/upload/request` and `/upload/complete`.

use http::StatusCode;
use serde::Serialize;
use windlass_store::id::FileId;
use windlass_store::intent::{Confirmed, NewFile, Requested, Said};
use windlass_store::limit::{FILE_NAME_CHARS_MAX, FILE_TYPE_CHARS_MAX, SLUG_CHARS_MAX};
use windlass_store::project::bucket_name;

use super::ask::Ask;
use super::error::{Code, Refusal, Result};
use super::file::{self, FileObject};
use super::kind::{Metadata, Object};
use crate::answer::{Answer, json};
use crate::field::{Nullable, Required, Text, Whole, inputs};
use crate::id::{self, Shown};
use crate::limit::INTEGER_MAX;
use crate::presign::{self, Credential, Put};

/// What is told of an identifier that is none of a file's.
pub(super) const FILE_ID: &str = "fileId must be the id of a file";

inputs! {
    /// A file to announce.
    RequestBody {
        /// What the client calls it.
        name: String = "fileName", Required(Text(1, FILE_NAME_CHARS_MAX));
        /// Its length in bytes.
        size: u64 = "fileSize", Required(Whole(1..=INTEGER_MAX));
        /// Its content type.
        content_type: String = "contentType", Required(Text(1, FILE_TYPE_CHARS_MAX));
        /// The route to upload it by.
        route_slug: String = "routeSlug", Required(Text(1, SLUG_CHARS_MAX));
        /// What the client says of it.
        metadata: Option<Metadata> = "metadata", Nullable(Object);
    }
    /// A file that was uploaded.
    CompleteBody {
        /// Which.
        file: FileId = "fileId", Required(id::field::<FileId>(FILE_ID));
        /// What the client says of it beside what it said before.
        metadata: Option<Metadata> = "metadata", Nullable(Object);
    }
}

impl RequestBody {
    pub(super) fn into_file(self, ask: &Ask) -> NewFile {
        let said: Said =
            self.metadata.unwrap_or_default().into_iter().filter_map(|(name, text)| Some((name, text?))).collect();
        NewFile {
            name: self.name,
            size: self.size,
            // As it comes back in the header of a PUT.
            content_type: self.content_type.trim().to_owned(),
            route_slug: self.route_slug,
            said,
            base: ask.base(),
            links_last_ms: ask.settings().uploads.url_ttl_ms,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestedObject {
    file_id: Shown<FileId>,
    upload_url: String,
    key: String,
    cdn_url: String,
}

/// `POST /upload/request`
pub(super) async fn request(mut ask: Ask) -> Result<Answer> {
    let body: RequestBody = ask.json().await?;
    let requested = ask.store().request_file(&ask.access, body.into_file(&ask)).await?;
    let row = &requested.file.row;
    let answer = RequestedObject {
        file_id: Shown(requested.file.id),
        upload_url: link(&ask, &requested, row.size, None),
        key: row.key.clone(),
        cdn_url: file::url(row, &ask.base()),
    };
    Ok(json(StatusCode::OK, &answer))
}

/// A link that a file, or a part of one, is uploaded by: of exactly that length, and as a whole of its content type.
pub(super) fn link(ask: &Ask, requested: &Requested, length: u64, part: Option<(&str, u16)>) -> String {
    let row = &requested.file.row;
    let put = Put {
        base: &ask.base(),
        bucket: &bucket_name(row.project, row.is_test),
        key: &row.key,
        length,
        content_type: Some(row.content_type.as_str()).filter(|_| part.is_none()),
        part,
    };
    let credential = Credential {
        access_key_id: &requested.signer.access_key_id,
        secret_access_key: &requested.signer.secret_access_key,
        region: &ask.settings().region,
    };
    presign::put(&put, credential, ask.now(), ask.settings().uploads.url_ttl_ms / 1_000)
}

/// `POST /upload/complete`
pub(super) async fn complete(mut ask: Ask) -> Result<Answer> {
    let body: CompleteBody = ask.json().await?;
    let confirmed = ask.store().confirm_file(&ask.access, body.file, body.metadata.unwrap_or_default()).await?;
    answer(&ask, confirmed)
}

/// What a confirmation came to.
pub(super) fn answer(ask: &Ask, confirmed: Confirmed) -> Result<Answer> {
    let unverified = |message| Err(Refusal::new(Code::UploadNotVerified, message));
    match confirmed {
        Confirmed::Yes(file) => Ok(json(StatusCode::OK, &FileObject::new(&file, &ask.base()))),
        Confirmed::Missing => unverified("The file has not been uploaded yet"),
        Confirmed::Mismatch => unverified("What was uploaded is not the file that was announced"),
    }
}
