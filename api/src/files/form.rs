//! An upload by a form: fields `key` and `content_type`, and the file. The file goes to the store as it comes, so what is
//! said of it must stand before it; only of a small file that can also stand behind it.

use axum::body::Body;
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::header::CONTENT_TYPE;
use serde_json::json;
use sync_wrapper::SyncStream;
use windlass_store::blob::ByteStream;
use windlass_store::limit::KEY_BYTES_MAX;
use windlass_store::name::ObjectKey;
use windlass_store::{Error as StoreError, ErrorKind as Stored};

use crate::call::Call;
use crate::content::{TYPE_OF_NONE, guessed};
use crate::error::{Error, Result};
use crate::input::{Input, InputDoc, pieces};
use crate::limit;
use crate::multipart::{Multipart, Part};

const TOO_LATE: &str = "The fields key and content_type must stand before a file of more than 1 MiB";
/// A token (RFC 9110, section 5.6.2), as a pattern.
const TOKEN: &str = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";

/// The form of an upload, of which nothing was read yet.
pub(crate) struct FormUpload {
    form: Multipart,
}

/// What a form says of its file.
#[derive(Debug)]
pub(crate) struct FileField {
    /// The field `key`, else the file's own name.
    pub(crate) key: ObjectKey,
    /// The field `content_type`, else what is said of the file within the form, else what its name tells.
    pub(crate) content_type: String,
    /// Its length, if it is known.
    pub(crate) length: Option<u64>,
}

/// What was found in a form so far.
#[derive(Debug, Default)]
struct Said {
    key: Option<String>,
    content_type: Option<String>,
    fields: usize,
}

impl Input for FormUpload {
    const STREAMS: bool = true;

    async fn take(call: &Call, body: Body) -> Result<Self> {
        let kind = call.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let form = Multipart::of(kind, pieces(body));
        let form = form.ok_or_else(|| Error::bad_request("Request body must be multipart/form-data"))?;
        Ok(Self { form })
    }

    fn describe() -> InputDoc {
        let schema = json!({
            "type": "object",
            "properties": {
                "key": {
                    "type": "string",
                    "pattern": "^[^\\u0000]*$",
                    "maxLength": KEY_BYTES_MAX,
                    "description": "The key; the file's own name without it.",
                },
                "content_type": {
                    "type": "string",
                    "pattern": format!("^({TOKEN}/{TOKEN}( *;[ -~]*)?)?$"),
                    "maxLength": limit::CONTENT_TYPE_BYTES_MAX,
                    "description": "The content type; what the name tells without it.",
                },
                "file": { "type": "string", "format": "binary", "description": "The file." },
            },
            // Names stand in a header, which holds no control characters.
            "propertyNames": { "pattern": "^[!-~]+$" },
            "required": ["file"],
        });
        InputDoc { parameters: Vec::new(), body: Some(("multipart/form-data", schema, true)) }
    }
}

impl FormUpload {
    /// Reads up to the file. The body is the file's; it ends with an error if what is behind the file says something else
    /// of it.
    pub(crate) async fn open(mut self) -> Result<(FileField, ByteStream)> {
        let mut said = Said::default();
        let missing = || Error::bad_request("file is required");
        let mut file = loop {
            let field = self.next(&mut said).await?.ok_or_else(missing)?;
            if field.name() == "file" {
                break field;
            }
            self.hear(field, &mut said).await?;
        };
        let (name, kind) = (file.file_name().map(str::to_owned), file.content_type());
        let (mut begin, mut length) = (Vec::new(), 0);
        let mut whole = false;
        // What is not said before a small file may be said behind it.
        while (said.key.is_none() || said.content_type.is_none())
            && length <= limit::FORM_EARLY_FILE_BYTES_MAX
            && !whole
        {
            match self.form.chunk(&mut file).await? {
                Some(bytes) => {
                    length += bytes.len();
                    begin.push(Ok(bytes));
                }
                None => whole = true,
            }
        }
        let begin = stream::iter(begin);
        if !whole {
            let file_field = described(&said, name, kind, None)?;
            let rest = Rest { form: self, file: Some(file), said };
            return Ok((file_field, Box::pin(begin.chain(rest.into_stream()))));
        }
        drop(file);
        while let Some(field) = self.next(&mut said).await? {
            self.hear(field, &mut said).await?;
        }
        Ok((described(&said, name, kind, Some(length as u64))?, Box::pin(begin)))
    }

