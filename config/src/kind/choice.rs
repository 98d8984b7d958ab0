//! One of a few named values.

use std::marker::PhantomData;

use super::{Kind, Raw, quote};

macro_rules! choices {
    ($($(#[$doc:meta])* $Choice:ident { $($(#[$about:meta])* $Value:ident $name:literal)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Choice { $($(#[$about])* $Value),* }

        impl $Choice {
            /// Its name in the settings.
            pub fn name(self) -> &'static str {
                match self { $(Self::$Value => $name),* }
            }
        }

        impl Choice for $Choice {
            const ALL: &[Self] = &[$(Self::$Value),*];
            fn name(self) -> &'static str {
                Self::name(self)
            }
        }
    )*};
}

/// One of a few named values.
pub(crate) trait Choice: Copy + 'static {
    const ALL: &[Self];
    fn name(self) -> &'static str;
}

choices! {
    /// When a write is acknowledged.
    Durability {
        /// When it is on stable storage.
        Full "full"
        /// At once; it reaches stable storage soon after.
        Relaxed "relaxed"
    }
    /// Where the bytes of objects are kept.
    BlobKind {
        /// A folder.
        Local "local"
        /// A bucket of an S3 provider.
        S3 "s3"
    }
    /// What a provider holds the bytes of blobs against.
    BlobChecksum {
        /// A SHA-256 in each request's signature.
        Sha256 "sha256"
        /// A CRC-64/NVME beside the bytes.
        Crc64Nvme "crc64nvme"
    }
    /// How log lines look.
    LogFormat {
        /// Lines for people.
        Text "text"
        /// One JSON object a line.
        Json "json"
    }
    /// The headers in which proxies tell whom they speak for.
    ProxyHeaders {
        /// X-Forwarded-For, -Proto, -Host and -Port.
        XForwarded "x-forwarded"
        /// Forwarded (RFC 7239).
        Forwarded "forwarded"
    }
    /// Who owns what others write into a bucket, by the names that S3 has for it.
    ObjectOwnership {
        /// The bucket's owner: access control lists do not count.
        BucketOwnerEnforced "BucketOwnerEnforced"
        /// The bucket's owner, if they say so.
        BucketOwnerPreferred "BucketOwnerPreferred"
        /// Those who write.
        ObjectWriter "ObjectWriter"
    }
    /// Who may make key-value buckets.
    KvOpenTo {
        /// Everybody.
        Open "open"
        /// Holders of a management key.
        Key "key"
    }
    /// The least severe events that are logged.
    LogLevel {
        /// What needs attention.
        Error "error"
        /// And what may come to need it.
        Warn "warn"
        /// And one line for each request.
        Info "info"
        /// And how things are done.
        Debug "debug"
        /// And every step.
        Trace "trace"
    }
}

/// One of the values of a `Choice`.
pub(crate) struct OneOf<C>(pub(crate) PhantomData<C>);

impl<C: Choice> Kind for OneOf<C> {
    type Value = C;

    fn read(&self, raw: &Raw) -> Option<C> {
        let text = raw.text()?;
        C::ALL.iter().copied().find(|choice| choice.name() == text)
    }

    fn accepts(&self, _: &C) -> bool {
        true
    }

    fn accepted(&self) -> String {
        let names: Vec<String> = C::ALL.iter().map(|choice| quote(choice.name())).collect();
        names.join(" or ")
    }

    fn print(&self, value: &C) -> Option<String> {
        Some(quote(value.name()))
    }
}
