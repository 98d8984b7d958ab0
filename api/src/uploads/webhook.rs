//! What receivers of webhooks are told, and how they can be sure who tells it: by a JWT in `Upstash-Signature`, and by the
//! headers of the Standard Webhooks convention.

use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use windlass_store::clock::Millis;
use windlass_store::id::{DeliveryId, FileId};
use windlass_store::intent::FileRow;
use windlass_store::project::WebhookSecrets;

use super::file;
use crate::id::Shown;
use crate::presign::hmac;
use crate::time::Time;

/// The one event.
pub(super) const EVENT: &str = "onUploadComplete";
/// For how many seconds a signature is good.
const GOOD_SECONDS: u64 = 300;

/// A message to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who is told.
    pub url: String,
    /// Headers beside Content-Type, which is `application/json`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// Who carries messages to receivers.
pub trait Carrier: Send + Sync {
    /// Sends a message, and returns the status of the answer, or why there was none.
    fn carry(&self, message: Message) -> Pin<Box<dyn Future<Output = Result<u16, &'static str>> + Send + '_>>;
}

/// What `url` is told of a file, signed for now. `base` is what the file's address begins with.
pub fn message(
    url: &str,
    (id, row): (FileId, &FileRow),
    delivery: DeliveryId,
    base: &str,
    secrets: &WebhookSecrets,
    now: Millis,
) -> Message {
    let body = document((id, row), base).to_string();
    let (id, seconds) = (Shown(delivery).to_string(), now / 1_000);
    let headers = vec![
        ("upstash-signature", jwt(url, &id, &body, &secrets.current, seconds)),
        ("webhook-signature", signatures(&id, &body, secrets, seconds)),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-id", id),
    ];
    Message { url: url.to_owned(), headers, body }
}

fn document((id, row): (FileId, &FileRow), base: &str) -> Value {
    let mut document = json!({
        "event": EVENT,
        "file": {
            "id": Shown(id),
            "key": row.key,
            "url": file::url(row, base),
            "fileName": row.name,
            "fileSize": row.size,
            "contentType": row.content_type,
            "status": row.status.name(),
            "createdAt": Time(row.created_ms),
        },
        "metadata": file::metadata(&row.said),
    });
    if row.is_test
        && let Value::Object(document) = &mut document
    {
        document.insert("test".to_owned(), Value::Bool(true));
    }
    document
}

/// HS256 (RFC 7519), over who tells whom and when, and a digest of the body.
fn jwt(url: &str, id: &str, body: &str, secret: &str, seconds: u64) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims: Map<String, Value> = [
        ("iss", Value::from("Upstash")),
        ("sub", url.into()),
        ("iat", seconds.into()),
        ("nbf", seconds.into()),
        ("exp", (seconds + GOOD_SECONDS).into()),
        ("jti", format!("{id}.{seconds}").into()),
        ("body", URL_SAFE_NO_PAD.encode(Sha256::digest(body.as_bytes())).into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let signed = format!("{}.{}", encode(&json!({ "alg": "HS256", "typ": "JWT" })), encode(&Value::Object(claims)));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac(secret.as_bytes(), signed.as_bytes())))
}

/// One signature by each secret: a receiver that knows either of them takes it, whatever is rotated meanwhile.
fn signatures(id: &str, body: &str, secrets: &WebhookSecrets, seconds: u64) -> String {
    let signed = format!("{id}.{seconds}.{body}");
    let signature = |secret: &String| {
        let key = STANDARD.decode(secret).unwrap_or_default();
        format!("v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())))
    };
    [&secrets.current, &secrets.next].map(signature).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> WebhookSecrets {
        WebhookSecrets { current: STANDARD.encode([7; 32]), next: STANDARD.encode([8; 32]) }
    }

    #[test]
    fn a_token_says_who_tells_whom_what_and_when() {
        let token = jwt("https://a.test/x", "dlv_1", "{}", "secret", 1_700_000_000);
        let parts: Vec<&str> = token.split('.').collect();
        let decoded = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(decoded(parts[0]), json!({ "alg": "HS256", "typ": "JWT" }));
        // Of the body {}: printf '{}' | openssl dgst -sha256 -binary | basenc --base64url
        let expected = json!({
            "iss": "Upstash", "sub": "https://a.test/x", "iat": 1_700_000_000, "nbf": 1_700_000_000,
            "exp": 1_700_000_300, "jti": "dlv_1.1700000000", "body": "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o",
        });
        assert_eq!(decoded(parts[1]), expected);
        let signed = format!("{}.{}", parts[0], parts[1]);
        assert_eq!(parts[2], URL_SAFE_NO_PAD.encode(hmac(b"secret", signed.as_bytes())));
    }

    #[test]
    fn a_receiver_that_knows_either_secret_takes_a_message() {
        let told = signatures("dlv_1", "{}", &secrets(), 5);
        let both: Vec<&str> = told.split(' ').collect();
        for (signature, byte) in both.iter().zip([7, 8]) {
            let expected = STANDARD.encode(hmac(&[byte; 32], b"dlv_1.5.{}"));
            assert_eq!(signature.strip_prefix("v1,"), Some(expected.as_str()));
        }
        assert_eq!(both.len(), 2);
    }
}
