//! How the commands that speak to a gateway end.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

/// Shorthand for results of these commands.
pub(super) type Result<T, E = Failure> = std::result::Result<T, E>;

macro_rules! exits {
    ($($Name:ident $code:literal $about:literal;)*) => {
        /// How a command ended, as scripts see it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Exit { $(#[doc = $about] $Name = $code),* }

        const TABLE: &[(u8, &str)] = &[$(($code, $about)),*];
    };
}

// THE TABLE of exit codes, in the order in which the help shows it.
exits! {
    Done 0 "done";
    Refused 1 "the gateway refused for a reason without a code of its own";
    Usage 2 "the command line, the profile or the environment is not right";
    Unreachable 3 "no gateway could be reached, or the connection broke";
    NotFound 4 "there is no such thing (404)";
    NotAllowed 5 "the token is not known or does not allow it (401, 403)";
    Limit 6 "a limit of the plan, the bucket or the rate of requests (402, 413, 429)";
    Conflict 7 "it is in a state that does not allow it (409, 412)";
    Gateway 8 "the gateway failed, was busy or took too long (408, 5xx): try again later";
    Local 9 "a file or stream of this machine could not be read or written";
    Interrupted 130 "interrupted";
}

impl Exit {
    /// What a status of HTTP that is no success means.
    pub(super) fn of(status: u16) -> Self {
        match status {
            401 | 403 => Self::NotAllowed,
            404 => Self::NotFound,
            402 | 413 | 429 => Self::Limit,
            409 | 412 => Self::Conflict,
            408 | 500..=599 => Self::Gateway,
            _ => Self::Refused,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The table for the help of a command.
pub(super) fn help() -> String {
    TABLE.iter().fold("Exit codes:".to_owned(), |mut text, (code, about)| {
        let _ = write!(text, "\n{code:>5}  {about}");
        text
    })
}

/// Why a command was not done.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// A sentence for people, fit for a terminal; empty if there is nothing to say.
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// A file or stream of this machine that could not be used.
    pub(super) fn local(what: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::new(Exit::Local, format!("{what}: {error}"))
    }

    /// The reader of standard output has gone, which is no failure: nothing is left to do.
    pub(super) fn reader_gone() -> Self {
        Self::new(Exit::Done, "")
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub(super) fn advise(mut self, advice: &str) -> Self {
        let _ = write!(self.message, "; {advice}");
        self
    }

    /// Adds advice to a failure of that kind.
    #[must_use]
    pub(super) fn advise_on(self, exit: Exit, advice: &str) -> Self {
        if self.exit == exit { self.advise(advice) } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_their_codes() {
        for (status, code) in [
            (400, 1),
            (401, 5),
            (402, 6),
            (403, 5),
            (404, 4),
            (405, 1),
            (408, 8),
            (409, 7),
            (412, 7),
            (413, 6),
            (415, 1),
            (429, 6),
            (500, 8),
            (503, 8),
        ] {
            assert_eq!(Exit::of(status) as u8, code, "{status}");
        }
    }

    #[test]
    fn the_help_lists_every_code_once() {
        let mut codes: Vec<u8> = TABLE.iter().map(|(code, _)| *code).collect();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.len());
        for (code, about) in TABLE {
            assert!(help().contains(&format!("{code:>5}  {about}")), "{code}");
        }
    }
}
