//! The form of V4 credentials, in the header and in presigned URLs. s3s verifies the signature itself; this is what it
//! leaves open: codes, limits, and that nothing with a meaning is left unsigned.

use http::header::{AUTHORIZATION, DATE, HOST};
use http::{HeaderMap, HeaderValue};
use s3s::{S3Error, S3Result};

use super::date;
use super::error;
use super::query::Query;

/// The one algorithm of version 4.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Longest life of a presigned URL: seven days (S3: "Authenticating requests: using query parameters").
const EXPIRES_SECONDS_MAX: u32 = 604_800;
/// Headers whose values the signature covers by other ways than the list of signed headers.
const BOUND: [&str; 2] = ["x-amz-content-sha256", "x-amz-date"];

/// Checks an Authorization header of scheme `AWS4-HMAC-SHA256` and rewrites it in the order that s3s reads. A request
/// dated by `Date` gets the equivalent `x-amz-date`.
pub(super) fn check_header(headers: &mut HeaderMap) -> S3Result<()> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let fields = Fields::parse(&value).map_err(|what| malformed(&what))?;
    let date = request_date(headers)?;
    check_credential(fields.credential, &date).map_err(|what| malformed(&what))?;
    check_signed(headers, fields.signed_headers)?;
    let rewritten = fields.print();
    let (Ok(authorization), Ok(date)) = (HeaderValue::try_from(rewritten), HeaderValue::try_from(date)) else {
        return Err(malformed("it holds characters that no header may hold"));
    };
    headers.insert(AUTHORIZATION, authorization);
    headers.insert("x-amz-date", date);
    Ok(())
}

/// Checks the parameters of a presigned URL.
pub(super) fn check_presigned(headers: &HeaderMap, query: &Query) -> S3Result<()> {
    let wrong = |message: &str| error::refuse("AuthorizationQueryParametersError", message.to_owned());
    let field = |name: &str| {
        query.unique(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            wrong(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
                 X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )
        })
    };
    if field("X-Amz-Algorithm")? != ALGORITHM {
        return Err(wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let date = field("X-Amz-Date")?;
    if date::parse_amz(date).is_none() {
        return Err(wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""));
    }
    check_credential(field("X-Amz-Credential")?, date)
        .map_err(|what| wrong(&format!("Error parsing the X-Amz-Credential parameter; {what}")))?;
    let signature = field("X-Amz-Signature")?;
    match field("X-Amz-Expires")?.parse::<u32>() {
        Ok(1..=EXPIRES_SECONDS_MAX) => {}
        Ok(0) => return Err(wrong("X-Amz-Expires must be a positive number")),
        Ok(_) => return Err(wrong("X-Amz-Expires must be less than a week (in seconds) that is 604800")),
        Err(_) => return Err(wrong("X-Amz-Expires should be a number")),
    }
    if !is_signature(signature) {
        return Err(error::refuse("SignatureDoesNotMatch", error::default_message("SignatureDoesNotMatch")));
    }
    check_signed(headers, field("X-Amz-SignedHeaders")?)
}

/// The fields of an Authorization header.
struct Fields<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Fields<'a> {
    fn parse(value: &'a str) -> Result<Self, String> {
        let list = value.trim().strip_prefix(ALGORITHM).unwrap_or_default();
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in list.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            let slot = match field.split_once('=') {
                Some(("Credential", value)) => (&mut credential, value),
                Some(("SignedHeaders", value)) => (&mut signed_headers, value),
                Some(("Signature", value)) => (&mut signature, value),
                _ => return Err(format!("it has an unknown field: {field}")),
            };
            if slot.0.replace(slot.1).is_some() {
                return Err(format!("it has a field twice: {field}"));
            }
        }
        match (credential, signed_headers, signature) {
            (Some(credential), Some(signed_headers), Some(signature)) if !signature.is_empty() => {
                Ok(Self { credential, signed_headers, signature })
            }
            _ => Err("it must have Credential, SignedHeaders and Signature".to_owned()),
        }
    }

    fn print(&self) -> String {
        let Self { credential, signed_headers, signature } = self;
        format!("{ALGORITHM} Credential={credential}, SignedHeaders={signed_headers}, Signature={signature}")
    }
}

