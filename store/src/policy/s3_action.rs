//! The actions of S3, as policies name them (Service Authorization Reference, "Actions defined by Amazon S3").

/// What an action is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

macro_rules! s3_actions {
    ($($action:ident $on:ident)*) => {
        /// An action that an operation of this gateway can ask for. Its name is that of the variant, behind `s3:`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum S3Action { $($action),* }

        impl S3Action {
            /// All of them.
            pub const ALL: &[S3Action] = &[$(S3Action::$action),*];

            /// Its name behind `s3:`.
            pub const fn name(self) -> &'static str {
                match self { $(S3Action::$action => stringify!($action)),* }
            }

            /// What it is done to.
            pub(super) const fn on(self) -> On {
                match self { $(S3Action::$action => On::$on),* }
            }
        }
    };
}

s3_actions! {
    AbortMultipartUpload Object
    BypassGovernanceRetention Object
    CreateBucket Bucket
    DeleteBucket Bucket
    DeleteBucketPolicy Bucket
    DeleteBucketWebsite Bucket
    DeleteObject Object
    DeleteObjectTagging Object
    DeleteObjectVersion Object
    DeleteObjectVersionTagging Object
    GetAccelerateConfiguration Bucket
    GetAnalyticsConfiguration Bucket
    GetBucketAcl Bucket
    GetBucketCORS Bucket
    GetBucketLocation Bucket
    GetBucketLogging Bucket
    GetBucketNotification Bucket
    GetBucketObjectLockConfiguration Bucket
    GetBucketOwnershipControls Bucket
    GetBucketPolicy Bucket
    GetBucketPolicyStatus Bucket
    GetBucketPublicAccessBlock Bucket
    GetBucketRequestPayment Bucket
    GetBucketTagging Bucket
    GetBucketVersioning Bucket
    GetBucketWebsite Bucket
    GetEncryptionConfiguration Bucket
    GetIntelligentTieringConfiguration Bucket
    GetInventoryConfiguration Bucket
    GetLifecycleConfiguration Bucket
    GetMetricsConfiguration Bucket
    GetObject Object
    GetObjectAcl Object
    GetObjectAttributes Object
    GetObjectLegalHold Object
    GetObjectRetention Object
    GetObjectTagging Object
    GetObjectTorrent Object
    GetObjectVersion Object
    GetObjectVersionAcl Object
    GetObjectVersionAttributes Object
    GetObjectVersionTagging Object
    GetReplicationConfiguration Bucket
    ListBucket Bucket
    ListBucketMultipartUploads Bucket
    ListBucketVersions Bucket
    ListMultipartUploadParts Object
    PutAccelerateConfiguration Bucket
    PutAnalyticsConfiguration Bucket
    PutBucketAcl Bucket
    PutBucketCORS Bucket
    PutBucketLogging Bucket
    PutBucketNotification Bucket
    PutBucketObjectLockConfiguration Bucket
    PutBucketOwnershipControls Bucket
    PutBucketPolicy Bucket
    PutBucketPublicAccessBlock Bucket
    PutBucketRequestPayment Bucket
    PutBucketTagging Bucket
    PutBucketVersioning Bucket
    PutBucketWebsite Bucket
    PutEncryptionConfiguration Bucket
    PutIntelligentTieringConfiguration Bucket
    PutInventoryConfiguration Bucket
    PutLifecycleConfiguration Bucket
    PutMetricsConfiguration Bucket
    PutObject Object
    PutObjectAcl Object
    PutObjectLegalHold Object
    PutObjectRetention Object
    PutObjectTagging Object
    PutObjectVersionAcl Object
    PutObjectVersionTagging Object
    PutReplicationConfiguration Bucket
    RestoreObject Object
}

/// Actions of S3 that a policy may name although nothing here asks for them.
pub(super) const OTHERS: [(&str, On); 17] = [
    ("CreateBucketMetadataTableConfiguration", On::Bucket),
    ("DeleteBucketMetadataTableConfiguration", On::Bucket),
    ("GetBucketAbac", On::Bucket),
    ("GetBucketMetadataTableConfiguration", On::Bucket),
    ("GetObjectVersionForReplication", On::Object),
    ("GetObjectVersionTorrent", On::Object),
    ("InitiateReplication", On::Object),
    ("ListTagsForResource", On::Bucket),
    ("ObjectOwnerOverrideToBucketOwner", On::Object),
    ("PutBucketAbac", On::Bucket),
    ("ReplicateDelete", On::Object),
    ("ReplicateObject", On::Object),
    ("ReplicateTags", On::Object),
    ("TagResource", On::Bucket),
    ("UntagResource", On::Bucket),
    ("UpdateBucketMetadataInventoryTableConfiguration", On::Bucket),
    ("UpdateBucketMetadataJournalTableConfiguration", On::Bucket),
];

impl S3Action {
    /// Whether it is done to an object.
    pub(super) const fn is_on_object(self) -> bool {
        matches!(self.on(), On::Object)
    }

    /// Whether it can depend on the tags that an object has.
    pub(super) const fn reads_tags(self) -> bool {
        matches!(
            self,
            Self::GetObject
                | Self::GetObjectVersion
                | Self::GetObjectAttributes
                | Self::GetObjectVersionAttributes
                | Self::GetObjectAcl
                | Self::GetObjectVersionAcl
                | Self::GetObjectTagging
                | Self::GetObjectVersionTagging
                | Self::PutObjectAcl
                | Self::PutObjectVersionAcl
                | Self::PutObjectTagging
                | Self::PutObjectVersionTagging
                | Self::DeleteObjectTagging
                | Self::DeleteObjectVersionTagging
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_without_doubles() {
        let names: Vec<_> = S3Action::ALL.iter().map(|action| action.name()).collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(OTHERS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(OTHERS.iter().all(|(name, _)| !names.contains(name)));
    }
}
