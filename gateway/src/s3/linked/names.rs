//! Documents of an upstream, with the name that the bucket has here.

use s3s::S3Result;

use super::super::call::{Call, text};
use super::super::{encode, error};

/// A document with the bucket's name in the element of that name, and the address that the object has here. Keys are escaped in
/// documents, so no key looks like an element.
pub(super) fn ours(document: &[u8], element: &str, call: &Call, path: &str) -> S3Result<Vec<u8>> {
    let bucket = call.grant.bucket().map_err(error::from_store)?;
    let document = put(document, element, bucket.row.name.as_str());
    if find(&document, b"<Location>").is_none() {
        return Ok(document);
    }
    let host = call.headers.get(http::header::HOST).and_then(text).unwrap_or_default();
    let scheme = if call.is_secure() { "https" } else { "http" };
    Ok(put(&document, "Location", &encode::xml(&format!("{scheme}://{host}{path}"))))
}

/// Puts other text into the first element of that name, if there is one.
fn put(document: &[u8], element: &str, text: &str) -> Vec<u8> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let found = find(document, open.as_bytes()).and_then(|at| {
        let (before, rest) = document.split_at_checked(at + open.len())?;
        let (_, after) = rest.split_at_checked(find(rest, close.as_bytes())?)?;
        Some([before, text.as_bytes(), after].concat())
    });
    found.unwrap_or_else(|| document.to_vec())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_of_that_name_gets_another_text() {
        let document = b"<L><Name>theirs</Name><Key>&lt;Name&gt;x</Key><Name>second</Name></L>";
        let ours = put(document, "Name", "ours");
        assert_eq!(ours, b"<L><Name>ours</Name><Key>&lt;Name&gt;x</Key><Name>second</Name></L>");
        assert_eq!(put(document, "Bucket", "ours"), document);
        assert_eq!(put(b"<Name>unended", "Name", "ours"), b"<Name>unended");
        assert_eq!(put(b"<Name></Name>", "Name", "ours"), b"<Name>ours</Name>");
    }
}
