//! What the fields of a form say of the object, as the headers of a PUT say it.

use form_urlencoded::Serializer;
use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::S3Result;
use s3s::dto::Tagging;
use s3s::xml::{Deserialize as _, Deserializer};

use super::fields::Fields;
use crate::s3::error::{self, invalid_argument};

/// Fields that are headers of the same name.
const HEADERS: [&str; 10] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];
/// The same by the beginning of their names.
const PREFIXES: [&str; 5] =
    ["x-amz-checksum-", "x-amz-grant-", "x-amz-meta-", "x-amz-object-lock-", "x-amz-server-side-encryption"];

/// The headers. Fields that mean nothing to an object are left out, whatever headers of their names would mean.
pub(super) fn of(fields: &Fields) -> S3Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields.iter() {
        let (header, value) = match name {
            "acl" => ("x-amz-acl", value.to_owned()),
            "tagging" => ("x-amz-tagging", tags(value)?),
            name if HEADERS.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => {
                (name, value.to_owned())
            }
            _ => continue,
        };
        let pair = HeaderName::try_from(header).ok().zip(HeaderValue::try_from(value).ok());
        let (header, value) = pair
            .ok_or_else(|| invalid_argument(format!("The field {name} holds characters that no header may hold.")))?;
        headers.insert(header, value);
    }
    Ok(headers)
}

/// The document of a tag set as the header has it.
fn tags(document: &str) -> S3Result<String> {
    let mut reader = Deserializer::new(document.as_bytes());
    let parsed = Tagging::deserialize(&mut reader).and_then(|tagging| reader.expect_eof().map(|()| tagging));
    let malformed = error::malformed_xml;
    let tagging = parsed.map_err(|_| malformed())?;
    let mut header = Serializer::new(String::new());
    for tag in &tagging.tag_set {
        let (key, value) = tag.key.as_deref().zip(tag.value.as_deref()).ok_or_else(malformed)?;
        header.append_pair(key, value);
    }
    Ok(header.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Result<HeaderMap, String> {
        of(&Fields::of(fields)).map_err(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn fields_that_speak_of_the_object_are_headers_and_the_others_are_not() {
        let kept = [
            ("content-type", "image/png"),
            ("x-amz-meta-a", "é"),
            ("x-amz-storage-class", "STANDARD"),
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("acl", "private"),
        ];
        let dropped = [
            ("key", "k"),
            ("policy", "p"),
            ("x-amz-signature", "s"),
            ("x-amz-date", "d"),
            ("x-amz-copy-source", "/other/secret"),
            ("authorization", "Bearer x"),
            ("host", "h"),
            ("content-length", "1"),
            ("success_action_status", "201"),
            ("if-match", "x"),
        ];
        let found = headers(&[&kept[..], &dropped[..]].concat()).unwrap();
        assert_eq!(found.len(), kept.len());
        assert_eq!(found.get("x-amz-acl").unwrap(), "private");
        assert_eq!(found.get("x-amz-meta-a").unwrap().as_bytes(), "é".as_bytes());
        for bad in ["a\r\nx-amz-acl: public-read", "a\0"] {
            assert_eq!(headers(&[("x-amz-meta-a", bad)]).unwrap_err(), "InvalidArgument");
        }
        assert_eq!(headers(&[("x-amz-meta-a b", "x")]).unwrap_err(), "InvalidArgument");
    }

    #[test]
    fn tags_are_a_document_in_a_form_and_a_list_in_a_header() {
        let tagging = |tags: &str| {
            let document = format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
            headers(&[("tagging", &document)])
                .map(|headers| headers.get("x-amz-tagging").unwrap().to_str().unwrap().to_owned())
        };
        let two = "<Tag><Key>a b</Key><Value>1&amp;2</Value></Tag><Tag><Key>é</Key><Value></Value></Tag>";
        assert_eq!(tagging(two).unwrap(), "a+b=1%262&%C3%A9=");
        assert_eq!(tagging("").unwrap(), "");
        for bad in ["<Tag>", "<Tag><Key>a</Key></Tag>"] {
            assert_eq!(tagging(bad), Err("MalformedXML".to_owned()), "{bad}");
        }
        assert_eq!(headers(&[("tagging", "a=b")]).unwrap_err(), "MalformedXML");
    }
}
