//! Who asks: the bearer token of a request.

use http::{HeaderMap, header};
use windlass_store::Store;
use windlass_store::key::TokenAnswer;
use windlass_store::policy::KeyPrincipal;

use crate::error::{Error, ErrorKind, Result};

/// The holder of the token that a request presents. Every failure is 401 with the words of the contract, but for a request
/// that presents two.
pub fn authenticate(store: &Store, headers: &HeaderMap) -> Result<KeyPrincipal> {
    match store.authenticate_token(token(headers)?)? {
        TokenAnswer::Known(principal) => Ok(principal),
        TokenAnswer::Expired => Err(unauthorized("API key expired")),
        TokenAnswer::Unknown => Err(unauthorized("Invalid API key")),
    }
}

/// The holder of a token, if it is somebody's that is valid now.
pub(crate) fn known(store: &Store, token: &str) -> Result<Option<KeyPrincipal>> {
    Ok(match store.authenticate_token(token)? {
        TokenAnswer::Known(principal) => Some(principal),
        TokenAnswer::Expired | TokenAnswer::Unknown => None,
    })
}

fn token(headers: &HeaderMap) -> Result<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let first = given.next().and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if given.next().is_some() {
        return Err(Error::bad_request("The request presents more than one credential"));
    }
    let token = first.ok_or_else(|| unauthorized("Missing API key"))?;
    let token = std::str::from_utf8(token).ok().filter(|token| token.starts_with("bkt_"));
    token.ok_or_else(|| unauthorized("Invalid API key format"))
}

fn unauthorized(message: &'static str) -> Error {
    Error::new(ErrorKind::Unauthorized, message)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::error::Form;

    fn told(values: &[&'static [u8]]) -> (u16, String) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        match token(&headers) {
            Ok(token) => (200, token.to_owned()),
            Err(error) => (error.kind().status().as_u16(), error.message(Form::Envelope).into_owned()),
        }
    }

    #[test]
    fn credentials_are_told_apart_in_the_words_of_the_contract() {
        let refused = |message: &str| (401, message.to_owned());
        for missing in [&b""[..], b"Basic YTpi", b"bearer bkt_x", b"Bearer", b"AWS4-HMAC-SHA256 Credential=x"] {
            assert_eq!(told(&[missing]), refused("Missing API key"), "{missing:?}");
        }
        assert_eq!(told(&[]), refused("Missing API key"));
        for malformed in [&b"Bearer x"[..], b"Bearer ", b"Bearer  bkt_x", b"Bearer BKT_x", b"Bearer bkt\xE9"] {
            assert_eq!(told(&[malformed]), refused("Invalid API key format"), "{malformed:?}");
        }
        assert_eq!(told(&[b"Bearer bkt_x"]), (200, "bkt_x".to_owned()));
        assert_eq!(told(&[b"Bearer bkt_x", b"Bearer bkt_y"]).0, 400);
    }
}
