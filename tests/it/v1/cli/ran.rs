//! How a test runs a command of the command line, and what it claims about how that ended.

use std::ffi::OsStr;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use windlass_tests::server::binary;

use crate::v1::house::Org;

/// Somebody at a command line, with a home and a working folder of their own.
pub(super) struct Cli {
    endpoint: String,
    token: String,
    home: TempDir,
}

impl Cli {
    /// The owner of an organisation.
    pub(super) fn of(org: &Org) -> Cli {
        Cli::at(org.s3.address(), &org.token)
    }

    /// Somebody with that token at that address.
    pub(super) fn at(address: SocketAddr, token: &str) -> Cli {
        let home = tempfile::Builder::new().prefix("windlass-cli-").tempdir().unwrap();
        Cli { endpoint: format!("http://{address}"), token: token.to_owned(), home }
    }

    /// The same gateway with another token.
    pub(super) fn with(&self, token: &str) -> Cli {
        Cli::at(self.address(), token)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.endpoint.trim_start_matches("http://").parse().unwrap()
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The working folder.
    pub(super) fn folder(&self) -> &Path {
        self.home.path()
    }

    /// A file of the working folder.
    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder().join(name)).unwrap()
    }

    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), bytes).unwrap();
    }

    /// Names of what is in the working folder.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A command that knows neither gateway nor token.
    pub(super) fn bare<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(binary());
        command.env_clear().env("HOME", self.folder()).current_dir(self.folder()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A command that knows both from its environment.
    pub(super) fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = self.bare(args);
        command.env("WINDLASS_ENDPOINT", &self.endpoint).env("WINDLASS_TOKEN", &self.token);
        command
    }

    /// Runs a command to its end.
    pub(super) fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Ran {
        self.ran(self.command(args).output().unwrap())
    }

    /// The same with something on standard input.
    pub(super) fn feed<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // A command that has had enough closes its end.
        let fed = std::thread::spawn(move || stdin.write_all(&input).is_ok());
        let ran = self.ran(child.wait_with_output().unwrap());
        fed.join().unwrap();
        ran
    }

    /// How a command ended. Whatever it was, it must not have shown the token.
    pub(super) fn ran(&self, output: Output) -> Ran {
        let Output { status, stdout, stderr } = output;
        let ran = Ran { code: status.code(), stdout, stderr: String::from_utf8(stderr).unwrap() };
        assert!(!String::from_utf8_lossy(&ran.stdout).contains(&self.token), "the token is shown: {ran:?}");
        assert!(!ran.stderr.contains(&self.token), "the token is shown: {ran:?}");
        ran
    }

    /// Runs a command that must end well; returns what it printed.
    #[track_caller]
    pub(super) fn done<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.run(args).done()
    }

    /// Runs a command with `--json`; returns the document that it printed.
    #[track_caller]
    pub(super) fn json(&self, args: &[&str]) -> Value {
        let printed = self.done(&[args, &["--json"]].concat());
        serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{e}: {printed}"))
    }

    /// Runs a command that must fail with that code and that sentence on standard error.
    #[track_caller]
    pub(super) fn fails<S: AsRef<OsStr>>(&self, args: &[S], code: i32, message: &str) {
        self.run(args).failed(code, message);
    }
}

/// How a command ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
}

impl Ran {
    /// Claims that it ended well and had nothing to complain of; returns what it printed.
    #[track_caller]
    pub(super) fn done(self) -> String {
        assert!(self.code == Some(0) && self.stderr.is_empty(), "{self:?}");
        String::from_utf8(self.stdout).unwrap()
    }

    /// Claims that it failed with that code, printed nothing, and said that.
    #[track_caller]
    pub(super) fn failed(self, code: i32, message: &str) {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (Some(code), format!("windlass: {message}\n").as_str()),
            "{self:?}"
        );
        assert!(self.stdout.is_empty(), "{self:?}");
    }

    /// Claims that it failed with that code and printed nothing; returns what it said.
    #[track_caller]
    pub(super) fn said(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.stdout.is_empty() && !self.stderr.is_empty(), "{self:?}");
        self.stderr
    }
}

/// The cells of a table's lines, which are two blanks apart at least.
pub(super) fn cells(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect()
}
