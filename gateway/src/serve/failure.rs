//! Why the gateway could not be started.

use std::fmt;

use windlass_config::Faults;

/// A sentence for whoever starts the gateway.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(problem: &str) -> Self {
        Self(problem.to_owned())
    }

    pub(crate) fn of(problem: &str, cause: &dyn std::error::Error) -> Self {
        Self(format!("{problem}: {cause}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Self(format!("the settings are not valid\n{faults}"))
    }
}

impl From<windlass_store::Error> for Failure {
    fn from(error: windlass_store::Error) -> Self {
        match std::error::Error::source(&error) {
            Some(cause) => Self(format!("{}: {cause}", error.message())),
            None => Self(error.message().to_owned()),
        }
    }
}
