//! Headers with a meaning that this gateway does not have. They are refused: nothing is stored as if they had an effect.

use http::HeaderMap;
use s3s::S3Result;

use super::call::text;
use super::error::{self, invalid_request, not_implemented};

/// Checks the headers of a write to an object.
pub(super) fn check_write(headers: &HeaderMap) -> S3Result<()> {
    for (name, what) in [
        ("x-amz-server-side-encryption", "Server-side encryption"),
        ("x-amz-copy-source-server-side-encryption", "Server-side encryption"),
        ("x-amz-write-offset-bytes", "Appending to objects"),
    ] {
        let mut names = headers.iter().filter(|(_, value)| text(value).is_some()).map(|(name, _)| name.as_str());
        if names.any(|given| given.starts_with(name)) {
            return Err(not_implemented(what));
        }
    }
    check_redirect(headers)
}

/// What a website sends browsers to is an address, or a path on it (S3: "Configuring a webpage redirect").
fn check_redirect(headers: &HeaderMap) -> S3Result<()> {
    let Some(location) = headers.get("x-amz-website-redirect-location").and_then(text) else { return Ok(()) };
    if ["/", "http://", "https://"].iter().any(|begin| location.starts_with(begin)) {
        return Ok(());
    }
    let message = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
    Err(error::refuse("InvalidRedirectLocation", message))
}

/// Checks the headers of a read of an object.
pub(super) fn check_read(headers: &HeaderMap) -> S3Result<()> {
    if headers.keys().any(|name| name.as_str().starts_with("x-amz-server-side-encryption-customer-")) {
        return Err(invalid_request("The encryption parameters are not applicable to this object."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn write(name: &'static str, value: &'static str) -> Result<(), String> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
        check_write(&headers).map_err(|error| error.code().as_str().to_owned())
    }

    #[test]
    fn what_has_no_effect_is_refused() {
        assert_eq!(write("x-amz-tagging", "a=b"), Ok(()));
        assert_eq!(write("x-amz-website-redirect-location", "/a"), Ok(()));
        assert_eq!(write("x-amz-website-redirect-location", "a"), Err("InvalidRedirectLocation".into()));
        assert_eq!(write("x-amz-server-side-encryption", "AES256"), Err("NotImplemented".into()));
        assert_eq!(write("x-amz-server-side-encryption-customer-key", "k"), Err("NotImplemented".into()));
        assert_eq!(write("x-amz-meta-acl", "x"), Ok(()));
    }
}
