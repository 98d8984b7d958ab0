//! Projects: who may have files uploaded, by which routes, and where these go. The files themselves are in `intent`.
//!
//! A project has two buckets, one for what its live keys upload and one for what its test keys do. They are buckets like
//! any other, but go with the project and count for no plan's number of buckets; what is in the one for tests counts towards
//! no quota. A key of the organisation that nobody is ever told of signs the links that files are uploaded by.

mod access;
mod create;
mod key;
mod manage;
mod route;
mod row;

pub use access::ProjectAccess;
pub(crate) use access::Space;
pub use create::NewProject;
pub use key::{NewProjectKey, ProjectKey};
pub(crate) use manage::seal_anew;
pub use manage::{Project, WebhookSecrets};
pub use route::{NewRoute, Route, RoutePatch};
pub use row::{LiveFiles, ProjectKeyRow, ProjectRow, RouteRow, SealedSecrets, TestFiles};

use crate::error::{Error, ErrorKind};
use crate::id::ProjectId;

/// The S3 name of one of a project's buckets.
pub fn bucket_name(project: ProjectId, is_test: bool) -> String {
    format!("proj-{project}{}", if is_test { "-test" } else { "" }).to_ascii_lowercase()
}

/// A project that is not there tells as much of what is in it.
fn as_missing(what: &'static str) -> impl FnOnce(Error) -> Error {
    move |error| if error.kind() == ErrorKind::NoSuchRecord { no_such(what) } else { error }
}

/// What is told where there is no such thing, or none that the caller may know of.
pub(crate) fn no_such(what: &str) -> Error {
    Error::new(ErrorKind::NoSuchRecord, format!("{what} not found"))
}
