//! `windlass check`

use std::fmt::Write;
use std::process::ExitCode;

use windlass_store::check::{Report, check};

use super::settings::SettingsArgs;
use crate::serve::store_options;

/// The data folder could not be checked.
const NOT_CHECKED: u8 = 2;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Put right what can be without losing anything.
    #[arg(long)]
    repair: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    let settings = match args.settings.load(Vec::new()) {
        Ok(settings) => settings,
        Err(faults) => {
            super::complain(&format_args!("the settings are not valid\n{faults}"));
            return ExitCode::from(NOT_CHECKED);
        }
    };
    let report = store_options(&settings).and_then(|options| check(&options, args.repair).map_err(Into::into));
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

/// A line for each finding, and one that sums up.
fn told(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let _ = writeln!(text, "{finding}");
    }
    let verdict = if report.is_clean() { "sound" } else { "NOT SOUND" };
    let Report { findings, repaired, objects, blobs, bytes } = report;
    let _ = writeln!(
        text,
        "{verdict}: {objects} objects, {blobs} blobs, {bytes} bytes checked; {} findings, {repaired} repaired",
        findings.len(),
    );
    text
}
