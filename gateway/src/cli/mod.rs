//! The command line: one file per command. Those under `remote` speak to a gateway over `/v1`; the others read its settings.

mod backup;
mod check;
mod config;
mod doctor;
mod remote;
mod restore;
mod scrub;
mod secret;
mod serve;
mod settings;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use windlass_api::work_on_scripts;

use self::remote::{account, adopt, bucket, file, key, kv, log, usage};
use crate::serve::Failure;

/// What the program is called with to become a worker.
pub(crate) const SCRIPTS: &str = "run-scripts";

/// An S3-compatible storage gateway.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve requests until told to stop.
    Serve(serve::Args),
    /// Print all settings with their documentation and defaults, as a file to save and edit.
    Config(config::Args),
    /// Look for what keeps a gateway from starting or from being reached, and say what to do about it: without --endpoint and
    /// --profile on this machine, before a start; with one of them through whatever stands before the gateway. Exit code 0:
    /// nothing, 1: something.
    Doctor(doctor::Args),
    /// Check a data folder that no gateway uses. Exit code 0: sound, 1: not sound, 2: could not be checked.
    Check(check::Args),
    /// Write a backup of the metadata, while a gateway serves it or not.
    Backup(backup::Args),
    /// Put a backup of the metadata back, into a data folder that no gateway uses.
    Restore(restore::Args),
    /// Read every stored byte of a data folder that no gateway uses. Exit code 0: sound, 1: damaged, 2: not readable.
    Scrub(scrub::Args),
    /// What is done to the master key, which seals the secrets of access keys.
    Secret(secret::Args),
    /// Make, show, change and delete buckets of a gateway.
    Bucket(bucket::Args),
    /// Connect, show, change and disconnect accounts of other providers.
    Account(account::Args),
    /// Make a bucket of a connected account a gateway's own.
    Adopt(adopt::Args),
    /// Upload, download, show and delete files of a gateway.
    File(file::Args),
    /// Mint, show and revoke API keys of a gateway.
    Key(key::Args),
    /// Make, show and delete key-value buckets of a gateway, and the values in them.
    Kv(kv::Args),
    /// Show the requests that a gateway has logged.
    Log(log::Args),
    /// Show what is used of a gateway, and what its plan allows.
    Usage(usage::Args),
    /// Run the scripts of key-value buckets, as a gateway tells it to.
    #[command(name = SCRIPTS, hide = true)]
    Scripts,
    /// Print the version.
    Version,
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Some(Command::Serve(args)) => serve::run(args),
        Some(Command::Config(args)) => config::run(args),
        Some(Command::Doctor(args)) => doctor::run(args),
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Backup(args)) => backup::run(args),
        Some(Command::Restore(args)) => restore::run(args),
        Some(Command::Scrub(args)) => scrub::run(args),
        Some(Command::Secret(args)) => secret::run(args),
        Some(Command::Bucket(args)) => bucket::run(args),
        Some(Command::Account(args)) => account::run(args),
        Some(Command::Adopt(args)) => adopt::run(args),
        Some(Command::File(args)) => file::run(args),
        Some(Command::Key(args)) => key::run(args),
        Some(Command::Kv(args)) => kv::run(args),
        Some(Command::Log(args)) => log::run(args),
        Some(Command::Usage(args)) => usage::run(args),
        Some(Command::Scripts) => match work_on_scripts() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Some(Command::Version) => print(&format!("windlass {}\n", env!("CARGO_PKG_VERSION"))),
        None => print(&Cli::command().render_help().to_string()),
    }
}

/// Prints to standard output. A reader that has gone is no failure.
fn print(text: &str) -> ExitCode {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Prints what was done, or why it could not be.
fn done(done: Result<String, Failure>) -> ExitCode {
    match done {
        Ok(done) => print(&format!("{done}\n")),
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Says on standard error why a command could not be done.
fn complain(problem: &dyn std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "windlass: {problem}");
}
