//! Who a form is from: the signature of its policy, of version 4 or 2 (S3: "Authenticating requests in browser-based uploads
//! using POST").

use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use s3s::{S3Error, S3Result};
use sha1::Sha1;
use sha2::Sha256;
use windlass_store::Store;
use windlass_store::clock::Millis;
use windlass_store::key::is_token;
use windlass_store::policy::Principal;

use super::fields::Fields;
use crate::s3::error::{self, invalid_argument, invalid_request};
use crate::s3::facts::Signed;
use crate::s3::guard::V2_REFUSED;
use crate::s3::{date, signature};

/// The fields of which any one makes a form signed by version 4, and by version 2.
const VERSION_4: [&str; 4] = ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"];
const VERSION_2: [&str; 2] = ["awsaccesskeyid", "signature"];
/// A form that names a policy and is not signed lacks this field, which newer signers use.
const SIGNATURE: &str = "x-amz-signature";

/// Who signed the form's policy; nobody if it has neither a policy nor a signature. A form is signed for as long as its policy
/// lasts, whatever its date.
pub(super) fn principal(store: &Store, fields: &Fields, version_2: bool) -> S3Result<(Principal, Option<Signed>)> {
    if fields.get("x-amz-security-token").is_some_and(|token| !token.is_empty()) {
        return Err(error::refuse("InvalidToken", "The provided token is malformed or otherwise invalid."));
    }
    let any = |names: &[&str]| names.iter().any(|name| fields.get(name).is_some());
    match (any(&VERSION_4), any(&VERSION_2)) {
        (true, true) => Err(invalid_request("Only one signature of a form is allowed.")),
        (true, false) => Signature::version_4(fields)?.verify(store),
        (false, true) if version_2 => Signature::version_2(fields)?.verify(store),
        (false, true) => Err(invalid_request(V2_REFUSED)),
        (false, false) if fields.get("policy").is_some() => {
            fields.need(SIGNATURE).map(|_| (Principal::Anonymous, None))
        }
        (false, false) => Ok((Principal::Anonymous, None)),
    }
}

/// What a form says of its signature.
struct Signature<'a> {
    access_key_id: &'a str,
    /// When it says it was made; version 2 does not.
    at: Option<Millis>,
    /// The parts of the credential behind the access key id; version 2 has none.
    scope: Option<&'a str>,
    policy: &'a str,
    signature: Vec<u8>,
}

