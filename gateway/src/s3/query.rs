//! Query strings, read the way s3s reads them, so that no parameter means one thing to the guard and another behind it.

use http::Uri;
use http::uri::PathAndQuery;
use s3s::S3Result;

use super::error;

/// Parameters that carry credentials, not meaning. They are taken off once the signature is verified.
const CREDENTIALS: [&str; 11] = [
    "AWSAccessKeyId",
    "Expires",
    "Signature",
    "X-Amz-Algorithm",
    "X-Amz-Content-Sha256",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// Parameters of which any one makes a request presigned: by version 4, and by version 2.
pub(super) const PRESIGNED: [&[&str]; 2] =
    [&["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"], &["AWSAccessKeyId", "Signature"]];

/// The decoded parameters of a query string, in order.
#[derive(Debug, Default, Clone)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a request target.
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(pairs.map(split).map(|(name, value)| (decode_form(name), decode_form(value))).collect())
    }

    /// The parameters.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is a parameter of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.iter().any(|(n, _)| n == name)
    }

    /// Whether it holds credentials of either version.
    pub(super) fn is_presigned(&self) -> bool {
        PRESIGNED.into_iter().flatten().any(|name| self.has(name))
    }

    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The value of that name if there is exactly one.
    pub(super) fn unique(&self, name: &str) -> Option<&str> {
        let mut values = self.iter().filter(|(n, _)| *n == name).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    }
}

/// Whether a parameter carries credentials.
pub(super) fn is_credential(name: &str) -> bool {
    CREDENTIALS.contains(&name)
}

/// The request target without its credentials: path and remaining parameters byte for byte as they were.
pub(super) fn without_credentials(uri: &Uri) -> S3Result<Uri> {
    let keep = |pair: &&str| !is_credential(&decode_form(split(pair).0));
    let query = uri.query().unwrap_or_default().split('&').filter(keep).collect::<Vec<_>>().join("&");
    let target = if query.is_empty() { uri.path().to_owned() } else { format!("{}?{query}", uri.path()) };
    let target = PathAndQuery::try_from(target).map_err(|_| error::refuse("InvalidURI", "Couldn't parse the URI."))?;
    Ok(Uri::from(target))
}

/// Decodes percent escapes once; a `%` that starts no escape stays as it is.
pub(super) fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = match (byte, tail) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|(h, l)| (h << 4 | l, after)),
            _ => None,
        };
        let (byte, tail) = escape.unwrap_or((byte, tail));
        out.push(byte);
        rest = tail;
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn split(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

fn decode_form(text: &str) -> String {
    let bytes = percent_decode(text.replace('+', " ").as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded_once() {
        let query = Query::of(&Uri::from_static("/b?a%62=c+d%2525&x&=&y=1&y=2"));
        assert_eq!(query.get("ab"), Some("c d%25"));
        assert_eq!(query.get("x"), Some(""));
        assert_eq!(query.unique("y"), None);
        assert_eq!(query.get("y"), Some("1"));
        assert!(!query.has("z"));
    }

    #[test]
    fn credentials_are_taken_off_and_the_rest_stays_as_it_was() {
        let uri = Uri::from_static("/b/k%2f?X-Amz-Signature=1&prefix=a%20b&%53ignature=x&Expires=5&uploads");
        assert_eq!(without_credentials(&uri).unwrap().to_string(), "/b/k%2f?prefix=a%20b&uploads");
        assert_eq!(without_credentials(&Uri::from_static("/b?Signature=1")).unwrap().to_string(), "/b");
    }

    #[test]
    fn a_percent_sign_that_starts_no_escape_stays() {
        assert_eq!(percent_decode(b"%41%2525%zz%4"), b"A%25%zz%4");
    }
}
