//! Conditional requests: headers to the store's conditions. What is malformed is ignored (RFC 9110 section 13.1).

use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use windlass_store::clock::Millis;
use windlass_store::object::{ETagMatch, ReadConditions, WriteCondition};

use super::call::text;
use super::date;

/// The conditions of a read. `prefix` is empty, or `x-amz-copy-source-` for those of a copy's source.
pub(super) fn read(headers: &HeaderMap, prefix: &str) -> ReadConditions {
    let tags = |name: &str| tags(headers, &format!("{prefix}{name}"));
    let time = |name: &str| time(headers, &format!("{prefix}{name}"));
    ReadConditions {
        if_match: tags("if-match"),
        if_none_match: tags("if-none-match"),
        if_modified_since_ms: time("if-modified-since"),
        if_unmodified_since_ms: time("if-unmodified-since"),
    }
}

/// The condition of a write.
pub(super) fn write(headers: &HeaderMap) -> WriteCondition {
    WriteCondition { if_match: tags(headers, IF_MATCH.as_str()), if_none_match: tags(headers, IF_NONE_MATCH.as_str()) }
}

/// A condition on entity tags, of one header or several of that name.
pub(super) fn tags(headers: &HeaderMap, name: &str) -> Option<ETagMatch> {
    let list: Vec<&str> = headers.get_all(name).iter().filter_map(text).collect();
    (!list.is_empty()).then(|| ETagMatch::parse(&list.join(",")))
}

fn time(headers: &HeaderMap, name: &str) -> Option<Millis> {
    headers.get(name).and_then(text).and_then(date::parse_http)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn lists_are_read_and_malformed_dates_ignored() {
        let mut headers = HeaderMap::new();
        headers.append("if-match", HeaderValue::from_static("\"a\", W/\"b\""));
        headers.append("if-match", HeaderValue::from_static("c"));
        headers.append("if-none-match", HeaderValue::from_static("*"));
        headers.append("if-modified-since", HeaderValue::from_static("yesterday"));
        headers.append("if-unmodified-since", HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        let conditions = read(&headers, "");
        assert_eq!(conditions.if_match, Some(ETagMatch::Tags(vec!["a".into(), "b".into(), "c".into()])));
        assert_eq!(conditions.if_none_match, Some(ETagMatch::Any));
        assert_eq!(conditions.if_modified_since_ms, None);
        assert_eq!(conditions.if_unmodified_since_ms, Some(784_111_777_000));
        assert_eq!(read(&headers, "x-amz-copy-source-"), ReadConditions::default());
    }
}