/// The date of a request as it is signed: `x-amz-date`, else `Date`.
fn request_date(headers: &HeaderMap) -> S3Result<String> {
    let text =
        |value: Option<&HeaderValue>| value.and_then(|value| value.to_str().ok()).map(|text| text.trim().to_owned());
    let ms = match headers.get("x-amz-date") {
        Some(value) => text(Some(value)).and_then(|text| date::parse_amz(&text)),
        None => text(headers.get(DATE)).and_then(|text| date::parse_http(&text).or_else(|| date::parse_amz(&text))),
    };
    ms.map(date::format_amz).ok_or_else(|| denied("AWS authentication requires a valid Date or x-amz-date header"))
}

/// `<access key id>/<date>/<region>/s3/aws4_request`, of the same day as the request.
pub(super) fn check_credential(credential: &str, date: &str) -> Result<(), String> {
    let mut scope = credential.split('/');
    let mut next = || scope.next().unwrap_or_default();
    let (key, day, region, service, end) = (next(), next(), next(), next(), next());
    let region_valid = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if key.is_empty() || end != "aws4_request" || scope.next().is_some() {
        return Err(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".".to_owned()
        );
    }
    if !date.starts_with(day) || day.len() != 8 {
        return Err(format!("Invalid credential date \"{day}\". This date is not the same as X-Amz-Date: \"{date}\"."));
    }
    if region.is_empty() || !region_valid {
        return Err(format!("the region '{region}' is wrong"));
    }
    if service != "s3" {
        return Err(format!("incorrect service \"{service}\". This endpoint belongs to \"s3\"."));
    }
    Ok(())
}

/// Everything that S3 gives a meaning must be signed, or a holder of a presigned URL could add it; and what is listed
/// as signed must be there.
fn check_signed(headers: &HeaderMap, list: &str) -> S3Result<()> {
    let signed: Vec<&str> = list.split(';').collect();
    let unsigned = headers
        .keys()
        .map(http::HeaderName::as_str)
        .find(|name| name.starts_with("x-amz-") && !BOUND.contains(name) && !signed.contains(name));
    if unsigned.is_some() || !signed.contains(&HOST.as_str()) {
        return Err(denied("There were headers present in the request which were not signed"));
    }
    // The host of HTTP/2 is not a header yet.
    match signed.iter().find(|name| **name != HOST.as_str() && !headers.contains_key(**name)) {
        Some(name) => Err(denied(format!("The signed header {name} is not present in the request."))),
        None => Ok(()),
    }
}

