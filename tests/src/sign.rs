//! Signature V4 in headers and in the query, Signature V2 in the query (S3 API: "Authenticating requests").

use crate::digest::{base64, hex, hmac_sha1, hmac_sha256, sha256_hex};

/// An access key id with its secret.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Access key id.
    pub access: String,
    /// Secret access key.
    pub secret: String,
}

/// The moment and the region that a V4 signature is bound to.
#[derive(Debug, Clone)]
pub struct Scope {
    /// `x-amz-date`.
    pub date: String,
    /// Region.
    pub region: String,
}

impl Scope {
    /// `DATE/REGION/s3/aws4_request`.
    pub fn text(&self) -> String {
        format!("{}/{}/s3/aws4_request", &self.date[..8], self.region)
    }

    /// The key that signs everything in this scope.
    pub fn signing_key(&self, secret: &str) -> Vec<u8> {
        let day = hmac_sha256(format!("AWS4{secret}").as_bytes(), &self.date.as_bytes()[..8]);
        let region = hmac_sha256(&day, self.region.as_bytes());
        hmac_sha256(&hmac_sha256(&region, b"s3"), b"aws4_request")
    }
}

/// Percent-encodes everything but the unreserved characters (and `/`, where it is kept).
pub fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for &b in text.as_bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(b as char),
            b'/' if keep_slash => out.push('/'),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// A query as it is sent: `name=value`, or `name` alone.
pub fn query_string(query: &[(String, Option<String>)]) -> String {
    let pair = |(name, value): &(String, Option<String>)| match value {
        Some(value) => format!("{}={}", encode(name, false), encode(value, false)),
        None => encode(name, false),
    };
    query.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn canonical_query(query: &[(String, Option<String>)]) -> String {
    let mut pairs: Vec<(String, String)> =
        query.iter().map(|(n, v)| (encode(n, false), encode(v.as_deref().unwrap_or(""), false))).collect();
    pairs.sort();
    pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&")
}

/// The parts of a request that a signature covers.
#[derive(Debug)]
pub struct Covered<'a> {
    /// Method.
    pub method: &'a str,
    /// Path, encoded as it is sent.
    pub path: &'a str,
    /// Query, decoded.
    pub query: &'a [(String, Option<String>)],
    /// Headers to sign: names in lower case.
    pub headers: &'a [(String, Vec<u8>)],
    /// The value of `x-amz-content-sha256`.
    pub payload: &'a str,
}

impl Covered<'_> {
    /// The names of the signed headers, sorted, joined with `;`.
    pub fn signed_headers(&self) -> String {
        self.sorted().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(";")
    }

    /// Headers by name; the values of a repeated one joined with a comma.
    fn sorted(&self) -> Vec<(String, Vec<u8>)> {
        let mut out: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in self.headers {
            let (name, value) = (name.to_ascii_lowercase(), squeeze(value));
            match out.iter_mut().find(|(n, _)| *n == name) {
                Some((_, all)) => {
                    all.push(b',');
                    all.extend(value);
                }
                None => out.push((name, value)),
            }
        }
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out
    }

    /// The V4 signature.
    pub fn signature_v4(&self, keys: &Keys, scope: &Scope) -> String {
        let mut request = format!("{}\n{}\n{}\n", self.method, self.path, canonical_query(self.query)).into_bytes();
        for (name, value) in self.sorted() {
            request.extend(name.as_bytes());
            request.push(b':');
            request.extend(value);
            request.push(b'\n');
        }
        request.extend(format!("\n{}\n{}", self.signed_headers(), self.payload).as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", scope.date, scope.text(), sha256_hex(&request));
        hex(&hmac_sha256(&scope.signing_key(&keys.secret), text.as_bytes()))
    }

    /// The `Authorization` header.
    pub fn authorization(&self, keys: &Keys, scope: &Scope) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
            keys.access,
            scope.text(),
            self.signed_headers(),
            self.signature_v4(keys, scope)
        )
    }

    /// The V2 signature of a presigned URL: `resource` is the path of the bucket and key, encoded.
    pub fn signature_v2(&self, keys: &Keys, resource: &str, expires: i64) -> String {
        const NAMED: [&str; 16] = [
            "acl",
            "delete",
            "lifecycle",
            "location",
            "partNumber",
            "policy",
            "response-cache-control",
            "response-content-disposition",
            "response-content-encoding",
            "response-content-language",
            "response-content-type",
            "response-expires",
            "uploadId",
            "uploads",
            "versionId",
            "versioning",
        ];
        let sorted = self.sorted();
        let header = |name: &str| sorted.iter().find(|(n, _)| n == name).map(|(_, v)| String::from_utf8_lossy(v));
        let mut text = format!(
            "{}\n{}\n{}\n{expires}\n",
            self.method,
            header("content-md5").unwrap_or_default(),
            header("content-type").unwrap_or_default()
        );
        for (name, value) in sorted.iter().filter(|(n, _)| n.starts_with("x-amz-")) {
            text.push_str(&format!("{name}:{}\n", String::from_utf8_lossy(value)));
        }
        text.push_str(resource);
        let mut sub: Vec<_> = self.query.iter().filter(|(n, _)| NAMED.contains(&n.as_str())).collect();
        sub.sort();
        for (at, (name, value)) in sub.into_iter().enumerate() {
            text.push_str(if at == 0 { "?" } else { "&" });
            text.push_str(name);
            value.iter().for_each(|v| text.push_str(&format!("={v}")));
        }
        base64(&hmac_sha1(keys.secret.as_bytes(), text.as_bytes()))
    }
}

/// Trims a value and makes every run of spaces one.
fn squeeze(value: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(value.len());
    for &b in value.trim_ascii() {
        if b != b' ' || out.last() != Some(&b' ') {
            out.push(b);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S3 API, "Signature calculations for the Authorization header", GET Object example.
    #[test]
    fn signature_v4_agrees_with_the_published_example() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", empty),
            ("x-amz-date", "20130524T000000Z"),
        ]
        .map(|(n, v)| (n.to_owned(), v.as_bytes().to_vec()));
        let covered = Covered { method: "GET", path: "/test.txt", query: &[], headers: &headers, payload: empty };
        let keys =
            Keys { access: "AKIAIOSFODNN7EXAMPLE".into(), secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into() };
        let scope = Scope { date: "20130524T000000Z".into(), region: "us-east-1".into() };
        assert_eq!(
            covered.signature_v4(&keys, &scope),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }
}
