//! `windlass restore`

use std::path::PathBuf;
use std::process::ExitCode;

use windlass_store::backup::restore;

use super::settings::SettingsArgs;
use crate::serve::{Failure, store_options};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The backup.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Put it in the place of metadata that is there, which is kept aside.
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(args: Args) -> ExitCode {
    let Args { settings, from, replace } = args;
    super::done(settings.load(Vec::new()).map_err(Failure::from).and_then(|settings| {
        let restored = restore(&store_options(&settings)?, &from, replace)?;
        let kept = restored.kept.map_or(String::new(), |kept| format!("; what was there is {}", kept.display()));
        Ok(format!("{} rows restored{kept}. Run `windlass check` before serving.", restored.rows))
    }))
}
