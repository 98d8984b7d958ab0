//! `windlass serve`

use std::process::ExitCode;

use super::settings::SettingsArgs;
use crate::serve::serve;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// How log lines look: text or json.
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// The least severe events that are logged: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Keep nothing: metadata in memory, objects in a temporary folder.
    #[arg(long, conflicts_with = "data")]
    ephemeral: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    let flags = vec![("listen", args.listen), ("log.format", args.log_format), ("log.level", args.log_level)];
    let settings = match args.settings.load(flags) {
        Ok(settings) => settings,
        Err(faults) => {
            super::complain(&format_args!("the settings are not valid\n{faults}"));
            return ExitCode::FAILURE;
        }
    };
    match serve(&settings, args.ephemeral) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            super::complain(&failure);
            ExitCode::FAILURE
        }
    }
}
