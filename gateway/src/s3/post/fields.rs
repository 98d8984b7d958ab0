//! The fields of a form before its file.

use s3s::{S3Error, S3Result};
use windlass_api::multipart::{Multipart, Part};
use windlass_store::{Error, ErrorKind};

use crate::s3::error::{self, invalid_argument};

/// Bytes of all fields' names and values (S3: "POST Object", form fields).
const BYTES_MAX: usize = 20 << 10;
/// Most fields.
const FIELDS_MAX: usize = 100;
/// The field that holds the bytes of the object.
const FILE: &str = "file";
/// Stands for the name of the file.
const FILE_NAME: &str = "${filename}";
/// Fields that are read as they are.
const VERBATIM: [&str; 4] = ["awsaccesskeyid", "policy", "signature", "x-amz-signature"];

/// Names in lower case with their values, in order. No name is there twice.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads up to the file, which is handed back unread. What is behind it is not part of the form (S3: "POST Object": the
    /// file is the last field).
    pub(super) async fn read(form: &mut Multipart) -> S3Result<(Self, Part)> {
        let mut fields = Self::default();
        let mut left = BYTES_MAX;
        while let Some(mut part) = form.next().await.map_err(malformed)? {
            let name = part.name().to_ascii_lowercase();
            if name == FILE {
                fields.expand(part.file_name().unwrap_or_default());
                return Ok((fields, part));
            }
            let too_large = || {
                error::refuse(
                    "MaxPostPreDataLengthExceeded",
                    "Your POST request fields preceding the upload file were too large.",
                )
            };
            left = left.checked_sub(name.len()).ok_or_else(too_large)?;
            let value = form.value(&mut part, left).await.map_err(malformed)?.ok_or_else(too_large)?;
            left -= value.len();
            let value = String::from_utf8(value)
                .map_err(|_| invalid_argument(format!("The value of the field {name} is not UTF-8.")))?;
            if fields.get(&name).is_some() {
                return Err(invalid_argument(format!("The form has more than one field {name}.")));
            }
            if fields.0.len() == FIELDS_MAX {
                return Err(too_large());
            }
            fields.0.push((name, value));
        }
        Err(invalid_argument("POST requires exactly one file upload per request."))
    }

    /// Puts the file's own name, without the folders that some browsers put before it, where the form asks for it.
    fn expand(&mut self, file_name: &str) {
        let name = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
        for (_, value) in self.0.iter_mut().filter(|(field, _)| !VERBATIM.contains(&field.as_str())) {
            *value = value.replace(FILE_NAME, name);
        }
    }

    /// The value of a field; its name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    /// The value of a field that must be there.
    pub(super) fn need(&self, name: &str) -> S3Result<&str> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let order = "If it is specified, please check the order of the fields.";
            invalid_argument(format!("Bucket POST must contain a field named '{name}'.  {order}"))
        })
    }

    /// All fields.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    #[cfg(test)]
    pub(super) fn of(fields: &[(&str, &str)]) -> Self {
        Self(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

/// What the reader of forms says, in the words of S3.
pub(super) fn malformed(error: Error) -> S3Error {
    if error.kind() != ErrorKind::InvalidRequest {
        return error::from_store(error);
    }
    tracing::debug!(%error, "request refused");
    error::refuse("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream;

    use super::*;

    async fn read(parts: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        let mut text = String::new();
        for (head, value) in parts {
            text.push_str(&format!("--XX\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n"));
        }
        text.push_str("--XX--\r\n");
        let body = Box::pin(stream::iter([Ok(Bytes::from(text))]));
        let mut form = Multipart::of("multipart/form-data; boundary=XX", body).unwrap();
        match Fields::read(&mut form).await {
            Ok((fields, _)) => Ok(fields.0),
            Err(error) => Err(error.code().as_str().to_owned()),
        }
    }

    fn refused(code: &str) -> Result<Vec<(String, String)>, String> {
        Err(code.to_owned())
    }

    const FILE_PART: (&str, &str) = ("name=\"File\"; filename=\"C:\\dir/sub\\a b.txt\"", "bytes");

    #[tokio::test]
    async fn fields_stand_before_the_file_and_can_ask_for_its_name() {
        let parts =
            [("name=\"Key\"", "x/${filename}"), ("name=\"policy\"", "${filename}"), FILE_PART, ("name=\"late\"", "")];
        let expected = [("key", "x/a b.txt"), ("policy", "${filename}")];
        assert_eq!(read(&parts).await.unwrap(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(read(&[("name=\"key\"", "k")]).await, refused("InvalidArgument"));
        let nameless = [("name=\"key\"", "x/${filename}"), ("name=\"file\"", "")];
        assert_eq!(read(&nameless).await.unwrap(), [("key".to_owned(), "x/".to_owned())]);
    }

    #[tokio::test]
    async fn fields_are_bounded_and_each_is_there_once() {
        assert_eq!(read(&[("name=\"a\"", "1"), ("name=\"A\"", "1"), FILE_PART]).await, refused("InvalidArgument"));
        let fits = "x".repeat(BYTES_MAX - 1);
        assert!(read(&[("name=\"a\"", &fits), FILE_PART]).await.is_ok());
        let large = "x".repeat(BYTES_MAX);
        assert_eq!(read(&[("name=\"a\"", &large), FILE_PART]).await, refused("MaxPostPreDataLengthExceeded"));
        let heads: Vec<String> = (0..=FIELDS_MAX).map(|i| format!("name=\"f{i}\"")).collect();
        let mut many: Vec<(&str, &str)> = heads.iter().map(|head| (head.as_str(), "")).collect();
        many.push(FILE_PART);
        assert_eq!(read(&many).await, refused("MaxPostPreDataLengthExceeded"));
        assert!(read(&many[1..]).await.is_ok());
    }
}