    async fn next(&mut self, said: &mut Said) -> Result<Option<Part>, StoreError> {
        said.fields += 1;
        if said.fields > limit::FORM_FIELDS_MAX {
            return Err(refused("The form has too many fields"));
        }
        self.form.next().await
    }

    /// Reads a field that is not the file. Unknown ones are not kept.
    async fn hear(&self, mut field: Part, said: &mut Said) -> Result<(), StoreError> {
        if field.name() == "file" {
            return Err(refused("The form has more than one file"));
        }
        let value = self.form.value(&mut field, limit::FORM_FIELD_BYTES_MAX).await?;
        let value = value.ok_or_else(|| refused("A field of the form is too long"))?;
        let place = match field.name() {
            "key" => &mut said.key,
            "content_type" => &mut said.content_type,
            _ => return Ok(()),
        };
        let text = String::from_utf8(value).map_err(|_| refused("A field of the form is not valid UTF-8"))?;
        *place = Some(text).filter(|text| !text.is_empty());
        Ok(())
    }
}

fn described(said: &Said, name: Option<String>, kind: Option<String>, length: Option<u64>) -> Result<FileField> {
    let key = said.key.clone().or(name).filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| Error::bad_request("key is required"))?;
    // Clients say this of whatever they do not know.
    let kind = kind.filter(|kind| kind != TYPE_OF_NONE);
    let content_type = said.content_type.clone().or(kind).unwrap_or_else(|| guessed(&key).to_owned());
    if !is_content_type(&content_type) || content_type.len() > limit::CONTENT_TYPE_BYTES_MAX {
        return Err(Error::bad_request("content_type must be a content type"));
    }
    Ok(FileField { key: ObjectKey::parse(&key)?, content_type, length })
}

/// Whether a text is a type and a subtype (RFC 9110, section 8.3.1), with parameters or without, and can stand in a header.
fn is_content_type(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end_matches(' ');
    let typed = essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype));
    typed && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}

/// What is left of a form whose file is on its way.
struct Rest {
    form: FormUpload,
    file: Option<Part>,
    said: Said,
}

impl Rest {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + Sync {
        SyncStream::new(stream::try_unfold(self, |mut rest| async move {
            if let Some(file) = &mut rest.file {
                if let Some(bytes) = rest.form.form.chunk(file).await? {
                    return Ok(Some((bytes, rest)));
                }
                rest.file = None;
            }
            let Rest { form, said, .. } = &mut rest;
            while let Some(field) = form.next(said).await? {
                if matches!(field.name(), "key" | "content_type") {
                    return Err(refused(TOO_LATE));
                }
                form.hear(field, said).await?;
            }
            Ok(None)
        }))
    }
}

