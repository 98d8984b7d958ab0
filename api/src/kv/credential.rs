//! What a request presents: in `Authorization`, as the user of Basic or as Bearer, or in the query as `key` or
//! `access_token`. Each carries a key of the bucket, an access token, or a management key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};

use super::query::Query;
use crate::error::{Error, ErrorKind, Result};

/// What is presented, if anything is.
pub(super) fn of(headers: &HeaderMap, query: &Query) -> Result<Option<String>> {
    let mut found = Vec::new();
    for value in headers.get_all(header::AUTHORIZATION) {
        found.push(from_header(value).ok_or_else(wrong)?);
    }
    for value in ["key", "access_token"].iter().flat_map(|name| query.all(name)) {
        found.push(std::str::from_utf8(value).map_err(|_| wrong())?.to_owned());
    }
    if found.len() > 1 {
        return Err(Error::bad_request("The request presents more than one credential"));
    }
    Ok(found.pop())
}

fn from_header(value: &HeaderValue) -> Option<String> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    // The password means nothing, and mostly is empty.
    Some(text.split_once(':').map_or(text.as_str(), |(user, _)| user).to_owned())
}

fn wrong() -> Error {
    Error::new(ErrorKind::Unauthorized, "Wrong key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(headers: &[&str], query: &str) -> Result<Option<String>, u16> {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        of(&map, &Query::parse(query.as_bytes())).map_err(|error| error.kind().status().as_u16())
    }

    #[test]
    fn any_carrier_presents_one_credential() {
        let some = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(presented(&[], ""), Ok(None));
        assert_eq!(presented(&["Bearer a.b"], ""), some("a.b"));
        assert_eq!(presented(&["Basic c2VjcmV0Og=="], ""), some("secret"));
        assert_eq!(presented(&["basic c2VjcmV0OnB3"], ""), some("secret"));
        assert_eq!(presented(&["Basic c2VjcmV0"], ""), some("secret"));
        assert_eq!(presented(&[], "key=a%20b"), some("a b"));
        assert_eq!(presented(&[], "access_token=v1.x"), some("v1.x"));
        for wrong in ["Basic !", "Basic", "Digest x", "AWS4-HMAC-SHA256 Credential=x"] {
            assert_eq!(presented(&[wrong], ""), Err(401), "{wrong}");
        }
        assert_eq!(presented(&[], "key=%FF"), Err(401));
        assert_eq!(presented(&["Bearer a"], "key=a"), Err(400));
        assert_eq!(presented(&["Bearer a", "Bearer a"], ""), Err(400));
        assert_eq!(presented(&[], "key=a&access_token=b"), Err(400));
    }
}
