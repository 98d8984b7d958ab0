//! `windlass check`

use std::fmt::Write;
use std::process::ExitCode;

use windlass_store::StoreOptions;
use windlass_store::check::{Report, check};

use super::settings::SettingsArgs;
use crate::serve::{Failure, store_options};

/// The data folder could not be checked.
const NOT_CHECKED: u8 = 2;

/// Prints what a check found, or why there was none; the exit code says which.
pub(super) fn tell(report: Result<Report, Failure>) -> ExitCode {
    match report {
        Ok(report) => {
            super::print(&told(&report));
            ExitCode::from(u8::from(!report.is_clean()))
        }
        Err(failure) => {
            super::complain(&failure);
            ExitCode::from(NOT_CHECKED)
        }
    }
}

/// Reads the settings and looks at the store they name.
pub(super) fn look(
    settings: SettingsArgs,
    look: impl FnOnce(&StoreOptions) -> windlass_store::Result<Report>,
) -> ExitCode {
    match settings.load(Vec::new()) {
        Ok(settings) => tell(store_options(&settings).and_then(|options| look(&options).map_err(Into::into))),
        Err(faults) => tell(Err(faults.into())),
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Put right what can be without losing anything.
    #[arg(long)]
    repair: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    look(args.settings, |options| check(options, args.repair))
}

/// A line for each finding, and one that sums up.
fn told(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let _ = writeln!(text, "{finding}");
    }
    let verdict = if report.is_clean() { "sound" } else { "NOT SOUND" };
    let Report { findings, repaired, objects, blobs, bytes } = report;
    // A scrub looks at bytes alone.
    let objects = if *objects > 0 { format!("{objects} objects, ") } else { String::new() };
    let _ = writeln!(
        text,
        "{verdict}: {objects}{blobs} blobs, {bytes} bytes checked; {} findings, {repaired} repaired",
        findings.len(),
    );
    text
}
