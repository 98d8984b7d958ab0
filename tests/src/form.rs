//! A browser's form for an upload to a bucket (POST object): its fields, the policy that was signed for them, and what is wrong
//! with it on purpose.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::client::{Bucket, Client};
use crate::digest::{base64, hex, hmac_sha1, hmac_sha256};
use crate::request::Prepared;
use crate::sign::{Keys, Scope};
use crate::time::{amz_date, iso, now};

const BOUNDARY: &str = "----windlass-test-boundary";

/// How a form is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBy {
    /// Signature V4 over the policy.
    V4,
    /// Signature V2 over the policy.
    V2,
    /// Nobody: the form has no policy either.
    Nobody,
}

/// A form under construction. Awaiting it sends it.
#[derive(Debug, Clone)]
#[must_use = "a form is sent when it is awaited"]
pub struct PostForm {
    client: Client,
    bucket: String,
    host: String,
    path: String,
    fields: Vec<(String, String)>,
    behind: Vec<(String, String)>,
    conditions: Vec<Value>,
    file: Option<(String, Bytes)>,
    signed_by: SignedBy,
    keys: Keys,
    time: i64,
    expires_in: i64,
    policy: Option<String>,
}

impl PostForm {
    /// A form with a file `a.txt` and a policy that names the bucket and is valid for ten minutes.
    pub fn new(bucket: &Bucket) -> PostForm {
        PostForm {
            client: bucket.client.clone(),
            bucket: bucket.name.clone(),
            host: bucket.client.address().to_string(),
            path: format!("/{}", bucket.name),
            fields: Vec::new(),
            behind: Vec::new(),
            conditions: vec![json!({ "bucket": bucket.name })],
            file: Some(("a.txt".to_owned(), Bytes::from_static(b"bytes"))),
            signed_by: SignedBy::V4,
            keys: bucket.client.keys().clone(),
            time: now(),
            expires_in: 600,
            policy: None,
        }
    }

    /// Adds a field, and a condition that it has this value.
    pub fn field(self, name: &str, value: &str) -> Self {
        self.condition(json!({ name: value })).bare(name, value)
    }

    /// Adds a field without a condition.
    pub fn bare(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a field behind the file.
    pub fn behind(mut self, name: &str, value: &str) -> Self {
        self.behind.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a condition.
    pub fn condition(mut self, condition: Value) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Takes all conditions away, the one on the bucket too.
    pub fn without_conditions(mut self) -> Self {
        self.conditions.clear();
        self
    }

    /// Sets the file.
    pub fn file(mut self, name: &str, bytes: impl Into<Bytes>) -> Self {
        self.file = Some((name.to_owned(), bytes.into()));
        self
    }

    /// Sends no file.
    pub fn without_file(mut self) -> Self {
        self.file = None;
        self
    }

    /// Signs a policy of this text.
    pub fn policy(mut self, json: &str) -> Self {
        self.policy = Some(json.to_owned());
        self
    }

    /// Sets how it is signed.
    pub fn signed_by(mut self, signed_by: SignedBy) -> Self {
        self.signed_by = signed_by;
        self
    }

    /// Signs with other keys.
    pub fn keys(mut self, access: &str, secret: &str) -> Self {
        self.keys = Keys { access: access.to_owned(), secret: secret.to_owned() };
        self
    }

    /// Signs at another time, in seconds from now; the policy is valid from then on.
    pub fn skewed(mut self, seconds: i64) -> Self {
        self.time += seconds;
        self
    }

    /// Lets the policy end so many seconds after it was signed.
    pub fn expires_in(mut self, seconds: i64) -> Self {
        self.expires_in = seconds;
        self
    }

    /// Sends it to the bucket as a host under `base`.
    pub fn virtual_host(mut self, base: &str) -> Self {
        self.host = format!("{}.{base}:{}", self.bucket, self.client.address().port());
        self.path = "/".to_owned();
        self
    }

    /// Sends it to this path.
    pub fn path(mut self, path: &str) -> Self {
        self.path = path.to_owned();
        self
    }

    /// All fields before the file, those of the signature last.
    fn signed_fields(&self) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        let mut conditions = self.conditions.clone();
        let mut add = |name: &str, value: String| fields.push((name.to_owned(), value));
        let scope = Scope { date: amz_date(self.time), region: "us-east-1".to_owned() };
        let credential = format!("{}/{}", self.keys.access, scope.text());
        let named =
            [("x-amz-algorithm", "AWS4-HMAC-SHA256"), ("x-amz-credential", &credential), ("x-amz-date", &scope.date)];
        if self.signed_by == SignedBy::V4 {
            for (name, value) in named {
                conditions.push(json!({ name: value }));
                add(name, value.to_owned());
            }
        }
        let expiration = iso(self.time + self.expires_in);
        let document = json!({ "expiration": expiration, "conditions": conditions }).to_string();
        let policy = base64(self.policy.as_ref().unwrap_or(&document).as_bytes());
        match self.signed_by {
            SignedBy::V4 => {
                let signature = hmac_sha256(&scope.signing_key(&self.keys.secret), policy.as_bytes());
                add("policy", policy);
                add("x-amz-signature", hex(&signature));
            }
            SignedBy::V2 => {
                let signature = base64(&hmac_sha1(self.keys.secret.as_bytes(), policy.as_bytes()));
                add("AWSAccessKeyId", self.keys.access.clone());
                add("policy", policy);
                add("signature", signature);
            }
            SignedBy::Nobody => {}
        }
        fields
    }

    /// The form as it goes out.
    pub fn prepare(&self) -> Prepared {
        let mut body = Vec::new();
        let plain = |body: &mut Vec<u8>, (name, value): &(String, String)| {
            let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(head.bytes());
        };
        self.signed_fields().iter().for_each(|field| plain(&mut body, field));
        if let Some((name, bytes)) = &self.file {
            let head = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 Content-Type: text/x-of-the-part\r\n\r\n"
            );
            body.extend(head.bytes().chain(bytes.iter().copied()).chain(*b"\r\n"));
        }
        self.behind.iter().for_each(|field| plain(&mut body, field));
        body.extend(format!("--{BOUNDARY}--\r\n").bytes());
        let headers = vec![
            ("host".to_owned(), self.host.clone().into_bytes()),
            ("content-type".to_owned(), format!("multipart/form-data; boundary={BOUNDARY}").into_bytes()),
        ];
        Prepared { method: "POST".to_owned(), target: self.path.clone(), headers, body: Bytes::from(body) }
    }
}

impl IntoFuture for PostForm {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.client.send(self.prepare()).await })
    }
}

impl Bucket {
    /// A form for an upload to this bucket.
    pub fn form(&self) -> PostForm {
        PostForm::new(self)
    }
}
