//! Headers with a meaning that this gateway does not have. They are refused: nothing is stored as if they had an effect.

use http::HeaderMap;
use s3s::{S3Error, S3Result};

use super::call::text;
use super::error::{self, invalid_request, not_implemented};

/// Checks the headers of a write to an object.
pub(super) fn check_write(headers: &HeaderMap) -> S3Result<()> {
    check_acl(headers, &["private", "bucket-owner-full-control"])?;
    for (name, what) in [
        ("x-amz-tagging", "Object tagging"),
        ("x-amz-server-side-encryption", "Server-side encryption"),
        ("x-amz-copy-source-server-side-encryption", "Server-side encryption"),
        ("x-amz-write-offset-bytes", "Appending to objects"),
    ] {
        let mut names = headers.iter().filter(|(_, value)| text(value).is_some()).map(|(name, _)| name.as_str());
        if names.any(|given| given.starts_with(name) && given != "x-amz-tagging-directive") {
            return Err(not_implemented(what));
        }
    }
    if headers.keys().any(|name| name.as_str().starts_with("x-amz-object-lock-")) {
        return Err(invalid_request("Bucket is missing Object Lock Configuration"));
    }
    Ok(())
}

/// Checks the headers of a read of an object.
pub(super) fn check_read(headers: &HeaderMap) -> S3Result<()> {
    if headers.keys().any(|name| name.as_str().starts_with("x-amz-server-side-encryption-customer-")) {
        return Err(invalid_request("The encryption parameters are not applicable to this object."));
    }
    Ok(())
}

/// Checks the headers of CreateBucket.
pub(super) fn check_create_bucket(headers: &HeaderMap) -> S3Result<()> {
    check_acl(headers, &["private"]).map_err(|_| not_implemented("An access control list"))?;
    if headers
        .get("x-amz-bucket-object-lock-enabled")
        .and_then(text)
        .is_some_and(|value| !value.eq_ignore_ascii_case("false"))
    {
        return Err(not_implemented("Object lock"));
    }
    match headers.get("x-amz-object-ownership").and_then(text) {
        None | Some("BucketOwnerEnforced") => Ok(()),
        Some(_) => Err(not_implemented("Object ownership other than BucketOwnerEnforced")),
    }
}

/// Buckets enforce their owner: lists that say no more than that are accepted, as S3 does.
fn check_acl(headers: &HeaderMap, harmless: &[&str]) -> S3Result<()> {
    let canned = headers.get("x-amz-acl").filter(|value| !value.is_empty());
    let other = canned.is_some_and(|value| !text(value).is_some_and(|name| harmless.contains(&name)));
    if other || headers.keys().any(|name| name.as_str().starts_with("x-amz-grant-")) { Err(no_lists()) } else { Ok(()) }
}

fn no_lists() -> S3Error {
    error::refuse("AccessControlListNotSupported", "The bucket does not allow ACLs")
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
        assert_eq!(write("x-amz-acl", "private"), Ok(()));
        assert_eq!(write("x-amz-acl", "bucket-owner-full-control"), Ok(()));
        assert_eq!(write("x-amz-acl", "public-read"), Err("AccessControlListNotSupported".into()));
        assert_eq!(write("x-amz-grant-read", "id=1"), Err("AccessControlListNotSupported".into()));
        assert_eq!(write("x-amz-tagging", "a=b"), Err("NotImplemented".into()));
        assert_eq!(write("x-amz-tagging-directive", "COPY"), Ok(()));
        assert_eq!(write("x-amz-server-side-encryption", "AES256"), Err("NotImplemented".into()));
        assert_eq!(write("x-amz-server-side-encryption-customer-key", "k"), Err("NotImplemented".into()));
        assert_eq!(write("x-amz-object-lock-mode", "GOVERNANCE"), Err("InvalidRequest".into()));
        assert_eq!(write("x-amz-meta-acl", "x"), Ok(()));
    }
}
