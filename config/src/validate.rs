//! What makes settings valid: each value within its range, and all of them together.

use std::collections::BTreeSet;

use crate::fault::{Fault, Faults};
use crate::field::Field;
use crate::kind::BlobKind;
use crate::list::{Bucket, Key, NotificationTarget, Organisation, Plan};
use crate::settings::{Settings, entries};

/// A region, as signatures name it.
pub(crate) fn is_region(text: &str) -> bool {
    is_name(text)
}

/// The name of an organisation.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// A domain name in lower case, without a dot at its end.
pub(crate) fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Where a gateway is reached: a scheme, a host and perhaps a port.
pub(crate) fn is_public_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    (1..=255).contains(&host.len()) && host.bytes().all(plain)
}

/// Where somebody is told of events.
pub(crate) fn is_webhook(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && text.len() <= 2_048 && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A bucket's name upstream.
pub(crate) fn is_bucket(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    (3..=63).contains(&text.len()) && text.bytes().all(plain)
}

/// What names begin with: none, or words with single slashes between them.
pub(crate) fn is_prefix(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let word = |word: &str| !["", ".", ".."].contains(&word) && word.bytes().all(plain);
    text.is_empty() || (text.len() <= 512 && text.split('/').all(word))
}

/// A profile of a file with credentials.
pub(crate) fn is_profile(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && !b"[]".contains(&b))
}

/// An access key id: what a credential scope can hold, which ends an id with a slash.
pub(crate) fn is_access_key_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (3..=128).contains(&text.len()) && text.bytes().all(plain)
}

