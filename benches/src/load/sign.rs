//! Signature V4 in headers ("Authenticating Requests: Using the Authorization Header"), made cheap: the signing key is derived
//! once a day, the date is printed once a second, and nothing is sorted, since every request has the same headers.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The value of `x-amz-content-sha256` for a body that the signature does not cover.
pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// SHA-256 of nothing.
pub(crate) const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

type Hmac256 = Hmac<Sha256>;

/// An access key with its secret, and the region that signatures name.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) access: String,
    pub(crate) secret: String,
    pub(crate) region: String,
}

/// Signs requests to one host.
pub(crate) struct Signer {
    keys: Keys,
    host: String,
    second: u64,
    /// `x-amz-date`.
    date: String,
    /// `DATE/REGION/s3/aws4_request`.
    scope: String,
    key: Hmac256,
    text: String,
}

impl Signer {
    /// A signer for requests whose `Host` is that.
    pub(crate) fn new(keys: &Keys, host: &str) -> Signer {
        let (keys, host) = (keys.clone(), host.to_owned());
        let (date, scope, text) = (String::new(), String::new(), String::new());
        Signer { keys, host, second: 0, date, scope, key: keyed(&[]), text }
    }

    /// The values of `x-amz-date` and `Authorization` for a request made now. `path` and `query` are as they are sent, the
    /// query's names in order.
    pub(crate) fn sign(&mut self, method: &str, path: &str, query: &str, payload: &str) -> (&str, String) {
        let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let authorization = self.sign_at(second, method, path, query, payload);
        (&self.date, authorization)
    }

    fn sign_at(&mut self, second: u64, method: &str, path: &str, query: &str, payload: &str) -> String {
        if second != self.second || self.date.is_empty() {
            self.set_time(second);
        }
        self.text.clear();
        let (host, date) = (&self.host, &self.date);
        let _ = write!(
            self.text,
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{payload}\nx-amz-date:{date}\n\n\
             host;x-amz-content-sha256;x-amz-date\n{payload}"
        );
        let request = hex(&Sha256::digest(self.text.as_bytes()));
        self.text.clear();
        let _ = write!(self.text, "AWS4-HMAC-SHA256\n{date}\n{}\n{request}", self.scope);
        let signature = hex(&mac(self.key.clone(), self.text.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}",
            self.keys.access, self.scope
        )
    }

    fn set_time(&mut self, second: u64) {
        self.second = second;
        self.date = date_of(second);
        let day = self.date.get(..8).unwrap_or_default().to_owned();
        if self.scope.starts_with(&day) {
            return;
        }
        self.scope = format!("{day}/{}/s3/aws4_request", self.keys.region);
        let mut key = mac(keyed(format!("AWS4{}", self.keys.secret).as_bytes()), day.as_bytes());
        for part in [self.keys.region.as_bytes(), b"s3", b"aws4_request"] {
            key = mac(keyed(&key), part);
        }
        self.key = keyed(&key);
    }
}

fn keyed(key: &[u8]) -> Hmac256 {
    // A key of any length is a valid one.
    Hmac256::new_from_slice(key).unwrap_or_else(|_| Hmac256::new(&Default::default()))
}

fn mac(mut keyed: Hmac256, bytes: &[u8]) -> [u8; 32] {
    keyed.update(bytes);
    keyed.finalize().into_bytes().into()
}

/// SHA-256 in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
    out
}

/// `YYYYMMDDTHHMMSSZ` of a second since the Unix epoch (days to a date by the usual count of 400-year eras).
fn date_of(second: u64) -> String {
    let (days, of_day) = (second / 86_400 + 719_468, second % 86_400);
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{of_month:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Percent-encodes everything but the unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_printed_as_the_calendar_has_them() {
        for (second, date) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (1_735_689_599, "20241231T235959Z"),
        ] {
            assert_eq!(date_of(second), date);
        }
    }

    /// The list example of the S3 API page: it signs exactly the headers that we sign.
    #[test]
    fn signature_agrees_with_the_published_example() {
        let keys = Keys {
            access: "AKIAIOSFODNN7EXAMPLE".into(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            region: "us-east-1".into(),
        };
        let mut signer = Signer::new(&keys, "examplebucket.s3.amazonaws.com");
        for _ in 0..2 {
            let authorization = signer.sign_at(1_369_353_600, "GET", "/", "max-keys=2&prefix=J", EMPTY);
            let (_, signature) = authorization.split_once("Signature=").unwrap();
            assert_eq!(signature, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
        }
    }
}
