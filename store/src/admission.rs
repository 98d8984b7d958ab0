//! Whether a bucket takes an object, by its size and its content type: one rule for every door and every way in. It needs
//! no store, so a door can ask before it reads a body.

use crate::bucket::BucketRow;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;

/// What an object is without a content type (S3 API: PutObject).
const TYPE_OF_NONE: &str = "application/octet-stream";

/// The bytes that one object of the bucket may have: what the bucket says and what the plan says, whichever is less.
pub fn size_limit(bucket: &BucketRow, plan: &Plan) -> Option<u64> {
    let limits = [bucket.settings.max_file_size_bytes, plan.max_file_size_bytes];
    limits.into_iter().flatten().min()
}

/// `FileTooLarge` beyond the size limit; the message names it.
pub fn check_size(bucket: &BucketRow, plan: &Plan, size: u64) -> Result<()> {
    match size_limit(bucket, plan) {
        Some(limit) if size > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

/// `TypeNotAllowed` unless the bucket takes that content type, its parameters aside.
pub fn check_type(bucket: &BucketRow, content_type: Option<&str>) -> Result<()> {
    let Some(allowed) = &bucket.settings.allowed_mime_types else { return Ok(()) };
    let content_type = content_type.filter(|given| !given.is_empty()).unwrap_or(TYPE_OF_NONE);
    if is_one_of(allowed, content_type) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::TypeNotAllowed, "File type not allowed"))
}

/// Whether a content type, its parameters aside, is one that these mean.
pub(crate) fn is_one_of(patterns: &[String], content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    patterns.iter().any(|pattern| matches(pattern, essence))
}

/// The refusal of a body that is larger than `limit`.
pub(crate) fn too_large(limit: u64) -> Error {
    let message = format!("File exceeds the bucket's maximum size of {limit} bytes");
    Error::new(ErrorKind::FileTooLarge, message)
}

/// Whether a content type, without its parameters, is one that a pattern means.
fn matches(pattern: &str, essence: &str) -> bool {
    match pattern.split_once('/') {
        Some(("*", "*")) => true,
        Some((of, "*")) => essence.split_once('/').is_some_and(|(kind, _)| of.eq_ignore_ascii_case(kind)),
        _ => pattern.eq_ignore_ascii_case(essence),
    }
}

/// Whether a text is a content type without parameters, or `type/*`.
pub(crate) fn is_mime_pattern(text: &str) -> bool {
    // RFC 9110, section 5.6.2: token.
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'+-.^_`|~".contains(&b))
    };
    match text.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, subtype)) => token(kind) && (subtype == "*" || token(subtype)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::BucketSettings;
    use crate::id::OrgId;
    use crate::name::BucketName;

    fn bucket(max: Option<u64>, types: Option<&[&str]>) -> BucketRow {
        let settings = BucketSettings {
            max_file_size_bytes: max,
            allowed_mime_types: types.map(|types| types.iter().map(|one| (*one).to_owned()).collect()),
            ..BucketSettings::default()
        };
        let row = BucketRow::new(BucketName::parse("bucket").unwrap(), OrgId([1; 16]), 0, "");
        BucketRow { settings, ..row }
    }

    #[test]
    fn the_lesser_of_the_bucket_s_and_the_plan_s_size_counts() {
        let plan = |max| Plan { max_file_size_bytes: max, ..Plan::unlimited("p") };
        assert_eq!(size_limit(&bucket(None, None), &plan(None)), None);
        assert_eq!(size_limit(&bucket(None, None), &plan(Some(9))), Some(9));
        assert_eq!(size_limit(&bucket(Some(5), None), &plan(Some(9))), Some(5));
        assert_eq!(size_limit(&bucket(Some(9), None), &plan(Some(5))), Some(5));
        assert!(check_size(&bucket(Some(5), None), &plan(None), 5).is_ok());
        let error = check_size(&bucket(Some(5), None), &plan(None), 6).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(error.message(), "File exceeds the bucket's maximum size of 5 bytes");
    }

    #[test]
    fn content_types_match_exactly_or_by_their_kind() {
        let images = bucket(None, Some(&["image/*", "text/Plain"]));
        for good in ["image/png", "IMAGE/PNG", "text/plain", "text/plain; charset=utf-8", " image/webp ;q=1"] {
            assert!(check_type(&images, Some(good)).is_ok(), "{good}");
        }
        for bad in ["text/html", "imagex/png", "image", "application/image/png", "*/*"] {
            let error = check_type(&images, Some(bad)).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::TypeNotAllowed, "File type not allowed"), "{bad}");
        }
        assert!(check_type(&images, None).is_err());
        assert!(check_type(&bucket(None, Some(&["application/octet-stream"])), None).is_ok());
        assert!(check_type(&bucket(None, Some(&["*/*"])), Some("text/html")).is_ok());
        assert!(check_type(&bucket(None, Some(&[])), Some("text/html")).is_err());
        assert!(check_type(&bucket(None, None), Some("anything")).is_ok());
    }

    #[test]
    fn patterns_are_types_without_parameters() {
        for good in ["image/png", "image/*", "application/vnd.api+json", "*/*"] {
            assert!(is_mime_pattern(good), "{good}");
        }
        for bad in ["", "image", "image/", "/png", "*/png", "im*/png", "text/plain; charset=utf-8", "a/b/c", "a /b"] {
            assert!(!is_mime_pattern(bad), "{bad}");
        }
    }
}