/// A secret access key.
pub(crate) fn is_secret_key(text: &str) -> bool {
    (8..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A bearer token.
pub(crate) fn is_token(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-".contains(&b);
    text.strip_prefix("bkt_").is_some_and(|rest| rest.len() == 43 && rest.bytes().all(plain))
}

/// 32 bytes in base64, with the padding.
pub(crate) fn is_key_text(text: &str) -> bool {
    let digits = text.trim().strip_suffix('=').unwrap_or_default();
    digits.len() == 43 && digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/".contains(&b))
}

impl Settings {
    /// All faults at once: values outside their range, and values that contradict each other.
    pub fn validate(&self) -> Result<(), Faults> {
        self.faults(|_| None).or(())
    }

    /// The faults, each with the place that `place` knows for its setting.
    pub(crate) fn faults(&self, place: impl Fn(&str) -> Option<String>) -> Faults {
        let mut faults = Faults::default();
        for entry in entries().iter().filter(|entry| !(entry.check)(self)) {
            let fault = Fault::value(&entry.name, &shown(entry.secret, (entry.print)(self)), &(entry.accepted)());
            faults.push(match place(&entry.name) {
                Some(place) => fault.from(&place),
                None => fault,
            });
        }
        self.root_faults(&mut faults);
        self.blob_faults(&mut faults);
        self.upstream_faults(&mut faults);
        self.website_faults(&mut faults);
        self.kv_faults(&mut faults);
        self.tls_faults(&mut faults);
        self.plan_faults(&mut faults);
        self.target_faults(&mut faults);
        self.organisation_faults(&mut faults);
        faults
    }

    /// A host would be a bucket's twice.
    fn website_faults(&self, faults: &mut Faults) {
        if self.s3.website_domain.as_ref().is_some_and(|domain| self.s3.base_domain.contains(domain)) {
            faults.push(Fault::new("s3.website_domain", "used by s3.base_domain too"));
        }
    }

    /// So would one of the key-value door.
    fn kv_faults(&self, faults: &mut Faults) {
        let others: Vec<&String> = self.s3.base_domain.iter().chain(&self.s3.website_domain).collect();
        if self.kv.hosts.iter().any(|host| others.contains(&host)) {
            faults.push(Fault::new("kv.hosts", "one of them is used by s3.base_domain or s3.website_domain too"));
        }
    }

    fn upstream_faults(&self, faults: &mut Faults) {
        let both = "upstream.access_key and upstream.secret_key must be given together";
        match (&self.upstream.access_key, &self.upstream.secret_key) {
            (Some(_), None) => faults.push(Fault::new("upstream.secret_key", format!("not set; {both}"))),
            (None, Some(_)) => faults.push(Fault::new("upstream.access_key", format!("not set; {both}"))),
            _ => {}
        }
    }

    fn blob_faults(&self, faults: &mut Faults) {
        let (blobs, s3) = (&self.blobs, self.blobs.kind == BlobKind::S3);
        if s3 && blobs.bucket.is_none() {
            faults.push(Fault::new("blobs.bucket", "not set; blobs.kind = \"s3\" needs it"));
        }
        if s3 && self.storage.blobs.is_some() {
            faults.push(Fault::new("storage.blobs", "set, and blobs.kind = \"s3\" keeps no blobs in a folder"));
        }
        let both = "blobs.access_key and blobs.secret_key must be given together";
        match (&blobs.access_key, &blobs.secret_key) {
            (Some(_), None) => faults.push(Fault::new("blobs.secret_key", format!("not set; {both}"))),
            (None, Some(_)) => faults.push(Fault::new("blobs.access_key", format!("not set; {both}"))),
            _ => {}
        }
    }

    fn root_faults(&self, faults: &mut Faults) {
        let (access, secret) = (self.root.access_key.is_some(), self.root.secret_key.is_some());
        let both = "WINDLASS_ROOT_ACCESS_KEY and WINDLASS_ROOT_SECRET_KEY must be given together";
        if access != secret {
            faults.push(Fault::new(
                if access { "root.secret_key" } else { "root.access_key" },
                format!("not set; {both}"),
            ));
        } else if self.root.token.is_some() && !access {
            faults.push(Fault::new("root.token", format!("set alone; with it {both}")));
        }
    }

    fn tls_faults(&self, faults: &mut Faults) {
        let missing = match (&self.tls.cert_file, &self.tls.key_file) {
            (Some(_), None) => "tls.key_file",
            (None, Some(_)) => "tls.cert_file",
            _ => return,
        };
        faults.push(Fault::new(missing, "not set; tls.cert_file and tls.key_file must be given together"));
    }

    fn plan_faults(&self, faults: &mut Faults) {
        let mut names = BTreeSet::new();
        for (i, plan) in self.plans.iter().enumerate() {
            let path = format!("plan[{i}]");
            check(&path, plan, Plan::FIELDS, faults);
            if !names.insert(&plan.name) {
                faults.push(Fault::new(format!("{path}.name"), "used by an earlier plan"));
            }
        }
    }

    fn target_faults(&self, faults: &mut Faults) {
        let mut names = BTreeSet::new();
        for (i, target) in self.notification_targets.iter().enumerate() {
            let path = format!("notification_target[{i}]");
            check(&path, target, NotificationTarget::FIELDS, faults);
            if !names.insert(&target.name) {
                faults.push(Fault::new(format!("{path}.name"), "used by an earlier target"));
            }
        }
    }

    fn organisation_faults(&self, faults: &mut Faults) {
        let mut names = BTreeSet::new();
        let mut access_key_ids: BTreeSet<&str> = self.root.access_key.as_deref().into_iter().collect();
        for (i, organisation) in self.organisations.iter().enumerate() {
            let path = format!("organisation[{i}]");
            check(&path, organisation, Organisation::FIELDS, faults);
            if !names.insert(&organisation.name) {
                faults.push(Fault::new(format!("{path}.name"), "used by an earlier organisation"));
            }
            let mut buckets: BTreeSet<&str> = organisation.buckets.iter().map(String::as_str).collect();
            for (i, bucket) in organisation.bucket_settings.iter().enumerate() {
                let path = format!("{path}.bucket[{i}]");
                check(&path, bucket, Bucket::FIELDS, faults);
                if !buckets.insert(&bucket.name) {
                    faults.push(Fault::new(format!("{path}.name"), "used by another bucket of the organisation"));
                }
            }
            for (i, key) in organisation.keys.iter().enumerate() {
                let path = format!("{path}.key[{i}]");
                check(&path, key, Key::FIELDS, faults);
                if !access_key_ids.insert(&key.access_key_id) {
                    faults.push(Fault::new(format!("{path}.access_key_id"), "used by another key"));
                }
            }
        }
    }
}

fn check<S>(path: &str, section: &S, fields: &[Field<S>], faults: &mut Faults) {
    for field in fields.iter().filter(|field| !(field.check)(section)) {
        let value = shown(field.secret, (field.print)(section));
        faults.push(Fault::value(format!("{path}.{}", field.name), &value, &(field.accepted)()));
    }
}

fn shown(secret: bool, printed: Option<String>) -> String {
    if secret { "[redacted]".to_owned() } else { printed.unwrap_or_else(|| "nothing".to_owned()) }
}
