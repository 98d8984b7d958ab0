//! The kinds of events, as S3 names them (S3: "Supported event types").

use serde::{Deserialize, Serialize};

macro_rules! events {
    ($($(#[$doc:meta])* $kind:ident $name:literal)*) => {
        /// What happened to an object.
        // The order of the kinds is their form on disk: new ones come last.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventKind { $($(#[$doc])* $kind),* }

        impl EventKind {
            /// All of them.
            pub const ALL: &[EventKind] = &[$(EventKind::$kind),*];

            /// Its name behind `s3:`.
            pub const fn name(self) -> &'static str {
                match self { $(EventKind::$kind => $name),* }
            }
        }
    };
}

events! {
    /// It was put.
    CreatedPut "ObjectCreated:Put"
    /// It was copied from another.
    CreatedCopy "ObjectCreated:Copy"
    /// It was made of parts.
    CreatedMultipart "ObjectCreated:CompleteMultipartUpload"
    /// It, or one version of it, was deleted for good.
    RemovedDelete "ObjectRemoved:Delete"
    /// A delete marker took its place.
    RemovedMarker "ObjectRemoved:DeleteMarkerCreated"
    /// It was given other tags.
    TaggingPut "ObjectTagging:Put"
    /// Its tags were taken away.
    TaggingDelete "ObjectTagging:Delete"
    /// It was given another access control list.
    AclPut "ObjectAcl:Put"
    /// It, or one version of it, came to the end of its life.
    ExpirationDelete "LifecycleExpiration:Delete"
    /// It came to the end of its life, and a delete marker took its place.
    ExpirationMarker "LifecycleExpiration:DeleteMarkerCreated"
    /// It was put by a form.
    CreatedPost "ObjectCreated:Post"
}

impl EventKind {
    /// Whether a client means it by that name: its own, or that of its group with `:*`.
    pub(super) fn is_meant_by(self, pattern: &str) -> bool {
        let Some(pattern) = pattern.strip_prefix("s3:") else { return false };
        match pattern.strip_suffix('*') {
            Some(group) => group.ends_with(':') && self.name().starts_with(group),
            None => self.name() == pattern,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_means_all_of_it_and_a_name_itself_alone() {
        let meant = |pattern: &str| EventKind::ALL.iter().filter(|kind| kind.is_meant_by(pattern)).count();
        assert_eq!(meant("s3:ObjectCreated:*"), 4);
        assert_eq!(meant("s3:ObjectRemoved:*"), 2);
        assert_eq!(meant("s3:LifecycleExpiration:*"), 2);
        assert_eq!(meant("s3:ObjectRemoved:Delete"), 1);
        assert_eq!(meant("s3:ObjectAcl:Put"), 1);
        for nothing in ["s3:*", "*", "s3:Object*", "ObjectCreated:Put", "s3:ObjectCreated", "s3:ObjectRestore:*", ""] {
            assert_eq!(meant(nothing), 0, "{nothing}");
        }
    }
}