impl<'a> Signature<'a> {
    fn version_4(fields: &'a Fields) -> S3Result<Self> {
        if fields.need("x-amz-algorithm")? != signature::ALGORITHM {
            return Err(invalid_argument("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
        }
        let (credential, date) = (fields.need("x-amz-credential")?, fields.need("x-amz-date")?);
        let at = date::parse_amz(date).ok_or_else(|| {
            invalid_argument("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        })?;
        signature::check_credential(credential, date)
            .map_err(|what| invalid_argument(format!("Error parsing the X-Amz-Credential field; {what}")))?;
        let (access_key_id, scope) = credential.split_once('/').unwrap_or((credential, ""));
        let signature = from_hex(fields.need(SIGNATURE)?).ok_or_else(mismatch)?;
        Ok(Self { access_key_id, at: Some(at), scope: Some(scope), policy: fields.need("policy")?, signature })
    }

    fn version_2(fields: &'a Fields) -> S3Result<Self> {
        let access_key_id = fields.need("awsaccesskeyid")?;
        let signature = BASE64_STANDARD.decode(fields.need("signature")?.trim()).map_err(|_| mismatch())?;
        Ok(Self { access_key_id, at: None, scope: None, policy: fields.need("policy")?, signature })
    }

    fn verify(&self, store: &Store) -> S3Result<(Principal, Option<Signed>)> {
        if is_token(self.access_key_id) {
            return Err(error::refuse(
                "AccessDenied",
                "An API key must not be part of a form. Use the key's access key id and secret access key.",
            ));
        }
        let found = store.key_by_access_id(self.access_key_id).map_err(error::from_store)?;
        let Some((key, secret)) = found else {
            return Err(error::refuse("InvalidAccessKeyId", error::default_message("InvalidAccessKeyId")));
        };
        if !self.is_by(&secret) {
            return Err(mismatch());
        }
        let version = if self.scope.is_some() { signature::ALGORITHM } else { "AWS" };
        Ok((Principal::Key(key), Some(Signed { by: "POST", version, at: self.at })))
    }

    /// Compares in a time that does not depend on where a wrong signature differs.
    fn is_by(&self, secret: &str) -> bool {
        let Some(scope) = self.scope else {
            return Hmac::<Sha1>::new_from_slice(secret.as_bytes())
                .is_ok_and(|mac| mac.chain_update(self.policy).verify_slice(&self.signature).is_ok());
        };
        let key = scope.split('/').try_fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            let mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
            Some(mac.chain_update(part).finalize().into_bytes().to_vec())
        });
        let mac = key.and_then(|key| Hmac::<Sha256>::new_from_slice(&key).ok());
        mac.is_some_and(|mac| mac.chain_update(self.policy).verify_slice(&self.signature).is_ok())
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

fn mismatch() -> S3Error {
    error::refuse("SignatureDoesNotMatch", error::default_message("SignatureDoesNotMatch"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const POLICY: &str = "eyAiZXhwaXJhdGlvbiI6ICIyMDMwIiB9";

    fn signed(fields: &Fields, version_4: bool) -> Result<Signature<'_>, String> {
        let signed = if version_4 { Signature::version_4(fields) } else { Signature::version_2(fields) };
        signed.map_err(|error| error.code().as_str().to_owned())
    }

    fn fields<'a>(changes: &[(&'a str, &'a str)]) -> Fields {
        let mut fields = vec![
            ("policy", POLICY),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
            ("x-amz-date", "20151229T000000Z"),
            ("x-amz-signature", "3cdd0d8d4eddd7ad8a07c0f4e59d9de6ae8b8d2e0b9bbd4bf0bb61b8f5db5c42"),
        ];
        fields.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        fields.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        Fields::of(&fields)
    }

    #[test]
    fn a_signature_is_by_the_secret_that_made_it() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let step = |key: &[u8], text: &str| {
            Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
        };
        let key = ["20151229", "us-east-1", "s3", "aws4_request"]
            .iter()
            .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| step(&key, part));
        let right = hex(&step(&key, POLICY));
        let form = fields(&[("x-amz-signature", &right)]);
        assert!(signed(&form, true).unwrap().is_by(SECRET));
        assert!(!signed(&form, true).unwrap().is_by("another"));
        assert!(!signed(&fields(&[]), true).unwrap().is_by(SECRET));
        assert!(!signed(&fields(&[("x-amz-signature", &right[2..])]), true).unwrap().is_by(SECRET));
        let mac = Hmac::<Sha1>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(POLICY);
        let right = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let form = Fields::of(&[("policy", POLICY), ("awsaccesskeyid", "AK"), ("signature", &right)]);
        assert!(signed(&form, false).unwrap().is_by(SECRET));
        assert!(!signed(&form, false).unwrap().is_by("another"));
    }

    #[test]
    fn what_a_signature_needs_must_be_there_and_well_formed() {
        let code = |name, value| signed(&fields(&[(name, value)]), true).map(drop).unwrap_err();
        for name in ["policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"] {
            assert_eq!(code(name, ""), "InvalidArgument", "{name}");
        }
        assert_eq!(code("x-amz-algorithm", "AWS4-HMAC-SHA1"), "InvalidArgument");
        assert_eq!(code("x-amz-date", "20151230T000000Z"), "InvalidArgument", "another day than the credential's");
        assert_eq!(code("x-amz-credential", "AKIAIOSFODNN7EXAMPLE"), "InvalidArgument");
        for signature in ["abc", "zz"] {
            assert_eq!(code("x-amz-signature", signature), "SignatureDoesNotMatch");
        }
        let version_2 = Fields::of(&[("policy", POLICY), ("awsaccesskeyid", "AK"), ("signature", "!")]);
        assert_eq!(signed(&version_2, false).map(drop).unwrap_err(), "SignatureDoesNotMatch");
    }
}
