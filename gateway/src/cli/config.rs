//! `windlass config`

use std::process::ExitCode;

use windlass_config::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: Args) -> ExitCode {
    super::print(&Settings::default().to_documented_toml())
}
