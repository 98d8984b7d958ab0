//! What can be set on a bucket, and the rules of it.

use serde::{Deserialize, Serialize};

use crate::admission::is_mime_pattern;
use crate::error::{Error, ErrorKind, Result};
use crate::limit;
use crate::link::ManagedPatch;

macro_rules! named {
    ($($(#[$doc:meta])* $Name:ident { $($(#[$about:meta])* $Value:ident $name:literal)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $Name { $($(#[$about])* $Value),* }

        impl $Name {
            /// All of them.
            pub const ALL: &[$Name] = &[$($Name::$Value),*];

            /// Its name on the wire and in the settings.
            pub const fn name(self) -> &'static str {
                match self { $($Name::$Value => $name),* }
            }

            /// The one of that name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    )*};
}

// The order of the values is their form on disk: new ones come last.
named! {
    /// How far a bucket has come.
    BucketState {
        /// Made, and nothing done for it yet.
        Pending "pending"
        /// What it needs is being got ready.
        Provisioning "provisioning"
        /// In use.
        #[default]
        Active "active"
        /// What it needs could not be got ready.
        Failed "failed"
        /// Being emptied; it is gone when that is done.
        Deleting "deleting"
    }

    /// For how long what is delivered from a bucket may be cached.
    CachePreset {
        /// Not at all.
        NoCache "no-cache"
        /// An hour.
        Short "short"
        /// A day.
        #[default]
        Standard "standard"
        /// A month.
        Aggressive "aggressive"
        /// A year, never asking again.
        Immutable "immutable"
    }

    /// How images are made smaller once they are stored.
    OptimizationMode {
        /// Not at all.
        #[default]
        None "none"
        /// Without a difference that can be seen.
        Light "light"
        /// With little difference.
        Balanced "balanced"
        /// As small as is sensible.
        Maximum "maximum"
    }

    /// Whether objects that are replaced or deleted are kept as versions. Once on, it is never off again.
    Versioning {
        /// They never were.
        #[default]
        Off "Off"
        /// They are.
        Enabled "Enabled"
        /// They were; new ones are null versions, of which a key has one.
        Suspended "Suspended"
    }

    /// Who may read what is delivered from a bucket.
    Visibility {
        /// Those who have a key or a link.
        #[default]
        Private "private"
        /// Everybody.
        Public "public"
    }
}

/// What can be set on a bucket.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketSettings {
    /// For how long what is delivered may be cached.
    pub cache_preset: CachePreset,
    /// A Cache-Control in place of the preset's.
    pub cache_control_override: Option<String>,
    /// Origins whose pages may read from and write to the bucket.
    pub cors_origins: Vec<String>,
    /// Days after which objects expire.
    pub lifecycle_ttl_days: Option<u16>,
    /// Bytes of one object; `None` is what the plan says.
    pub max_file_size_bytes: Option<u64>,
    /// Content types that objects may have, exact or `type/*`; `None` is all.
    pub allowed_mime_types: Option<Vec<String>>,
    /// How images are made smaller.
    pub optimization_mode: OptimizationMode,
    /// Who may read what is delivered.
    pub visibility: Visibility,
}

impl BucketSettings {
    /// `InvalidArgument`, with the first rule that is broken.
    pub fn check(&self) -> Result<()> {
        let fail = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        if let Some(value) = &self.cache_control_override {
            if value.len() > limit::CACHE_CONTROL_BYTES_MAX {
                return fail("cacheControlOverride must be at most 256 characters");
            }
            if value.is_empty() || !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
                return fail("cacheControlOverride must be a header value");
            }
        }
        if self.cors_origins.len() > limit::CORS_ORIGINS_MAX {
            return fail("Maximum 10 CORS origins");
        }
        if !self.cors_origins.iter().all(|origin| is_origin(origin)) {
            return fail("Invalid origin URL");
        }
        if self.lifecycle_ttl_days.is_some_and(|days| !(1..=limit::LIFECYCLE_DAYS_MAX).contains(&days)) {
            return fail("lifecycleTtlDays must be between 1 and 3650");
        }
        let types = self.allowed_mime_types.as_deref().unwrap_or_default();
        if types.len() > limit::MIME_TYPES_MAX {
            return fail("Maximum 50 MIME types");
        }
        if !types.iter().all(|pattern| pattern.len() <= limit::MIME_TYPE_BYTES_MAX && is_mime_pattern(pattern)) {
            return fail("Invalid MIME type");
        }
        Ok(())
    }
}

/// Whether a text is an `http` or `https` URL with a host, of a length to keep.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_host = |b: u8| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b);
    text.len() <= limit::ORIGIN_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !host.is_empty()
        && host.bytes().all(is_host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// What to change on a bucket; `None` leaves it as it is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BucketPatch {
    /// Its name for people.
    pub display_name: Option<String>,
    /// For how long what is delivered may be cached.
    pub cache_preset: Option<CachePreset>,
    /// A Cache-Control in place of the preset's.
    pub cache_control_override: Option<Option<String>>,
    /// Origins whose pages may use the bucket.
    pub cors_origins: Option<Vec<String>>,
    /// Days after which objects expire.
    pub lifecycle_ttl_days: Option<Option<u16>>,
    /// Bytes of one object.
    pub max_file_size_bytes: Option<Option<u64>>,
    /// Content types that objects may have.
    pub allowed_mime_types: Option<Option<Vec<String>>>,
    /// How images are made smaller.
    pub optimization_mode: Option<OptimizationMode>,
    /// Who may read what is delivered.
    pub visibility: Option<Visibility>,
    /// What of a linked bucket is managed from here.
    pub managed: ManagedPatch,
}

impl BucketPatch {
    /// The settings after the change.
    pub(crate) fn of(&self, settings: &BucketSettings) -> BucketSettings {
        let patch = self.clone();
        let BucketSettings { cache_preset, cors_origins, optimization_mode, visibility, .. } = settings.clone();
        BucketSettings {
            cache_preset: patch.cache_preset.unwrap_or(cache_preset),
            cache_control_override: patch
                .cache_control_override
                .unwrap_or_else(|| settings.cache_control_override.clone()),
            cors_origins: patch.cors_origins.unwrap_or(cors_origins),
            lifecycle_ttl_days: patch.lifecycle_ttl_days.unwrap_or(settings.lifecycle_ttl_days),
            max_file_size_bytes: patch.max_file_size_bytes.unwrap_or(settings.max_file_size_bytes),
            allowed_mime_types: patch.allowed_mime_types.unwrap_or_else(|| settings.allowed_mime_types.clone()),
            optimization_mode: patch.optimization_mode.unwrap_or(optimization_mode),
            visibility: patch.visibility.unwrap_or(visibility),
        }
    }
}

/// A name for people: 1 to 100 characters, whichever they are. `InvalidArgument` otherwise.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let characters = name.chars().count();
    if (1..=limit::NAME_CHARS_MAX).contains(&characters) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidArgument, "name must be 1 to 100 characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: BucketSettings) -> String {
        settings.check().map_or_else(|error| error.message().to_owned(), |()| "fine".to_owned())
    }

    #[test]
    fn origins_are_urls_with_a_host() {
        for good in ["https://example.com", "http://localhost:3000", "https://a.b:8443/path", "http://[::1]:80"] {
            assert!(is_origin(good), "{good}");
        }
        let long = format!("https://{}.test", "a".repeat(260));
        for bad in
            ["", "*", "example.com", "ftp://a", "https://", "https://:80", "https://a:99999", "https://a b", &long]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn every_rule_is_told_in_its_own_words() {
        let origins = |origins: &[&str]| BucketSettings {
            cors_origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            ..BucketSettings::default()
        };
        let types =
            |types: Vec<String>| BucketSettings { allowed_mime_types: Some(types), ..BucketSettings::default() };
        let cache = |value: &str| BucketSettings {
            cache_control_override: Some(value.to_owned()),
            ..BucketSettings::default()
        };
        let days = |days| BucketSettings { lifecycle_ttl_days: Some(days), ..BucketSettings::default() };
        assert_eq!(told(BucketSettings::default()), "fine");
        assert_eq!(told(origins(&["https://a.test"; 10])), "fine");
        assert_eq!(told(origins(&["https://a.test"; 11])), "Maximum 10 CORS origins");
        assert_eq!(told(origins(&["nowhere"])), "Invalid origin URL");
        assert_eq!(told(types(vec!["image/*".to_owned(); 50])), "fine");
        assert_eq!(told(types(vec!["image/*".to_owned(); 51])), "Maximum 50 MIME types");
        assert_eq!(told(types(vec!["image".to_owned()])), "Invalid MIME type");
        assert_eq!(told(cache("public, max-age=5")), "fine");
        assert_eq!(told(cache(&"a".repeat(257))), "cacheControlOverride must be at most 256 characters");
        assert_eq!(told(cache("a\r\nb: c")), "cacheControlOverride must be a header value");
        assert_eq!(told(days(0)), "lifecycleTtlDays must be between 1 and 3650");
        assert_eq!((told(days(1)), told(days(3650))), ("fine".to_owned(), "fine".to_owned()));
        assert_eq!(told(days(3651)), "lifecycleTtlDays must be between 1 and 3650");
    }

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let settings = BucketSettings {
            lifecycle_ttl_days: Some(7),
            max_file_size_bytes: Some(5),
            cors_origins: vec!["https://a.test".to_owned()],
            ..BucketSettings::default()
        };
        assert_eq!(BucketPatch::default().of(&settings), settings);
        let patch = BucketPatch {
            lifecycle_ttl_days: Some(None),
            visibility: Some(Visibility::Public),
            ..BucketPatch::default()
        };
        let expected = BucketSettings { lifecycle_ttl_days: None, visibility: Visibility::Public, ..settings.clone() };
        assert_eq!(patch.of(&settings), expected);
    }

    #[test]
    fn names_are_found_again() {
        for state in BucketState::ALL {
            assert_eq!(BucketState::parse(state.name()), Some(*state));
        }
        assert_eq!(BucketState::parse("Active"), None);
    }
}
