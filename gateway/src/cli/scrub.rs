//! `windlass scrub`

use std::process::ExitCode;

use windlass_store::check::scrub;

use super::check::look;
use super::settings::SettingsArgs;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

pub(super) fn run(args: Args) -> ExitCode {
    look(args.settings, scrub)
}
