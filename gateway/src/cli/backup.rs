//! `windlass backup`

use std::path::PathBuf;
use std::process::ExitCode;

use windlass_config::Settings;
use windlass_store::backup::{BackupOptions, backup_offline};

use super::settings::SettingsArgs;
use crate::admin;
use crate::serve::{Failure, store_options};

const HOUR_MS: u64 = 3_600_000;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The file to write, outside the data folder.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    force: bool,
    /// For how many hours the bytes that the backup needs are kept; without it as the settings say.
    #[arg(long, value_name = "HOURS")]
    hold: Option<u64>,
}

pub(super) fn run(args: Args) -> ExitCode {
    let Args { settings, to, force, hold } = args;
    super::done(settings.load(Vec::new()).map_err(Failure::from).and_then(|settings| {
        let to = std::path::absolute(to).map_err(|error| Failure::of("the file's path cannot be used", &error))?;
        let hold_ms = hold.unwrap_or(settings.backup.hold_hours).saturating_mul(HOUR_MS);
        backup(&settings, &BackupOptions { to, force, hold_ms })
    }))
}

/// Has the gateway take the backup that runs on the data, or takes it if none does.
fn backup(settings: &Settings, options: &BackupOptions) -> Result<String, Failure> {
    if let Some(told) = admin::ask(&settings.general.data, options)? {
        return Ok(told);
    }
    let taken = backup_offline(&store_options(settings)?, options)?;
    Ok(admin::told(&taken, options))
}
