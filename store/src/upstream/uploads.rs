//! Multipart uploads that are open upstream: for the sweep of what died before it could abort them.

use http::Method;

use super::xml::Element;
use super::{Client, Provider, Request};
use crate::error::{Error, ErrorKind, Result};

/// An open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenUpload {
    /// Its key.
    pub(crate) key: String,
    /// Its id.
    pub(crate) id: String,
}

/// A page of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UploadPage {
    /// The uploads, by key.
    pub(crate) uploads: Vec<OpenUpload>,
    /// Behind which the next page begins; `None` at the end.
    pub(crate) next: Option<OpenUpload>,
}

impl Client {
    /// A page of a bucket's open uploads whose keys begin with `prefix`, behind `after`.
    pub(crate) async fn list_uploads(
        &self,
        provider: &Provider,
        bucket: &str,
        prefix: &str,
        after: Option<&OpenUpload>,
    ) -> Result<UploadPage> {
        let mut request = Request::new(Method::GET).bucket(bucket).query("uploads", "").query("prefix", prefix);
        if let Some(after) = after {
            request = request.query("key-marker", &after.key).query("upload-id-marker", &after.id);
        }
        let (_, body) = self.ask(provider, request).await?;
        page(&Element::parse(&body)?)
    }

    /// Aborts an upload. One that is no longer open is no error.
    pub(crate) async fn abort_upload(&self, provider: &Provider, bucket: &str, upload: &OpenUpload) -> Result<()> {
        let request = Request::new(Method::DELETE).bucket(bucket).key(&upload.key).query("uploadId", &upload.id);
        match self.ask(provider, request).await {
            Err(error) if error.kind() != ErrorKind::NoSuchUpload => Err(error),
            _ => Ok(()),
        }
    }
}

fn page(document: &Element) -> Result<UploadPage> {
    let upload = |element: &Element| {
        Ok(OpenUpload { key: element.must_have("Key")?.to_owned(), id: element.must_have("UploadId")?.to_owned() })
    };
    let next = match document.text_of("IsTruncated") {
        Some("true") => {
            let key = document.must_have("NextKeyMarker")?.to_owned();
            Some(OpenUpload { key, id: document.text_of("NextUploadIdMarker").unwrap_or_default().to_owned() })
        }
        _ => None,
    };
    if next.as_ref().is_some_and(|next| next.key.is_empty()) {
        return Err(Error::new(ErrorKind::UpstreamInvalid, "The upstream's list of uploads does not go on."));
    }
    Ok(UploadPage { uploads: document.children("Upload").map(upload).collect::<Result<_>>()?, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(document: &str) -> Result<UploadPage> {
        page(&Element::parse(document.as_bytes()).unwrap())
    }

    fn upload(key: &str, id: &str) -> OpenUpload {
        OpenUpload { key: key.to_owned(), id: id.to_owned() }
    }

    #[test]
    fn a_page_has_its_uploads_and_where_the_next_begins() {
        let document = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>b</NextKeyMarker>\
            <NextUploadIdMarker>2</NextUploadIdMarker><Upload><Key>a</Key><UploadId>1</UploadId></Upload>\
            <Upload><Key>b</Key><UploadId>2</UploadId></Upload></ListMultipartUploadsResult>";
        let uploads = vec![upload("a", "1"), upload("b", "2")];
        assert_eq!(read(document).unwrap(), UploadPage { uploads: uploads.clone(), next: Some(upload("b", "2")) });
        let last = document.replace("<IsTruncated>true", "<IsTruncated>false");
        assert_eq!(read(&last).unwrap(), UploadPage { uploads, next: None });
    }

    #[test]
    fn a_page_that_says_there_is_more_but_not_where_is_refused() {
        let document = "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>";
        assert_eq!(read(document).unwrap_err().kind(), ErrorKind::UpstreamInvalid);
    }
}