fn refused(message: &'static str) -> StoreError {
    StoreError::new(Stored::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Form;

    const BROKEN: &str = "Request body is not a valid multipart/form-data form";

    /// A form as a body that comes in pieces of `size` bytes.
    fn upload(parts: &[(&str, &str)], size: usize) -> FormUpload {
        let mut text = String::new();
        for (head, value) in parts {
            text.push_str(&format!("--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n"));
        }
        raw(text + "--XX--\r\n", size)
    }

    fn raw(text: String, size: usize) -> FormUpload {
        let pieces: Vec<_> = text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        FormUpload { form: Multipart::new(Box::pin(stream::iter(pieces)), "XX".to_owned()) }
    }

    /// Key, content type and bytes of the file, or the message.
    async fn read(form: FormUpload) -> Result<(String, String, String), String> {
        let (file, mut body) = form.open().await.map_err(|error| error.message(Form::Bare).into_owned())?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(|error| error.message().to_owned())?);
        }
        if let Some(length) = file.length {
            assert_eq!(length, bytes.len() as u64);
        }
        Ok((file.key.as_str().to_owned(), file.content_type, String::from_utf8(bytes).unwrap()))
    }

    fn owned(key: &str, kind: &str, bytes: &str) -> Result<(String, String, String), String> {
        Ok((key.to_owned(), kind.to_owned(), bytes.to_owned()))
    }

    const FILE: &str = "name=\"file\"; filename=\"a.png\"";

    #[tokio::test]
    async fn fields_stand_before_the_file_or_behind_a_small_one() {
        for size in [1, 7, 100_000] {
            let form =
                upload(&[("name=\"key\"", "x/y"), ("name=\"content_type\"", "a/b"), (FILE, "bytes\r\n--X")], size);
            assert_eq!(read(form).await, owned("x/y", "a/b", "bytes\r\n--X"));
            let form = upload(&[(FILE, "bytes"), ("name=\"key\"", "x/y"), ("name=\"other\"", "z")], size);
            assert_eq!(
                read(form).await,
                owned("x/y", "image/png", "bytes").map(|(k, _, b)| (k, guessed("x/y").into(), b))
            );
            let form = upload(&[("name=\"key\"", "k"), (FILE, "x"), ("name=\"content_type\"", "a/b")], size);
            assert_eq!(read(form).await, owned("k", "a/b", "x"));
            let form = upload(&[("name=\"key\"", ""), (FILE, ""), ("name=\"content_type\"", "")], size);
            assert_eq!(read(form).await, owned("a.png", "image/png", ""));
        }
    }

    #[test]
    fn content_types_have_two_parts_and_fit_into_a_header() {
        for good in ["a/b", "image/svg+xml", "text/plain; charset=utf-8", "text/plain ;q=\"a b\""] {
            assert!(is_content_type(good), "{good}");
        }
        for bad in ["", "a", "a/", "/b", "a/b/c", "true", " a/b", "a /b", "N(a", "a/b;\r\n", "a/b; é", "a/b\t"] {
            assert!(!is_content_type(bad), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_large_file_streams_and_nothing_may_be_said_behind_it() {
        let large = "0123456789".repeat(300_000);
        let form = upload(&[("name=\"key\"", "k"), (FILE, &large)], 10_000);
        assert_eq!(read(form).await, owned("k", guessed("k"), &large));
        let form = upload(&[(FILE, &large), ("name=\"other\"", "z")], 10_000);
        assert_eq!(read(form).await, owned("a.png", "image/png", &large));
        let form = upload(&[(FILE, &large), ("name=\"key\"", "k")], 10_000);
        assert_eq!(read(form).await, Err(TOO_LATE.to_owned()));
        let form = upload(&[("name=\"key\"", "k"), (FILE, "x"), (FILE, "y")], 10_000);
        assert_eq!(read(form).await, Err("The form has more than one file".to_owned()));
    }

    #[tokio::test]
    async fn what_is_no_form_is_refused_and_never_held() {
        assert_eq!(read(upload(&[("name=\"key\"", "k")], 9)).await, Err("file is required".to_owned()));
        assert_eq!(read(upload(&[("name=\"file\"", "x")], 9)).await, Err("key is required".to_owned()));
        assert_eq!(read(raw("nonsense".to_owned(), 9)).await, Err(BROKEN.to_owned()));
        assert_eq!(read(raw("--XX\r\nContent-Disposition: form-data".to_owned(), 9)).await, Err(BROKEN.to_owned()));
        // Endless preambles and headers end where they would have to be held.
        assert_eq!(read(raw("x".repeat(10 << 20), 65_536)).await, Err(BROKEN.to_owned()));
        assert_eq!(read(raw(format!("--XX\r\n{}", "x: y\r\n".repeat(1 << 20)), 65_536)).await, Err(BROKEN.to_owned()));
        let many = vec![("name=\"other\"", "z"); limit::FORM_FIELDS_MAX + 1];
        assert_eq!(read(upload(&many, 9)).await, Err("The form has too many fields".to_owned()));
        let long = "z".repeat(limit::FORM_FIELD_BYTES_MAX + 1);
        assert_eq!(
            read(upload(&[("name=\"other\"", &long)], 99)).await,
            Err("A field of the form is too long".to_owned())
        );
    }

    #[tokio::test]
    async fn a_file_that_is_cut_ends_with_an_error() {
        let cut = format!("--XX\r\nContent-Disposition: form-data; {FILE}\r\n\r\n{}", "x".repeat(3 << 20));
        assert_eq!(read(raw(cut, 10_000)).await, Err(BROKEN.to_owned()));
    }
}
