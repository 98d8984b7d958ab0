//! ListMultipartUploads.

use s3s::dto::{
    self, CommonPrefix, Initiator, ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload, Owner,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::id::{KeyId, UploadId};
use windlass_store::limit;
use windlass_store::upload::row::UploadRow;
use windlass_store::upload::{ListUploads, UploadEntry, UploadPage, UploadPosition};

use super::call::{self, Call};
use super::encode::Encoding;
use super::error::{self, invalid_argument};
use super::service::Operations;
use super::{checksum, date, list};

/// Lists open uploads by key, and those of one key in the order they were made.
pub(super) async fn list_multipart_uploads(
    door: &Operations,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let (input, call) = Call::open(request)?;
    let encoding = Encoding::parse(input.encoding_type.as_ref())?;
    let (prefix, key_marker) = (input.prefix.unwrap_or_default(), input.key_marker.unwrap_or_default());
    let upload_marker = input.upload_id_marker.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let query = ListUploads {
        after: position(&key_marker, &upload_marker, &prefix, delimiter.as_deref())?,
        prefix,
        delimiter,
        max: call::page_size(input.max_uploads, limit::PAGE_MAX, "max-uploads")?,
    };
    let page = if query.max == 0 {
        UploadPage { entries: vec![], truncated: false, last: UploadPosition::Start }
    } else {
        door.store.list_uploads(&call.grant, &query).map_err(error::from_store)?
    };
    let owner = list::owner_of(&call)?;
    let (mut uploads, mut groups) = (Vec::new(), Vec::new());
    for entry in page.entries {
        match entry {
            UploadEntry::Upload { key, upload, row } => uploads.push(line(encoding.write(&key), upload, &row, &owner)),
            UploadEntry::Group(group) => groups.push(CommonPrefix { prefix: Some(encoding.write(&group)) }),
        }
    }
    let (next_key, next_upload) = markers(Some(page.last).filter(|_| page.truncated));
    Ok(S3Response::new(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(encoding.write(&query.prefix)),
        delimiter: query.delimiter.map(|delimiter| encoding.write(&delimiter)),
        key_marker: Some(encoding.write(&key_marker)),
        upload_id_marker: Some(upload_marker),
        next_key_marker: next_key.map(|key| encoding.write(&key)),
        next_upload_id_marker: next_upload,
        max_uploads: Some(call::number(query.max)),
        is_truncated: Some(page.truncated),
        encoding_type: encoding.echo(),
        uploads: Some(uploads),
        common_prefixes: Some(groups),
        request_charged: None,
    }))
}

/// A key as the initiator of uploads.
pub(super) fn initiator(key: KeyId) -> Initiator {
    Initiator { display_name: Some(key.to_string()), id: Some(key.to_string()) }
}

/// An upload marker without a key marker has no meaning and is ignored (S3 API: ListMultipartUploads).
fn position(key: &str, upload: &str, prefix: &str, delimiter: Option<&str>) -> S3Result<UploadPosition> {
    match (key, upload) {
        ("", _) => Ok(UploadPosition::Start),
        (key, "") if list::is_group(key, prefix, delimiter) => Ok(UploadPosition::AfterGroup(key.to_owned())),
        (key, "") => Ok(UploadPosition::AfterKey(key.to_owned())),
        (key, upload) => match UploadId::parse(upload) {
            Some(upload) => Ok(UploadPosition::AfterUpload(key.to_owned(), upload)),
            None => Err(invalid_argument("Invalid uploadId marker")),
        },
    }
}

fn markers(last: Option<UploadPosition>) -> (Option<String>, Option<String>) {
    match last {
        None | Some(UploadPosition::Start) => (None, None),
        Some(UploadPosition::AfterKey(key) | UploadPosition::AfterGroup(key)) => (Some(key), Some(String::new())),
        Some(UploadPosition::AfterUpload(key, upload)) => (Some(key), Some(upload.to_string())),
    }
}

fn line(key: String, upload: UploadId, row: &UploadRow, owner: &Owner) -> MultipartUpload {
    MultipartUpload {
        checksum_algorithm: row.checksum.map(|(algorithm, _)| checksum::algorithm_dto(algorithm)),
        checksum_type: row.checksum.map(|(_, kind)| checksum::kind_dto(kind)),
        initiated: Some(date::timestamp(row.initiated_ms)),
        initiator: Some(initiator(row.initiator)),
        key: Some(key),
        owner: Some(owner.clone()),
        storage_class: Some(dto::StorageClass::from_static(row.class.name())),
        upload_id: Some(upload.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_and_positions_agree() {
        let upload = UploadId([7; 16]);
        let id = upload.to_string();
        assert_eq!(position("", &id, "", None).unwrap(), UploadPosition::Start);
        assert_eq!(position("k", "", "", None).unwrap(), UploadPosition::AfterKey("k".into()));
        assert_eq!(position("a/", "", "", Some("/")).unwrap(), UploadPosition::AfterGroup("a/".into()));
        let after = position("k", &id, "", Some("/")).unwrap();
        assert_eq!(after, UploadPosition::AfterUpload("k".into(), upload));
        assert_eq!(markers(Some(after)), (Some("k".into()), Some(id)));
        assert!(position("k", "zz", "", None).is_err());
    }
}
