//! Sources of copies: what is read of one is what it was made of, however it is escaped.

use super::{Target, fuzz};
use crate::s3::copy::parse;

const WORDS: &[&str] =
    &["/", "%2F", "%2f", "?versionId=", "null", "%3FversionId=", "+", "%2B", "%25", "%", "%C3%A9", "é", "?", "&"];

/// A text of which no byte has a meaning.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn fuzz_copy_source() {
    fuzz(&Target { package: env!("CARGO_MANIFEST_DIR"), name: "copy_source", words: WORDS }, |bytes| {
        let (bucket, key, version) = match parse(bytes) {
            Ok(source) => source,
            Err(error) => return Err(error.code().as_str().to_owned()),
        };
        assert!(!bucket.is_empty() && !bucket.contains('/') && !key.is_empty());
        let suffix = version.as_ref().map(|version| format!("?versionId={version}")).unwrap_or_default();
        let again = format!("/{}/{}{suffix}", escaped(&bucket), escaped(&key));
        let shape = (key.contains('/'), key.contains('%'), key.contains('?'), key.is_ascii(), version.is_some());
        assert_eq!(parse(again.as_bytes()).unwrap(), (bucket, key, version));
        Ok(shape)
    });
}
