//! Errors of object_store, as the store tells them.

use std::error::Error as Cause;

use crate::error::{Error, ErrorKind};

/// Whether an object is not there. A bucket that is not there is another matter: its objects are not known to be gone.
pub(super) fn is_missing(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && !error.to_string().contains("NoSuchBucket")
}

/// What went wrong with the upstream of that name.
pub(super) fn told(host: &str, error: object_store::Error) -> Error {
    use object_store::Error as Stored;
    let (kind, message) = match (own(&error), &error) {
        // What our client says of a connection is said already.
        (Some(own), _) => (own.kind(), own.message().to_owned()),
        (None, Stored::PermissionDenied { .. } | Stored::Unauthenticated { .. }) => {
            let message = "does not take the credentials for blobs. Trying again does not help until they are right.";
            (ErrorKind::UpstreamDenied, format!("The upstream {host} {message}"))
        }
        (None, Stored::NotFound { .. }) if !is_missing(&error) => {
            let message = "does not have the bucket for blobs. Trying again does not help until it is there.";
            (ErrorKind::UpstreamDenied, format!("The upstream {host} {message}"))
        }
        (None, _) => (ErrorKind::UpstreamUnavailable, format!("The upstream {host} fails. Please try again.")),
    };
    Error::new(kind, message).because(error)
}

/// The store's own error that is behind one of object_store's.
fn own(error: &object_store::Error) -> Option<&Error> {
    let mut cause: Option<&(dyn Cause + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref::<Error>() {
            return Some(own);
        }
        cause = error.source();
    }
    None
}