fn is_signature(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

fn malformed(what: &str) -> S3Error {
    error::refuse("AuthorizationHeaderMalformed", format!("The authorization header is malformed; {what}"))
}

fn denied(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    error::refuse("AccessDenied", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(authorization: &str, more: &[(&'static str, &str)]) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, authorization.parse().unwrap());
        for (name, value) in more {
            headers.insert(*name, value.parse().unwrap());
        }
        check_header(&mut headers).map(|()| headers).map_err(|error| error.code().as_str().to_owned())
    }

    const SCOPE: &str = "Credential=AK/20240101/us-east-1/s3/aws4_request";
    const NOW: (&str, &str) = ("x-amz-date", "20240101T000000Z");

    #[test]
    fn fields_are_read_in_any_order_and_rewritten_in_one() {
        let headers = header(&format!("AWS4-HMAC-SHA256 SignedHeaders=host,Signature=ab,{SCOPE}"), &[NOW]).unwrap();
        let expected = format!("AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature=ab");
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), &expected);
    }

    #[test]
    fn malformed_credentials_say_so() {
        for bad in [
            "AWS4-HMAC-SHA256".to_owned(),
            format!("AWS4-HMAC-SHA256 {SCOPE}"),
            format!("AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature="),
            format!("AWS4-HMAC-SHA256 {SCOPE}, {SCOPE}, SignedHeaders=host, Signature=a"),
            "AWS4-HMAC-SHA256 Credential=AK/20240102/r/s3/aws4_request, SignedHeaders=host, Signature=a".to_owned(),
            "AWS4-HMAC-SHA256 Credential=AK/20240101/r/sqs/aws4_request, SignedHeaders=host, Signature=a".to_owned(),
            "AWS4-HMAC-SHA256 Credential=AK/20240101/r/s3, SignedHeaders=host, Signature=a".to_owned(),
        ] {
            assert_eq!(header(&bad, &[NOW]), Err("AuthorizationHeaderMalformed".to_owned()), "{bad}");
        }
    }

    #[test]
    fn a_request_needs_a_date() {
        let good = format!("AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature=a");
        assert_eq!(header(&good, &[]), Err("AccessDenied".to_owned()));
        assert_eq!(header(&good, &[("x-amz-date", "now")]), Err("AccessDenied".to_owned()));
        let dated = header(&good, &[("date", "Mon, 01 Jan 2024 10:00:00 GMT")]).unwrap();
        assert_eq!(dated.get("x-amz-date").unwrap(), "20240101T100000Z");
        let both = header(&good, &[NOW, ("date", "Mon, 01 Jan 1990 10:00:00 GMT")]).unwrap();
        assert_eq!(both.get("x-amz-date").unwrap(), NOW.1);
    }

    #[test]
    fn what_has_a_meaning_is_signed_and_what_is_signed_is_there() {
        let signed = |list: &str, more: &[(&'static str, &str)]| {
            let more: Vec<_> = [NOW].iter().chain(more).copied().collect();
            header(&format!("AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders={list}, Signature=a"), &more).map(drop)
        };
        let denied = Err("AccessDenied".to_owned());
        assert_eq!(signed("host", &[("x-amz-copy-source", "b/k")]), denied);
        assert_eq!(signed("host;x-amz-copy-source", &[("x-amz-copy-source", "b/k")]), Ok(()));
        assert_eq!(signed("host;x-amz-acl", &[]), denied);
        assert_eq!(signed("x-amz-date", &[]), denied, "the host is always signed");
        assert_eq!(signed("host", &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]), Ok(()));
    }

    #[test]
    fn presigned_urls_have_all_parameters_and_live_a_week_at_most() {
        let presigned = |expires: &str, date: &str| {
            let uri = format!(
                "/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20240101%2Fr%2Fs3%2Faws4_request&X-Amz-Date={date}\
                 {expires}&X-Amz-SignedHeaders=host&X-Amz-Signature={}",
                "a".repeat(64)
            );
            let query = Query::of(&uri.parse().unwrap());
            check_presigned(&HeaderMap::new(), &query).map_err(|error| error.code().as_str().to_owned())
        };
        let wrong = Err("AuthorizationQueryParametersError".to_owned());
        for expires in ["&X-Amz-Expires=1", "&X-Amz-Expires=604800"] {
            assert_eq!(presigned(expires, NOW.1), Ok(()), "{expires}");
        }
        for expires in
            ["", "&X-Amz-Expires=0", "&X-Amz-Expires=604801", "&X-Amz-Expires=-1", "&X-Amz-Expires=1&X-Amz-Expires=2"]
        {
            assert_eq!(presigned(expires, NOW.1), wrong, "{expires}");
        }
        assert_eq!(presigned("&X-Amz-Expires=60", "20240102T000000Z"), wrong);
        assert_eq!(presigned("&X-Amz-Expires=60", "yesterday"), wrong);
    }
}
